/** Owns reading the catalog of a live database: one statement, whatever the number of tables. */
import { messageOf } from '../base/errors.ts';
import { tableKey, type Catalog, type CatalogColumn, type CatalogTable, type ForeignKey } from '../model/catalog.ts';
import { type ScalarKind } from '../model/model.ts';

/** Runs one statement and gives its rows; what any driver can do. */
export type PlainQuery = (text: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

const KINDS: Readonly<Record<string, ScalarKind>> = {
  int2: 'int', int4: 'int', int8: 'bigint', float4: 'float', float8: 'float', numeric: 'numeric',
  text: 'text', varchar: 'text', bpchar: 'text', name: 'text', citext: 'text', uuid: 'uuid', bool: 'bool',
  date: 'date', timestamp: 'timestamp', timestamptz: 'timestamptz', time: 'time', json: 'json', jsonb: 'json', bytea: 'bytea',
};

/*
 * One JSON document per table. `base` walks from a domain to the type under it; `element` is the type that decides how
 * values travel: an array's elements, or the type itself. A relation that is a partition is reached through its parent.
 */
const READ = `
WITH RECURSIVE wanted AS (
  SELECT c.oid, n.nspname AS schema, c.relname AS name, c.relkind IN ('v', 'm') AS is_view
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE (n.nspname = ANY ($1::text[]) OR ($1 IS NULL AND n.nspname !~ '^(pg_|information_schema$)')) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
), base AS (
  SELECT t.oid, t.oid AS base, t.typtype, t.typbasetype, t.typnotnull FROM pg_type t
  WHERE t.oid IN (SELECT a.atttypid FROM pg_attribute a JOIN wanted w ON w.oid = a.attrelid)
  UNION ALL
  SELECT b.oid, t.oid, t.typtype, t.typbasetype, b.typnotnull OR t.typnotnull FROM base b JOIN pg_type t ON t.oid = b.typbasetype WHERE b.typtype = 'd'
), type AS (
  SELECT b.oid, b.typnotnull AS not_null, e.typname, e.typtype,
         -- Names of types outside the system schema carry their schema: another connection may have another search path.
         CASE n.nspname WHEN 'pg_catalog' THEN format_type(b.base, -1)
           ELSE format('%I.%I', n.nspname, e.typname) || CASE WHEN e.oid <> b.base THEN '[]' ELSE '' END END AS sql,
         t.typcategory = 'A' AND t.typelem <> 0 AS is_array,
         CASE e.typtype WHEN 'e' THEN (SELECT json_agg(l.enumlabel ORDER BY l.enumsortorder) FROM pg_enum l WHERE l.enumtypid = e.oid) END AS labels
  FROM base b
  JOIN pg_type t ON t.oid = b.base
  JOIN pg_type e ON e.oid = CASE WHEN t.typcategory = 'A' AND t.typelem <> 0 THEN t.typelem ELSE t.oid END
  JOIN pg_namespace n ON n.oid = e.typnamespace
  WHERE b.typtype <> 'd'
)
SELECT w.schema, w.name, w.is_view,
  (SELECT json_agg(json_build_object(
     'name', a.attname, 'sql', y.sql, 'base', y.typname, 'typtype', y.typtype, 'array', y.is_array, 'labels', y.labels,
     'nullable', NOT (a.attnotnull OR y.not_null), 'hasDefault', a.atthasdef OR a.attidentity <> '', 'readOnly', a.attgenerated <> '' OR a.attidentity = 'a'
   ) ORDER BY a.attnum)
   FROM pg_attribute a JOIN type y ON y.oid = a.atttypid WHERE a.attrelid = w.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  (SELECT json_agg(json_build_object(
     'unique', i.indisunique AND i.indimmediate, 'primary', i.indisprimary,
     'columns', (SELECT json_agg(a.attname ORDER BY k.position)
                 FROM unnest(i.indkey::smallint[]) WITH ORDINALITY AS k (attnum, position)
                 JOIN pg_attribute a ON a.attrelid = w.oid AND a.attnum = k.attnum WHERE k.position <= i.indnkeyatts)
   ) ORDER BY i.indisprimary DESC, x.relname)
   FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid
   WHERE i.indrelid = w.oid AND i.indisvalid AND i.indpred IS NULL AND 0 <> ALL (i.indkey::smallint[])) AS indexes,
  (SELECT json_agg(json_build_object(
     'name', f.conname, 'schema', fn.nspname, 'table', fc.relname,
     'from', (SELECT json_agg(a.attname ORDER BY k.position) FROM unnest(f.conkey) WITH ORDINALITY AS k (attnum, position) JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum),
     'to', (SELECT json_agg(a.attname ORDER BY k.position) FROM unnest(f.confkey) WITH ORDINALITY AS k (attnum, position) JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum)
   ) ORDER BY f.conname)
   FROM pg_constraint f JOIN pg_class fc ON fc.oid = f.confrelid JOIN pg_namespace fn ON fn.oid = fc.relnamespace
   WHERE f.conrelid = w.oid AND f.contype = 'f' AND f.conparentid = 0) AS foreign_keys,
  -- tgtype: 1 = for each row, 2 = before, 4 = on insert
  EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = w.oid AND NOT g.tgisinternal AND g.tgtype & 7 = 7 AND g.tgenabled IN ('O', 'A')) AS fills
FROM wanted w ORDER BY w.schema, w.name`;

interface ColumnRow {
  name: string;
  sql: string;
  base: string;
  typtype: string;
  array: boolean;
  labels: string[] | null;
  nullable: boolean;
  hasDefault: boolean;
  readOnly: boolean;
}

interface TableRow {
  schema: string;
  name: string;
  is_view: boolean;
  columns: ColumnRow[] | null;
  indexes: { unique: boolean; primary: boolean; columns: string[] }[] | null;
  foreign_keys: { name: string; schema: string; table: string; from: string[]; to: string[] }[] | null;
  fills: boolean;
}

/**
 * Reads every table and view of `schemas`, in whose order unqualified names are then looked up; without a list, of every
 * schema that is not the system's, those of the connection's `search_path` first. Throws what `query` throws.
 */
export async function readCatalog(query: PlainQuery, schemas: readonly string[] | null = null): Promise<Catalog> {
  const rows = (await query(READ, [schemas])) as unknown as readonly TableRow[];
  const tables = new Map(rows.map(tableOf).map((table) => [tableKey(table), table]));
  if (schemas) return { tables, searchPath: schemas };
  const path = (await query('SELECT current_schemas(false)::text[] AS path'))[0]?.['path'] as readonly string[];
  return { tables, searchPath: [...new Set([...path, ...rows.map((row) => row.schema)])] };
}

/**
 * Why the database would refuse the query `select`, in its own words, or null when it would run: it is planned and not
 * executed.
 */
export async function explainProblem(query: PlainQuery, select: string): Promise<string | null> {
  try {
    // With a parameter the driver must use the extended protocol, in which a second statement after a semicolon is refused.
    await query(`EXPLAIN SELECT FROM (${select}) AS tried WHERE $1::boolean`, [true]);
    return null;
  } catch (error) {
    // Only what the server says about the statement (it has an SQLSTATE) is an answer; a broken connection is not.
    if (error instanceof Error && 'code' in error && /^(42|22|0A)/.test(String(error.code))) return messageOf(error);
    throw error;
  }
}

function tableOf(row: TableRow): CatalogTable {
  const indexes = row.indexes ?? [];
  return {
    schema: row.schema,
    name: row.name,
    kind: row.is_view ? 'view' : 'table',
    columns: new Map((row.columns ?? []).map((column) => [column.name, columnOf(column)])),
    primaryKey: indexes.find((index) => index.primary)?.columns ?? null,
    uniqueKeys: indexes.filter((index) => index.unique).map((index) => index.columns),
    foreignKeys: (row.foreign_keys ?? []).map((key): ForeignKey => ({ name: key.name, columns: key.from, toTable: { schema: key.schema, name: key.table }, toColumns: key.to })),
    indexes: indexes.map((index) => index.columns),
    fillsOnInsert: row.fills,
  };
}

function columnOf(row: ColumnRow): CatalogColumn {
  const kind = row.typtype === 'e' ? 'enum' : (KINDS[row.base] ?? 'other');
  return {
    name: row.name,
    type: { sql: row.sql, kind, array: row.array },
    nullable: row.nullable,
    hasDefault: row.hasDefault,
    exact: false,
    labels: row.labels,
    readOnly: row.readOnly,
  };
}
