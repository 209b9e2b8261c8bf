/** Owns when a plan that comes to nothing is tried again: each time costs the reads of the request twice. */

export interface TrialLimits {
  /** Runs in a row that may come to nothing before the plan is left alone for a while. */
  readonly maxFailures: number;
  /** How long the first pause lasts, milliseconds; each further one lasts twice as long as the one before. */
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
  /** Failures in a row. Those of runs that were under way at once are one: they have met the same trouble. */
  #failures = 0;
  #pausedUntilMs = -Infinity;

  constructor(limits: TrialLimits = TRIAL_LIMITS, nowMs: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#nowMs = nowMs;
  }

  /** Null while the plan is left alone. */
  begin(): Trial | null {
    if (this.#failures >= this.#limits.maxFailures && this.#nowMs() < this.#pausedUntilMs) return null;
    const known = this.#failures;
    return {
      succeeded: () => {
        // A run that began before the last failure says nothing of what has come since.
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
