/**
 * Owns the proof that a Redis whose memory is full, and which evicts nothing, takes no new value, not one of several,
 * and is told of.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { RedisHealth } from '../../../src/redis/health.ts';
import { createLog } from '../../../src/telemetry/log.ts';
import { redisOrSkip } from '../../support/redis.ts';
import { startStandalone } from '../../support/redis-deployments.ts';
import { at, batch, bodies, item, key, openCache, tag, taken } from '../../support/shared-cache.ts';

const { program, skip } = redisOrSkip();

describe('a Redis at its memory limit, with noeviction', { skip }, () => {
  it('keeps what it has, refuses every value of a fill, goes on with invalidations, and is not healthy until it has room', async () => {
    await using deployment = await startStandalone(program, ['--maxmemory-policy', 'noeviction']);
    using cache = await openCache(deployment);
    const lines: string[] = [];
    const log = createLog({ level: 'warn', destination: { write: (line) => void lines.push(line) } });
    const health = new RedisHealth({ url: deployment.url, options: deployment.options, timeoutMs: 1_000, log });
    const admin = new Redis(deployment.url);
    try {
      const { epoch } = await cache.begin('a', at(10));
      assert.deepEqual(await cache.fill(epoch, [item(1, 10), item(2, 10)]), ['stored', 'stored']);
      assert.equal(await health.ping(), true);
      await admin.config('SET', 'maxmemory', '1');
      // With leases, whose end is a write that Redis always allows, and with values that are over, whose removal is
      // another.
      await cache.lookup(
        [3, 4, 5].map((id) => key(id)),
        { leaseMs: 10_000 },
      );
      assert.deepEqual(await cache.fill(epoch, [item(3, 10), item(4, 10), item(5, 10)]), ['full', 'full', 'full']);
      assert.deepEqual(await bodies(cache, 1, 2, 3, 4, 5), ['as of 10', 'as of 10', null, null, null]);
      assert.equal(await health.ping(), false);
      assert.equal(await health.ping(), false);
      assert.deepEqual(
        lines.map((line) => (JSON.parse(line) as { msg: string }).msg.slice(0, 55)),
        ["The region's Redis has reached its maxmemory and evicts"],
      );
      const state = taken(await cache.state());
      taken(await cache.apply('a', state, batch(20, [tag(1)])));
      assert.deepEqual(await bodies(cache, 1, 2), [null, 'as of 10']);
      await admin.config('SET', 'maxmemory', '0');
      assert.deepEqual(await cache.fill(epoch, [item(3, 20), item(4, 20)]), ['stored', 'stored']);
      assert.equal(await health.ping(), true);
    } finally {
      health.close();
      admin.disconnect();
    }
  });
});
