/**
 * Owns the execution of one read: it follows the decision's steps (ask, wait, fall back, fail) until the read is
 * answered or runs out of time.
 */
import { sleep, type Clock } from '../../base/clock.ts';
import { isMeridianError, MeridianError, messageOf, type ErrorCode } from '../../base/errors.ts';
import { type Limiter } from '../../base/limiter.ts';
import { laterPosition, lineageStatusOf, type Position, type LineageStatus } from '../../base/lineage.ts';
import { formatLsn, toLsn } from '../../base/lsn.ts';
import { type Watermark } from '../../change/watermark.ts';
import { type Options } from '../../config/options.ts';
import { nextStep, type Facts, type Step } from '../../consistency/decision.ts';
import { type Requirement } from '../../consistency/requirement.ts';
import { type RegionView, type Role } from '../../region/view.ts';
import { type Metrics } from '../../telemetry/metrics.ts';
import { type ReadIndex } from './read-index.ts';
import { lostOf } from './named.ts';
import { type ReadRecord } from './report.ts';
import { type Demand, type PrimaryServer, type ServerRefusal } from '../ports.ts';
import { type ShownAgo } from './shown-ago.ts';

export type ReadLimits = Pick<
  Options,
  | 'maxWaitMs'
  | 'primaryReads'
  | 'operationStatements'
  | 'operationWaitMs'
  | 'poolSize'
  | 'poolQueue'
  | 'poolWaitMs'
  | 'boundedLagMs'
  | 'heartbeatMs'
  | 'probeMs'
  | 'cacheLagMs'
>;

/** The parts that all reads of an engine share. */
export interface ReadParts {
  readonly view: RegionView;
  /** The position through which this region is known to have replayed WAL. */
  readonly replayed: Pick<Watermark, 'lsn' | 'reached' | 'waitFor'>;
  /** The position that this region had replayed `cacheLagMs` ago. */
  readonly shown: Pick<ShownAgo, 'at'>;
  readonly servers: ReadonlyMap<string, PrimaryServer>;
  readonly limits: ReadLimits;
  readonly index: ReadIndex;
  readonly primaryReads: Limiter;
  readonly stall: Stall;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'reads' | 'floorWaitSeconds' | 'fallbacks'> | null;
}

/** One request to a server: to run a statement or to open a snapshot. */
export type Ask<T> = (server: PrimaryServer, demand: Demand) => Promise<Answered<T> | ServerRefusal>;

export interface Answered<T> {
  readonly kind: 'done';
  readonly value: T;
  readonly seen: Position;
  readonly role: Role;
}

export interface ReadInput<T> {
  readonly requirement: Requirement;
  /** The read index (STRONG's floor), shared by the whole operation. */
  readonly index: () => Promise<Position>;
  readonly ask: Ask<T>;
  readonly record: ReadRecord;
  /**
   * The positions of this cluster that the request's tokens name. Every level except EVENTUAL guarantees that none of
   * them is lost.
   */
  readonly named: readonly Position[];
  readonly signal: AbortSignal | undefined;
  /** Regions that must not be asked: a snapshot has just failed there. */
  readonly avoid?: readonly string[];
}

/** Records that waiting for the watermark timed out. Reads do not wait again until it has moved. */
export class Stall {
  #at: bigint | null | undefined;

  ranOut(lsn: bigint | null): void {
    this.#at = lsn;
  }

  standsAt(lsn: bigint | null): boolean {
    return this.#at === lsn;
  }
}

/** Waiting reads are re-evaluated at least this often, so that a server that comes back is used. */
const SLICE_MS = 200;
const SETTLE_FIRST_MS = 1;
const SETTLE_MAX_MS = 50;
/** Probes detect an unreachable region; requests to it are abandoned within this time of the detection. */
const WATCH_MS = 50;
/**
 * More steps than any read can need. Reaching it means an error in the decision, which is reported instead of looping.
 */
const MAX_STEPS = 10_000;

export class ReadRun<T> {
  readonly #parts: ReadParts;
  readonly #input: ReadInput<T>;
  readonly #failed: Set<string>;
  readonly #behind = new Set<string>();
  readonly #startedMs: number;
  #floor: Position | null;
  #indexed = false;
  #waited = false;
  #waitedMs = 0;
  #settleMs = SETTLE_FIRST_MS;
  #settling = false;
  #unsettled: readonly string[] = [];
  #rediscovered = false;
  #lastError: unknown;

