/**
 * Owns what a write came to, as statements of one transaction: which row it touched, or none; that row once more when
 * every trigger has run; and its outcome for a request that is to happen once. All of it is decided in the database, so
 * that a transaction stays one round trip.
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
 * A row has the key, and the write touched none: its version is another one, another transaction was faster, or a
 * trigger did something else.
 */
export function isUntouched(error: unknown): boolean {
  return refusalOf(error) === UNTOUCHED;
}

/** No row of the viewer's has the key. */
export function isAbsent(error: unknown): boolean {
  return refusalOf(error) === ABSENT;
}

/** The row is not there when every trigger has run, and the answer may not be without one. */
export function isUnshown(error: unknown): boolean {
  return refusalOf(error) === UNSHOWN;
}

/** Rules rewrite the statement: then it may not be part of another one, or may not return what it touched. */
export function isRuled(error: unknown): boolean {
  if (!isMeridianError(error) || !(error.cause instanceof Error)) return false;
  const { code, routine } = error.cause as Error & { readonly code?: string; readonly routine?: string };
  return code === '0A000' && routine === 'RewriteQuery';
}

/**
 * The row that the last write touched, for the statements behind it: one setting for each column of its key, gone with
 * the transaction.
 */
const setting = (place: number): string => `'meridian_row.key_${place}'`;
/** Which row is meant, and how it is known: by what was written, or by the key that was given. */
const WRITTEN = 'w';
const GIVEN = 'g';

export interface Writing {
  readonly entity: Entity;
  readonly tenancy: Tenancy;
  readonly write: Write;
  readonly idempotency: IdempotentStep | null;
  /**
   * What becomes of a write that touches no row. `refuse`: the transaction is refused (`isAbsent`, `isUntouched`). A
   * key: it is left to the database's own code, and the row of that key, where it is known and there is one, is what
   * came of it.
   */
  readonly untouched: 'refuse' | RowKey | null;
  /** Whether there must be a row when every trigger has run (`isUnshown`). */
  readonly required: boolean;
}

/**
 * An insert, an update, or a look. The last statement gives one row, for `readRow`, with `$there` where there is one.
 */
export function writingStatements(writing: Writing): readonly Statement[] {
  const { entity, tenancy, write, idempotency, required } = writing;
  if (write.verb === 'look') return [removingStatement(writing)];
  return [touchStatement(writing), TRIGGERS, rowStatement({ entity, tenancy, idempotency, required, key: 'written' })];
}

/**
 * Fires what a constraint trigger, or a constraint, has put off until COMMIT: what it changes is part of what the write
 * came to.
 */
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

/** The row is looked for only where nothing was touched, in the table as the statement found it. */
function guardSql(entity: Entity, { verb, found }: Write): string {
  const absent =
    verb === 'look'
      ? refusalSql(ABSENT)
      : found === null
        ? refusalSql(UNTOUCHED)
        : `CASE WHEN EXISTS (${found()}) THEN ${refusalSql(UNTOUCHED)} ELSE ${refusalSql(ABSENT)} END`;
  return `CASE WHEN ${tableAlias(entity)}."$touched" THEN NULL ELSE ${absent} END AS "$guard"`;
}

/** A delete, or a look: one statement, whose row has `$there` where there is one. */
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
  /** Its outcome is the row, or that there is none. */
  readonly idempotency: IdempotentStep | null;
  /** Of the viewer's row; or the row that the last write of this transaction touched. */
  readonly key: RowKey | 'written';
  readonly required: boolean;
}

/**
 * The row as the transaction leaves it: one row, with `$there` where it is there. Fails the transaction where a trigger
 * has given it to another tenant.
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
  // A row that was written was the viewer's; one that only has the key that was given need not be.
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

/** The same without what it returns, for tables with rules, which allow for no such thing. */
export function bareStatement({ body, params }: Write): Statement {
  const places = [...body.matchAll(/\$(\d+)/g)].map(([, place]) => Number(place));
  const bare = new Params();
  bare.values.push(...params.values.slice(0, Math.max(0, ...places)));
  return statement(body, bare);
}

/** The write alone, with the row that it touched, or none. */
export function plainStatement(entity: Entity, write: Write): Statement {
  return statement(returning(write, outputColumns(entity)), write.params);
}

/** Columns of the key as an insert gives them; null where it leaves one to the database. */
export function givenKey(
  entity: Entity,
  given: readonly { readonly column: { readonly name: string }; readonly value: SqlParam }[],
): RowKey | null {
  const values = new Map(given.map(({ column, value }) => [column.name, value]));
  return entity.primaryKey.every((column) => values.get(column) !== undefined && values.get(column) !== null)
    ? new Map(entity.primaryKey.map((column) => [column, values.get(column) ?? null]))
    : null;
}
