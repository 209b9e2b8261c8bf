/**
 * Owns the in-process cache (L1): bounded by entries and bytes, and correct by the same rules as the region's shared
 * cache.
 */
import { LRUCache } from 'lru-cache';
import { systemClock, type Clock } from '../base/clock.ts';
import { maxLsn, type Lsn } from '../base/lsn.ts';
import { tableOfTag, type TableTag, type Tag } from '../change/tags.ts';
import { type Options } from '../config/options.ts';
import { KeptAnswers, type AnswerItem, type AnswerLimits, type KeptAnswer } from './answers.ts';
import { isInvalidated, isSameGeneration, mayKeep } from './guard.ts';
import { Body, isBelowTable, Kept, KeptIndex, placeOf, Shortcut, type Known, type TableMark } from './kept.ts';
import { type Batch, type CacheKey, type FillItem, type FillVerdict, type Generation } from './ports.ts';
import { Tombstones } from './tombstones.ts';

export type LocalLimits = AnswerLimits &
  Pick<Options, 'cacheEntries' | 'cacheBytes' | 'cacheValueBytes' | 'tombstones'>;

export interface LocalItem extends FillItem {
  /** The decoded body, if there is one or another reader will decode it too. */
  readonly body?: Body;
}

export interface LocalFigures {
  /** Values that are kept. */
  readonly entries: number;
  /** Size of their bodies, as UTF-8. */
  readonly bytes: number;
  /** Tags under which values are. */
  readonly tags: number;
  readonly tombstones: number;
  /** Answers of whole operations, and bytes of them. */
  readonly answers: number;
  readonly answerBytes: number;
}

/** The list, from which the least used goes first, is told of a value's uses by shortcuts no more often than this. */
const USED_MS = 1_000;

/** Whoever is told what becomes of the cache, in the step in which it happens; must neither throw nor take long. */
export interface LocalListener {
  /** What is kept under the batch's tags and tables is wrong below its watermark. */
  applied(batch: Batch): void;
  /** A generation begins, empty. */
  began(): void;
  /** The generation has ended: changes may be missed from here on. */
  ended(): void;
}

/**
 * Without a generation the cache serves and keeps nothing. Every method is one synchronous step, so that the watermark
 * and the values are of one moment. The caller of `apply` guarantees order and completeness: each batch once or more
 * often, and none missing in between.
 */
export class LocalCache {
  readonly #limits: LocalLimits;
  readonly #clock: Clock;
  readonly #index = new KeptIndex();
  /** Further tags → the values that depend on them as well. */
  readonly #dependents = new Map<Tag, Set<Kept>>();
  /**
   * One mark per table. Marks are not forgotten within a generation, so that a value which a table invalidation made
   * wrong can be removed when it is found.
   */
  readonly #tables = new Map<TableTag, TableMark>();
  readonly #tombstones: Tombstones;
  readonly #answers: KeptAnswers;
  /** By reader; each has a value at least. */
  readonly #shortcuts = new Map<string, Shortcut>();
  #kept: LRUCache<Kept, true>;
  #generation: Generation | null = null;
  #watermark: Lsn | null = null;
  #lossReason: string | null = null;
  #listener: LocalListener | null = null;

