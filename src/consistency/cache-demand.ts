/** Owns what a cached value must satisfy to answer a read: the counterpart of the read decision for caches. Pure. */
import { laterPosition, lineageStatusOf, type Position, type TimelineHistory } from '../base/lineage.ts';
import { maxLsn, type Lsn } from '../base/lsn.ts';
import { type ConsistencyLevel } from './requirement.ts';

/** What is known when a cache may be asked; null: unknown. */
export interface CacheFacts {
  readonly level: ConsistencyLevel;
  /** The requested floor, raised by the operation's own writes. */
  readonly floor: Position | null;
  /** Every position of this cluster that the request's tokens name. */
  readonly named: readonly Position[];
  /** The newest known history. */
  readonly history: TimelineHistory | null;
  /** The primary's position, if the level needs it and it could be fetched. */
  readonly index: Position | null;
  /** The nearest server is the primary itself, which proves the newest state without a round trip. */
  readonly nextToPrimary: boolean;
  /** What the region's own server showed recently. */
  readonly shown: Lsn | null;
  /** With BOUNDED: a position that includes everything that was committed longer ago than the bound. */
  readonly bound: Lsn | null;
}

/** As in `CacheDemand` (cache/reading.ts). */
export interface CacheNeed {
  readonly floor: Position | null;
  readonly notBelow: Lsn | null;
}

/** Null: no cache may answer. */
export function cacheDemand(facts: CacheFacts): CacheNeed | null {
  const { level, floor, shown, bound, index, nextToPrimary } = facts;
  switch (level) {
    case 'EVENTUAL':
      return { floor: null, notBelow: shown };
    case 'SESSION':
      return atFloor(facts, floor, shown);
    case 'BOUNDED':
      // Next to the primary only the cache can be behind.
      return bound === null ? null : atFloor(facts, floor, shown === null ? bound : maxLsn(shown, bound));
    case 'STRONG':
      return nextToPrimary || index === null
        ? null
        : atFloor(facts, floor === null ? index : laterPosition(floor, index), shown);
    case 'SNAPSHOT':
      return null;
  }
}

/**
 * A cache compares positions by LSN only, so the floor must be proved to lie on the newest history. So must every
 * position that the tokens name: after merging, a lost position may be hidden by one of a newer timeline (R7). Servers,
 * and not the cache, report what is wrong.
 */
function atFloor(
  { floor: asked, named, history }: CacheFacts,
  floor: Position | null,
  notBelow: Lsn | null,
): CacheNeed | null {
  const required = [...named, asked, floor].filter((position) => position !== null);
  if (required.length === 0) return { floor: null, notBelow };
  if (history === null || required.some((position) => lineageStatusOf(position, history) !== 'on-history')) return null;
  return { floor, notBelow };
}
