/**
 * Owns the state of all regions: roles, the primary, its history, health, lag and alerts, from probes and from the
 * tail.
 */
import { systemClock, within, type Clock } from '../base/clock.ts';
import { MeridianError } from '../base/errors.ts';
import { clusterIdOf, lineageStatusOf, type ClusterId, type TimelineHistory } from '../base/lineage.ts';
import { bytesBetween, maxLsn, type Lsn } from '../base/lsn.ts';
import { type Log } from '../telemetry/log.ts';
import { nextAlerts } from './alerts.ts';
import { type CacheReport } from './cache-report.ts';
import { lagMs, MovingAverage, PositionHistory, stalenessBoundMs } from './lag.ts';
import { electPrimary, type Claim } from './primary.ts';
import { type Probe, type Prober } from './prober.ts';
import { readOrderOf } from './routing.ts';
import { type Alert, type RegionReport, type RegionView } from './view.ts';
import { WatchedRegion, type WatchedOptions } from './watched.ts';

export interface MonitorOptions extends WatchedOptions {
  readonly lagAlertMs: number;
}

export interface MonitorParts {
  readonly local: string;
  readonly regions: readonly string[];
  readonly prober: Prober;
  readonly options: MonitorOptions;
  readonly log: Log;
  /** Position that this region's replica is known to show (the `replayed` watermark); null when unknown. */
  readonly shown?: () => Lsn | null;
  /** Health of a region's shared cache; null if it has none or it is unknown. */
  readonly cacheHealth?: (region: string) => boolean | null;
  /** The processes' reports of a region's caches; null if they are unknown. */
  readonly cacheReport?: (region: string) => CacheReport | null;
  /** Whether a region's Meridian server is ready; null if its address is unknown. */
  readonly serverHealth?: (region: string) => boolean | null;
  /** Called with each alert as it is raised or cleared. */
  readonly onAlert?: (change: 'raised' | 'cleared', alert: Alert) => void;
  readonly clock?: Clock;
}

/** Number of samples of the primary's past: enough for minutes at 20 a second, and for hours more coarsely. */
const HISTORY = { capacity: 4_096, spacingMs: 50 };

export class RegionMonitor implements RegionView {
  readonly local: string;
  readonly #parts: MonitorParts;
  readonly #clock: Clock;
  readonly #regions = new Map<string, WatchedRegion>();
  readonly #alerts = new Map<string, readonly Alert[]>();
  readonly #positions = new PositionHistory(HISTORY);
  readonly #catchUp = new MovingAverage();
  #systemIdentifier: string | null = null;
  #cluster: ClusterId | null = null;
  /** The present `readOrder`; null if something has changed since it was last computed. */
  #order: readonly string[] | null = null;
  #history: TimelineHistory | null = null;
  #historyFetch: Promise<void> | null = null;
  #primary: string | null = null;
  #rivals: readonly string[] = [];
  #primaryLsn: Lsn | null = null;
  #streamingSinceMs = 0;
  #tailProblem: string | null = null;
  #stopped = false;

