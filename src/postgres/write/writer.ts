/** Owns writes: transactions at the region whose server is the primary, in as few round trips as possible. */
import { isMeridianError, MeridianError } from '../../base/errors.ts';
import { type ClusterId, type Position } from '../../base/lineage.ts';
import { type Options } from '../../config/options.ts';
import { type Table } from '../../model/model.ts';
import { type Statement } from '../../read/ports.ts';
import { type RegionView } from '../../region/view.ts';
import { type Log } from '../../telemetry/log.ts';
import { type Metrics } from '../../telemetry/metrics.ts';
import {
  type Committed,
  type StatementResult,
  type Transaction,
  type TransactionOptions,
  type WriteServer,
} from '../../write/ports.ts';
import { retried, type Try } from '../../write/transaction.ts';
import { CommitLimit } from './commit-limit.ts';
import { durabilityAsked, durabilityStatements } from './durability.ts';
import { type Connection } from '../connect/pool-connection.ts';
import { DatabasePool, type PoolLimits } from '../connect/pool.ts';
import { EndOfTransaction } from './position.ts';
import { flushedNow, type FlushPlace } from '../read/flush.ts';
import { COMMITS, INDEX, TRIGGERS } from '../read/position.ts';
import { settingStatements } from '../connect/settings.ts';
import { columnsAsked, withColumns } from './violated.ts';
import { beginText, judgeCommit, messageOfTags, commitOutcomeUnknown, notWritable } from './commit.ts';
import { InteractiveTransaction } from './transaction.ts';

export type WriteLimits = PoolLimits &
  Pick<Options, 'transactionRetries' | 'transactionRetryMs' | 'transactionMs' | 'durability' | 'durabilityMs'>;

export interface PostgresWriterOptions {
  readonly view: Pick<RegionView, 'primary' | 'reachable' | 'reportFailure' | 'refresh'>;
  /** Every region's database URL by region name. */
  readonly databaseUrls: ReadonlyMap<string, string>;
  readonly limits: WriteLimits;
  readonly cluster: () => ClusterId | null;
  /** Called with each commit's position: the primary has reached at least that. */
  readonly onCommit?: (position: Position) => void;
  readonly log?: Pick<Log, 'debug'>;
  readonly metrics?: Pick<Metrics, 'statements' | 'statementSeconds' | 'writes' | 'writeRoundTrips'> | null;
}

/** Connections are opened when a region is first written to: normally one region, and another one after a failover. */
export class PostgresWriter implements WriteServer {
  readonly #options: PostgresWriterOptions;
  readonly #pools = new Map<string, DatabasePool>();
  readonly #commitLimits = new Map<string, CommitLimit>();

  constructor(options: PostgresWriterOptions) {
    this.#options = options;
  }

