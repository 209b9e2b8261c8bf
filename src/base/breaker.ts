/**
 * Owns the circuit breaker: after several failures in a row calls are refused for a while, until a probe in the
 * background succeeds.
 */

export interface BreakerOptions {
  /** Consecutive failures that open the breaker. */
  readonly failures: number;
  /** How long calls are refused before the first probe. */
  readonly retryMs: number;
  /** Rejects while the target still fails; must be bounded in time. */
  readonly probe: () => Promise<unknown>;
  /** Called once per change, with the cause. */
  readonly onChange: (open: boolean, cause: unknown) => void;
}

/** A call that was refused without an attempt. */
export class BreakerOpen extends Error {}

/**
 * No caller's own work is the probe, so no caller waits for it. While the breaker is open every call is refused at
 * once; the first refusal after `retryMs` starts one probe.
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

  /** Opens the breaker regardless of the failure count. */
  trip(cause: unknown): void {
    const changed = !this.open;
    this.#probeAtMs = performance.now() + this.#options.retryMs;
    if (changed) this.#options.onChange(true, cause);
  }

  /** Closes the breaker when other evidence shows that the target works. */
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
