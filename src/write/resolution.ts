/**
 * Owns what happens when a write meets a row that its author has not seen: the row is locked, the declared policy decides, and the result, the
 * record of it and the outcome for retries are written in that one transaction. It is the slow way: the first try, in one round trip, has failed.
 */
import { resolveDelete, resolveInsertOfExisting, resolveUpdate, resolveUpdateOfDeleted, type ConflictHandler, type ConflictReason, type Decision } from '../conflict/resolve.ts';
import { type Entity, type Row, type SqlType } from '../model/model.ts';
import { normalizeValue, type SqlParam } from '../model/values.ts';
import { type Statement } from '../read/ports.ts';
import { outputColumns, readRow } from '../read/sql/columns.ts';
import { equalsSql } from '../read/sql/comparing.ts';
import { columnType, fromTable } from '../read/sql/identifiers.ts';
import { Params, statement } from '../read/sql/statement.ts';
import { recordStatement, type ConflictOutcome, type ConflictRecord } from './audit.ts';
import { guardedStatement } from './guarded.ts';
import { columnsStatement, deletedStatement, keyOfRow, readVersion, restoreOf, versionStatement, type RowKey } from './history.ts';
import { claimStatement, settleStatement, type OnceStep } from './once.ts';
import { type Transaction } from './ports.ts';
import { assignmentSql, givenValues, keyCondition, referenceStatements, writeOf, type Write, type WriteRequest } from './statements.ts';
import { staysSql, type Assignment } from './tenant.ts';

export interface ConflictContext {
  /** Field of `Mutation`. */
  readonly mutation: string;
  readonly handler: ConflictHandler | null;
  readonly once: OnceStep | null;
  readonly viewer: { readonly id: string; readonly tenant: string | null } | null;
  /** Whose server resolves it. */
  readonly region: string;
}

/** What a mutation came to. */
export type MutationResult =
  | { readonly kind: 'row'; readonly row: Row; readonly outcome: ConflictOutcome | null }
  /** `fields`: columns in conflict. */
  | { readonly kind: 'conflict'; readonly reason: ConflictReason; readonly current: Row | null; readonly fields: readonly string[] };

/** One try of a transaction that resolves a conflict. */
export class Resolution {
  readonly #tx: Transaction;
  readonly #request: WriteRequest;
  readonly #context: ConflictContext;
  readonly #given: readonly Assignment[];

  constructor(tx: Transaction, request: WriteRequest, context: ConflictContext) {
    this.#tx = tx;
    this.#request = request;
    this.#context = context;
    this.#given = givenValues(request);
  }

