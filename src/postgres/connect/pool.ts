/**
 * Owns one region's pool of connections: bounded, verified to belong to the right cluster, and each with an error
 * listener.
 */
import pg from 'pg';
import { sleep } from '../../base/clock.ts';
import { isMeridianError, MeridianError } from '../../base/errors.ts';
import { Limiter } from '../../base/limiter.ts';
import { clusterIdOf, type ClusterId } from '../../base/lineage.ts';
import { type Options } from '../../config/options.ts';
import { type Log } from '../../telemetry/log.ts';
import { poolConfig } from './connect.ts';
import { demandEncoding, ENCODING } from './encoding.ts';
import { connectError, toMeridianError } from './errors.ts';
import { Plans } from './plans.ts';
import { Connection } from './pool-connection.ts';
import { FLUSHES } from '../read/flush.ts';
import { demandSession, poolerRefusal, SESSION, SESSION_COLUMN, SESSION_PROOF } from './session.ts';
import { CUSTOM_ARRAYS, TypeParsers } from '../types/types.ts';

export type PoolLimits = Pick<
  Options,
  'poolSize' | 'poolWarm' | 'poolQueue' | 'poolWaitMs' | 'connectMs' | 'statementMs' | 'flushMs' | 'maxPrepared'
>;

export interface PoolOptions {
  readonly region: string;
  readonly databaseUrl: string;
  readonly applicationName: string;
  readonly readOnly: boolean;
  readonly limits: PoolLimits;
  /** The cluster that the database must belong to; null while it is unknown, in which case any is accepted. */
  readonly cluster: () => ClusterId | null;
  readonly log?: Pick<Log, 'debug'> | undefined;
}

/** One round trip on every new connection reads the cluster, the encoding, the timeline, and the array types. */
const PROOF = `SELECT s.system_identifier::text AS system, ${ENCODING} AS encoding, ${FLUSHES} AS flushes, ${SESSION},
  greatest(c.timeline_id, coalesce(r.min_recovery_end_timeline, 0), coalesce((SELECT received_tli FROM pg_stat_wal_receiver), 0)) AS timeline
FROM pg_control_system() s, pg_control_checkpoint() c, pg_control_recovery() r`;

const IDLE_MS = 30_000;
const CLOSE_MS = 1_000;

export class DatabasePool {
  readonly region: string;
  readonly #options: PoolOptions;
  readonly #types = new TypeParsers();
  readonly #plans = new Plans();
  readonly #pool: pg.Pool;
  readonly #limiter: Limiter;
  readonly #connections = new WeakMap<pg.ClientBase, Connection>();
  readonly #open = new Set<Connection>();

