/**
 * Owns what a cached value must satisfy to answer a read: the read decision where a cache is asked instead of a server.
 * Pure.
 */
import { laterPosition, lineageStatusOf, type Position, type TimelineHistory } from '../base/lineage.ts';
import { maxLsn, type Lsn } from '../base/lsn.ts';
import { type ConsistencyLevel } from './requirement.ts';

/** What is known when a cache may be asked. Unknown is null. */
export interface CacheFacts {
  readonly level: ConsistencyLevel;
  /** The floor that was asked for, raised by the operation's own writes. */
  readonly floor: Position | null;
  /** Every position of this cluster that the request's tokens name. */
  readonly named: readonly Position[];
  /** The newest history that is known. */
  readonly history: TimelineHistory | null;
  /** The primary's position, where the level needs it and it could be fetched. */
  readonly index: Position | null;
  /** The nearest server is the primary itself: it proves the newest state without a round trip. */
  readonly nextToPrimary: boolean;
  /** What the region's own server showed a moment ago. */
  readonly shown: Lsn | null;
  /** With BOUNDED: a position that holds everything committed longer ago than the bound. */
  readonly bound: Lsn | null;
}

/** As `CacheDemand` in the cache's room. */
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
      // Next to the primary nothing is late but the cache.
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
 * A cache compares positions by LSN alone, so the floor must be proved to lie on the newest history; as must all that
 * the tokens name, since merged, a lost position hides behind a younger timeline (R7). Servers, and not the cache, say
 * what is wrong.
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
