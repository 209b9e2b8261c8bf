/**
 * Owns the proof that what a primary has shown is on its disk: only then may it be kept in a cache, be covered by a
 * token, or be told to another region.
 *
 * A session that commits with `synchronous_commit = off` makes its commit visible before it is flushed, and a crash of
 * the server takes it back. No timeline tells of that: the server goes on at the same positions with other records.
 * Nothing that SQL can ask tells which of the visible commits are not flushed yet. But each of them lies below the
 * insert position as read after the statement that may have seen it: once the flush position has reached that one, no
 * crash takes back what was seen.
 *
 * So the statement that asks a primary for its position waits, at the server itself and so without another round trip,
 * until that position is flushed. As a rule it is already, or will be in a moment, by whoever commits just now: that is
 * waited for with short sleeps, so that readers add no work to a busy primary. Where nobody flushes (a transaction
 * under way has written and does not go on, or the WAL writer sleeps), a small message is written that is flushed at
 * once. Before PostgreSQL 17 there is no such message: then the WAL writer, and at the latest the heartbeat, flushes.
 *
 * A replica needs none of this: a primary sends only what it has flushed.
 */
import { MeridianError } from '../../base/errors.ts';
import { type Position } from '../../base/lineage.ts';
import { parseLsn, type Lsn } from '../../base/lsn.ts';
import { type Options } from '../../config/options.ts';
import { type Row } from '../../model/model.ts';
import { type Connection, type SqlText } from '../connect/pool-connection.ts';
import { primaryPosition, positionOf, TIMELINE, type Ground } from './position.ts';

/** Where the primary is asked, and how long it may take. */
export interface FlushPlace {
  readonly region: string;
  readonly limits: Pick<Options, 'flushMs' | 'connectMs'>;
}

/** Under which such a message is written. */
const FLUSH_PREFIX = 'meridian:flush';
/** Sleeps of a millisecond before the server is made to flush. */
const SLEEPS = 2;

const NAP = 'pg_sleep(least(20, l.tries + 1) * 0.001)::text';
const FLUSH = `CASE WHEN l.tries < ${SLEEPS} THEN pg_sleep(0.001)::text ELSE pg_logical_emit_message(false, '${FLUSH_PREFIX}', '', true)::text END`;

/**
 * No row on a replica. `$1`: milliseconds. At the beginning of a page the insert position lies behind the page's
 * header.
 */
const waitingSql = (step: string): string => `WITH RECURSIVE looked(tries, began, inserted, flushed) AS (
  SELECT 0, clock_timestamp(), pg_current_wal_insert_lsn(), pg_current_wal_flush_lsn() WHERE NOT pg_is_in_recovery()
  UNION ALL
  SELECT l.tries + 1, l.began, l.inserted, pg_current_wal_flush_lsn() FROM looked l CROSS JOIN LATERAL (SELECT ${step}) AS step
  WHERE l.flushed < l.inserted AND NOT (l.inserted - l.flushed IN (24, 40) AND (l.flushed - '0/0') % 8192 = 0) AND clock_timestamp() < l.began + $1::int * interval '1 millisecond')
SELECT inserted::text AS inserted, flushed::text AS flushed_own, ${TIMELINE} AS timeline FROM looked ORDER BY tries DESC LIMIT 1`;

const WAITING = { name: 'meridian_waiting', text: waitingSql(NAP) };
const FLUSHING = { name: 'meridian_flushing', text: waitingSql(FLUSH) };

/** A column of a statement that looks at a server: whether the role may have it flush. */
export const FLUSHES = `coalesce(has_function_privilege(to_regprocedure('pg_logical_emit_message(boolean,text,text,boolean)'), 'EXECUTE'), false)`;

/** To be sent behind what may have seen something; its row is for `flushedPosition`. */
export function flushStatement({ flushes }: Pick<Connection, 'flushes'>, { limits: { flushMs } }: FlushPlace): SqlText {
  return { ...(flushes ? FLUSHING : WAITING), values: [flushMs] };
}

export function isFlushed(row: Row): boolean {
  const [inserted, flushed] = positions(row);
  return flushed >= primaryPosition(inserted, flushed);
}

/** Not below anything that was visible before, and flushed. Null for a replica. Throws `CONSISTENCY_TIMEOUT`. */
export function flushedPosition(
  row: Row | undefined,
  ground: Ground,
  { region, limits: { flushMs } }: FlushPlace,
): Position | null {
  if (row === undefined) return null;
  if (!isFlushed(row)) {
    throw new MeridianError({
      code: 'CONSISTENCY_TIMEOUT',
      message: `The primary in region ${region} has not flushed its WAL within ${flushMs} ms (flushMs), so that a crash could take back what this request has seen there; try again.`,
      details: { region },
    });
  }
  return positionOf(row, ground, primaryPosition(...positions(row)));
}

/** The same, asked now. */
export async function flushedNow(connection: Connection, place: FlushPlace): Promise<Position | null> {
  // A statement in front shows within its own limit whether anybody answers, however long the flush takes.
  const [, answer] = await connection.pipeline([HERE, flushStatement(connection, place)], {
    answerMs: place.limits.connectMs,
  });
  return flushedPosition(answer?.rows[0], connection, place);
}

const HERE = { name: 'meridian_here', text: 'SELECT 1' };

function positions(row: Row): readonly [inserted: Lsn, flushed: Lsn] {
  return [parseLsn(row['inserted'] as string), parseLsn(row['flushed_own'] as string)];
}