  constructor(parts: ReadParts, input: ReadInput<T>) {
    this.#parts = parts;
    this.#input = input;
    this.#failed = new Set(input.avoid);
    this.#floor = input.requirement.floor;
    this.#startedMs = parts.clock.monotonicMs();
  }

  async run(): Promise<Answered<T> & { readonly region: string }> {
    for (let i = 0; i < MAX_STEPS; i += 1) {
      this.#input.signal?.throwIfAborted();
      const step = nextStep(this.#facts());
      if (step.kind === 'ask') {
        const answered = await this.#ask(step);
        if (answered) return answered;
      } else await this.#take(step);
    }
    throw this.#failure('CONSISTENCY_TIMEOUT');
  }

  async #take(step: Exclude<Step, { kind: 'ask' }>): Promise<void> {
    switch (step.kind) {
      case 'index':
        return this.#fetchIndex();
      case 'wait':
        return this.#timed(() => this.#wait(step));
      case 'settle':
        return this.#timed(() => this.#settle());
      case 'rediscover':
        return this.#rediscover();
      case 'fail':
        throw this.#failure(step.code);
    }
  }

  #facts(): Facts {
    const { view, servers, limits, replayed, stall } = this.#parts;
    const { level, maxLagMs, wantsIndex = false } = this.#input.requirement;
    const usable = view.readOrder().filter((region) => servers.has(region));
    const primary =
      view.primary !== null && servers.has(view.primary) && view.reachable(view.primary) ? view.primary : null;
    const stalenessMs = view.stalenessMs();
    return {
      level,
      floor: this.#floor,
      lineageStatus: this.#lineageStatus(),
      wantsIndex,
      indexed: this.#indexed,
      maxLagMs: level === 'BOUNDED' ? (maxLagMs ?? limits.boundedLagMs) : null,
      local: view.local,
      order: [...usable, ...[...servers.keys()].filter((region) => !usable.includes(region))],
      usable: usable.length,
      primary,
      rttToPrimaryMs: primary === null ? null : view.rttMs(primary),
      stalenessMs,
      catchUpMs: view.catchUpMs(),
      // Three heartbeats without an arrival mean that replication has stopped.
      stalled: stall.standsAt(replayed.lsn) || (stalenessMs !== null && stalenessMs > 3 * limits.heartbeatMs),
      tried: {
        failed: this.#failed,
        behind: this.#behind,
        waited: this.#waited,
        settling: this.#settling,
        rediscovered: this.#rediscovered,
      },
      leftMs: limits.maxWaitMs - this.#waitedMs,
    };
  }

  #lineageStatus(): LineageStatus | null {
    const { history } = this.#parts.view;
    if (history === null) return null;
    if (lostOf(this.#required(), history) !== null) return 'lost';
    return this.#floor === null ? null : lineageStatusOf(this.#floor, history);
  }

  /**
   * Includes the requirement's original floor: the read index of STRONG may have a younger timeline, which would hide a
   * lost floor.
   */
  #required(): readonly Position[] {
    const { requirement, named } = this.#input;
    if (requirement.level === 'EVENTUAL') return [];
    return [...named, ...[requirement.floor, this.#floor].filter((position) => position !== null)];
  }

  async #ask({
    region,
    asPrimary,
  }: Extract<Step, { kind: 'ask' }>): Promise<(Answered<T> & { readonly region: string }) | null> {
    const { view, servers, primaryReads } = this.#parts;
    const server = servers.get(region);
    if (server === undefined) throw new TypeError(`no server is known in region ${region}`);
    const demand = {
      floor: this.#floor,
      asPrimary: asPrimary || undefined,
      unsettled: this.#unsettled,
      signal: this.#input.signal,
    };
    const fallback = region === view.primary && region !== view.local;
    try {
      const attempt = (): Promise<Answered<T> | ServerRefusal> =>
        this.#watched(region, this.#input.ask(server, demand));
      const answer = fallback ? await primaryReads.run(attempt) : await attempt();
      if (answer.kind === 'done') return await this.#accept(region, answer);
      this.#refused(region, asPrimary, answer);
    } catch (error) {
      this.#attemptFailed(region, fallback, error);
    }
    return null;
  }

  /**
   * A server on a newer timeline than the known history may have lost the floor's position, so the history is fetched
   * before the answer is accepted (R7).
   */
  async #accept(region: string, answer: Answered<T>): Promise<(Answered<T> & { readonly region: string }) | null> {
    const { view, metrics } = this.#parts;
    const { seen } = answer;
    const older = this.#required().filter(({ timeline }) => timeline < seen.timeline);
    if (older.length > 0) {
      // Counted as waiting: while the new primary is unreachable, each refresh takes its whole timeout and returns
      // nothing new.
      if (view.history === null || view.history.timeline < seen.timeline) await this.#timed(() => view.refresh());
      const history = view.history === null || view.history.timeline < seen.timeline ? null : view.history;
      if (lostOf(older, history) !== null) throw this.#failure('CONSISTENCY_LOST');
      if (history === null || older.some((position) => lineageStatusOf(position, history) !== 'on-history')) {
        this.#behind.add(region);
        return null;
      }
    }
    // The server continued on a timeline that the failover discarded: its rows never became part of the history, and no
    // token could use its position.
    if (lostOf([seen], view.history) !== null) {
      this.#behind.add(region);
      return null;
    }
    const { level } = this.#input.requirement;
    this.#input.record.waited(this.#waitedMs);
    this.#input.record.served({
      region,
      by: answer.role,
      seen: answer.seen,
      stalenessMs: this.#stalenessOf(region, answer.role),
    });
    metrics?.reads.inc({ level, served_by: answer.role, region });
    if (this.#waitedMs > 0)
      metrics?.floorWaitSeconds.observe(
        { outcome: region === view.local ? 'reached' : 'fallback' },
        this.#waitedMs / 1_000,
      );
    if (region !== view.local)
      metrics?.fallbacks.inc({
        to: answer.role,
        reason: this.#behind.size > 0 ? 'behind' : this.#failed.size > 0 ? 'failed' : 'nearest',
      });
    return { ...answer, region };
  }

  #stalenessOf(region: string, role: Role): number | null {
    if (role === 'primary') return 0;
    return region === this.#parts.view.local ? this.#parts.view.stalenessMs() : null;
  }

  #refused(region: string, asPrimary: boolean, answer: ServerRefusal): void {
    if (answer.kind === 'settling') {
      this.#settling = true;
      this.#unsettled = answer.unsettled;
      return;
    }
    const floor = this.#floor;
    // The primary of the floor's own timeline has not written it, so no server has.
    if (asPrimary && floor !== null && floor.timeline === answer.at.timeline && floor.lsn > answer.at.lsn)
      throw this.#future(answer.at);
    // A timeline younger than every primary's does not exist once all regions have been asked; an unreachable region
    // may have it.
    const everybody = [...this.#parts.servers.keys()].every((name) => this.#parts.view.reachable(name));
    if (asPrimary && floor !== null && floor.timeline > answer.at.timeline && this.#rediscovered && everybody)
      throw this.#future(answer.at);
    this.#behind.add(region);
  }

  #attemptFailed(region: string, fallback: boolean, error: unknown): void {
    if (isMeridianError(error, 'REGION_UNAVAILABLE') || isMeridianError(error, 'PRIMARY_UNAVAILABLE')) {
      if (isMeridianError(error, 'REGION_UNAVAILABLE')) this.#parts.view.reportFailure(region, error);
      // A different primary has different transactions in progress.
      this.#unsettled = [];
    } else if (isMeridianError(error, 'OVERLOADED')) {
      if (!fallback) throw error;
      // The primary is overloaded, not lost, so no other primary is searched for.
      this.#rediscovered = true;
    } else if (!isRecoveryConflict(error)) throw error;
    this.#failed.add(region);
    this.#lastError = error;
  }

  /** Abandons a request to a server that the probes find unreachable: a broken network link returns no error. */
  async #watched<R>(region: string, attempt: Promise<R>): Promise<R> {
    const { view } = this.#parts;
    if (!view.reachable(region)) return attempt;
    let watch: NodeJS.Timeout | undefined;
    const lost = new Promise<never>((_, reject) => {
      watch = setInterval(() => {
        if (view.reachable(region)) return;
        reject(
          new MeridianError({
            code: 'REGION_UNAVAILABLE',
            message: `The database of region ${region} became unreachable before it answered.`,
            details: { region },
          }),
        );
      }, WATCH_MS);
    });
    try {
      return await Promise.race([attempt, lost]);
    } finally {
      clearInterval(watch);
      // An abandoned attempt ends later; its failure must not become an unhandled rejection.
      attempt.catch(() => undefined);
    }
  }

  async #fetchIndex(): Promise<void> {
    const { view } = this.#parts;
    const own = this.#input.requirement.floor;
    const primary = view.primary;
    try {
      const index = await this.#input.index();
      this.#floor = own === null ? index : laterPosition(own, index);
      this.#indexed = true;
    } catch (error) {
      if (!isMeridianError(error, 'REGION_UNAVAILABLE') && !isMeridianError(error, 'PRIMARY_UNAVAILABLE')) throw error;
      this.#lastError = error;
      if (primary !== null) this.#failed.add(primary);
    }
  }

  async #wait(step: Extract<Step, { kind: 'wait' }>): Promise<void> {
    const { replayed, stall } = this.#parts;
    const { signal } = this.#input;
    const timeoutMs = step.last ? Math.min(step.budgetMs, SLICE_MS) : step.budgetMs;
    const from = replayed.lsn;
    const target = step.for === 'staleness' ? (from === null ? null : from + 1n) : (this.#floor?.lsn ?? null);
    const already = target === null || (from !== null && from >= target);
    // The watermark has reached the target but the server had not: it was restarted, or another region's server was
    // asked. It gets a moment.
    const reached = already
      ? await sleep(Math.min(timeoutMs, SETTLE_MAX_MS), signal)
      : await replayed.waitFor(toLsn(target), { timeoutMs, signal });
    if (!step.last) {
      this.#waited = true;
      if (!reached) return stall.ranOut(replayed.lsn);
    }
    this.#behind.clear();
    this.#tryAgain();
  }

  /** Failed regions that can be reached again are retried, except those where a snapshot has just failed. */
  #tryAgain(): void {
    for (const region of this.#failed) {
      if (this.#parts.view.reachable(region) && !this.#input.avoid?.includes(region)) this.#failed.delete(region);
    }
  }

  async #settle(): Promise<void> {
    await sleep(this.#settleMs, this.#input.signal);
    this.#settleMs = Math.min(SETTLE_MAX_MS, this.#settleMs * 2);
    this.#settling = false;
  }

  async #rediscover(): Promise<void> {
    const { view } = this.#parts;
    await view.refresh();
    this.#rediscovered = true;
    this.#tryAgain();
    if (view.primary !== null) this.#behind.delete(view.primary);
  }

  async #timed(work: () => Promise<void>): Promise<void> {
    const { clock } = this.#parts;
    const from = clock.monotonicMs();
    await work();
    this.#waitedMs += clock.monotonicMs() - from;
  }

  #future(at: Position): MeridianError {
    return new MeridianError({
      code: 'CONSISTENCY_TOKEN_FUTURE',
      message: `The consistency token names a position that the primary has not reached (it is at ${formatLsn(at.lsn)} of timeline ${at.timeline}); drop the token: the database it came from was replaced or restored.`,
    });
  }

  #failure(code: ErrorCode): MeridianError {
    const spentMs = Math.round(this.#parts.clock.monotonicMs() - this.#startedMs);
    const details = {
      level: this.#input.requirement.level,
      region: this.#parts.view.local,
      waitedMs: Math.round(this.#waitedMs),
    };
    this.#input.record.waited(this.#waitedMs);
    if (this.#waitedMs > 0)
      this.#parts.metrics?.floorWaitSeconds.observe({ outcome: 'timeout' }, this.#waitedMs / 1_000);
    if (isMeridianError(this.#lastError, 'OVERLOADED')) return this.#lastError;
    const why = this.#lastError === undefined ? '' : ` (last: ${messageOf(this.#lastError)})`;
    return new MeridianError({ code, message: `${sentence(code, spentMs)}${why}`, details, cause: this.#lastError });
  }
}

/**
 * Whether a replica canceled the statement because of a recovery conflict. The replica works; only this read moves
 * elsewhere.
 */
export function isRecoveryConflict(error: unknown): boolean {
  return isMeridianError(error, 'TRANSACTION_CONFLICT') && error.details['recoveryConflict'] === true;
}

function sentence(code: ErrorCode, spentMs: number): string {
  switch (code) {
    case 'CONSISTENCY_LOST':
      return 'The consistency token names a write that was lost in a failover; drop the token and check what was saved';
    case 'CONSISTENCY_TIMEOUT':
      return `No server proved the required position within ${spentMs} ms; try again, or ask for a weaker consistency level`;
    case 'PRIMARY_UNAVAILABLE':
      return 'The primary is not reachable, so that the newest state cannot be proved; try again, or ask for a weaker consistency level';
    default:
      return 'No database that may answer is reachable from this region; try again shortly';
  }
}
