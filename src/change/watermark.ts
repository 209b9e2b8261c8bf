/** Owns the watermark: the position through which everything is applied, and the bounded waits for a higher one. */
import { MeridianError } from '../base/errors.ts';
import { formatLsn, type Lsn } from '../base/lsn.ts';
import { WaiterHeap, type Waiter } from './waiters.ts';

export interface WatermarkOptions {
  /** How many may wait at a time; one more is refused with `OVERLOADED`. */
  readonly maxWaiters: number;
}

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A position that only increases, until `reset` (R8). Null until the first `advance`. A wait costs one heap entry and
 * one timer; each advance wakes everybody that it satisfies in one pass.
 */
export class Watermark {
  readonly #maxWaiters: number;
  readonly #waiters = new WaiterHeap();
  readonly #onAdvance = new Set<(lsn: Lsn) => void>();
  readonly #onReset = new Set<(reason: string) => void>();
  readonly #onWait = new Set<(floor: Lsn) => void>();
  #lsn: Lsn | null = null;

  constructor(options: WatermarkOptions) {
    this.#maxWaiters = options.maxWaiters;
  }

  get lsn(): Lsn | null {
    return this.#lsn;
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** The lowest floor that somebody waits for. */
  get lowestFloor(): Lsn | null {
    return this.#waiters.lowest?.floor ?? null;
  }

  reached(floor: Lsn): boolean {
    return this.#lsn !== null && this.#lsn >= floor;
  }

  /**
   * Moves the watermark up to `lsn` and wakes the waiters that it satisfies; a lower position changes nothing. Returns
   * whether it moved.
   */
  advance(lsn: Lsn): boolean {
    if (this.reached(lsn)) return false;
    this.#lsn = lsn;
    for (const waiter of this.#waiters.takeUpTo(lsn)) waiter.settle(true);
    for (const listener of this.#onAdvance) listener(lsn);
    return true;
  }

  /**
   * Forgets the position (R8). Waiters continue to wait, within their time limit, until the new stream has come as far.
   */
  reset(reason: string, start: Lsn | null = null): void {
    this.#lsn = null;
    for (const listener of this.#onReset) listener(reason);
    if (start !== null) this.advance(start);
  }

  /**
   * Resolves to true once the watermark is at or above `floor`, to false when `timeoutMs` have passed or `signal`
   * aborts. Rejects with `OVERLOADED` when `maxWaiters` wait already.
   */
  waitFor(floor: Lsn, options: WaitOptions): Promise<boolean> {
    if (this.reached(floor)) return Promise.resolve(true);
    if (options.timeoutMs <= 0 || options.signal?.aborted) return Promise.resolve(false);
    if (this.#waiters.size >= this.#maxWaiters) return Promise.reject(this.#overloaded(floor));
    return new Promise((resolve) => {
      const settle = (reached: boolean): void => {
        clearTimeout(timer);
        options.signal?.removeEventListener('abort', giveUp);
        resolve(reached);
      };
      const giveUp = (): void => {
        this.#waiters.remove(waiter);
        settle(false);
      };
      const waiter: Waiter = { floor, settle, index: -1 };
      const timer = setTimeout(giveUp, options.timeoutMs);
      options.signal?.addEventListener('abort', giveUp, { once: true });
      this.#waiters.add(waiter);
      for (const listener of this.#onWait) listener(floor);
    });
  }

  /** Calls `listener` with each new position; returns how to stop that. */
  onAdvance(listener: (lsn: Lsn) => void): () => void {
    return subscribe(this.#onAdvance, listener);
  }

  onReset(listener: (reason: string) => void): () => void {
    return subscribe(this.#onReset, listener);
  }

  /** Calls `listener` whenever a wait begins, so that a newer position can be fetched for it. */
  onWait(listener: (floor: Lsn) => void): () => void {
    return subscribe(this.#onWait, listener);
  }

  #overloaded(floor: Lsn): MeridianError {
    return new MeridianError({
      code: 'OVERLOADED',
      message: `${this.#maxWaiters} reads wait already for this region to catch up, so none may wait for ${formatLsn(floor)}; try again shortly or raise maxWaiters.`,
    });
  }
}

function subscribe<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
  };
}
