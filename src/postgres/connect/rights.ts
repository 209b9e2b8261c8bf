/**
 * Owns which of the server's functions Meridian calls, which rights its transactions need on its own tables, and which
 * of both a role lacks.
 */
import type pg from 'pg';
import { parseViewerSettings } from '../../config/viewer-settings.ts';

/**
 * PUBLIC may execute them, or pg_monitor, unless that was revoked. Signatures that a server version does not have are
 * ignored.
 */
const CALLED = [
  'pg_control_system()',
  'pg_control_checkpoint()',
  'pg_control_recovery()',
  'pg_current_wal_insert_lsn()',
  'pg_current_wal_flush_lsn()',
  'pg_walfile_name(pg_lsn)',
  'pg_postmaster_start_time()',
  'pg_stat_get_bgwriter_stat_reset_time()',
  'pg_last_wal_replay_lsn()',
  'pg_last_wal_receive_lsn()',
  'pg_last_xact_replay_timestamp()',
  'pg_get_wal_replay_pause_state()',
  'pg_stat_get_wal_receiver()',
  'pg_stat_get_activity(integer)',
  'pg_stat_get_wal_senders()',
  'pg_prepared_xact()',
  'pg_xact_commit_timestamp(xid)',
  // The parameter `flush` exists since 17.
  'pg_logical_emit_message(boolean,text,text)',
  'pg_logical_emit_message(boolean,text,text,boolean)',
  'pg_drop_replication_slot(name)',
];

/** The functions that `role`, or by default the session's own role, may not execute. */
export async function uncallable(
  client: Pick<pg.Client, 'query'>,
  role: string | null = null,
): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT name FROM unnest($1::text[]) AS name WHERE NOT has_function_privilege(coalesce($2, current_user)::name, to_regprocedure(name), 'EXECUTE')`,
    [CALLED, role],
  );
  return rows.map(({ name }) => name);
}

export function grantCalls(functions: readonly string[], role: string): string {
  return `GRANT EXECUTE ON FUNCTION ${functions.join(', ')} TO ${role}`;
}

const OUTCOME_RIGHTS = ['SELECT', 'INSERT', 'UPDATE'];

/**
 * The role that viewers' transactions run as, if `viewerSettings` name an existing role that lacks rights on
 * `meridian.outcomes`. An outcome is written in the transaction itself and therefore under its role. Null if nothing
 * is missing.
 */
export async function roleWithoutOutcomes(
  client: Pick<pg.Client, 'query'>,
  viewerSettings: string,
): Promise<string | null> {
  const named = viewersRole(viewerSettings);
  if (named === null) return null;
  const { rows } = await client.query<{ lacks: boolean }>(
    `SELECT NOT (SELECT bool_and(has_table_privilege(r.oid, to_regclass('meridian.outcomes'), needed)) FROM unnest($2::text[]) AS needed) AS lacks FROM pg_roles r WHERE r.rolname = $1 AND to_regclass('meridian.outcomes') IS NOT NULL`,
    [named, OUTCOME_RIGHTS],
  );
  return rows[0]?.lacks === true ? named : null;
}

export function grantOutcomes(role: string): string {
  return `GRANT ${OUTCOME_RIGHTS.join(', ')} ON meridian.outcomes TO ${role}`;
}

/** Rights that one role lacks on one of Meridian's own tables. */
export interface Lack {
  readonly role: string;
  readonly table: string;
  readonly rights: readonly string[];
}

/**
 * The rights that are missing on Meridian's own tables: those of the session's role, as which servers connect and
 * remove expired rows, and those of the viewers' role on the tables that conflicts need, if there are policies that
 * compare. `roleWithoutOutcomes` covers the rest. Tables that do not exist are ignored.
 */
export async function missingMetadataRights(
  client: Pick<pg.Client, 'query'>,
  viewerSettings: string,
  compares: boolean,
): Promise<readonly Lack[]> {
  const viewers = viewersRole(viewerSettings);
  const needs = [
    ...['meridian.outcomes', 'meridian.history', 'meridian.conflicts'].map((table) => ({
      role: null,
      table,
      rights: 'SELECT,INSERT,UPDATE,DELETE',
    })),
    ...(viewers !== null && compares
      ? [
          { role: viewers, table: 'meridian.history', rights: 'SELECT' },
          { role: viewers, table: 'meridian.conflicts', rights: 'INSERT' },
        ]
      : []),
  ];
  const { rows } = await client.query<Lack>(
    `SELECT r.rolname::text AS role, w.name AS table, ARRAY(SELECT needed FROM unnest(string_to_array(w.rights, ',')) AS needed WHERE NOT has_table_privilege(r.oid, to_regclass(w.name), needed)) AS rights
       FROM unnest($1::text[], $2::text[], $3::text[]) AS w (role, name, rights) JOIN pg_roles r ON r.rolname = coalesce(w.role, current_user) WHERE to_regclass(w.name) IS NOT NULL ORDER BY 1, 2`,
    [needs.map(({ role }) => role), needs.map(({ table }) => table), needs.map(({ rights }) => rights)],
  );
  return rows.filter(({ rights }) => rights.length > 0);
}

function viewersRole(viewerSettings: string): string | null {
  const parsed = parseViewerSettings(viewerSettings);
  const named = 'settings' in parsed ? parsed.settings.find(({ name }) => name === 'role') : undefined;
  return named !== undefined && 'literal' in named ? named.literal : null;
}
