/** Owns what the region's server showed a while ago: a bounded memory of its replayed positions. Time is handed in. */
import { type Lsn } from '../../base/lsn.ts';

interface Sample {
  readonly lsn: Lsn;
  readonly atMs: number;
}

/** Samples kept over the time that is asked for. */
const SAMPLES = 32;

export class ShownAgo {
  readonly #agoMs: number;
  readonly #spacingMs: number;
  /** Oldest first; the last one is always the newest position. */
  #samples: Sample[] = [];

  /** `agoMs`: how long ago `at` looks. */
  constructor(agoMs: number) {
    this.#agoMs = agoMs;
    this.#spacingMs = agoMs / SAMPLES;
  }

  /** The server showed `lsn` at `atMs` (monotonic), never less than before. */
  add(lsn: Lsn, atMs: number): void {
    const beforeLast = this.#samples.at(-2);
    if (beforeLast !== undefined && atMs - beforeLast.atMs < this.#spacingMs) this.#samples.pop();
    this.#samples.push({ lsn, atMs });
    // Of those that are old enough only the newest will ever be asked for.
    const old = this.#samples.findLastIndex((sample) => atMs - sample.atMs >= this.#agoMs);
    if (old > 0) this.#samples.splice(0, old);
  }

  /** What was shown went back: nothing of it counts. */
  forget(): void {
    this.#samples = [];
  }

  /**
   * What was shown about `agoMs` ago: never more than then, and less by what came in a small part of that time. Where
   * it has been watched for a shorter time than that, what was shown first; null where nothing was.
   */
  at(nowMs: number): Lsn | null {
    const old = this.#samples.findLast(({ atMs }) => nowMs - atMs >= this.#agoMs);
    return (old ?? this.#samples[0])?.lsn ?? null;
  }
}
