/**
 * Owns what the answer of one operation depends on, as its reads tell it: with that, the whole answer may be kept (R4).
 */
import { type LayerState } from '../../cache/guard.ts';
import { type CacheKey, type Generation } from '../../cache/ports.ts';
import { lowerPosition, type KeptWith } from '../../cache/reading.ts';
import { type Tag } from '../../change/tags.ts';

/** Where the process's own cache stood before the operation's first read. */
export interface StateBefore extends LayerState {
  readonly generation: Generation;
}

/** Everything that the reads of one operation depended on. */
export interface Dependencies extends KeptWith {
  /** The generation of the process's cache in which the operation began. */
  readonly epoch: string;
  readonly tags: readonly Tag[];
  /** How many loads were answered. */
  readonly reads: number;
}

/**
 * Values that the process's cache had are right as of its W at that moment, which is not below the W from before the
 * first read. Others say themselves what they are right as of. The answer is kept with the lowest of these, so that
 * each later invalidation of anything that was read makes it wrong.
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

  /** One load was answered. `keptWith`: null where its values may not be kept. */
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

  /** The operation read something that no cache keeps. */
  refuse(): void {
    this.#keptWith = null;
    this.#tags.clear();
  }

  /** Null: the answer must not be kept. */
  dependencies(): Dependencies | null {
    if (this.#keptWith === null || this.#reads === 0) return null;
    return { ...this.#keptWith, epoch: this.#before.generation.epoch, tags: [...this.#tags], reads: this.#reads };
  }
}