  /** Opens connections to the primary in advance; without a known primary nothing is opened. */
  async warm(): Promise<void> {
    const { view, databaseUrls } = this.#options;
    const databaseUrl = view.primary === null ? undefined : databaseUrls.get(view.primary);
    if (view.primary !== null && databaseUrl !== undefined && view.reachable(view.primary))
      await this.#poolOf(view.primary, databaseUrl).warm();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }

  async pipelined(
    statements: readonly Statement[],
    options: TransactionOptions = {},
  ): Promise<Committed<readonly StatementResult[]>> {
    const durability = durabilityAsked(options.durability, this.#options.limits.durability);
    return this.#counted(options, (pool, tries, { onRefused }) =>
      pool.use(async (connection) => {
        const message = messageOfTags(options.tags ?? []);
        const limit = this.#commitLimit(pool.region);
        const commit = [
          TRIGGERS,
          COMMITS,
          { text: 'COMMIT', answerMs: limit.answerMs },
          { ...INDEX, answerMs: limit.answerMs },
        ];
        const settings = [...durabilityStatements(durability), ...settingStatements(options.settings)];
        const sent = [{ text: beginText(options.isolation) }, ...settings, ...statements, ...message, ...commit];
        this.#count(pool.region, sent.length);
        if (connection.broken) return notSent(pool.region);
        const { connectMs, durabilityMs } = this.#options.limits;
        const answers = connection.send(sent, { answerMs: connectMs });
        const [asked, committing] = answers.slice(-3);
        await limit.hold(connection, { commits: asked, commit: committing });
        const outcomes = await Promise.all(answers);
        const [commits, , index] = outcomes.slice(-3);
        const verdict = judgeCommit(
          outcomes.slice(0, -1),
          { region: pool.region, settings: settings.length, durability, durabilityMs },
          { waitGivenUp: connection.takeWaitGivenUp(), index },
        );
        const end = new EndOfTransaction({ connection, index, commits, place: this.#placeOf(pool.region) });
        if (verdict.kind === 'failed') {
          const refused = await end.known();
          if (refused !== null) onRefused(refused);
          return verdict;
        }
        const position = (await end.committed()) ?? (await this.#positionAgain(pool.region));
        const result = verdict.results
          .slice(1 + settings.length, 1 + settings.length + statements.length)
          .map(({ rows, rowCount }) => ({ rows, rowCount }));
        return { kind: 'done', value: { result, position, roundTrips: tries + 1 + end.roundTrips } };
      }),
    );
  }

  async transaction<T>(work: (tx: Transaction) => Promise<T>, options: TransactionOptions = {}): Promise<Committed<T>> {
    const durability = durabilityAsked(options.durability, this.#options.limits.durability);
    const deadlineMs = performance.now() + this.#options.limits.transactionMs;
    return this.#counted(options, (pool, tries, { onRefused }) =>
      pool.use(async (connection) => {
        if (connection.broken) return notSent(pool.region);
        const { connectMs, durabilityMs } = this.#options.limits;
        const tx = new InteractiveTransaction({
          connection,
          region: pool.region,
          options: { ...options, onRefused },
          answerMs: connectMs,
          durability,
          durabilityMs,
          commitLimit: this.#commitLimit(pool.region),
          place: this.#placeOf(pool.region),
          count: (n) => this.#count(pool.region, n),
        });
        const verdict = await tx.run(work, deadlineMs);
        if (verdict.kind === 'failed') return verdict;
        const position = verdict.position ?? (await this.#positionAgain(pool.region));
        return { kind: 'done', value: { result: verdict.result, position, roundTrips: tries + tx.roundTrips } };
      }),
    );
  }

  async #counted<T>(
    options: TransactionOptions,
    attempt: (
      pool: DatabasePool,
      tries: number,
      told: Required<Pick<TransactionOptions, 'onRefused'>>,
    ) => Promise<Try<Committed<T>>>,
  ): Promise<Committed<T>> {
    const { metrics, limits, onCommit } = this.#options;
    let isTold = false;
    const onRefused = (position: Position): void => {
      isTold = true;
      options.onRefused?.(position);
    };
    try {
      const committed = await retried(
        (tries) => this.#tryOnce((pool) => attempt(pool, tries, { onRefused }), options.table),
        { retries: limits.transactionRetries, firstMs: limits.transactionRetryMs, signal: options.signal },
      );
      metrics?.writes.inc({ outcome: 'committed' });
      metrics?.writeRoundTrips.observe(committed.roundTrips);
      onCommit?.(committed.position);
      return committed;
    } catch (error) {
      metrics?.writes.inc({ outcome: isMeridianError(error) ? error.code : 'aborted' });
      // The transaction has committed and its connection is lost. If the server is lost too, the position cannot be
      // read; the error already says everything.
      if (!isTold && isMeridianError(error, 'DURABILITY_UNCONFIRMED'))
        await this.#positionAgain(String(error.details['region'])).then(onRefused, () => undefined);
      throw error;
    }
  }

  async #tryOnce<T>(attempt: (pool: DatabasePool) => Promise<Try<T>>, table: Table | undefined): Promise<Try<T>> {
    const pool = await this.#primary();
    const stop = this.#options.metrics?.statementSeconds.startTimer({ region: pool.region, kind: 'write' });
    try {
      const outcome = await attempt(pool);
      if (outcome.kind === 'done') return outcome;
      this.#learn(pool.region, outcome.error);
      return { ...outcome, error: await this.#explained(pool, outcome.error, table) };
    } catch (error) {
      // The pool could not provide a connection, so nothing has been sent.
      if (!isMeridianError(error, 'REGION_UNAVAILABLE')) throw error;
      this.#learn(pool.region, error);
      throw new MeridianError({
        code: 'PRIMARY_UNAVAILABLE',
        message: `The primary in region ${pool.region} cannot be reached; nothing was written. Try again shortly.`,
        details: { region: pool.region },
        cause: error,
      });
    } finally {
      stop?.();
    }
  }

  /** Adds the columns of a constraint if the server's error does not name them. */
  async #explained(pool: DatabasePool, error: unknown, table: Table | undefined): Promise<unknown> {
    const asked = isMeridianError(error) ? columnsAsked(error, table) : null;
    if (!isMeridianError(error) || asked === null) return error;
    try {
      const [answer] = await pool.use((connection) =>
        connection.pipeline([asked], { answerMs: this.#options.limits.connectMs }),
      );
      return withColumns(error, (answer?.rows[0]?.['columns'] as readonly string[] | undefined) ?? []);
    } catch (failure) {
      this.#options.log?.debug(
        { region: pool.region, err: failure },
        'The columns of a constraint could not be looked up.',
      );
      return error;
    }
  }

  /** The server is not the primary or cannot be reached: the state of the regions is outdated. */
  #learn(region: string, error: unknown): void {
    const { view, log } = this.#options;
    if (isMeridianError(error, 'REGION_UNAVAILABLE')) view.reportFailure(region, error);
    else if (isMeridianError(error, 'PRIMARY_UNAVAILABLE'))
      view.refresh().catch((failure: unknown) => log?.debug({ err: failure }, 'Looking for the primary failed.'));
  }

  async #primary(): Promise<DatabasePool> {
    const { view } = this.#options;
    if (view.primary === null || !view.reachable(view.primary)) await view.refresh();
    const region = view.primary;
    const databaseUrl = region === null ? undefined : this.#options.databaseUrls.get(region);
    if (region === null || databaseUrl === undefined || !view.reachable(region)) {
      throw new MeridianError({
        code: 'PRIMARY_UNAVAILABLE',
        message:
          'No region is known to be writable and within reach; nothing was written. Try again when the failover has finished.',
      });
    }
    return this.#poolOf(region, databaseUrl);
  }

  #poolOf(region: string, databaseUrl: string): DatabasePool {
    let pool = this.#pools.get(region);
    if (pool === undefined) {
      const { limits, cluster, log } = this.#options;
      // Read-only unless a transaction is read-write: if BEGIN fails, the statements after it must not commit one by
      // one.
      pool = new DatabasePool({
        region,
        databaseUrl,
        limits,
        cluster,
        log,
        applicationName: 'meridian write',
        readOnly: true,
      });
      this.#pools.set(region, pool);
    }
    return pool;
  }

  #placeOf(region: string): FlushPlace {
    return { region, limits: this.#options.limits };
  }

  #commitLimit(region: string): CommitLimit {
    let limit = this.#commitLimits.get(region);
    if (limit === undefined) {
      const { databaseUrls, limits, log } = this.#options;
      limit = new CommitLimit({ region, databaseUrl: databaseUrls.get(region) ?? '', limits, log });
      this.#commitLimits.set(region, limit);
    }
    return limit;
  }

  /**
   * The commit is certain, but its position was lost with the connection: any later position of the primary covers it.
   */
  async #positionAgain(region: string): Promise<Position> {
    const databaseUrl = this.#options.databaseUrls.get(region);
    if (databaseUrl === undefined) throw commitOutcomeUnknown(region, true, undefined);
    try {
      return await this.#poolOf(region, databaseUrl).use(async (connection: Connection) => {
        const position = await flushedNow(connection, this.#placeOf(region));
        if (position === null) throw notWritable(region, undefined);
        return position;
      });
    } catch (error) {
      throw commitOutcomeUnknown(region, true, error);
    }
  }

  #count(region: string, statements: number): void {
    this.#options.metrics?.statements.inc({ region, kind: 'write' }, statements);
  }
}

/** The connection broke while it was idle: nothing was sent, and another connection is used. */
function notSent(region: string): Try<never> {
  return {
    kind: 'failed',
    error: new MeridianError({
      code: 'PRIMARY_UNAVAILABLE',
      message: `The connection to the primary in region ${region} was lost before anything was sent; nothing was written. Try again.`,
      details: { region },
    }),
    again: true,
  };
}
