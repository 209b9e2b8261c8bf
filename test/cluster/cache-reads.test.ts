/**
 * Proves reads that a cache answers, with Redis if it is installed; test/long/without-redis.test.ts proves them
 * without.
 */
import { findRedis } from '../../src/dev/redis/program.ts';
import { provesCachedReads } from '../support/cached-reads.ts';

provesCachedReads({ redis: findRedis() !== null });
