/** Owns the answer to one fetch while its values come in from the layers. */
import { laterPosition, type Position } from '../base/lineage.ts';
import { type Fetched } from './reading.ts';

export type ValueSource = 'local' | 'shared' | 'loaded';

export class Gathering<V> {
  readonly #values: V[];
  readonly #counts = { local: 0, shared: 0, loaded: 0 };
  #seen: Position | null = null;
  #isMixed = false;

  constructor(count: number) {
    this.#values = new Array<V>(count);
  }

  /** Whether values of two clusters came together, of which no token could tell: the database was replaced meanwhile. */
  get isMixed(): boolean {
    return this.#isMixed;
  }

  /** `seen`: null where this very request loaded the value. */
  put(place: number, value: V, from: ValueSource, seen: Position | null): void {
    this.#values[place] = value;
    this.#counts[from] += 1;
    if (seen === null) return;
    if (this.#seen !== null && this.#seen.cluster !== seen.cluster) this.#isMixed = true;
    else this.#seen = this.#seen === null ? seen : laterPosition(this.#seen, seen);
  }

  fetched(): Fetched<V> {
    return { values: this.#values, seen: this.#seen, ...this.#counts };
  }
}
