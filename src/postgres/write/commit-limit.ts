/**
 * Owns that no COMMIT waits for standbys without an end.
 *
 * The server's own limits do not help: `statement_timeout` and `transaction_timeout` are switched off before a commit
 * waits (finish_xact_command and CommitTransaction, tried with PostgreSQL 18), and a client that goes away leaves the
 * session waiting with its locks. A cancel ends the wait: COMMIT is then answered, with a warning that the transaction
 * is committed here alone. It is sent only to a session that waits for a standby at that moment, and by a connection of
 * its own, since all of the pool's may be waiting.
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

/** What is sent last in a transaction. */
export interface Committing {
  /** The answer to `COMMITS`: with it the server goes on to COMMIT. */
  readonly commits: Promise<Outcome> | undefined;
  readonly commit: Promise<Outcome> | undefined;
}

const CANCEL = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = ANY ($1::int[]) AND wait_event = 'SyncRep'`;
/** Between two cancels of one COMMIT, which may have been waiting for something else at the first one. */
const AGAIN = { firstMs: 100, maxMs: 1_000 };
const ANSWERED = 'COMMIT is answered';
/** Cancels in a row that did not reach the server, after which the connection is given up. */
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
   * Longest time within which a COMMIT, and what is sent behind it, is answered; the driver then gives the connection
   * up.
   */
  get answerMs(): number {
    const { statementMs, connectMs, durabilityMs } = this.#options.limits;
    return statementMs + durabilityMs + (1 + MAX_FAILURES) * connectMs;
  }

  /**
   * Ends COMMIT's wait when it is over its limit. Resolves when COMMIT is answered and no cancel is under way that
   * could hit what comes after it.
   */
  async hold(connection: Connection, { commits, commit }: Committing): Promise<void> {
    const before = await commits;
    if (commit === undefined || !before?.ok) return;
    const pid = Number(before.result.rows[0]?.['pid']);
    const answered = new AbortController();
    // Without a reason of one's own an error is made, with its stack: 3 % of a write.
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
   * One connection at a time for all that are due; whoever comes while it is busy goes with the next one. Resolves to
   * whether the server was reached.
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
