/**
 * Owns the result of a write, as statements of one transaction: the row that it touched, or none; that row after all
 * triggers have run; and its outcome for an idempotent request. Everything is decided in the database, so that a
 * transaction takes one round trip.
 */
import { isMeridianError } from '../base/errors.ts';
import { type Entity } from '../model/model.ts';
import { type SqlParam } from '../model/values.ts';
import { type Statement } from '../read/ports.ts';
import { outputColumns, rawColumns } from '../read/sql/columns.ts';
import { equalsSql } from '../read/sql/comparing.ts';
import { castType, columnReference, columnType, fromTable, tableAlias } from '../read/sql/identifiers.ts';
import { Params, statement } from '../read/sql/statement.ts';
import { type Tenancy } from '../read/sql/tenant.ts';
import { type RowKey } from './history.ts';
import { settleSql, type IdempotentStep } from './idempotency/outcomes.ts';
import { fieldsSql } from './fields.ts';
import { refusalOf, refusalSql } from './refusal.ts';
import { returning, type Write } from './statements.ts';
import { staysSql } from './tenant.ts';

const UNTOUCHED = 'untouched';
const ABSENT = 'absent';
const UNSHOWN = 'unshown';

/**
 * A row with the key exists but the write touched none: its version differs, a concurrent transaction changed it, or a
 * trigger replaced the write.
 */
export function isUntouched(error: unknown): boolean {
  return refusalOf(error) === UNTOUCHED;
}

/** No row of the viewer's tenant has the key. */
export function isAbsent(error: unknown): boolean {
  return refusalOf(error) === ABSENT;
}

/** The row does not exist after all triggers have run, and the payload requires it. */
export function isUnshown(error: unknown): boolean {
  return refusalOf(error) === UNSHOWN;
}

/** The table has rules, under which the statement cannot be part of another one or cannot have RETURNING. */
export function isRuled(error: unknown): boolean {
  if (!isMeridianError(error) || !(error.cause instanceof Error)) return false;
  const { code, routine } = error.cause as Error & { readonly code?: string; readonly routine?: string };
  return code === '0A000' && routine === 'RewriteQuery';
}

/**
 * The key of the row that the last write touched, for the following statements: one setting per key column, local to
 * the transaction.
 */
const setting = (place: number): string => `'meridian_row.key_${place}'`;
/** Prefix of the setting's value: whether the key is that of the written row or the one that was given. */
const WRITTEN = 'w';
const GIVEN = 'g';

export interface Writing {
  readonly entity: Entity;
  readonly tenancy: Tenancy;
  readonly write: Write;
  readonly idempotency: IdempotentStep | null;
  /**
   * How a write that touches no row is treated. `refuse`: the transaction fails (`isAbsent`, `isUntouched`). Otherwise
   * database code may have replaced the write, and the result is the row with this key, if the key is known and the row
   * exists.
   */
  readonly untouched: 'refuse' | RowKey | null;
  /** Whether a row must exist after all triggers have run (`isUnshown`). */
  readonly required: boolean;
}

/**
 * The statements of an insert, an update or a look. The last one returns one row, for `readRow`; `$there` is true if
 * the row exists.
 */
export function writingStatements(writing: Writing): readonly Statement[] {
  const { entity, tenancy, write, idempotency, required } = writing;
  if (write.verb === 'look') return [removingStatement(writing)];
  return [touchStatement(writing), TRIGGERS, rowStatement({ entity, tenancy, idempotency, required, key: 'written' })];
}

/** Runs deferred constraints and constraint triggers before COMMIT, so that their changes are part of the result. */
export const TRIGGERS: Statement = { name: '', text: 'SET CONSTRAINTS ALL IMMEDIATE', values: [] };

function touchStatement({ entity, write, untouched }: Writing): Statement {
  const { params } = write;
  const alias = tableAlias(entity);
  const keys = entity.primaryKey.map((column) => columnReference(entity, column)).join(', ');
  const known = entity.primaryKey.map((column, place) => {
    const type = columnType(entity, column);
    const given = untouched === 'refuse' || untouched === null ? undefined : untouched.get(column);
    const otherwise = given === undefined ? `''` : `'${GIVEN}' || ${params.add(type, given)}::text`;
    return `pg_catalog.set_config(${setting(place)}, CASE WHEN ${alias}."$touched" THEN '${WRITTEN}' || ${columnReference(entity, column)}::text ELSE ${otherwise} END, true)`;
  });
  const guard = untouched === 'refuse' ? `${guardSql(entity, write)}, ` : '';
  return statement(
    `WITH "$written" AS (${returning(write, `${keys}, TRUE AS "$touched"`)}) SELECT ${guard}${known.join(', ')} FROM (SELECT) AS "$one" LEFT JOIN "$written" AS ${alias} ON TRUE`,
    params,
  );
}

