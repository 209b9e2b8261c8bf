/**
 * Owns looking older versions of rows up: as somebody saw them, and to bring a deleted one back. Triggers of the
 * database keep them (see bookkeeping.ts).
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

/** One version of one row, looked up for a viewer. */
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
 * `jsonb_build_object('id', $1::bigint)`: as the trigger spells a key: numbers, true and false as JSON has them, all
 * else as its type writes it.
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

/** Of a text of fixed length the row holds all blanks at its end, however many were given. */
function paddedSql(entity: Entity, column: string, value: string): string {
  const length = `(SELECT atttypmod - 4 FROM pg_catalog.pg_attribute WHERE attrelid = ${quoteLiteral(qualifiedTable(entity))}::pg_catalog.regclass AND attname = ${quoteLiteral(column)})`;
  return `pg_catalog.rpad(${value}::text, greatest(pg_catalog.length(${value}::text), ${length}))`;
}

const ofRow = (entity: Entity, key: RowKey, params: Params): string =>
  `"$h".relation = ${params.raw('text', tableKey(entity.table))} AND "$h".key = ${keySql(entity, key, params)}`;

/**
 * A version is kept as an object of texts, each as its column's type writes it: JSON cannot hold every value that a
 * column can. No column has the empty name, by which such an object is known; earlier versions of Meridian have kept
 * rows as `to_jsonb` spells them.
 */
export const AS_TEXTS = '';
const isTexts = (version: string): string => `${version}.row_then ? '${AS_TEXTS}'`;

/** A row that an earlier version of Meridian has kept, whole; a row without values for all others. */
const earlier = (entity: Entity, version: string, alias: string): string =>
  `jsonb_populate_record(NULL::${qualifiedTable(entity)}, CASE WHEN ${isTexts(version)} THEN '{}' ELSE ${version}.row_then END) AS ${alias}`;

/** A column of a version; `type`: its own, for a cast. */
const valueOf = (
  version: string,
  { name, type, alias }: { readonly name: string; readonly type: string; readonly alias: string },
): string =>
  `CASE WHEN ${isTexts(version)} THEN (${version}.row_then ->> ${quoteLiteral(name)})::${type} ELSE ${alias}.${quoteIdentifier(name)} END`;

/** The row of a version, under the alias that conditions of the entity expect. */
function then(entity: Entity, version: string): string {
  const columns = [...entity.columns.values()].map(
    ({ name, type }) =>
      `${valueOf(version, { name, type: castType(type), alias: '"$e"' })} AS ${quoteIdentifier(name)}`,
  );
  return `${earlier(entity, version, '"$e"')}, LATERAL (SELECT ${columns.join(', ')}) AS ${tableAlias(entity)}`;
}

/**
 * SQL of a text[]: the columns of a row, each as its type writes it, in their order; `row`: the row's own text, `("a
 * b",,7)`, in which an empty column is NULL.
 */
export function textsSql(row: string): string {
  const unquoted = `replace(replace(m[1], '""', '"'), repeat(chr(92), 2), chr(92))`;
  const found = `regexp_matches(substr(${row}, 2), '(?:"((?:[^"]|"")*)"|([^,)"]*))[,)]', 'g') AS m`;
  return `ARRAY(SELECT CASE WHEN m[1] IS NOT NULL THEN ${unquoted} WHEN m[2] <> '' THEN m[2] END FROM ${found})`;
}

/** SQL of a text[]: the names of those columns. `relation`: an object id. */
export function namesSql(relation: string): string {
  return `ARRAY(SELECT attname::text FROM pg_catalog.pg_attribute WHERE attrelid = ${relation} AND attnum > 0 AND NOT attisdropped ORDER BY attnum)`;
}

/**
 * A version that was the viewer's tenant's then: what a row was with another tenant is not for its present one to
 * learn.
 */
function ownSql(entity: Entity, tenancy: Tenancy, params: Params): string {
  const own = tenancy.condition(entity);
  return own === null ? '' : ` AND ${own(params)}`;
}

/** Whether policies are asked for this role; its rows are what they let through, which nobody asks them of versions. */
const guarded = (entity: Entity, params: Params): string =>
  `pg_catalog.row_security_active(${params.raw('text', qualifiedTable(entity))}::text::regclass)`;

/**
 * Where policies guard the table: a version counts if it agrees with the row, which the viewer sees, in all that they
 * look at, so that they would show it as well. What the database cannot tell (whole rows, system columns) may be
 * anything.
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

/** What a version knows of: a column that came later is not among them. */
const KEPT = `ARRAY(SELECT name FROM jsonb_object_keys("$h".row_then) AS name WHERE name <> '${AS_TEXTS}') AS "$kept"`;

/**
 * A row of `versionStatement` or `deletedStatement`, without columns that its version did not have: that they are null
 * then would be a guess.
 */
export function readVersion(entity: Entity, row: Row): Row {
  const kept = new Set(row['$kept'] as readonly string[]);
  return Object.fromEntries(Object.entries(readRow(entity, row)).filter(([column]) => kept.has(column)));
}

/**
 * The row, which the viewer sees now, as it was at `seen`, for `readVersion`; no row where that version is not kept, or
 * not the viewer's to see.
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
 * The same of a row that was deleted, which the viewer's tenant must have had then, and still when it was deleted: no
 * row where it is only out of the viewer's sight, or was deleted before that version. Nor where policies guard the
 * table: of a row that is gone they cannot be asked.
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
  /** Quoted where it must be. */
  readonly name: string;
  /** For casts. */
  readonly type: string;
  /** Whether the version knows it: one that came later takes its default. */
  readonly kept: boolean;
}

/** Rows are `WritableColumn`s, as of a version that is kept. */
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
  /** What is written over it. */
  readonly values: readonly Assignment[];
  /** As `columnsStatement` gives them. */
  readonly columns: readonly WritableColumn[];
}

/** A deleted row comes back as it was at a version, with values over it, under a version that was never used. */
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
