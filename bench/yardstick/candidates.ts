/**
 * Owns who is measured: Meridian, and the servers that people would use instead, each in the best configuration that
 * its own documentation gives.
 */
import { EU } from '../support/regions.ts';
import { MILLION } from './requests.ts';
import { type ServerSpec } from './servers.ts';

/** How a candidate's load differs from the workload's. */
export interface CandidateLoad {
  /** The query that asks this server for the same data. */
  readonly query?: string;
  /** A bearer JWT and a consistency token with each request; the answer's token goes along with the next one. */
  readonly tokens?: boolean;
  /** Others write meanwhile what is read. */
  readonly writes?: boolean;
  /** So many of the million tasks are read before anything is measured, so that they are cached. */
  readonly fill?: number;
}

export interface Candidate {
  /** As tables show it; unique in a workload. */
  readonly name: string;
  /** As `--peers` names it. */
  readonly peer: string;
  readonly server: ServerSpec;
  readonly load: CandidateLoad;
}

const peer = (
  name: string,
  of: { readonly peer: string; readonly file?: string; readonly cache?: string; readonly load?: CandidateLoad },
): Candidate => ({
  name,
  peer: of.peer,
  server: { file: of.file ?? of.peer, cache: of.cache ?? 'none' },
  load: of.load ?? {},
});

const meridian = (
  name: string,
  of: {
    readonly region?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly withRedis?: boolean;
    readonly simulatedRegions?: number;
    readonly load?: CandidateLoad;
  } = {},
): Candidate => ({
  name,
  peer: 'meridian',
  server: {
    region: of.region ?? EU,
    env: of.env ?? {},
    withRedis: of.withRedis ?? true,
    simulatedRegions: of.simulatedRegions ?? 0,
  },
  load: of.load ?? {},
});

/** PostGraphile makes the schema itself, so the same data has other names there. */
const HOME_OF_POSTGRAPHILE = `query Home($id: BigInt!) { user: userByRowId(rowId: $id) { id: rowId name email organization: organizationByOrganizationId { id: rowId name }
  assignedTasks: tasksByAssigneeId(first: 10, orderBy: [CREATED_AT_ASC, PRIMARY_KEY_ASC]) { nodes { id: rowId title status priority } } } }`;

const NO_CACHE = { MERIDIAN_CACHE: 'false' };

export const BARE = peer('bare node:http, ready bytes', { peer: 'bare' });
export const MERIDIAN = meridian('Meridian');
export const MERIDIAN_WITH_TOKENS = meridian('Meridian, tokens and JWT', { load: { tokens: true } });
export const MERIDIAN_CHANGING = meridian('Meridian, 5 % writes', { load: { tokens: true, writes: true } });
export const MERIDIAN_COLD = meridian('Meridian, no cache', { env: NO_CACHE });
export const MERIDIAN_TENTH = meridian('Meridian, cache of a tenth', {
  env: { MERIDIAN_CACHE_ENTRIES: String(MILLION / 10) },
  withRedis: false,
  load: { fill: MILLION / 10 },
});
/** Bytes enough for all of them. */
const ROOMY = { MERIDIAN_CACHE_ENTRIES: String(MILLION), MERIDIAN_CACHE_BYTES: String(4 * 1_024 ** 3) };
export const MERIDIAN_FEW_ENTRIES = meridian('Meridian, 1,000 entries cached', { env: ROOMY, withRedis: false });
/** Told apart from the other by a setting that it would have anyway. */
export const MERIDIAN_MANY_ENTRIES = meridian('Meridian, 1,000,000 entries cached', {
  env: { ...ROOMY, MERIDIAN_CACHE: 'true' },
  withRedis: false,
  load: { fill: MILLION },
});
export const MERIDIAN_3_REGIONS = meridian('Meridian, 3 regions', { simulatedRegions: 1 });
export const MERIDIAN_12_REGIONS = meridian('Meridian, 12 regions', { simulatedRegions: 10 });
export const meridianOf = (region: string): Candidate => meridian(`Meridian in ${region}`, { region });

export const PG = peer('hand-written pg, one statement', { peer: 'pg' });
export const PG_TRANSACTION = peer('hand-written pg, BEGIN … COMMIT', { peer: 'pg', cache: 'transaction' });

export const APOLLO_RESPONSES = peer('Apollo standalone + response cache', {
  peer: 'apollo-response-cache',
  cache: 'memory',
});
export const APOLLO_GET = peer('Apollo standalone, DataLoader + Redis get/setex', { peer: 'apollo', cache: 'get' });
export const APOLLO_COLD = peer('Apollo standalone, DataLoader', { peer: 'apollo' });
export const FASTIFY_MGET = peer('Apollo on Fastify, DataLoader + Redis', { peer: 'apollo-fastify', cache: 'mget' });
export const FASTIFY_COLD = peer('Apollo on Fastify, DataLoader', { peer: 'apollo-fastify' });
export const MERCURIUS_MGET = peer('Mercurius + JIT, DataLoader + Redis MGET', { peer: 'mercurius', cache: 'mget' });
export const MERCURIUS_MEMORY = peer('Mercurius + JIT, rows in memory', {
  peer: 'mercurius-memory',
  file: 'mercurius',
  cache: 'memory',
});
export const MERCURIUS_COLD = peer('Mercurius + JIT, DataLoader', { peer: 'mercurius' });
export const YOGA_RESPONSES = peer('Yoga + response cache', { peer: 'yoga', cache: 'memory' });
export const YOGA_COLD = peer('Yoga, DataLoader', { peer: 'yoga' });
export const POSTGRAPHILE = peer('PostGraphile 5 (Grafast)', {
  peer: 'postgraphile',
  load: { query: HOME_OF_POSTGRAPHILE },
});
export const PRISMA = peer('Prisma + read replicas', { peer: 'prisma' });
