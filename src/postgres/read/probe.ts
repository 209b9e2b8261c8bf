/** Owns probes of each region's server: one persistent connection per region, one statement per probe. */
import type pg from 'pg';
import { MeridianError } from '../../base/errors.ts';
import { type TimelineHistory } from '../../base/lineage.ts';
import { parseLsn, type Lsn } from '../../base/lsn.ts';
import { type Options } from '../../config/options.ts';
import { type Covered, type Probe, type Prober } from '../../region/prober.ts';
import { primaryPosition } from './position.ts';
import { closeClient, destroySocket, openClient } from '../connect/open.ts';
import { fetchHistory, fetchTimeline } from '../connect/timeline.ts';

export type ProbeOptions = Pick<Options, 'connectMs' | 'probeTimeoutMs'>;

/**
 * The SELECT list is evaluated from left to right: the clock precedes the positions, so that everything committed by
 * that time lies at or below the insert position. The flush position covers it once it has reached the insert
 * position, since commits with `synchronous_commit = off` may lie between the two. Only members of pg_monitor can see
 * the receiver's timeline; without it a replica's timeline is unknown.
 */
const PROBE_SQL = `
  SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS server_time_ms,
         pg_is_in_recovery() AS in_recovery,
         CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END::text AS inserted,
         (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END)::text AS lsn,
         CASE WHEN pg_is_in_recovery() THEN NULL ELSE substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8) END AS wal_timeline,
         EXISTS (SELECT FROM pg_stat_wal_receiver) AS has_receiver,
         (SELECT received_tli FROM pg_stat_wal_receiver) AS received_timeline,
         extract(epoch FROM pg_last_xact_replay_timestamp())::float8 * 1000 AS last_replayed_ms,
         (SELECT system_identifier::text FROM pg_control_system()) AS system_identifier,
         current_setting('server_version_num')::int AS server_version`;

interface ProbeRow {
  server_time_ms: number;
  in_recovery: boolean;
  inserted: string | null;
  lsn: string | null;
  wal_timeline: string | null;
  has_receiver: boolean;
  received_timeline: number | null;
  last_replayed_ms: number | null;
  system_identifier: string;
  server_version: number;
}

/**
 * Minimum interval between two IDENTIFY_SYSTEM requests, over a replication connection, to a replica without a WAL
 * receiver.
 */
const IDENTIFY_EVERY_MS = 5_000;

/** The connection to one region and what the last probes found. */
class Probed {
  readonly #databaseUrl: string;
  readonly #options: ProbeOptions;
  #client: pg.Client | null = null;
  #opening: Promise<pg.Client> | null = null;
  #closed = false;
  #known: { readonly timeline: number; readonly lsn: Lsn } | null = null;
  #identifiedAtMs = Number.NEGATIVE_INFINITY;
  /** An earlier observation of a primary that had not flushed all of its WAL; null while there is none. */
  #unflushed: Covered | null = null;

  constructor(databaseUrl: string, options: ProbeOptions) {
    this.#databaseUrl = databaseUrl;
    this.#options = options;
  }

  async probe(signal: AbortSignal): Promise<Probe> {
    // At the time limit the connection is closed, and the next probe opens a new one.
    const drop = (): void => {
      if (this.#client) destroySocket(this.#client);
      this.#client = null;
    };
    signal.addEventListener('abort', drop, { once: true });
    try {
      const client = this.#client ?? (await this.#connect(signal));
      const began = performance.now();
      const { rows } = await client.query<ProbeRow>({ name: 'meridian_probe', text: PROBE_SQL });
      const rttMs = performance.now() - began;
      const row = rows[0];
      if (!row || row.lsn === null)
        throw new MeridianError({ code: 'DATABASE_NOT_READY', message: 'The replica has not replayed anything yet.' });
      const lsn = parseLsn(row.lsn);
      return {
        role: row.in_recovery ? 'replica' : 'primary',
        systemIdentifier: row.system_identifier,
        timeline:
          row.wal_timeline === null
            ? await this.#replicaTimeline(row, lsn)
            : this.#learn(Number.parseInt(row.wal_timeline, 16), lsn),
        lsn,
        covered: this.#covered(row, lsn),
        serverTimeMs: row.server_time_ms,
        lastReplayedMs: row.in_recovery ? row.last_replayed_ms : null,
        rttMs,
        serverVersion: row.server_version,
      };
    } catch (error) {
      drop();
      throw error;
    } finally {
      signal.removeEventListener('abort', drop);
    }
  }

  /**
   * A replica may have stopped at a position that was not flushed when it was observed. Such an observation is
   * therefore reported, besides the present one, as soon as its position is flushed; otherwise the age of what that
   * replica shows could not be determined.
   */
  #covered({ inserted, server_time_ms: timeMs }: ProbeRow, flushed: Lsn): Covered[] {
    if (inserted === null) return [];
    const now: Covered = { lsn: primaryPosition(parseLsn(inserted), flushed), timeMs };
    const earlier = this.#unflushed;
    const reached = earlier !== null && flushed >= earlier.lsn ? [earlier] : [];
    const isFlushed = flushed >= now.lsn;
    if (isFlushed) this.#unflushed = null;
    else if (earlier === null || reached.length > 0) this.#unflushed = now;
    return isFlushed ? [...reached, now] : reached;
  }

