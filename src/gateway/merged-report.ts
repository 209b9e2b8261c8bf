/**
 * Owns `extensions.consistency` of an operation that several subgraphs have answered: their reports merged into one.
 */
import { CONSISTENCY_LEVELS, type ConsistencyLevel } from '../consistency/requirement.ts';
import { strongestLevel } from '../consistency/strength.ts';

export interface ConsistencyReport {
  readonly token: string | null;
  /** The strongest level of any part. */
  readonly level: ConsistencyLevel;
  /** Names of the regions that answered; more than one if a gateway has subgraphs of several regions. */
  readonly region: string;
  readonly servedBy: Readonly<Record<'cache' | 'replica' | 'primary', number>>;
  /** The longest wait of any part, milliseconds. */
  readonly waitedMs: number;
  /** The greatest staleness of what was read, milliseconds; null if one is unknown. */
  readonly staleness: number | null;
  /** The farthest place where a mutation ran; absent for reads. */
  readonly writes?: Writes;
  /** Whether a stored outcome was returned. */
  readonly replayed?: true;
}

/** From the nearest to the farthest. */
const WRITES = ['local', 'direct', 'forwarded'] as const;
type Writes = (typeof WRITES)[number];
const SERVERS = ['cache', 'replica', 'primary'] as const;

/** A subgraph's report without its token; null for another value, since other subgraphs may use the same name. */
export type PartReport = Omit<ConsistencyReport, 'token'>;

export function readReport(extensions: unknown): PartReport | null {
  const given = fieldOf(extensions, 'consistency');
  const level = CONSISTENCY_LEVELS.find((known) => known === fieldOf(given, 'level'));
  const region = fieldOf(given, 'region');
  if (level === undefined || typeof region !== 'string') return null;
  const servedBy = fieldOf(given, 'servedBy');
  const writes = WRITES.find((known) => known === fieldOf(given, 'writes'));
  const staleness = fieldOf(given, 'staleness');
  return {
    level,
    region,
    servedBy: {
      cache: amount(fieldOf(servedBy, 'cache')),
      replica: amount(fieldOf(servedBy, 'replica')),
      primary: amount(fieldOf(servedBy, 'primary')),
    },
    waitedMs: amount(fieldOf(given, 'waitedMs')),
    staleness: typeof staleness === 'number' ? staleness : null,
    ...(writes === undefined ? {} : { writes }),
    ...(fieldOf(given, 'replayed') === true ? { replayed: true } : {}),
  };
}

/** Tokens in a subgraph's report, for gateways that drop headers. */
export function tokenIn(extensions: unknown): string | undefined {
  const token = fieldOf(fieldOf(extensions, 'consistency'), 'token');
  return typeof token === 'string' ? token : undefined;
}

/** Null if no subgraph has reported anything. */
export function mergeReports(parts: readonly PartReport[], token: string | null): ConsistencyReport | null {
  if (parts.length === 0) return null;
  const ways = parts.flatMap(({ writes }) => writes ?? []);
  const [first, ...others] = ways;
  return {
    token,
    level: strongestLevel(parts.map(({ level }) => level)),
    region: [...new Set(parts.map(({ region }) => region))].join(','),
    servedBy: { cache: sum(parts, 'cache'), replica: sum(parts, 'replica'), primary: sum(parts, 'primary') },
    waitedMs: Math.max(...parts.map(({ waitedMs }) => waitedMs)),
    staleness: greatestStaleness(parts),
    ...(parts.some(({ replayed }) => replayed) ? { replayed: true } : {}),
    ...(first === undefined
      ? {}
      : { writes: others.reduce((a, b) => (WRITES.indexOf(a) >= WRITES.indexOf(b) ? a : b), first) }),
  };
}

/** Of parts that have read something: the others have no staleness. */
function greatestStaleness(parts: readonly PartReport[]): number | null {
  const known = parts
    .filter(({ servedBy }) => SERVERS.some((server) => servedBy[server] > 0))
    .map(({ staleness }) => staleness);
  return known.reduce<number | null>((a, b) => (a === null || b === null ? null : Math.max(a, b)), known[0] ?? null);
}

function sum(parts: readonly PartReport[], server: (typeof SERVERS)[number]): number {
  return parts.reduce((total, { servedBy }) => total + servedBy[server], 0);
}

function amount(value: unknown): number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? (value as Record<string, unknown>)[name]
    : undefined;
}
