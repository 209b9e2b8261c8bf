/**
 * Owns interactive transactions that take place once: the work runs and its result is kept with what it wrote, or what
 * was kept before is the answer.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import { claimStatement, settleStatement, type IdempotentStep, type StoredOutcome } from './outcomes.ts';
import { runIdempotent } from './run.ts';
import { decodeValue, encodeValue } from './value.ts';
import { type Committed, type Transaction, type TransactionOptions, type WriteServer } from '../ports.ts';

export interface IdempotentWork<T> {
  readonly idempotency: IdempotentStep;
  readonly work: (tx: Transaction) => Promise<T>;
  readonly options?: TransactionOptions;
}

/** The rows that the transactions hold in which this code runs: a second claim of one would wait for itself. */
const held = new AsyncLocalStorage<ReadonlySet<string>>();

/**
 * Runs `work` in a transaction, unless the step has an outcome: that is the answer then, a value or an error, and
 * `work` does not run. Everybody is given the result as JSON has it. Throws what `runOnce` throws.
 */
export async function idempotentTransaction<T>(
  server: WriteServer,
  { idempotency, work, options = {} }: IdempotentWork<T>,
): Promise<Committed<T>> {
  const row = JSON.stringify([idempotency.scope, idempotency.key]);
  const outer = held.getStore();
  if (outer?.has(row))
    throw new TypeError(
      "a transaction of a request with an idempotency-key was begun inside of another one, for whose end it would wait; run one after the other, or use the outer one's tx",
    );
  const inner = new Set([...(outer ?? []), row]);
  const attempt = (onFree: () => void): Promise<Committed<T>> =>
    held.run(inner, () =>
      server.transaction(async (tx) => {
        // Answered before the work begins: what it does beside the database must not be done again either.
        await tx.query(claimStatement(idempotency));
        onFree();
        const outcome = encodeValue(await work(tx), idempotency.step);
        // Sent with COMMIT, in one round trip; should it fail, so does the transaction, and says why.
        tx.query(settleStatement(idempotency, outcome)).catch(() => undefined);
        return decodeValue(outcome) as T;
      }, options),
    );
  return runIdempotent<T>(server, { idempotency, options, attempt, read: (outcome) => readResult(outcome) as T });
}

function readResult(outcome: StoredOutcome): unknown {
  if (outcome.kind !== 'value')
    throw new TypeError(`a transaction met an outcome of kind ${outcome.kind}, which is a mutation's`);
  return decodeValue(outcome);
}