  get connected(): boolean {
    return this.#client !== null;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = null;
    if (client) await closeClient(client);
  }

  /**
   * Opening a connection takes several round trips, more with TLS and a password, and may take longer than one probe
   * of a distant region allows. It continues after the probe is aborted, within its own limits, and a later probe uses
   * it.
   */
  async #connect(signal: AbortSignal): Promise<pg.Client> {
    this.#opening ??= this.#open().finally(() => (this.#opening = null));
    const opening = this.#opening;
    return new Promise((resolve, reject) => {
      const giveUp = (): void => reject(signal.reason as Error);
      signal.addEventListener('abort', giveUp, { once: true });
      if (signal.aborted) giveUp();
      void opening.then(resolve, reject).finally(() => signal.removeEventListener('abort', giveUp));
    });
  }

  async #open(): Promise<pg.Client> {
    const { connectMs, probeTimeoutMs } = this.#options;
    // The connection may break before it is stored in `#client`.
    let broken = false;
    let opened: pg.Client | null = null;
    const client = await openClient({
      databaseUrl: this.#databaseUrl,
      applicationName: 'meridian probe',
      connectMs,
      statementMs: probeTimeoutMs,
      onBroken: () => {
        broken = true;
        if (opened !== null && this.#client === opened) this.#client = null;
      },
    });
    opened = client;
    try {
      // A new session's first statement loads catalogs; its duration would be measured as network latency.
      await client.query({ name: 'meridian_probe', text: PROBE_SQL });
      if (this.#closed || broken) throw new Error('Connection terminated');
      // Another server may answer at this address now.
      this.#unflushed = null;
      return (this.#client = client);
    } catch (error) {
      destroySocket(client);
      throw error;
    }
  }

  async #replicaTimeline(row: ProbeRow, lsn: Lsn): Promise<number | null> {
    if (row.received_timeline !== null) return this.#learn(row.received_timeline, lsn);
    // The receiver exists, but the role may not see its timeline. An unknown timeline is better than an outdated one.
    if (row.has_receiver) return null;
    // A replica without a receiver that replays nothing stays on its timeline.
    if (this.#known?.lsn === lsn) return this.#known.timeline;
    if (performance.now() - this.#identifiedAtMs < IDENTIFY_EVERY_MS) return null;
    this.#identifiedAtMs = performance.now();
    try {
      return this.#learn(
        await fetchTimeline({ databaseUrl: this.#databaseUrl, connectMs: this.#options.probeTimeoutMs }),
        lsn,
      );
    } catch {
      // The role lacks REPLICATION, or no WAL sender is free. The rest of the probe is valid, and the timeline unknown.
      return null;
    }
  }

  #learn(timeline: number, lsn: Lsn): number {
    this.#known = { timeline, lsn };
    return timeline;
  }
}

export class PostgresProber implements Prober {
  readonly #regions: ReadonlyMap<string, Probed>;
  readonly #urls: ReadonlyMap<string, string>;
  readonly #options: ProbeOptions;

  /** `databaseUrls`: DSN by region name. */
  constructor(databaseUrls: ReadonlyMap<string, string>, options: ProbeOptions) {
    this.#urls = databaseUrls;
    this.#options = options;
    this.#regions = new Map([...databaseUrls].map(([region, url]) => [region, new Probed(url, options)]));
  }

  async probe(region: string, signal: AbortSignal): Promise<Probe> {
    const probed = this.#regions.get(region);
    if (!probed) throw unknownRegion(region);
    return probed.probe(signal);
  }

  connected(region: string): boolean {
    return this.#regions.get(region)?.connected ?? false;
  }

  async history(region: string, timeline: number, signal: AbortSignal): Promise<TimelineHistory> {
    const databaseUrl = this.#urls.get(region);
    if (databaseUrl === undefined) throw unknownRegion(region);
    signal.throwIfAborted();
    return fetchHistory({ databaseUrl, connectMs: this.#options.connectMs }, timeline);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#regions.values()].map((probed) => probed.close()));
  }
}

function unknownRegion(region: string): MeridianError {
  return new MeridianError({
    code: 'CONFIG_INVALID',
    message: `No region is called ${region}: add it to the configured regions.`,
  });
}
