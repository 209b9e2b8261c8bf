/** Owns bounded concurrency: at most `concurrent` tasks run, at most `queued` wait, none waits longer than `waitMs`. */
import { MeridianError } from './errors.ts';

export interface LimiterOptions {
  /** What is limited, for the error's sentence: "reads at the primary". */
  readonly what: string;
  readonly concurrent: number;
  readonly queued: number;
  readonly waitMs: number;
}

interface Waiter {
  readonly start: () => void;
  readonly timer: NodeJS.Timeout;
}

/** A counting semaphore with a bounded FIFO queue. Throws `OVERLOADED` when the queue or the wait is at its limit. */
export class Limiter {
  readonly #options: LimiterOptions;
  // A Set keeps insertion order and removes a timed-out waiter in constant time.
  readonly #waiting = new Set<Waiter>();
  #running = 0;

  constructor(options: LimiterOptions) {
    this.#options = options;
  }

  get running(): number {
    return this.#running;
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  async run<T>(task: () => Promise<T>): Promise<T> {
    await this.#enter();
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  #enter(): Promise<void> | void {
    if (this.#running < this.#options.concurrent) {
      this.#running += 1;
      return;
    }
    if (this.#waiting.size >= this.#options.queued) throw this.#overloaded(`${this.#waiting.size} are waiting already`);
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        start: () => {
          clearTimeout(waiter.timer);
          resolve();
        },
        timer: setTimeout(() => {
          this.#waiting.delete(waiter);
          reject(this.#overloaded(`none became free within ${this.#options.waitMs} ms`));
        }, this.#options.waitMs),
      };
      this.#waiting.add(waiter);
    });
  }

  /** The slot passes straight to the first waiter, so `running` does not change and nobody can slip in between. */
  #leave(): void {
    const next = this.#waiting.values().next().value;
    if (next === undefined) {
      this.#running -= 1;
      return;
    }
    this.#waiting.delete(next);
    next.start();
  }

  #overloaded(why: string): MeridianError {
    const { what, concurrent } = this.#options;
    return new MeridianError({
      code: 'OVERLOADED',
      message: `Too many ${what}: ${concurrent} run at once and ${why}; try again shortly or raise the limit.`,
      details: { what },
    });
  }
}
