/**
 * Owns where a server stands: what it proves before a statement's snapshot, and what a statement may have seen (R5,
 * R6).
 *
 * **What a replica's statement may have seen.** Replay applies a commit record first, which makes it visible, and only
 * then moves `pg_last_wal_replay_lsn()` past it (ApplyWalRecord in xlogrecovery.c: `rm_redo`, then
 * `lastReplayedEndRecPtr`). Read after the statement, that position can therefore be one record too low: the record
 * that was being applied. No other record can be missing, since records are applied one by one. So:
 *
 * - Is it certain that no record beyond `replay` was being applied, the answer is `replay`. Certain it is, taken before
 *   `replay` is read, in any of these cases:
 *   - The WAL receiver streams and has flushed nothing beyond `replay`. While it streams, replay reads what it has
 *     flushed and nothing else: the startup process begins to stream only when it has applied all that it had before
 *     (WaitForWALToBecomeAvailable changes its source on a failed read of the *next* record, and never while it reads
 *     ahead), and stops the receiver before it reads from the archive or from pg_wal again. After a restart the receiver
 *     begins at the start of a segment, below `replay`: nothing is applied until it is past that, so the rule holds.
 *     State and position are read under one lock (pg_stat_get_wal_receiver). `pg_last_wal_receive_lsn()` alone would not
 *     do: it is null or stands still while replay goes on from pg_wal or from an archive.
 *   - Replay is paused in fact, not only asked to: it pauses between two records.
 *   - The startup process waits for WAL, for the end of `recovery_min_apply_delay`, or to try again: all of them between
 *     two records. This is what an idle replica of a dead primary shows.
 * - Otherwise the answer is `replay` + 1 byte. Replay positions lie at the ends of records only, so that whoever
 * reaches
 *   it has replayed the whole of the next record, which is the one in question.
 *
 * The last two sources need `pg_monitor` (or superuser); without it the answer is the higher one more often, never
 * lower.
 *
 * **What a primary's statement may have seen.** A commit becomes visible after its record was inserted, and after it
 * was flushed unless its session runs with `synchronous_commit = off`, which any session may set for itself. So nothing
 * below the insert position is sure to cover everything that is visible, and nothing above the flush position outlives
 * a crash: the answer is the insert position once it is flushed (server-flush.ts). At the beginning of a page the
 * insert position lies behind the page's header where the last record ended before it; there the flush position is
 * taken.
 *
 * **What a primary may not show yet (R5's corner).** A commit is visible on replicas as soon as they replay it, on the
 * primary only when the committing backend has taken itself out of the list of running transactions, which it does
 * last: after the flush and, above all, after its wait for a synchronous standby (RecordTransactionCommit in xact.c:
 * XactLogCommitRecord, TransactionTreeSetCommitTsData, XLogFlush, TransactionIdCommitTree, SyncRepWaitForLSN; then
 * ProcArrayEndTransaction. COMMIT PREPARED goes the same way). So a floor that came from a replica may name a commit
 * which the primary has in its WAL and still shows to nobody. With `track_commit_timestamp` such a transaction can be
 * told: a process (or a prepared transaction) still has its transaction id, and the id has a commit timestamp already.
 * (The list of running transactions in a snapshot would not do: it ends at the last transaction that is through.) A
 * read with a floor waits until those transactions that did so at its first look are through; later ones commit above
 * its floor. Between the record's insertion and the timestamp lie a few instructions without a wait or a flush of its
 * own; for a floor to come from there, another backend's flush must carry the record out, and a replica's reader must
 * be back here, before they have run. Without `track_commit_timestamp` only the long wait, the one for a standby, can
 * be seen.
 */
import { type ClusterId, type Position } from '../../base/lineage.ts';
import { parseLsn, toLsn, type Lsn } from '../../base/lsn.ts';
import { type Row } from '../../model/model.ts';
import { type Role } from '../../region/view.ts';
import { SESSION } from '../connect/session.ts';

/**
 * On a replica that of its WAL receiver, which may be ahead: 0 where this role may not see it, null where there is
 * none.
 */
export const TIMELINE = `CASE WHEN pg_is_in_recovery() THEN (SELECT coalesce(received_tli, 0) FROM pg_stat_wal_receiver)
  ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::int END`;

/**
 * Proof of a floor; run before the statement. `$1`: the transactions that an earlier look found unsettled, or null.
 * Whoever commits between the statement's snapshot and the look at processes is visible to the statement that follows.
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

/** What the statements before it on this connection may have seen; run after them. Columns are evaluated in order. */
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
 * Behind COMMIT: where the primary is, whom its commits wait for, and what the transaction has left of the session's
 * settings.
 */
export const INDEX = {
  name: 'meridian_index',
  text: `SELECT ${TIMELINE} AS timeline, btrim(current_setting('synchronous_standby_names')) AS standbys, ${SESSION},
  CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn() END::text AS inserted,
  CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END::text AS flushed_own`,
};

/**
 * Before `COMMITS`: fires what constraints and their triggers have put off until COMMIT, so that nothing of the
 * application's runs between the look at how the transaction commits and its commit, and an error of COMMIT is the
 * server's own.
 */
export const TRIGGERS = { name: 'meridian_triggers', text: 'SET CONSTRAINTS ALL IMMEDIATE', values: [] };

/**
 * Right before COMMIT: how the transaction commits, which it may have chosen for itself alone, so that nothing tells it
 * afterwards, which session does, whether it is still the one that BEGIN has opened for writing (outside of it the
 * session may only read), and below what everything lies that it has seen. A warning of COMMIT's is sent whatever a
 * function has asked for.
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
 * What a connection knows beside the row: its cluster, and a timeline to go by while a replica is without its primary.
 */
export interface Ground {
  readonly cluster: ClusterId;
  readonly timeline: number;
}

/**
 * Where the row is a replica's that streams from nobody: the position for which the timeline has to be asked; else
 * null.
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
  /** Whether no crash takes back what was seen. */
  readonly isFlushed: boolean;
  /** Not below anything that was seen (R6). */
  readonly seen: Position;
  /** What the server is sure to have reached: on a replica a byte less, where a record was being applied. */
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
 * The position of a transaction that has ended: not below anything that it has seen or committed, and flushed.
 * Undefined: that takes a wait for the flush. Null: the server is a replica. `commits`: the answer to `COMMITS`;
 * without one nothing is known of what the transaction has seen.
 *
 * COMMIT has flushed everything up to its own record, unless the transaction commits with `synchronous_commit = off` or
 * has written nothing.
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
 * Whether a server at `at` has everything up to `floor`. A server on an older timeline than the floor's has not; one on
 * a newer has, if the floor's write survived, which is asked where the history is known (R7). A floor one byte above a
 * record names the next record, which at the primary either exists, and ends higher, or was never written by anybody.
 */
export function covers(at: Position, floor: Position, role: Role): boolean {
  return at.timeline >= floor.timeline && at.lsn + (role === 'primary' ? 1n : 0n) >= floor.lsn;
}

/** Whether a server at `at` has not gone back behind what it showed before. A new timeline counts afresh. */
export function notBehind(at: Position, shown: Position): boolean {
  return at.timeline > shown.timeline || (at.timeline === shown.timeline && at.lsn >= shown.lsn);
}
