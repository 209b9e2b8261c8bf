/**
 * Proves row-level security in the ways to run that test/cluster omits: without Redis, and as a role that owns nothing.
 */
import { OWNS_NOTHING, provesRowSecurity, TAKES_ON_A_ROLE } from '../support/row-security.ts';

provesRowSecurity({
  ...TAKES_ON_A_ROLE,
  name: 'servers that own the tables take on a role, without Redis',
  redis: false,
});
provesRowSecurity({ ...OWNS_NOTHING, name: 'servers connect as a role that owns nothing, with Redis', redis: true });
