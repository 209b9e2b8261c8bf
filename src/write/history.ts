/**
 * Owns reading older versions of rows, as a base for merging and to restore a deleted row. Triggers in the database
 * store them (see bookkeeping.ts).
 */
import { quoteIdentifier, quoteLiteral } from '../base/sql-text.ts';
import { tableKey } from '../model/catalog.ts';
import { type Entity, type Row, type ScalarKind } from '../model/model.ts';
import { normalizeValue, type SqlParam } from '../model/values.ts';
import { type Statement } from '../read/ports.ts';
import { outputColumns, readRow } from '../read/sql/columns.ts';
import { matchSql } from '../read/sql/comparing.ts';
import { castType, columnType, qualifiedTable, tableAlias } from '../read/sql/identifiers.ts';
import { Params, statement } from '../read/sql/statement.ts';
import { type Tenancy } from '../read/sql/tenant.ts';
import { type Write } from './statements.ts';
import { staysSql, type Assignment } from './tenant.ts';

/** Values of the primary key, by column. */
export type RowKey = ReadonlyMap<string, SqlParam>;

/** One version of one row, requested by a viewer. */
export interface Sought {
  readonly key: RowKey;
  readonly seen: SqlParam;
  readonly tenancy: Tenancy;
}

export function keyOfRow(entity: Entity, row: Row): RowKey {
  return new Map(
    entity.primaryKey.map((column) => {
      const normalized = normalizeValue(columnType(entity, column), row[column]);
      if ('problem' in normalized)
        throw new TypeError(`a row of ${entity.name} has no usable ${column}: it must be ${normalized.problem}`);
      return [column, normalized.value];
    }),
  );
}

const NUMBERS: ReadonlySet<ScalarKind> = new Set(['int', 'bigint', 'numeric', 'float', 'bool']);

/**
 * `jsonb_build_object('id', $1::bigint)`: the key as the trigger writes it. Numbers and booleans are JSON values; all
 * other types are texts in their output format.
 */
function keySql(entity: Entity, key: RowKey, params: Params): string {
  const entries = [...key].map(([column, value]) => {
    const type = columnType(entity, column);
    const typed = params.add(type, value);
    const written = type.sql === 'bpchar' ? paddedSql(entity, column, typed) : `pg_catalog.concat(${typed})`;
    return `${params.raw('text', column)}, ${NUMBERS.has(type.kind) && !type.array ? typed : written}`;
  });
  return `jsonb_build_object(${entries.join(', ')})`;
}

/** A char(n) value is padded with blanks in the row, however many blanks were given. */
function paddedSql(entity: Entity, column: string, value: string): string {
  const length = `(SELECT atttypmod - 4 FROM pg_catalog.pg_attribute WHERE attrelid = ${quoteLiteral(qualifiedTable(entity))}::pg_catalog.regclass AND attname = ${quoteLiteral(column)})`;
  return `pg_catalog.rpad(${value}::text, greatest(pg_catalog.length(${value}::text), ${length}))`;
}

const ofRow = (entity: Entity, key: RowKey, params: Params): string =>
  `"$h".relation = ${params.raw('text', tableKey(entity.table))} AND "$h".key = ${keySql(entity, key, params)}`;

/**
 * A version is stored as an object of texts in the output format of each column's type, since JSON cannot represent
 * every value. The empty name, which no column has, marks such objects; earlier versions of Meridian stored rows as
 * `to_jsonb` writes them.
 */
export const AS_TEXTS = '';
const isTexts = (version: string): string => `${version}.row_then ? '${AS_TEXTS}'`;

/** The whole row as stored by an earlier version of Meridian; for all other versions a row of NULLs. */
const earlier = (entity: Entity, version: string, alias: string): string =>
  `jsonb_populate_record(NULL::${qualifiedTable(entity)}, CASE WHEN ${isTexts(version)} THEN '{}' ELSE ${version}.row_then END) AS ${alias}`;

/** A column of a version; `type` is the column's type, for a cast. */
const valueOf = (
  version: string,
  { name, type, alias }: { readonly name: string; readonly type: string; readonly alias: string },
): string =>
  `CASE WHEN ${isTexts(version)} THEN (${version}.row_then ->> ${quoteLiteral(name)})::${type} ELSE ${alias}.${quoteIdentifier(name)} END`;

