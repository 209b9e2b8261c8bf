/** Owns the region's logical slot on its own server: whether it is usable, and its recreation. */
import type pg from 'pg';
import { sleep } from '../../base/clock.ts';
import { MeridianError } from '../../base/errors.ts';
import { parseLsn, type Lsn } from '../../base/lsn.ts';
import { quoteIdentifier } from '../../base/sql-text.ts';
import { closeClient, destroySocket, errorCodeOf, openClient } from '../connect/open.ts';

/**
 * `broken`: the server invalidated it (its WAL was removed, or rows that it needed were), and it is never usable
 * again.
 */
export type SlotState =
  | { readonly kind: 'missing' }
  | { readonly kind: 'broken'; readonly reason: string }
  | { readonly kind: 'taken'; readonly pid: number }
  | { readonly kind: 'free'; readonly confirmedLsn: Lsn };

export interface ServerSurvey {
  readonly version: number;
  readonly inRecovery: boolean;
  /** The replay position of a replica; null on a primary. */
  readonly replayLsn: Lsn | null;
  /** The insert position of a primary; null on a replica. */
  readonly writtenLsn: Lsn | null;
  /**
   * Identifies the run of the primary: it changes after every start and every crash, including a crash that the
   * postmaster survives. Null on a replica.
   */
  readonly run: string | null;
  readonly hasPublication: boolean;
  readonly slot: SlotState;
}

interface SurveyRow {
  version: number;
  in_recovery: boolean;
  replay_lsn: string | null;
  written_lsn: string | null;
  run: string | null;
  has_publication: boolean;
  database: string;
  slot: SlotRow | null;
}

interface SlotRow {
  plugin: string | null;
  slot_type: string;
  database: string | null;
  active_pid: number | null;
  confirmed_flush_lsn: string | null;
  wal_status: string | null;
  /** Since 16. */
  conflicting?: boolean | null;
  /** Since 17. */
  invalidation_reason?: string | null;
}

/** When a server process crashes, the postmaster restarts the others and resets the statistics (15 and later). */
const RUN = `concat_ws('-', extract(epoch FROM pg_postmaster_start_time())::text, extract(epoch FROM pg_stat_get_bgwriter_stat_reset_time())::text)`;

/** The slot's row is returned as JSON, since its columns differ between versions. */
const SURVEY = `
  SELECT current_setting('server_version_num')::int AS version, pg_is_in_recovery() AS in_recovery, pg_last_wal_replay_lsn()::text AS replay_lsn,
         CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_insert_lsn()::text END AS written_lsn,
         CASE WHEN NOT pg_is_in_recovery() THEN ${RUN} END AS run,
         current_database()::text AS database, EXISTS (SELECT FROM pg_publication WHERE pubname = $2) AS has_publication,
         (SELECT to_jsonb(s) FROM pg_replication_slots s WHERE s.slot_name = $1) AS slot`;

export async function surveyServer(client: pg.Client, slotName: string, publication: string): Promise<ServerSurvey> {
  const { rows } = await client.query<SurveyRow>(SURVEY, [slotName, publication]);
  const row = rows[0];
  if (!row) throw new MeridianError({ code: 'DATABASE_ERROR', message: 'The server answered nothing about itself.' });
  return {
    version: row.version,
    inRecovery: row.in_recovery,
    // A promoted server still returns the last position that it replayed.
    replayLsn: row.in_recovery && row.replay_lsn !== null ? parseLsn(row.replay_lsn) : null,
    writtenLsn: row.written_lsn === null ? null : parseLsn(row.written_lsn),
    run: row.run,
    hasPublication: row.has_publication,
    slot: slotState(slotName, row.slot, row.database),
  };
}

function slotState(name: string, slot: SlotRow | null, database: string): SlotState {
  if (slot === null) return { kind: 'missing' };
  if (slot.slot_type !== 'logical' || slot.plugin !== 'pgoutput' || slot.database !== database) {
    throw new MeridianError({
      code: 'DATABASE_NOT_READY',
      message: `The replication slot ${name} is ${slot.slot_type}, of plugin ${slot.plugin ?? 'none'} and database ${slot.database ?? 'none'}, not this database's logical pgoutput slot: drop it, or set another slotName.`,
    });
  }
  if (slot.invalidation_reason)
    return { kind: 'broken', reason: `the slot was invalidated (${slot.invalidation_reason})` };
  if (slot.wal_status === 'lost')
    return { kind: 'broken', reason: 'the slot was invalidated: WAL that it needs is gone' };
  if (slot.conflicting) return { kind: 'broken', reason: 'the slot was invalidated: it conflicted with recovery' };
  if (slot.active_pid !== null) return { kind: 'taken', pid: slot.active_pid };
  if (slot.confirmed_flush_lsn === null) return { kind: 'broken', reason: 'the slot was never completed' };
  return { kind: 'free', confirmedLsn: parseLsn(slot.confirmed_flush_lsn) };
}

export interface CreateSlotOptions {
  readonly databaseUrl: string;
  readonly slotName: string;
  /** The primary's DSN, when the server is a replica and a primary is known. */
  readonly primaryUrl: string | null;
  readonly connectMs: number;
  readonly slotCreateMs: number;
  readonly signal?: AbortSignal;
  /** Called with what the creation waits for, at intervals, once it has waited for a while. */
  readonly onWaiting?: (what: string) => void;
}

/** Interval at which what a creation waits for is queried. */
const WAITING_MS = 1_000;

/** Interval of the requests to the primary while a slot is being created on a replica. */
const SNAPSHOT_LOG_MS = 200;

