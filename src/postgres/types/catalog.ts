/** Owns reading the catalog of a live database: a few statements, whatever the number of tables. */
import { messageOf } from '../../base/errors.ts';
import {
  tableKey,
  type Catalog,
  type CatalogColumn,
  type CatalogTable,
  type ForeignKey,
  type PairOperator,
  type Policy,
  type Publishing,
  type Relation,
} from '../../model/catalog.ts';
import { CatalogTypes, operatorSql, READ_TYPES, type TypeRow } from './catalog-types.ts';

/** Runs one statement and returns its rows; any driver can provide it. */
export type PlainQuery = (text: string, values?: readonly unknown[]) => Promise<readonly Record<string, unknown>[]>;

const RELATIONS: Readonly<Record<string, Relation>> = {
  r: 'table',
  p: 'partitioned',
  f: 'foreign',
  v: 'view',
  m: 'materialized',
};

/* One JSON document per table. Partitions are left out; they are read through their parent. */
const READ = `
WITH wanted AS (
  SELECT c.oid, c.xmin AS altered_by, n.nspname AS schema, c.relname AS name, c.relkind, c.relpersistence, c.relreplident, c.relrowsecurity
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  WHERE (n.nspname = ANY ($1::text[]) OR ($1 IS NULL AND n.nspname !~ '^(pg_|information_schema$)')) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
), published AS MATERIALIZED (
  SELECT schemaname, tablename, rowfilter FROM pg_publication_tables WHERE pubname = $2::text
)
SELECT w.schema, w.name, w.relkind AS relation, w.relpersistence AS persistence, w.relreplident = 'f' AS whole_rows,
  EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = w.oid AND NOT c.relispartition) AS inherited,
  (SELECT json_build_object('omits', array_remove(ARRAY[
       CASE WHEN NOT b.pubinsert THEN 'insert' END, CASE WHEN NOT b.pubupdate THEN 'update' END,
       CASE WHEN NOT b.pubdelete THEN 'delete' END, CASE WHEN NOT b.pubtruncate THEN 'truncate' END], NULL),
     'filtered', p.rowfilter IS NOT NULL OR EXISTS (SELECT FROM pg_publication_rel r WHERE r.prpubid = b.oid AND r.prrelid = w.oid AND r.prattrs IS NOT NULL),
     'revision', concat_ws(' ', b.xmin, (SELECT r.xmin FROM pg_publication_rel r WHERE r.prpubid = b.oid AND r.prrelid = w.oid),
       (SELECT s.xmin FROM pg_publication_namespace s JOIN pg_namespace n ON n.oid = s.pnnspid WHERE s.pnpubid = b.oid AND n.nspname = w.schema)))
   FROM pg_publication b JOIN published p ON p.schemaname = w.schema AND p.tablename = w.name WHERE b.pubname = $2::text) AS publishing,
  concat_ws(' ', w.altered_by, (SELECT md5(string_agg(a.xmin::text, ' ' ORDER BY a.attnum)) FROM pg_attribute a WHERE a.attrelid = w.oid AND a.attnum > 0),
    (SELECT md5(string_agg(y.xmin::text, ' ' ORDER BY y.oid)) FROM pg_policy y WHERE y.polrelid = w.oid)) AS revision,
  -- Those that decide which rows a SELECT sees.
  CASE WHEN w.relrowsecurity THEN (SELECT coalesce(json_agg(json_build_object('name', y.polname, 'condition', pg_get_expr(y.polqual, y.polrelid)) ORDER BY y.polname), '[]')
   FROM pg_policy y WHERE y.polrelid = w.oid AND y.polcmd IN ('r', '*') AND y.polqual IS NOT NULL) END AS policies,
  (SELECT json_agg(json_build_object(
     'name', a.attname, 'type', a.atttypid::text, 'nullable', NOT a.attnotnull, 'hasDefault', a.atthasdef OR a.attidentity <> '',
     'generated', a.attgenerated <> '', 'readOnly', a.attgenerated <> '' OR a.attidentity = 'a',
     'looseCollation', (SELECT format('%I.%I', n.nspname, l.collname) FROM pg_collation l JOIN pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = a.attcollation AND NOT l.collisdeterministic),
     -- Only these, word for word: what another CHECK comes to is for nobody to guess.
     'keepsNullOut', EXISTS (SELECT FROM pg_constraint k, pg_get_expr(k.conbin, k.conrelid) AS e
       WHERE k.conrelid = w.oid AND k.contype = 'c' AND k.convalidated AND k.conkey = ARRAY[a.attnum]
         AND (starts_with(e, format('(array_position(%I, NULL::', a.attname)) AND e LIKE '%) IS NULL)'
           OR e IN (format('(jsonb_typeof(%I) <> ''null''::text)', a.attname), format('(json_typeof(%I) <> ''null''::text)', a.attname))))
   ) ORDER BY a.attnum)
   FROM pg_attribute a WHERE a.attrelid = w.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
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
     'to', (SELECT json_agg(a.attname ORDER BY k.position) FROM unnest(f.confkey) WITH ORDINALITY AS k (attnum, position) JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.attnum),
     'operators', (SELECT json_agg(json_build_object('schema', os.nspname, 'name', o.oprname, 'isUnstable', p.provolatile <> 'i',
         'left', (SELECT format('%I.%I', s.nspname, t.typname) FROM pg_type t JOIN pg_namespace s ON s.oid = t.typnamespace WHERE t.oid = o.oprleft AND t.typtype <> 'p'),
         'right', (SELECT format('%I.%I', s.nspname, t.typname) FROM pg_type t JOIN pg_namespace s ON s.oid = t.typnamespace WHERE t.oid = o.oprright AND t.typtype <> 'p')) ORDER BY k.position)
       FROM unnest(f.conpfeqop) WITH ORDINALITY AS k (operator, position) JOIN pg_operator o ON o.oid = k.operator JOIN pg_namespace os ON os.oid = o.oprnamespace JOIN pg_proc p ON p.oid = o.oprcode)
   ) ORDER BY f.conname)
   FROM pg_constraint f JOIN pg_class fc ON fc.oid = f.confrelid JOIN pg_namespace fn ON fn.oid = fc.relnamespace
   WHERE f.conrelid = w.oid AND f.contype = 'f' AND f.conparentid = 0) AS foreign_keys,
  -- tgtype: 1 = for each row, 2 = before, 4 = on insert
  EXISTS (SELECT FROM pg_trigger g WHERE g.tgrelid = w.oid AND NOT g.tgisinternal AND g.tgtype & 7 = 7 AND g.tgenabled IN ('O', 'A')) AS fills
FROM wanted w ORDER BY w.schema, w.name`;

