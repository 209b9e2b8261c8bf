/** Owns the ports of reading: statements in, rows out, and the servers that a statement can run on. */
import { type Position } from '../base/lineage.ts';
import { type Row } from '../model/model.ts';

/** A parameterised SQL statement. The same `name` always carries the same `text`: it is prepared once per connection. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Runs statements under one requirement. Implementations decide where; callers never see lag or retries (R9). */
export interface Executor {
  query(statement: Statement): Promise<readonly Row[]>;
}

/** What a server answered. */
export type ServerAnswer =
  /** `seen`: not below any position that the rows came from (R6). */
  | { readonly kind: 'rows'; readonly rows: readonly Row[]; readonly seen: Position }
  /** The server has not reached the floor; nothing was read. */
  | { readonly kind: 'behind'; readonly at: Position }
  /** The primary is still making a commit below the floor visible (R5's corner); ask again in a moment. */
  | { readonly kind: 'settling' };

export interface ServerQuery {
  readonly statement: Statement;
  /** The server must prove this position on the same connection, before the statement or in it. */
  readonly floor: Position | null;
  readonly signal?: AbortSignal;
}

/** One REPEATABLE READ transaction on one server. */
export interface SnapshotSession {
  readonly seen: Position;
  query(statement: Statement): Promise<readonly Row[]>;
  /** Ends the transaction and gives the connection back; never throws. */
  close(): Promise<void>;
}

export type SnapshotAnswer = { readonly kind: 'open'; readonly session: SnapshotSession } | Exclude<ServerAnswer, { kind: 'rows' }>;

/**
 * One PostgreSQL server, primary or replica, as this region reaches it. Connection failures throw
 * `REGION_UNAVAILABLE`; a statement's own failure throws `DATABASE_ERROR` and is never retried elsewhere.
 */
export interface ReadServer {
  readonly region: string;
  query(query: ServerQuery): Promise<ServerAnswer>;
  snapshot(floor: Position | null): Promise<SnapshotAnswer>;
}

/** The writable server also tells its position now (a read index, one round trip). */
export interface PrimaryServer extends ReadServer {
  position(): Promise<Position>;
}
