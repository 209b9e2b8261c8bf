/** Owns the options of the caches. */
import { choice, count, flag, milliseconds, option, text } from '../option.ts';

export const CACHE_OPTIONS = {
  cache: option(flag(), { default: true, group: 'cache', help: 'Whether rows, lists and counts are cached at all.' }),
  cacheEntries: option(count(0), {
    default: 100_000,
    group: 'cache',
    help: 'Values that one process keeps; 0 for none.',
  }),
  cacheBytes: option(count(0, 2 ** 34), {
    default: 128 << 20,
    group: 'cache',
    help: 'Bytes of values that one process keeps.',
  }),
  cacheValueBytes: option(count(1_024, 1 << 28), {
    default: 1 << 20,
    group: 'cache',
    help: 'Largest value that is kept.',
  }),
  cacheVariants: option(count(), {
    default: 64,
    group: 'cache',
    help: 'Lists, pages and counts with different arguments that are kept for one parent.',
  }),
  cacheTtlMs: option(milliseconds(), {
    default: 3_600_000,
    group: 'cache',
    help: 'After this long a value is read anew although no change is known: a backstop only. @cached(ttlMs:) wins over it.',
  }),
  cacheJitterPercent: option(count(0, 90), {
    default: 10,
    group: 'cache',
    help: 'By how much of it the time to live of each value is shortened at random, so that values that were read together do not end together.',
  }),
  cacheStaleMs: option(milliseconds(0), {
    default: 10_000,
    group: 'cache',
    help: 'How long after its time to live a value may still be shown to reads without a floor, while it is read anew.',
  }),
  cacheLagMs: option(milliseconds(), {
    default: 5_000,
    group: 'cache',
    help: "How far the cache may be behind the region's own server before reads go past it, also those whose floor it has reached.",
  }),
  operationCacheBytes: option(count(0, 2 ** 34), {
    default: 64 << 20,
    group: 'cache',
    help: "Bytes of whole answers that one process keeps, beside the values of cacheBytes: a query that comes again, for the same viewer's tenant and settings, is answered without being executed. 0 for none.",
  }),
  operationCacheValueBytes: option(count(1_024, 1 << 28), {
    default: 1 << 20,
    group: 'cache',
    help: 'Largest answer that is kept whole.',
  }),
  operationCacheTags: option(count(1), {
    default: 2_000,
    group: 'cache',
    help: 'Most rows, lists and counts that an answer may depend on to be kept whole.',
  }),
  operationCacheFirst: option(flag(), {
    default: false,
    group: 'cache',
    help: 'Whether an answer is kept whole when its query comes for the first time; unless so, when it comes for the second time.',
  }),
  operationCacheRequestBytes: option(count(1_024, 1 << 24), {
    default: 16 << 10,
    group: 'cache',
    help: 'Longest request body whose answer is kept whole.',
  }),
  cacheInFlight: option(count(), {
    default: 10_000,
    group: 'cache',
    help: 'Values that may be being read at once with others waiting for them; beyond, everybody reads for themselves.',
  }),
  leaseMs: option(milliseconds(0), {
    default: 50,
    group: 'cache',
    help: 'How long a server waits for another one of the region that is reading the same value just now; 0 reads at once.',
  }),
  tombstones: option(count(100), {
    default: 200_000,
    group: 'cache',
    help: 'Invalidations that are remembered, so that reads which were under way do not fill in what they made wrong.',
  }),
  tombstoneMs: option(milliseconds(), {
    default: 60_000,
    group: 'cache',
    help: 'How long invalidations are remembered; what was read longer ago is not kept.',
  }),
  maxTags: option(count(10), {
    default: 10_000,
    group: 'cache',
    help: 'Tags that one transaction invalidates one by one in a table; beyond, all values of that table.',
  }),
  redisPrefix: option(text(), {
    default: 'meridian',
    group: 'cache',
    help: 'What every key in Redis begins with. Servers of one region and one graph share it; different graphs must not.',
  }),
  redisMode: option(choice(['standalone', 'sentinel', 'cluster']), {
    default: 'standalone',
    group: 'cache',
    help: "What the region's Redis URL names: one server, Sentinels (with redisMaster), or nodes of a Cluster. Several are separated by commas.",
  }),
  redisMaster: option(text(), {
    default: 'mymaster',
    group: 'cache',
    help: 'Name of the master that the Sentinels watch.',
  }),
  redisMs: option(milliseconds(), { default: 100, group: 'cache', help: 'Time limit of one command to Redis.' }),
  redisConnectMs: option(milliseconds(), {
    default: 1_000,
    group: 'cache',
    help: 'Time limit for connecting to Redis.',
  }),
  redisFailures: option(count(), {
    default: 3,
    group: 'cache',
    help: 'Failed commands in a row after which Redis is not asked for a while.',
  }),
  redisRetryMs: option(milliseconds(), {
    default: 1_000,
    group: 'cache',
    help: 'How long Redis is left alone then, before it is tried again.',
  }),
  redisStatsMs: option(milliseconds(100), {
    default: 2_000,
    group: 'cache',
    help: 'Interval at which a server leaves its cache figures in Redis, for regionHealth in other regions.',
  }),
};
