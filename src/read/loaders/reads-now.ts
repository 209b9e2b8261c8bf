/**
 * Owns the reads of one operation that the process's own cache answers synchronously. Nothing is reported until all of
 * them have been answered.
 */
import { laterPosition, type Position } from '../../base/lineage.ts';
import { type Kept, type Shortcut } from '../../cache/kept.ts';
import { type LocalLook } from '../../cache/look.ts';
import { type CacheKey } from '../../cache/ports.ts';
import { lowerPosition, type Codec } from '../../cache/reading.ts';
import { type CachedReads, type Executor } from '../ports.ts';
import { type KeyColumns, type KeyValues } from '../sql/parents.ts';
import { keyText, tagOfKey, type LoaderCaching, type TagNames, type Variants } from './through-cache.ts';

/**
 * The operation reads a value that the process does not cache, or that has to be fetched. It must be executed
 * asynchronously.
 */
export class NotHere extends Error {}

/** The values that an asynchronous loader would have read in one batch. */
export interface NowBatch {
  /** The pass over the operation's fields to which it belongs. */
  readonly pass: number;
  readonly found: Kept[];
  seen: Position;
  /** The lowest position as of which any of the values is valid. */
  asOf: Position | null;
  expiresAtMs: number;
}

/** A synchronous loader of cached values. */
export interface NowReader<V> {
  readonly key: KeyColumns;
  readonly variants: Variants;
  readonly codec: Codec<V>;
  readonly maxBatch: number;
  /** The current batch. */
  batch: NowBatch | null;
  shortcut: Shortcut | null;
}

export class ReadsNow {
  readonly #caching: CachedReads;
  readonly #look: LocalLook;
  readonly #tags: TagNames;
  readonly #batches: NowBatch[] = [];
  #pass = 0;

  private constructor(caching: CachedReads, look: LocalLook, tags: TagNames) {
    this.#caching = caching;
    this.#look = look;
    this.#tags = tags;
  }

  /** Null where no cache may be used, or a read index would have to be fetched first. */
  static begin({ caching }: Executor, { cache, tags }: Pick<LoaderCaching, 'cache' | 'tags'>): ReadsNow | null {
    const demand = caching?.demandNow() ?? null;
    const look = demand && cache.look(demand);
    return caching && look ? new ReadsNow(caching, look, tags) : null;
  }

  /** Starts a new pass. The asynchronous loaders would read the following values after all earlier ones. */
  nextPass(): void {
    this.#pass += 1;
  }

  /**
   * Finds the value and adds it to the reader's current batch, or to a new batch where that one is full or belongs to
   * an earlier pass. Undefined where the value is not cached. Throws `NotHere` where values of two clusters would share
   * a batch.
   */
  find<V>(of: NowReader<V>, key: KeyValues): V | undefined {
    const text = keyText(key);
    const shortcut = (of.shortcut ??= this.#look.shortcut(of.variants.base));
    const kept = this.#look.find(shortcut, text) ?? this.#look.findFor(shortcut, text, this.#keyOf(of, key));
    if (kept === undefined) return undefined;
    const value = kept.body.by(of.codec);
    const { atWatermark } = this.#look;
    const asOf = kept.asOf <= atWatermark.lsn ? atWatermark : { ...atWatermark, lsn: kept.asOf };
    const { batch } = of;
    if (batch === null || batch.pass !== this.#pass || batch.found.length >= of.maxBatch) {
      of.batch = { pass: this.#pass, found: [kept], seen: kept.seen, asOf, expiresAtMs: kept.expiresAtMs };
      this.#batches.push(of.batch);
      return value;
    }
    batch.found.push(kept);
    if (kept.seen !== batch.seen) {
      if (kept.seen.cluster !== batch.seen.cluster) throw new NotHere();
      batch.seen = laterPosition(batch.seen, kept.seen);
    }
    if (asOf !== batch.asOf) batch.asOf = lowerPosition(batch.asOf, asOf);
    if (kept.expiresAtMs < batch.expiresAtMs) batch.expiresAtMs = kept.expiresAtMs;
    return value;
  }

  /**
   * Reports the reads to the session, the metrics and the answer cache. False where a failover has discarded a position
   * that the values had seen.
   */
  tell(): boolean {
    for (const { seen, asOf } of this.#batches) if (!this.#caching.hit(seen, asOf?.lsn ?? null)) return false;
    let values = 0;
    for (const { found, asOf, expiresAtMs } of this.#batches) {
      values += found.length;
      this.#caching.basis?.fetched(found, asOf === null ? null : { asOf, expiresAtMs });
    }
    if (values > 0) this.#look.shown(values);
    return true;
  }

  #keyOf({ key: of, variants }: Pick<NowReader<unknown>, 'key' | 'variants'>, key: KeyValues): CacheKey {
    return { tags: [tagOfKey(this.#tags, of, key)], variant: variants.of(key) };
  }
}
