/** Owns the ports of reading: statements in, rows out, and the servers that a statement can run on. */
import { type Position } from '../base/lineage.ts';
import { type Row } from '../model/model.ts';
import { type Role } from '../region/view.ts';

/** A parameterised SQL statement. The same `name` always carries the same `text`: it is prepared once per connection; an empty name is not prepared. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Runs statements under one requirement. Implementations decide where; callers never see lag or retries (R9). */
export interface Executor {
  query(statement: Statement): Promise<readonly Row[]>;
}

/** What a server must prove before it may answer. */
export interface Demand {
  /** The server must prove this position on the same connection, before the statement's snapshot is taken. */
  readonly floor: Position | null;
  /** Only the writable server may answer: one that is in recovery throws `PRIMARY_UNAVAILABLE`. */
  readonly asPrimary?: boolean | undefined;
  /** What an earlier `settling` answer named: only these commits are still waited for. */
  readonly unsettled?: readonly string[] | undefined;
  /** Aborts by throwing what the signal was aborted with; what the server has begun, it ends within its own limits. */
  readonly signal?: AbortSignal | undefined;
}

export interface ServerQuery extends Demand {
  readonly statement: Statement;
}

/** Why a server did not answer although it could be reached. */
export type ServerRefusal =
  /** The server has not reached the floor; nothing was read. */
  | { readonly kind: 'behind'; readonly at: Position }
  /** The primary is still making commits visible that may lie below the floor (R5's corner); ask again in a moment. */
  | { readonly kind: 'settling'; readonly unsettled: readonly string[] };

/** What a server answered. */
export type ServerAnswer =
  /** `seen`: not below any position that the rows came from (R6). */
  { readonly kind: 'rows'; readonly rows: readonly Row[]; readonly seen: Position; readonly role: Role } | ServerRefusal;

/** One REPEATABLE READ transaction on one server. */
export interface SnapshotSession {
  readonly seen: Position;
  readonly role: Role;
  query(statement: Statement): Promise<readonly Row[]>;
  /** Ends the transaction and gives the connection back; never throws. */
  close(): Promise<void>;
}

export type SnapshotAnswer = { readonly kind: 'open'; readonly session: SnapshotSession } | ServerRefusal;

/**
 * One PostgreSQL server, primary or replica, as this region reaches it. Connection failures throw
 * `REGION_UNAVAILABLE`, which is retried elsewhere; a statement's own failure throws another code and is not.
 */
export interface ReadServer {
  readonly region: string;
  query(query: ServerQuery): Promise<ServerAnswer>;
  snapshot(demand: Demand): Promise<SnapshotAnswer>;
}

/** The writable server also tells its position now (a read index, one round trip). */
export interface PrimaryServer extends ReadServer {
  /** Not below any commit that was acknowledged before the call. Throws `PRIMARY_UNAVAILABLE` where the server is in recovery. */
  position(): Promise<Position>;
}
