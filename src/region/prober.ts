/** Owns the port through which a region's database is probed: one cheap query, bounded by the caller. */
import { type Lsn } from '../base/lsn.ts';
import { type TimelineHistory } from '../base/lineage.ts';
import { type Role } from './view.ts';

/** Everything that the primary had committed by `timeMs` on its own clock lies at or below `lsn`, which is flushed. */
export interface Covered {
  readonly lsn: Lsn;
  readonly timeMs: number;
}

/** What one server returned about itself in one statement. */
export interface Probe {
  readonly role: Role;
  readonly systemIdentifier: string;
  /** Null if it could not be read: the region is used all the same, but its lineage is unproven. */
  readonly timeline: number | null;
  /** Replay position of a replica, flush position of a primary. */
  readonly lsn: Lsn;
  /** What a primary is known to have flushed, by this probe and an earlier one; empty on a replica. */
  readonly covered: readonly Covered[];
  /** The server's clock, milliseconds since 1970. */
  readonly serverTimeMs: number;
  /**
   * A replica's last replayed commit, on the primary's clock, milliseconds since 1970; null on a primary and before the
   * first one.
   */
  readonly lastReplayedMs: number | null;
  readonly rttMs: number;
  /** `server_version_num`: 180004. */
  readonly serverVersion: number;
}

export interface Prober {
  /** Queries the region's server; throws if it cannot be reached. `signal` aborts at the probe's time limit. */
  probe(region: string, signal: AbortSignal): Promise<Probe>;
  /**
   * Whether a connection to the region is open; otherwise a probe must open it first, which takes several round trips.
   */
  connected(region: string): boolean;
  /** The finished timelines that led to `timeline`, as the region's server reports them. */
  history(region: string, timeline: number, signal: AbortSignal): Promise<TimelineHistory>;
  close(): Promise<void>;
}
