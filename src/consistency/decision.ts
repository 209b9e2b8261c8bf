/** Owns the read decision: given what a read must satisfy and what is known, the next thing to do. Pure, and total. */
import { type ErrorCode } from '../base/errors.ts';
import { type Position, type LineageStatus } from '../base/lineage.ts';
import { type ConsistencyLevel } from './requirement.ts';

/** What is known when the next step is chosen. Durations are milliseconds; unknown is null. */
export interface Facts {
  readonly level: ConsistencyLevel;
  /** The floor as known so far; STRONG's grows when the read index is in. */
  readonly floor: Position | null;
  /** How the floor relates to the newest known history; null where there is no floor or no history. */
  readonly lineageStatus: LineageStatus | null;
  /** Whether the primary's position counts although there is a floor (`Requirement`). */
  readonly wantsIndex: boolean;
  /** Whether the primary's position has been fetched for this operation. */
  readonly indexed: boolean;
  readonly maxLagMs: number | null;

  readonly local: string;
  /** Usable regions, nearest first, then every other region that has a server, as a last resort. */
  readonly order: readonly string[];
  /** How many of `order` are usable; the rest is asked only where any answer will do. */
  readonly usable: number;
  /** Where writes go; null while none is known or it is known to be out of reach. */
  readonly primary: string | null;
  readonly rttToPrimaryMs: number | null;
  readonly stalenessMs: number | null;
  readonly catchUpMs: number | null;
  /** The watermark has not moved since a wait for it ran out, or this region's staleness shows that nothing arrives. */
  readonly stalled: boolean;

  readonly tried: Tried;
  /** What is left of the longest wait. */
  readonly leftMs: number;
}

/** What this read has met so far. */
export interface Tried {
  /** Could not be reached or is overloaded. */
  readonly failed: ReadonlySet<string>;
  /** Were reached and had not the floor; a wait that succeeds takes them out again. */
  readonly behind: ReadonlySet<string>;
  /** The one wait that is allowed before the primary is asked has been spent. */
  readonly waited: boolean;
  /** The primary has just answered that it is still making commits visible; a pause takes this back. */
  readonly settling: boolean;
  /** A new look at who is primary has been taken for this read. */
  readonly rediscovered: boolean;
}

export type Step =
  /** Ask this region's server. `asPrimary`: it must be the writable one. */
  | { readonly kind: 'ask'; readonly region: string; readonly asPrimary: boolean }
  /** Fetch the primary's position: STRONG's floor. */
  | { readonly kind: 'index' }
  /** Wait for the watermark to reach the floor, or for it to move at all where staleness is the question. */
  | { readonly kind: 'wait'; readonly for: 'floor' | 'staleness'; readonly budgetMs: number; readonly last: boolean }
  /** Wait for the primary to make commits visible. */
  | { readonly kind: 'settle' }
  /** Probe every region: the primary is not known or not reachable. */
  | { readonly kind: 'rediscover' }
  | { readonly kind: 'fail'; readonly code: ErrorCode };

/** The next step of a read. Every step changes a fact, so that the steps come to an end. */
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
      // A snapshot without a floor promises what STRONG promises: the state now, or later.
      return facts.floor === null || facts.wantsIndex || facts.indexed ? strong(facts) : atFloor(facts);
  }
}

/**
 * Whoever answers first, nearest first; a server that is behind what it showed before is left out while there are
 * others.
 */
function eventual(facts: Facts): Step {
  const region = facts.order.find((name) => untried(facts, name));
  if (region !== undefined) return ask(region, false);
  return waitOrFail(facts, 'floor');
}

/** Staleness is known of this region only; where its own server is out, the primary answers. */
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
  // Next to the primary its position need not be asked for: the primary itself answers.
  if (primary === facts.order[0]) return tried.settling ? settle(facts) : ask(primary, true);
  return { kind: 'index' };
}

/**
 * The nearest server if it has the floor; else a wait that is expected to beat the way to the primary; else the
 * primary.
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
  // A floor can be proved by anybody's replica; staleness cannot.
  const other = what === 'floor' ? usableOf(facts).find((name) => untried(facts, name)) : undefined;
  if (other !== undefined) return ask(other, false);
  if (!tried.rediscovered) return { kind: 'rediscover' };
  return waitOrFail(facts, what);
}

function settle(facts: Facts): Step {
  return facts.leftMs > 0 ? { kind: 'settle' } : fail('CONSISTENCY_TIMEOUT');
}

/** The last resort is time: the region may catch up, a server may come back. */
function waitOrFail(facts: Facts, what: 'floor' | 'staleness'): Step {
  if (!facts.tried.rediscovered) return { kind: 'rediscover' };
  if (facts.leftMs > 0 && facts.order.some((name) => !facts.tried.failed.has(name)))
    return { kind: 'wait', for: what, budgetMs: facts.leftMs, last: true };
  return fail(facts.tried.behind.size > 0 || what === 'staleness' ? 'CONSISTENCY_TIMEOUT' : 'REGION_UNAVAILABLE');
}

/**
 * To rent or to buy: a wait of at most one round trip to the primary costs never more than twice the better choice,
 * whatever happens. It is not tried where the region is known to stand still or to need longer than the primary.
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
