/** Owns the way of a step to its outcome: tried, found to be known, or done and kept; with a bounded number of tries where that stays open. */
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { type Position } from '../base/lineage.ts';
import { isKnown, onceRefusal, readRecall, recallStatement, unconfirmed, type OnceStep, type StoredOutcome } from './once.ts';
import { decodeError, encodeError, settleError } from './once-error.ts';
import { type Committed, type TransactionOptions, type WriteServer } from './ports.ts';

export interface OnceRun<T> {
  readonly once: OnceStep;
  readonly options?: TransactionOptions;
  /**
   * One transaction that claims the step, does it and stores its outcome. `onFree` may be called as soon as the claim is known to have been
   * granted. What it throws is the step's outcome where it answers the request (`encodeError`).
   */
  readonly attempt: (onFree: () => void) => Promise<Committed<T>>;
  /** What a stored outcome means that is no error. */
  readonly read: (outcome: StoredOutcome) => T;
}

/** What is known may expire before it is read, and a broken connection leaves a doubt that the next claim removes; neither happens often. */
const ROUNDS = 3;

/** Throws a stored error, `IDEMPOTENCY_KEY_REUSED`, `WRITE_UNCONFIRMED` (to be sent again), and what transactions throw. */
export async function runOnce<T>(server: WriteServer, run: OnceRun<T>): Promise<Committed<T>> {
  const { once, options = {} } = run;
  let doubt: MeridianError | null = null;
  // The step is free, so that no earlier round has done it.
  const onFree = (): void => {
    doubt = null;
  };
  for (let round = 1; round <= ROUNDS; round += 1) {
    try {
      const committed = await run.attempt(onFree);
      once.onVerdict?.('first');
      return committed;
    } catch (error) {
      if (isMeridianError(error, 'WRITE_OUTCOME_UNKNOWN')) {
        doubt = error;
        continue;
      }
      const kept = await outcomeOf(server, { once, options }, error).catch((failure: unknown) => {
        throw doubt === null ? failure : unconfirmed(doubt);
      });
      if (kept.outcome !== null) return answer(run, { outcome: kept.outcome, position: kept.position }, error);
    }
  }
  throw doubt === null ? new MeridianError({ code: 'WRITE_UNCONFIRMED', message: 'What is kept for this idempotency-key ended again and again while it was read; send the request again.' }) : unconfirmed(doubt);
}

interface Kept {
  /** Null: it has ended, and the step is free again. */
  readonly outcome: StoredOutcome | null;
  readonly position: Position;
}

/** What is kept now that a try was rolled back with this error, which is kept itself where it is an outcome. Else it is thrown. */
async function outcomeOf(server: WriteServer, { once, options }: { readonly once: OnceStep; readonly options: TransactionOptions }, error: unknown): Promise<Kept> {
  if (isKnown(error)) return recall(server, once, options);
  const outcome = encodeError(error);
  if (outcome === null) throw onceRefusal(error, once) ?? error;
  return settleError(server, once, outcome, options);
}

async function recall(server: WriteServer, once: OnceStep, { signal }: TransactionOptions): Promise<Kept> {
  const { result, position } = await server.pipelined([recallStatement(once)], signal ? { signal } : {}).catch((error: unknown) => {
    throw unconfirmed(error);
  });
  return { outcome: readRecall(once, result[0]?.rows[0]), position };
}

/** Whoever is told of an error has seen the primary as of its position, as after one that was not kept. */
function answer<T>({ options, read }: OnceRun<T>, { outcome, position }: { readonly outcome: StoredOutcome; readonly position: Position }, cause: unknown): Committed<T> {
  if (outcome.kind !== 'error') return { result: read(outcome), position, roundTrips: 0 };
  options?.onRefused?.(position);
  const error = decodeError(outcome);
  if (!isKnown(cause)) error.cause = cause;
  throw error;
}
