/** Nothing crosses from one tenant to another, with Redis where there is one; without-redis.test.ts tries without. */
import { findRedis } from '../../src/dev/redis/program.ts';
import { keepsTenantsApart } from '../support/tenants-crossing.ts';

keepsTenantsApart({ redis: findRedis() !== null });
