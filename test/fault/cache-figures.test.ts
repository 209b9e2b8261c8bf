/**
 * Proves the reported figures of the caches: hit ratios, invalidation lag and size in `regionHealth` from every region,
 * and metrics of each loss.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RegionHealth } from '../../src/graphql/generated/meridian.ts';
import { type Runtime } from '../../src/index.ts';
import { AP, ask, EU, startTestApp, US, type TestApp } from '../support/app.ts';
import { until } from '../support/observe.ts';
import { redisOrSkip } from '../support/redis.ts';

const { skip } = redisOrSkip();
const HEALTH =
  '{ regionHealth { region cacheHealthy cache { servers caching localHitRatio sharedHitRatio invalidationLagMs invalidationLagP99Ms entries bytes operationHitRatio operations operationBytes } } }';
const USER = 'query($id: ID!) { user(id: $id) { id name } }';
const PATIENT = { withinMs: 60_000 };
/** A busy machine is no Redis that does not answer. Without kept answers, each read looks its rows up. */
const SETTINGS = {
  operationCacheBytes: 0,
  redisMs: 10_000,
  heartbeatMs: 100,
  redisStatsMs: 200,
  probeMs: 100,
  probeTimeoutMs: 500,
  slotRetryMs: 100,
  redisRetryMs: 100,
};
type Cache = NonNullable<RegionHealth['cache']>;

async function healthOf(app: TestApp, server: Runtime, region: string): Promise<RegionHealth> {
  const { data, errors } = await ask<{ regionHealth: readonly RegionHealth[] }>(server.url, HEALTH, {
    headers: { authorization: `Bearer ${app.adminToken}` },
  });
  assert.deepEqual(errors, []);
  const found = data?.regionHealth.find((one) => one.region === region);
  assert.ok(found);
  return found;
}

/** What a server tells of a region's caches, as soon as it is so. */
function told(app: TestApp, from: string, region: string, what: string, is: (cache: Cache) => boolean): Promise<Cache> {
  return until(
    `seen from ${from}, ${what}`,
    async () => {
      const { cache } = await healthOf(app, app.server(from), region);
      return cache && is(cache) ? cache : null;
    },
    PATIENT,
  );
}

async function metric(server: Runtime, line: RegExp): Promise<number | null> {
  const text = await (await fetch(server.url.replace('/graphql', '/metrics'))).text();
  const found = text.split('\n').find((one) => line.test(one));
  return found === undefined ? null : Number(found.split(' ').at(-1));
}

/** Ends with its block, unless it has ended before. */
function closing(server: Runtime): Runtime & AsyncDisposable {
  let closed: Promise<void> | null = null;
  const close = (): Promise<void> => (closed ??= server.close());
  return { ...server, close, [Symbol.asyncDispose]: close };
}

async function readUsers({ url }: Runtime, from: number, to: number): Promise<void> {
  for (let id = from; id <= to; id += 1) assert.deepEqual((await ask(url, USER, { variables: { id } })).errors, []);
}

