/** Owns the retries of a plan that fails: each failure costs the request its reads twice. */

export interface TrialLimits {
  /** Number of consecutive failures before the plan is paused. */
  readonly maxFailures: number;
  /** The length of the first pause in milliseconds; each further pause is twice as long. */
  readonly pauseMs: number;
  readonly maxPauseMs: number;
}

export const TRIAL_LIMITS: TrialLimits = { maxFailures: 3, pauseMs: 1_000, maxPauseMs: 60_000 };

export interface Trial {
  succeeded(): void;
  failed(): void;
}

export class Trials {
  readonly #limits: TrialLimits;
  readonly #nowMs: () => number;
  /** The number of consecutive failures. Failures of concurrent runs count once, since they have the same cause. */
  #failures = 0;
  #pausedUntilMs = -Infinity;

  constructor(limits: TrialLimits = TRIAL_LIMITS, nowMs: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Null while the plan is paused. */
  begin(): Trial | null {
    if (this.#failures >= this.#limits.maxFailures && this.#nowMs() < this.#pausedUntilMs) return null;
    const known = this.#failures;
    return {
      succeeded: () => {
        // A run that started before the last failure does not prove that its cause is gone.
        if (known === this.#failures) this.#failures = 0;
      },
      failed: () => {
        if (known === this.#failures) this.#fail();
      },
    };
  }

  #fail(): void {
    const { maxFailures, pauseMs, maxPauseMs } = this.#limits;
    this.#failures += 1;
    const pauses = this.#failures - maxFailures;
    if (pauses >= 0) this.#pausedUntilMs = this.#nowMs() + Math.min(maxPauseMs, pauseMs * 2 ** pauses);
  }
}
