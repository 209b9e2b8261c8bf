/** Owns which consistency level is stronger than which. */
import { type ConsistencyLevel } from './requirement.ts';

/**
 * Each level adds a guarantee to the weaker ones: SESSION a floor, BOUNDED an age, STRONG the primary's present
 * position, and SNAPSHOT one moment for the whole operation.
 */
const STRENGTH: Readonly<Record<ConsistencyLevel, number>> = {
  EVENTUAL: 0,
  SESSION: 1,
  BOUNDED: 2,
  STRONG: 3,
  SNAPSHOT: 4,
};

/** Positive if `a` is stronger than `b`, negative if it is weaker, 0 if they are equal. */
export function compareStrength(a: ConsistencyLevel, b: ConsistencyLevel): number {
  return STRENGTH[a] - STRENGTH[b];
}

/** `levels` must not be empty. */
export function strongestLevel(levels: readonly ConsistencyLevel[]): ConsistencyLevel {
  return levels.reduce((a, b) => (compareStrength(a, b) >= 0 ? a : b));
}