/** The row of a version, under the alias that conditions of the entity use. */
function then(entity: Entity, version: string): string {
  const columns = [...entity.columns.values()].map(
    ({ name, type }) =>
      `${valueOf(version, { name, type: castType(type), alias: '"$e"' })} AS ${quoteIdentifier(name)}`,
  );
  return `${earlier(entity, version, '"$e"')}, LATERAL (SELECT ${columns.join(', ')}) AS ${tableAlias(entity)}`;
}

/**
 * SQL of a text[]: the columns of a row in order, each in its type's output format. `row` is the row's text, `("a
 * b",,7)`, in which an empty column is NULL.
 */
export function textsSql(row: string): string {
  const unquoted = `replace(replace(m[1], '""', '"'), repeat(chr(92), 2), chr(92))`;
  const found = `regexp_matches(substr(${row}, 2), '(?:"((?:[^"]|"")*)"|([^,)"]*))[,)]', 'g') AS m`;
  return `ARRAY(SELECT CASE WHEN m[1] IS NOT NULL THEN ${unquoted} WHEN m[2] <> '' THEN m[2] END FROM ${found})`;
}

/** SQL of a text[]: the names of those columns. `relation` is an object id. */
export function namesSql(relation: string): string {
  return `ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = ${relation} AND attnum > 0 AND NOT attisdropped ORDER BY attnum)`;
}

/**
 * Restricts versions to those that belonged to the viewer's tenant: the data that a row had under another tenant must
 * not be disclosed to its current one.
 */
function ownSql(entity: Entity, tenancy: Tenancy, params: Params): string {
  const own = tenancy.condition(entity);
  return own === null ? '' : ` AND ${own(params)}`;
}

/**
 * Whether row security applies to the current role. Policies filter rows of the table, but PostgreSQL does not apply
 * them to versions.
 */
const guarded = (entity: Entity, params: Params): string =>
  `pg_catalog.row_security_active(${params.raw('text', qualifiedTable(entity))}::text::regclass)`;

/**
 * Under row security a version counts only if it equals the current row, which is visible to the viewer, in all columns
 * that policies use; then the policies would allow it as well. Where the catalog does not show the used columns
 * (whole-row references, system columns), no version counts.
 */
function visibleSql(entity: Entity, key: RowKey, params: Params): string {
  const relation = `${params.raw('text', qualifiedTable(entity))}::text::regclass`;
  const ofKey = [...key].map(([column, value]) => {
    const type = columnType(entity, column);
    return matchSql({
      reference: `"$now".${quoteIdentifier(column)}`,
      type,
      comparison: null,
      value: params.add(type, value),
    });
  });
  const now = `(SELECT jsonb_object(${namesSql(relation)}, ${textsSql('"$now"::text')}) FROM ${qualifiedTable(entity)} AS "$now" WHERE ${ofKey.join(' AND ')})`;
  const whole = `EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = ${relation} AND concat(p.polqual::text, p.polwithcheck::text) ~ ':varattno (0|-)')`;
  const looked = `SELECT a.attname::text AS name FROM pg_policy AS p JOIN pg_depend AS d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.polrelid
    JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE p.polrelid = ${relation} AND d.refobjsubid <> 0`;
  return `(NOT ${guarded(entity, params)} OR (NOT ${whole} AND NOT EXISTS (SELECT FROM (${looked}) AS c, (SELECT ${now} AS row) AS "$n" WHERE "$h".row_then -> c.name IS DISTINCT FROM "$n".row -> c.name)))`;
}

/** The columns that a version contains; columns added later are missing. */
const KEPT = `ARRAY(SELECT name FROM jsonb_object_keys("$h".row_then) AS name WHERE name <> '${AS_TEXTS}') AS "$kept"`;

/**
 * Reads a row of `versionStatement` or `deletedStatement` and omits columns that its version does not contain, since
 * NULL would be a guess.
 */
export function readVersion(entity: Entity, row: Row): Row {
  const kept = new Set(row['$kept'] as readonly string[]);
  return Object.fromEntries(Object.entries(readRow(entity, row)).filter(([column]) => kept.has(column)));
}

/**
 * Selects the version `seen` of a row that is visible to the viewer, for `readVersion`. Returns no row where that
 * version is not stored or must not be disclosed to the viewer.
 */
