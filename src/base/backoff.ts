/** Owns the wait between two attempts: exponential, with jitter and a maximum. */

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly random?: () => number;
}

/** Milliseconds to wait after so many attempts: between half and all of the current step, so that peers spread out. */
export function backoffMs(tries: number, { firstMs, maxMs, random = Math.random }: BackoffOptions): number {
  const step = Math.min(maxMs, firstMs * 2 ** Math.min(tries, 30));
  return step / 2 + (random() * step) / 2;
}

export class Backoff {
  readonly #options: BackoffOptions;
  #tries = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  get tries(): number {
    return this.#tries;
  }

  /** Milliseconds to wait before the next attempt. */
  nextMs(): number {
    const ms = backoffMs(this.#tries, this.#options);
    this.#tries += 1;
    return ms;
  }

  reset(): void {
    this.#tries = 0;
  }
}
