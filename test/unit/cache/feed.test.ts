/**
 * Owns the proof of who feeds the caches: one stream or one subscription at a time, nothing missed, nothing applied by
 * who has lost the tail.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { sleep } from '../../../src/base/clock.ts';
import { type CommittedTransaction, type StreamStart } from '../../../src/change/ports.ts';
import { type Tag } from '../../../src/change/tags.ts';
import { CacheFeed } from '../../../src/cache/feed/feed.ts';
import { type CacheFeedObserver, type GenerationReason } from '../../../src/cache/feed/observer.ts';
import { LocalCache } from '../../../src/cache/local.ts';
import { type SharedState } from '../../../src/cache/ports.ts';
import { type Options } from '../../../src/config/options.ts';
import { RedisFanout } from '../../../src/redis/fanout.ts';
import { RedisSharedCache } from '../../../src/redis/shared-cache.ts';
import { keyNames } from '../../../src/redis/scripts.ts';
import { appliedMessage } from '../../../src/redis/state.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';
import { startLink } from '../../support/link.ts';
import { until } from '../../support/observe.ts';
import { optionsOf, startStandalone, type Deployment } from '../../support/redis-deployments.ts';
import { redisOrSkip } from '../../support/redis.ts';
import { CLUSTER, item, key, limits, lsn, task } from './fixtures.ts';

const { log } = silentTelemetry();
const PATIENT = { withinMs: 30_000 };
const start = (at: number, timeline = 1): StreamStart => ({ cluster: CLUSTER, timeline, lsn: lsn(at) });

/** A transaction that makes these tags wrong, or everything. */
function transaction(at: number, ...tags: readonly Tag[]): CommittedTransaction {
  return { commitLsn: lsn(at), committedAtMs: 0, changes: [], messages: tags };
}

const EVERYTHING = 'everything' as Tag;

interface Fed extends AsyncDisposable {
  readonly store: CacheFeed;
  readonly local: LocalCache;
  readonly shared: RedisSharedCache | null;
  readonly lives: string[];
  refusals: number;
  missed: number;
  /** What its server says of the slot. */
  holds: boolean;
}

/** A process's caches with their feed; `options` name the region's Redis. */
function feed(redis: { readonly url: string; readonly options: Options } | null = null): Fed {
  const local = new LocalCache(limits());
  const shared = redis && new RedisSharedCache({ ...redis, log });
  const lives: string[] = [];
  const observe: CacheFeedObserver = {
    began: (layer, reason: GenerationReason) => lives.push(`${layer} ${reason}`),
    applied: () => {},
    refused: () => (fed.refusals += 1),
    missed: () => (fed.missed += 1),
  };
  const store = new CacheFeed({
    local,
    shared: redis && shared && { journal: shared, fanout: new RedisFanout({ ...redis, log }) },
    invalidationOf: ({ commitLsn, messages }) => ({
      lsn: commitLsn,
      tags: messages.filter((tag) => tag !== EVERYTHING) as Tag[],
      tables: [],
      everything: messages.includes(EVERYTHING),
    }),
    holds: async () => fed.holds,
    options: { tombstoneMs: 60_000, maxTags: 100, redisRetryMs: 50 },
    log,
    observe,
  });
  const fed: Fed = {
    store,
    local,
    shared,
    lives,
    refusals: 0,
    missed: 0,
    holds: true,
    async [Symbol.asyncDispose]() {
      await store.close();
      shared?.close();
    },
  };
  return fed;
}

const keeps = ({ local }: Fed, id: number): boolean => local.lookup([key(task(id))])[0] !== undefined;

function keep({ local }: Fed, id: number, asOf: number): void {
  assert.deepEqual(local.fill(local.generation?.epoch ?? '', [item(key(task(id)), asOf)]), ['stored']);
}

describe('the holder of the tail', () => {
  it("feeds the process's own cache, and empties it when the stream ends", async () => {
    await using one = feed();
    assert.equal(one.local.generation, null);
    await one.store.onStart(start(100));
    one.store.become('holder');
    keep(one, 1, 100);
    keep(one, 2, 100);
    one.store.onProgress(lsn(110));
    assert.equal(one.local.watermark, lsn(110));
    await one.store.onTransaction(transaction(120, task(1)));
    assert.deepEqual([keeps(one, 1), keeps(one, 2), one.local.watermark], [false, true, lsn(120)]);
    one.store.become('none');
    assert.equal(one.local.generation, null);
    await assert.rejects(one.store.onTransaction(transaction(130)), /without a stream/);
    one.store.onProgress(lsn(140));
    assert.equal(one.local.watermark, null);
    assert.deepEqual(one.lives, ['local stream']);
  });

  it('empties the cache for a schema change that could concern anything, for a gap, and for each new stream', async () => {
    await using one = feed();
    await one.store.onStart(start(100));
    keep(one, 1, 100);
    await one.store.onTransaction(transaction(110, EVERYTHING));
    assert.equal(keeps(one, 1), false);
    keep(one, 1, 110);
    await one.store.onGap('the slot was gone');
    assert.equal(one.local.watermark, null);
    await one.store.onStart(start(200, 2));
    const { generation, watermark } = one.local;
    assert.deepEqual([generation?.timeline, watermark, keeps(one, 1)], [2, lsn(200), false]);
    assert.deepEqual(one.lives, ['local stream', 'local schema', 'local stream']);
  });
});

