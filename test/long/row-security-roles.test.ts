/**
 * Proves row-level security where servers take on a role for each viewer; row-security.test.ts has the other ways to
 * run.
 */
import { findRedis } from '../../src/dev/redis/program.ts';
import { provesRowSecurity, TAKES_ON_A_ROLE } from '../support/row-security.ts';

// With Redis where there is one: then values go through both caches.
provesRowSecurity({
  ...TAKES_ON_A_ROLE,
  name: 'servers that own the tables take on a role',
  redis: findRedis() !== null,
});
