/** Owns an operation's snapshot: one transaction on one server, opened by the first statement, with the others behind it. */
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { type Row } from '../model/model.ts';
import { isRecoveryConflict } from './engine-run.ts';
import { type Executor, type SnapshotSession, type Statement } from './ports.ts';

export interface SnapshotOpened {
  readonly session: SnapshotSession;
  readonly region: string;
}

export interface SnapshotReadsOptions {
  readonly open: (avoid: readonly string[]) => Promise<SnapshotOpened>;
  /** The region's server could not be reached. */
  readonly failed: (region: string, error: unknown) => void;
}

/** Regions tried, at most, before the first row of a snapshot is out. */
const MAX_OPENINGS = 4;

/**
 * Statements queue: a transaction runs one at a time. Until the first rows are out a snapshot that breaks is opened
 * elsewhere; afterwards another snapshot would not be the same state, so that the failure is the operation's.
 */
export class SnapshotReads implements Executor {
  readonly #options: SnapshotReadsOptions;
  readonly #avoid: string[] = [];
  #opened: Promise<SnapshotOpened> | null = null;
  #last: Promise<unknown> = Promise.resolve();
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
      if (this.#closed) throw new MeridianError({ code: 'DATABASE_ERROR', message: 'The operation has ended, and its snapshot with it; read before the answer is sent.' });
      this.#opened ??= this.#options.open(this.#avoid);
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
        if (this.#delivered || this.#avoid.length + 1 >= MAX_OPENINGS || !(unreachable || isRecoveryConflict(error))) throw error;
        this.#avoid.push(region);
        await this.#end();
      }
    }
  }

  async #end(): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    if (opened === null) return;
    // An opening that failed has told its statement; there is nothing to end.
    const session = await opened.then((one) => one.session, () => null);
    await session?.close();
  }
}
