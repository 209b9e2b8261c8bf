/**
 * Owns which replica identity tables have and may have. With FULL a change contains all columns of the old row, but
 * PostgreSQL then refuses updates and deletes if a publication leaves out one of the table's columns. From version 18
 * on this applies to generated columns: publications leave out stored ones by default, and virtual ones always.
 */
import type pg from 'pg';
import { type Table } from '../../model/model.ts';

export interface IdentityFacts extends Table {
  /** The table that is published as a whole: the table itself, or the partitioned table that it belongs to. */
  readonly root: Table;
  /** A partitioned table, which has no rows of its own. */
  readonly partitioned: boolean;
  /** `relreplident`: `f` is FULL, `d` the primary key, `i` an index, `n` nothing. */
  readonly identity: 'f' | 'd' | 'i' | 'n';
  readonly hasPrimaryKey: boolean;
  /** The key or index that `identity` names exists. */
  readonly hasIdentity: boolean;
  readonly hasVirtual: boolean;
  /** Some publication includes its updates or deletes. */
  readonly isPublished: boolean;
  /** Publications of its updates or deletes that leave out its stored generated columns. */
  readonly lackStored: readonly string[];
  /** Publications of its updates or deletes that have a column list for it. */
  readonly listColumns: readonly string[];
}

/**
 * Every table that exists, with its partitions. Names are looked up in the catalog, because the role may lack USAGE on
 * the schema.
 */
const READ = `
  WITH roots AS (
    SELECT c.oid, m.schema, m.name FROM unnest($1::text[], $2::text[]) AS m (schema, name) JOIN pg_namespace n ON n.nspname = m.schema
      JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = m.name AND c.relkind IN ('r', 'p') AND c.relpersistence = 'p'),
  tree AS (SELECT r.*, r.oid AS relation FROM roots r UNION SELECT r.*, t.relid::oid FROM roots r CROSS JOIN LATERAL pg_partition_tree(r.oid) AS t WHERE t.relid IS NOT NULL)
  SELECT n.nspname AS "schema", c.relname AS "name", jsonb_build_object('schema', t.schema, 'name', t.name) AS "root", c.relkind = 'p' AS "partitioned",
         c.relreplident::text AS "identity", i.has_primary AS "hasPrimaryKey",
         CASE c.relreplident WHEN 'f' THEN true WHEN 'd' THEN i.has_primary WHEN 'i' THEN i.has_chosen ELSE false END AS "hasIdentity",
         g.has_virtual AS "hasVirtual", p.names <> '{}' AS "isPublished", CASE WHEN g.has_stored THEN p.lack_stored ELSE '{}' END AS "lackStored", p.list_columns AS "listColumns"
    FROM tree t JOIN pg_class c ON c.oid = t.relation JOIN pg_namespace n ON n.oid = c.relnamespace
    CROSS JOIN LATERAL (SELECT coalesce(bool_or(indisprimary AND indimmediate), false) AS has_primary, coalesce(bool_or(indisreplident), false) AS has_chosen FROM pg_index WHERE indrelid = c.oid AND indisvalid) AS i
    CROSS JOIN LATERAL (SELECT coalesce(bool_or(attgenerated = 's'), false) AS has_stored, coalesce(bool_or(attgenerated = 'v'), false) AS has_virtual FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped) AS g
    CROSS JOIN LATERAL (
      WITH up AS (SELECT c.oid AS id UNION SELECT a::oid FROM pg_partition_ancestors(c.oid) AS a)
      SELECT coalesce(array_agg(b.pubname::text), '{}') AS names, coalesce(array_agg(b.pubname::text) FILTER (WHERE b.lists), '{}') AS list_columns,
             -- Before 18 there is no such setting, and nothing is refused.
             coalesce(array_agg(b.pubname::text) FILTER (WHERE to_jsonb(b) ->> 'pubgencols' = 'n'), '{}') AS lack_stored
        FROM (SELECT x.*, EXISTS (SELECT FROM pg_publication_rel r JOIN up ON up.id = r.prrelid WHERE r.prpubid = x.oid AND r.prattrs IS NOT NULL) AS lists FROM pg_publication x) AS b
       WHERE (b.pubupdate OR b.pubdelete) AND (b.puballtables OR EXISTS (SELECT FROM pg_publication_rel r JOIN up ON up.id = r.prrelid WHERE r.prpubid = b.oid)
         OR EXISTS (SELECT FROM pg_publication_namespace s JOIN pg_class u ON u.relnamespace = s.pnnspid JOIN up ON up.id = u.oid WHERE s.pnpubid = b.oid))
    ) AS p
   ORDER BY 1, 2`;

export async function readIdentities(
  client: Pick<pg.Client, 'query'>,
  tables: readonly Table[],
): Promise<readonly IdentityFacts[]> {
  const { rows } = await client.query<IdentityFacts>(READ, [
    tables.map(({ schema }) => schema),
    tables.map(({ name }) => name),
  ]);
  return rows;
}

/**
 * Why PostgreSQL would refuse updates and deletes under FULL while the table is published, as a clause; null if it
 * would not.
 */
export function whyNotFull({ hasVirtual, lackStored, listColumns }: IdentityFacts): string | null {
  if (hasVirtual) return 'it has virtual generated columns, which no publication can show';
  if (listColumns.length > 0) return `the publication ${listColumns.join(', ')} shows it with a column list`;
  return lackStored.length > 0
    ? `the publication ${lackStored.join(', ')} leaves out its stored generated columns`
    : null;
}

/** Whether PostgreSQL refuses updates and deletes at present. */
export function isRefused(facts: IdentityFacts): boolean {
  if (facts.partitioned || !facts.isPublished) return false;
  return facts.identity === 'f' ? whyNotFull(facts) !== null : !facts.hasIdentity;
}
