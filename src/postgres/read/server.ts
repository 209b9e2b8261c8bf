/**
 * Owns reads at one PostgreSQL server: a statement with its proof before it and its position after it, in one round
 * trip.
 */
import { MeridianError } from '../../base/errors.ts';
import { laterPosition, type ClusterId, type Position } from '../../base/lineage.ts';
import { type Lsn } from '../../base/lsn.ts';
import { type Row } from '../../model/model.ts';
import {
  type Demand,
  type PrimaryServer,
  type ServerAnswer,
  type ServerQuery,
  type ServerRefusal,
  type SnapshotAnswer,
} from '../../read/ports.ts';
import { type Log } from '../../telemetry/log.ts';
import { type Metrics } from '../../telemetry/metrics.ts';
import { toMeridianError } from '../connect/errors.ts';
import { pastStalePlans } from '../connect/plans.ts';
import { type Connection, type Outcome, type SqlResult, type SqlText } from '../connect/pool-connection.ts';
import { DatabasePool, type PoolLimits } from '../connect/pool.ts';
import { flushedNow, flushedPosition, flushStatement, type FlushPlace } from './flush.ts';
import {
  covers,
  notBehind,
  PROVE,
  readProof,
  readSeen,
  SEEN,
  withoutTimeline,
  type Ground,
  type Seen,
} from './position.ts';
import { OpenSnapshot } from './snapshot.ts';
import { settingsRefused, settingStatements } from '../connect/settings.ts';
import { ReplicaTimeline } from './timeline.ts';

export interface PostgresServerOptions {
  readonly region: string;
  readonly databaseUrl: string;
  readonly limits: PoolLimits;
  /** The cluster that every region's database belongs to; null while it is unknown. */
  readonly cluster: () => ClusterId | null;
  /** For this region's own replica: the watermark. A connection whose server is below it is not used (R4). */
  readonly watermark?: () => Lsn | null;
  readonly log?: Pick<Log, 'debug'>;
  readonly metrics?: Pick<Metrics, 'statements' | 'statementSeconds'> | null;
}

/**
 * `proved`: the position that a replica shows to every later statement; null if its timeline is unknown, or if a
 * primary answered.
 */
type Judged =
  | { readonly kind: 'refused'; readonly refusal: ServerRefusal }
  | { readonly kind: 'proved'; readonly proved: Position | null };

/** Positions that the server had reached before a request, as far as this process knows. */
interface Known {
  readonly shown: Position | null;
  readonly watermark: Lsn | null;
}

/**
 * A primary or a replica: each answer of the server states its role, since roles change. The highest position that a
 * region's server has shown to this process is kept, so that a server that restarts and temporarily shows less is
 * detected on new connections.
 */
export class PostgresServer implements PrimaryServer {
  readonly region: string;
  readonly #options: PostgresServerOptions;
  readonly #pool: DatabasePool;
  readonly #timeline: ReplicaTimeline;
  #shown: Position | null = null;

