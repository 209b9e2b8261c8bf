/**
 * Owns the reads of one operation that the process's own cache answers, all in one step of the program: nothing is told
 * of them until all have been answered.
 */
import { laterPosition, type Position } from '../../base/lineage.ts';
import { type Kept, type Shortcut } from '../../cache/kept.ts';
import { type LocalLook } from '../../cache/look.ts';
import { type CacheKey } from '../../cache/ports.ts';
import { lowerPosition, type Codec } from '../../cache/reading.ts';
import { type CachedReads, type Executor } from '../ports.ts';
import { type KeyColumns, type KeyValues } from '../sql/parents.ts';
import { keyText, tagOfKey, type LoaderCaching, type TagNames, type Variants } from './through-cache.ts';

/** The operation reads something that the process has not, or that takes a moment: it has to be carried out in the other way. */
export class NotHere extends Error {}

/** Values that one loader would have read together. */
export interface NowBatch {
  /** The pass over the operation's fields that it belongs to. */
  readonly pass: number;
  readonly found: Kept[];
  seen: Position;
  /** The lowest position that one of the values is right as of. */
  asOf: Position | null;
  expiresAtMs: number;
}

/** A loader of values that are there. */
export interface NowReader<V> {
  readonly key: KeyColumns;
  readonly variants: Variants;
  readonly codec: Codec<V>;
  readonly maxBatch: number;
  /** The latest one. */
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

  /** Null where no cache may answer, or something has to be fetched before one may. */
  static begin({ caching }: Executor, { cache, tags }: Pick<LoaderCaching, 'cache' | 'tags'>): ReadsNow | null {
    const demand = caching?.demandNow() ?? null;
    const look = demand && cache.look(demand);
    return caching && look ? new ReadsNow(caching, look, tags) : null;
  }

  /** What is read from here on would have been read after all that was read so far. */
  nextPass(): void {
    this.#pass += 1;
  }

  /**
   * The value, as one of the reader's batch unless that is full or of an earlier pass; undefined where it is not there.
   * Throws `NotHere` where values of two databases come together.
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

  /** Tells the session, the metrics and whoever keeps the answer. False: a failover has undone what the values had seen. */
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