  constructor(limits: LocalLimits, clock: Clock = systemClock) {
    this.#limits = limits;
    this.#clock = clock;
    const tombstones = new Tombstones(limits.tombstones);
    this.#tombstones = tombstones;
    this.#answers = new KeptAnswers(limits, {
      get horizon() {
        return tombstones.horizon;
      },
      marksOf: (tags) => this.#marksOf(tags),
      tombstoneOf: (tags, tables) => this.#tombstoneOf(tags, tables),
    });
    this.#kept = this.#emptyList();
  }

  get generation(): Generation | null {
    return this.#generation;
  }

  /** W: everything up to here is applied; null without a generation. */
  get watermark(): Lsn | null {
    return this.#watermark;
  }

  /** Why the last generation ended; null while there is one, and before the first. */
  get lossReason(): string | null {
    return this.#lossReason;
  }

  figures(): LocalFigures {
    return {
      entries: this.#kept.size,
      bytes: this.#kept.calculatedSize,
      tags: this.#index.size + this.#dependents.size,
      tombstones: this.#tombstones.size,
      answers: this.#answers.size,
      answerBytes: this.#answers.bytes,
    };
  }

  listen(listener: LocalListener): void {
    this.#listener = listener;
  }

  /** Begins a generation at `lsn`, empty. */
  begin(generation: Generation, lsn: Lsn): void {
    this.#empty(lsn);
    this.#generation = generation;
    this.#watermark = lsn;
    this.#lossReason = null;
    this.#listener?.began();
  }

  /** Ends the generation, since something may have been missed (R8). */
  lose(reason: string): void {
    if (this.#generation === null) return;
    this.#empty(this.#watermark as Lsn);
    this.#generation = null;
    this.#watermark = null;
    this.#lossReason = reason;
    this.#listener?.ended();
  }

  /**
   * Applies one batch: removes what is wrong below its watermark and moves W up to it. Without a generation it changes
   * nothing.
   */
  apply(batch: Batch): void {
    const { watermark: at, tags, tables, horizon } = batch;
    if (this.#watermark === null) return;
    for (const tag of tags) {
      for (const kept of this.#index.of(tag)) if (isInvalidated(kept.asOf, at)) this.#kept.delete(kept);
      for (const kept of [...(this.#dependents.get(tag) ?? [])])
        if (isInvalidated(kept.asOf, at)) this.#kept.delete(kept);
      this.#answers.invalidate(tag, at);
      this.#tombstones.put(tag, at);
    }
    for (const table of tables) {
      const mark = this.#markOf(table);
      mark.invalidatedAt = mark.invalidatedAt === null ? at : maxLsn(mark.invalidatedAt, at);
    }
    this.#tombstones.forgetUpTo(horizon);
    this.#watermark = maxLsn(this.#watermark, at);
    this.#listener?.applied(batch);
  }

  /**
   * The values under the keys, in their order, right as of max(`asOf`, W); undefined for a key without one. The caller
   * decides whether they may be served.
   */
  lookup(keys: readonly CacheKey[]): readonly (Kept | undefined)[] {
    return keys.map((key) => this.find(key));
  }

  /**
   * Keeps what the guard allows (R4). `epoch`: the generation at the moment that the items' `asOf` is from. `full` is
   * also the verdict for values that are larger than `cacheValueBytes`.
   */
  fill(epoch: string, items: readonly LocalItem[]): FillVerdict[] {
    if (!isSameGeneration(this.#generation, epoch)) return items.map(() => 'ended');
    return items.map((item) => this.#keep(item));
  }

  /** The kept answer of this name, right as of max(`asOf`, W). The caller decides whether it may be served. */
  answer(name: string): KeptAnswer | undefined {
    return this.#answers.find(name);
  }

  /** Keeps the answer of a whole operation as `fill` keeps values; `epoch`: the generation in which the operation began. */
  keepAnswer(epoch: string, item: AnswerItem): FillVerdict {
    return isSameGeneration(this.#generation, epoch) ? this.#answers.keep(item) : 'ended';
  }

  /** Whether nothing under the tags has changed since `asOf`, as the generation of that epoch knows. */
  isCurrent(epoch: string, asOf: Lsn, tags: readonly Tag[]): boolean {
    if (!isSameGeneration(this.#generation, epoch)) return false;
    const tombstone = this.#tombstoneOf(tags, this.#marksOf(tags));
    return mayKeep(asOf, { horizon: this.#tombstones.horizon, tombstone, kept: null });
  }

  /**
   * The values of a reader by the texts of their keys, for this step of the program. `reader` and text together must
   * name one key and nothing else.
   */
  shortcut(reader: string): Shortcut {
    return this.#shortcuts.get(reader) ?? new Shortcut(reader);
  }

  /** As `find`, where that was told to the shortcut before; undefined: `findFor` may find it. */
  findBy(shortcut: Shortcut, text: string, nowMs: number): Kept | undefined {
    const kept = shortcut.find(text);
    if (kept === undefined) return undefined;
    if (isBelowTable(kept)) {
      this.#kept.delete(kept);
      return undefined;
    }
    if (nowMs - kept.usedMs >= USED_MS) {
      kept.usedMs = nowMs;
      this.#kept.get(kept);
    }
    return kept;
  }

  /** As `find`, and tells the shortcut. */
  findFor(shortcut: Shortcut, text: string, key: CacheKey): Kept | undefined {
    const kept = this.find(key);
    if (kept?.known === null) {
      shortcut.add(text, kept);
      this.#shortcuts.set(shortcut.reader, shortcut);
    }
    return kept;
  }

  /** As `lookup`, of one key. */
  find(key: CacheKey): Kept | undefined {
    const kept = this.#index.find(key.tags[0] as Tag, placeOf(key));
    if (kept === undefined) return undefined;
    if (isBelowTable(kept)) {
      this.#kept.delete(kept);
      return undefined;
    }
    // Marks the value as recently used.
    this.#kept.get(kept);
    return kept;
  }

  #keep({ key, entry, maxVariants, body }: LocalItem): FillVerdict {
    const { cacheEntries, cacheBytes, cacheValueBytes } = this.#limits;
    const bytes = Buffer.byteLength(entry.body);
    if (cacheEntries === 0 || bytes > Math.min(cacheBytes, cacheValueBytes)) return 'full';
    const [tag] = key.tags as readonly [Tag];
    const tables = this.#marksOf(key.tags);
    const earlier = this.find(key);
    if (
      !mayKeep(entry.asOf, {
        horizon: this.#tombstones.horizon,
        tombstone: this.#tombstoneOf(key.tags, tables),
        kept: earlier?.asOf ?? null,
      })
    )
      return 'stale';
    if (earlier !== undefined) this.#kept.delete(earlier);
    else if (this.#index.count(tag) >= maxVariants && !this.#sweep(tag)) return 'full';
    const kept = new Kept({ key, entry, bytes, tables, body: body ?? new Body(entry.body) });
    this.#index.add(tag, kept);
    for (const further of key.tags.slice(1)) this.#dependentsOf(further).add(kept);
    this.#kept.set(kept, true);
    return 'stored';
  }

  /** Removes the values under a tag that can no longer be served; false: there were none. */
  #sweep(tag: Tag): boolean {
    const nowMs = this.#clock.nowMs();
    const useless = this.#index.of(tag).filter((kept) => kept.expiresAtMs <= nowMs || isBelowTable(kept));
    for (const kept of useless) this.#kept.delete(kept);
    return useless.length > 0;
  }

  #tombstoneOf(tags: readonly Tag[], tables: readonly TableMark[]): Lsn | null {
    const found = [
      ...tags.map((tag) => this.#tombstones.of(tag) ?? null),
      ...tables.map((table) => table.invalidatedAt),
    ].filter((lsn) => lsn !== null);
    return found.length === 0 ? null : found.reduce(maxLsn);
  }

  #marksOf(tags: readonly Tag[]): TableMark[] {
    return [...new Set(tags.map(tableOfTag))].filter((table) => table !== null).map((table) => this.#markOf(table));
  }

  #markOf(table: TableTag): TableMark {
    const known = this.#tables.get(table);
    if (known !== undefined) return known;
    const mark: TableMark = { invalidatedAt: null };
    this.#tables.set(table, mark);
    return mark;
  }

  #dependentsOf(tag: Tag): Set<Kept> {
    const known = this.#dependents.get(tag);
    if (known !== undefined) return known;
    const dependents = new Set<Kept>();
    this.#dependents.set(tag, dependents);
    return dependents;
  }

  /** Called for every value that leaves the list, evicted or deleted. */
  #unlink(kept: Kept): void {
    const [tag, ...further] = kept.tags as readonly [Tag, ...Tag[]];
    this.#index.remove(tag, kept);
    if (kept.known !== null) this.#forget(kept.known);
    for (const other of further) {
      const dependents = this.#dependents.get(other);
      if (dependents?.delete(kept) === true && dependents.size === 0) this.#dependents.delete(other);
    }
  }

  #forget({ by, text }: Known): void {
    by.remove(text);
    if (by.isEmpty) this.#shortcuts.delete(by.reader);
  }

  #empty(lsn: Lsn): void {
    // A new list: clearing the old one would remove its values from the index one by one.
    if (this.#kept.size > 0) this.#kept = this.#emptyList();
    this.#index.clear();
    this.#shortcuts.clear();
    this.#dependents.clear();
    this.#answers.empty();
    this.#tables.clear();
    this.#tombstones.reset(lsn);
  }

  #emptyList(): LRUCache<Kept, true> {
    return new LRUCache<Kept, true>({
      max: Math.max(1, this.#limits.cacheEntries),
      maxSize: Math.max(1, this.#limits.cacheBytes),
      sizeCalculation: (_, kept) => Math.max(1, kept.bytes),
      dispose: (_, kept) => this.#unlink(kept),
    });
  }
}
