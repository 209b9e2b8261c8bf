/**
 * Owns writing values to the shared cache after they were returned: fills of one tick share a round trip, and the queue
 * of waiting fills is bounded.
 */
import { type Options } from '../config/options.ts';
import { tellFills, type CacheObserver } from './observer.ts';
import { packed } from './packing.ts';
import { type FillItem, type SharedCache } from './ports.ts';

export type FillLimits = Pick<Options, 'cacheInFlight' | 'cacheValueBytes'>;

export interface SharedFillsOptions {
  readonly shared: SharedCache;
  /** At most `cacheInFlight` values wait, of at most `MAX_WAITING_FACTOR` times `cacheValueBytes`. */
  readonly limits: FillLimits;
  readonly observe: CacheObserver;
}

interface Waiting {
  readonly epoch: string;
  readonly item: FillItem;
  readonly bytes: number;
}

/** How many values of the largest size may wait. */
const MAX_WAITING_FACTOR = 16;
/**
 * The most that one round trip carries, so that it stays within the time limit of a command: this many values, or one
 * of the largest size.
 */
const MAX_BATCH_VALUES = 256;

export class SharedFills {
  readonly #options: SharedFillsOptions;
  #next: Waiting[] = [];
  /** Values that are waiting or being written. */
  #values = 0;
  #bytes = 0;

  constructor(options: SharedFillsOptions) {
    this.#options = options;
  }

  /** Writes the value soon, or drops it. `epoch`: the generation of the shared cache that the value was read in. */
  add(epoch: string, item: FillItem): void {
    const { limits, observe } = this.#options;
    const bytes = Buffer.byteLength(item.entry.body);
    if (bytes > limits.cacheValueBytes) return observe.fill('shared', 'full', 1);
    if (this.#values >= limits.cacheInFlight || this.#bytes + bytes > MAX_WAITING_FACTOR * limits.cacheValueBytes)
      return observe.fill('shared', 'dropped', 1);
    this.#values += 1;
    this.#bytes += bytes;
    this.#next.push({ epoch, item, bytes });
    if (this.#next.length === 1) setImmediate(() => this.#send());
  }

  #send(): void {
    const all = this.#next;
    this.#next = [];
    let batch: Waiting[] = [];
    let tripBytes = 0;
    for (const waiting of all) {
      const fits =
        batch[0] === undefined ||
        (batch[0].epoch === waiting.epoch &&
          batch.length < MAX_BATCH_VALUES &&
          tripBytes + waiting.bytes <= this.#options.limits.cacheValueBytes);
      if (!fits) {
        void this.#fill(batch);
        batch = [];
        tripBytes = 0;
      }
      batch.push(waiting);
      tripBytes += waiting.bytes;
    }
    void this.#fill(batch);
  }

  async #fill(batch: readonly Waiting[]): Promise<void> {
    const { shared, observe } = this.#options;
    try {
      const items = await Promise.all(
        batch.map(async ({ item }) => ({ ...item, entry: { ...item.entry, body: await packed(item.entry.body) } })),
      );
      const verdicts = await shared.fill((batch[0] as Waiting).epoch, items);
      tellFills(observe, 'shared', verdicts);
    } catch (error) {
      observe.fill('shared', 'failed', batch.length);
      observe.failed(error);
    } finally {
      this.#values -= batch.length;
      for (const { bytes } of batch) this.#bytes -= bytes;
    }
  }
}
