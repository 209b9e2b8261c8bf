/** Owns the result of one fetch while its values arrive from the layers. */
import { laterPosition, type Position } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { lowerPosition, type Fetched, type KeptWith } from './reading.ts';

export type ValueSource = 'local' | 'shared' | 'loaded';

/** What is known of one value. */
export interface Met {
  /** Not below anything that was read for the value. */
  readonly seen: Position;
  /** What it is right as of; null where that is not known. */
  readonly asOf: Position | null;
  /** When it is to be read anew, milliseconds since 1970. */
  readonly expiresAtMs: number;
}

export class Gathering<V> {
  readonly #values: V[];
  readonly #counts = { local: 0, shared: 0, loaded: 0 };
  #seen: Position | null = null;
  /** Undefined: only loaded values so far. */
  #asOf: Lsn | null | undefined;
  #isMixed = false;
  /** The lowest position that a value is right as of; null: unknown for one of them; undefined: no value yet. */
  #lowest: Position | null | undefined;
  #expiresAtMs = Number.POSITIVE_INFINITY;

  constructor(count: number) {
    this.#values = new Array<V>(count);
  }

  /** Whether values of two clusters came together, which no token could cover: the database was replaced meanwhile. */
  get isMixed(): boolean {
    return this.#isMixed;
  }

  put(place: number, value: V, from: ValueSource, { seen, asOf, expiresAtMs }: Met): void {
    this.#values[place] = value;
    this.#counts[from] += 1;
    this.#expiresAtMs = Math.min(this.#expiresAtMs, expiresAtMs);
    if (asOf !== this.#lowest) this.#lowest = this.#lowest === undefined ? asOf : lowerPosition(this.#lowest, asOf);
    // The load itself reports what this request has loaded.
    if (from !== 'loaded') this.#show(seen, asOf?.lsn ?? null);
  }

  fetched(): Fetched<V> {
    return {
      values: this.#values,
      seen: this.#seen,
      asOf: this.#asOf ?? null,
      keptWith: this.#keptWith(),
      ...this.#counts,
    };
  }

  #show(seen: Position, asOf: Lsn | null): void {
    this.#asOf =
      asOf === null || this.#asOf === null ? null : this.#asOf === undefined || asOf < this.#asOf ? asOf : this.#asOf;
    if (this.#seen !== null && this.#seen.cluster !== seen.cluster) this.#isMixed = true;
    else this.#seen = this.#seen === null ? seen : laterPosition(this.#seen, seen);
  }

  #keptWith(): KeptWith | null {
    return this.#isMixed || this.#lowest == null ? null : { asOf: this.#lowest, expiresAtMs: this.#expiresAtMs };
  }
}
