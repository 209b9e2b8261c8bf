import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import {
  federatedPorts,
  MAX_REGIONS,
  MAX_SUBGRAPHS,
  portsOf,
  requireFree,
  wantedBy,
  type RegionPorts,
} from '../../../src/dev/ports.ts';
import { freePorts } from '../../support/ports.ts';

describe('ports', () => {
  it('are the documented ones, and move together', () => {
    assert.deepEqual(
      [...portsOf(['a', 'b'])],
      [
        ['a', { http: 4001, postgres: 5501, redis: 6501 }],
        ['b', { http: 4002, postgres: 5502, redis: 6502 }],
      ],
    );
    assert.deepEqual(
      [...portsOf(['a', 'b'], 7000)],
      [
        ['a', { http: 7001, postgres: 7101, redis: 7201 }],
        ['b', { http: 7002, postgres: 7102, redis: 7202 }],
      ],
    );
    assert.throws(() => portsOf(['a'], 65_500), /leaves no room/);
  });

  it('of several subgraphs lie beside each other, below one gateway per region', () => {
    const { gateways, subgraphs } = federatedPorts({ regions: ['a', 'b', 'c'], subgraphs: ['accounts', 'work'] });
    assert.deepEqual(
      [...gateways],
      [
        ['a', 4001],
        ['b', 4002],
        ['c', 4003],
      ],
    );
    assert.deepEqual(
      [...(subgraphs.get('accounts') ?? [])].map(([, ports]) => ports),
      [1, 2, 3].map((i) => ({ http: 4010 + i, postgres: 5500 + i, redis: 6500 + i })),
    );
    assert.deepEqual(
      [...(subgraphs.get('work') ?? [])].map(([, ports]) => ports),
      [1, 2, 3].map((i) => ({ http: 4020 + i, postgres: 5510 + i, redis: 6510 + i })),
    );
    const moved = federatedPorts({ regions: ['a'], subgraphs: ['accounts', 'work'], portsFrom: 7000 });
    assert.equal(moved.gateways.get('a'), 7001);
    assert.deepEqual(moved.subgraphs.get('work')?.get('a'), { http: 7021, postgres: 7111, redis: 7211 });
  });

  it('never meet, however many regions and subgraphs there may be', () => {
    const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}`);
    for (const portsFrom of [undefined, 7000]) {
      const { gateways, subgraphs } = federatedPorts({
        regions: names(MAX_REGIONS),
        subgraphs: names(MAX_SUBGRAPHS),
        portsFrom,
      });
      const own = [...subgraphs.values()].flatMap((regions) =>
        [...regions.values()].flatMap((ports: RegionPorts) => Object.values(ports) as number[]),
      );
      const all = [...gateways.values(), ...own];
      assert.equal(all.length, MAX_REGIONS + 3 * MAX_REGIONS * MAX_SUBGRAPHS);
      assert.equal(new Set(all).size, all.length);
    }
    assert.throws(
      () => federatedPorts({ regions: ['a'], subgraphs: names(MAX_SUBGRAPHS), portsFrom: 65_300 }),
      /--ports-from 65300 leaves no room: Redis would need port 65591\./,
    );
  });

  it('that are taken are named in one sentence that says what to do', async () => {
    const ports = await freePorts(['a', 'b']);
    const free = (withRedis: boolean, of = ''): Promise<void> => requireFree(wantedBy(ports, { withRedis, of }));
    await free(true);
    const { postgres, redis } = ports.get('b') ?? assert.fail();
    const taken = createServer().listen(postgres, '127.0.0.1');
    await once(taken, 'listening');
    assert.equal((taken.address() as AddressInfo).port, postgres);
    await assert.rejects(free(true), {
      code: 'CLUSTER_START_FAILED',
      message: `Port ${postgres} (PostgreSQL in b) is in use by another process; stop it or choose other ports with --ports-from.`,
    });
    taken.close();
    await once(taken, 'close');
    const cache = createServer().listen(redis, '127.0.0.1');
    await once(cache, 'listening');
    await free(false);
    await assert.rejects(free(true), { message: new RegExp(`^Port ${redis} \\(Redis in b\\) is in use`) });
    await assert.rejects(free(true, 'accounts'), {
      message: new RegExp(`^Port ${redis} \\(Redis of accounts in b\\) is in use`),
    });
    cache.close();
  });
});
