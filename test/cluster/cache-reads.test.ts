/** Reads that a cache answers, with Redis where there is one; test/fault has them without. */
import { findRedis } from '../../src/cluster/redis/program.ts';
import { provesCachedReads } from '../support/cached-reads.ts';

provesCachedReads({ redis: findRedis() !== null });
