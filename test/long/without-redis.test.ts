/** Owns what test/cluster proves with Redis, once more without: each process caches for itself alone. */
import { provesCachedReads } from '../support/cached-reads.ts';
import { keepsTenantsApart } from '../support/tenants-crossing.ts';

provesCachedReads({ redis: false });
keepsTenantsApart({ redis: false });
