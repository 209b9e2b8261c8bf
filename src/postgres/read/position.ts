/**
 * Owns the positions of a server: what it proves before a statement's snapshot, and what a statement may have seen
 * (R5, R6).
 *
 * **What a statement on a replica may have seen.** Replay first applies a commit record, which makes the commit
 * visible, and then moves `pg_last_wal_replay_lsn()` past it (ApplyWalRecord in xlogrecovery.c: `rm_redo`, then
 * `lastReplayedEndRecPtr`). Read after the statement, that position can therefore be one record too low: the record
 * that was being applied. No other record can be missing, since records are applied one at a time. So:
 *
 * - If it is certain that no record beyond `replay` was being applied, the answer is `replay`. It is certain in any of
 *   the following cases, when they are observed before `replay` is read:
 *   - The WAL receiver is streaming and has flushed nothing beyond `replay`. While it streams, replay reads only what
 *     it has flushed: the startup process begins to stream only after it has applied everything that it had before
 *     (WaitForWALToBecomeAvailable changes its source on a failed read of the *next* record, and never while it reads
 *     ahead), and stops the receiver before it reads from the archive or from pg_wal again. After a restart the
 *     receiver begins at the start of a segment, below `replay`: nothing is applied until it is past `replay`, so the
 *     rule holds. State and position are read under one lock (pg_stat_get_wal_receiver).
 *     `pg_last_wal_receive_lsn()` alone is not sufficient: it is null or does not move while replay continues from
 *     pg_wal or from an archive.
 *   - Replay is actually paused, and a pause is not merely requested: it pauses between two records.
 *   - The startup process waits for WAL, for the end of `recovery_min_apply_delay`, or to retry: all of these happen
 *     between two records. An idle replica whose primary is down is in this state.
 * - Otherwise the answer is `replay` + 1 byte. Replay positions are always ends of records, so a server that reaches
 *   this position has replayed the whole of the next record, which is the one in question.
 *
 * The last two cases need `pg_monitor` (or superuser); without it the answer is the higher one more often, never the
 * lower one.
 *
 * **What a statement on a primary may have seen.** A commit becomes visible after its record was inserted, and after
 * it was flushed unless its session runs with `synchronous_commit = off`, which any session may set for itself. So a
 * position below the insert position need not cover everything that is visible, and a position above the flush
 * position may be lost in a crash: the answer is the insert position once it is flushed (flush.ts). At the start of a
 * page the insert position lies after the page header if the last record ended before it; then the flush position is
 * the answer.
 *
 * **What a primary may not show yet (R5's corner).** A commit is visible on replicas as soon as they replay it, but on
 * the primary only when the committing backend has removed itself from the list of running transactions. It does that
 * last: after the flush and, above all, after its wait for a synchronous standby (RecordTransactionCommit in xact.c:
 * XactLogCommitRecord, TransactionTreeSetCommitTsData, XLogFlush, TransactionIdCommitTree, SyncRepWaitForLSN; then
 * ProcArrayEndTransaction. COMMIT PREPARED does the same). So a floor from a replica may stand for a commit that is in
 * the primary's WAL and not visible there yet. With `track_commit_timestamp` such a transaction can be recognised: a
 * process (or a prepared transaction) still has its transaction id, and the id already has a commit timestamp. (The
 * running transactions of a snapshot are not sufficient: its list ends at the latest completed transaction.) A read
 * with a floor waits until the transactions that were in this state at its first proof have completed; later ones
 * commit above its floor. Between the insertion of the record and the timestamp there are only a few instructions,
 * without a wait or a flush of their own. For a floor to come from this interval, another backend's flush would have
 * to send the record, and a reader of a replica to return here, before those instructions have run. Without
 * `track_commit_timestamp` only the long wait, the one for a standby, can be recognised.
 */
import { type ClusterId, type Position } from '../../base/lineage.ts';
import { parseLsn, toLsn, type Lsn } from '../../base/lsn.ts';
import { type Row } from '../../model/model.ts';
import { type Role } from '../../region/view.ts';
import { SESSION } from '../connect/session.ts';

/**
 * The timeline. On a replica it is that of its WAL receiver, which may be ahead of replay: 0 if the role may not see
 * it, null if there is no receiver.
 */
