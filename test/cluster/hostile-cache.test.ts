/**
 * Proves that another program that writes to the same Redis cannot damage answers: a damaged entry is a miss, and an
 * entry without room costs little.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { optionsOf, startStandalone, type Deployment } from '../support/redis-deployments.ts';
import { redisOrSkip } from '../support/redis.ts';
import { at, batch, bodies, item, key, openCache, tag, taken } from '../support/shared-cache.ts';

const { program, skip } = redisOrSkip();

describe('a shared cache in a Redis that another program writes to', { skip }, () => {
  let deployment: Deployment;
  let redis: Redis;
  before(async () => {
    deployment = await startStandalone(program);
    redis = new Redis(deployment.url);
  });
  after(async () => {
    redis.disconnect();
    await deployment[Symbol.asyncDispose]();
  });

  for (const [name, damage] of [
    ['a text', (place: string) => redis.set(place, 'x')],
    ['a list', (place: string) => redis.rpush(place, 'x')],
    ['a set', (place: string) => redis.sadd(place, 'x')],
  ] as const) {
    it(`treats ${name} under a tag's key as a miss`, async () => {
      const options = optionsOf(deployment);
      using cache = await openCache(deployment, options);
      let state = await cache.begin('me', at(100));
      assert.deepEqual(await cache.fill(state.epoch, [item(1, 100), item(2, 100)]), ['stored', 'stored']);
      const place = `{${options.redisPrefix}}:${state.epoch}:${tag(1)}`;
      await redis.del(place);
      await damage(place);
      assert.deepEqual(await bodies(cache, 1, 2), [null, 'as of 100']);
      assert.deepEqual(
        (await cache.lookup([key(1), key(2)], { leaseMs: 50 }))?.items.map(({ kind }) => kind),
        ['miss', 'hit'],
      );
      assert.equal((await cache.fill(state.epoch, [item(1, 100), item(3, 100)]))[1], 'stored');
      state = taken(await cache.apply('me', state, batch(110, [tag(1), tag(2)])));
      assert.deepEqual(await cache.fill(state.epoch, [item(1, 110)]), ['stored']);
      assert.deepEqual(await bodies(cache, 1, 2, 3), ['as of 110', null, 'as of 100']);
    });
  }

  for (const text of [
    '',
    'x',
    '1',
    '99999999999999999999999999 - 9999999999999 c 1 1 null',
    '100 - 9999999999999 c 1 99999999999999999999999999 null',
    'x'.repeat(1_000),
  ]) {
    it(`treats the entry ${JSON.stringify(text.slice(0, 60))} as a miss`, async () => {
      const options = optionsOf(deployment);
      using cache = await openCache(deployment, options);
      let state = await cache.begin('me', at(100));
      assert.deepEqual(await cache.fill(state.epoch, [item(1, 100), item(2, 100)]), ['stored', 'stored']);
      const place = `{${options.redisPrefix}}:${state.epoch}:${tag(1)}`;
      await redis.hset(place, '=row', text);
      assert.deepEqual(await bodies(cache, 1, 2), [null, 'as of 100']);
      assert.equal(
        (await cache.fill(state.epoch, [item(key(1, 'other'), 100, { maxVariants: 1 }), item(3, 100)]))[1],
        'stored',
      );
      await cache.fill(state.epoch, [item(1, 100)]);
      state = taken(await cache.apply('me', state, batch(110, [tag(1), tag(2)])));
      assert.deepEqual(await cache.fill(state.epoch, [item(1, 110)]), ['stored']);
      assert.deepEqual(await bodies(cache, 1, 2, 3), ['as of 110', null, 'as of 100']);
    });
  }

  it('treats an unknown state as a cache without a generation', async () => {
    const options = optionsOf(deployment);
    using cache = await openCache(deployment, options);
    const place = `{${options.redisPrefix}}:state`;
    const far = '9'.repeat(30);
    for (const text of [`e c 1 h 0 ${far} - 0`, 'e c 1 h 0 100 - x', `e c 1 h ${far} 100 - 0 0`]) {
      await redis.multi().del(place).zadd(place, '-inf', text).exec();
      assert.equal(await cache.state(), null, text);
      const { epoch } = await cache.begin('me', at(100));
      assert.deepEqual(await cache.fill(epoch, [item(1, 100)]), ['stored']);
    }
  });

  it('looks for expired values under a full tag once, and not for each new value', async () => {
    const options = optionsOf(deployment, { cacheStaleMs: 0 });
    using cache = await openCache(deployment, options);
    const { epoch } = await cache.begin('me', at(100));
    const fill = (variant: number, ttlMs?: number) =>
      cache.fill(epoch, [
        item(key(1, String(variant)), 100, { maxVariants: 3, ...(ttlMs === undefined ? {} : { ttlMs }) }),
      ]);
    const looks = async (): Promise<number> =>
      Number(/cmdstat_hkeys:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
    for (const variant of [1, 2, 3]) assert.deepEqual(await fill(variant, 1), ['stored']);
    // Read anew: what would be over is not there any more.
    for (const variant of [1, 2, 3]) assert.deepEqual(await fill(variant), ['stored']);
    const before = await looks();
    for (let variant = 4; variant < 24; variant += 1) assert.deepEqual(await fill(variant), ['full']);
    assert.ok((await looks()) - before <= 1);
  });
});
