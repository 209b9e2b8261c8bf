/** Owns polling the replica's replay position: one loop per process for all reads that wait, slow while none does. */
import type pg from 'pg';
import { Backoff } from '../../base/backoff.ts';
import { sleep } from '../../base/clock.ts';
import { parseLsn, type Lsn } from '../../base/lsn.ts';
import { type Watermark } from '../../change/watermark.ts';
import { type Options } from '../../config/options.ts';
import { type Log } from '../../telemetry/log.ts';
import { closeClient, openClient } from '../connect/open.ts';

export type ReplayOptions = Pick<
  Options,
  'replayPollMs' | 'replayIdleMs' | 'connectMs' | 'statementMs' | 'tailRetryMs' | 'tailRetryMaxMs'
>;

export interface ReplayParts {
  /** DSN of the region's own server. */
  readonly databaseUrl: string;
  /** The position that the server is known to show: advanced by this loop and by the tail. */
  readonly replayed: Watermark;
  /** The position that the tail has applied. While a read waits for it, `ping` asks the tail to query the server. */
  readonly applied?: Watermark;
  readonly ping?: () => void;
  readonly options: ReplayOptions;
  readonly log: Log;
}

const POSITION_SQL = `SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END)::text AS lsn`;

export class ReplayWatcher {
  readonly #parts: ReplayParts;
  readonly #backoff: Backoff;
  #client: pg.Client | null = null;
  #failing = false;

  constructor(parts: ReplayParts) {
    this.#parts = parts;
    this.#backoff = new Backoff({ firstMs: parts.options.tailRetryMs, maxMs: parts.options.tailRetryMaxMs });
  }

  /** Resolves when `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { replayed, applied, options } = this.#parts;
    // A read that begins to wait ends an idle pause at once.
    let wake = new AbortController();
    const wakeUp = (): void => wake.abort();
    const stops = [replayed.onWait(wakeUp), applied?.onWait(wakeUp)];
    signal.addEventListener('abort', wakeUp, { once: true });
    try {
      while (!signal.aborted) {
        wake = new AbortController();
        const retryMs = await this.#look();
        if (retryMs > 0) await sleep(retryMs, signal);
        else if (this.#wanted()) await sleep(options.replayPollMs, signal);
        else await sleep(options.replayIdleMs, wake.signal);
      }
    } finally {
      for (const stop of stops) stop?.();
      signal.removeEventListener('abort', wakeUp);
      if (this.#client) await closeClient(this.#client);
      this.#client = null;
    }
  }

  #wanted(): boolean {
    return this.#parts.replayed.waiting > 0 || (this.#parts.applied?.waiting ?? 0) > 0;
  }

  /** Queries once; returns the delay before the next attempt, 0 on success. */
  async #look(): Promise<number> {
    const { databaseUrl, options, log } = this.#parts;
    try {
      const { connectMs, statementMs } = options;
      this.#client ??= await openClient({
        databaseUrl,
        applicationName: 'meridian replay',
        connectMs,
        statementMs,
        onBroken: () => this.#forget(),
      });
      const before = this.#parts.replayed.lsn;
      const { rows } = await this.#client.query<{ lsn: string | null }>({
        name: 'meridian_replay',
        text: POSITION_SQL,
      });
      const lsn = rows[0]?.lsn ?? null;
      if (lsn !== null) this.#seen(parseLsn(lsn), before);
      if (this.#failing) log.info({}, "The replay position of this region's replica can be read again.");
      this.#failing = false;
      this.#backoff.reset();
      return 0;
    } catch (error) {
      if (!this.#failing)
        log.warn({ err: error }, "The replay position of this region's replica cannot be read; trying again.");
      this.#failing = true;
      const client = this.#client;
      this.#forget();
      if (client) await closeClient(client);
      return this.#backoff.nextMs();
    }
  }

  #seen(lsn: Lsn, before: Lsn | null): void {
    const { replayed, applied, ping } = this.#parts;
    // Below what was known before the query was sent: the replica restarted and shows less than before (R4).
    if (before !== null && lsn < before) replayed.reset('the replica opened below what it had shown', lsn);
    else replayed.advance(lsn);
    const floor = applied?.lowestFloor ?? null;
    if (floor !== null && lsn >= floor) ping?.();
  }

  #forget(): void {
    this.#client = null;
  }
}
