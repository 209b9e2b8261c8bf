/** Owns the read decision: the next step, given what a read must satisfy and what is known. Pure and total. */
import { type ErrorCode } from '../base/errors.ts';
import { type Position, type LineageStatus } from '../base/lineage.ts';
import { type ConsistencyLevel } from './requirement.ts';

/** What is known when the next step is chosen. Durations are milliseconds; null: unknown. */
export interface Facts {
  readonly level: ConsistencyLevel;
  /** The floor as known so far; with STRONG it rises when the read index arrives. */
  readonly floor: Position | null;
  /** How the floor relates to the newest known history; null where there is no floor or no history. */
  readonly lineageStatus: LineageStatus | null;
  /** Whether the primary's position is required in addition to a floor (`Requirement`). */
  readonly wantsIndex: boolean;
  /** Whether the primary's position has been fetched for this operation. */
  readonly indexed: boolean;
  readonly maxLagMs: number | null;

  readonly local: string;
  /** Usable regions, nearest first, then every other region with a server, as a last resort. */
  readonly order: readonly string[];
  /** How many of `order` are usable; the others are asked only if any answer is acceptable. */
  readonly usable: number;
  /** The region that takes writes; null while none is known or it is known to be unreachable. */
  readonly primary: string | null;
  readonly rttToPrimaryMs: number | null;
  readonly stalenessMs: number | null;
  readonly catchUpMs: number | null;
  /**
   * The watermark has not moved since a wait for it timed out, or this region's staleness shows that no changes arrive.
   */
  readonly stalled: boolean;

  readonly tried: Tried;
  /** The remaining part of the longest wait. */
  readonly leftMs: number;
}

/** What this read has encountered so far. */
export interface Tried {
  /** Regions that could not be reached or were overloaded. */
  readonly failed: ReadonlySet<string>;
  /** Regions that were reached and did not have the floor; a wait that succeeds removes them. */
  readonly behind: ReadonlySet<string>;
  /** Whether the one wait that is allowed before the primary is asked has been used. */
  readonly waited: boolean;
  /** Whether the primary has just answered that it is still making commits visible; a pause resets this. */
  readonly settling: boolean;
  /** Whether the regions were probed again for this read. */
  readonly rediscovered: boolean;
}

export type Step =
  /** Ask this region's server. `asPrimary`: it must be the writable server. */
  | { readonly kind: 'ask'; readonly region: string; readonly asPrimary: boolean }
  /** Fetch the primary's position, which is STRONG's floor. */
  | { readonly kind: 'index' }
  /** Wait for the watermark to reach the floor, or, for staleness, to move at all. */
  | { readonly kind: 'wait'; readonly for: 'floor' | 'staleness'; readonly budgetMs: number; readonly last: boolean }
  /** Wait for the primary to make commits visible. */
  | { readonly kind: 'settle' }
  /** Probe every region: the primary is not known or not reachable. */
  | { readonly kind: 'rediscover' }
  | { readonly kind: 'fail'; readonly code: ErrorCode };

/** The next step of a read. Every step changes a fact, so the number of steps is finite. */
export function nextStep(facts: Facts): Step {
  if (facts.lineageStatus === 'lost') return fail('CONSISTENCY_LOST');
  switch (facts.level) {
    case 'EVENTUAL':
      return eventual(facts);
    case 'BOUNDED':
      return bounded(facts);
    case 'SESSION':
      return atFloor(facts);
    case 'STRONG':
      return strong(facts);
    case 'SNAPSHOT':
      // A snapshot without a floor guarantees what STRONG guarantees: the state of now, or a later one.
      return facts.floor === null || facts.wantsIndex || facts.indexed ? strong(facts) : atFloor(facts);
  }
}

/**
 * Any server may answer, nearest first; a server that is behind what it showed before is used only if no other is left.
 */
function eventual(facts: Facts): Step {
  const region = facts.order.find((name) => untried(facts, name));
  if (region !== undefined) return ask(region, false);
  return waitOrFail(facts, 'floor');
}

