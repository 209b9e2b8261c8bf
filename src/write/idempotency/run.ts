/**
 * Owns the execution of a step: it is tried, found to be known, or executed and stored, with a limited number of
 * rounds.
 */
import { isMeridianError, MeridianError } from '../../base/errors.ts';
import { type Position } from '../../base/lineage.ts';
import { type Row } from '../../model/model.ts';
import { isDataException } from '../../read/input.ts';
import { type Statement } from '../../read/ports.ts';
import {
  asUnconfirmed,
  isKnown,
  idempotencyRefusal,
  readRecall,
  recallStatement,
  type IdempotentStep,
  type StoredOutcome,
} from './outcomes.ts';
import { decodeError, encodeError, settleError } from './error.ts';
import { type Committed, type TransactionOptions, type WriteServer } from '../ports.ts';

export interface IdempotentRun<T> {
  readonly idempotency: IdempotentStep;
  readonly options?: TransactionOptions;
  /**
   * One transaction that claims the step, executes it and stores its outcome. `onFree` may be called as soon as the
   * claim is known to be granted. An error that it throws is stored as the step's outcome if it is a final answer
   * (`encodeError`).
   */
  readonly attempt: (onFree: () => void) => Promise<Committed<T>>;
  /** A statement that is run together with reading the stored outcome, for `read`. */
  readonly also?: Statement;
  /** Converts a stored outcome that is not an error; `rows` is the result of `also`. */
  readonly read: (outcome: StoredOutcome, rows: readonly Row[]) => T;
}

/**
 * A known outcome may expire before it is read, and after a lost connection the next claim shows whether the step was
 * executed. Both are rare.
 */
const ROUNDS = 3;

/**
 * Throws a stored error, `IDEMPOTENCY_KEY_REUSED`, `WRITE_UNCONFIRMED` (the client sends the request again), and the
 * errors of transactions.
 */
export async function runIdempotent<T>(server: WriteServer, run: IdempotentRun<T>): Promise<Committed<T>> {
  const { idempotency } = run;
  let doubt: MeridianError | null = null;
  // The claim was granted, so no earlier round has executed the step.
  const onFree = (): void => {
    doubt = null;
  };
  for (let round = 1; round <= ROUNDS; round += 1) {
    try {
      const committed = await run.attempt(onFree);
      idempotency.onVerdict?.('first');
      return committed;
    } catch (error) {
      if (isMeridianError(error, 'WRITE_OUTCOME_UNKNOWN')) {
        doubt = error;
        continue;
      }
      const kept = await keptAfter(server, run, error).catch((failure: unknown) => {
        throw doubt === null ? failure : asUnconfirmed(doubt);
      });
      if (kept.outcome !== null) return answer(run, kept, error);
    }
  }
  throw doubt === null
    ? new MeridianError({
        code: 'WRITE_UNCONFIRMED',
        message:
          'What is kept for this idempotency-key ended again and again while it was read; send the request again.',
      })
    : asUnconfirmed(doubt);
}

interface Kept {
  /** Null where it has expired, so that the step is free again. */
  readonly outcome: StoredOutcome | null;
  readonly rows: readonly Row[];
  readonly position: Position;
}

/**
 * The stored outcome after a try was rolled back with this error. The error itself is stored where it is a final
 * answer; otherwise it is thrown.
 */
async function keptAfter<T>(server: WriteServer, run: IdempotentRun<T>, error: unknown): Promise<Kept> {
  if (isKnown(error)) return recall(server, run);
  const { idempotency, options = {} } = run;
  const outcome = encodeError(error, idempotency.maxBytes);
  if (outcome === null) throw idempotencyRefusal(error, idempotency) ?? error;
  const kept = await settleError({ server, idempotency, outcome, options });
  // A concurrent try was faster and succeeded where this one failed.
  if (kept.outcome !== null && kept.outcome.kind !== 'error') return recall(server, run);
  return { ...kept, rows: [] };
}

/** Reads the outcome with the durability of the step: its first try may have been reported as not durable. */
async function recall<T>(server: WriteServer, { idempotency, also, options = {} }: IdempotentRun<T>): Promise<Kept> {
  const { signal, settings, durability = null } = options;
  const told = { durability, ...(settings ? { settings } : {}), ...(signal ? { signal } : {}) };
  const { result, position } = await server
    .pipelined([recallStatement(idempotency), ...(also ? [also] : [])], told)
    .catch((error: unknown) => {
      if (also && isDataException(error)) throw unreadable(idempotency, error);
      throw asUnconfirmed(error);
    });
  return { outcome: readRecall(idempotency, result[0]?.rows[0]), rows: result[1]?.rows ?? [], position };
}

/** The step was executed, but the table's columns have changed since and cannot hold the stored values. */
function unreadable({ step }: IdempotentStep, cause: unknown): MeridianError {
  const message = `The request with this idempotency-key was carried out before, but what is kept of ${step} does not fit the columns any more, which have changed since; read the row instead of repeating it.`;
  return new MeridianError({ code: 'WRITE_OUTCOME_UNKNOWN', message, details: { committed: true }, cause });
}

/** The error reveals state of the primary, so its position is reported as for an error that was not stored. */
function answer<T>(
  { options, read }: IdempotentRun<T>,
  { outcome, rows, position }: Kept,
  cause: unknown,
): Committed<T> {
  if (outcome === null) throw new TypeError('there is no outcome to answer with');
  if (outcome.kind !== 'error') return { result: read(outcome, rows), position, roundTrips: 0 };
  options?.onRefused?.(position);
  const error = decodeError(outcome);
  if (!isKnown(cause)) error.cause = cause;
  throw error;
}
