/** Owns what one operation's reads have met, for its token and its `extensions`. */
import { laterPosition, type Position } from '../../base/lineage.ts';
import { withPosition, type Positions } from '../../consistency/positions.ts';
import { type Role } from '../../region/view.ts';

/** Where reads of an operation were answered, and how often. */
export interface ServedBy {
  readonly region: string;
  readonly by: Role | 'cache';
  readonly count: number;
}

export interface ReadReport {
  /** The request's positions with every position that was seen merged in: the response's token (R6). */
  readonly positions: Positions;
  readonly servedBy: readonly ServedBy[];
  /** The longest that any one read waited for its floor, milliseconds. */
  readonly waitedMs: number;
  /** Staleness of the oldest read, milliseconds; null when it is not known for one of them, or nothing was read. */
  readonly stalenessMs: number | null;
}

export interface Served {
  readonly region: string;
  readonly by: Role | 'cache';
  readonly seen: Position;
  readonly stalenessMs: number | null;
}

/** Collects as reads finish; `report` may be taken at any time. */
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
   * Not below anything that was read, whatever the token named; null before the first read, and where the reads met
   * more than one cluster.
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

  /** A position that the operation produced itself, by writing. */
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
