/**
 * Owns what other layers may know about the regions: cheap, synchronous access to the results of probes and the tail.
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

/** One region as `regionHealth` reports it. Unknown values are null, never zero. */
export interface RegionReport {
  readonly region: string;
  /** As its server last answered; null while it does not answer. */
  readonly role: Role | null;
  readonly status: HealthStatus;
  readonly databaseHealthy: boolean;
  /** Null if the region has no shared cache. */
  readonly cacheHealthy: boolean | null;
  /** Null if none of the region's processes reported. */
  readonly cache: CacheReport | null;
  /** Null if the address of the region's server is unknown. */
  readonly serverHealthy: boolean | null;
  /** Staleness: the age of the newest position that the region is known to show; 0 if it has caught up. */
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

/** What read and write decisions use. Implemented by the region monitor. */
export interface RegionView {
  /** The region that this server runs in. */
  readonly local: string;
  readonly cluster: ClusterId | null;
  /** The newest timeline of any reachable primary, with its history. */
  readonly history: TimelineHistory | null;
  /** The region whose server is writable, as last determined; null while none is known. */
  readonly primary: string | null;
  /**
   * The highest known position of the primary: from probes, heartbeats and this process's writes. Used for estimates,
   * and to tell a future token from a slow replica.
   */
  readonly primaryLsn: Lsn | null;
  /** Regions with a usable replica (or primary), nearest first, this region first while it is usable. */
  readOrder(): readonly string[];
  reachable(region: string): boolean;
  /** Measured round trip to the region's database, milliseconds. */
  rttMs(region: string): number | null;
  /**
   * Upper bound of this region's staleness now, milliseconds: everything that was committed longer ago is visible here.
   * 0 at the primary; null if unknown.
   */
  stalenessMs(): number | null;
  /**
   * Upper bound of the age of what is right as of `lsn`, milliseconds: everything that was committed longer ago lies at
   * or below it. Null if unknown.
   */
  ageMs(lsn: Lsn): number | null;
  /**
   * The lowest known position at or below which everything lies that was committed longer ago than `ageMs`; null if
   * unknown.
   */
  positionWithin(ageMs: number): Lsn | null;
  /**
   * Expected time from a commit at the primary until this region shows it, milliseconds (moving average); null if
   * unknown.
   */
  catchUpMs(): number | null;
  /** A statement could not reach the region: it is skipped at once, until probes succeed. */
  reportFailure(region: string, error: unknown): void;
  /** Probes every region at once (after an unexpected role); resolves when done, bounded by the probe's time limit. */
  refresh(): Promise<void>;
}
