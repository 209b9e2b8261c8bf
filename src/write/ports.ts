/** Owns the ports of writing: transactions on the primary, and the position that their commit reached. */
import { type Position } from '../base/lineage.ts';
import { type Durability, type Row, type Table } from '../model/model.ts';
import { type Setting, type Statement } from '../read/ports.ts';

/** The rows of one statement, and the number of rows that it touched. */
export interface StatementResult {
  readonly rows: readonly Row[];
  readonly rowCount: number;
}

/** A committed transaction's results, in statement order, and a position not below its commit. */
export interface Committed<T> {
  readonly result: T;
  readonly position: Position;
  /** The WAN round trips of the transaction, for `extensions` and metrics. */
  readonly roundTrips: number;
}

export type IsolationLevel = 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE';

export interface TransactionOptions {
  readonly isolation?: IsolationLevel;
  /** Extra invalidation tags, committed with the data in one logical message. */
  readonly tags?: readonly string[];
  /**
   * Settings under which its statements run (row-level security). They are set in the transaction's first round trip
   * and end with it.
   */
  readonly settings?: readonly Setting[];
  /**
   * Called with the primary's position after it has rejected the transaction, if known. The error reveals state (such
   * as an existing key), so the client has seen the primary as of that position. Also called where the transaction
   * committed but its durability could not be confirmed; then the position covers the commit.
   */
  readonly onRefused?: (position: Position) => void;
  readonly signal?: AbortSignal;
  /**
   * The only table that its statements write. With it an error can name columns where the database names only a domain.
   */
  readonly table?: Table;
  /**
   * How many servers must have the transaction before it is acknowledged; null or omitted means the option
   * `durability`.
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
   * Runs independent statements in one transaction and one round trip: BEGIN, the statements, the logical message,
   * COMMIT and the read of the position are sent together. Throws `PRIMARY_UNAVAILABLE` (nothing written),
   * `WRITE_OUTCOME_UNKNOWN`, `CONSTRAINT_VIOLATION`, `TRANSACTION_CONFLICT`, `DURABILITY_UNAVAILABLE` (nothing
   * written), `DURABILITY_UNCONFIRMED` (committed on the primary, perhaps nowhere else) or `DATABASE_ERROR`.
   */
  pipelined(
    statements: readonly Statement[],
    options?: TransactionOptions,
  ): Promise<Committed<readonly StatementResult[]>>;
  /** An interactive transaction, retried on serialization failure and deadlock up to the configured limit. */
  transaction<T>(work: (tx: Transaction) => Promise<T>, options?: TransactionOptions): Promise<Committed<T>>;
}
