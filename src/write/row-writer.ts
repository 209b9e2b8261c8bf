/**
 * Owns the writes of a transaction that resolves a conflict. The result is the row with the key after rules and
 * triggers have run.
 */
import { type ConflictReason } from '../conflict/resolve.ts';
import { MeridianError } from '../base/errors.ts';
import { type Row } from '../model/model.ts';
import { type Statement } from '../read/ports.ts';
import { readRow } from '../read/sql/columns.ts';
import { equalsSql } from '../read/sql/comparing.ts';
import { columnType, fromTable } from '../read/sql/identifiers.ts';
import { Params } from '../read/sql/statement.ts';
import { type ConflictOutcome } from './audit.ts';
import {
  bareStatement,
  isRuled,
  plainStatement,
  removingStatement,
  rowStatement,
  TRIGGERS,
  writingStatements,
} from './guarded.ts';
import { keyOfRow, type RowKey } from './history.ts';
import { settleStatement, type IdempotentStep } from './idempotency/outcomes.ts';
import { type Transaction } from './ports.ts';
import { assignmentSql, referenceStatements, type Write, type WriteRequest } from './statements.ts';
import { staysSql, type Assignment } from './tenant.ts';

/** The result of a mutation. */
export type MutationResult =
  /**
   * `row`: as the transaction left it, or as it was before a delete; null where database code has stored it elsewhere.
   */
  | { readonly kind: 'row'; readonly row: Row | null; readonly outcome: ConflictOutcome | null }
  /** `fields`: the columns in conflict. */
  | {
      readonly kind: 'conflict';
      readonly reason: ConflictReason;
      readonly current: Row | null;
      readonly fields: readonly string[];
    };

/** One write of a resolution, built again for each try. */
export interface RowWrite {
  readonly make: () => Write;
  /** The key of the affected row, and that row; null where unknown. */
  readonly key: RowKey | null;
  readonly current: Row | null;
  readonly outcome: ConflictOutcome | null;
  readonly checks?: readonly Statement[];
}

export interface RowWriterParts {
  readonly tx: Transaction;
  readonly request: WriteRequest;
  readonly idempotency: IdempotentStep | null;
  /** The table has rules that rewrite the write. */
  readonly isRuled: boolean;
  /** The values that the mutation gives. */
  readonly given: readonly Assignment[];
}

export class RowWriter {
  readonly #tx: Transaction;
  readonly #request: WriteRequest;
  readonly #idempotency: IdempotentStep | null;
  readonly #isRuled: boolean;
  readonly #given: readonly Assignment[];

  constructor({ tx, request, idempotency, isRuled, given }: RowWriterParts) {
    this.#tx = tx;
    this.#request = request;
    this.#idempotency = idempotency;
    this.#isRuled = isRuled;
    this.#given = given;
  }

