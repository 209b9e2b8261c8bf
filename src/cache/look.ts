/**
 * Owns a look at the process's own cache in one step of the program: nothing is applied to the cache meanwhile, so that
 * where it stands is asked once for all values.
 */
import { type Position } from '../base/lineage.ts';
import { ZERO_LSN } from '../base/lsn.ts';
import { mayServe, type LayerState } from './guard.ts';
import { type Kept, type Shortcut } from './kept.ts';
import { type LocalCache } from './local.ts';
import { type CacheObserver } from './observer.ts';
import { type CacheKey } from './ports.ts';
import { type CacheDemand } from './reading.ts';

export interface LookOptions {
  readonly local: Pick<LocalCache, 'shortcut' | 'findBy' | 'findFor'>;
  readonly demand: CacheDemand;
  readonly state: LayerState;
  readonly nowMs: number;
  readonly observe: CacheObserver;
}

/** Must not be used after the step of the program that it was made in. */
export class LocalLook {
  /** What values are right as of that were read before W. */
  readonly atWatermark: Position;
  readonly #options: LookOptions;
  /** Whether whatever is kept satisfies the demand: W does. */
  readonly #servesAll: boolean;

  constructor(options: LookOptions) {
    this.#options = options;
    const {
      demand,
      state,
      state: {
        generation: { cluster, timeline },
        watermark: lsn,
      },
    } = options;
    this.atWatermark = { cluster, timeline, lsn };
    this.#servesAll = mayServe(demand, state, ZERO_LSN);
  }

  /** Of a reader whose name and keys' texts name its values, as `LocalCache.shortcut` has it. */
  shortcut(reader: string): Shortcut {
    return this.#options.local.shortcut(reader);
  }

  /** The value, where the shortcut knows it and it may be served; undefined: `findFor` may find it. */
  find(shortcut: Shortcut, text: string): Kept | undefined {
    const { local, nowMs } = this.#options;
    return this.#served(local.findBy(shortcut, text, nowMs));
  }

  /** The value, where it may be served and its time is not over; undefined: it has to be read in another way. */
  findFor(shortcut: Shortcut, text: string, key: CacheKey): Kept | undefined {
    return this.#served(this.#options.local.findFor(shortcut, text, key));
  }

  /** So many of its values are shown. */
  shown(values: number): void {
    this.#options.observe.hit('local', values);
  }

  #served(kept: Kept | undefined): Kept | undefined {
    const { demand, state, nowMs } = this.#options;
    if (kept === undefined || nowMs >= kept.expiresAtMs) return undefined;
    return this.#servesAll || mayServe(demand, state, kept.asOf) ? kept : undefined;
  }
}
