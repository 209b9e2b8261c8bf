/**
 * Owns a mutation that directives declare, from its arguments to what came of it. The usual case is one pipelined
 * transaction and so one round trip; whoever has not seen the row's latest version, or inserts a key that is taken,
 * costs a second, interactive one, in which the declared policy decides; a request that has run already costs a look at
 * its outcome.
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

/** `replayed`: an earlier request with the same key has run, and this is what came of it. */
export type Mutated = Committed<MutationResult> & { readonly replayed: boolean };

/**
 * Runs the mutation. Throws what `givenValues` and `WriteServer.pipelined` throw, `NOT_FOUND`, and, for a request with
 * a key, what `runOnce` throws.
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

/** Whole tries after the first one, where the row has come or gone between two transactions of one. */
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
    // It is not the viewer's to see, or was deleted meanwhile: then its key is free.
    if (taken !== null && again > 0) return attempt(server, request, again - 1);
    throw told(error, write);
  }
}

/** What the one round trip could not decide: the row is locked, and what then comes of the write counts. */
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
    // An insert can be free of rules, and the update that it becomes not.
    if (!isRuledBy && isRuled(error)) return resolving({ server, request, resolve, isRuledBy: true });
    throw told(error, write);
  }
}

/** What a refusal of a statement's own means to the client; any other error stays as it is. */
function told(error: unknown, write: WriteRequest): unknown {
  return isUnshown(error)
    ? notShown(write, error)
    : (tenantRefusal(error, write.entity, write.field.references) ?? error);
}

/**
 * Of an insert that a unique key refused: that key's columns, where the input gives all of them and anything but a bare
 * error is to come of it.
 */
function takenKey({ entity, field, args, tenancy }: WriteRequest, error: unknown): readonly string[] | null {
  if (field.kind !== 'insert' || (entity.conflict.insertExisting === 'REJECT' && field.payload.conflict === null))
    return null;
  const columns = uniqueColumns(error);
  // Of a partitioned table the server names the partition. A table that a trigger writes to has keys of its own, which
  // say nothing of this one's.
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

/** Columns of the unique key that has refused a write; null for any other error. */
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

/** A deleted row could not be restored, since somebody else was faster: now it is there, to be met as any other. */
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
