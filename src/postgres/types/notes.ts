/**
 * Owns reading what a live catalog says for reports and for generated SDL: comments, rights, and the origins of views.
 */
import { tableKey, type Catalog } from '../../model/catalog.ts';
import { type CatalogNotes, type TableNotes, type ViewOrigin } from '../../model/notes.ts';
import { type PlainQuery } from './catalog.ts';
import { originOf, type Origin } from './view-origin.ts';
import { parseTree } from './view-tree.ts';

const TABLES = `
SELECT c.oid::text, n.nspname AS schema, c.relname AS name, obj_description(c.oid, 'pg_class') AS comment,
  (SELECT count(*)::integer FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhrelid WHERE i.inhparent = c.oid AND p.relispartition) AS partitions,
  (SELECT e.extname FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e' LIMIT 1) AS extension,
  (SELECT json_agg(json_build_object('number', a.attnum, 'name', a.attname, 'comment', col_description(c.oid, a.attnum),
     'readable', has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')) ORDER BY a.attnum)
   FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  CASE WHEN c.relkind IN ('v', 'm') THEN (SELECT r.ev_action::text FROM pg_rewrite r WHERE r.ev_class = c.oid AND r.rulename = '_RETURN') END AS tree,
  (SELECT json_agg(i.indkey::smallint[] ORDER BY i.indexrelid) FROM pg_index i
   WHERE i.indrelid = c.oid AND i.indisunique AND i.indimmediate AND i.indisvalid AND i.indpred IS NULL AND 0 <> ALL (i.indkey::smallint[]) AND i.indnatts = i.indnkeyatts) AS keys
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^(pg_|information_schema$)' AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
ORDER BY 2, 3`;

const TYPES = `SELECT CASE n.nspname WHEN 'pg_catalog' THEN format_type(t.oid, -1) ELSE format('%I.%I', n.nspname, t.typname) END AS spelled, d.description AS comment
FROM pg_description d JOIN pg_type t ON t.oid = d.objoid JOIN pg_namespace n ON n.oid = t.typnamespace WHERE d.classoid = 'pg_type'::regclass AND d.objsubid = 0 AND t.typtype = 'e'`;

const UNPROVEN = `SELECT n.nspname AS schema, c.relname AS name, k.conname AS constraint FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE k.contype = 'f' AND NOT k.convalidated`;

/* Only PostgreSQL's own operators: citext's considers values equal that a unique key of type text distinguishes. */
const EQUAL = `SELECT o.oid::text FROM pg_operator o WHERE o.oprname = '=' AND o.oprcanmerge AND o.oprnamespace = 'pg_catalog'::regnamespace`;

interface Row {
  readonly oid: string;
  readonly schema: string;
  readonly name: string;
  readonly comment: string | null;
  readonly partitions: number;
  readonly extension: string | null;
  readonly columns: readonly { number: number; name: string; comment: string | null; readable: boolean }[] | null;
  readonly tree: string | null;
  readonly keys: readonly (readonly number[])[] | null;
}

export async function readNotes(query: PlainQuery, catalog: Catalog): Promise<CatalogNotes> {
  const rows = (await query(TABLES)) as unknown as readonly Row[];
  const types = (await query(TYPES)) as unknown as readonly { spelled: string; comment: string }[];
  const unproven = (await query(UNPROVEN)) as unknown as readonly {
    schema: string;
    name: string;
    constraint: string;
  }[];
  const equal = new Set(((await query(EQUAL)) as unknown as readonly { oid: string }[]).map(({ oid }) => oid));
  const [found] = (await query('SELECT current_database() AS name')) as unknown as readonly { name: string }[];
  const byOid = new Map(rows.map((row) => [row.oid, row]));
  const isNotNull = (oid: string, number: number): boolean => {
    const row = byOid.get(oid);
    const name = row?.columns?.find((column) => column.number === number)?.name;
    return (row && catalog.tables.get(tableKey(row))?.columns.get(name ?? '')?.nullable) === false;
  };
  const keysOf = (oid: string): readonly (readonly number[])[] =>
    (byOid.get(oid)?.keys ?? []).filter((key) => key.every((number) => isNotNull(oid, number)));
  const notes = (row: Row): TableNotes => {
    const tree = row.tree === null ? null : parseTree(row.tree);
    return {
      comment: row.comment,
      columnComments: new Map(
        (row.columns ?? []).flatMap(({ name, comment }) => (comment === null ? [] : [[name, comment] as const])),
      ),
      hidden: (row.columns ?? []).filter(({ readable }) => !readable).map(({ name }) => name),
      partitions: row.partitions,
      extension: row.extension,
      origin: tree === null ? null : named(row, originOf({ tree, equal, keysOf, isNotNull }), byOid),
    };
  };
  return {
    tables: new Map(rows.map((row) => [tableKey(row), notes(row)])),
    typeComments: new Map(types.map(({ spelled, comment }) => [spelled, comment])),
    database: found?.name ?? '',
    unproven: new Set(unproven.map((row) => `${tableKey(row)} ${row.constraint}`)),
  };
}

function named(view: Row, origin: Origin, byOid: ReadonlyMap<string, Row>): ViewOrigin | null {
  const table = origin.table === null ? undefined : byOid.get(origin.table);
  const at = (row: Row | undefined, number: number): string =>
    row?.columns?.find((column) => column.number === number)?.name ?? '';
  return {
    table: table ? tableKey(table) : null,
    columns: new Map([...origin.columns].map(([own, other]) => [at(view, own), at(table, other)])),
    grouped: origin.grouped?.map((number) => at(view, number)) ?? null,
  };
}
