/**
 * Owns writing values to the shared cache after they were answered: fills of one tick share round trips, and the queue
 * of waiting fills is bounded.
 */
import { type Options } from '../config/options.ts';
import { tellFills, type CacheObserver } from './observer.ts';
import { packed } from './packing.ts';
import { type FillItem, type SharedCache } from './ports.ts';

export type FillLimits = Pick<Options, 'cacheFlights' | 'cacheValueBytes'>;

export interface SharedFillsOptions {
  readonly shared: SharedCache;
  /** At most `cacheFlights` values wait, of at most `LARGEST_WAITING` times `cacheValueBytes`. */
  readonly limits: FillLimits;
  readonly observe: CacheObserver;
}

interface Waiting {
  readonly epoch: string;
  readonly item: FillItem;
  readonly bytes: number;
}

/** How many values of the largest size may wait. */
const LARGEST_WAITING = 16;
/**
 * What one round trip carries at most, so that it stays well within the time limit of a command: this many values, or
 * one of the largest size.
 */
const TRIP_VALUES = 256;

export class SharedFills {
  readonly #options: SharedFillsOptions;
  #next: Waiting[] = [];
  /** Waiting or on their way. */
  #values = 0;
  #bytes = 0;

  constructor(options: SharedFillsOptions) {
    this.#options = options;
  }

  /** Fills the value in soon, or drops it. `epoch`: the life of the shared cache that the value was read in. */
  add(epoch: string, item: FillItem): void {
    const { limits, observe } = this.#options;
    const bytes = Buffer.byteLength(item.entry.body);
    if (bytes > limits.cacheValueBytes) return observe.fill('shared', 'full', 1);
    if (this.#values >= limits.cacheFlights || this.#bytes + bytes > LARGEST_WAITING * limits.cacheValueBytes)
      return observe.fill('shared', 'dropped', 1);
    this.#values += 1;
    this.#bytes += bytes;
    this.#next.push({ epoch, item, bytes });
    if (this.#next.length === 1) setImmediate(() => this.#send());
  }

  #send(): void {
    const all = this.#next;
    this.#next = [];
    let trip: Waiting[] = [];
    let tripBytes = 0;
    for (const waiting of all) {
      const fits =
        trip[0] === undefined ||
        (trip[0].epoch === waiting.epoch &&
          trip.length < TRIP_VALUES &&
          tripBytes + waiting.bytes <= this.#options.limits.cacheValueBytes);
      if (!fits) {
        void this.#fill(trip);
        trip = [];
        tripBytes = 0;
      }
      trip.push(waiting);
      tripBytes += waiting.bytes;
    }
    void this.#fill(trip);
  }

  async #fill(trip: readonly Waiting[]): Promise<void> {
    const { shared, observe } = this.#options;
    try {
      const items = await Promise.all(
        trip.map(async ({ item }) => ({ ...item, entry: { ...item.entry, body: await packed(item.entry.body) } })),
      );
      const verdicts = await shared.fill((trip[0] as Waiting).epoch, items);
      tellFills(observe, 'shared', verdicts);
    } catch (error) {
      observe.fill('shared', 'failed', trip.length);
      observe.failed(error);
    } finally {
      this.#values -= trip.length;
      for (const { bytes } of trip) this.#bytes -= bytes;
    }
  }
}
