/** Owns the order of waiters: a binary heap by floor, from which any waiter can be removed in logarithmic time. */
import { type Lsn } from '../base/lsn.ts';

export interface Waiter {
  readonly floor: Lsn;
  settle(reached: boolean): void;
  /** Place in the heap, kept by the heap; -1 outside of it. */
  index: number;
}

/**
 * Waiters are removed when they time out as well as when they are served, so that they do not accumulate at a watermark
 * that stands still.
 */
export class WaiterHeap {
  readonly #items: Waiter[] = [];

  get size(): number {
    return this.#items.length;
  }

  get lowest(): Waiter | undefined {
    return this.#items[0];
  }

  add(waiter: Waiter): void {
    waiter.index = this.#items.length;
    this.#items.push(waiter);
    this.#rise(waiter);
  }

  remove(waiter: Waiter): void {
    const { index } = waiter;
    if (index < 0) return;
    waiter.index = -1;
    const last = this.#items.pop();
    if (last === undefined || last === waiter) return;
    this.#put(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  /** Removes and returns every waiter whose floor is at or below `lsn`, lowest first. */
  takeUpTo(lsn: Lsn): Waiter[] {
    const taken: Waiter[] = [];
    for (let first = this.lowest; first !== undefined && first.floor <= lsn; first = this.lowest) {
      this.remove(first);
      taken.push(first);
    }
    return taken;
  }

  #put(waiter: Waiter, index: number): void {
    this.#items[index] = waiter;
    waiter.index = index;
  }

  #rise(waiter: Waiter): void {
    while (waiter.index > 0) {
      const parent = this.#items[(waiter.index - 1) >> 1];
      if (parent === undefined || parent.floor <= waiter.floor) return;
      const { index } = waiter;
      this.#put(waiter, parent.index);
      this.#put(parent, index);
    }
  }

  #sink(waiter: Waiter): void {
    for (;;) {
      const left = this.#items[2 * waiter.index + 1];
      const right = this.#items[2 * waiter.index + 2];
      const child = right !== undefined && left !== undefined && right.floor < left.floor ? right : left;
      if (child === undefined || waiter.floor <= child.floor) return;
      const { index } = waiter;
      this.#put(waiter, child.index);
      this.#put(child, index);
    }
  }
}
