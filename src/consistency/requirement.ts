/** Owns what a read must satisfy: the level and its floor, decided once before execution and passed down (R9). */
import { type Position } from '../base/lineage.ts';

export const CONSISTENCY_LEVELS = ['EVENTUAL', 'BOUNDED', 'SESSION', 'STRONG', 'SNAPSHOT'] as const;
export type ConsistencyLevel = (typeof CONSISTENCY_LEVELS)[number];

/**
 * What one read (or a subtree of reads) must satisfy.
 *
 * - `EVENTUAL`: no floor. - `BOUNDED`: the region's staleness is at most `maxLagMs`. - `SESSION`: at least `floor`.
 * - `STRONG`: at least the primary's position now, fetched once per operation, and at least `floor` when there is one.
 * - `SNAPSHOT`: one REPEATABLE READ transaction on one server that satisfies `floor` (or STRONG's floor without one).
 */
export interface Requirement {
  readonly level: ConsistencyLevel;
  /** This cluster's position in the request's token, or the position of a write earlier in the same operation. */
  readonly floor: Position | null;
  /** Milliseconds; only with `BOUNDED`. */
  readonly maxLagMs: number | null;
  /** With `SNAPSHOT`: the primary's position is required in addition to a floor that is not the client's own. */
  readonly wantsIndex?: true;
}

/** Equal texts for equal requirements. */
export function requirementKey({ level, floor, maxLagMs, wantsIndex }: Requirement): string {
  return `${level} ${floor ? `${floor.timeline}/${floor.lsn}` : ''} ${maxLagMs ?? ''} ${wantsIndex === true}`;
}

export const EVENTUAL: Requirement = { level: 'EVENTUAL', floor: null, maxLagMs: null };
