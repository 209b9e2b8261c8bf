/** Owns the answer of a repeated mutation: the stored outcome, read back as rows. */
import { type ConflictReason } from '../conflict/resolve.ts';
import { type Entity, type Row } from '../model/model.ts';
import { type Statement } from '../read/ports.ts';
import { outputColumns, readRow } from '../read/sql/columns.ts';
import { qualifiedTable, tableAlias } from '../read/sql/identifiers.ts';
import { Params, statement } from '../read/sql/statement.ts';
import { ofFieldsSql } from './fields.ts';
import { type IdempotentStep, type StoredOutcome } from './idempotency/outcomes.ts';
import { type MutationResult } from './row-writer.ts';

/**
 * Selects the stored row in the columns of `readRow`. The database parses it, since only the database knows the formats
 * of its types. Earlier versions of Meridian stored it as `row`.
 */
export function outcomeRowStatement(entity: Entity, { scope, key, step }: IdempotentStep): Statement {
  const params = new Params();
  const stored = `SELECT "$o".steps -> ${params.raw('text', step)} FROM meridian.outcomes AS "$o" WHERE "$o".scope = ${params.raw('text', scope)} AND "$o".key = ${params.raw('text', key)}`;
  const of = (name: string, row: string): string =>
    `SELECT ${outputColumns(entity)} FROM "$stored" AS "$s" (outcome), ${row} WHERE jsonb_typeof("$s".outcome -> '${name}') = 'object'`;
  const earlier = of(
    'row',
    `jsonb_populate_record(NULL::${qualifiedTable(entity)}, "$s".outcome -> 'row') AS ${tableAlias(entity)}`,
  );
  return statement(
    `WITH "$stored" AS (${stored}) ${of('fields', ofFieldsSql(entity, `("$s".outcome -> 'fields')`))} UNION ALL ${earlier}`,
    params,
  );
}

/** The result from a stored outcome and the row that the database has read from it. */
export function readOutcome(entity: Entity, outcome: StoredOutcome, [found]: readonly Row[]): MutationResult {
  const row = found === undefined ? null : readRow(entity, found);
  if (outcome.kind === 'conflict')
    return {
      kind: 'conflict',
      reason: outcome['reason'] as ConflictReason,
      current: row,
      fields: (outcome['columns'] ?? outcome['fields']) as readonly string[],
    };
  if (outcome.kind !== 'row' || (row === null && outcome['fields'] !== null))
    throw new TypeError(`a mutation met an outcome of kind ${outcome.kind}, which is a transaction's`);
  return { kind: 'row', row, outcome: null };
}
