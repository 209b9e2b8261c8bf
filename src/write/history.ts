/** Owns looking older versions of rows up: as somebody saw them, and to bring a deleted one back. Triggers of the database keep them (see bookkeeping.ts). */
import { tableKey } from '../model/catalog.ts';
import { type Entity, type Row } from '../model/model.ts';
import { normalizeValue, type SqlParam } from '../model/values.ts';
import { type Statement } from '../read/ports.ts';
import { outputColumns, readRow } from '../read/sql/columns.ts';
import { matchSql } from '../read/sql/comparing.ts';
import { columnType, qualifiedTable, quoteIdentifier, tableAlias } from '../read/sql/identifiers.ts';
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
  return new Map(entity.primaryKey.map((column) => {
    const normalized = normalizeValue(columnType(entity, column), row[column]);
    if ('problem' in normalized) throw new TypeError(`a row of ${entity.name} has no usable ${column}: it must be ${normalized.problem}`);
    return [column, normalized.value];
  }));
}

/** `jsonb_build_object('id', $1::bigint)`: as the trigger spells a key. */
function keySql(entity: Entity, key: RowKey, params: Params): string {
  return `jsonb_build_object(${[...key].map(([column, value]) => `${params.raw('text', column)}, ${params.add(columnType(entity, column), value)}`).join(', ')})`;
}

const ofRow = (entity: Entity, key: RowKey, params: Params): string => `"$h".relation = ${params.raw('text', tableKey(entity.table))} AND "$h".key = ${keySql(entity, key, params)}`;

/** The row of a version, under the alias that conditions of the entity expect. */
const then = (entity: Entity, version: string): string => `jsonb_populate_record(NULL::${qualifiedTable(entity)}, ${version}.row_then) AS ${tableAlias(entity)}`;

/** A version that was the viewer's tenant's then: what a row was with another tenant is not for its present one to learn. */
function ownSql(entity: Entity, tenancy: Tenancy, params: Params): string {
  const own = tenancy.condition(entity);
  return own === null ? '' : ` AND ${own(params)}`;
}

/** Whether policies are asked for this role; its rows are what they let through, which nobody asks them of versions. */
const guarded = (entity: Entity, params: Params): string => `pg_catalog.row_security_active(${params.raw('text', qualifiedTable(entity))}::text::regclass)`;

/**
 * Where policies guard the table: a version counts if it agrees with the row, which the viewer sees, in all that they look at, so that they
 * would show it as well. What the database cannot tell (whole rows, system columns) may be anything.
 */
function visibleSql(entity: Entity, key: RowKey, params: Params): string {
  const relation = `${params.raw('text', qualifiedTable(entity))}::text::regclass`;
  const ofKey = [...key].map(([column, value]) => {
    const type = columnType(entity, column);
    return matchSql(`"$now".${quoteIdentifier(column)}`, type, null, params.add(type, value));
  });
  const now = `(SELECT to_jsonb("$now") FROM ${qualifiedTable(entity)} AS "$now" WHERE ${ofKey.join(' AND ')})`;
  const whole = `EXISTS (SELECT FROM pg_policy AS p WHERE p.polrelid = ${relation} AND concat(p.polqual::text, p.polwithcheck::text) ~ ':varattno (0|-)')`;
  const looked = `SELECT a.attname::text AS name FROM pg_policy AS p JOIN pg_depend AS d ON d.classid = 'pg_policy'::regclass AND d.objid = p.oid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = p.polrelid
    JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE p.polrelid = ${relation} AND d.refobjsubid <> 0`;
  return `(NOT ${guarded(entity, params)} OR (NOT ${whole} AND NOT EXISTS (SELECT FROM (${looked}) AS c, (SELECT ${now} AS row) AS "$n" WHERE "$h".row_then -> c.name IS DISTINCT FROM "$n".row -> c.name)))`;
}

/** What a version knows of: a column that came later is not among them. */
const KEPT = 'ARRAY(SELECT jsonb_object_keys("$h".row_then)) AS "$kept"';

