/**
 * Proves that no data crosses from one tenant to another, with Redis if it is installed; without-redis.test.ts proves
 * it without.
 */
import { findRedis } from '../../src/dev/redis/program.ts';
import { keepsTenantsApart } from '../support/tenants-crossing.ts';

keepsTenantsApart({ redis: findRedis() !== null });
