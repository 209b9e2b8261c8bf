/**
 * Owns what the rest may know of regions right now: cheap, synchronous looks at what probes and the tail have found.
 */
import { type Lsn } from '../base/lsn.ts';
import { type ClusterId, type TimelineHistory } from '../base/lineage.ts';
import { type CacheReport } from './cache-report.ts';

export type Role = 'primary' | 'replica';
export type HealthStatus = 'healthy' | 'degraded' | 'unreachable';

export interface Alert {
  readonly region: string;
  readonly kind: 'lag' | 'unreachable' | 'tail' | 'primary';
  readonly message: string;
  /** Milliseconds since 1970. */
  readonly sinceMs: number;
}

/** One region as `regionHealth` reports it. Unknown is null, never zero. */
export interface RegionReport {
  readonly region: string;
  /** As its server last answered; null while it does not answer. */
  readonly role: Role | null;
  readonly status: HealthStatus;
  readonly databaseHealthy: boolean;
  /** Null where the region has no shared cache. */
  readonly cacheHealthy: boolean | null;
  /** Null where none of the region's processes told of theirs. */
  readonly cache: CacheReport | null;
  /** Null where the address of the region's server is not known here. */
  readonly serverHealthy: boolean | null;
  /** True staleness: age of the newest position that the region is known to show; 0 when it has caught up. */
  readonly lagMs: number | null;
  readonly lagBytes: number | null;
  readonly replayLsn: Lsn | null;
  readonly timeline: number | null;
  readonly rttMs: number | null;
  readonly alerts: readonly Alert[];
  /** Last probe's failure, in one sentence. */
  readonly error: string | null;
  readonly probedAtMs: number | null;
}

/** What the read and write decisions look at. Implemented by the region monitor. */
export interface RegionView {
  /** The region that this server runs in. */
  readonly local: string;
  readonly cluster: ClusterId | null;
  /** The newest timeline that any reachable primary has shown, with its history. */
  readonly history: TimelineHistory | null;
  /** Region whose server is writable, as last discovered; null while none is known. */
  readonly primary: string | null;
  /**
   * Highest position known at the primary: by probes, by heartbeats, by our own writes. Only for estimates, and to tell
   * a future token from a slow replica.
   */
  readonly primaryLsn: Lsn | null;
  /** Regions with a usable replica (or primary), nearest first, this region first while it is usable. */
  readOrder(): readonly string[];
  reachable(region: string): boolean;
  /** Measured round trip to the region's database, milliseconds. */
  rttMs(region: string): number | null;
  /**
   * Upper bound of this region's staleness now, milliseconds: everything committed longer ago is shown here. 0 at the
   * primary; null when unknown.
   */
  stalenessMs(): number | null;
  /**
   * Upper bound of the age of what is right as of `lsn`, milliseconds: everything committed longer ago lies at or below
   * it. Null when unknown.
   */
  ageMs(lsn: Lsn): number | null;
  /**
   * A position, as low as is known, at or below which everything lies that was committed longer ago than `ageMs`; null
   * when unknown.
   */
  positionWithin(ageMs: number): Lsn | null;
  /**
   * Expected time from a commit at the primary until this region shows it, milliseconds (moving average); null when
   * unknown.
   */
  catchUpMs(): number | null;
  /** A statement could not reach the region: it is skipped at once, and comes back by probes. */
  reportFailure(region: string, error: unknown): void;
  /**
   * Asks for a probe of every region at once (after a role surprise); resolves when done, bounded by the probe's time
   * limit.
   */
  refresh(): Promise<void>;
}