  constructor(options: PoolOptions) {
    const { limits, region } = options;
    this.region = region;
    this.#options = options;
    this.#limiter = new Limiter({
      what: `statements at the database of region ${region}`,
      concurrent: limits.poolSize,
      queued: limits.poolQueue,
      waitMs: limits.poolWaitMs,
    });
    const config = poolConfig({
      databaseUrl: options.databaseUrl,
      applicationName: options.applicationName,
      connectMs: limits.connectMs,
      statementMs: limits.statementMs,
      readOnly: options.readOnly,
      types: this.#types,
    });
    // The driver awaits the promise, although its types do not say so.
    const onConnect = ((client: pg.ClientBase) => this.#prove(client)) as (client: pg.ClientBase) => void;
    this.#pool = new pg.Pool({
      ...config,
      max: limits.poolSize,
      min: Math.min(limits.poolWarm, limits.poolSize),
      idleTimeoutMillis: IDLE_MS,
      allowExitOnIdle: true,
      onConnect,
    });
    // Emitted when the server of an idle connection goes away. The pool has removed the connection; the next statement
    // opens another.
    this.#pool.on('error', (error) => {
      // The pool adds its client to the error, and the client holds the key that can cancel its statements.
      delete (error as { client?: unknown }).client;
      options.log?.debug({ region, err: error }, `An idle connection to region ${region} broke.`);
    });
  }

  get busy(): number {
    return this.#pool.totalCount - this.#pool.idleCount;
  }

  get idle(): number {
    return this.#pool.idleCount;
  }

  get waiting(): number {
    return this.#limiter.waiting;
  }

  /**
   * Opens connections in advance, up to `poolWarm`. Failures are ignored here: the statement that needs the connection
   * reports them.
   */
  async warm(): Promise<void> {
    const { poolWarm, poolSize } = this.#options.limits;
    const missing = Math.min(poolWarm, poolSize) - this.#pool.totalCount;
    if (missing <= 0) return;
    // All of them are held at the same time; otherwise the pool would lend out a single connection again and again.
    const clients = await Promise.allSettled(
      Array.from({ length: missing + this.#pool.idleCount }, () => this.#pool.connect()),
    );
    for (const client of clients) if (client.status === 'fulfilled') client.value.release();
  }

  /**
   * Lends a connection for the duration of `work`. Throws `OVERLOADED`, `REGION_UNAVAILABLE` or the error of `work`,
   * as a `MeridianError`.
   */
  use<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#limiter.run(async () => {
      const client = await this.#take();
      const connection = this.#connections.get(client);
      if (connection === undefined) throw new TypeError('a connection was lent before it was proved');
      let failure: unknown = null;
      try {
        return await work(connection);
      } catch (error) {
        failure = error;
        throw toMeridianError(error, { region: this.region });
      } finally {
        // A connection returns to the pool only if nothing is open or in flight on it.
        client.release(connection.reusable ? undefined : failure instanceof Error ? failure : true);
      }
    });
  }

  /**
   * Closes connections that are still open after `CLOSE_MS`, so that a server that does not answer does not block it.
   */
  async close(): Promise<void> {
    const ended = this.#pool.end();
    const limit = new AbortController();
    void sleep(CLOSE_MS, limit.signal).then((late) => {
      if (late) for (const connection of this.#open) connection.destroy();
    });
    await ended;
    limit.abort();
  }

  async #take(): Promise<pg.PoolClient> {
    try {
      return await this.#pool.connect();
    } catch (error) {
      throw isMeridianError(error) ? error : (poolerRefusal(error) ?? connectError(error, { region: this.region }));
    }
  }

  async #prove(client: pg.ClientBase): Promise<void> {
    const { maxPrepared, statementMs, connectMs } = this.#options.limits;
    const connection = new Connection(client, {
      maxPrepared,
      plans: this.#plans,
      types: this.#types,
      // Above the server's own limit, whose error does not arrive over a broken network.
      answerMs: statementMs + connectMs,
    });
    this.#open.add(connection);
    void connection.ended.then(() => this.#open.delete(connection));
    try {
      await this.#proveOn(client, connection);
    } catch (error) {
      // The pool waits until the connection is closed, which a broken network would not report for minutes.
      connection.destroy();
      throw error;
    }
  }

  async #proveOn(client: pg.ClientBase, connection: Connection): Promise<void> {
    const [session, proof, arrays] = await connection.pipeline(
      [{ text: SESSION_PROOF }, { text: PROOF }, { text: CUSTOM_ARRAYS }],
      { answerMs: this.#options.limits.connectMs },
    );
    demandSession(session?.rows[0]);
    const {
      system,
      encoding,
      flushes,
      timeline,
      [SESSION_COLUMN]: settings,
    } = proof?.rows[0] as {
      system: string;
      encoding: string;
      flushes: boolean;
      timeline: number;
      [SESSION_COLUMN]: string;
    };
    demandEncoding(encoding);
    const cluster = clusterIdOf(system);
    const expected = this.#options.cluster();
    if (expected !== null && cluster !== expected) {
      throw new MeridianError({
        code: 'DATABASE_NOT_READY',
        message: `The database of region ${this.region} belongs to cluster ${cluster}, not to ${expected} as the other regions' do; point its URL at a replica of the same primary.`,
        details: { region: this.region },
      });
    }
    this.#types.learn(
      (arrays?.rows as { array: string; element: string }[]).map((row) => ({
        array: Number(row.array),
        element: Number(row.element),
      })),
    );
    connection.proved({ cluster, timeline, flushes, session: settings });
    this.#connections.set(client, connection);
  }
}