describe('the cache figures in regionHealth, with Redis,', { skip }, () => {
  let app: TestApp;
  let first: Runtime;
  before(async () => {
    app = await startTestApp({ scale: 0.05, redis: true, settings: SETTINGS });
    first = app.server(EU);
    await told(app, EU, EU, 'it caches', ({ caching }) => caching === 1);
  });
  after(async () => {
    await first.close();
    await app[Symbol.asyncDispose]();
  });

  it('are reported for every region', async () => {
    await readUsers(first, 1, 10);
    await readUsers(first, 1, 10);
    await readUsers(first, 1, 10);
    for (const from of [US, EU, AP]) {
      // Figures are left at intervals, also in the midst of these reads: until the last one the share is lower.
      const { entries, bytes, localHitRatio, sharedHitRatio, invalidationLagMs, invalidationLagP99Ms, servers } =
        await told(
          app,
          from,
          EU,
          'the values of Europe are told of',
          (cache) => cache.entries === '10' && (cache.localHitRatio ?? 0) > 0.66,
        );
      assert.ok(
        localHitRatio != null && Math.abs(localHitRatio - 2 / 3) < 0.01,
        `20 of 30 lookups, not ${localHitRatio}`,
      );
      assert.deepEqual([servers, sharedHitRatio, Number(bytes) > 100, entries], [1, 0, true, '10']);
      assert.ok(
        invalidationLagMs != null &&
          invalidationLagP99Ms != null &&
          invalidationLagMs <= invalidationLagP99Ms &&
          invalidationLagP99Ms < 60_000,
      );
    }
  });

  it('are the sum over the servers of a region, whether a server holds the slot or follows', async () => {
    await app.startServer(EU);
    await using second = closing(app.server(EU));
    await told(app, AP, EU, 'both cache', ({ servers, caching }) => servers === 2 && caching === 2);
    await readUsers(second, 1, 10);
    const { entries } = await told(
      app,
      AP,
      EU,
      'both have the values',
      (cache) => cache.entries === '20' && (cache.sharedHitRatio ?? 0) > 0,
    );
    assert.equal(entries, '20');
    assert.equal(await metric(second, /^meridian_cache_lookups_total\{layer="shared",outcome="hit"\}/), 10);
    await app.cluster.query(US, 'UPDATE users SET name = name WHERE id <= 5');
    await told(app, US, EU, 'both have dropped five', (cache) => cache.entries === '10');
    assert.ok(((await metric(first, /^meridian_cache_invalidations_total\{layer="local",what="tag"\}/)) ?? 0) >= 5);
    assert.ok(((await metric(second, /^meridian_cache_invalidations_total\{layer="local",what="tag"\}/)) ?? 0) >= 5);
    assert.ok(((await metric(first, /^meridian_invalidation_lag_seconds_count/)) ?? 0) > 0);
    assert.equal(await metric(second, /^meridian_invalidation_lag_seconds_count/), 0, 'who follows cannot measure it');
    await second.close();
    await told(app, AP, EU, 'one is gone', ({ servers }) => servers === 1);
  });

  it('are unknown in other regions while Redis does not answer, and the metrics name the reason', async () => {
    const redis = app.cluster.cluster.region(EU).redis;
    assert.ok(redis);
    await redis.kill('SIGKILL');
    await until(
      'Asia notices',
      async () => {
        const { cacheHealthy, cache } = await healthOf(app, app.server(AP), EU);
        return cacheHealthy === false && cache === null;
      },
      PATIENT,
    );
    const own = await healthOf(app, first, EU);
    assert.deepEqual([own.cacheHealthy, own.cache?.caching, own.cache?.servers], [false, 1, 1]);
    await readUsers(first, 11, 15);
    await until(
      'the gauge says so',
      async () => (await metric(first, /^meridian_cache_on\{layer="shared"\}/)) === 0,
      PATIENT,
    );
    assert.equal(await metric(first, /^meridian_cache_on\{layer="local"\}/), 1);
    await redis.start();
    await until(
      'it is used again',
      async () => (await metric(first, /^meridian_cache_generations_total\{layer="shared",reason="missing"\}/)) === 2,
      PATIENT,
    );
    await until('Asia notices', async () => (await healthOf(app, app.server(AP), EU)).cache?.servers === 1, PATIENT);
  });
});

describe('the cache figures in regionHealth, without Redis,', () => {
  it('are known for the own region and for no other region', async () => {
    await using app = await startTestApp({ scale: 0.05, settings: { ...SETTINGS, operationCacheBytes: 1 << 20 } });
    await told(app, EU, EU, 'it caches', ({ caching }) => caching === 1);
    await readUsers(app.server(EU), 1, 3);
    const { cache, cacheHealthy } = await healthOf(app, app.server(EU), EU);
    assert.deepEqual([cacheHealthy, cache?.servers, cache?.entries, cache?.sharedHitRatio], [null, 1, '3', null]);
    assert.equal((await healthOf(app, app.server(AP), EU)).cache, null);
    // Kept when they came for the second time, answered whole when they come for the third and fourth.
    for (let i = 0; i < 3; i += 1) await readUsers(app.server(EU), 1, 3);
    const { operations, operationBytes, operationHitRatio } = await told(
      app,
      EU,
      EU,
      'answers are kept',
      (own) => own.operations === '3',
    );
    assert.ok(Number(operationBytes) > 300 && operations === '3');
    assert.ok(
      operationHitRatio != null && operationHitRatio > 0.2 && operationHitRatio < 0.6,
      `6 of at least 12 requests, not ${operationHitRatio}`,
    );
    // A second server of the region hears of no changes, and so keeps nothing.
    const first = app.server(EU);
    await app.startServer(EU);
    await readUsers(app.server(EU), 1, 3);
    assert.deepEqual((await healthOf(app, app.server(EU), EU)).cache?.caching, 0);
    assert.equal((await healthOf(app, app.server(EU), EU)).cache?.entries, '0');
    await first.close();
    await told(app, EU, EU, 'it has taken over', ({ caching }) => caching === 1);
  });
});
