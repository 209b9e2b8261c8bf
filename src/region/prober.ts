/** Owns the port through which a region's database is looked at: one cheap question, bounded by the caller. */
import { type Lsn } from '../base/lsn.ts';
import { type TimelineHistory } from '../base/lineage.ts';
import { type Role } from './view.ts';

/**
 * Everything that the primary had committed by `timeMs`, on its own clock, with a flush or without, lies at or below
 * `lsn`, which is flushed.
 */
export interface Covered {
  readonly lsn: Lsn;
  readonly timeMs: number;
}

/** What one server answered about itself in one statement. */
export interface Probe {
  readonly role: Role;
  readonly systemIdentifier: string;
  /** Null where it could not be learnt: the region is used all the same, only its lineage is unproven. */
  readonly timeline: number | null;
  /** Replay position of a replica, flush position of a primary. */
  readonly lsn: Lsn;
  /**
   * What a primary is known to have flushed of what it had committed, by this look and an earlier one; empty on a
   * replica.
   */
  readonly covered: readonly Covered[];
  /** The server's clock, milliseconds since 1970. */
  readonly serverTimeMs: number;
  /**
   * A replica's last replayed commit, on the primary's clock, milliseconds since 1970; null on a primary and before
   * any.
   */
  readonly lastReplayedMs: number | null;
  readonly rttMs: number;
  /** `server_version_num`: 180004. */
  readonly serverVersion: number;
}

export interface Prober {
  /** Asks the region's server; throws when it cannot be reached. `signal` aborts at the probe's time limit. */
  probe(region: string, signal: AbortSignal): Promise<Probe>;
  /**
   * Whether a connection to the region is open; a probe without one has to open it first, which takes several round
   * trips.
   */
  connected(region: string): boolean;
  /** The finished timelines that led to `timeline`, as the region's server tells them. */
  history(region: string, timeline: number, signal: AbortSignal): Promise<TimelineHistory>;
  close(): Promise<void>;
}
