/**
 * Proves that no loss of data in a Redis, and no failure of it, makes the shared cache return a wrong value or delays
 * reads beyond their limit.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { SharedCacheDown } from '../../src/cache/ports.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { RedisSharedCache } from '../../src/redis/shared-cache.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { until } from '../support/observe.ts';
import {
  optionsOf,
  startCluster,
  startSentinel,
  startStandalone,
  type Deployment,
} from '../support/redis-deployments.ts';
import { freePort } from '../support/ports.ts';
import { redisOrSkip, startScratchRedis } from '../support/redis.ts';
import { at, batch, bodies, bodyOf, item, key, openCache, tag, taken } from '../support/shared-cache.ts';
import { follow } from '../contract/fanout.ts';

const { program, skip } = redisOrSkip();
const SLOW = { withinMs: 30_000 };

function raw(url: string): Redis & Disposable {
  const redis = new Redis(url);
  return Object.assign(redis, { [Symbol.dispose]: () => redis.disconnect() });
}

/** What it says now; null while it does not answer. */
async function answered<T>(answer: Promise<T>): Promise<{ readonly value: T } | null> {
  try {
    return { value: await answer };
  } catch (error) {
    assert.ok(error instanceof SharedCacheDown);
    return null;
  }
}

describe('a shared cache whose Redis', { skip }, () => {
  it('was flushed or holds another value as its state answers nothing until a generation begins', async () => {
    await using deployment = await startStandalone(program);
    using redis = raw(deployment.url);
    const options = optionsOf(deployment);
    const place = `{${options.redisPrefix}}:state`;
    using cache = await openCache(deployment, options);
    const ways = [
      () => redis.flushall(),
      () => redis.set(place, 'x'),
      () => redis.multi().del(place).zadd(place, '-inf', 'a b c').exec(),
      () => redis.zremrangebyrank(place, 0, 0),
    ];
    for (const lose of ways) {
      const state = taken(await cache.apply('me', await cache.begin('me', at(100)), batch(110, [tag(7), tag(8)])));
      await cache.fill(state.epoch, [item(1, 110)]);
      await lose();
      assert.deepEqual([await bodies(cache, 1), await cache.state()], ['no life', null]);
      assert.deepEqual(await cache.fill(state.epoch, [item(2, 200)]), ['ended']);
      assert.deepEqual(
        [await cache.apply('me', state, batch(120, [tag(1)])), await cache.adopt('me', state)],
        [null, false],
      );
      await cache.begin('me', at(120));
      assert.deepEqual(await bodies(cache, 1, 2), [null, null]);
    }
  });

  it('has no memory left invalidates values and stores no more', async () => {
    await using deployment = await startStandalone(program, ['--maxmemory', '4mb', '--maxmemory-policy', 'noeviction']);
    using cache = await openCache(deployment);
    let state = await cache.begin('me', at(100));
    const fill = (id: number) => cache.fill(state.epoch, [item(id, 100, { body: 'x'.repeat(100_000) })]);
    for (let id = 0; (await fill(id))[0] === 'stored'; id += 1) assert.ok(id < 100);
    assert.equal(
      (await cache.lookup([key('x'), key(0)], { leaseMs: 60_000 }))?.items[1]?.kind,
      'hit',
      'a lease that cannot be had is no failure',
    );
    state = taken(await cache.apply('me', state, batch(110, [tag(0), tag('y')])));
    assert.deepEqual(await bodies(cache, 0), [null]);
    state = await cache.begin('me', at(120));
    assert.deepEqual(await bodies(cache, 1), [null]);
  });

  it('has lost its scripts loads them again', async () => {
    await using deployment = await startStandalone(program);
    using redis = raw(deployment.url);
    using cache = await openCache(deployment);
    const state = await cache.begin('me', at(100));
    await redis.script('FLUSH');
    assert.deepEqual(await cache.fill(state.epoch, [item(1, 100)]), ['stored']);
  });

  it('was restored from an old snapshot refuses the next batch, and answers with the older position until then', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-redis-'));
    const port = await freePort();
    const options = defaultOptions({ redisMs: 10_000, redisRetryMs: 50 });
    const first = await startScratchRedis(program, port, { folder });
    using cache = await openCache(
      { url: first.url, options, servers: [first], [Symbol.asyncDispose]: async () => {} },
      options,
    );
    const old = await cache.begin('me', at(100));
    await cache.fill(old.epoch, [item(1, 100)]);
    {
      using redis = raw(first.url);
      await redis.save();
    }
    const state = taken(await cache.apply('me', old, batch(110, [tag(1)])));
    assert.deepEqual(await bodies(cache, 1), [null]);
    await first[Symbol.asyncDispose]();
    assert.equal(await answered(cache.state()), null);
    await using second = await startScratchRedis(program, port, { folder });
    assert.ok(second.pid !== first.pid);
    const back = await until('it answers again', () => answered(cache.lookup([key(1)], { leaseMs: 0 })), SLOW);
    assert.deepEqual([back.value?.state, back.value?.items.map(bodyOf)], [old, ['as of 100']], 'W went back with it');
    assert.equal(await cache.apply('me', state, batch(120)), null);
    await cache.begin('me', at(120));
    assert.deepEqual(await bodies(cache, 1), [null]);
    rmSync(folder, { recursive: true });
  });

  it('has failed over and lost acknowledged batches refuses the next batch', async () => {
    await using deployment = await startSentinel(program);
    const [master, replica] = deployment.servers;
    assert.ok(master && replica);
    using cache = await openCache(deployment, optionsOf(deployment, { redisMs: 2_000, redisRetryMs: 50 }));
    const old = await cache.begin('me', at(100));
    await cache.fill(old.epoch, [item(1, 100)]);
    {
      using redis = raw(master.url);
      assert.equal(await redis.wait(1, 20_000), 1);
      await redis.call('ACL', 'SETUSER', 'replica', 'off');
      await redis.client('KILL', 'TYPE', 'replica');
    }
    const state = taken(await cache.apply('me', old, batch(110, [tag(1)])));
    assert.deepEqual(await bodies(cache, 1), [null]);
    await master[Symbol.asyncDispose]();
    const back = await until(
      'the replica is the master',
      () => answered(cache.lookup([key(1)], { leaseMs: 50 })),
      SLOW,
    );
    assert.deepEqual([back.value?.state, back.value?.items.map(bodyOf)], [old, ['as of 100']], 'W went back with it');
    const refused = await until('it takes writes', () => answered(cache.apply('me', state, batch(120))), SLOW);
    assert.equal(refused.value, null);
    await cache.begin('me', at(120));
    assert.deepEqual(await bodies(cache, 1), [null]);
  });

  it('is halted costs one time limit and one log line until it answers again', async () => {
    await using deployment = await startStandalone(program);
    const [server] = deployment.servers;
    assert.ok(server);
    const lines: string[] = [];
    const log = createLog({
      level: 'info',
      destination: { write: (line) => lines.push((JSON.parse(line) as { msg: string }).msg) },
    });
    const cache = new RedisSharedCache({
      url: deployment.url,
      log,
      options: optionsOf(deployment, { redisMs: 1_500, redisConnectMs: 1_500, redisFailures: 1, redisRetryMs: 100 }),
    });
    assert.ok(await cache.opened());
    const state = await cache.begin('me', at(100));
    process.kill(server.pid, 'SIGSTOP');
    try {
      const startedMs = performance.now();
      await assert.rejects(cache.lookup([key(1)], { leaseMs: 0 }), SharedCacheDown);
      assert.ok(performance.now() - startedMs >= 1_400);
      for (let again = 0; again < 5; again += 1) {
        const againMs = performance.now();
        await assert.rejects(cache.lookup([key(1)], { leaseMs: 0 }), SharedCacheDown);
        assert.ok(performance.now() - againMs < 700, 'the second does not wait');
        await new Promise((resolve) => setTimeout(resolve, 120));
      }
      assert.equal(cache.available, false);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    const back = await until('it answers again', () => answered(cache.state()), SLOW);
    assert.deepEqual(back.value, state);
    assert.deepEqual(
      lines.map((line) => line.slice(0, 37)),
      ["The region's Redis is not asked for a ", "The region's Redis answers again."].map((line) => line.slice(0, 37)),
    );
    cache.close();
  });

  it('is killed and restarted reports the lost subscription at once, and again when it is restored', async () => {
    const port = await freePort();
    const options = defaultOptions({ redisMs: 10_000, redisRetryMs: 50 });
    const first = await startScratchRedis(program, port);
    using cache = await openCache(
      { url: first.url, options, servers: [first], [Symbol.asyncDispose]: async () => {} },
      options,
    );
    await using follower = await follow(first.url, options);
    await cache.begin('me', at(100));
    await until('the life is heard of', () => follower.count('began') === 1, SLOW);
    await first[Symbol.asyncDispose]();
    await until('the loss is heard of', () => follower.count('lost') === 1, SLOW);
    await assert.rejects(cache.state(), SharedCacheDown);
    await using second = await startScratchRedis(program, port);
    assert.ok(second.pid > 0);
    await until('the subscription stands again', () => follower.count('subscribed') === 2, SLOW);
    const back = await until('it answers again', () => answered(cache.state()), SLOW);
    assert.equal(back.value, null);
    await cache.begin('me', at(120));
    await until('the new life is heard of', () => follower.count('began') === 2, SLOW);
    assert.deepEqual(
      follower.heard.map((one) => (typeof one === 'string' ? one : Object.keys(one)[0])),
      ['subscribed', 'began', 'lost', 'subscribed', 'began'],
    );
  });

  it('is halted without closing a connection reports the lost subscription too', async () => {
    await using deployment = await startStandalone(program);
    const [server] = deployment.servers;
    assert.ok(server);
    await using follower = await follow(deployment.url, optionsOf(deployment, { redisConnectMs: 500 }));
    process.kill(server.pid, 'SIGSTOP');
    try {
      await until('the loss is heard of', () => follower.count('lost') === 1, SLOW);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await until('the subscription stands again', () => follower.count('subscribed') === 2, SLOW);
  });
});

describe('a shared cache in a Redis Cluster', { skip }, () => {
  let deployment: Deployment;
  before(async () => {
    deployment = await startCluster(program);
  });
  after(() => deployment[Symbol.asyncDispose]());

  it('answers again after its nodes were halted', async () => {
    using cache = await openCache(
      deployment,
      optionsOf(deployment, { redisMs: 300, redisFailures: 1, redisRetryMs: 50 }),
    );
    const begun = await until('a life begins', () => answered(cache.begin('me', at(100))), SLOW);
    for (const { pid } of deployment.servers) process.kill(pid, 'SIGSTOP');
    try {
      await until('it does not answer', async () => (await answered(cache.state())) === null, SLOW);
      await new Promise((resolve) => setTimeout(resolve, 500));
    } finally {
      for (const { pid } of deployment.servers) process.kill(pid, 'SIGCONT');
    }
    const back = await until('it answers again', () => answered(cache.state()), SLOW);
    assert.deepEqual(back.value, begun.value);
  });

  it('begins a new generation when its hash slot moves', async () => {
    const options = optionsOf(deployment);
    using cache = await openCache(deployment, options);
    const state = await cache.begin('me', at(100));
    await cache.fill(state.epoch, [item(1, 100), item(2, 100)]);
    const nodes = deployment.servers.map(({ url }) => raw(url));
    try {
      const slot = Number(await nodes[0]?.cluster('KEYSLOT', `{${options.redisPrefix}}:state`));
      const ids = await Promise.all(nodes.map(async (node) => String(await node.call('CLUSTER', 'MYID'))));
      const counts = await Promise.all(
        nodes.map(async (node) => Number(await node.call('CLUSTER', 'COUNTKEYSINSLOT', slot))),
      );
      const from = counts.findIndex((count) => count > 0);
      const to = (from + 1) % nodes.length;
      const [source, sink] = [nodes[from], nodes[to]];
      assert.ok(source && sink);
      const { port } = new URL(deployment.servers[to]?.url ?? '');
      await sink.call('CLUSTER', 'SETSLOT', slot, 'IMPORTING', ids[from] ?? '');
      await source.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', ids[to] ?? '');
      const move = (name: string): Promise<unknown> => source.call('MIGRATE', '127.0.0.1', port, name, 0, 10_000);
      await move(`{${options.redisPrefix}}:state`);
      const apply = () => cache.apply('me', state, batch(110, [tag(1)]));
      assert.equal(
        (await answered(apply()))?.value ?? null,
        null,
        'the invalidation would not meet what it has to delete',
      );
      // Those of other tests' caches may lie on the same node, in slots that stay.
      for (const name of await source.keys(`{${options.redisPrefix}}*`)) await move(name);
      for (const node of [sink, source]) await node.call('CLUSTER', 'SETSLOT', slot, 'NODE', ids[to] ?? '');
      const looked = await until(
        'the slot has moved',
        () => answered(cache.lookup([key(1), key(2)], { leaseMs: 0 })),
        SLOW,
      );
      assert.deepEqual(
        [looked.value?.state, looked.value?.items.map(bodyOf)],
        [state, ['as of 100', 'as of 100']],
        'right as of then',
      );
      assert.deepEqual([await apply(), await cache.adopt('me', state)], [null, false]);
      const next = await cache.begin('me', at(110));
      assert.deepEqual(await bodies(cache, 1, 2), [null, null]);
      taken(await cache.apply('me', next, batch(120, [tag(1)])));
    } finally {
      for (const node of nodes) node.disconnect();
    }
  });
});
