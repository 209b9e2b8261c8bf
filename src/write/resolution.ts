/**
 * Owns conflict resolution: the write found a row version that its author has not seen. The row is locked, the declared
 * policy decides, and the result, the conflict record and the outcome for retries are written in one transaction. It
 * runs only after the single round trip has failed.
 */
import {
  resolveDelete,
  resolveInsertOfExisting,
  resolveUpdate,
  resolveUpdateOfDeleted,
  type ConflictHandler,
  type ConflictReason,
  type Decision,
} from '../conflict/resolve.ts';
import { type Entity, type Row, type SqlType } from '../model/model.ts';
import { normalizeValue, type SqlParam } from '../model/values.ts';
import { isDataException } from '../read/input.ts';
import { type Statement } from '../read/ports.ts';
import { outputColumns, readRow } from '../read/sql/columns.ts';
import { equalsSql } from '../read/sql/comparing.ts';
import { columnOf, columnType, fromTable } from '../read/sql/identifiers.ts';
import { Params, statement } from '../read/sql/statement.ts';
import { recordStatement, type ConflictOutcome, type ConflictRecord } from './audit.ts';
import { givenKey } from './guarded.ts';
import {
  columnsStatement,
  deletedStatement,
  keyOfRow,
  readVersion,
  restoreOf,
  versionStatement,
  type RowKey,
} from './history.ts';
import { claimStatement, settleSql, settleStatement, type IdempotentStep } from './idempotency/outcomes.ts';
import { fieldsSql } from './fields.ts';
import { type Transaction } from './ports.ts';
import { plainText, RowWriter, type MutationResult } from './row-writer.ts';
import {
  givenValues,
  insertedValues,
  keyCondition,
  referenceStatements,
  writeOf,
  type Write,
  type WriteRequest,
} from './statements.ts';
import { type Assignment } from './tenant.ts';

export interface ConflictContext {
  /** Field of `Mutation`. */
  readonly mutation: string;
  readonly handler: ConflictHandler | null;
  readonly idempotency: IdempotentStep | null;
  readonly viewer: { readonly id: string; readonly tenant: string | null } | null;
  /** The region whose server resolves the conflict. */
  readonly region: string;
}

interface SettledConflictInput {
  readonly idempotency: IdempotentStep;
  readonly reason: ConflictReason;
  readonly fields: readonly string[];
  readonly current: Row | null;
}

export interface ResolutionParts {
  readonly tx: Transaction;
  readonly request: WriteRequest;
  readonly context: ConflictContext;
  /** The table has rules that rewrite the write. */
  readonly isRuled: boolean;
}

/** One attempt of a transaction that resolves a conflict. */
export class Resolution {
  readonly #tx: Transaction;
  readonly #request: WriteRequest;
  readonly #context: ConflictContext;
  readonly #given: readonly Assignment[];
  readonly #rows: RowWriter;

  constructor({ tx, request, context, isRuled }: ResolutionParts) {
    this.#tx = tx;
    this.#request = request;
    this.#context = context;
    this.#given = givenValues(request);
    this.#rows = new RowWriter({ tx, request, idempotency: context.idempotency, isRuled, given: this.#given });
  }

  /**
   * An update or delete of the row in any version; null where there is no such row. The effects of triggers and rules
   * are part of the result.
   */
  async ofAny(): Promise<MutationResult | null> {
    const current = await this.#locked();
    return current === null ? null : this.#writeIt(current);
  }

  /** An insert into a table with rules. */
  async ofInsert(): Promise<MutationResult> {
    const { idempotency } = this.#context;
    if (idempotency !== null) await this.#tx.query(claimStatement(idempotency));
    const key = givenKey(this.#request.entity, insertedValues(this.#request, this.#given));
    return this.#rows.write({
      make: () => writeOf(this.#request, this.#given, null),
      key,
      current: null,
      outcome: null,
    });
  }

