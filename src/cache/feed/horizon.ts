/** Owns the horizon: the watermark of some time ago; tombstones at or below it may be forgotten. */
import { type Clock } from '../../base/clock.ts';
import { type Lsn } from '../../base/lsn.ts';

interface Sample {
  readonly lsn: Lsn;
  readonly atMs: number;
}

/** Samples within the time span; more of them would only forget tombstones a little earlier. */
const SAMPLES = 32;

export class Horizon {
  readonly #keepMs: number;
  readonly #clock: Clock;
  /** In time order. The first one is the oldest that is still needed. */
  #samples: Sample[];

  /** For a generation that begins at `lsn`; tombstones are kept for `keepMs`. */
  constructor(lsn: Lsn, keepMs: number, clock: Clock) {
    this.#keepMs = keepMs;
    this.#clock = clock;
    this.#samples = [{ lsn, atMs: clock.monotonicMs() }];
  }

  /** The watermark has reached `lsn`; returns the present horizon. */
  reached(lsn: Lsn): Lsn {
    const nowMs = this.#clock.monotonicMs();
    const last = this.#samples.at(-1) as Sample;
    if (lsn > last.lsn && nowMs - last.atMs >= this.#keepMs / SAMPLES) this.#samples.push({ lsn, atMs: nowMs });
    return this.#at(nowMs);
  }

  get lsn(): Lsn {
    return this.#at(this.#clock.monotonicMs());
  }

  #at(nowMs: number): Lsn {
    const needed = this.#samples.findLastIndex(({ atMs }) => atMs <= nowMs - this.#keepMs);
    if (needed > 0) this.#samples = this.#samples.slice(needed);
    return (this.#samples[0] as Sample).lsn;
  }
}
