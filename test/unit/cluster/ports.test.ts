import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { freePorts, portsOf, requireFree } from '../../../src/cluster/ports.ts';

describe('ports', () => {
  it('are the documented ones, and move together', () => {
    assert.deepEqual([...portsOf(['a', 'b'])], [['a', { http: 4001, postgres: 5501 }], ['b', { http: 4002, postgres: 5502 }]]);
    assert.deepEqual([...portsOf(['a', 'b'], 7000)], [['a', { http: 7001, postgres: 7101 }], ['b', { http: 7002, postgres: 7102 }]]);
    assert.throws(() => portsOf(['a'], 65_500), /leaves no room/);
  });

  it('that are taken are named in one sentence with the mend', async () => {
    const ports = await freePorts(['a', 'b']);
    await requireFree(ports);
    const { postgres } = ports.get('b') ?? assert.fail();
    const taken = createServer().listen(postgres, '127.0.0.1');
    await once(taken, 'listening');
    assert.equal((taken.address() as AddressInfo).port, postgres);
    await assert.rejects(requireFree(ports), { code: 'CLUSTER_START_FAILED', message: `Port ${postgres} (PostgreSQL in b) is in use by another process; stop it or choose other ports with --ports-from.` });
    taken.close();
  });
});
