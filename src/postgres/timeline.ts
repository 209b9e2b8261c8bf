/** Owns reading a timeline's history from a server: where each finished timeline ended and the next began (R7). */
import type pg from 'pg';
import { MeridianError } from '../base/errors.ts';
import { parseTimelineHistory, type TimelineHistory } from '../base/lineage.ts';
import { closeClient, openClient } from './tail-client.ts';

/** Asks over a connection that speaks the replication protocol. The first timeline has no history, and no file of one. */
export async function readHistory(client: pg.Client, timeline: number): Promise<TimelineHistory> {
  if (timeline === 1) return { timeline, switches: [] };
  const { rows } = await client.query<{ content: string | Buffer }>(`TIMELINE_HISTORY ${timeline}`);
  const content = rows[0]?.content;
  if (content === undefined) throw new MeridianError({ code: 'DATABASE_ERROR', message: `The server has no history of timeline ${timeline}: restore ${timeline.toString(16).padStart(8, '0').toUpperCase()}.history to its pg_wal.` });
  return parseTimelineHistory(timeline, content.toString());
}

export interface LineageOptions {
  readonly databaseUrl: string;
  readonly connectMs: number;
}

/** The timeline that the server is on, and its history, over a connection opened for the purpose; `timeline` names another one. */
export async function fetchHistory(options: LineageOptions, timeline?: number): Promise<TimelineHistory> {
  const client = await openClient({ ...options, applicationName: 'meridian lineage', statementMs: 0, replication: true });
  try {
    return await readHistory(client, timeline ?? (await readTimeline(client)));
  } finally {
    await closeClient(client);
  }
}

/** The timeline that the server replays or writes now. */
export async function readTimeline(client: pg.Client): Promise<number> {
  const { rows } = await client.query<{ timeline: number | string }>('IDENTIFY_SYSTEM');
  return Number(rows[0]?.timeline);
}
