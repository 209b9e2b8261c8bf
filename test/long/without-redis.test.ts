/** Proves without Redis what test/cluster proves with it: each process then caches for itself alone. */
import { provesCachedReads } from '../support/cached-reads.ts';
import { keepsTenantsApart } from '../support/tenants-crossing.ts';

provesCachedReads({ redis: false });
keepsTenantsApart({ redis: false });
