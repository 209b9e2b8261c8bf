/** Owns the wait between two tries: exponential, with full jitter and a ceiling. */

export interface BackoffOptions {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly random?: () => number;
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

  /** Milliseconds to wait before the next try; between half and all of the current step, so that peers spread out. */
  nextMs(): number {
    const step = Math.min(this.#options.maxMs, this.#options.firstMs * 2 ** Math.min(this.#tries, 30));
    this.#tries += 1;
    return step / 2 + ((this.#options.random ?? Math.random)() * step) / 2;
  }

  reset(): void {
    this.#tries = 0;
  }
}