describe('cache feeds that share a Redis', () => {
  const { program, skip } = redisOrSkip();
  let deployment: Deployment;
  let control: Redis;

  before(async () => {
    if (skip) return;
    deployment = await startStandalone(program);
    control = new Redis(deployment.url);
  });
  after(async () => {
    if (skip) return;
    control.disconnect();
    await deployment[Symbol.asyncDispose]();
  });

  const redis = (overrides: Partial<Options> = {}) => ({
    url: deployment.url,
    options: optionsOf(deployment, overrides),
  });

  async function opened(fed: Fed): Promise<RedisSharedCache> {
    if (fed.shared === null) throw new Error('no Redis');
    await fed.shared.opened();
    return fed.shared;
  }

  const fill = async (cache: RedisSharedCache, id: number, asOf: number): Promise<void> => {
    assert.deepEqual(await cache.fill((await stateOf(cache)).epoch, [item(key(task(id)), asOf)]), ['stored']);
  };
  const finds = async (cache: RedisSharedCache, id: number): Promise<boolean> =>
    (await cache.lookup([key(task(id))], { leaseMs: 0 }))?.items[0]?.kind === 'hit';
  const stateOf = async (cache: RedisSharedCache): Promise<SharedState> => {
    const state = await cache.state();
    if (state === null) throw new Error('no life');
    return state;
  };

  it(
    'go on with the shared cache where it stands where the stream begins, and begin anew where it does not',
    { skip },
    async () => {
      const region = redis();
      await using first = feed(region);
      const cache = await opened(first);
      await first.store.onStart(start(100));
      await fill(cache, 1, 100);
      await fill(cache, 2, 100);
      await first.store.onTransaction(transaction(110, task(2)));
      first.store.onProgress(lsn(120));
      first.store.onProgress(lsn(121));
      await first.store.close();
      const left = await stateOf(cache);
      assert.deepEqual([left.watermark, await finds(cache, 1), await finds(cache, 2)], [lsn(121), true, false]);

      await using second = feed(region);
      await opened(second);
      assert.deepEqual(await second.store.appliedPosition(), { cluster: CLUSTER, timeline: 1, lsn: lsn(121) });
      await second.store.onStart(start(121));
      await second.store.onTransaction(transaction(130, task(3)));
      assert.deepEqual(
        [(await stateOf(cache)).epoch, (await stateOf(cache)).watermark, await finds(cache, 1)],
        [left.epoch, lsn(130), true],
      );
      second.store.become('none');

      await second.store.onStart(start(140));
      assert.deepEqual(
        [(await stateOf(cache)).watermark, await finds(cache, 1)],
        [lsn(140), false],
        'what changed between 130 and 140 is not known',
      );
      await fill(cache, 1, 140);
      await second.store.onStart(start(140, 2));
      assert.equal(await finds(cache, 1), false, 'another timeline');
      assert.deepEqual(second.lives, [
        'local stream',
        'shared outdated',
        'local stream',
        'shared outdated',
        'local stream',
      ]);
    },
  );

  it('empty it at a gap, before a stream begins', { skip }, async () => {
    await using one = feed(redis());
    const cache = await opened(one);
    await one.store.onStart(start(100));
    await fill(cache, 1, 100);
    one.store.become('none');
    await one.store.onGap('the slot was gone');
    assert.equal(await finds(cache, 1), false);
    await one.store.onStart(start(200));
    assert.equal((await stateOf(cache)).watermark, lsn(200));
  });

  it('follow the holder message by message', { skip }, async () => {
    const region = redis();
    await using holder = feed(region);
    await using other = feed(region);
    await Promise.all([opened(holder), opened(other)]);
    other.store.become('follower');
    await holder.store.onStart(start(100));
    await until('the other one has a life', () => other.local.watermark === lsn(100), PATIENT);
    keep(other, 1, 100);
    keep(other, 2, 100);
    await holder.store.onTransaction(transaction(110, task(1)));
    await until('the other one heard of it', () => other.local.watermark === lsn(110), PATIENT);
    assert.deepEqual([keeps(other, 1), keeps(other, 2)], [false, true]);
    await holder.store.onTransaction(transaction(120, EVERYTHING));
    await until('the other one heard of a new life', () => other.local.watermark === lsn(120), PATIENT);
    assert.equal(keeps(other, 2), false);
    assert.equal(other.missed, 0);
  });

  it(
    "empty the process's cache at once when the subscription or one message is lost, and go on caching afterwards",
    { skip },
    async () => {
      const region = redis();
      await using holder = feed(region);
      await using other = feed(region);
      const [cache] = await Promise.all([opened(holder), opened(other)]);
      await holder.store.onStart(start(100));
      other.store.become('follower');
      await until('the other one has a life', () => other.local.watermark === lsn(100), PATIENT);
      keep(other, 1, 100);
      await control.client('KILL', 'TYPE', 'pubsub');
      await until('it was noticed', () => other.missed === 1, PATIENT);
      await until('it follows again', () => other.local.watermark === lsn(100), PATIENT);
      assert.equal(keeps(other, 1), false);
      keep(other, 1, 100);
      const { epoch, sequence } = await stateOf(cache);
      await control.publish(
        keyNames(region.options.redisPrefix).channel,
        appliedMessage({
          epoch,
          sequence: sequence + 2,
          previous: lsn(100),
          watermark: lsn(105),
          tags: [],
          tables: [],
        }),
      );
      await until('the gap was noticed', () => other.missed === 2, PATIENT);
      await until('it follows again', () => other.local.watermark === lsn(100), PATIENT);
      assert.equal(keeps(other, 1), false);
      await holder.store.onTransaction(transaction(110));
      await until('it hears of the next step', () => other.local.watermark === lsn(110), PATIENT);
    },
  );

  it(
    'follow nobody who goes on from an earlier step under the same numbers, as after a failover of Redis that lost the last one',
    { skip },
    async () => {
      const region = redis();
      await using holder = feed(region);
      await using other = feed(region);
      const [cache] = await Promise.all([opened(holder), opened(other)]);
      await holder.store.onStart(start(100));
      other.store.become('follower');
      await until('the other one has a life', () => other.local.watermark === lsn(100), PATIENT);
      keep(other, 1, 100);
      const { epoch, sequence } = await stateOf(cache);
      // In a Cluster the message may have gone round before its node died with the step.
      await control.publish(
        keyNames(region.options.redisPrefix).channel,
        appliedMessage({
          epoch,
          sequence: sequence + 1,
          previous: lsn(100),
          watermark: lsn(110),
          tags: [],
          tables: [],
        }),
      );
      await until('the lost step was heard', () => other.local.watermark === lsn(110), PATIENT);
      await holder.store.onTransaction(transaction(120, task(1)));
      await holder.store.onTransaction(transaction(130));
      await until('W passes what was not heard', () => (other.local.watermark ?? lsn(0)) >= lsn(130), PATIENT);
      assert.deepEqual([keeps(other, 1), other.missed], [false, 1]);
    },
  );

  it('keep what a follower has when it takes over where it stands', { skip }, async () => {
    const region = redis();
    await using other = feed(region);
    const cache = await opened(other);
    {
      await using holder = feed(region);
      await opened(holder);
      await holder.store.onStart(start(100));
      other.store.become('follower');
      await until('it follows', () => other.local.watermark === lsn(100), PATIENT);
      keep(other, 1, 100);
      await holder.store.onTransaction(transaction(110));
      await until('it heard', () => other.local.watermark === lsn(110), PATIENT);
    }
    await other.store.onStart(start(110));
    other.store.become('holder');
    assert.equal(keeps(other, 1), true);
    await other.store.onTransaction(transaction(120, task(1)));
    assert.deepEqual(
      [keeps(other, 1), other.local.watermark, (await stateOf(cache)).watermark],
      [false, lsn(120), lsn(120)],
    );
    // Nothing but the stream feeds it now.
    await control.publish(keyNames(region.options.redisPrefix).channel, 'no message');
    await sleep(50);
    assert.deepEqual([other.local.watermark, other.missed], [lsn(120), 0]);
  });

  it('apply later what a Redis that did not answer has missed, and drop the values that it had', { skip }, async () => {
    await using own = await startStandalone(program);
    await using link = await startLink(Number(new URL(own.url).port));
    await using one = feed({
      url: `redis://127.0.0.1:${link.port}`,
      options: optionsOf(own, { redisMs: 500, redisConnectMs: 2_000, redisRetryMs: 50, redisFailures: 1 }),
    });
    const cache = await opened(one);
    await one.store.onStart(start(100));
    for (let id = 1; id <= 4; id += 1) await fill(cache, id, 100);
    const { epoch } = await stateOf(cache);
    // What is sent from here on never arrives.
    link.cut();
    const began = performance.now();
    await one.store.onTransaction(transaction(110, task(1)));
    one.store.onProgress(lsn(111));
    await one.store.onTransaction(transaction(112, task(2)));
    await one.store.onTransaction(transaction(113, task(3)));
    assert.ok(performance.now() - began < 10_000, 'the tail goes on');
    assert.equal(one.local.watermark, lsn(113));
    link.heal();
    await until(
      'it is made good',
      async () => (await cache.state().catch(() => null))?.watermark === lsn(113),
      PATIENT,
    );
    const left = await Promise.all([1, 2, 3, 4].map((id) => finds(cache, id)));
    assert.deepEqual([(await stateOf(cache)).epoch, left], [epoch, [false, false, false, true]]);
  });

  it('forget what a Redis has missed for too long, and begin anew there', { skip }, async () => {
    await using own = await startStandalone(program);
    await using link = await startLink(Number(new URL(own.url).port));
    await using one = feed({
      url: `redis://127.0.0.1:${link.port}`,
      options: optionsOf(own, { redisMs: 300, redisConnectMs: 2_000, redisRetryMs: 50, redisFailures: 1 }),
    });
    const cache = await opened(one);
    await one.store.onStart(start(100));
    await fill(cache, 1, 100);
    link.cut();
    for (let step = 1; step <= 12; step += 1)
      await one.store.onTransaction(
        transaction(100 + step, ...Array.from({ length: 10 }, (_, i) => task(1_000 + step * 10 + i))),
      );
    link.heal();
    await until('a life began', async () => (await cache.state().catch(() => null))?.watermark === lsn(112), PATIENT);
    assert.deepEqual([await finds(cache, 1), one.lives.at(-1)], [false, 'shared outdated']);
  });

  it('begin anew in a Redis that lost its state, or came back with an old one', { skip }, async () => {
    const region = redis();
    await using one = feed(region);
    const cache = await opened(one);
    await one.store.onStart(start(100));
    const { state } = keyNames(region.options.redisPrefix);
    const old = await control.dumpBuffer(state);
    await one.store.onTransaction(transaction(110));
    await fill(cache, 1, 110);
    await control.flushall();
    await one.store.onTransaction(transaction(120));
    await until('a life began', async () => (await cache.state())?.watermark === lsn(120), PATIENT);
    await fill(cache, 1, 120);
    await control.call('RESTORE', state, 0, old, 'REPLACE');
    assert.equal((await stateOf(cache)).watermark, lsn(100));
    await one.store.onTransaction(transaction(130));
    await until('another life began', async () => (await cache.state())?.watermark === lsn(130), PATIENT);
    assert.deepEqual(
      [await finds(cache, 1), one.lives],
      [false, ['shared missing', 'local stream', 'shared missing', 'shared outdated']],
    );
    assert.equal(one.refusals, 2);
  });

  it('leave the shared cache to the process that holds the slot now', { skip }, async () => {
    const region = redis();
    await using halted = feed(region);
    await using heir = feed(region);
    const [cache] = await Promise.all([opened(halted), opened(heir)]);
    await halted.store.onStart(start(100));
    halted.holds = false;
    await heir.store.onStart(start(100));
    await heir.store.onTransaction(transaction(110));
    await fill(cache, 1, 110);
    // It wakes up in the middle of what it was at.
    await halted.store.onTransaction(transaction(105, task(1)));
    halted.store.onProgress(lsn(106));
    await sleep(200);
    const { watermark } = await stateOf(cache);
    assert.deepEqual([watermark, await finds(cache, 1), halted.refusals, heir.refusals], [lsn(110), true, 1, 0]);
    await heir.store.onTransaction(transaction(120));
    assert.equal((await stateOf(cache)).watermark, lsn(120));
    assert.deepEqual([heir.refusals, heir.lives], [0, ['local stream']]);
  });

  it("apply no step to the process's cache once its stream has ended", { skip }, async () => {
    await using own = await startStandalone(program);
    const [server] = own.servers;
    await using one = feed({ url: own.url, options: optionsOf(own, { redisMs: 300, redisRetryMs: 50 }) });
    await opened(one);
    await one.store.onStart(start(100));
    process.kill(server?.pid ?? 0, 'SIGSTOP');
    const late = one.store.onTransaction(transaction(110));
    one.store.become('none');
    await assert.rejects(late, /the stream ended/);
    process.kill(server?.pid ?? 0, 'SIGCONT');
    assert.equal(one.local.generation, null);
  });
});
