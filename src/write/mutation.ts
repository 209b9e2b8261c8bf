/**
 * Owns the execution of a mutation declared by directives. The usual case is one pipelined transaction and one round
 * trip. A client that has not seen the row's latest version, or that inserts an existing key, needs a second,
 * interactive transaction, in which the declared policy decides. A repeated request reads its stored outcome.
 */
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { type SqlParam } from '../model/values.ts';
import { readRow } from '../read/sql/columns.ts';
import { type Statement } from '../read/ports.ts';
import {
  givenKey,
  isAbsent,
  isRuled,
  isUnshown,
  isUntouched,
  removingStatement,
  writingStatements,
} from './guarded.ts';
import { runIdempotent } from './idempotency/run.ts';
import { claimStatement, type IdempotentStep } from './idempotency/outcomes.ts';
import { type Committed, type TransactionOptions, type WriteServer } from './ports.ts';
import { outcomeRowStatement, readOutcome } from './recall.ts';
import { Resolution, type ConflictContext } from './resolution.ts';
import { notShown, type MutationResult } from './row-writer.ts';
import {
  givenValues,
  insertedValues,
  referenceStatements,
  seenVersion,
  writeOf,
  type WriteRequest,
} from './statements.ts';
import { tenantRefusal } from './tenant.ts';

export interface MutationRequest {
  readonly write: WriteRequest;
  readonly context: ConflictContext;
  readonly options: TransactionOptions;
}

/** `replayed`: the result is the stored outcome of an earlier request with the same key. */
export type Mutated = Committed<MutationResult> & { readonly replayed: boolean };

/**
 * Runs the mutation. Throws the errors of `givenValues` and `WriteServer.pipelined`, `NOT_FOUND`, and, for a request
 * with a key, those of `runIdempotent`.
 */
export async function mutate(server: WriteServer, request: MutationRequest): Promise<Mutated> {
  const {
    write: { entity },
    context: { idempotency },
  } = request;
  const options = { ...request.options, table: entity.table };
  if (idempotency === null) return { ...(await attempt(server, { ...request, options })), replayed: false };
  let replayed = false;
  const done = await runIdempotent<MutationResult>(server, {
    idempotency,
    options,
    attempt: () => attempt(server, { ...request, options }),
    also: outcomeRowStatement(entity, idempotency),
    read: (outcome, rows) => {
      replayed = true;
      return readOutcome(entity, outcome, rows);
    },
  });
  return { ...done, replayed };
}

/** Repetitions of the whole mutation where the row was inserted or deleted between its two transactions. */
const AGAIN = 1;

async function attempt(
  server: WriteServer,
  request: MutationRequest,
  again = AGAIN,
): Promise<Committed<MutationResult>> {
  const { write, context, options } = request;
  const { entity, field } = write;
  const seen = field.kind === 'insert' ? null : seenVersion(write);
  try {
    const { result, ...rest } = await server.pipelined(statementsOf(write, context.idempotency, seen), options);
    const row = result.at(-1)?.rows[0];
    return {
      ...rest,
      result: { kind: 'row', row: row?.['$there'] === true ? readRow(entity, row) : null, outcome: null },
    };
  } catch (error) {
    if (isAbsent(error) && seen === null) throw notFound(write);
    if (isAbsent(error) || isUntouched(error) || isRuled(error))
      return resolved(server, request, { seen, again, isRuledBy: isRuled(error) });
    const key = takenKey(write, error);
    const taken =
      key === null ? null : await resolving({ server, request, resolve: (resolution) => resolution.ofTaken(key) });
    if (taken !== null && taken.result !== null) return { ...taken, result: taken.result };
    // The row belongs to another tenant, or was deleted meanwhile and its key is free again.
    if (taken !== null && again > 0) return attempt(server, request, again - 1);
    throw told(error, write);
  }
}

/** Resolves what the single round trip could not decide: the row is locked before the write. */
async function resolved(
  server: WriteServer,
  request: MutationRequest,
  { seen, again, isRuledBy }: { readonly seen: SqlParam; readonly again: number; readonly isRuledBy: boolean },
): Promise<Committed<MutationResult>> {
  const { write } = request;
  const resolve = (resolution: Resolution): Promise<MutationResult | null> =>
    write.field.kind === 'insert'
      ? resolution.ofInsert()
      : seen === null
        ? resolution.ofAny()
        : resolution.ofSeen(seen);
  try {
    const done = await resolving({ server, request, resolve, isRuledBy });
    if (done.result === null) throw notFound(write);
    return { ...done, result: done.result };
  } catch (failure) {
    if (again === 0 || !isBackAlready(write, failure)) throw failure;
    return attempt(server, request, again - 1);
  }
}

