/** Owns the report of one operation's reads, for its token and its `extensions`. */
import { laterPosition, type Position } from '../../base/lineage.ts';
import { withPosition, type Positions } from '../../consistency/positions.ts';
import { type Role } from '../../region/view.ts';

/** The server or cache that answered reads of an operation, and the number of reads. */
export interface ServedBy {
  readonly region: string;
  readonly by: Role | 'cache';
  readonly count: number;
}

export interface ReadReport {
  /** The request's positions merged with every position that was seen: the response's token (R6). */
  readonly positions: Positions;
  readonly servedBy: readonly ServedBy[];
  /** The longest time that a single read waited for its floor, in milliseconds. */
  readonly waitedMs: number;
  /** The staleness of the oldest read, in milliseconds; null where it is unknown for one read, or nothing was read. */
  readonly stalenessMs: number | null;
}

export interface Served {
  readonly region: string;
  readonly by: Role | 'cache';
  readonly seen: Position;
  readonly stalenessMs: number | null;
}

/** Collects the results of reads as they finish; `report` may be called at any time. */
export class ReadRecord {
  #positions: Positions;
  readonly #servedBy = new Map<string, { region: string; by: Role | 'cache'; count: number }>();
  #waitedMs = 0;
  #stalenessMs: number | null = null;
  #unknown = false;
  #seen: Position | null | 'of several clusters' = null;

  constructor(token: Positions) {
    this.#positions = token;
  }

  /**
   * A position not below anything that was read, independent of the token; null before the first read, and where the
   * reads saw more than one cluster.
   */
  get seen(): Position | null {
    return this.#seen === 'of several clusters' ? null : this.#seen;
  }

  served(one: Served, reads = 1): void {
    this.#see(one.seen);
    this.#positions = withPosition(this.#positions, one.seen);
    const key = `${one.by} ${one.region}`;
    const entry = this.#servedBy.get(key) ?? { region: one.region, by: one.by, count: 0 };
    entry.count += reads;
    this.#servedBy.set(key, entry);
    if (one.stalenessMs === null) this.#unknown = true;
    else this.#stalenessMs = Math.max(this.#stalenessMs ?? 0, one.stalenessMs);
  }

  #see(position: Position): void {
    if (this.#seen === null) this.#seen = position;
    else if (this.#seen !== 'of several clusters')
      this.#seen =
        this.#seen.cluster === position.cluster ? laterPosition(this.#seen, position) : 'of several clusters';
  }

  /** Adds a position that the operation's own write has reached. */
  reached(position: Position): void {
    this.#positions = withPosition(this.#positions, position);
  }

  waited(ms: number): void {
    this.#waitedMs = Math.max(this.#waitedMs, ms);
  }

  report(): ReadReport {
    return {
      positions: this.#positions,
      servedBy: [...this.#servedBy.values()],
      waitedMs: Math.round(this.#waitedMs),
      stalenessMs: this.#unknown ? null : this.#stalenessMs,
    };
  }
}