export const TIMELINE = `CASE WHEN pg_is_in_recovery() THEN (SELECT coalesce(received_tli, 0) FROM pg_stat_wal_receiver)
  ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END`;

/**
 * Proves a floor; sent before the statement. `$1`: the transactions that an earlier proof found unsettled, or null. A
 * transaction that finishes its commit between this statement's snapshot and its scan of the processes is visible to
 * the next statement.
 */
export const PROVE = {
  name: 'meridian_prove',
  text: `SELECT pg_is_in_recovery() AS recovering, ${TIMELINE} AS timeline,
  CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END::text AS at,
  CASE WHEN pg_is_in_recovery() THEN '{}'
    WHEN current_setting('track_commit_timestamp') = 'on' THEN ARRAY(
      SELECT x::text FROM (SELECT backend_xid AS x FROM pg_stat_get_activity(NULL) UNION ALL SELECT transaction FROM pg_prepared_xact()) running
      WHERE x IS NOT NULL AND ($1::text[] IS NULL OR x::text = ANY ($1)) AND pg_xact_commit_timestamp(x) IS NOT NULL)
    ELSE ARRAY(
      SELECT id FROM (SELECT coalesce(backend_xid::text, 'process ' || pid) AS id FROM pg_stat_get_activity(NULL) WHERE wait_event = 'SyncRep') waiting
      WHERE $1::text[] IS NULL OR id = ANY ($1))
  END AS unsettled`,
};

/**
 * What the preceding statements on this connection may have seen; sent after them. The SELECT list is evaluated in
 * order.
 */
export const SEEN = {
  name: 'meridian_seen',
  text: `SELECT r.recovering, w.status, w.flushed_lsn::text AS flushed,
  CASE WHEN pg_is_in_recovery() THEN pg_get_wal_replay_pause_state() = 'paused' END AS paused,
  CASE WHEN r.recovering AND (w.status IS DISTINCT FROM 'streaming' OR w.flushed_lsn > pg_last_wal_replay_lsn()) THEN EXISTS (
    SELECT FROM pg_stat_activity WHERE backend_type = 'startup'
      AND wait_event IN ('RecoveryWalStream', 'RecoveryApplyDelay', 'RecoveryRetrieveRetryInterval', 'RecoveryPause')) END AS waiting,
  pg_last_wal_replay_lsn()::text AS replay,
  CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END::text AS inserted,
  CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END::text AS flushed_own,
  ${TIMELINE} AS timeline
FROM (SELECT pg_is_in_recovery() AS recovering OFFSET 0) r LEFT JOIN pg_stat_wal_receiver w ON true`,
};

/**
 * Sent after COMMIT: the primary's position, the standbys that commits wait for, and the session's settings as the
 * transaction left them.
 */
export const INDEX = {
  name: 'meridian_index',
  text: `SELECT ${TIMELINE} AS timeline, btrim(current_setting('synchronous_standby_names')) AS standbys, ${SESSION},
  CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END::text AS inserted,
  CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END::text AS flushed_own`,
};

/**
 * Sent before `COMMITS`: fires deferred constraints and triggers, so that no code of the application runs between that
 * statement and COMMIT, and an error of COMMIT is the server's own.
 */
export const TRIGGERS = { name: 'meridian_triggers', text: 'SET CONSTRAINTS ALL IMMEDIATE', values: [] };

/**
 * Sent right before COMMIT, because the following cannot be read afterwards: how the transaction commits, which may be
 * set for it alone; the session that commits; whether it is still in the read-write transaction that BEGIN opened
 * (outside of it the session is read-only); and the position below which everything lies that it has seen. It also
 * makes sure that COMMIT can send its warning, whatever a function has set.
 */
export const COMMITS = {
  name: 'meridian_commits',
  text: `SELECT current_setting('synchronous_commit') AS synchronous, pg_backend_pid() AS pid, current_setting('transaction_read_only') AS read_only,
  CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END::text AS reached,
  set_config('client_min_messages', 'warning', true)`,
};

export interface Proof {
  readonly role: Role;
  readonly at: Position;
  readonly unsettled: readonly string[];
}

/**
 * What the connection contributes to a position: its cluster, and the timeline to assume while a replica has no WAL
 * receiver.
 */
export interface Ground {
  readonly cluster: ClusterId;
  readonly timeline: number;
}

