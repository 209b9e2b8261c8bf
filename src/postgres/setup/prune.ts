/**
 * Owns the end of what writing keeps: outcomes that have expired, older versions and the audit of conflicts, removed
 * bit by bit in the primary's region.
 */
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
  /** Whether this region's server is the primary now; asked before each round. */
  readonly isPrimary: () => boolean;
  readonly options: PruneOptions;
  readonly log: Log;
}

/** What is kept in a table, and for how long after the time in the column. */
interface Kept {
  readonly table: string;
  readonly column: string;
  readonly keptMs: number;
}

/**
 * The oldest first. Rows that somebody holds are left for later: another server that removes them too, or a request
 * that takes its expired row anew. Rows are named by where they lie, since a row that was written again meanwhile lies
 * elsewhere and must stay.
 */
function pruneText({ table, column }: Kept): string {
  return `DELETE FROM ${table} WHERE ctid = ANY (ARRAY(SELECT ctid FROM ${table} WHERE ${column} <= now() - $1::bigint * interval '1 millisecond' ORDER BY ${column} LIMIT $2 FOR UPDATE SKIP LOCKED))`;
}

/** Removes at most `pruneRows` rows from each table; gives how many it removed of each. */
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

  /** One round at each interval until `signal` aborts; a round that lasts longer delays the next. */
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
   * Bit by bit until nothing more is due, so that the tables do not grow where more is kept in an interval than one bit
   * holds; no longer than one interval, after which it is asked again whose task it is. Minutes lie between two rounds:
   * no connection waits for the next.
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
      // Nobody waits for the rows to be gone, so that no synchronous replica need have confirmed it.
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
