/**
 * Owns when a transaction is tried again: after a conflict with another one, a bounded number of times, after a growing
 * pause.
 */
import { Backoff } from '../base/backoff.ts';
import { sleep } from '../base/clock.ts';

export interface RetryOptions {
  /** Tries after the first one. */
  readonly retries: number;
  readonly firstMs: number;
  readonly signal?: AbortSignal | undefined;
}

const MAX_PAUSE_MS = 1_000;

/** What one try came to: done, or a failure and whether it may be tried again. */
export type Try<T> =
  | { readonly kind: 'done'; readonly value: T }
  /**
   * `atOnce`: nothing was in its way but what is out of date here, and is new the next time: no pause, and no try of
   * those that are counted.
   */
  | { readonly kind: 'failed'; readonly error: unknown; readonly again: boolean; readonly atOnce?: boolean };

/** Tries at once, at most. */
const AT_ONCE = 2;

/** Runs `once` until it is done, may not be tried again, or was tried often enough; throws its last error. */
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
