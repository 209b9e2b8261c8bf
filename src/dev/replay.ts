/** Owns the switch of a replica's replay, and waiting until a replica has replayed a position. */
import { sleep } from '../base/clock.ts';
import { MeridianError } from '../base/errors.ts';
import { MESSAGE_PREFIX } from '../postgres/wal/decode.ts';
import { withSession } from './postgres/session.ts';

const POLL_MS = 5;

export interface Replica {
  readonly region: string;
  readonly dsn: string;
}

/** Resolves when the replica has stopped to replay; throws `CONSISTENCY_TIMEOUT` after `limitMs`. */
export async function pauseReplay({ region, dsn }: Replica, limitMs: number): Promise<void> {
  await withSession({ dsn }, async (client) => {
    await client.query('SELECT pg_wal_replay_pause()');
    // The pause takes effect with the next record; until then the state says "pause requested".
    for (const until = performance.now() + limitMs; ; await sleep(POLL_MS)) {
      const { rows } = await client.query<{ state: string }>('SELECT pg_get_wal_replay_pause_state() AS state');
      if (rows[0]?.state === 'paused') return;
      if (performance.now() > until)
        throw tooSlow(`The replica in ${region} has not paused its replay within ${limitMs} ms.`);
    }
  });
}

export async function resumeReplay({ dsn }: Replica): Promise<void> {
  await withSession({ dsn }, (client) => client.query('SELECT pg_wal_replay_resume()'));
}

/** What the primary behind `dsn` has written so far, as PostgreSQL writes an LSN. */
export async function writtenPosition(dsn: string): Promise<string> {
  const { rows } = await withSession({ dsn }, (client) =>
    client.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn'),
  );
  return rows[0]?.lsn ?? '';
}

/**
 * The same, with a transaction behind it that changes nothing: what reads the WAL need not wait for somebody's next
 * write to get there.
 */
export async function markPosition(dsn: string): Promise<string> {
  const lsn = await writtenPosition(dsn);
  await withSession({ dsn }, (client) =>
    client.query("SELECT pg_logical_emit_message(true, $1::text, '{}'::text)", [MESSAGE_PREFIX]),
  );
  return lsn;
}

/** Resolves when the replica has replayed `lsn`; throws after `limitMs`. */
export async function untilReplayed({ region, dsn }: Replica, lsn: string, limitMs: number): Promise<void> {
  await withSession({ dsn }, async (client) => {
    for (const until = performance.now() + limitMs; ; await sleep(POLL_MS)) {
      const { rows } = await client.query<{ done: boolean; state: string }>(
        'SELECT pg_last_wal_replay_lsn() >= $1::pg_lsn AS done, pg_get_wal_replay_pause_state() AS state',
        [lsn],
      );
      if (rows[0]?.done) return;
      if (performance.now() > until)
        throw tooSlow(
          `The replica in ${region} has not replayed ${lsn}, which the primary has written, within ${limitMs} ms; ${rows[0]?.state === 'not paused' ? 'look for a link that is cut, or wait longer' : 'its replay is paused, so resume it first'}.`,
        );
    }
  });
}

function tooSlow(message: string): MeridianError {
  return new MeridianError({ code: 'CONSISTENCY_TIMEOUT', message });
}
