/** Owns an open REPEATABLE READ transaction: its statements one by one, its end, and the connection until then. */
import { MeridianError } from '../../base/errors.ts';
import { type Position } from '../../base/lineage.ts';
import { type Row } from '../../model/model.ts';
import { type SnapshotSession, type Statement } from '../../read/ports.ts';
import { type Role } from '../../region/view.ts';
import { toMeridianError } from '../connect/errors.ts';
import { pastStalePlans } from '../connect/plans.ts';
import { type Connection } from '../connect/pool-connection.ts';
import { REWRITTEN } from './rewritten.ts';

export interface OpenSnapshotOptions {
  readonly connection: Connection;
  readonly region: string;
  readonly role: Role;
  readonly seen: Position;
  /** Called once for each statement. */
  readonly count: () => void;
}

export class OpenSnapshot implements SnapshotSession {
  readonly role: Role;
  readonly seen: Position;
  /** Resolves when the transaction has ended and the connection can be returned to the pool. */
  readonly closed: Promise<void>;
  readonly #options: OpenSnapshotOptions;
  readonly #end: () => void;
  #ended = false;
  #failed = false;

  constructor(options: OpenSnapshotOptions) {
    this.#options = options;
    this.role = options.role;
    this.seen = options.seen;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    this.#end = resolve;
  }

  query(statement: Statement): Promise<readonly Row[]> {
    return pastStalePlans(() => this.#query(statement));
  }

  async #query(statement: Statement): Promise<readonly Row[]> {
    const { connection, region, count } = this.#options;
    if (this.#ended)
      throw new MeridianError({
        code: 'DATABASE_ERROR',
        message: 'The snapshot has ended already; read before the operation is answered.',
      });
    count();
    // The savepoint keeps a failed statement from aborting the whole transaction. Everything is sent together.
    const repair = this.#failed
      ? [{ text: 'ROLLBACK TO SAVEPOINT meridian' }, { text: 'RELEASE SAVEPOINT meridian' }]
      : [];
    const outcomes = await connection.outcomes([
      ...repair,
      { text: 'SAVEPOINT meridian' },
      statement,
      REWRITTEN,
      { text: 'RELEASE SAVEPOINT meridian' },
    ]);
    const [outcome, rewritten] = outcomes.slice(-3);
    this.#failed = outcome?.ok !== true || rewritten?.ok !== true;
    if (outcome?.ok !== true) throw toMeridianError(outcome?.error, { region });
    if (rewritten?.ok !== true) throw toMeridianError(rewritten?.error, { region });
    if (rewritten.result.rows.length === 0) return outcome.result.rows;
    throw new MeridianError({
      code: 'TRANSACTION_CONFLICT',
      message:
        'A table was truncated, rewritten or replaced while the snapshot of the operation was open, which cannot show its rows any more; try again.',
      details: { region, outdatedSnapshot: true },
    });
  }

  async close(): Promise<void> {
    if (this.#ended) return;
    this.#ended = true;
    // The outcome is not checked: the pool does not reuse a connection that is not idle afterwards.
    await this.#options.connection.outcomes([{ text: 'ROLLBACK' }]);
    this.#end();
  }
}
