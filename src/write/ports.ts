/** Owns the ports of writing: transactions at the primary, with the position that their commit reached. */
import { type Position } from '../base/lineage.ts';
import { type Durability, type Row, type Table } from '../model/model.ts';
import { type Setting, type Statement } from '../read/ports.ts';

/** Rows of one statement and how many rows it touched. */
export interface StatementResult {
  readonly rows: readonly Row[];
  readonly rowCount: number;
}

/** A committed transaction's results, in statement order, and a position not below its commit. */
export interface Committed<T> {
  readonly result: T;
  readonly position: Position;
  /** Statements sent and WAN round trips spent, for `extensions` and metrics. */
  readonly roundTrips: number;
}

export type IsolationLevel = 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';

export interface TransactionOptions {
  readonly isolation?: IsolationLevel;
  /** Extra invalidation tags, committed with the data in one logical message. */
  readonly tags?: readonly string[];
  /**
   * Under which its statements run (row-level security), set in the transaction's first round trip and gone with it.
   */
  readonly settings?: readonly Setting[];
  /**
   * Told where the primary stood when it had refused the transaction, as far as that is known: its error tells of what
   * was there (a key that is taken, say), so that whoever hears of it has seen the primary as of that position. Also
   * told where the transaction is committed and could not be confirmed as it was to be: then that position covers it.
   */
  readonly onRefused?: (position: Position) => void;
  readonly signal?: AbortSignal;
  /**
   * The one table that its statements write, by which an error can tell columns where the database names only a domain.
   */
  readonly table?: Table;
  /**
   * How many servers must have the transaction before it is acknowledged; null or left out: as the option `durability`
   * says.
   */
  readonly durability?: Durability | null;
}

/** Inside `transaction(fn)`: statements run at the primary, in order, and see their own writes. */
export interface Transaction {
  query(statement: Statement | string, values?: readonly unknown[]): Promise<StatementResult>;
  /** Adds an invalidation tag to this transaction's logical message. */
  tag(tag: string): void;
}

export interface WriteServer {
  /**
   * Statements that do not depend on each other, in one transaction and one round trip: BEGIN, statements, logical
   * message, COMMIT and the position go out together. Throws `PRIMARY_UNAVAILABLE` (nothing written),
   * `WRITE_OUTCOME_UNKNOWN`, `CONSTRAINT_VIOLATION`, `TRANSACTION_CONFLICT`, `DURABILITY_UNAVAILABLE` (nothing
   * written), `DURABILITY_UNCONFIRMED` (committed at the primary, perhaps nowhere else) or `DATABASE_ERROR`.
   */
  pipelined(
    statements: readonly Statement[],
    options?: TransactionOptions,
  ): Promise<Committed<readonly StatementResult[]>>;
  /** An interactive transaction, retried on serialization failure and deadlock up to the configured limit. */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<Committed<T>>;
}