export function versionStatement(entity: Entity, { key, seen, tenancy }: Sought): Statement {
  const params = new Params();
  const where = `${ofRow(entity, key, params)} AND "$h".version = ${params.raw('bigint', seen)}${ownSql(entity, tenancy, params)} AND ${visibleSql(entity, key, params)}`;
  return statement(
    `SELECT ${outputColumns(entity)}, ${KEPT} FROM meridian.history AS "$h", ${then(entity, '"$h"')} WHERE ${where}`,
    params,
  );
}

/**
 * The same for a deleted row. It must have belonged to the viewer's tenant in that version and when it was deleted.
 * Returns no row where the row exists but is not visible, where it was deleted before that version, or where row
 * security applies, since policies cannot be evaluated for a deleted row.
 */
export function deletedStatement(entity: Entity, { key, seen, tenancy }: Sought): Statement {
  const params = new Params();
  const version = params.raw('bigint', seen);
  const row = ofRow(entity, key, params);
  const own = ownSql(entity, tenancy, params);
  const gone = `EXISTS (SELECT FROM meridian.history AS "$d", ${then(entity, '"$d"')} WHERE "$d".relation = "$h".relation AND "$d".key = "$h".key AND "$d".deleted AND "$d".version >= ${version}${own})`;
  return statement(
    `SELECT ${outputColumns(entity)}, ${KEPT} FROM meridian.history AS "$h", ${then(entity, '"$h"')} WHERE ${row} AND "$h".version = ${version}${own} AND ${gone} AND NOT ${guarded(entity, params)}`,
    params,
  );
}

/** A column of a table that a statement may write. */
export interface WritableColumn {
  /** Quoted if necessary. */
  readonly name: string;
  /** For casts. */
  readonly type: string;
  /** Whether the version contains it; a column added later takes its default. */
  readonly kept: boolean;
}

/** Selects `WritableColumn`s for a stored version. */
export function columnsStatement(entity: Entity, { key, seen }: Pick<Sought, 'key' | 'seen'>): Statement {
  const params = new Params();
  const relation = `${params.raw('text', qualifiedTable(entity))}::text::regclass`;
  const version = `EXISTS (SELECT FROM meridian.history AS "$h" WHERE ${ofRow(entity, key, params)} AND "$h".version = ${params.raw('bigint', seen)} AND "$h".row_then ? attname::text)`;
  return statement(
    `SELECT quote_ident(attname) AS name, format_type(atttypid, -1) AS type, ${version} AS kept FROM pg_attribute WHERE attrelid = ${relation} AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`,
    params,
  );
}

export interface Restoring extends Sought {
  readonly entity: Entity;
  /** Values that replace those of the version. */
  readonly values: readonly Assignment[];
  /** The result of `columnsStatement`. */
  readonly columns: readonly WritableColumn[];
}

/** Inserts a deleted row again as it was in a version, with values over it and a version number that was never used. */
export function restoreOf({ entity, key, seen, values, columns, tenancy }: Restoring): Write {
  const params = new Params();
  const bare = (name: string): string => (name.startsWith('"') ? name : `"${name}"`);
  const writable = new Set(columns.map(({ name }) => bare(name)));
  const written = values.filter(
    ({ column }) => column.name !== entity.version && writable.has(quoteIdentifier(column.name)),
  );
  const given = new Map(
    written.map(({ column, value }) => [quoteIdentifier(column.name), params.add(column.type, value)]),
  );
  const row = ofRow(entity, key, params);
  const next = `(SELECT max(n.version) + 1 FROM meridian.history AS n WHERE n.relation = "$h".relation AND n.key = "$h".key)`;
  const restored = columns.filter(({ name, kept }) => kept || given.has(bare(name)));
  const names = restored.map(({ name }) => name);
  const plain = (name: string): string => bare(name).slice(1, -1).replaceAll('""', '"');
  const selected = restored.map(({ name, type }) =>
    entity.version !== null && bare(name) === quoteIdentifier(entity.version)
      ? next
      : (given.get(bare(name)) ?? valueOf('"$h"', { name: plain(name), type, alias: '"$e"' })),
  );
  const body = `INSERT INTO ${qualifiedTable(entity)} AS ${tableAlias(entity)} (${names.join(', ')}) OVERRIDING SYSTEM VALUE
    SELECT ${selected.join(', ')} FROM meridian.history AS "$h", ${then(entity, '"$h"')} WHERE ${row} AND "$h".version = ${params.raw('bigint', seen)}${ownSql(entity, tenancy, params)}`;
  return { verb: 'write', body, params, stays: staysSql(entity, tenancy, params), found: null };
}
