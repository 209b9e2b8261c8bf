/** Owns an answer that waits until a test lets it go. */

export interface Slow {
  /** Resolves when `release` was called. */
  wait(): Promise<string>;
  /** Resolves when somebody waits. */
  readonly begun: Promise<void>;
  release(): void;
}

export function makeSlow(): Slow {
  const begun = Promise.withResolvers<void>();
  const released = Promise.withResolvers<string>();
  return {
    wait: () => {
      begun.resolve();
      return released.promise;
    },
    begun: begun.promise,
    release: () => released.resolve('done'),
  };
}