  constructor(parts: MonitorParts) {
    if (!parts.regions.includes(parts.local)) {
      throw new MeridianError({
        code: 'CONFIG_INVALID',
        message: `The local region ${parts.local} is not among the regions ${parts.regions.join(', ')}: name one of them.`,
      });
    }
    this.local = parts.local;
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    for (const region of parts.regions) {
      const { prober, options } = parts;
      const shown = region === parts.local ? parts.shown : undefined;
      this.#regions.set(
        region,
        new WatchedRegion({
          region,
          prober,
          options,
          shown,
          clock: this.#clock,
          accept: (probe) => this.#accept(probe),
          onChange: (w) => this.#changed(w),
        }),
      );
    }
  }

  /** Begins probing; await `refresh()` afterwards for the first state. */
  start(): void {
    for (const watched of this.#regions.values()) watched.start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#regions.values()].map((w) => w.stop()));
    await this.#historyFetch;
    await this.#parts.prober.close();
  }

  get cluster(): ClusterId | null {
    return this.#cluster;
  }

  get history(): TimelineHistory | null {
    return this.#history;
  }

  get primary(): string | null {
    return this.#primary;
  }

  get primaryLsn(): Lsn | null {
    return this.#primaryLsn;
  }

  readOrder(): readonly string[] {
    this.#order ??= readOrderOf(
      this.local,
      [...this.#regions.values()].map((w) => ({
        region: w.region,
        usable: w.health.usable && w.caughtUp && !this.#rivals.includes(w.region) && !this.#diverged(w),
        rttMs: w.rttMs,
      })),
    );
    return this.#order;
  }

  reachable(region: string): boolean {
    return this.#regions.get(region)?.health.usable ?? false;
  }

  rttMs(region: string): number | null {
    return this.#regions.get(region)?.rttMs ?? null;
  }

  stalenessMs(): number | null {
    if (this.#primary === this.local && this.reachable(this.local)) return 0;
    return stalenessBoundMs(this.#positions, this.#localPosition(), this.#clock.monotonicMs());
  }

  ageMs(lsn: Lsn): number | null {
    return stalenessBoundMs(this.#positions, lsn, this.#clock.monotonicMs());
  }

  positionWithin(ageMs: number): Lsn | null {
    return this.#positions.firstSince(this.#clock.monotonicMs() - ageMs)?.lsn ?? null;
  }

  catchUpMs(): number | null {
    return this.#primary === this.local ? 0 : this.#catchUp.value;
  }

  reportFailure(region: string, error: unknown): void {
    const watched = this.#regions.get(region);
    if (!watched || !watched.health.usable) return;
    this.#parts.log.warn(
      { region, err: error },
      `A statement could not reach region ${region}; it is skipped until probes succeed.`,
    );
    watched.broken(error);
  }

  refresh(): Promise<void> {
    return this.#look(this.#parts.options.probeTimeoutMs);
  }

  /** The first state: as `refresh`, with the time that it takes to open connections to distant regions. */
  async firstLook(): Promise<void> {
    const { connectMs, probeTimeoutMs } = this.#parts.options;
    await this.#look(connectMs + probeTimeoutMs);
  }

  /** A probe that ends after the limit still counts, but nobody waits for it. */
  async #look(limitMs: number): Promise<void> {
    const look = async (): Promise<void> => {
      await Promise.all([...this.#regions.values()].map((w) => w.probeNow()));
      await this.#historyFetch;
    };
    await within(look(), limitMs, () => undefined);
  }

  /** The tail's stream begins (again). */
  streamBegan(): void {
    this.#streamingSinceMs = this.#clock.monotonicMs();
  }

  /** A heartbeat arrived through this region's tail: everything that was committed before its time is visible here. */
  observeHeartbeat(heartbeat: { readonly lsn: Lsn; readonly primaryTimeMs: number }): void {
    this.#sample(heartbeat.lsn, heartbeat.primaryTimeMs);
    this.#arrived(heartbeat.primaryTimeMs);
  }

  /** A transaction arrived through this region's tail. */
  observeTransaction(transaction: { readonly commitLsn: Lsn; readonly committedAtMs: number }): void {
    this.#sample(transaction.commitLsn, transaction.committedAtMs);
    this.#arrived(transaction.committedAtMs);
  }

  /** A write of this process, or a read at the primary, has shown that the primary has reached `lsn`. */
  observePrimaryLsn(lsn: Lsn): void {
    this.#primaryLsn = this.#primaryLsn === null ? lsn : maxLsn(this.#primaryLsn, lsn);
  }

  /** Why this region's tail does not follow, in one sentence; null while it follows. */
  reportTail(problem: string | null): void {
    this.#tailProblem = problem;
    const watched = this.#regions.get(this.local);
    if (watched) this.#judge(watched);
  }

  /**
   * How long ago `primaryTimeMs` was by the primary's clock, milliseconds, as exact as a round trip there; null while
   * its clock is unknown.
   */
  sinceMs(primaryTimeMs: number): number | null {
    const atMs = this.#toLocalMs(primaryTimeMs);
    return atMs === null ? null : Math.max(0, this.#clock.monotonicMs() - atMs);
  }

  /** The timeline that this region's server is on, as last probed; null when unknown. */
  get timeline(): number | null {
    return this.#regions.get(this.local)?.current?.timeline ?? null;
  }

  reports(): RegionReport[] {
    return [...this.#regions.values()].map((watched) => this.#report(watched));
  }

  #report(watched: WatchedRegion): RegionReport {
    const { region } = watched;
    const probe = watched.current;
    const position = this.#positionOf(watched);
    return {
      region,
      // A region that does not answer may have been promoted, demoted or rebuilt meanwhile.
      role: probe?.role ?? null,
      status: watched.health.status,
      databaseHealthy: probe !== null && watched.health.usable,
      cacheHealthy: this.#parts.cacheHealth?.(region) ?? null,
      cache: this.#parts.cacheReport?.(region) ?? null,
      serverHealthy: this.#parts.serverHealth?.(region) ?? null,
      lagMs: this.#lagOf(watched),
      lagBytes:
        position === null || this.#primaryLsn === null
          ? null
          : region === this.#primary
            ? 0
            : bytesBetween(position, this.#primaryLsn),
      replayLsn: position,
      timeline: probe?.timeline ?? null,
      rttMs: probe === null ? null : watched.rttMs,
      alerts: this.#alerts.get(region) ?? [],
      error: watched.error,
      probedAtMs: watched.probedAtMs,
    };
  }

  #positionOf(watched: WatchedRegion): Lsn | null {
    if (watched.region === this.local) return watched.current === null ? null : this.#localPosition();
    return watched.current?.lsn ?? null;
  }

  #localPosition(): Lsn | null {
    const probed = this.#regions.get(this.local)?.current?.lsn ?? null;
    const shown = this.#parts.shown?.() ?? null;
    return probed !== null && shown !== null ? maxLsn(probed, shown) : (shown ?? probed);
  }

  /** As of the region's last probe: a position is only compared with what the primary had when it was read. */
  #lagOf(watched: WatchedRegion): number | null {
    const { current: probe, lastAtMs } = watched;
    if (probe === null || lastAtMs === null) return null;
    if (watched.region === this.#primary) return 0;
    const { probeMs, probeTimeoutMs } = this.#parts.options;
    const rttMs = (this.#primary === null ? null : this.rttMs(this.#primary)) ?? 0;
    // While the primary answers, the newest sample is at most one interval and one slow probe old.
    const freshMs = 2 * probeMs + Math.min(probeTimeoutMs, 2 * rttMs) + 250;
    const graceMs = Math.max(100, rttMs);
    return lagMs({
      history: this.#positions,
      position: probe.lsn,
      nowMs: lastAtMs - probe.rttMs / 2,
      limits: { freshMs, graceMs },
    });
  }

  /**
   * A replica that replayed what a failover undid shows rows that never existed; it is not read until it has been
   * rewound (R7).
   */
  #diverged(watched: WatchedRegion): boolean {
    const { last: probe } = watched;
    if (probe === null || probe.timeline === null || this.#history === null) return false;
    return lineageStatusOf({ timeline: probe.timeline, lsn: probe.lsn }, this.#history) === 'lost';
  }

  #accept(probe: Probe): void {
    if (this.#systemIdentifier === null) {
      this.#systemIdentifier = probe.systemIdentifier;
      this.#cluster = clusterIdOf(probe.systemIdentifier);
    }
    if (probe.systemIdentifier !== this.#systemIdentifier) {
      throw new Error(
        `its database belongs to another cluster (system identifier ${probe.systemIdentifier}, expected ${this.#systemIdentifier}): point it at a replica of the primary`,
      );
    }
  }

  #changed(watched: WatchedRegion): void {
    const probe = watched.current;
    this.#electPrimary();
    this.#order = null;
    if (probe !== null && watched.region === this.#primary && probe.role === 'primary') {
      this.#followTimeline(watched, probe);
      this.observePrimaryLsn(probe.lsn);
      for (const { lsn, timeMs } of probe.covered) this.#sample(lsn, timeMs, probe.serverTimeMs);
    } else if (probe?.lastReplayedMs != null && !this.#diverged(watched)) {
      // A replica's last replayed commit has the primary's clock: it dates positions that this process never saw at the
      // primary.
      this.#sample(probe.lsn, probe.lastReplayedMs);
    }
    this.#judge(watched);
  }

  #electPrimary(): void {
    const claims: Claim[] = [...this.#regions.values()].map((w) => ({
      region: w.region,
      role: w.last?.role ?? null,
      timeline: w.last?.timeline ?? null,
      answers: w.current !== null,
    }));
    const { primary, rivals } = electPrimary(this.#primary, claims);
    this.#rivals = rivals;
    if (primary === this.#primary) return;
    if (primary === null) this.#parts.log.warn({ before: this.#primary }, 'No region is the primary now.');
    else this.#parts.log.info({ before: this.#primary, primary }, `Region ${primary} is the primary.`);
    this.#primary = primary;
  }

  /** A higher timeline: a replica was promoted. Its history shows which part of the old timeline survived. */
  #followTimeline(watched: WatchedRegion, probe: Probe): void {
    const { timeline } = probe;
    if (timeline === null || this.#history?.timeline === timeline || this.#historyFetch !== null) return;
    if (this.#history !== null && timeline < this.#history.timeline) return;
    this.#historyFetch = this.#fetchHistory(watched.region, timeline).finally(() => {
      this.#historyFetch = null;
    });
  }

  async #fetchHistory(region: string, timeline: number): Promise<void> {
    try {
      const limit = AbortSignal.timeout(this.#parts.options.probeTimeoutMs);
      const history =
        timeline === 1 ? { timeline, switches: [] } : await this.#parts.prober.history(region, timeline, limit);
      if (!this.#stopped) this.#adopt(history);
    } catch (error) {
      // The next probe of the primary tries again; until then the older history is used, which makes only tokens of the
      // new timeline unknown.
      this.#parts.log.warn(
        { region, timeline, err: error },
        `The history of timeline ${timeline} could not be read from region ${region}.`,
      );
    }
  }

  #adopt(history: TimelineHistory): void {
    const before = this.#history;
    this.#history = history;
    this.#order = null;
    if (before === null) return;
    const cut = history.switches.find((s) => s.timeline === before.timeline)?.switchLsn;
    if (cut !== undefined) {
      this.#positions.cutAbove(cut);
      for (const watched of this.#regions.values()) watched.cutShown(cut);
    }
    const probe = this.#primary === null ? null : (this.#regions.get(this.#primary)?.last ?? null);
    this.#primaryLsn = probe?.lsn ?? null;
    this.#parts.log.info(
      { timeline: history.timeline, before: before.timeline },
      `The primary is on timeline ${history.timeline} now.`,
    );
  }

  /**
   * Dates `lsn` by the primary's clock, and by when it was found to be flushed; nothing is known before the clock has
   * been read once.
   */
  #sample(lsn: Lsn, primaryTimeMs: number, flushedMs = primaryTimeMs): void {
    const [atMs, flushedAtMs] = [this.#toLocalMs(primaryTimeMs), this.#toLocalMs(flushedMs)];
    const nowMs = this.#clock.monotonicMs();
    if (atMs !== null && flushedAtMs !== null)
      this.#positions.add({ lsn, atMs: Math.min(atMs, nowMs), flushedAtMs: Math.min(flushedAtMs, nowMs) });
    this.observePrimaryLsn(lsn);
  }

  #arrived(primaryTimeMs: number): void {
    const atMs = this.#toLocalMs(primaryTimeMs);
    // What was committed before the stream began has waited for the stream, not for the network.
    if (atMs !== null && atMs >= this.#streamingSinceMs)
      this.#catchUp.add(Math.max(0, this.#clock.monotonicMs() - atMs));
  }

  #toLocalMs(primaryTimeMs: number): number | null {
    const primary = this.#primary === null ? undefined : this.#regions.get(this.#primary);
    return primary?.clockMap.toLocalMs(primaryTimeMs) ?? null;
  }

  #judge(watched: WatchedRegion): void {
    const { region } = watched;
    const input = {
      region,
      status: watched.health.status,
      lagMs: this.#lagOf(watched),
      error: watched.error,
      tailProblem: region === this.local ? this.#tailProblem : null,
      rivalPrimaries: region === this.#primary ? this.#rivals : [],
    };
    const change = nextAlerts({
      current: this.#alerts.get(region) ?? [],
      input,
      limits: this.#parts.options,
      nowMs: this.#clock.nowMs(),
    });
    this.#alerts.set(region, change.alerts);
    for (const alert of change.raised) this.#parts.onAlert?.('raised', alert);
    for (const alert of change.cleared) this.#parts.onAlert?.('cleared', alert);
  }
}
