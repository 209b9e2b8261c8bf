/**
 * Owns time: one clock, one bounded sleep, one time limit for promises. Tests may pass another clock; servers use
 * `systemClock`.
 */

export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  nowMs(): number;
  /** Never decreases; for durations, in milliseconds. */
  monotonicMs(): number;
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** Waits `ms` milliseconds, or less when `signal` aborts; never throws. Resolves to whether the full time passed. */
export function sleep(ms: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve(false);
    const done = (full: boolean): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      resolve(full);
    };
    const onAbort = (): void => done(false);
    const timer = setTimeout(() => done(true), ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/**
 * Waits at most `limitMs` milliseconds for `task`; after that the result is that of `onLate`, which returns another
 * value or throws. The task itself is not stopped.
 */
export async function within<T>(task: Promise<T>, limitMs: number, onLate: () => T): Promise<T> {
  const late = Promise.withResolvers<T>();
  const timer = setTimeout(() => {
    try {
      late.resolve(onLate());
    } catch (error) {
      late.reject(error);
    }
  }, limitMs);
  try {
    return await Promise.race([task, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