const FOUND = `SELECT current_schemas(false)::text[] AS path, EXISTS (SELECT FROM pg_publication WHERE pubname = $1::text) AS exists,
  current_setting('server_version_num')::integer AS version`;

interface ColumnRow {
  name: string;
  type: string;
  nullable: boolean;
  hasDefault: boolean;
  generated: boolean;
  readOnly: boolean;
  looseCollation: string | null;
  keepsNullOut: boolean;
}

interface ForeignKeyRow {
  name: string;
  schema: string;
  table: string;
  from: string[];
  to: string[];
  operators: { schema: string; name: string; left: string | null; right: string | null; isUnstable: boolean }[];
}

/** Created by `meridian setup`. */
const OWN_SCHEMA = 'meridian';

interface TableRow {
  schema: string;
  name: string;
  relation: string;
  persistence: string;
  whole_rows: boolean;
  inherited: boolean;
  publishing: Publishing | null;
  policies: Policy[] | null;
  revision: string;
  columns: ColumnRow[] | null;
  indexes: { unique: boolean; primary: boolean; columns: string[] }[] | null;
  foreign_keys: ForeignKeyRow[] | null;
  fills: boolean;
}

export interface CatalogRequest {
  /**
   * The search order of unqualified names. Left out: every schema except the system's, those of the connection's
   * `search_path` first.
   */
  readonly schemas?: readonly string[] | undefined;
  /** The publication that the tail reads; without it, no table counts as published. */
  readonly publication?: string | undefined;
}