  /** Reads and locks the row that the mutation names. */
  async #locked(): Promise<Row | null> {
    const { entity } = this.#request;
    const params = new Params();
    const [current] = await this.#begin(
      statement(
        `SELECT ${outputColumns(entity)} FROM ${fromTable(entity)} ${keyCondition(this.#request, params, null)} FOR UPDATE`,
        params,
      ),
    );
    return current ?? null;
  }

  #writeIt(current: Row): Promise<MutationResult> {
    return this.#rows.write({
      make: () => writeOf(this.#request, this.#given, null),
      key: keyOfRow(this.#request.entity, current),
      current,
      outcome: null,
    });
  }

  /** An update or delete by a client that saw the version `seen`. */
  async ofSeen(seen: SqlParam): Promise<MutationResult> {
    const { entity, field } = this.#request;
    const current = await this.#locked();
    if (!current) return this.#ofDeleted(seen);
    // The first attempt failed because of a concurrent transaction that has been rolled back, or because database code
    // replaced the write.
    if (versionOf(entity, current) === String(seen)) return this.#writeIt(current);
    const base = await this.#version(
      versionStatement(entity, { key: keyOfRow(entity, current), seen, tenancy: this.#request.tenancy }),
    );
    const { conflicts } = this;
    const clash = { types: typesOf(entity), fixed: fixedOf(entity), base, current };
    if (field.kind === 'delete') {
      const decided = resolveDelete(conflicts, clash);
      const decision: Decision =
        decided.kind === 'delete' ? { kind: 'write', values: new Map(), winner: 'INCOMING', fields: [] } : decided;
      return this.#conclude({
        decision,
        seen,
        base,
        current,
        outcome: 'DELETED',
        write: () => writeOf(this.#request, [], null),
      });
    }
    const decision = resolveUpdate({ ...clash, conflicts, incoming: this.#incoming(), handler: this.#context.handler });
    return this.#conclude({
      decision,
      seen,
      base,
      current,
      outcome: OUTCOMES[conflicts.policy],
      write: (values) => this.#rows.update(current, values),
    });
  }

  /**
   * An insert whose values in the columns `key` belong to an existing row; null where that row is not visible to the
   * viewer or no longer exists.
   */
  async ofTaken(key: readonly string[]): Promise<MutationResult | null> {
    const { entity, tenancy } = this.#request;
    const incoming = this.#incoming();
    const params = new Params();
    const tests = key.map((column) =>
      equalsSql(entity, column, params.add(columnType(entity, column), incoming.get(column) ?? null)),
    );
    const own = tenancy.condition(entity);
    const [current] = await this.#begin(
      statement(
        `SELECT ${outputColumns(entity)} FROM ${fromTable(entity)} WHERE ${[...tests, ...(own === null ? [] : [own(params)])].join(' AND ')} FOR UPDATE`,
        params,
      ),
    );
    if (!current) return null;
    const { conflicts } = this;
    // The violated key may not be the primary key: the existing row keeps its own primary key.
    const fixed = fixedOf(entity);
    const given = new Map([...incoming].filter(([column]) => !fixed.has(column)));
    const decision = resolveInsertOfExisting(conflicts, { types: typesOf(entity), fixed, current, incoming: given });
    return this.#conclude({
      decision,
      seen: null,
      base: null,
      current,
      outcome: conflicts.insertExisting === 'KEEP' ? 'KEPT' : 'UPDATED',
      write: (values) => this.#rows.update(current, values),
    });
  }

  get conflicts(): Entity['conflict'] {
    return this.#request.entity.conflict;
  }

  async #ofDeleted(seen: SqlParam): Promise<MutationResult> {
    const { entity, field, tenancy } = this.#request;
    const key = field.kind === 'update' ? this.#namedKey() : null;
    const base =
      key !== null && this.conflicts.updateDeleted === 'RESTORE'
        ? await this.#version(deletedStatement(entity, { key, seen, tenancy }))
        : null;
    const decision: Decision =
      key === null
        ? { kind: 'reject', reason: 'DELETED', fields: [] }
        : resolveUpdateOfDeleted(this.conflicts, { types: typesOf(entity), base, incoming: this.#incoming() });
    // The database reads the version's values itself; only the given values replace them.
    const incoming = this.#incoming();
    const columns =
      decision.kind === 'write' && key !== null
        ? (await this.#tx.query(columnsStatement(entity, { key, seen }))).rows.map(({ name, type, kept }) => ({
            name: String(name),
            type: String(type),
            kept: kept === true,
          }))
        : [];
    return this.#conclude({
      decision,
      seen,
      base,
      current: null,
      key,
      outcome: 'RESTORED',
      write: (values) =>
        restoreOf({
          entity,
          key: key ?? new Map(),
          seen,
          values: values.filter(({ column }) => incoming.has(column.name)),
          columns,
          tenancy,
        }),
    });
  }

  /**
   * Sent together with the claim of the request's key. The claim comes first, so that its refusal is the error that is
   * reported.
   */
  async #begin(first: Statement): Promise<readonly Row[]> {
    const { idempotency } = this.#context;
    const claimed = idempotency === null ? [] : [this.#tx.query(claimStatement(idempotency))];
    const results = await Promise.all([...claimed, this.#tx.query(first)]);
    return (results.at(-1)?.rows ?? []).map((row) => readRow(this.#request.entity, row));
  }

  /** A version whose texts no longer fit the columns, because their types were altered, is treated as not stored. */
  async #version(sql: Statement): Promise<Row | null> {
    const [, version] = await Promise.allSettled(
      [plainText('SAVEPOINT meridian_version'), sql].map((one) => this.#tx.query(one)),
    );
    if (version?.status === 'rejected') {
      if (!isDataException(version.reason)) throw version.reason;
      await this.#tx.query('ROLLBACK TO SAVEPOINT meridian_version');
      return null;
    }
    const row = version?.value.rows[0];
    return row ? readVersion(this.#request.entity, row) : null;
  }

  async #conclude({ decision, seen, base, current, key = null, outcome, write }: Conclusion): Promise<MutationResult> {
    const { entity } = this.#request;
    const known = { seenVersion: seen, version: current === null ? null : versionOf(entity, current), base, current };
    if (decision.kind === 'reject') {
      const { reason, fields } = decision;
      const { idempotency } = this.#context;
      const record = this.#record({
        ...known,
        outcome: 'REJECTED',
        reason,
        winner: 'CURRENT',
        newVersion: known.version,
        result: null,
        fields: fields.map((column) => ({ column, rule: null, taken: 'current' as const })),
      });
      const settled = idempotency === null ? [] : [this.#settledConflict({ idempotency, reason, fields, current })];
      await Promise.all([record, ...settled].map((sql) => this.#tx.query(sql)));
      return { kind: 'conflict', reason, current, fields };
    }
    const values = [...decision.values].map(([name, value]): Assignment => ({
      column: columnOf(entity, name),
      value,
      path: null,
    }));
    const checks = referenceStatements(this.#request, values);
    const result = await this.#rows.write({
      make: () => write(values),
      key: current === null ? key : keyOfRow(entity, current),
      current,
      outcome,
      checks,
    });
    const row = result.kind === 'row' && outcome !== 'DELETED' ? result.row : null;
    await this.#tx.query(
      this.#record({
        ...known,
        outcome,
        reason: null,
        winner: decision.winner,
        newVersion: row === null ? null : versionOf(entity, row),
        result: row,
        fields: decision.fields,
      }),
    );
    return result;
  }

  /** The database reads the current row again, since only the database knows the formats of its types. */
  #settledConflict({ idempotency, reason, fields, current }: SettledConflictInput): Statement {
    const { entity } = this.#request;
    if (current === null)
      return settleStatement(idempotency, { kind: 'conflict', reason, columns: [...fields], fields: null });
    const params = new Params();
    const told = params.raw('jsonb', JSON.stringify({ kind: 'conflict', reason, columns: fields }));
    const row = `(SELECT ${fieldsSql(entity)} FROM ${fromTable(entity)} WHERE ${this.#rows.isRow(keyOfRow(entity, current), params)})`;
    return statement(
      settleSql(idempotency, params, `${told} || pg_catalog.jsonb_build_object('fields', ${row})`),
      params,
    );
  }

  /** The values that the client gave, by column. */
  #incoming(): ReadonlyMap<string, SqlParam> {
    const { version } = this.#request.entity;
    return new Map(
      this.#given.filter(({ column }) => column.name !== version).map(({ column, value }) => [column.name, value]),
    );
  }

  /**
   * The row's primary key if the mutation names its row by it; null if it uses another key, by which a deleted row
   * cannot be found.
   */
  #namedKey(): RowKey | null {
    const { entity, field, args } = this.#request;
    const named = new Map([...field.keyArguments].map(([argument, column]) => [column, args[argument]]));
    if (!entity.primaryKey.every((column) => named.has(column))) return null;
    return keyOfRow(entity, Object.fromEntries(entity.primaryKey.map((column) => [column, named.get(column)])));
  }

  #record(
    told: Pick<
      ConflictRecord,
      | 'outcome'
      | 'reason'
      | 'winner'
      | 'seenVersion'
      | 'version'
      | 'newVersion'
      | 'base'
      | 'current'
      | 'result'
      | 'fields'
    >,
  ): Statement {
    const { entity } = this.#request;
    const { mutation, viewer, region } = this.#context;
    const shown = told.current ?? told.result ?? told.base;
    const key = shown === null ? [...(this.#namedKey()?.values() ?? [])] : [...keyOfRow(entity, shown).values()];
    return recordStatement({
      ...told,
      entity: entity.name,
      mutation,
      region,
      policy: this.conflicts.policy,
      rowId: key.length === 0 ? null : key.map(String).join(','),
      viewer: viewer?.id ?? null,
      tenant: viewer?.tenant ?? null,
      incoming: Object.fromEntries(this.#incoming()),
    });
  }
}

interface Conclusion {
  readonly decision: Decision;
  readonly seen: SqlParam;
  readonly base: Row | null;
  readonly current: Row | null;
  /** The key, if the row does not exist. */
  readonly key?: RowKey | null;
  /** The outcome if the row is written. */
  readonly outcome: ConflictOutcome;
  readonly write: (values: readonly Assignment[]) => Write;
}

const OUTCOMES: Readonly<Record<Entity['conflict']['policy'], ConflictOutcome>> = {
  REJECT: 'REJECTED',
  LAST_WRITE_WINS: 'OVERWRITTEN',
  MERGE: 'MERGED',
  HANDLER: 'HANDLED',
};

function typesOf({ columns }: Entity): ReadonlyMap<string, SqlType> {
  return new Map([...columns].map(([name, { type }]) => [name, type]));
}

/** Columns that a write never changes in an existing row: its key and its version. */
function fixedOf({ primaryKey, version }: Entity): ReadonlySet<string> {
  return new Set([...primaryKey, ...(version === null ? [] : [version])]);
}

function versionOf(entity: Entity, row: Row): string | null {
  const value =
    entity.version === null ? null : normalizeValue(columnType(entity, entity.version), row[entity.version]);
  return value === null || 'problem' in value || value.value === null ? null : String(value.value);
}
