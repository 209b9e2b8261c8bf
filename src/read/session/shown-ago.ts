/** Owns a bounded history of the positions that the region's server had replayed. Times are passed in. */
import { type Lsn } from '../../base/lsn.ts';

interface Sample {
  readonly lsn: Lsn;
  readonly atMs: number;
}

/** Number of samples kept over that time. */
const SAMPLES = 32;

export class ShownAgo {
  readonly #agoMs: number;
  readonly #spacingMs: number;
  /** Oldest first; the last one is always the newest position. */
  #samples: Sample[] = [];

  /** `agoMs` is the age of the position that `at` returns. */
  constructor(agoMs: number) {
    this.#agoMs = agoMs;
    this.#spacingMs = agoMs / SAMPLES;
  }

  /** The server showed `lsn` at `atMs` (monotonic). Neither ever decreases. */
  add(lsn: Lsn, atMs: number): void {
    const beforeLast = this.#samples.at(-2);
    if (beforeLast !== undefined && atMs - beforeLast.atMs < this.#spacingMs) this.#samples.pop();
    this.#samples.push({ lsn, atMs });
    // Only the newest of the samples that are old enough can still be returned.
    const old = this.#samples.findLastIndex((sample) => atMs - sample.atMs >= this.#agoMs);
    if (old > 0) this.#samples.splice(0, old);
  }

  /** Discards all samples, because the position went back. */
  forget(): void {
    this.#samples = [];
  }

  /**
   * The position that was shown about `agoMs` ago. It is never above the position shown at that time, and misses at
   * most what was replayed within one sample spacing before it. With a shorter history, the first position shown; null
   * where there is none.
   */
  at(nowMs: number): Lsn | null {
    const old = this.#samples.findLast(({ atMs }) => nowMs - atMs >= this.#agoMs);
    return (old ?? this.#samples[0])?.lsn ?? null;
  }
}
