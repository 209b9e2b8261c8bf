/**
 * Owns the kept answers of whole operations: found by name, and removed by every change of a row that they were made
 * from.
 */
import { LRUCache } from 'lru-cache';
import { type Position } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type Tag } from '../change/tags.ts';
import { type Options } from '../config/options.ts';
import { isInvalidated, mayKeep } from './guard.ts';
import { isBelowTable, type TableMark } from './kept.ts';
import { type FillVerdict } from './ports.ts';

export type AnswerLimits = Pick<Options, 'operationCacheBytes' | 'operationCacheValueBytes'>;

/** An answer to be kept (R3). */
export interface AnswerItem {
  /** The viewer and the request: the same name always gets the same answer from the same rows (R11). */
  readonly name: string;
  /**
   * The body as a string of bytes, one character for each: Node writes it together with the headers in one system call,
   * which it does not do for a Buffer.
   */
  readonly body: string;
  /** The `Cache-Control` header: how long browsers and proxies may keep the answer. */
  readonly cacheControl: string;
  /** The tags of everything that was read for the answer. */
  readonly tags: readonly Tag[];
  readonly asOf: Lsn;
  readonly seen: Position;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** The number of loads that were needed. */
  readonly reads: number;
}

export interface KeptAnswer extends AnswerItem {
  readonly tables: readonly TableMark[];
}

/** What the guard needs to know of the cache that keeps the answers. */
export interface AnswerGuard {
  readonly horizon: Lsn;
  marksOf(tags: readonly Tag[]): TableMark[];
  tombstoneOf(tags: readonly Tag[], tables: readonly TableMark[]): Lsn | null;
}

/** Most tags belong to one answer, which is then stored without a set. */
type Dependents = KeptAnswer | Set<KeptAnswer>;

/**
 * Estimated size of an entry without its body and name: the objects that hold it, and for each tag its text and its
 * place in the index.
 */
const ENTRY_BYTES = 400;
const TAG_BYTES = 150;

export class KeptAnswers {
  readonly #limits: AnswerLimits;
  readonly #guard: AnswerGuard;
  readonly #dependents = new Map<Tag, Dependents>();
  #byName: LRUCache<string, KeptAnswer> | null;

  constructor(limits: AnswerLimits, guard: AnswerGuard) {
    this.#limits = limits;
    this.#guard = guard;
    this.#byName = this.#emptyList();
  }

  get size(): number {
    return this.#byName?.size ?? 0;
  }

  /** Approximate size of bodies, names and tags. */
  get bytes(): number {
    return this.#byName?.calculatedSize ?? 0;
  }

  /** The answer is right as of max(`asOf`, W). The caller decides whether it may be served. */
  find(name: string): KeptAnswer | undefined {
    const found = this.#byName?.get(name);
    if (found === undefined || !isBelowTable(found)) return found;
    this.#byName?.delete(name);
    return undefined;
  }

  /** Keeps the answer if the guard allows it: one atomic step for everything that the answer depends on (R4). */
  keep(item: AnswerItem): FillVerdict {
    const size = sizeOf(item);
    if (
      this.#byName === null ||
      item.body.length > this.#limits.operationCacheValueBytes ||
      size > this.#limits.operationCacheBytes
    )
      return 'full';
    const tables = this.#guard.marksOf(item.tags);
    const earlier = this.find(item.name);
    if (
      !mayKeep(item.asOf, {
        horizon: this.#guard.horizon,
        tombstone: this.#guard.tombstoneOf(item.tags, tables),
        kept: earlier?.asOf ?? null,
      })
    )
      return 'stale';
    // Unlinks the earlier answer first: both may be listed under the same tags.
    this.#byName.delete(item.name);
    const kept: KeptAnswer = { ...item, tables };
    for (const tag of kept.tags) this.#link(tag, kept);
    this.#byName.set(kept.name, kept, { size });
    return 'stored';
  }

  /** Answers that depend on the tag are wrong below `at`. */
  invalidate(tag: Tag, at: Lsn): void {
    const found = this.#dependents.get(tag);
    if (found === undefined) return;
    for (const kept of found instanceof Set ? [...found] : [found])
      if (isInvalidated(kept.asOf, at)) this.#byName?.delete(kept.name);
  }

  empty(): void {
    // A new list: clearing the old one would remove its answers from the map one by one.
    if (this.size > 0) this.#byName = this.#emptyList();
    this.#dependents.clear();
  }

  #emptyList(): LRUCache<string, KeptAnswer> | null {
    const { operationCacheBytes: maxSize } = this.#limits;
    return maxSize === 0 ? null : new LRUCache<string, KeptAnswer>({ maxSize, dispose: (kept) => this.#unlink(kept) });
  }

  #link(tag: Tag, kept: KeptAnswer): void {
    const found = this.#dependents.get(tag);
    if (found === undefined) this.#dependents.set(tag, kept);
    else if (found instanceof Set) found.add(kept);
    else this.#dependents.set(tag, new Set([found, kept]));
  }

  /** Called for every answer that leaves the list, evicted or deleted. */
  #unlink(kept: KeptAnswer): void {
    for (const tag of kept.tags) {
      const found = this.#dependents.get(tag);
      if (found === kept) this.#dependents.delete(tag);
      else if (found instanceof Set && found.delete(kept) && found.size === 0) this.#dependents.delete(tag);
    }
  }
}

function sizeOf({ name, body, tags }: AnswerItem): number {
  return body.length + name.length + ENTRY_BYTES + tags.length * TAG_BYTES;
}
