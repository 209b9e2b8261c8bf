/** Owns the ports of reading: statements and rows, and the servers on which a statement can run. */
import { type Position } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type Loaded, type CacheDemand } from '../cache/reading.ts';
import { type Row } from '../model/model.ts';
import { type Role } from '../region/view.ts';
import { type AnswerBasis } from './session/answer-basis.ts';

/**
 * A parameterized SQL statement. The same `name` always carries the same `text`, because it is prepared once per
 * connection. A statement with an empty name is not prepared.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * Runs statements under one requirement. The implementation chooses the server; callers never see lag or retries (R9).
 */
export interface Executor {
  query(statement: Statement): Promise<readonly Row[]>;
  /** How reads under this requirement use the region's cache; absent where they must not (SNAPSHOT). */
  readonly caching?: CachedReads | undefined;
}

/** What reading through a cache needs in addition to `query`. */
export interface CachedReads {
  /** As `query`, with the positions that a cache needs to keep the rows. */
  answer(statement: Statement): Promise<Answer>;
  /**
   * What a cached value must satisfy. Null where no cached value may be used: a failover may have lost the token's
   * position, or the timeline history or the staleness is unknown. Fetches the read index for STRONG where needed.
   * Never throws: `query` reports the error.
   */
  demand(): Promise<CacheDemand | null>;
  /** As `demand`, without fetching. Null also where the read index would have to be fetched. */
  demandNow(): CacheDemand | null;
  /**
   * Reports values that a cache answered: the position that they had seen (R6), and the position as of which they are
   * valid, if known. `reads` is the number of loads that they answer, 1 by default. Returns false, and reports nothing,
   * where a failover has discarded the seen position, so that the values must not be returned.
   */
  hit(seen: Position, asOf: Lsn | null, reads?: number): boolean;
  /** Collects the dependencies of the operation's answer; absent or null where the answer will not be cached. */
  readonly basis?: AnswerBasis | null;
}

export interface Answer {
  readonly rows: readonly Row[];
  /** Not below any position that the rows came from. */
  readonly seen: Position;
  /** The position with which the rows may be cached in this region; null where they must not be. */
  readonly asOf: Loaded<unknown>['asOf'];
}

/** What a server must prove before it may answer. */
export interface Demand {
  /** The server must prove this position on the same connection, before the statement's snapshot is taken. */
  readonly floor: Position | null;
  /** Only the writable server may answer: one that is in recovery throws `PRIMARY_UNAVAILABLE`. */
  readonly asPrimary?: boolean | undefined;
  /** The commits that an earlier `settling` answer named: only these are still waited for. */
  readonly unsettled?: readonly string[] | undefined;
  /**
   * Settings under which the statement runs (row-level security). They are set in the same round trip and do not remain
   * on the connection.
   */
  readonly settings?: readonly Setting[] | undefined;
  /**
   * Throws the signal's reason when it aborts. A statement that the server has already started ends within the server's
   * own limits.
   */
  readonly signal?: AbortSignal | undefined;
}

export interface ServerQuery extends Demand {
  readonly statement: Statement;
  /**
   * Proves a position before the statement even where the demand does not need it, so that the rows can be cached with
   * that position.
   */
  readonly prove?: boolean | undefined;
}

/** A setting of the database, for one statement or transaction: `app.tenant_id`, `role`. */
export interface Setting {
  readonly name: string;
  readonly value: string;
}

/** Why a reachable server did not answer. */
export type ServerRefusal =
  /** The server has not reached the floor; nothing was read. */
  | { readonly kind: 'behind'; readonly at: Position }
  /**
   * Commits on the primary that may lie below the floor are not visible yet (R5); the read is retried after a moment.
   */
  | { readonly kind: 'settling'; readonly unsettled: readonly string[] };

/** The answer of a server. */
export type ServerAnswer =
  /** `seen`: not below any position that the rows came from (R6). */
  /**
   * `provedAt`: the position that the connection proved before the statement; null where none was proved for it, or a
   * primary answered (commits below the primary's position may not be visible yet).
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
 * One PostgreSQL server, primary or replica, as reached from this region. Connection failures throw
 * `REGION_UNAVAILABLE` and are retried on another server; errors of the statement throw other codes and are not
 * retried.
 */
export interface ReadServer {
  readonly region: string;
  query(query: ServerQuery): Promise<ServerAnswer>;
  snapshot(demand: Demand): Promise<SnapshotAnswer>;
}

/** The writable server also returns its current position (the read index) in one round trip. */
export interface PrimaryServer extends ReadServer {
  /**
   * Not below any commit that was acknowledged before the call. Throws `PRIMARY_UNAVAILABLE` where the server is in
   * recovery.
   */
  position(): Promise<Position>;
}
