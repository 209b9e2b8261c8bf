/**
 * Owns writes that must not pass unnoticed: a statement that fails its transaction where it touches no row, and that stores what it returns
 * as the outcome of a request which is to happen once. All of it in the statement itself, so that a transaction stays one round trip.
 */
import { type Entity } from '../model/model.ts';
import { type Statement } from '../read/ports.ts';
import { outputColumns, rawColumns } from '../read/sql/columns.ts';
import { tableAlias } from '../read/sql/identifiers.ts';
import { statement } from '../read/sql/statement.ts';
import { settleSql, type OnceStep } from './once.ts';
import { refusalOf, refusalSql } from './refusal.ts';
import { returning, type Write } from './statements.ts';

const UNTOUCHED = 'untouched';

/** What a transaction was refused for: no row had the key, or the version that the writer saw. */
export function isUntouched(error: unknown): boolean {
  return refusalOf(error) === UNTOUCHED;
}

/** The write as a statement that returns the row (`readRow`), or refuses the transaction (`isUntouched`). */
export function guardedStatement(entity: Entity, write: Write, once: OnceStep | null): Statement {
  const { params } = write;
  const parts = [`"$written" AS (${returning(write, `${rawColumns(entity)}, TRUE AS "$touched"`)})`];
  if (once !== null) parts.push(`"$settled" AS (${settleSql(once, params, `jsonb_build_object('kind', 'row', 'row', (SELECT to_jsonb("$written") FROM "$written"))`)})`);
  const guard = `CASE WHEN ${tableAlias(entity)}."$touched" THEN NULL ELSE ${refusalSql(UNTOUCHED)} END AS "$guard"`;
  return statement(`WITH ${parts.join(', ')} SELECT ${outputColumns(entity)}, ${guard} FROM (SELECT) AS "$one" LEFT JOIN "$written" AS ${tableAlias(entity)} ON TRUE`, params);
}
