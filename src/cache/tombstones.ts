/**
 * Owns the tombstones of a process: which tags were invalidated at which position, back to the horizon, bounded in
 * number.
 */
import { maxLsn, ZERO_LSN, type Lsn } from '../base/lsn.ts';
import { type Tag } from '../change/tags.ts';

/** Forgetting a tombstone raises the horizon, so that no value which was read before it can be kept (R4). */
export class Tombstones {
  readonly #limit: number;
  /** In insertion order, which is the order of their positions. */
  readonly #lsns = new Map<Tag, Lsn>();
  /** One iterator for the map's whole use: a new one would skip, one by one, all entries that were removed before. */
  #walk = this.#lsns.entries();
  /** The next candidate for removal. If it was put again since, it has moved back. */
  #oldest: readonly [Tag, Lsn] | undefined;
  #horizon = ZERO_LSN;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get horizon(): Lsn {
    return this.#horizon;
  }

  get size(): number {
    return this.#lsns.size;
  }

  of(tag: Tag): Lsn | undefined {
    return this.#lsns.get(tag);
  }

  put(tag: Tag, lsn: Lsn): void {
    const earlier = this.#lsns.get(tag);
    if (earlier !== undefined) {
      if (earlier >= lsn) return;
      this.#lsns.delete(tag);
    }
    this.#lsns.set(tag, lsn);
    if (this.#lsns.size > this.#limit) this.#forgetOldest();
  }

  /** Forgets those at or below `horizon`. */
  forgetUpTo(horizon: Lsn): void {
    this.#horizon = maxLsn(this.#horizon, horizon);
    for (let oldest = this.#peek(); oldest !== undefined && oldest[1] <= this.#horizon; oldest = this.#peek())
      this.#lsns.delete(oldest[0]);
  }

  /** Forgets everything that happened up to `lsn`. */
  reset(lsn: Lsn): void {
    this.#lsns.clear();
    this.#walk = this.#lsns.entries();
    this.#oldest = undefined;
    this.#horizon = lsn;
  }

  #forgetOldest(): void {
    const oldest = this.#peek();
    if (oldest === undefined) return;
    this.#lsns.delete(oldest[0]);
    this.#horizon = maxLsn(this.#horizon, oldest[1]);
  }

  #peek(): readonly [Tag, Lsn] | undefined {
    while (this.#oldest === undefined || this.#lsns.get(this.#oldest[0]) !== this.#oldest[1]) {
      let next = this.#walk.next();
      if (next.done === true) {
        // An iterator that has ended does not continue with later entries; everything before its end is gone by now.
        this.#walk = this.#lsns.entries();
        next = this.#walk.next();
        if (next.done === true) return undefined;
      }
      this.#oldest = next.value;
    }
    return this.#oldest;
  }
}
