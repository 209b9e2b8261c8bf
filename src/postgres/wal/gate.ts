/**
 * Owns the proof that the server shows a transaction before its changes are delivered (R2).
 *
 * On a replica the walsender decodes only what was replayed (its reader is bounded by `GetXLogReplayRecPtr`), and
 * replay makes a commit visible before it moves the replay position past it: `replayLsn ≥ commitLsn` is sufficient.
 * The converse does not hold: a row may be visible for a moment while the position is still below its commit, so a
 * position that is read together with rows may be too low.
 *
 * On a primary decoding follows the flush of the WAL, while a commit becomes visible only when its backend has left
 * the list of running transactions: later, and much later while it waits for a synchronous replica. A cache that is
 * filled in between would keep the old row permanently. On a primary the transaction must therefore be completed in a
 * snapshot that is taken now.
 */
import { parseLsn, type Lsn } from '../../base/lsn.ts';
import { sleep } from '../../base/clock.ts';
import { TIMELINE } from '../read/position.ts';

/** What the server showed at one time. */
export interface Shown {
  /** Null on a primary. */
  readonly replayLsn: Lsn | null;
  readonly snapshot: Snapshot;
}

export interface Snapshot {
  readonly xmin: bigint;
  readonly xmax: bigint;
  readonly running: ReadonlySet<bigint>;
}

/** Parses `xmin:xmax:xip,xip,…`. */
export function parseSnapshot(text: string): Snapshot {
  const [xmin, xmax, list] = text.split(':');
  if (xmin === undefined || xmax === undefined) throw new SyntaxError(`not a snapshot: ${JSON.stringify(text)}`);
  return { xmin: BigInt(xmin), xmax: BigInt(xmax), running: new Set(list ? list.split(',').map(BigInt) : []) };
}

/** Whether the transaction whose id has the low 32 bits `xid` is completed in `snapshot`. */
export function finishedIn(snapshot: Snapshot, xid: number): boolean {
  const full = widen(xid, snapshot.xmax);
  return full < snapshot.xmin || (full < snapshot.xmax && !snapshot.running.has(full));
}

/** The 64-bit id nearest to `reference` with these low bits: ids in use span less than half of the 32-bit range. */
function widen(xid: number, reference: bigint): bigint {
  const candidate = ((reference >> 32n) << 32n) | BigInt(xid);
  const half = 1n << 31n;
  if (candidate > reference + half) return candidate - (1n << 32n);
  if (candidate + half < reference) return candidate + (1n << 32n);
  return candidate;
}

/** The timeline is read after the position, so that it is not older than the position's timeline. */
export const SHOWN_SQL = `SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()::text END AS replay_lsn, pg_current_snapshot()::text AS snapshot, ${TIMELINE} AS timeline`;

export interface ShownRow {
  readonly replay_lsn: string | null;
  readonly snapshot: string;
}

/**
 * One result is used for every transaction that it covers: at a high rate of commits most need no query of their own.
 */
export class VisibilityGate {
  readonly #look: () => Promise<ShownRow>;
  #shown: Shown | null = null;

  constructor(look: () => Promise<ShownRow>) {
    this.#look = look;
  }

  /**
   * Resolves to true once the server shows the transaction or, if `xid` is null, everything that was decoded up to
   * `lsn`; to false if `signal` aborts first.
   */
  async pass(xid: number | null, lsn: Lsn, signal: AbortSignal): Promise<boolean> {
    for (let waitMs = 0; !signal.aborted; waitMs = Math.min(20, waitMs + 1)) {
      if (this.#shown !== null && shows(this.#shown, xid, lsn)) return true;
      if (waitMs > 0) await sleep(waitMs, signal);
      const row = await this.#look();
      this.#shown = {
        replayLsn: row.replay_lsn === null ? null : parseLsn(row.replay_lsn),
        snapshot: parseSnapshot(row.snapshot),
      };
    }
    return false;
  }
}

function shows(shown: Shown, xid: number | null, lsn: Lsn): boolean {
  return shown.replayLsn === null ? xid === null || finishedIn(shown.snapshot, xid) : shown.replayLsn >= lsn;
}
