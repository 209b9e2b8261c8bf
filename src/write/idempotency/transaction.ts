/**
 * Owns interactive transactions that are executed once: the work runs and its result is stored in the same transaction,
 * or a stored result is returned.
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

/** The outcome rows locked by the transactions around this code: a second claim of one would wait for itself. */
const held = new AsyncLocalStorage<ReadonlySet<string>>();

/**
 * Runs `work` in a transaction. If the step has an outcome, a value or an error, that is the answer and `work` does not
 * run. The first try also gets the result as decoded from JSON, so that all tries get the same. Throws the errors of
 * `runIdempotent`.
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
        // Awaited before the work begins, because its side effects outside the database must not be repeated either.
        await tx.query(claimStatement(idempotency));
        onFree();
        const outcome = encodeValue(await work(tx), idempotency.step);
        // Sent together with COMMIT in one round trip. If it fails, the transaction fails with its error.
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
