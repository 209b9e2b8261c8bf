/** Owns the port through which a region's changes arrive: in commit order, whatever their source. */
import { type ClusterId } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type Row } from '../model/model.ts';

/** One row change read from the WAL. Old values are whole only under REPLICA IDENTITY FULL. */
export interface RowChange {
  readonly kind: 'insert' | 'update' | 'delete';
  readonly schema: string;
  readonly table: string;
  /** Text values by column; a TOASTed value that did not change is absent. */
  readonly before: Row | null;
  readonly after: Row | null;
  /**
   * Whether `before` holds every column (REPLICA IDENTITY FULL). False: it holds the key at most, so any old value is
   * possible.
   */
  readonly beforeIsWhole: boolean;
}

/** The whole table changed without single rows: `TRUNCATE`, or more rows than are kept one by one. */
export interface TableChange {
  readonly kind: 'truncate';
  readonly schema: string;
  readonly table: string;
}

export type Change = RowChange | TableChange;

/** One committed transaction, delivered only after the region's replica shows it (R2). */
export interface CommittedTransaction {
  /** End of the commit record: a replica whose `replayLsn` is at or above it shows the transaction. */
  readonly commitLsn: Lsn;
  /** The primary's clock at commit, milliseconds since 1970. */
  readonly committedAtMs: number;
  readonly changes: readonly Change[];
  /** Contents of the transaction's logical messages with Meridian's prefix. */
  readonly messages: readonly string[];
}

/** A heartbeat in the WAL: everything up to `lsn` has been delivered; `primaryTimeMs` is the primary's clock. */
export interface Heartbeat {
  readonly lsn: Lsn;
  readonly primaryTimeMs: number;
}

/** Where a stream of changes begins: everything up to `lsn` counts as delivered. */
export interface StreamStart {
  readonly cluster: ClusterId;
  readonly timeline: number;
  readonly lsn: Lsn;
  /**
   * Names one run of a primary, from its start to its end or crash: what another run showed may have been taken back.
   * Null or left out: a replica.
   */
  readonly run?: string | null;
}

export interface ChangeHandlers {
  /**
   * A stream begins; called after `onGap`, if there was a gap, and before anything else. Only the slot holder gets this
   * call.
   */
  onStart?(start: StreamStart): Promise<void> | void;
  /**
   * Must have applied the transaction when it resolves; only then is the transaction acknowledged to PostgreSQL. If it
   * rejects, the stream begins again before the transaction.
   */
  onTransaction(transaction: CommittedTransaction): Promise<void> | void;
  onHeartbeat(heartbeat: Heartbeat): void;
  /** Everything up to `lsn` has been delivered and is visible; none of it concerned the published tables. */
  onProgress?(lsn: Lsn): void;
  /**
   * Changes may have been missed: the slot is new, was invalidated, or a new timeline begins below the watermark (R8).
   */
  onGap(reason: string): Promise<void> | void;
}

/** Producer of changes. `run` resolves when stopped; it reconnects on its own, with backoff, until then. */
export interface ChangeSource {
  run(handlers: ChangeHandlers, signal: AbortSignal): Promise<void>;
}
