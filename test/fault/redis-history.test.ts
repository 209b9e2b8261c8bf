/**
 * Proves that a shared cache never returns a value older than the position that comes with it, whatever runs
 * concurrently and whatever Redis loses.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Redis } from 'ioredis';
import { type Options } from '../../src/config/options.ts';
import { runHistory, type HistoryReport } from '../support/cache-history.ts';
import { type Random } from '../support/random.ts';
import { optionsOf, startCluster, startStandalone, type Deployment } from '../support/redis-deployments.ts';
import { redisOrSkip } from '../support/redis.ts';
import { openCache } from '../support/shared-cache.ts';

const { program, skip } = redisOrSkip();
const SEED = Number(process.env['MERIDIAN_TEST_SEED'] ?? Date.now() % 1_000_000);

interface Run {
  readonly rounds: number;
  readonly ids?: number;
  readonly padding?: number;
  readonly options?: Partial<Options>;
  /** Called now and then, with a connection to the first server. */
  readonly disturb?: (redis: Redis, random: Random) => Promise<unknown>;
}

async function run(deployment: Deployment, { rounds, ids, padding, options, disturb }: Run): Promise<HistoryReport> {
  const own = optionsOf(deployment, { tombstones: 15, ...options });
  const caches = await Promise.all(Array.from({ length: 4 }, () => openCache(deployment, own)));
  const redis = new Redis(deployment.servers[0]?.url ?? '');
  try {
    return await runHistory({
      seed: SEED,
      rounds,
      readers: [...caches, ...caches],
      holders: caches.slice(0, 2),
      ...(ids === undefined ? {} : { ids }),
      ...(padding === undefined ? {} : { padding }),
      ...(disturb === undefined ? {} : { disturb: async (random) => void (await disturb(redis, random)) }),
    });
  } finally {
    redis.disconnect();
    for (const cache of caches) cache[Symbol.dispose]();
  }
}

/** Seldom enough that the memory is full in between. */
async function emptySeldom(redis: Redis, random: Random): Promise<void> {
  if (random.below(4) === 0) await redis.flushall();
}

function worked(report: HistoryReport): void {
  assert.ok(
    report.hits > 100 && report.stored > 100 && report.refused > 10 && report.applied > 20,
    JSON.stringify(report),
  );
}

describe(`histories of a shared cache (MERIDIAN_TEST_SEED=${SEED})`, { skip }, () => {
  it('agree with the reference model while two slot holders compete', async () => {
    await using deployment = await startStandalone(program);
    worked(await run(deployment, { rounds: 120 }));
  });

  it('agree with the reference model in a Redis Cluster', async () => {
    await using deployment = await startCluster(program);
    worked(await run(deployment, { rounds: 80 }));
  });

  it('agree with the reference model when everything is flushed again and again', async () => {
    await using deployment = await startStandalone(program);
    worked(await run(deployment, { rounds: 120, disturb: (redis) => redis.flushall() }));
  });

  it('agree with the reference model when any key may vanish', async () => {
    await using deployment = await startStandalone(program);
    const disturb = async (redis: Redis, random: Random): Promise<void> => {
      for (const key of random.shuffled(await redis.keys('*')).slice(0, 1 + random.below(10))) await redis.del(key);
    };
    worked(await run(deployment, { rounds: 120, disturb }));
  });

  for (const policy of ['allkeys-lru', 'volatile-ttl', 'noeviction']) {
    it(`agree with the reference model when memory is too small, with the policy ${policy}`, async () => {
      await using deployment = await startStandalone(program, ['--maxmemory', '4mb', '--maxmemory-policy', policy]);
      // Entries of ended lives fill a memory from which nothing is evicted until their time is over: it is emptied now
      // and then, to be filled again.
      const report = await run(deployment, {
        rounds: 200,
        ids: 40,
        padding: 20_000,
        ...(policy === 'noeviction' ? { disturb: emptySeldom } : {}),
      });
      assert.ok(report.hits > 20 && report.stored > 100 && report.applied > 10, JSON.stringify(report));
      const redis = new Redis(deployment.url);
      const [stats, memory] = [await redis.info('stats'), await redis.info('errorstats')];
      redis.disconnect();
      assert.ok(
        policy === 'noeviction' ? memory.includes('errorstat_OOM') : !stats.includes('evicted_keys:0'),
        'memory was too small',
      );
    });
  }
});