/** Reads every table and view of the schemas, at a primary or a replica. Throws what `query` throws. */
export async function readCatalog(query: PlainQuery, { schemas, publication }: CatalogRequest = {}): Promise<Catalog> {
  const rows = (await query(READ, [schemas ?? null, publication ?? null])) as unknown as readonly TableRow[];
  const [found] = (await query(FOUND, [publication ?? null])) as unknown as readonly {
    path: string[];
    exists: boolean;
    version: number;
  }[];
  const used = [...new Set(rows.flatMap((row) => (row.columns ?? []).map((column) => column.type)))];
  const types = new CatalogTypes(
    (await query(READ_TYPES, [used])) as unknown as readonly TypeRow[],
    found?.version ?? 0,
  );
  return {
    tables: new Map(rows.map((row) => tableOf(row, types)).map((table) => [tableKey(table), table])),
    // Unqualified names belong to the application. They are never resolved in the schema of Meridian's own tables,
    // even if the role is called `meridian`.
    searchPath:
      schemas ??
      [...new Set([...(found?.path ?? []), ...rows.map((row) => row.schema)])].filter(
        (schema) => schema !== OWN_SCHEMA,
      ),
    publication: publication === undefined ? null : { name: publication, exists: found?.exists === true },
    compare: (left, right) => types.compare(left, right),
  };
}

/**
 * Why the database would refuse the query `select`, as its error message, or null if it would run. The query is
 * planned and not executed.
 */
export async function explainProblem(query: PlainQuery, select: string): Promise<string | null> {
  try {
    // A parameter makes the driver use the extended protocol, in which a second statement after a semicolon is
    // refused.
    await query(`EXPLAIN SELECT FROM (${select}) AS tried WHERE $1::boolean`, [true]);
    return null;
  } catch (error) {
    // Only an error about the statement itself is a result; a broken connection is not.
    if (error instanceof Error && 'code' in error && /^(42|22|0A)/.test(String(error.code))) return messageOf(error);
    throw error;
  }
}

function tableOf(row: TableRow, types: CatalogTypes): CatalogTable {
  const indexes = row.indexes ?? [];
  const relation = RELATIONS[row.relation] ?? 'view';
  return {
    schema: row.schema,
    name: row.name,
    kind: relation === 'view' || relation === 'materialized' ? 'view' : 'table',
    relation,
    isLogged: row.persistence === 'p',
    isInherited: row.inherited,
    keepsOldRows: row.whole_rows,
    publishing: row.publishing,
    policies: row.policies,
    revision: row.revision,
    columns: new Map((row.columns ?? []).map((column) => [column.name, catalogColumn(column, types)])),
    primaryKey: indexes.find((index) => index.primary)?.columns ?? null,
    uniqueKeys: indexes.filter((index) => index.unique).map((index) => index.columns),
    foreignKeys: (row.foreign_keys ?? []).map((key): ForeignKey => ({
      name: key.name,
      columns: key.from,
      toTable: { schema: key.schema, name: key.table },
      toColumns: key.to,
      operators: key.operators.map(operatorOf),
    })),
    indexes: indexes.map((index) => index.columns),
    fillsOnInsert: row.fills,
  };
}

function operatorOf({ schema, name, left, right, isUnstable }: ForeignKeyRow['operators'][number]): PairOperator {
  return { sql: operatorSql([schema, name]), left, right, isUnstable };
}

function catalogColumn(row: ColumnRow, types: CatalogTypes): CatalogColumn {
  const { type, labels, notNull, exact, comparedAs } = types.columnType(row.type, row.looseCollation !== null);
  return {
    name: row.name,
    type,
    nullable: row.nullable && !notNull,
    hasDefault: row.hasDefault,
    // Generated columns are excluded, since the WAL need not contain them.
    exact: exact && row.looseCollation === null && !row.generated,
    labels,
    typeId: row.type,
    comparedAs,
    looseCollation: row.looseCollation,
    readOnly: row.readOnly,
    keepsNullOut: row.keepsNullOut,
  };
}
