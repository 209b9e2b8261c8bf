/**
 * Owns the question whether a snapshot can be believed. `TRUNCATE`, `ALTER TABLE` where it rewrites the table, a table
 * that takes another's name, and a partition that comes or goes are not under MVCC: a snapshot that is older finds such
 * a table empty, or with rows that it should not have, and no error tells of it (PostgreSQL's documentation, "Caveats"
 * of its chapter on concurrency control).
 *
 * A statement locks each table that it reads until the transaction ends, so that none of this can happen to it from
 * then on. What happened before, the catalog tells: queries see its rows as of the snapshot, functions as they are now.
 */
import { type SqlText } from '../connect/pool-connection.ts';

const NAMED_NOW = `(SELECT i.identity FROM pg_identify_object('pg_class'::regclass, l.relation, 0) AS i WHERE i.type IN ('table', 'materialized view'))`;

/**
 * Gives a row if one of the tables that the transaction has read so far was truncated, rewritten, replaced or given
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
