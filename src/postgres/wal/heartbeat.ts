/**
 * Owns the heartbeat: at each interval the servers of the primary's region write a message with the primary's clock to
 * the WAL.
 */
import type pg from 'pg';
import { sleep } from '../../base/clock.ts';
import { type Options } from '../../config/options.ts';
import { type Log } from '../../telemetry/log.ts';
import { HEARTBEAT_PREFIX } from './decode.ts';
import { closeClient, openClient } from '../connect/open.ts';

export type HeartbeatOptions = Pick<Options, 'heartbeatMs' | 'connectMs' | 'probeTimeoutMs'>;

export interface HeartbeatParts {
  /** DSN of this region's own server: a heartbeat must not cross a WAN between regions before it is in the WAL. */
  readonly databaseUrl: string;
  /**
   * Whether this region's server is the primary at present; called before each heartbeat. Other regions write none,
   * since one heartbeat serves every region.
   */
  readonly isPrimary: () => boolean;
  readonly options: HeartbeatOptions;
  readonly log: Log;
  /** Called for each heartbeat that could not be written. */
  readonly onFailure?: () => void;
}

/** The clock is read before the message is inserted, so everything committed by that time lies below it. */
const CONTENT = `json_build_object('primaryTimeMs', extract(epoch FROM clock_timestamp()) * 1000)::text`;
/** A replica that this process still considers the primary writes nothing and raises no error. */
const GUARD = 'WHERE NOT pg_is_in_recovery()';
const FLUSHED_SQL = `SELECT pg_logical_emit_message(false, $1::text, ${CONTENT}, true) ${GUARD}`;
/**
 * Before 17 a message is not flushed by itself. The transaction id that the statement acquires makes its commit flush.
 */
const COMMITTED_SQL = `SELECT pg_current_xact_id(), pg_logical_emit_message(false, $1::text, ${CONTENT}) ${GUARD}`;

export class HeartbeatWriter {
  readonly #parts: HeartbeatParts;
  #client: pg.Client | null = null;
  #text = FLUSHED_SQL;
  #failing = false;

  constructor(parts: HeartbeatParts) {
    this.#parts = parts;
  }

  /**
   * Writes heartbeats until `signal` aborts, one at a time: one that hangs delays the next, and none are queued behind
   * it.
   */
  async run(signal: AbortSignal): Promise<void> {
    const { options, isPrimary } = this.#parts;
    try {
      while (!signal.aborted) {
        const began = performance.now();
        if (isPrimary()) await this.#beat();
        else await this.#disconnect();
        await sleep(Math.max(0, options.heartbeatMs - (performance.now() - began)), signal);
      }
    } finally {
      await this.#disconnect();
    }
  }

  async #beat(): Promise<void> {
    const { log, onFailure } = this.#parts;
    try {
      this.#client ??= await this.#connect();
      await this.#client.query(this.#text, [HEARTBEAT_PREFIX]);
      if (this.#failing) log.info({}, 'Heartbeats are written again.');
      this.#failing = false;
    } catch (error) {
      if (!this.#failing) log.warn({ err: error }, 'A heartbeat could not be written; the next one tries again.');
      this.#failing = true;
      onFailure?.();
      await this.#disconnect();
    }
  }

  async #connect(): Promise<pg.Client> {
    const { databaseUrl, options } = this.#parts;
    const forget = (): void => {
      this.#client = null;
    };
    const client = await openClient({
      databaseUrl,
      applicationName: 'meridian heartbeat',
      connectMs: options.connectMs,
      statementMs: options.probeTimeoutMs,
      onBroken: forget,
    });
    try {
      // A heartbeat need not wait for a synchronous replica; it measures how far a replica is behind.
      await client.query('SET synchronous_commit = local');
      const { rows } = await client.query<{ version: number }>(
        `SELECT current_setting('server_version_num')::int AS version`,
      );
      this.#text = (rows[0]?.version ?? 0) >= 170_000 ? FLUSHED_SQL : COMMITTED_SQL;
      return client;
    } catch (error) {
      await closeClient(client);
      throw error;
    }
  }

  async #disconnect(): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client) await closeClient(client);
  }
}
