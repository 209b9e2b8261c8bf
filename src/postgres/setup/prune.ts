/** Owns the removal of expired outcomes, older versions and conflicts, in batches, in the primary's region. */
import type pg from 'pg';
import { sleep } from '../../base/clock.ts';
import { type Options } from '../../config/options.ts';
import { type Log } from '../../telemetry/log.ts';
import { closeClient, openClient } from '../connect/open.ts';

export type PruneOptions = Pick<
  Options,
  'pruneMs' | 'pruneRows' | 'historyMs' | 'conflictsMs' | 'connectMs' | 'statementMs'
>;

export interface PrunerParts {
  /** DSN of this region's own server. */
  readonly databaseUrl: string;
  /** Whether this region's server is the primary at present; called before each round. */
  readonly isPrimary: () => boolean;
  readonly options: PruneOptions;
  readonly log: Log;
}

/** A table, the column with the time of each row, and how long rows are kept after that time. */
interface Kept {
  readonly table: string;
  readonly column: string;
  readonly keptMs: number;
}

/**
 * Removes the oldest rows first. Locked rows are skipped: another server may be removing them too, or a request may be
 * renewing its expired row. Rows are identified by ctid, since a row that was updated meanwhile has another ctid and
 * must stay.
 */
function pruneText({ table, column }: Kept): string {
  return `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${column} <= now() - $1::bigint * interval '1 millisecond' ORDER BY ${column} LIMIT $2 FOR UPDATE SKIP LOCKED))`;
}

/** Removes at most `pruneRows` rows from each table; returns the number removed from each. */
export async function prune(
  client: Pick<pg.Client, 'query'>,
  { historyMs, conflictsMs, pruneRows }: Pick<PruneOptions, 'historyMs' | 'conflictsMs' | 'pruneRows'>,
): Promise<Readonly<Record<string, number>>> {
  const all: readonly Kept[] = [
    { table: 'meridian.outcomes', column: 'expires_at', keptMs: 0 },
    { table: 'meridian.history', column: 'at', keptMs: historyMs },
    { table: 'meridian.conflicts', column: 'at', keptMs: conflictsMs },
  ];
  const removed: Record<string, number> = {};
  for (const kept of all)
    removed[kept.table] = (await client.query(pruneText(kept), [kept.keptMs, pruneRows])).rowCount ?? 0;
  return removed;
}

export class Pruner {
  readonly #parts: PrunerParts;
  #failing = false;

  constructor(parts: PrunerParts) {
    this.#parts = parts;
  }

  /** Runs one round per interval until `signal` aborts; a round that lasts longer delays the next one. */
  async run(signal: AbortSignal): Promise<void> {
    const { options, isPrimary } = this.#parts;
    while (!signal.aborted) {
      await sleep(options.pruneMs, signal);
      if (!signal.aborted && isPrimary()) await this.#round(signal);
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { log } = this.#parts;
    try {
      const removed = await this.#prune(signal);
      if (this.#failing) log.info({}, 'Expired outcomes, older versions and conflicts are removed again.');
      this.#failing = false;
      log.debug({ removed }, 'Removed expired outcomes, older versions and conflicts.');
    } catch (error) {
      if (!this.#failing)
        log.warn(
          { err: error },
          'Expired outcomes, older versions and conflicts could not be removed; where the tables of the schema meridian are missing, `meridian setup` makes them. It is tried again at each interval.',
        );
      this.#failing = true;
    }
  }

  /**
   * Removes batches until nothing more is due, so that the tables do not grow when more rows are added per interval
   * than a batch holds. It stops after one interval, so that `isPrimary` is asked again. Rounds are minutes apart, so
   * the connection is not kept open between them.
   */
  async #prune(signal: AbortSignal): Promise<Readonly<Record<string, number>>> {
    const { databaseUrl, options } = this.#parts;
    const endMs = performance.now() + options.pruneMs;
    const client = await openClient({
      databaseUrl,
      applicationName: 'meridian prune',
      connectMs: options.connectMs,
      statementMs: options.statementMs,
    });
    try {
      // No client waits for the removal, so no synchronous replica needs to confirm it.
      await client.query('SET synchronous_commit = local');
      const all: Record<string, number> = {};
      for (let isMore = true; isMore && !signal.aborted && performance.now() < endMs;) {
        const removed = Object.entries(await prune(client, options));
        for (const [table, rows] of removed) all[table] = (all[table] ?? 0) + rows;
        isMore = removed.some(([, rows]) => rows >= options.pruneRows);
      }
      return all;
    } finally {
      await closeClient(client);
    }
  }
}
