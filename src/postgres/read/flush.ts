/**
 * Owns the proof that what a primary has shown is flushed: only then may it be cached, be covered by a token, or be
 * passed to another region.
 *
 * A session with `synchronous_commit = off` makes its commit visible before it is flushed, and a crash of the server
 * loses it. No timeline shows this: the server continues at the same positions with other records. SQL cannot tell
 * which of the visible commits are not flushed yet. But each of them lies below the insert position that is read after
 * the statement which may have seen it: once the flush position has reached that insert position, no crash can lose
 * what was seen.
 *
 * Therefore the statement that reads a primary's position waits in the server, without another round trip, until that
 * position is flushed. Usually it is flushed already, or will be within milliseconds by a concurrent commit; the
 * statement waits for that with short sleeps, so that reads add no work to a busy primary. If no session flushes (an
 * open transaction has written and is idle, or the WAL writer sleeps), the statement writes a small message that is
 * flushed at once. PostgreSQL before 17 has no such message: there the WAL writer flushes, or at the latest the
 * heartbeat.
 *
 * A replica needs none of this, since a primary sends only WAL that it has flushed.
 */
import { MeridianError } from '../../base/errors.ts';
import { type Position } from '../../base/lineage.ts';
import { parseLsn, type Lsn } from '../../base/lsn.ts';
import { type Options } from '../../config/options.ts';
import { type Row } from '../../model/model.ts';
import { type Connection, type SqlText } from '../connect/pool-connection.ts';
import { primaryPosition, positionOf, TIMELINE, type Ground } from './position.ts';

/** The primary that is read, and the time limits. */
export interface FlushPlace {
  readonly region: string;
  readonly limits: Pick<Options, 'flushMs' | 'connectMs'>;
}

/** Prefix of the message. */
const FLUSH_PREFIX = 'meridian:flush';
/** Number of sleeps, of a millisecond each, before the statement makes the server flush. */
const SLEEPS = 2;

const NAP = 'pg_sleep(least(20, l.tries + 1) * 0.001)::text';
const FLUSH = `CASE WHEN l.tries < ${SLEEPS} THEN pg_sleep(0.001)::text ELSE pg_logical_emit_message(false, '${FLUSH_PREFIX}', '', true)::text END`;

/**
 * Returns no row on a replica. `$1`: time limit, milliseconds. At the start of a page the insert position lies after
 * the page header, which the flush position does not include.
 */
const waitingSql = (step: string): string => `WITH RECURSIVE looked(tries, began, inserted, flushed) AS (
  SELECT 0, clock_timestamp(), pg_current_wal_insert_lsn(), pg_current_wal_flush_lsn() WHERE NOT pg_is_in_recovery()
  UNION ALL
  SELECT l.tries + 1, l.began, l.inserted, pg_current_wal_flush_lsn() FROM looked l CROSS JOIN LATERAL (SELECT ${step}) AS step
  WHERE l.flushed < l.inserted AND NOT (l.inserted - l.flushed IN (24, 40) AND (l.flushed - '0/0') % 8192 = 0) AND clock_timestamp() < l.began + $1::int * interval '1 millisecond')
SELECT inserted::text AS inserted, flushed::text AS flushed_own, ${TIMELINE} AS timeline FROM looked ORDER BY tries DESC LIMIT 1`;

const WAITING = { name: 'meridian_waiting', text: waitingSql(NAP) };
const FLUSHING = { name: 'meridian_flushing', text: waitingSql(FLUSH) };

/** Expression for the SELECT list of a statement that inspects a server: whether the role may make it flush. */
export const FLUSHES = `coalesce(has_function_privilege(to_regprocedure('pg_logical_emit_message(boolean,text,text,boolean)'), 'EXECUTE'), false)`;

/** Must be sent after the statements whose visibility it proves; its row is the input of `flushedPosition`. */
export function flushStatement({ flushes }: Pick<Connection, 'flushes'>, { limits: { flushMs } }: FlushPlace): SqlText {
  return { ...(flushes ? FLUSHING : WAITING), values: [flushMs] };
}

export function isFlushed(row: Row): boolean {
  const [inserted, flushed] = positions(row);
  return flushed >= primaryPosition(inserted, flushed);
}

/**
 * A flushed position that is not below anything that was visible before. Null for a replica. Throws
 * `CONSISTENCY_TIMEOUT`.
 */
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

/** The flushed position at present, in a round trip of its own. */
export async function flushedNow(connection: Connection, place: FlushPlace): Promise<Position | null> {
  // The first statement tells within its own limit whether the server answers, however long the flush takes.
  const [, answer] = await connection.pipeline([HERE, flushStatement(connection, place)], {
    answerMs: place.limits.connectMs,
  });
  return flushedPosition(answer?.rows[0], connection, place);
}

const HERE = { name: 'meridian_here', text: 'SELECT 1' };

function positions(row: Row): readonly [inserted: Lsn, flushed: Lsn] {
  return [parseLsn(row['inserted'] as string), parseLsn(row['flushed_own'] as string)];
}