/** Only the staleness of this region is known; if its own server is out, the primary answers. */
function bounded(facts: Facts): Step {
  const { local, primary, stalenessMs, maxLagMs, tried } = facts;
  const here = facts.usable > 0 && facts.order[0] === local && local !== primary && !tried.failed.has(local);
  if (!here) return atPrimary(facts, 'staleness');
  const fresh = stalenessMs !== null && maxLagMs !== null && stalenessMs <= maxLagMs;
  if (fresh && untried(facts, local)) return ask(local, false);
  if (worthWaiting(facts))
    return { kind: 'wait', for: fresh ? 'floor' : 'staleness', budgetMs: waitBudgetMs(facts), last: false };
  return atPrimary(facts, 'staleness');
}

function strong(facts: Facts): Step {
  if (facts.indexed) return atFloor(facts);
  const { primary, tried } = facts;
  if (primary === null || !untried(facts, primary)) {
    if (!tried.rediscovered) return { kind: 'rediscover' };
    return fail(primary !== null && tried.behind.has(primary) ? 'CONSISTENCY_TIMEOUT' : 'PRIMARY_UNAVAILABLE');
  }
  // Next to the primary its position need not be fetched: the primary itself answers.
  if (primary === facts.order[0]) return tried.settling ? settle(facts) : ask(primary, true);
  return { kind: 'index' };
}

/**
 * The nearest server if it has the floor; otherwise a wait that is expected to be shorter than the round trip to the
 * primary; otherwise the primary.
 */
function atFloor(facts: Facts): Step {
  const { primary, tried } = facts;
  const nearest = usableOf(facts).find((name) => !tried.failed.has(name));
  if (nearest !== undefined && nearest !== primary) {
    if (!tried.behind.has(nearest)) return ask(nearest, false);
    if (nearest === facts.local && worthWaiting(facts))
      return { kind: 'wait', for: 'floor', budgetMs: waitBudgetMs(facts), last: false };
  }
  return atPrimary(facts, 'floor');
}

function atPrimary(facts: Facts, what: 'floor' | 'staleness'): Step {
  const { primary, tried } = facts;
  if (primary !== null && tried.settling && !tried.failed.has(primary)) return settle(facts);
  if (primary !== null && untried(facts, primary)) return ask(primary, true);
  // Any replica can prove a floor; none can prove staleness.
  const other = what === 'floor' ? usableOf(facts).find((name) => untried(facts, name)) : undefined;
  if (other !== undefined) return ask(other, false);
  if (!tried.rediscovered) return { kind: 'rediscover' };
  return waitOrFail(facts, what);
}

function settle(facts: Facts): Step {
  return facts.leftMs > 0 ? { kind: 'settle' } : fail('CONSISTENCY_TIMEOUT');
}

/** As a last resort the read waits: the region may catch up, or a server may come back. */
function waitOrFail(facts: Facts, what: 'floor' | 'staleness'): Step {
  if (!facts.tried.rediscovered) return { kind: 'rediscover' };
  if (facts.leftMs > 0 && facts.order.some((name) => !facts.tried.failed.has(name)))
    return { kind: 'wait', for: what, budgetMs: facts.leftMs, last: true };
  return fail(facts.tried.behind.size > 0 || what === 'staleness' ? 'CONSISTENCY_TIMEOUT' : 'REGION_UNAVAILABLE');
}

/**
 * A wait of at most one round trip to the primary never costs more than twice the better choice (the ski-rental rule),
 * whatever happens. It is skipped if the region is known to stand still or to need longer than the primary.
 */
function worthWaiting(facts: Facts): boolean {
  if (facts.tried.waited || facts.stalled || facts.leftMs <= 0) return false;
  if (facts.primary === null || facts.rttToPrimaryMs === null) return true;
  return facts.catchUpMs === null || facts.catchUpMs < facts.rttToPrimaryMs;
}

const UNKNOWN_RTT_MS = 100;

function waitBudgetMs(facts: Facts): number {
  return Math.min(facts.leftMs, facts.rttToPrimaryMs ?? UNKNOWN_RTT_MS);
}

function usableOf({ order, usable }: Facts): readonly string[] {
  return order.slice(0, usable);
}

function untried({ tried }: Facts, region: string): boolean {
  return !tried.failed.has(region) && !tried.behind.has(region);
}

function ask(region: string, asPrimary: boolean): Step {
  return { kind: 'ask', region, asPrimary };
}

function fail(code: ErrorCode): Step {
  return { kind: 'fail', code };
}
