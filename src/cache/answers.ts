/**
 * Owns the answers of whole operations that the process keeps: found by name, removed by every change of anything that
 * they were made of.
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
  /** Who asks what: the same name always gets the same answer from the same rows (R11). */
  readonly name: string;
  /**
   * The bytes that are sent, one character for each: Node writes them together with the headers, in one call to the
   * system, as it does not write a Buffer.
   */
  readonly body: string;
  /** How long others on its way may keep it, as its header says. */
  readonly cacheControl: string;
  /** Of everything that was read for it. */
  readonly tags: readonly Tag[];
  readonly asOf: Lsn;
  readonly seen: Position;
  /** Milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** How many loads it took. */
  readonly reads: number;
}

export interface KeptAnswer extends AnswerItem {
  readonly tables: readonly TableMark[];
}

/** What the cache knows that the answers are kept in. */
export interface AnswerGuard {
  readonly horizon: Lsn;
  marksOf(tags: readonly Tag[]): TableMark[];
  tombstoneOf(tags: readonly Tag[], tables: readonly TableMark[]): Lsn | null;
}

/** Most tags belong to one answer, which then stands there without a set around it. */
type Dependents = KeptAnswer | Set<KeptAnswer>;

/** Of an entry beside its body and its name: the objects around them, and for each tag its text and its place. */
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

  /** Of bodies, names and tags, about. */
  get bytes(): number {
    return this.#byName?.calculatedSize ?? 0;
  }

  /** Right as of max(`asOf`, W). Whether it may be served is the caller's question. */
  find(name: string): KeptAnswer | undefined {
    const found = this.#byName?.get(name);
    if (found === undefined || !isBelowTable(found)) return found;
    this.#byName?.delete(name);
    return undefined;
  }

  /** Keeps what the guard lets in: one step for everything that the answer depends on (R4). */
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
    // Unlinks the earlier one first: both may stand under the same tags.
    this.#byName.delete(item.name);
    const kept: KeptAnswer = { ...item, tables };
    for (const tag of kept.tags) this.#link(tag, kept);
    this.#byName.set(kept.name, kept, { size });
    return 'stored';
  }

  /** What depends on the tag is wrong below `at`. */
  invalidate(tag: Tag, at: Lsn): void {
    const found = this.#dependents.get(tag);
    if (found === undefined) return;
    for (const kept of found instanceof Set ? [...found] : [found])
      if (isInvalidated(kept.asOf, at)) this.#byName?.delete(kept.name);
  }

  empty(): void {
    // A new list: clearing the old one would take its answers out of the map one by one.
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

  /** Called for whatever leaves the list, evicted or deleted. */
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
