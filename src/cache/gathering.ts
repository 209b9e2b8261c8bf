/** Owns the answer to one fetch while its values come in from the layers. */
import { laterPosition, type Position } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type Fetched } from './reading.ts';

export type ValueSource = 'local' | 'shared' | 'loaded';

export class Gathering<V> {
  readonly #values: V[];
  readonly #counts = { local: 0, shared: 0, loaded: 0 };
  #seen: Position | null = null;
  /** Undefined: nothing but loaded values so far. */
  #asOf: Lsn | null | undefined;
  #isMixed = false;

  constructor(count: number) {
    this.#values = new Array<V>(count);
  }

  /** Whether values of two clusters came together, of which no token could tell: the database was replaced meanwhile. */
  get isMixed(): boolean {
    return this.#isMixed;
  }

  /** `kept`: null where this very request loaded the value. */
  put(place: number, value: V, from: ValueSource, kept: { readonly seen: Position; readonly asOf: Lsn | null } | null): void {
    this.#values[place] = value;
    this.#counts[from] += 1;
    if (kept === null) return;
    const { seen, asOf } = kept;
    this.#asOf = asOf === null || this.#asOf === null ? null : this.#asOf === undefined || asOf < this.#asOf ? asOf : this.#asOf;
    if (this.#seen !== null && this.#seen.cluster !== seen.cluster) this.#isMixed = true;
    else this.#seen = this.#seen === null ? seen : laterPosition(this.#seen, seen);
  }

  fetched(): Fetched<V> {
    return { values: this.#values, seen: this.#seen, asOf: this.#asOf ?? null, ...this.#counts };
  }
}