  constructor(options: PostgresServerOptions) {
    const { region, databaseUrl, limits, cluster, log } = options;
    this.region = region;
    this.#options = options;
    this.#timeline = new ReplicaTimeline({ region, databaseUrl, connectMs: limits.connectMs, log });
    this.#pool = new DatabasePool({
      region,
      databaseUrl,
      limits,
      cluster,
      log,
      applicationName: 'meridian read',
      readOnly: true,
    });
  }

  get pool(): Pick<DatabasePool, 'busy' | 'idle' | 'waiting'> {
    return this.#pool;
  }

  /** Opens connections in advance. */
  warm(): Promise<void> {
    return this.#pool.warm();
  }

  async close(): Promise<void> {
    await this.#pool.close();
  }

  /**
   * The proof precedes the statement's snapshot, and the position follows the statement. Settings are made in a
   * transaction around the statement alone; proof and position are outside of it, since a setting may revoke the
   * rights that they need.
   */
  query(query: ServerQuery): Promise<ServerAnswer> {
    return pastStalePlans(() => this.#query(query));
  }

  #query(query: ServerQuery): Promise<ServerAnswer> {
    return this.#use(query, 'read', async (connection) => {
      const { statement, settings = [] } = query;
      // A primary's position would not do: commits below it need not be visible yet.
      const proof =
        this.#needsProof(connection, query) || (query.prove === true && !connection.primary)
          ? [this.#proof(query)]
          : [];
      const known = this.#known(connection);
      const begin = settings.length === 0 ? [] : [{ text: 'BEGIN READ ONLY' }, ...settingStatements(settings)];
      const end = settings.length === 0 ? [] : [{ text: 'COMMIT' }];
      const outcomes = await connection.outcomes(
        [...proof, ...begin, statement, ...end, this.#seen(connection)],
        this.#answerLimit(proof),
      );
      const judged = proof.length > 0 ? await this.#judge(connection, { ...query, known }, outcomes[0]) : null;
      if (judged?.kind === 'refused') return judged.refusal;
      this.#settled(outcomes.slice(proof.length, proof.length + begin.length));
      const { rows } = this.#result(outcomes[proof.length + begin.length]);
      const last = this.#result(outcomes.at(-1));
      const { role, seen } = this.#rememberNow(connection, last) ?? (await this.#remember(connection, last));
      return { kind: 'rows', rows, seen, role, provedAt: judged?.proved ?? null };
    });
  }

  async snapshot(demand: Demand): Promise<SnapshotAnswer> {
    let given = false;
    return new Promise<SnapshotAnswer>((resolve, reject) => {
      const held = this.#use({ ...demand, signal: undefined }, 'snapshot', async (connection) => {
        // The proof runs before BEGIN, so that it precedes the snapshot, which the first statement after BEGIN takes.
        const proof = this.#needsProof(connection, demand) ? [this.#proof(demand)] : [];
        const known = this.#known(connection);
        // If the role is not known, both statements are sent: after the settings, which may revoke rights, it would be
        // too late.
        const looks = connection.primary
          ? [flushStatement(connection, this.#place)]
          : [SEEN, flushStatement(connection, this.#place)];
        const begin: SqlText[] = [{ text: 'BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY' }, ...looks];
        const outcomes = await connection.outcomes(
          [...proof, ...begin, ...settingStatements(demand.settings)],
          this.#answerLimit(proof),
        );
        const judged = proof.length > 0 ? await this.#judge(connection, { ...demand, known }, outcomes[0]) : null;
        const [began, ...rest] = outcomes.slice(proof.length);
        const [looked, settled] = [rest.slice(0, looks.length), rest.slice(looks.length)];
        if (judged?.kind === 'refused' || settled.some(({ ok }) => !ok))
          await connection.outcomes([{ text: 'ROLLBACK' }]);
        if (judged?.kind === 'refused') return resolve(judged.refusal);
        this.#result(began);
        this.#settled(settled);
        const shown = looked.map((outcome) => this.#result(outcome)).findLast(({ rows }) => rows.length > 0);
        const { role, seen } = await this.#remember(connection, shown ?? NOTHING);
        const session = new OpenSnapshot({
          connection,
          region: this.region,
          role,
          seen,
          count: () => this.#count('snapshot'),
        });
        given = true;
        resolve({ kind: 'open', session });
        await Promise.race([session.closed, connection.ended]);
      });
      held.catch((error: unknown) => {
        // After the session was handed out, its own statements report what happens to the connection.
        if (given)
          this.#options.log?.debug(
            { region: this.region, err: error },
            `A snapshot in region ${this.region} ended with an error.`,
          );
        else reject(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  /** Not below any commit that was acknowledged before the call. */
  position(): Promise<Position> {
    return this.#use({ floor: null }, 'read', async (connection) => {
      const position = await flushedNow(connection, this.#place);
      if (position === null) throw this.#notPrimary();
      return position;
    });
  }

  async #use<T>(
    { signal }: Demand,
    kind: 'read' | 'snapshot',
    work: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    const observe = this.#options.metrics?.statementSeconds.startTimer({ region: this.region, kind });
    this.#count(kind);
    try {
      const done = this.#pool.use(work);
      return signal ? await untilAborted(done, signal) : await done;
    } finally {
      observe?.();
    }
  }

  #count(kind: 'read' | 'snapshot'): void {
    this.#options.metrics?.statements.inc({ region: this.region, kind });
  }

  /**
   * A connection that has shown the floor once stays above it. Whether the server is the primary must be asked each
   * time.
   */
  #needsProof(connection: Connection, demand: Demand): boolean {
    if (demand.asPrimary || connection.shown === null) return true;
    // At the primary a floor is more than a position: commits below it may not be visible yet.
    return demand.floor !== null && (connection.primary || !covers(connection.shown, demand.floor, 'replica'));
  }

  #proof({ unsettled }: Demand): SqlText {
    return { ...PROVE, values: [unsettled === undefined || unsettled.length === 0 ? null : unsettled] };
  }

  #answerLimit(proof: readonly SqlText[]): { answerMs?: number } {
    return proof.length > 0 ? { answerMs: this.#options.limits.connectMs } : {};
  }

  /**
   * The positions that a connection must not be behind if it has shown none yet. They are read before the request,
   * since they grow.
   */
  #known(connection: Connection): Known | null {
    return connection.shown === null ? { shown: this.#shown, watermark: this.#options.watermark?.() ?? null } : null;
  }

  async #judge(
    connection: Connection,
    { floor, asPrimary, known }: Demand & { readonly known: Known | null },
    outcome: Outcome | undefined,
  ): Promise<Judged> {
    const row = this.#result(outcome).rows[0] ?? {};
    const ground = await this.#ground(connection, row);
    const { role, at, unsettled } = readProof(row, ground ?? connection);
    if (asPrimary && role !== 'primary') throw this.#notPrimary();
    const wentBack = known !== null && known.shown !== null && !notBehind(at, known.shown);
    const belowWatermark = known !== null && known.watermark !== null && role === 'replica' && at.lsn < known.watermark;
    if (wentBack || belowWatermark || (floor !== null && (ground === null || !covers(at, floor, role))))
      return { kind: 'refused', refusal: { kind: 'behind', at } };
    if (floor !== null && role === 'primary' && unsettled.length > 0)
      return { kind: 'refused', refusal: { kind: 'settling', unsettled } };
    connection.showed(at, role);
    return { kind: 'proved', proved: role === 'replica' && ground !== null ? at : null };
  }

  /**
   * The cluster and timeline by which the row is read; null if its timeline cannot be determined, so that it proves
   * nothing.
   */
  async #ground(connection: Connection, row: Row): Promise<Ground | null> {
    const lsn = withoutTimeline(row);
    if (lsn === null) return connection;
    const timeline = await this.#timeline.at(lsn);
    return timeline === null
      ? null
      : { cluster: connection.cluster, timeline: Math.max(timeline, connection.timeline) };
  }

  get #place(): FlushPlace {
    return { region: this.region, limits: this.#options.limits };
  }

  /** The last statement of a request. A primary answers it when everything that it has shown is flushed. */
  #seen(connection: Connection): SqlText {
    return connection.primary ? flushStatement(connection, this.#place) : SEEN;
  }

  /** The position if it needs no further request, as is usual; otherwise null. */
  #rememberNow(connection: Connection, { rows: [row] }: SqlResult): Seen | null {
    if (row === undefined || withoutTimeline(row) !== null) return null;
    const seen = readSeen(row, connection);
    return seen.isFlushed ? this.#noted(connection, seen) : null;
  }

  async #remember(connection: Connection, { rows: [row] }: SqlResult): Promise<Seen> {
    if (row === undefined) throw this.#notPrimary();
    const seen = readSeen(row, (await this.#ground(connection, row)) ?? connection);
    return this.#noted(connection, await this.#flushed(connection, row, seen));
  }

  #noted(connection: Connection, seen: Seen): Seen {
    connection.showed(seen.reached, seen.role);
    this.#shown = this.#shown === null ? seen.reached : laterPosition(this.#shown, seen.reached);
    return seen;
  }

  /**
   * If a server turned out to be a primary in answer to a statement that does not wait for a flush, it is asked again.
   */
  async #flushed(connection: Connection, row: Row, seen: Seen): Promise<Seen> {
    if (seen.isFlushed) return seen;
    const at =
      'recovering' in row ? await flushedNow(connection, this.#place) : flushedPosition(row, connection, this.#place);
    if (at === null) throw this.#notPrimary();
    return { ...seen, seen: at, reached: at, isFlushed: true };
  }

  #result(outcome: Outcome | undefined): SqlResult {
    if (outcome?.ok) return outcome.result;
    throw toMeridianError(outcome?.error, { region: this.region });
  }

  /**
   * Throws unless the transaction began and every setting was made: otherwise the statement ran without them, and its
   * rows must not be used.
   */
  #settled(outcomes: readonly Outcome[]): void {
    for (const outcome of outcomes) if (!outcome.ok) throw settingsRefused(outcome.error, this.region);
  }

  #notPrimary(): MeridianError {
    return new MeridianError({
      code: 'PRIMARY_UNAVAILABLE',
      message: `The database of region ${this.region} is not writable: it is a replica now; try again when the new primary is known.`,
      details: { region: this.region },
    });
  }
}

const NOTHING: SqlResult = { rows: [], rowCount: 0, command: '' };

/** Rejects when `signal` aborts. Statements already sent run to their end on the server. */
function untilAborted<T>(done: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    signal.addEventListener('abort', abort, { once: true });
    void done.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
