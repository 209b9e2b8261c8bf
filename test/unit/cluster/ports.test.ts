import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { freePorts, portsOf, requireFree } from '../../../src/cluster/ports.ts';

describe('ports', () => {
  it('are the documented ones, and move together', () => {
    assert.deepEqual([...portsOf(['a', 'b'])], [['a', { http: 4001, postgres: 5501, redis: 6501 }], ['b', { http: 4002, postgres: 5502, redis: 6502 }]]);
    assert.deepEqual([...portsOf(['a', 'b'], 7000)], [['a', { http: 7001, postgres: 7101, redis: 7201 }], ['b', { http: 7002, postgres: 7102, redis: 7202 }]]);
    assert.throws(() => portsOf(['a'], 65_500), /leaves no room/);
  });

  it('that are taken are named in one sentence with the mend', async () => {
    const ports = await freePorts(['a', 'b']);
    await requireFree(ports, { withRedis: true });
    const { postgres, redis } = ports.get('b') ?? assert.fail();
    const taken = createServer().listen(postgres, '127.0.0.1');
    await once(taken, 'listening');
    assert.equal((taken.address() as AddressInfo).port, postgres);
    await assert.rejects(requireFree(ports, { withRedis: true }), { code: 'CLUSTER_START_FAILED', message: `Port ${postgres} (PostgreSQL in b) is in use by another process; stop it or choose other ports with --ports-from.` });
    taken.close();
    await once(taken, 'close');
    const cache = createServer().listen(redis, '127.0.0.1');
    await once(cache, 'listening');
    await requireFree(ports, { withRedis: false });
    await assert.rejects(requireFree(ports, { withRedis: true }), { message: new RegExp(`^Port ${redis} \\(Redis in b\\) is in use`) });
    cache.close();
  });
});
