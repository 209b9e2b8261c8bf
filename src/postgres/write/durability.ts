/**
 * Owns how durable a transaction is: the statements right after BEGIN that request a durability, or refuse the
 * transaction if the cluster cannot give it, and the check afterwards.
 *
 * A commit waits for standbys if `synchronous_commit` requires it and `synchronous_standby_names` is not empty. If it
 * is empty, PostgreSQL does not wait and reports nothing; if too few standbys are connected, it waits indefinitely.
 * Both are checked first, in the transaction's own round trip. If the setting is emptied while COMMIT waits, the
 * server ends the wait as if the standbys had confirmed; therefore the names are compared afterwards with those
 * before.
 */
import { MeridianError } from '../../base/errors.ts';
import { type Durability, type Row } from '../../model/model.ts';
import { raisedReason, refusalSql } from '../../write/refusal.ts';
import { sqlStateOf } from '../read/error.ts';
import { type SqlText } from '../connect/pool-connection.ts';

const COMMIT_SETTINGS: Readonly<Record<Durability, string>> = {
  LOCAL: 'local',
  REMOTE_WRITE: 'remote_write',
  REMOTE_APPLY: 'remote_apply',
};

/**
 * The durability of a transaction; `unlessGiven` is the option. Null: the database's own setting applies. Throws
 * `BAD_USER_INPUT` for an unknown level.
 */
export function durabilityAsked(given: string | null | undefined, unlessGiven: string): Durability | null {
  const asked = given ?? unlessGiven;
  if (Object.hasOwn(COMMIT_SETTINGS, asked)) return asked as Durability;
  if (given === null || given === undefined) return null;
  throw new MeridianError({
    code: 'BAD_USER_INPUT',
    message: `There is no durability ${JSON.stringify(given)}; use one of ${Object.keys(COMMIT_SETTINGS).join(', ')}. Nothing was written.`,
  });
}

/**
 * One row: the value of `synchronous_standby_names`, how many standbys a commit waits for (`ANY n (…)`, `FIRST n (…)`,
 * `n (…)`, else one; the server has checked the syntax, and a quoted name cannot begin with such a keyword), how many
 * could confirm at present, and whether this role may see that. The function is used instead of its view, which joins
 * columns that are not needed.
 */
export const STANDBYS = `SELECT names, coalesce((regexp_match(names, '^\\s*(?:(?:first|any)\\s+)?([0-9]+)\\s*\\(', 'i'))[1]::int, 1) AS wanted,
  pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS allowed,
  (SELECT count(*)::int FROM pg_stat_get_wal_senders() WHERE state = 'streaming' AND sync_state IN ('sync', 'quorum')) AS connected
FROM (SELECT btrim(current_setting('synchronous_standby_names')) AS names) configured`;

const REFUSALS = {
  durability_unset:
    "synchronous_standby_names is empty there, so that no commit waits for anybody; name its standbys (ALTER SYSTEM SET synchronous_standby_names = 'ANY 1 (*)', then SELECT pg_reload_conf())",
  durability_unseen:
    'the role of databaseUrl may not see which standbys are connected; GRANT pg_monitor to it, as `meridian setup` does',
  durability_absent:
    'fewer standbys are connected than synchronous_standby_names demands; bring one back, or lower the number',
} as const;

type Reason = keyof typeof REFUSALS;

const isReason = (reason: string | null): reason is Reason => reason !== null && Object.hasOwn(REFUSALS, reason);
const refuse = (reason: Reason): string => refusalSql(reason);

/**
 * Sent right after BEGIN and before the viewer's settings, which may switch to a role that cannot see the standbys.
 * Empty if the database's own setting applies.
 */
export function durabilityStatements(durability: Durability | null): readonly SqlText[] {
  if (durability === null) return [];
  const values = [COMMIT_SETTINGS[durability]];
  if (durability === 'LOCAL')
    return [{ name: 'meridian_local', text: `SELECT set_config('synchronous_commit', $1::text, true)`, values }];
  return [
    {
      name: 'meridian_durable',
      text: `SELECT set_config('synchronous_commit', $1::text, true), s.names,
  CASE WHEN s.names = '' THEN ${refuse('durability_unset')} WHEN NOT s.allowed THEN ${refuse('durability_unseen')} WHEN s.connected < s.wanted THEN ${refuse('durability_absent')} END
FROM (${STANDBYS}) s`,
      values,
    },
  ];
}

/** The error for the client if `durabilityStatements` refused the transaction; null for any other error. */
export function durabilityRefused(cause: unknown, region: string, durability: Durability | null): MeridianError | null {
  const reason = cause instanceof Error ? raisedReason(sqlStateOf(cause) ?? '', cause.message) : null;
  if (!isReason(reason)) return null;
  return new MeridianError({
    code: 'DURABILITY_UNAVAILABLE',
    message: `The primary in region ${region} cannot give ${durability ?? 'the durability asked for'}: ${REFUSALS[reason]}. Nothing was written.`,
    details: { region, durability, reason: reason.slice('durability_'.length) },
    cause,
  });
}

/**
 * Whether `synchronous_standby_names` is unchanged across COMMIT. `guard`, `index`: the rows from before and after it.
 */
export function namesHeld(guard: Row | undefined, index: Row | undefined): boolean {
  return guard?.['names'] === undefined || index?.['standbys'] === undefined || guard['names'] === index['standbys'];
}

export interface Unconfirmed {
  readonly region: string;
  /** Null: COMMIT waited because of the database's own setting. */
  readonly durability: Durability | null;
  readonly durabilityMs: number;
  readonly why: 'late' | 'ended' | 'renamed';
}

/** The transaction is committed at the primary; whether a standby has it is unknown. */
export function durabilityUnconfirmed({ region, durability, durabilityMs, why }: Unconfirmed): MeridianError {
  const asked = durability ?? 'synchronous_commit';
  const because = {
    late: `its standbys did not confirm it within ${durabilityMs} ms (durabilityMs)`,
    ended: 'the server ended before its standbys had confirmed it',
    renamed: 'synchronous_standby_names was changed while it waited for its standbys',
  }[why];
  return new MeridianError({
    code: 'DURABILITY_UNCONFIRMED',
    message: `The write is committed at the primary in region ${region}, but not as ${asked} asks: ${because}. Do not repeat it; see whether the standbys stream (pg_stat_replication).`,
    details: { region, durability, committed: true, why },
  });
}