  /** An update or delete by somebody who saw the version `seen`. */
  async ofSeen(seen: SqlParam): Promise<MutationResult> {
    const { entity, field } = this.#request;
    const params = new Params();
    const [current] = await this.#begin(statement(`SELECT ${outputColumns(entity)} FROM ${fromTable(entity)} ${keyCondition(this.#request, params, null)} FOR UPDATE`, params));
    if (!current) return this.#ofDeleted(seen);
    // It was another transaction, which has been rolled back, that stood in the way.
    if (versionOf(entity, current) === String(seen)) return this.#write(writeOf(this.#request, this.#given, null), null);
    const base = await this.#version(versionStatement(entity, { key: keyOfRow(entity, current), seen, tenancy: this.#request.tenancy }));
    const { conflicts } = this;
    const clash = { types: typesOf(entity), fixed: fixedOf(entity), base, current };
    if (field.kind === 'delete') {
      const decided = resolveDelete(conflicts, clash);
      const decision: Decision = decided.kind === 'delete' ? { kind: 'write', values: new Map(), winner: 'INCOMING', fields: [] } : decided;
      return this.#conclude({ decision, seen, base, current, outcome: 'DELETED', write: () => writeOf(this.#request, [], null) });
    }
    const decision = resolveUpdate({ ...clash, conflicts, incoming: this.#incoming(), handler: this.#context.handler });
    return this.#conclude({ decision, seen, base, current, outcome: OUTCOMES[conflicts.policy], write: (values) => this.#update(current, values) });
  }

  /** An insert whose `key`, columns with the values that it gives, another row has; null where that row does not exist for the viewer, or not any more. */
  async ofTaken(key: readonly string[]): Promise<MutationResult | null> {
    const { entity, tenancy } = this.#request;
    const incoming = this.#incoming();
    const params = new Params();
    const tests = key.map((column) => equalsSql(entity, column, params.add(columnType(entity, column), incoming.get(column) ?? null)));
    const own = tenancy.condition(entity);
    const [current] = await this.#begin(statement(`SELECT ${outputColumns(entity)} FROM ${fromTable(entity)} WHERE ${[...tests, ...(own === null ? [] : [own(params)])].join(' AND ')} FOR UPDATE`, params));
    if (!current) return null;
    const { conflicts } = this;
    // It may be another unique key that is taken: the row that is there keeps its own primary key.
    const fixed = fixedOf(entity);
    const given = new Map([...incoming].filter(([column]) => !fixed.has(column)));
    const decision = resolveInsertOfExisting(conflicts, { types: typesOf(entity), fixed, current, incoming: given });
    return this.#conclude({ decision, seen: null, base: null, current, outcome: conflicts.insertExisting === 'KEEP' ? 'KEPT' : 'UPDATED', write: (values) => this.#update(current, values) });
  }

  get conflicts(): Entity['conflict'] {
    return this.#request.entity.conflict;
  }

  async #ofDeleted(seen: SqlParam): Promise<MutationResult> {
    const { entity, field, tenancy } = this.#request;
    const key = field.kind === 'update' ? this.#namedKey() : null;
    const base = key !== null && this.conflicts.updateDeleted === 'RESTORE' ? await this.#version(deletedStatement(entity, { key, seen, tenancy })) : null;
    const decision: Decision = key === null ? { kind: 'reject', reason: 'DELETED', fields: [] } : resolveUpdateOfDeleted(this.conflicts, { types: typesOf(entity), base, incoming: this.#incoming() });
    const columns = decision.kind === 'write' && key !== null ? (await this.#tx.query(columnsStatement(entity, { key, seen }))).rows.map(({ name, kept }) => ({ name: String(name), kept: kept === true })) : [];
    return this.#conclude({ decision, seen, base, current: null, outcome: 'RESTORED', write: (values) => restoreOf({ entity, key: key ?? new Map(), seen, values, columns, tenancy }) });
  }

  /** Sent together with what takes the request's key, which comes first: its refusal is the one that is heard. */
  async #begin(first: Statement): Promise<readonly Row[]> {
    const { once } = this.#context;
    const claimed = once === null ? [] : [this.#tx.query(claimStatement(once))];
    const results = await Promise.all([...claimed, this.#tx.query(first)]);
    return (results.at(-1)?.rows ?? []).map((row) => readRow(this.#request.entity, row));
  }

  async #version(sql: Statement): Promise<Row | null> {
    const [row] = (await this.#tx.query(sql)).rows;
    return row ? readVersion(this.#request.entity, row) : null;
  }

  async #conclude({ decision, seen, base, current, outcome, write }: Conclusion): Promise<MutationResult> {
    const { entity } = this.#request;
    const known = { seenVersion: seen, version: current === null ? null : versionOf(entity, current), base, current };
    if (decision.kind === 'reject') {
      const { reason, fields } = decision;
      const { once } = this.#context;
      const record = this.#record({ ...known, outcome: 'REJECTED', reason, winner: 'CURRENT', newVersion: known.version, result: null, fields: fields.map((column) => ({ column, rule: null, taken: 'current' as const })) });
      const settled = once === null ? [] : [settleStatement(once, { kind: 'conflict', reason, fields: [...fields], row: current })];
      await Promise.all([record, ...settled].map((sql) => this.#tx.query(sql)));
      return { kind: 'conflict', reason, current, fields };
    }
    const values = [...decision.values].map(([name, value]): Assignment => ({ column: columnOf(entity, name), value, path: null }));
    const checks = referenceStatements(this.#request, values);
    const result = await this.#write(write(values), outcome, checks);
    await this.#tx.query(this.#record({ ...known, outcome, reason: null, winner: decision.winner, newVersion: result.kind === 'row' && outcome !== 'DELETED' ? versionOf(entity, result.row) : null, result: result.kind === 'row' && outcome !== 'DELETED' ? result.row : null, fields: decision.fields }));
    return result;
  }

  async #write(write: Write, outcome: ConflictOutcome | null, checks: readonly Statement[] = referenceStatements(this.#request, this.#given)): Promise<MutationResult> {
    const { entity } = this.#request;
    const results = await Promise.all([...checks, guardedStatement(entity, write, this.#context.once)].map((sql) => this.#tx.query(sql)));
    return { kind: 'row', row: readRow(entity, results.at(-1)?.rows[0] ?? {}), outcome };
  }

  /** The locked row takes the values; without any it stays as it is, version included. */
  #update(current: Row, values: readonly Assignment[]): Write {
    const { entity, tenancy } = this.#request;
    const params = new Params();
    const set = values.length === 0 ? null : assignmentSql(entity, values, params);
    const where = `WHERE ${[...keyOfRow(entity, current)].map(([column, value]) => equalsSql(entity, column, params.add(columnType(entity, column), value))).join(' AND ')}`;
    if (set === null) return { verb: 'look', body: `${fromTable(entity)} ${where}`, params, stays: '' };
    return { verb: 'write', body: `UPDATE ${fromTable(entity)} SET ${set} ${where}`, params, stays: staysSql(entity, tenancy, params) };
  }

  /** The values that the writer gave, by column. */
  #incoming(): ReadonlyMap<string, SqlParam> {
    const { version } = this.#request.entity;
    return new Map(this.#given.filter(({ column }) => column.name !== version).map(({ column, value }) => [column.name, value]));
  }

  /** The row's primary key where the mutation names its row by that; null where by another one, under which a deleted row cannot be found. */
  #namedKey(): RowKey | null {
    const { entity, field, args } = this.#request;
    const named = new Map([...field.keyArguments].map(([argument, column]) => [column, args[argument]]));
    if (!entity.primaryKey.every((column) => named.has(column))) return null;
    return keyOfRow(entity, Object.fromEntries(entity.primaryKey.map((column) => [column, named.get(column)])));
  }

  #record(told: Pick<ConflictRecord, 'outcome' | 'reason' | 'winner' | 'seenVersion' | 'version' | 'newVersion' | 'base' | 'current' | 'result' | 'fields'>): Statement {
    const { entity } = this.#request;
    const { mutation, viewer, region } = this.#context;
    const shown = told.current ?? told.result ?? told.base;
    const key = shown === null ? [...(this.#namedKey()?.values() ?? [])] : [...keyOfRow(entity, shown).values()];
    return recordStatement({
      ...told, entity: entity.name, mutation, region, policy: this.conflicts.policy,
      rowId: key.length === 0 ? null : key.map(String).join(','),
      viewer: viewer?.id ?? null, tenant: viewer?.tenant ?? null,
      incoming: Object.fromEntries(this.#incoming()),
    });
  }
}

interface Conclusion {
  readonly decision: Decision;
  readonly seen: SqlParam;
  readonly base: Row | null;
  readonly current: Row | null;
  /** If it is written. */
  readonly outcome: ConflictOutcome;
  readonly write: (values: readonly Assignment[]) => Write;
}

const OUTCOMES: Readonly<Record<Entity['conflict']['policy'], ConflictOutcome>> = { REJECT: 'REJECTED', LAST_WRITE_WINS: 'OVERWRITTEN', MERGE: 'MERGED', HANDLER: 'HANDLED' };

function typesOf({ columns }: Entity): ReadonlyMap<string, SqlType> {
  return new Map([...columns].map(([name, { type }]) => [name, type]));
}

/** No writer sets the key of a row that is there, nor its version. */
function fixedOf({ primaryKey, version }: Entity): ReadonlySet<string> {
  return new Set([...primaryKey, ...(version === null ? [] : [version])]);
}

function columnOf(entity: Entity, name: string): Assignment['column'] {
  const column = entity.columns.get(name);
  if (!column) throw new TypeError(`entity ${entity.name} maps no column ${JSON.stringify(name)}`);
  return column;
}

function versionOf(entity: Entity, row: Row): string | null {
  const value = entity.version === null ? null : normalizeValue(columnType(entity, entity.version), row[entity.version]);
  return value === null || 'problem' in value || value.value === null ? null : String(value.value);
}
