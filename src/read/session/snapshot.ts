/**
 * Owns an operation's snapshot: one transaction on one server, opened by the first statement and shared by the others.
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

/** Maximum number of attempts to open a snapshot before its first rows are returned. */
const MAX_OPENINGS = 4;

/**
 * Statements run one after another, since a transaction runs one at a time. Until the first rows are returned, a failed
 * snapshot is opened again, on another server if the server was at fault. Afterwards a new snapshot would show another
 * state, so the failure is returned to the operation.
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
    // The next statement runs even if this one fails; this one's caller gets the failure.
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
    // If opening failed, its statement has received the error, and there is nothing to close.
    const session = await opened.then(
      (one) => one.session,
      () => null,
    );
    await session?.close();
  }
}

/**
 * Whether a table was truncated, rewritten or replaced since the snapshot was taken. A new snapshot on the same server
 * shows the table.
 */
function isOutdated(error: unknown): boolean {
  return isMeridianError(error, 'TRANSACTION_CONFLICT') && error.details['outdatedSnapshot'] === true;
}
