/**
 * Owns the dependencies of one operation's answer, collected from its reads. They allow the whole answer to be cached
 * (R4).
 */
import { type LayerState } from '../../cache/guard.ts';
import { type CacheKey, type Generation } from '../../cache/ports.ts';
import { lowerPosition, type KeptWith } from '../../cache/reading.ts';
import { type Tag } from '../../change/tags.ts';

/** The state of the process's own cache before the operation's first read. */
export interface StateBefore extends LayerState {
  readonly generation: Generation;
}

/** The dependencies of all reads of one operation. */
export interface Dependencies extends KeptWith {
  /** The generation of the process's cache in which the operation began. */
  readonly epoch: string;
  readonly tags: readonly Tag[];
  /** The number of loads that were answered. */
  readonly reads: number;
}

/**
 * Computes the position with which an operation's answer may be cached. Values from the process's cache are valid as of
 * its watermark W at that moment, which is not below W before the first read. Other values carry their own position.
 * The answer is cached with the lowest of these, so that every later invalidation of anything that was read also
 * invalidates the answer.
 */
export class AnswerBasis {
  readonly #before: StateBefore;
  readonly #maxTags: number;
  readonly #tags = new Set<Tag>();
  #keptWith: KeptWith | null;
  #reads = 0;

  constructor(before: StateBefore, maxTags: number) {
    this.#before = before;
    this.#maxTags = maxTags;
    const {
      generation: { cluster, timeline },
      watermark: lsn,
    } = before;
    this.#keptWith = { asOf: { cluster, timeline, lsn }, expiresAtMs: Number.POSITIVE_INFINITY };
  }

  /** Records one answered load. `keptWith` is null where its values may not be cached. */
  fetched(keys: readonly Pick<CacheKey, 'tags'>[], keptWith: KeptWith | null): void {
    this.#reads += 1;
    const so = this.#keptWith;
    if (so === null) return;
    const asOf = keptWith && lowerPosition(so.asOf, keptWith.asOf);
    if (keptWith === null || asOf === null) return this.refuse();
    for (const { tags } of keys) for (const tag of tags) this.#tags.add(tag);
    if (this.#tags.size > this.#maxTags) return this.refuse();
    this.#keptWith = { asOf, expiresAtMs: Math.min(so.expiresAtMs, keptWith.expiresAtMs) };
  }

  /** The operation read something that is not cached, so its answer must not be cached either. */
  refuse(): void {
    this.#keptWith = null;
    this.#tags.clear();
  }

  /** Null where the answer must not be cached. */
  dependencies(): Dependencies | null {
    if (this.#keptWith === null || this.#reads === 0) return null;
    return { ...this.#keptWith, epoch: this.#before.generation.epoch, tags: [...this.#tags], reads: this.#reads };
  }
}