function statementsOf(write: WriteRequest, idempotency: IdempotentStep | null, seen: SqlParam): readonly Statement[] {
  const { entity, field, tenancy } = write;
  const given = givenValues(write);
  const untouched = field.kind === 'insert' ? givenKey(entity, insertedValues(write, given)) : 'refuse';
  const writing = {
    entity,
    tenancy,
    write: writeOf(write, given, seen),
    idempotency,
    untouched,
    required: field.payload.entityRequired === true,
  } as const;
  const claim = idempotency === null ? [] : [claimStatement(idempotency)];
  return [
    ...claim,
    ...referenceStatements(write, given),
    ...(field.kind === 'delete' ? [removingStatement(writing)] : writingStatements(writing)),
  ];
}

interface Resolving<R> {
  readonly server: WriteServer;
  readonly request: MutationRequest;
  readonly resolve: (resolution: Resolution) => Promise<R>;
  readonly isRuledBy?: boolean;
}

async function resolving<R extends MutationResult | null>({
  server,
  request,
  resolve,
  isRuledBy = false,
}: Resolving<R>): Promise<Committed<R>> {
  const { write, context, options } = request;
  try {
    return await server.transaction(
      (tx) => resolve(new Resolution({ tx, request: write, context, isRuled: isRuledBy })),
      options,
    );
  } catch (error) {
    // The insert may have no rules while the update that replaces it does.
    if (!isRuledBy && isRuled(error)) return resolving({ server, request, resolve, isRuledBy: true });
    throw told(error, write);
  }
}

/** Translates a refusal by one of our statements for the client; other errors are returned unchanged. */
function told(error: unknown, write: WriteRequest): unknown {
  return isUnshown(error)
    ? notShown(write, error)
    : (tenantRefusal(error, write.entity, write.field.references) ?? error);
}

/**
 * The columns of the unique key that rejected an insert, where the input gives all of them and the conflict policy or a
 * conflict field of the payload calls for more than the plain error.
 */
function takenKey({ entity, field, args, tenancy }: WriteRequest, error: unknown): readonly string[] | null {
  if (field.kind !== 'insert' || (entity.conflict.insertExisting === 'REJECT' && field.payload.conflict === null))
    return null;
  const columns = uniqueColumns(error);
  // For a partitioned table the server names the partition. The violated key may also belong to a table that a trigger
  // writes to, and then tells nothing about this table.
  if (
    !isMeridianError(error) ||
    columns === null ||
    (error.details['table'] !== entity.table.name && !entity.uniqueKeys.some((key) => isSameKey(key, columns)))
  )
    return null;
  const given = givenValues({ entity, field, args, tenancy });
  return columns.length > 0 &&
    columns.every((name) => given.some(({ column, value }) => column.name === name && value !== null))
    ? columns
    : null;
}

/** The columns of the violated unique key; null for any other error. */
function uniqueColumns(error: unknown): readonly string[] | null {
  if (
    !isMeridianError(error, 'CONSTRAINT_VIOLATION') ||
    error.details['sqlState'] !== '23505' ||
    error.details['raised'] === true
  )
    return null;
  return error.details['columns'] as readonly string[];
}

const isSameKey = (key: readonly string[], columns: readonly string[]): boolean =>
  key.length === columns.length && key.every((column) => columns.includes(column));

/**
 * Whether restoring a deleted row failed because a concurrent transaction has inserted it again; then it is an ordinary
 * existing row.
 */
function isBackAlready({ entity, field }: WriteRequest, error: unknown): boolean {
  const columns = field.kind === 'update' ? uniqueColumns(error) : null;
  return columns !== null && isSameKey(entity.primaryKey, columns);
}

function notFound({ entity, field, args }: WriteRequest): MeridianError {
  const key = Object.fromEntries([...field.keyArguments.keys()].map((name) => [name, args[name]]));
  const named = Object.entries(key)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .join(', ');
  return new MeridianError({
    code: 'NOT_FOUND',
    message: `There is no ${entity.name} with ${named} to ${field.kind}; nothing was changed.`,
    details: { entity: entity.name, key },
  });
}