/**
 * The position whose timeline has to be fetched, if the row is from a replica without a WAL receiver; null otherwise.
 */
export function withoutTimeline(row: Row): Lsn | null {
  if (row['timeline'] !== null || row['recovering'] !== true) return null;
  const at = row['at'] ?? row['replay'];
  return typeof at === 'string' ? parseLsn(at) : null;
}

export function readProof(row: Row, ground: Ground): Proof {
  return {
    role: row['recovering'] === true ? 'replica' : 'primary',
    at: positionOf(row, ground, parseLsn(row['at'] as string)),
    unsettled: row['unsettled'] as string[],
  };
}

export interface Seen {
  readonly role: Role;
  /** Whether no crash can lose what was seen. */
  readonly isFlushed: boolean;
  /** Not below anything that was seen (R6). */
  readonly seen: Position;
  /**
   * A position that the server has certainly reached: on a replica one byte below `seen` if a record may have been
   * being applied.
   */
  readonly reached: Position;
}

export function readSeen(row: Row, ground: Ground): Seen {
  if (row['inserted'] !== null) {
    const flushed = parseLsn(row['flushed_own'] as string);
    const at = positionOf(row, ground, primaryPosition(parseLsn(row['inserted'] as string), flushed));
    return { role: 'primary', seen: at, reached: at, isFlushed: flushed >= at.lsn };
  }
  const replay = parseLsn(row['replay'] as string);
  const drained =
    row['status'] === 'streaming' && row['flushed'] !== null && parseLsn(row['flushed'] as string) <= replay;
  const certain = drained || row['paused'] === true || row['waiting'] === true;
  const reached = positionOf(row, ground, replay);
  return {
    role: 'replica',
    seen: certain ? reached : { ...reached, lsn: toLsn(replay + 1n) },
    reached,
    isFlushed: true,
  };
}

/**
 * The flushed position of a transaction that has ended: not below anything that it has seen or committed. Undefined: a
 * flush has to be awaited first. Null: the server is a replica. `commits`: the row of `COMMITS`; without it nothing is
 * known about what the transaction has seen.
 *
 * COMMIT has flushed everything up to its own record, unless the transaction commits with `synchronous_commit = off`
 * or has written nothing.
 */
export function endPosition(index: Row, ground: Ground, commits: Row = {}): Position | null | undefined {
  if (index['inserted'] === null) return null;
  const [inserted, flushed] = [parseLsn(index['inserted'] as string), parseLsn(index['flushed_own'] as string)];
  const { synchronous, reached } = commits;
  if (
    typeof synchronous === 'string' &&
    synchronous !== 'off' &&
    typeof reached === 'string' &&
    flushed >= primaryPosition(parseLsn(reached), flushed)
  )
    return positionOf(index, ground, flushed);
  const all = primaryPosition(inserted, flushed);
  return flushed >= all ? positionOf(index, ground, all) : undefined;
}

const PAGE_BYTES = 8_192n;
const PAGE_HEADERS: readonly bigint[] = [24n, 40n];

export function primaryPosition(inserted: Lsn, flushed: Lsn): Lsn {
  const header = inserted - flushed;
  return PAGE_HEADERS.includes(header) && flushed % PAGE_BYTES === 0n ? flushed : inserted;
}

export function positionOf(row: Row, ground: Ground, lsn: Lsn): Position {
  return { cluster: ground.cluster, timeline: Math.max((row['timeline'] as number | null) ?? 0, ground.timeline), lsn };
}

/**
 * Whether a server at `at` has everything up to `floor`. A server on an older timeline than the floor's does not. One
 * on a newer timeline does if the write of the floor survived, which is checked where the history is known (R7). A
 * floor one byte above a record stands for the next record, which on the primary either exists and ends higher, or was
 * never written.
 */
export function covers(at: Position, floor: Position, role: Role): boolean {
  return at.timeline >= floor.timeline && at.lsn + (role === 'primary' ? 1n : 0n) >= floor.lsn;
}

/** Whether a server at `at` is not behind what it showed before. A newer timeline is never behind an older one. */
export function notBehind(at: Position, shown: Position): boolean {
  return at.timeline > shown.timeline || (at.timeline === shown.timeline && at.lsn >= shown.lsn);
}
