/**
 * Owns the way of a step to its outcome: tried, found to be known, or done and kept; with a bounded number of tries
 * where that stays open.
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
   * One transaction that claims the step, does it and stores its outcome. `onFree` may be called as soon as the claim
   * is known to have been granted. What it throws is the step's outcome where it answers the request (`encodeError`).
   */
  readonly attempt: (onFree: () => void) => Promise<Committed<T>>;
  /** Asked together with the stored outcome, for `read`. */
  readonly also?: Statement;
  /** What a stored outcome means that is no error; `rows`: of `also`. */
  readonly read: (outcome: StoredOutcome, rows: readonly Row[]) => T;
}

/**
 * What is known may expire before it is read, and a broken connection leaves a doubt that the next claim removes;
 * neither happens often.
 */
const ROUNDS = 3;

/**
 * Throws a stored error, `IDEMPOTENCY_KEY_REUSED`, `WRITE_UNCONFIRMED` (to be sent again), and what transactions throw.
 */
export async function runIdempotent<T>(server: WriteServer, run: IdempotentRun<T>): Promise<Committed<T>> {
  const { idempotency } = run;
  let doubt: MeridianError | null = null;
  // The step is free, so that no earlier round has done it.
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
  /** Null: it has ended, and the step is free again. */
  readonly outcome: StoredOutcome | null;
  readonly rows: readonly Row[];
  readonly position: Position;
}

/**
 * What is kept now that a try was rolled back with this error, which is kept itself where it is an outcome. Else it is
 * thrown.
 */
async function keptAfter<T>(server: WriteServer, run: IdempotentRun<T>, error: unknown): Promise<Kept> {
  if (isKnown(error)) return recall(server, run);
  const { idempotency, options = {} } = run;
  const outcome = encodeError(error, idempotency.maxBytes);
  if (outcome === null) throw idempotencyRefusal(error, idempotency) ?? error;
  const kept = await settleError({ server, idempotency, outcome, options });
  // Another try was faster, and did what this one could not.
  if (kept.outcome !== null && kept.outcome.kind !== 'error') return recall(server, run);
  return { ...kept, rows: [] };
}

/** As durable as the step had to be: its first try may have been told that it was not. */
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

/**
 * It was carried out, and the table has changed since in such a way that its columns cannot take the values that are
 * kept.
 */
function unreadable({ step }: IdempotentStep, cause: unknown): MeridianError {
  const message = `The request with this idempotency-key was carried out before, but what is kept of ${step} does not fit the columns any more, which have changed since; read the row instead of repeating it.`;
  return new MeridianError({ code: 'WRITE_OUTCOME_UNKNOWN', message, details: { committed: true }, cause });
}

/** Whoever is told of an error has seen the primary as of its position, as after one that was not kept. */
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
