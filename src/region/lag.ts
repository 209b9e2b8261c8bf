/**
 * Owns lag: the age of what a replica shows, from samples of the primary's position on one clock. Pure: the time is an
 * argument.
 */
import { type Lsn } from '../base/lsn.ts';

/** Everything that the primary had committed by `atMs` lies at or below `lsn`. */
export interface PositionSample {
  readonly lsn: Lsn;
  /** Milliseconds on this process's monotonic clock. */
  readonly atMs: number;
  /**
   * When the position was found to be flushed, on the same clock: a primary sends nothing before that. Default: `atMs`.
   */
  readonly flushedAtMs?: number;
}

export interface HistoryOptions {
  readonly capacity: number;
  /** Samples closer together than this replace each other. */
  readonly spacingMs: number;
}

/**
 * The primary's positions over time: a bounded list that increases in both position and time. When it is full, every
 * second sample of its older half is removed, so that recent lag is measured finely and long lag coarsely.
 */
export class PositionHistory {
  readonly #options: HistoryOptions;
  #samples: PositionSample[] = [];

  constructor(options: HistoryOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#samples.length;
  }

  get newest(): PositionSample | null {
    return this.#samples.at(-1) ?? null;
  }

  /** Adds a sample, in any order of arrival; one that adds no information is dropped. */
  add(sample: PositionSample): void {
    const at = this.#firstAbove(sample.lsn);
    const before = this.#samples[at - 1];
    if (before !== undefined && before.atMs >= sample.atMs) return;
    // Higher positions with an earlier time are less precise than this one.
    let stale = 0;
    while ((this.#samples[at + stale]?.atMs ?? Number.POSITIVE_INFINITY) <= sample.atMs) stale += 1;
    const beforeLast = this.#samples[at - 2];
    const tooClose =
      before !== undefined &&
      (before.lsn === sample.lsn ||
        (beforeLast !== undefined && sample.atMs - beforeLast.atMs < this.#options.spacingMs));
    this.#samples.splice(tooClose ? at - 1 : at, stale + (tooClose ? 1 : 0), sample);
    if (this.#samples.length > this.#options.capacity) this.#thin();
  }

  /** The newest sample that a server at `lsn` covers. */
  atOrBelow(lsn: Lsn): PositionSample | null {
    return this.#samples[this.#firstAbove(lsn) - 1] ?? null;
  }

  /** The oldest sample that a server at `lsn` does not cover. */
  firstAbove(lsn: Lsn): PositionSample | null {
    return this.#samples[this.#firstAbove(lsn)] ?? null;
  }

  /** The oldest sample that was taken at `atMs` or later. */
  firstSince(atMs: number): PositionSample | null {
    let low = 0;
    let high = this.#samples.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#samples[middle]?.atMs ?? atMs) < atMs) low = middle + 1;
      else high = middle;
    }
    return this.#samples[low] ?? null;
  }

  /** Removes what lies above `lsn`: a failover undid it. */
  cutAbove(lsn: Lsn): void {
    this.#samples.length = this.#firstAbove(lsn);
  }

  #firstAbove(lsn: Lsn): number {
    let low = 0;
    let high = this.#samples.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#samples[middle]?.lsn ?? lsn) <= lsn) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #thin(): void {
    const half = this.#samples.length >> 1;
    this.#samples = this.#samples.filter((_, i) => i >= half || i % 2 === 0);
  }
}

export interface LagLimits {
  /** A newest sample that is older than this no longer proves that the primary stands still. */
  readonly freshMs: number;
  /** Younger positions may still be in transit: they are not counted as lag. */
  readonly graceMs: number;
}

/**
 * An upper bound of the age of what a server at `position` shows: it shows everything that was committed longer ago.
 * Null if nothing is known of the primary's past at or below `position`.
 */
export function stalenessBoundMs(history: PositionHistory, position: Lsn | null, nowMs: number): number | null {
  const covered = position === null ? null : history.atOrBelow(position);
  return covered === null ? null : Math.max(0, nowMs - covered.atMs);
}

export interface LagMsInput {
  readonly history: PositionHistory;
  readonly position: Lsn | null;
  readonly nowMs: number;
  readonly limits: LagLimits;
}

/**
 * The reported lag: 0 for a server that has everything which had time to arrive, while the primary answers; otherwise
 * the age of the newest position that it is known to show; null, never 0, if that is unknown.
 */
export function lagMs({ history, position, nowMs, limits }: LagMsInput): number | null {
  const bound = stalenessBoundMs(history, position, nowMs);
  const newest = history.newest;
  if (bound === null || newest === null || position === null) return null;
  const missing = history.firstAbove(position);
  if (missing === null) return nowMs - newest.atMs <= limits.freshMs ? 0 : bound;
  return nowMs - (missing.flushedAtMs ?? missing.atMs) <= limits.graceMs ? 0 : bound;
}

/** One reading of another host's clock: `remoteMs` was read `rttMs` around `localMs`, the middle of the exchange. */
export interface ClockReading {
  readonly localMs: number;
  readonly remoteMs: number;
  readonly rttMs: number;
}

/**
 * Readings may differ by half of each round trip, by drift, and by the delay of a busy process; beyond that the clock
 * was set.
 */
const SET_MS = 1_000;

function contradicts(a: ClockReading, b: ClockReading): boolean {
  return Math.abs(a.remoteMs - a.localMs - (b.remoteMs - b.localMs)) > (a.rttMs + b.rttMs) / 2 + SET_MS;
}

/**
 * Maps another host's wall clock to this process's monotonic clock. The most exact reading is the one with the shortest
 * round trip among the last few: its error is at most half the round trip. When the clock is set, older readings are
 * wrong: after it is set forward, old positions would be taken for new ones.
 */
export class ClockMap {
  readonly #window: number;
  #readings: ClockReading[] = [];

  constructor(window = 60) {
    this.#window = window;
  }

  add(reading: ClockReading): void {
    if (this.#readings.some((older) => contradicts(older, reading))) this.#readings = [];
    this.#readings.push(reading);
    if (this.#readings.length > this.#window) this.#readings.shift();
  }

  /** Local monotonic milliseconds of a remote time; null before any reading. */
  toLocalMs(remoteMs: number): number | null {
    const [first, ...rest] = this.#readings;
    if (first === undefined) return null;
    const best = rest.reduce((a, b) => (b.rttMs <= a.rttMs ? b : a), first);
    return remoteMs - best.remoteMs + best.localMs;
  }
}

/** A moving average that follows the last dozen or so values. */
export class MovingAverage {
  readonly #weight: number;
  #value: number | null = null;

  constructor(weight = 0.2) {
    this.#weight = weight;
  }

  get value(): number | null {
    return this.#value;
  }

  add(value: number): void {
    this.#value = this.#value === null ? value : this.#value + (value - this.#value) * this.#weight;
  }
}