  async write({
    make,
    key,
    current,
    outcome,
    checks = referenceStatements(this.#request, this.#given),
  }: RowWrite): Promise<MutationResult> {
    const { entity, field, tenancy } = this.#request;
    const idempotency = this.#idempotency;
    if (field.kind === 'delete') return { kind: 'row', row: await this.#remove(make, key, current), outcome };
    if (this.#isRuled) {
      await this.#all(checks);
      return { kind: 'row', row: await this.#changeByRules(make, key), outcome };
    }
    const required = field.payload.entityRequired === true;
    return {
      kind: 'row',
      row: await this.#all([
        ...checks,
        ...writingStatements({ entity, tenancy, write: make(), idempotency, untouched: key, required }),
      ]),
      outcome,
    };
  }

  async #changeByRules(make: () => Write, key: RowKey | null): Promise<Row | null> {
    const { entity, field, tenancy } = this.#request;
    const idempotency = this.#idempotency;
    const required = field.payload.entityRequired === true;
    const touched = await this.#plain(make);
    const found = touched === null ? key : keyOfRow(entity, touched);
    if (found !== null)
      return this.#all([TRIGGERS, rowStatement({ entity, tenancy, idempotency, key: found, required })]);
    if (required) throw notShown(this.#request);
    await this.#all([
      TRIGGERS,
      ...(idempotency === null ? [] : [settleStatement(idempotency, { kind: 'row', fields: null })]),
    ]);
    return null;
  }

  /**
   * The row as it was, or as it is now if database code has kept it. The row's present state is stored as the outcome
   * first, since after a delete it cannot be read.
   */
  async #remove(make: () => Write, key: RowKey | null, current: Row | null): Promise<Row | null> {
    const { entity, tenancy } = this.#request;
    const idempotency = this.#idempotency;
    const look = (settled: IdempotentStep | null): readonly Statement[] =>
      key === null ? [] : [rowStatement({ entity, tenancy, idempotency: settled, key, required: false })];
    const before = idempotency === null ? [] : look(idempotency);
    if (this.#isRuled) await this.#all(before);
    const gone = this.#isRuled
      ? await this.#plain(make)
      : await this.#all([
          ...before,
          removingStatement({ entity, tenancy, write: make(), idempotency: null, untouched: null, required: false }),
        ]);
    if (gone !== null) return gone;
    const left = await this.#all([TRIGGERS, ...look(null)]);
    if (left !== null && idempotency !== null) await this.#all(look(idempotency));
    return left ?? current;
  }

  /** Writes to a table with rules, with RETURNING if they allow it, else without. */
  async #plain(make: () => Write): Promise<Row | null> {
    const { entity } = this.#request;
    await this.#tx.query('SAVEPOINT meridian_rules');
    try {
      const [row] = (await this.#tx.query(plainStatement(entity, make()))).rows;
      return row === undefined ? null : readRow(entity, row);
    } catch (error) {
      if (!isRuled(error)) throw error;
      await this.#all([plainText('ROLLBACK TO SAVEPOINT meridian_rules'), bareStatement(make())]);
      return null;
    }
  }

  /** Sends the statements together; returns the last one's row if `$there` is true. */
  async #all(statements: readonly Statement[]): Promise<Row | null> {
    const results = await Promise.all(statements.map((sql) => this.#tx.query(sql)));
    const row = results.at(-1)?.rows[0];
    return row?.['$there'] === true ? readRow(this.#request.entity, row) : null;
  }

  /** An update of the locked row. Without values the row is not changed, its version included. */
  update(current: Row, values: readonly Assignment[]): Write {
    const { entity, tenancy } = this.#request;
    const params = new Params();
    const set = values.length === 0 ? null : assignmentSql(entity, values, params);
    const where = `WHERE ${this.isRow(keyOfRow(entity, current), params)}`;
    if (set === null) return { verb: 'look', body: `${fromTable(entity)} ${where}`, params, stays: '', found: null };
    return {
      verb: 'write',
      body: `UPDATE ${fromTable(entity)} SET ${set} ${where}`,
      params,
      stays: staysSql(entity, tenancy, params),
      found: null,
    };
  }

  isRow(key: RowKey, params: Params): string {
    const { entity } = this.#request;
    return [...key]
      .map(([column, value]) => equalsSql(entity, column, params.add(columnType(entity, column), value)))
      .join(' AND ');
  }
}

/** A statement without parameters or a name. */
export const plainText = (text: string): Statement => ({ name: '', text, values: [] });

/** The error for a write that leaves no row where the payload requires one. */
export function notShown({ entity, field }: WriteRequest, cause?: unknown): MeridianError {
  const message = `A trigger or a rule of the database leaves no ${entity.name} to be shown by "${field.payload.entityField ?? ''}", which must not be null; nothing was written. Make that field nullable.`;
  return new MeridianError({
    code: 'CONFIG_INVALID',
    message,
    details: { entity: entity.name },
    ...(cause === undefined ? {} : { cause }),
  });
}
