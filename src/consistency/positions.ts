/**
 * Owns sets of positions: the latest position of each cluster, merged so that nothing that a client has seen is lost
 * (R6).
 */
import { laterPosition, type ClusterId, type Position } from '../base/lineage.ts';

/** At most one position for each cluster. */
export type Positions = ReadonlyMap<ClusterId, Position>;

export const NO_POSITIONS: Positions = new Map();

/** The latest position of each cluster in any of the sets. Commutative, associative and idempotent. */
export function mergePositions(...sets: readonly Positions[]): Positions {
  const merged = new Map<ClusterId, Position>();
  for (const set of sets) for (const position of set.values()) add(merged, position);
  return merged;
}

/** `positions` with `position` merged in; the same set if that adds nothing. */
export function withPosition(positions: Positions, position: Position): Positions {
  const known = positions.get(position.cluster);
  if (known !== undefined && laterPosition(known, position) === known) return positions;
  const merged = new Map(positions);
  add(merged, position);
  return merged;
}

function add(into: Map<ClusterId, Position>, position: Position): void {
  const known = into.get(position.cluster);
  into.set(position.cluster, known ? laterPosition(known, position) : position);
}
