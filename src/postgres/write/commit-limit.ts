/**
 * Owns the limit on the time that COMMIT waits for standbys.
 *
 * The server's own limits do not help: `statement_timeout` and `transaction_timeout` are disabled before a commit
 * waits (finish_xact_command and CommitTransaction, tested with PostgreSQL 18), and if the client disconnects, the
 * session keeps waiting and keeps its locks. A cancel ends the wait: COMMIT is then answered, with a warning that the
 * transaction is committed locally only. It is sent only to a session that waits for a standby at that moment, and
 * over a connection of its own, since all connections of the pool may be waiting.
 */
import { sleep } from '../../base/clock.ts';
import { Backoff } from '../../base/backoff.ts';
import { type Options } from '../../config/options.ts';
import { type Log } from '../../telemetry/log.ts';
import { type Connection, type Outcome } from '../connect/pool-connection.ts';
import { closeClient, openClient } from '../connect/open.ts';

export interface CommitLimitOptions {
  readonly region: string;
  readonly databaseUrl: string;
  readonly limits: Pick<Options, 'durabilityMs' | 'connectMs' | 'statementMs'>;
  readonly log?: Pick<Log, 'debug'> | undefined;
}

/** The last statements of a transaction. */
export interface Committing {
  /** The outcome of `COMMITS`; if it succeeds, the server continues with COMMIT. */
  readonly commits: Promise<Outcome> | undefined;
  readonly commit: Promise<Outcome> | undefined;
}

const CANCEL = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = ANY ($1::int[]) AND wait_event = 'SyncRep'`;
/** Interval between two cancels of one COMMIT, which may have been waiting for something else at the first one. */
const AGAIN = { firstMs: 100, maxMs: 1_000 };
const ANSWERED = 'COMMIT is answered';
/** Maximum number of consecutive cancels that fail to reach the server; then the connection is closed. */
const MAX_FAILURES = 2;

export class CommitLimit {
  readonly #options: CommitLimitOptions;
  readonly #due = new Set<number>();
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<boolean> | null = null;

  constructor(options: CommitLimitOptions) {
    this.#options = options;
  }

  /**
   * Upper bound of the time in which a COMMIT, and the statement after it, are answered; after that the connection is
   * closed.
   */
  get answerMs(): number {
    const { statementMs, connectMs, durabilityMs } = this.#options.limits;
    return statementMs + durabilityMs + (1 + MAX_FAILURES) * connectMs;
  }

  /**
   * Cancels COMMIT's wait when it exceeds its limit. Resolves when COMMIT is answered and no cancel is in flight that
   * could hit a later statement.
   */
  async hold(connection: Connection, { commits, commit }: Committing): Promise<void> {
    const before = await commits;
    if (commit === undefined || !before?.ok) return;
    const pid = Number(before.result.rows[0]?.['pid']);
    const answered = new AbortController();
    // Without an explicit reason, `abort` creates an error with its stack: 3 % of a write.
    void commit.then(() => answered.abort(ANSWERED));
    const again = new Backoff(AGAIN);
    let failures = 0;
    for (
      let pauseMs = this.#options.limits.durabilityMs;
      await sleep(pauseMs, answered.signal);
      pauseMs = again.nextMs()
    ) {
      failures = (await this.#cancel(pid)) ? 0 : failures + 1;
      if (failures >= MAX_FAILURES && !answered.signal.aborted) connection.destroy();
    }
  }

  /**
   * One connection at a time cancels all that are due; a COMMIT that becomes due while it is busy is included in the
   * next one. Resolves to whether the server was reached.
   */
  #cancel(pid: number): Promise<boolean> {
    this.#due.add(pid);
    this.#next ??= this.#running.then(() => {
      const pids = [...this.#due];
      this.#due.clear();
      this.#next = null;
      const sent = this.#send(pids);
      this.#running = sent;
      return sent;
    });
    return this.#next;
  }

  async #send(pids: readonly number[]): Promise<boolean> {
    const {
      region,
      databaseUrl,
      limits: { connectMs },
      log,
    } = this.#options;
    try {
      const client = await openClient({
        databaseUrl,
        applicationName: 'meridian cancel',
        connectMs,
        statementMs: connectMs,
      });
      try {
        await client.query(CANCEL, [pids]);
      } finally {
        await closeClient(client);
      }
      return true;
    } catch (error) {
      log?.debug({ region, err: error }, `A commit's wait for standbys in region ${region} could not be ended.`);
      return false;
    }
  }
}
