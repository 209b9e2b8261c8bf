/** Owns reading a timeline's history from a server: where each finished timeline ended and the next one began (R7). */
import type pg from 'pg';
import { MeridianError } from '../../base/errors.ts';
import { parseTimelineHistory, type TimelineHistory } from '../../base/lineage.ts';
import { closeClient, openClient } from './open.ts';

/** Needs a connection that accepts replication commands. Timeline 1 has no history file. */
export async function readHistory(client: pg.Client, timeline: number): Promise<TimelineHistory> {
  if (timeline === 1) return { timeline, switches: [] };
  const { rows } = await client.query<{ content: string | Buffer }>(`TIMELINE_HISTORY ${timeline}`);
  const content = rows[0]?.content;
  if (content === undefined)
    throw new MeridianError({
      code: 'DATABASE_ERROR',
      message: `The server has no history of timeline ${timeline}: restore ${timeline.toString(16).padStart(8, '0').toUpperCase()}.history to its pg_wal.`,
    });
  return parseTimelineHistory(timeline, content.toString());
}

export interface LineageOptions {
  readonly databaseUrl: string;
  /** Time limit of connecting, and of the answer. */
  readonly connectMs: number;
}

/** The history of `timeline`, read over a connection that is opened for the purpose. */
export function fetchHistory(options: LineageOptions, timeline: number): Promise<TimelineHistory> {
  return ask(options, (client) => readHistory(client, timeline));
}

/**
 * The timeline that the server replays or writes at present. IDENTIFY_SYSTEM is exact on a replica too, where SQL
 * reports only the timeline of the WAL receiver.
 */
export function fetchTimeline(options: LineageOptions): Promise<number> {
  return ask(options, async (client) => {
    const { rows } = await client.query<{ timeline: number | string }>('IDENTIFY_SYSTEM');
    return Number(rows[0]?.timeline);
  });
}

async function ask<T>(
  { databaseUrl, connectMs }: LineageOptions,
  question: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await openClient({
    databaseUrl,
    applicationName: 'meridian lineage',
    connectMs,
    statementMs: connectMs,
    replication: true,
  });
  try {
    return await question(client);
  } finally {
    await closeClient(client);
  }
}
