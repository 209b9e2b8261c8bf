/**
 * Owns the check that a snapshot is consistent with the tables that were read. `TRUNCATE`, an `ALTER TABLE` that
 * rewrites the table, a table that is renamed to another's name, and attaching or detaching a partition are not
 * MVCC-safe: a transaction with an older snapshot finds such a table empty, or with rows that it should not see,
 * without an error (PostgreSQL's documentation, chapter "Concurrency Control", section "Caveats").
 *
 * A statement locks each table that it reads until the transaction ends, which excludes all of this from then on. What
 * happened before is visible in the catalog: queries see its rows as of the snapshot, while functions see their
 * current state.
 */
import { type SqlText } from '../connect/pool-connection.ts';

const NAMED_NOW = `(SELECT i.identity FROM pg_identify_object('pg_class'::regclass, l.relation, 0) AS i WHERE i.type IN ('table', 'materialized view'))`;

/**
 * Returns a row if one of the tables that the transaction has read so far was truncated, rewritten, replaced or given
 * other partitions after the snapshot was taken.
 */
export const REWRITTEN: SqlText = {
  name: 'meridian_rewritten',
  text: `SELECT FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation LEFT JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE l.pid = pg_backend_pid() AND l.locktype = 'relation' AND l.relation >= 16384 AND ${NAMED_NOW} IS NOT NULL AND (
  c.oid IS NULL
  OR pg_relation_filenode(c.oid) IS DISTINCT FROM nullif(c.relfilenode, 0)
  OR ${NAMED_NOW} <> quote_ident(n.nspname) || '.' || quote_ident(c.relname)
  OR c.relispartition <> (coalesce(pg_partition_root(c.oid), c.oid) <> c.oid)
  OR EXISTS (SELECT FROM pg_inherits h WHERE h.inhparent = c.oid AND (pg_relation_filenode(h.inhrelid) IS NULL AND pg_partition_root(h.inhrelid) IS NULL
    OR pg_partition_root(h.inhrelid) IS DISTINCT FROM pg_partition_root(c.oid) AND c.relkind = 'p')))
LIMIT 1`,
};
