/** Owns the ports of reading: statements in, rows out, and the servers that a statement can run on. */
import { type Position } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type Loaded, type CacheDemand } from '../cache/reading.ts';
import { type Row } from '../model/model.ts';
import { type Role } from '../region/view.ts';
import { type AnswerBasis } from './session/answer-basis.ts';

/**
 * A parameterised SQL statement. The same `name` always carries the same `text`: it is prepared once per connection; an
 * empty name is not prepared.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** Runs statements under one requirement. Implementations decide where; callers never see lag or retries (R9). */
export interface Executor {
  query(statement: Statement): Promise<readonly Row[]>;
  /** How reads under this requirement meet the region's cache; absent where none may be used (SNAPSHOT). */
  readonly caching?: CachedReads | undefined;
}

/** What reading through a cache needs beside `query`. */
export interface CachedReads {
  /** As `query`, with what a cache must know to keep the rows. */
  answer(statement: Statement): Promise<Answer>;
  /**
   * What a cached value must satisfy; null where none may be used: a token that a failover may have lost, a history or
   * a staleness that is not known. Fetches STRONG's read index where it needs it. Never throws: what is wrong, `query`
   * will say.
   */
  demand(): Promise<CacheDemand | null>;
  /** The same, where nothing has to be fetched for it; null also where something has. */
  demandNow(): CacheDemand | null;
  /**
   * Tells the report of values that a cache answered: what they had seen (R6), and what they are right as of, where
   * that is known. `reads`: how many loads they answer, one unless given. False: a failover has undone what they had
   * seen, so that they must not be shown; nothing was told then.
   */
  hit(seen: Position, asOf: Lsn | null, reads?: number): boolean;
  /** Collects what the operation's answer depends on; absent, or null, where that answer will not be kept. */
  readonly basis?: AnswerBasis | null;
}

export interface Answer {
  readonly rows: readonly Row[];
  /** Not below any position that the rows came from. */
  readonly seen: Position;
  /** With what the rows may be cached in this region; null where they may not. */
  readonly asOf: Loaded<unknown>['asOf'];
}

/** What a server must prove before it may answer. */
export interface Demand {
  /** The server must prove this position on the same connection, before the statement's snapshot is taken. */
  readonly floor: Position | null;
  /** Only the writable server may answer: one that is in recovery throws `PRIMARY_UNAVAILABLE`. */
  readonly asPrimary?: boolean | undefined;
  /** What an earlier `settling` answer named: only these commits are still waited for. */
  readonly unsettled?: readonly string[] | undefined;
  /**
   * Settings under which statements run, and nothing else on the connection (row-level security); in the same round
   * trip.
   */
  readonly settings?: readonly Setting[] | undefined;
  /** Aborts by throwing what the signal was aborted with; what the server has begun, it ends within its own limits. */
  readonly signal?: AbortSignal | undefined;
}

export interface ServerQuery extends Demand {
  readonly statement: Statement;
  /**
   * Proves a position before the statement even where the demand needs none, so that the rows can be cached with it.
   */
  readonly prove?: boolean | undefined;
}

/** A setting of the database's, for one statement or transaction: `app.tenant_id`, `role`. */
export interface Setting {
  readonly name: string;
  readonly value: string;
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
  /**
   * `provedAt`: what the connection had proved before the statement; null where nothing was proved just then, or a
   * primary answered (what lies below its position need not be visible yet).
   */
  | {
      readonly kind: 'rows';
      readonly rows: readonly Row[];
      readonly seen: Position;
      readonly role: Role;
      readonly provedAt: Position | null;
    }
  | ServerRefusal;

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
  /**
   * Not below any commit that was acknowledged before the call. Throws `PRIMARY_UNAVAILABLE` where the server is in
   * recovery.
   */
  position(): Promise<Position>;
}
