/**
 * Owns the circuit breaker: whoever failed several times in a row is left alone for a while, and asked again by one
 * probe in the background.
 */

export interface BreakerOptions {
  /** Failures in a row that open it. */
  readonly failures: number;
  /** How long nobody is sent there then, before a probe. */
  readonly retryMs: number;
  /** Rejects while it is still no good; bounded in time by itself. */
  readonly probe: () => Promise<unknown>;
  /** Called once per change, with what opened it. */
  readonly onChange: (open: boolean, cause: unknown) => void;
}

/** Refused without being tried. */
export class BreakerOpen extends Error {}

/**
 * Nobody's own work is the probe, so that nobody waits for it: while it is open everything is refused at once, and the
 * first refusal after `retryMs` starts the probe, one at a time.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #failed = 0;
  /** On the monotonic clock; null while closed. */
  #probeAtMs: number | null = null;
  #probing = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get open(): boolean {
    return this.#probeAtMs !== null;
  }

  /** Throws `BreakerOpen` while it is open, and what `task` throws. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.#probeAtMs !== null) {
      if (performance.now() >= this.#probeAtMs) void this.#probe();
      throw new BreakerOpen('not asked for a while after it failed');
    }
    try {
      const value = await task();
      this.#failed = 0;
      return value;
    } catch (error) {
      this.#failed += 1;
      if (this.#failed >= this.#options.failures) this.trip(error);
      throw error;
    }
  }

  /** Opens it, whatever the count. */
  trip(cause: unknown): void {
    const changed = !this.open;
    this.#probeAtMs = performance.now() + this.#options.retryMs;
    if (changed) this.#options.onChange(true, cause);
  }

  /** Closes it: there is other proof that all is well. */
  close(): void {
    this.#failed = 0;
    if (this.#probeAtMs === null) return;
    this.#probeAtMs = null;
    this.#options.onChange(false, null);
  }

  async #probe(): Promise<void> {
    if (this.#probing) return;
    this.#probing = true;
    try {
      await this.#options.probe();
      this.close();
    } catch (error) {
      this.trip(error);
    } finally {
      this.#probing = false;
    }
  }
}