/**
 * Creates the slot and returns the position that it starts from. On a replica, creation waits for a
 * running-transactions record, which the primary writes on request, or by itself every 15 s while there is activity.
 * Creation is a command of the replication protocol, which holds no snapshot: the snapshot of a SELECT could block the
 * replay that the creation waits for, until `max_standby_streaming_delay` has passed.
 */
export async function createSlot(options: CreateSlotOptions): Promise<Lsn> {
  const { databaseUrl, slotName, connectMs, slotCreateMs } = options;
  const client = await openClient({
    databaseUrl,
    applicationName: 'meridian slot',
    connectMs,
    statementMs: 0,
    replication: true,
  });
  const done = new AbortController();
  // A creation that waits for a primary that is down would delay the abort until its time limit.
  const abort = (): void => {
    done.abort();
    void cancel(client, options);
  };
  options.signal?.addEventListener('abort', abort, { once: true });
  // The server has no time limit for replication commands.
  const overdue = setTimeout(() => void cancel(client, options), slotCreateMs);
  const loggingSnapshots =
    options.primaryUrl === null ? Promise.resolve() : logSnapshots(options.primaryUrl, connectMs, done.signal);
  let waitsFor: string | null = null;
  const watching = watchWaiting(options, done.signal, (what) => {
    waitsFor = what;
    options.onWaiting?.(what);
  });
  try {
    const { rows } = await client.query<{ consistent_point: string }>(
      `CREATE_REPLICATION_SLOT ${quoteIdentifier(slotName)} LOGICAL pgoutput (SNAPSHOT 'nothing')`,
    );
    const lsn = rows[0]?.consistent_point;
    if (lsn === undefined)
      throw new MeridianError({ code: 'DATABASE_ERROR', message: `Creating the slot ${slotName} answered nothing.` });
    return parseLsn(lsn);
  } catch (error) {
    if (waitsFor === null || errorCodeOf(error) !== QUERY_CANCELED || options.signal?.aborted) throw error;
    throw new MeridianError({
      code: 'DATABASE_NOT_READY',
      message: `${String(waitsFor)} It was not made within ${slotCreateMs} ms (slotCreateMs).`,
      details: { fix: 'End that transaction.' },
      cause: error,
    });
  } finally {
    clearTimeout(overdue);
    options.signal?.removeEventListener('abort', abort);
    done.abort();
    await Promise.all([loggingSnapshots, watching, closeClient(client)]);
  }
}

const QUERY_CANCELED = '57014';

/**
 * A slot can start only when the writing transactions that are older than it have ended. Columns of other roles'
 * sessions that the role may not see are null.
 */
const OLDEST_SQL = `
  SELECT who, since::text AS since FROM (
    SELECT 'that of process ' || pid AS who, xact_start AS since FROM pg_stat_activity WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
    UNION ALL SELECT 'the prepared transaction ' || gid, prepared FROM pg_prepared_xacts) AS open
   ORDER BY since NULLS LAST LIMIT 1`;

/** Reports what the creation waits for, until `signal` aborts. */
async function watchWaiting(
  { databaseUrl, primaryUrl, slotName, connectMs }: CreateSlotOptions,
  signal: AbortSignal,
  onWaiting: (what: string) => void,
): Promise<void> {
  const waits = `The slot ${slotName} cannot be made before older transactions at the primary have ended`;
  let client: pg.Client | null = null;
  try {
    while (await sleep(WAITING_MS, signal)) {
      client ??= await openClient({
        databaseUrl: primaryUrl ?? databaseUrl,
        applicationName: 'meridian slot',
        connectMs,
        statementMs: connectMs,
      });
      const oldest = (await client.query<{ who: string; since: string | null }>(OLDEST_SQL)).rows[0];
      if (oldest?.since) onWaiting(`${waits}; the oldest is ${oldest.who}, open since ${oldest.since}.`);
      else onWaiting(`${waits}; this role may not see whose they are (pg_monitor may).`);
    }
  } catch {
    // The primary cannot be reached: its probes report that, and the creation ends at its own time limit.
  } finally {
    if (client) await closeClient(client);
  }
}

/**
 * Cancels the command of `client` over another connection: a backend that merely lost its client would continue and
 * leave a slot behind.
 */
async function cancel(client: pg.Client, { databaseUrl, connectMs }: CreateSlotOptions): Promise<void> {
  try {
    const beside = await openClient({
      databaseUrl,
      applicationName: 'meridian slot',
      connectMs,
      statementMs: connectMs,
    });
    try {
      await beside.query('SELECT pg_cancel_backend($1)', [
        (client as pg.Client & { readonly processID: number }).processID,
      ]);
    } finally {
      await closeClient(beside);
    }
  } catch {
    // The server cannot be reached, so neither can the creation: closing its connection ends the wait here.
    destroySocket(client);
  }
}

/**
 * Requests running-transactions records from the primary until `signal` aborts. If that is refused, the creation only
 * takes longer.
 */
async function logSnapshots(primaryUrl: string, connectMs: number, signal: AbortSignal): Promise<void> {
  let client: pg.Client | null = null;
  try {
    client = await openClient({
      databaseUrl: primaryUrl,
      applicationName: 'meridian slot',
      connectMs,
      statementMs: connectMs,
    });
    while (!signal.aborted) {
      await client.query('SELECT pg_log_standby_snapshot()');
      await sleep(SNAPSHOT_LOG_MS, signal);
    }
  } catch {
    // The primary cannot be reached or refuses: it writes such a record by itself within 15 s of any activity.
  } finally {
    if (client) await closeClient(client);
  }
}

/** Drops the slot; it is not an error if it does not exist. */
export async function dropSlot(client: pg.Client, slotName: string): Promise<void> {
  try {
    await client.query('SELECT pg_drop_replication_slot($1)', [slotName]);
  } catch (error) {
    if (errorCodeOf(error) !== '42704') throw error;
  }
}