/** A row of `versionStatement` or `deletedStatement`, without columns that its version did not have: that they are null then would be a guess. */
export function readVersion(entity: Entity, row: Row): Row {
  const kept = new Set(row['$kept'] as readonly string[]);
  return Object.fromEntries(Object.entries(readRow(entity, row)).filter(([column]) => kept.has(column)));
}

/** The row, which the viewer sees now, as it was at `seen`, for `readVersion`; no row where that version is not kept, or not the viewer's to see. */
export function versionStatement(entity: Entity, { key, seen, tenancy }: Sought): Statement {
  const params = new Params();
  const where = `${ofRow(entity, key, params)} AND "$h".version = ${params.raw('bigint', seen)}${ownSql(entity, tenancy, params)} AND ${visibleSql(entity, key, params)}`;
  return statement(`SELECT ${outputColumns(entity)}, ${KEPT} FROM meridian.history AS "$h", ${then(entity, '"$h"')} WHERE ${where}`, params);
}

/**
 * The same of a row that was deleted, which the viewer's tenant must have had then, and still when it was deleted: no row where it is only
 * out of the viewer's sight, or was deleted before that version. Nor where policies guard the table: of a row that is gone they cannot be asked.
 */
export function deletedStatement(entity: Entity, { key, seen, tenancy }: Sought): Statement {
  const params = new Params();
  const version = params.raw('bigint', seen);
  const row = ofRow(entity, key, params);
  const own = ownSql(entity, tenancy, params);
  const gone = `EXISTS (SELECT FROM meridian.history AS "$d", ${then(entity, '"$d"')} WHERE "$d".relation = "$h".relation AND "$d".key = "$h".key AND "$d".deleted AND "$d".version >= ${version}${own})`;
  return statement(`SELECT ${outputColumns(entity)}, ${KEPT} FROM meridian.history AS "$h", ${then(entity, '"$h"')} WHERE ${row} AND "$h".version = ${version}${own} AND ${gone} AND NOT ${guarded(entity, params)}`, params);
}

/** A column of a table that a statement may write. */
export interface WritableColumn {
  /** Quoted where it must be. */
  readonly name: string;
  /** Whether the version knows it: one that came later takes its default. */
  readonly kept: boolean;
}

/** Rows are `WritableColumn`s, as of a version that is kept. */
export function columnsStatement(entity: Entity, { key, seen }: Pick<Sought, 'key' | 'seen'>): Statement {
  const params = new Params();
  const relation = `${params.raw('text', qualifiedTable(entity))}::text::regclass`;
  const version = `EXISTS (SELECT FROM meridian.history AS "$h" WHERE ${ofRow(entity, key, params)} AND "$h".version = ${params.raw('bigint', seen)} AND "$h".row_then ? attname::text)`;
  return statement(`SELECT quote_ident(attname) AS name, ${version} AS kept FROM pg_attribute WHERE attrelid = ${relation} AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum`, params);
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
  const written = values.filter(({ column }) => column.name !== entity.version && writable.has(quoteIdentifier(column.name)));
  const given = new Map(written.map(({ column, value }) => [quoteIdentifier(column.name), params.add(column.type, value)]));
  const row = ofRow(entity, key, params);
  const next = `(SELECT max(n.version) + 1 FROM meridian.history AS n WHERE n.relation = "$h".relation AND n.key = "$h".key)`;
  const names = columns.filter(({ name, kept }) => kept || given.has(bare(name))).map(({ name }) => name);
  const selected = names.map((name) => (entity.version !== null && bare(name) === quoteIdentifier(entity.version) ? next : (given.get(bare(name)) ?? `${tableAlias(entity)}.${name}`)));
  const body = `INSERT INTO ${qualifiedTable(entity)} AS ${tableAlias(entity)} (${names.join(', ')}) OVERRIDING SYSTEM VALUE
    SELECT ${selected.join(', ')} FROM meridian.history AS "$h", ${then(entity, '"$h"')} WHERE ${row} AND "$h".version = ${params.raw('bigint', seen)}${ownSql(entity, tenancy, params)}`;
  return { verb: 'write', body, params, stays: staysSql(entity, tenancy, params) };
}
