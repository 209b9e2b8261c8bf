/** Owns transactions that take place once: the work runs and its result is kept with what it wrote, or what was kept before is the answer. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { type Position } from '../base/lineage.ts';
import { claimStatement, isKnown, onceRefusal, readRecall, recallStatement, settleStatement, unconfirmed, type OnceStep, type StoredOutcome } from './once.ts';
import { decodeError, encodeError, settleError } from './once-error.ts';
import { decodeValue, encodeValue } from './once-value.ts';
import { type Committed, type Transaction, type TransactionOptions, type WriteServer } from './ports.ts';

export interface OnceWork<T> {
  readonly once: OnceStep;
  readonly work: (tx: Transaction) => Promise<T>;
  readonly options?: TransactionOptions;
}

/** What is known may expire before it is read, and a broken connection leaves a doubt that the next claim removes; neither happens often. */
const ROUNDS = 3;

/** The rows that the transactions hold in which this code runs: a second claim of one would wait for itself. */
const held = new AsyncLocalStorage<ReadonlySet<string>>();

/**
 * Runs `work` in a transaction, unless the step has an outcome: that is the answer then, a value or an error, and `work` does not run.
 * Everybody is given the result as JSON has it. Throws `IDEMPOTENCY_KEY_REUSED`, `WRITE_UNCONFIRMED` (to be sent again) and what
 * transactions throw.
 */
export async function onceTransaction<T>(server: WriteServer, { once, work, options = {} }: OnceWork<T>): Promise<Committed<T>> {
  const row = JSON.stringify([once.scope, once.key]);
  if (held.getStore()?.has(row)) throw new TypeError('a transaction of a request with an idempotency-key was begun inside of another one, for whose end it would wait; run one after the other, or use the outer one\'s tx');
  const holding = new Set([...(held.getStore() ?? []), row]);
  let doubt: MeridianError | null = null;
  const claim = async (tx: Transaction): Promise<void> => {
    await tx.query(claimStatement(once));
    // The step is free, so that no earlier round has done it.
    doubt = null;
  };
  for (let round = 1; round <= ROUNDS; round += 1) {
    try {
      const committed = await held.run(holding, () => server.transaction((tx) => claimed({ tx, claim, once, work }), options));
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
      if (kept.outcome !== null) return answer<T>({ ...kept, outcome: kept.outcome }, options, error);
    }
  }
  throw doubt === null ? new MeridianError({ code: 'WRITE_UNCONFIRMED', message: 'What is kept for this idempotency-key ended again and again while it was read; send the request again.' }) : unconfirmed(doubt);
}

interface Claimed<T> extends Pick<OnceWork<T>, 'once' | 'work'> {
  readonly tx: Transaction;
  readonly claim: (tx: Transaction) => Promise<void>;
}

async function claimed<T>({ tx, claim, once, work }: Claimed<T>): Promise<T> {
  // Answered before the work begins: what it does beside the database must not be done again either.
  await claim(tx);
  const outcome = encodeValue(await work(tx), once.step);
  // Sent with COMMIT, in one round trip; should it fail, so does the transaction, and says why.
  tx.query(settleStatement(once, outcome)).catch(() => undefined);
  return decodeValue(outcome) as T;
}

interface Kept {
  /** Null: it has ended, and the step is free again. */
  readonly outcome: StoredOutcome | null;
  readonly position: Position;
}

/** What is kept now that a try was rolled back with this error, which is kept itself where it is an outcome. Else it is thrown. */
async function outcomeOf(server: WriteServer, { once, options }: Pick<OnceWork<unknown>, 'once'> & { readonly options: TransactionOptions }, error: unknown): Promise<Kept> {
  if (isKnown(error)) return recall(server, once, options);
  const outcome = encodeError(error);
  if (outcome === null) throw onceRefusal(error, once) ?? error;
  return settleError(server, once, outcome, options);
}

async function recall(server: WriteServer, once: OnceStep, { signal, durability = null }: TransactionOptions): Promise<Kept> {
  const { result, position } = await server.pipelined([recallStatement(once)], { durability, ...(signal ? { signal } : {}) }).catch((error: unknown) => {
    throw unconfirmed(error);
  });
  return { outcome: readRecall(once, result[0]?.rows[0]), position };
}

/** Whoever is told of an error has seen the primary as of its position, as after one that was not kept. */
function answer<T>({ outcome, position }: { readonly outcome: StoredOutcome; readonly position: Position }, options: TransactionOptions, cause: unknown): Committed<T> {
  if (outcome.kind === 'value') return { result: decodeValue(outcome) as T, position, roundTrips: 0 };
  if (outcome.kind !== 'error') throw new TypeError(`a transaction met an outcome of kind ${outcome.kind}, which is a mutation's`);
  options.onRefused?.(position);
  const error = decodeError(outcome);
  if (!isKnown(cause)) error.cause = cause;
  throw error;
}
