/** Owns what a shared cache has not been told yet: everything that was changed after one position and up to another. */
import { type Lsn } from '../../base/lsn.ts';
import { type TableTag, type Tag } from '../../change/tags.ts';

export interface Changed {
  readonly lsn: Lsn;
  readonly tags: readonly Tag[];
  readonly tables: readonly TableTag[];
}

export class PendingInvalidations {
  readonly #tags = new Set<Tag>();
  readonly #tables = new Set<TableTag>();
  /** What changed at or below it is none of this. */
  readonly from: Lsn;
  #to: Lsn;

  constructor(from: Lsn) {
    this.from = from;
    this.#to = from;
  }

  /** What changed above it is not in this yet. */
  get to(): Lsn {
    return this.#to;
  }

  get tags(): readonly Tag[] {
    return [...this.#tags];
  }

  get tables(): readonly TableTag[] {
    return [...this.#tables];
  }

  /** How many tags and tables. */
  get size(): number {
    return this.#tags.size + this.#tables.size;
  }

  add({ lsn, tags, tables }: Changed): void {
    for (const tag of tags) this.#tags.add(tag);
    for (const table of tables) this.#tables.add(table);
    this.moveTo(lsn);
  }

  /** Nothing changed up to `lsn`. */
  moveTo(lsn: Lsn): void {
    if (lsn > this.#to) this.#to = lsn;
  }

  /** Takes in what came after it. */
  addLater(later: PendingInvalidations): void {
    this.add({ lsn: later.to, tags: later.tags, tables: later.tables });
  }
}
