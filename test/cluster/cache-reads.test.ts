/** Reads that a cache answers, with Redis where there is one; test/long/without-redis.test.ts has them without. */
import { findRedis } from '../../src/dev/redis/program.ts';
import { provesCachedReads } from '../support/cached-reads.ts';

provesCachedReads({ redis: findRedis() !== null });
