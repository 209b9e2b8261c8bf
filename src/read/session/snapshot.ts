/**
 * Owns an operation's snapshot: one transaction on one server, opened by the first statement, with the others behind
 * it.
 */
import { isMeridianError, MeridianError } from '../../base/errors.ts';
import { type Row } from '../../model/model.ts';
import { isRecoveryConflict } from './run.ts';
import { type Executor, type SnapshotSession, type Statement } from '../ports.ts';

export interface SnapshotOpened {
  readonly session: SnapshotSession;
  readonly region: string;
}

export interface SnapshotReadsOptions {
  readonly open: (avoid: readonly string[]) => Promise<SnapshotOpened>;
  /** The region's server could not be reached. */
  readonly failed: (region: string, error: unknown) => void;
}

/** Snapshots opened, at most, before the first row of one is out. */
const MAX_OPENINGS = 4;

/**
 * Statements queue: a transaction runs one at a time. Until the first rows are out a snapshot that breaks is opened
 * again, elsewhere where its server is to blame; afterwards another snapshot would not be the same state, so that the
 * failure is the operation's.
 */
export class SnapshotReads implements Executor {
  readonly #options: SnapshotReadsOptions;
  readonly #avoid: string[] = [];
  #opened: Promise<SnapshotOpened> | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #openings = 0;
  #delivered = false;
  #closed = false;

  constructor(options: SnapshotReadsOptions) {
    this.#options = options;
  }

  query(statement: Statement): Promise<readonly Row[]> {
    const result = this.#last.then(() => this.#queryNow(statement));
    // The next statement runs whatever became of this one, whose failure its own caller hears of.
    this.#last = result.catch(() => undefined);
    return result;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    await this.#end();
  }

  async #queryNow(statement: Statement): Promise<readonly Row[]> {
    for (;;) {
      if (this.#closed)
        throw new MeridianError({
          code: 'DATABASE_ERROR',
          message: 'The operation has ended, and its snapshot with it; read before the answer is sent.',
        });
      this.#opened ??= this.#open();
      const { session, region } = await this.#opened.catch((error: unknown) => {
        this.#opened = null;
        throw error;
      });
      try {
        const rows = await session.query(statement);
        this.#delivered = true;
        return rows;
      } catch (error) {
        const unreachable = isMeridianError(error, 'REGION_UNAVAILABLE');
        if (unreachable) this.#options.failed(region, error);
        const isServers = unreachable || isRecoveryConflict(error);
        if (this.#delivered || this.#openings >= MAX_OPENINGS || !(isServers || isOutdated(error))) throw error;
        if (isServers) this.#avoid.push(region);
        await this.#end();
      }
    }
  }

  #open(): Promise<SnapshotOpened> {
    this.#openings += 1;
    return this.#options.open(this.#avoid);
  }

  async #end(): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    if (opened === null) return;
    // An opening that failed has told its statement; there is nothing to end.
    const session = await opened.then(
      (one) => one.session,
      () => null,
    );
    await session?.close();
  }
}

/** A table was truncated, rewritten or replaced since the snapshot was taken: a new one on the same server shows it. */
function isOutdated(error: unknown): boolean {
  return isMeridianError(error, 'TRANSACTION_CONFLICT') && error.details['outdatedSnapshot'] === true;
}
