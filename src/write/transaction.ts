/** Owns retries of transactions: a limited number after conflicts with other transactions, with increasing pauses. */
import { Backoff } from '../base/backoff.ts';
import { sleep } from '../base/clock.ts';

export interface RetryOptions {
  /** Tries after the first one. */
  readonly retries: number;
  readonly firstMs: number;
  readonly signal?: AbortSignal | undefined;
}

const MAX_PAUSE_MS = 1_000;

/** The result of one try: done, or failed with whether it may be repeated. */
export type Try<T> =
  | { readonly kind: 'done'; readonly value: T }
  /**
   * `atOnce`: the failure came only from outdated local state, which the next try renews. The try is repeated without a
   * pause and is not counted.
   */
  | { readonly kind: 'failed'; readonly error: unknown; readonly again: boolean; readonly atOnce?: boolean };

/** Maximum number of immediate retries. */
const AT_ONCE = 2;

/**
 * Runs the transaction until it succeeds, must not be retried, or has been tried often enough; throws its last error.
 */
export async function retried<T>(idempotency: (tries: number) => Promise<Try<T>>, options: RetryOptions): Promise<T> {
  const backoff = new Backoff({ firstMs: options.firstMs, maxMs: MAX_PAUSE_MS });
  for (let atOnce = 0; ;) {
    options.signal?.throwIfAborted();
    const outcome = await idempotency(backoff.tries + atOnce);
    if (outcome.kind === 'done') return outcome.value;
    if (outcome.atOnce === true && atOnce < AT_ONCE) {
      atOnce += 1;
      continue;
    }
    if (!outcome.again || backoff.tries >= options.retries) throw outcome.error;
    await sleep(backoff.nextMs(), options.signal);
  }
}
