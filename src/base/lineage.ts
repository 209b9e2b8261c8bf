/** Owns lineages: which cluster and timeline a position belongs to, and whether a position survived a failover. */
import { createHash } from 'node:crypto';
import { type Lsn } from './lsn.ts';

/** Short public name of a database cluster: a hash of its system identifier, which tokens may show. */
export type ClusterId = string & { readonly __brand: 'ClusterId' };

/** A position is (cluster, timeline, LSN); positions compare only within one cluster and along one history (R1). */
export interface Position {
  readonly cluster: ClusterId;
  readonly timeline: number;
  readonly lsn: Lsn;
}

/** One finished timeline: `timeline` ended where its successor `next` began, at `switchLsn`. */
export interface TimelineSwitch {
  readonly timeline: number;
  readonly next: number;
  readonly switchLsn: Lsn;
}

/** The timeline of a server and the finished timelines that led to it, oldest first. */
export interface TimelineHistory {
  readonly timeline: number;
  readonly switches: readonly TimelineSwitch[];
}

/** How a position relates to a server's history. `unknown`: this history does not contain the timeline. */
export type LineageStatus = 'on-history' | 'lost' | 'unknown';

const CLUSTER_ID_LENGTH = 8;

/** The cluster's short name: the first 8 base64url characters of SHA-256 over its system identifier. */
export function clusterIdOf(systemIdentifier: string): ClusterId {
  return createHash('sha256')
    .update(`meridian-cluster:${systemIdentifier}`)
    .digest('base64url')
    .slice(0, CLUSTER_ID_LENGTH) as ClusterId;
}

/**
 * Whether `position` lies on `history` (R7): a position of a finished timeline above its switch point names a write
 * that the failover lost.
 */
export function lineageStatusOf(position: Pick<Position, 'timeline' | 'lsn'>, history: TimelineHistory): LineageStatus {
  if (position.timeline === history.timeline) return 'on-history';
  const ended = history.switches.find((s) => s.timeline === position.timeline);
  if (ended) return position.lsn <= ended.switchLsn ? 'on-history' : 'lost';
  // A lower timeline that is no ancestor is a discarded branch; a higher one may not have reached this process yet.
  return position.timeline < history.timeline ? 'lost' : 'unknown';
}

/**
 * The later of two positions of one cluster. Timelines increase with each promotion, so the higher timeline wins.
 * Whether the lower one's writes survived is decided by `lineageStatusOf`, where the history is known.
 */
export function laterPosition(a: Position, b: Position): Position {
  if (a.cluster !== b.cluster)
    throw new TypeError(`positions of two clusters do not compare: ${a.cluster}, ${b.cluster}`);
  if (a.timeline !== b.timeline) return a.timeline > b.timeline ? a : b;
  return a.lsn >= b.lsn ? a : b;
}

/** Reads the content of a PostgreSQL timeline history file (`1\t0/3000000\treason` per line). */
export function parseTimelineHistory(timeline: number, content: string): TimelineHistory {
  const rows = content
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => /^(\d+)\s+([0-9A-Fa-f]+)\/([0-9A-Fa-f]+)/.exec(line))
    .filter((match) => match !== null)
    .map((match) => ({
      timeline: Number(match[1]),
      switchLsn: ((BigInt(`0x${match[2]}`) << 32n) | BigInt(`0x${match[3]}`)) as Lsn,
    }));
  const switches = rows.map((row, i) => ({ ...row, next: rows[i + 1]?.timeline ?? timeline }));
  return { timeline, switches };
}