/** Looks for the row only if nothing was touched. The subquery sees the table as of the start of the statement. */
function guardSql(entity: Entity, { verb, found }: Write): string {
  const absent =
    verb === 'look'
      ? refusalSql(ABSENT)
      : found === null
        ? refusalSql(UNTOUCHED)
        : `CASE WHEN EXISTS (${found()}) THEN ${refusalSql(UNTOUCHED)} ELSE ${refusalSql(ABSENT)} END`;
  return `CASE WHEN ${tableAlias(entity)}."$touched" THEN NULL ELSE ${absent} END AS "$guard"`;
}

/** A delete or a look, as one statement; `$there` is true if the row exists. */
export function removingStatement({ entity, write, idempotency, untouched }: Writing): Statement {
  const { params } = write;
  const alias = tableAlias(entity);
  const parts = [`"$written" AS (${returning(write, `${rawColumns(entity)}, TRUE AS "$touched"`)})`];
  if (idempotency !== null)
    parts.push(
      `"$settled" AS (${settleSql(idempotency, params, `(SELECT ${rowOutcome(fieldsSql(entity))} FROM "$written" AS ${alias})`)})`,
    );
  const guard = untouched === 'refuse' ? `, ${guardSql(entity, write)}` : '';
  return statement(
    `WITH ${parts.join(', ')} SELECT ${outputColumns(entity)}, ${alias}."$touched" AS "$there"${guard} FROM (SELECT) AS "$one" LEFT JOIN "$written" AS ${alias} ON TRUE`,
    params,
  );
}

const rowOutcome = (fields: string): string => `pg_catalog.jsonb_build_object('kind', 'row', 'fields', ${fields})`;

export interface Looking {
  readonly entity: Entity;
  readonly tenancy: Tenancy;
  /** The step whose outcome is the row or its absence. */
  readonly idempotency: IdempotentStep | null;
  /** The key of the viewer's row, or the row that the last write of this transaction touched. */
  readonly key: RowKey | 'written';
  readonly required: boolean;
}

/**
 * Reads the row as the transaction leaves it: one result row, with `$there` true if it exists. Fails the transaction
 * where a trigger has moved the row to another tenant.
 */
export function rowStatement({ entity, tenancy, idempotency, key, required }: Looking): Statement {
  const params = new Params();
  const alias = tableAlias(entity);
  const tests = entity.primaryKey.map((column, place) => {
    const type = columnType(entity, column);
    const value =
      key === 'written'
        ? `CASE WHEN ${settingSql(place)} <> '' THEN pg_catalog.substr(${settingSql(place)}, 2)::${castType(type)} END`
        : params.add(type, key.get(column) ?? null);
    return equalsSql(entity, column, value);
  });
  // A written row belonged to the viewer's tenant; a row found by the given key may not.
  const own = tenancy.condition(entity);
  if (own !== null && key === 'written')
    tests.push(`(pg_catalog.left(${settingSql(0)}, 1) = '${WRITTEN}' OR ${own(params)})`);
  const stays = staysSql(entity, tenancy, params);
  const parts = [
    `"$row" AS (SELECT ${rawColumns(entity)}, TRUE AS "$there"${stays} FROM ${fromTable(entity)} WHERE ${tests.join(' AND ')})`,
  ];
  if (idempotency !== null)
    parts.push(
      `"$settled" AS (${settleSql(idempotency, params, rowOutcome(`(SELECT ${fieldsSql(entity)} FROM "$row" AS ${alias})`))})`,
    );
  const tenant = stays === '' ? '' : `, ${alias}."$tenant"`;
  const shown = required ? `, CASE WHEN ${alias}."$there" THEN NULL ELSE ${refusalSql(UNSHOWN)} END AS "$shown"` : '';
  return statement(
    `WITH ${parts.join(', ')} SELECT ${outputColumns(entity)}, ${alias}."$there"${tenant}${shown} FROM (SELECT) AS "$one" LEFT JOIN "$row" AS ${alias} ON TRUE`,
    params,
  );
}

const settingSql = (place: number): string => `pg_catalog.current_setting(${setting(place)}, true)`;

/** The write without RETURNING, which tables with rules do not allow. */
export function bareStatement({ body, params }: Write): Statement {
  const places = [...body.matchAll(/\$(\d+)/g)].map(([, place]) => Number(place));
  const bare = new Params();
  bare.values.push(...params.values.slice(0, Math.max(0, ...places)));
  return statement(body, bare);
}

/** The write alone, returning the row that it touched, if any. */
export function plainStatement(entity: Entity, write: Write): Statement {
  return statement(returning(write, outputColumns(entity)), write.params);
}

/** The primary key given by an insert; null where the database generates a column of it. */
export function givenKey(
  entity: Entity,
  given: readonly { readonly column: { readonly name: string }; readonly value: SqlParam }[],
): RowKey | null {
  const values = new Map(given.map(({ column, value }) => [column.name, value]));
  return entity.primaryKey.every((column) => values.get(column) !== undefined && values.get(column) !== null)
    ? new Map(entity.primaryKey.map((column) => [column, values.get(column) ?? null]))
    : null;
}
