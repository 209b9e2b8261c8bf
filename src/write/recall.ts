/** Owns what a mutation answers when its request has run before: the outcome that was stored then, read back into the shape of rows. */
import { type ConflictReason } from '../conflict/resolve.ts';
import { type Entity } from '../model/model.ts';
import { type Statement } from '../read/ports.ts';
import { outputColumns, readRow } from '../read/sql/columns.ts';
import { qualifiedTable, tableAlias } from '../read/sql/identifiers.ts';
import { Params, statement } from '../read/sql/statement.ts';
import { decodeError } from './once-error.ts';
import { readRecall, recallStatement, type OnceStep } from './once.ts';
import { type Committed, type TransactionOptions, type WriteServer } from './ports.ts';
import { type MutationResult } from './resolution.ts';

/** The database reads the row, since it alone knows how its types are spelled. */
function rowStatement(entity: Entity, { scope, key, step }: OnceStep): Statement {
  const params = new Params();
  const stored = `SELECT "$o".steps -> ${params.raw('text', step)} -> 'row' FROM meridian.outcomes AS "$o" WHERE "$o".scope = ${params.raw('text', scope)} AND "$o".key = ${params.raw('text', key)}`;
  return statement(`SELECT ${outputColumns(entity)} FROM (${stored}) AS "$s" (stored), jsonb_populate_record(NULL::${qualifiedTable(entity)}, "$s".stored) AS ${tableAlias(entity)} WHERE jsonb_typeof("$s".stored) = 'object'`, params);
}

/**
 * The stored outcome, with a position at or after its commit; null where there is none any more. Throws the error that the request ended with,
 * and `IDEMPOTENCY_KEY_REUSED`.
 */
export async function recalled(server: WriteServer, entity: Entity, once: OnceStep, options: TransactionOptions): Promise<Committed<MutationResult> | null> {
  const { result, ...rest } = await server.pipelined([recallStatement(once), rowStatement(entity, once)], options);
  const outcome = readRecall(once, result[0]?.rows[0]);
  const [found] = result[1]?.rows ?? [];
  const row = found === undefined ? null : readRow(entity, found);
  if (outcome?.kind === 'error') {
    options.onRefused?.(rest.position);
    throw decodeError(outcome);
  }
  if (outcome?.kind === 'conflict') return { ...rest, result: { kind: 'conflict', reason: outcome['reason'] as ConflictReason, current: row, fields: outcome['fields'] as readonly string[] } };
  return row === null ? null : { ...rest, result: { kind: 'row', row, outcome: null } };
}
