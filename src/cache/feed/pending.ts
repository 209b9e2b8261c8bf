/** Owns the pending invalidations of a shared cache: everything that changed after one position and up to another. */
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
  /** Changes at or below it are not included. */
  readonly from: Lsn;
  #to: Lsn;

  constructor(from: Lsn) {
    this.from = from;
    this.#to = from;
  }

  /** Changes above it are not included yet. */
  get to(): Lsn {
    return this.#to;
  }

  get tags(): readonly Tag[] {
    return [...this.#tags];
  }

  get tables(): readonly TableTag[] {
    return [...this.#tables];
  }

  /** The number of tags and tables. */
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

  /** Adds the invalidations that follow these. */
  addLater(later: PendingInvalidations): void {
    this.add({ lsn: later.to, tags: later.tags, tables: later.tables });
  }
}
