/**
 * Owns figures of the last minutes: counts by name and measured values, each within a moving window. Pure: the time is
 * an argument.
 */

/** The window moves in steps of this share of it. */
const STEPS = 30;

export type Counts = Readonly<Record<string, number>>;

/** Sums of the last `windowMs`, within one step. */
export class RecentCounts {
  readonly #stepMs: number;
  #steps: { readonly atMs: number; readonly counts: Record<string, number> }[] = [];

  constructor(windowMs: number) {
    this.#stepMs = windowMs / STEPS;
  }

  add(name: string, count: number, nowMs: number): void {
    let step = this.#steps.at(-1);
    if (step === undefined || nowMs - step.atMs >= this.#stepMs) {
      step = { atMs: nowMs, counts: {} };
      this.#steps.push(step);
      if (this.#steps.length > STEPS) this.#steps.shift();
    }
    step.counts[name] = (step.counts[name] ?? 0) + count;
  }

  sums(nowMs: number): Counts {
    const sums: Record<string, number> = {};
    for (const { atMs, counts } of this.#steps) {
      if (nowMs - atMs > this.#stepMs * STEPS) continue;
      for (const [name, count] of Object.entries(counts)) sums[name] = (sums[name] ?? 0) + count;
    }
    return sums;
  }
}

export interface RecentOptions {
  readonly windowMs: number;
  /** Maximum number of values; the oldest is removed first. */
  readonly capacity: number;
}

/** The values of the last `windowMs`, and their quantiles. */
export class RecentValues {
  readonly #options: RecentOptions;
  #values: { readonly atMs: number; readonly value: number }[] = [];

  constructor(options: RecentOptions) {
    this.#options = options;
  }

  add(value: number, nowMs: number): void {
    this.#values.push({ atMs: nowMs, value });
    // Half at a time, since removing one by one from the front of a long list takes linear time.
    if (this.#values.length > 2 * this.#options.capacity) this.#values = this.#values.slice(-this.#options.capacity);
  }

  /** The value below which the share `quantile` of the recent ones lies; null without any. */
  quantile(quantile: number, nowMs: number): number | null {
    const sorted = this.#values
      .slice(-this.#options.capacity)
      .filter(({ atMs }) => nowMs - atMs <= this.#options.windowMs)
      .map(({ value }) => value)
      .sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * quantile))] ?? null;
  }
}
