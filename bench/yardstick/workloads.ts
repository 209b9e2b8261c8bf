/** Owns the workloads: what is asked, of whom, and what is aimed at. */
import { EU, US } from '../support/regions.ts';
import { atLeast, costAtMost, inRegion, memoryFlat, overRoundTrip, slowestAtMost, steady, type Aim } from './aims.ts';
import * as who from './candidates.ts';
import { type Candidate } from './candidates.ts';
import { type RequestKind } from './requests.ts';

export interface Workload {
  readonly name: string;
  readonly title: string;
  readonly kind: RequestKind;
  /** The first one after the bare server says what is right, and all others are compared with it. */
  readonly candidates: readonly Candidate[];
  /** Also measured at a part of its peak, with load sent at even distances. */
  readonly steady: Candidate | null;
  /** For how long; null: as long as any measurement. */
  readonly steadySeconds: number | null;
  /** Takes so long that it is measured only where it is named. */
  readonly onRequest: boolean;
  /** `million`: a cluster with a million tasks more. */
  readonly data: 'application' | 'million';
  /** Where it is not what the command is told. */
  readonly connections: number | null;
  /** Multiples of the command's warm-up that it takes until the caches are as they stay. */
  readonly warmups: number;
  readonly aims: readonly Aim[];
}

const usual = {
  steady: null,
  steadySeconds: null,
  onRequest: false,
  data: 'application',
  connections: null,
  warmups: 1,
} as const;

const cached = [
  who.APOLLO_RESPONSES,
  who.MERCURIUS_MGET,
  who.MERCURIUS_MEMORY,
  who.YOGA_RESPONSES,
  who.FASTIFY_MGET,
  who.APOLLO_GET,
] as const;
const cold = [who.MERCURIUS_COLD, who.YOGA_COLD, who.FASTIFY_COLD, who.APOLLO_COLD] as const;
const most = 5;

const hotAims = (of: Candidate): Aim[] => [
  atLeast({ of, least: 0.8, to: [who.BARE], toWhat: 'bare bytes' }),
  atLeast({ of, least: 1.5, to: cached, toWhat: 'the fastest peer' }),
  atLeast({ of, least: 5, to: [who.APOLLO_GET], toWhat: 'hand-written Apollo + DataLoader + Redis' }),
];
const coldAims = (of: Candidate, peers: readonly Candidate[]): Aim[] => [
  atLeast({ of, least: 0.8, to: [who.PG], toWhat: 'the hand-written pg handler' }),
  atLeast({ of, least: 1, to: peers, toWhat: 'the fastest peer' }),
];

export const WORKLOADS: readonly Workload[] = [
  {
    ...usual,
    name: 'hot',
    title: '(a) A user, the organization and ten tasks, one of 200 users at random: all of it cached',
    kind: 'home',
    candidates: [who.BARE, who.MERIDIAN, ...cached, who.PG],
    steady: who.MERIDIAN,
    aims: [...hotAims(who.MERIDIAN), steady({ of: who.MERIDIAN, most, beside: who.BARE })],
  },
  {
    ...usual,
    name: 'hot-token',
    title: "(a') The same with a consistency token, its extensions and a bearer JWT",
    kind: 'home',
    candidates: [who.BARE, who.MERIDIAN_WITH_TOKENS],
    steady: who.MERIDIAN_WITH_TOKENS,
    aims: [
      atLeast({ of: who.MERIDIAN_WITH_TOKENS, least: 0.65, to: [who.BARE], toWhat: 'bare bytes' }),
      steady({ of: who.MERIDIAN_WITH_TOKENS, most, beside: who.BARE }),
    ],
  },
  {
    ...usual,
    name: 'spread',
    title: "(a'') The same and a task, over a million pairs of variables: every row cached, hardly any whole operation",
    kind: 'pairs',
    candidates: [who.BARE, who.MERIDIAN, who.MERCURIUS_MEMORY, who.MERCURIUS_MGET],
    warmups: 2,
    aims: [
      atLeast({
        of: who.MERIDIAN,
        least: 1,
        to: [who.MERCURIUS_MEMORY],
        toWhat: 'Mercurius + JIT with its rows in memory',
      }),
    ],
  },
  {
    ...usual,
    name: 'cold',
    title: '(b) As (a) without any cache',
    kind: 'home',
    candidates: [who.PG, who.MERIDIAN_COLD, ...cold, who.POSTGRAPHILE, who.PRISMA],
    steady: who.MERIDIAN_COLD,
    aims: [
      ...coldAims(who.MERIDIAN_COLD, [...cold, who.POSTGRAPHILE, who.PRISMA]),
      steady({ of: who.MERIDIAN_COLD, most }),
    ],
  },
  {
    ...usual,
    name: 'dashboard-hot',
    title:
      '(c) A dashboard, cached; one of its counts depends on the current date, which Meridian therefore always reads',
    kind: 'dashboard',
    candidates: [who.BARE, who.MERIDIAN, ...cached, who.PG],
    aims: hotAims(who.MERIDIAN),
  },
  {
    ...usual,
    name: 'dashboard-kept',
    title: '(c) The dashboard without that count, cached',
    kind: 'dashboardKept',
    candidates: [who.BARE, who.MERIDIAN, ...cached, who.PG],
    aims: hotAims(who.MERIDIAN),
  },
  {
    ...usual,
    name: 'dashboard-cold',
    title: '(c) The dashboard without any cache',
    kind: 'dashboard',
    candidates: [who.PG, who.MERIDIAN_COLD, ...cold],
    aims: coldAims(who.MERIDIAN_COLD, cold),
  },
  {
    ...usual,
    name: 'entities',
    title: '(d) _entities with 100 representations at random, every row cached',
    kind: 'entities',
    candidates: [who.MERIDIAN, who.APOLLO_GET, who.APOLLO_COLD, who.MERCURIUS_MEMORY],
    warmups: 2,
    aims: [
      atLeast({
        of: who.MERIDIAN,
        least: 3,
        to: [who.APOLLO_GET, who.APOLLO_COLD],
        toWhat: 'Apollo standalone with DataLoader',
      }),
    ],
  },
  {
    ...usual,
    name: 'mixed',
    title: '(e) 95 % reads with tokens, 5 % writes by others of what is read',
    kind: 'changing',
    candidates: [who.MERIDIAN_WITH_TOKENS, who.MERIDIAN_CHANGING],
    aims: [
      atLeast({ of: who.MERIDIAN_CHANGING, least: 0.6, to: [who.MERIDIAN_WITH_TOKENS], toWhat: "(a')" }),
      inRegion({ of: who.MERIDIAN_CHANGING, least: 0.99 }),
    ],
  },
  {
    ...usual,
    name: 'million',
    title: '(f) One task out of a million at random, a cache of a tenth (in the process, without Redis)',
    kind: 'million',
    candidates: [who.MERIDIAN_TENTH, who.MERIDIAN_COLD, who.PG],
    data: 'million',
    warmups: 2,
    aims: [
      slowestAtMost({
        of: who.MERIDIAN_TENTH,
        most: 2,
        to: who.MERIDIAN_COLD,
        toWhat: 'that of (b)',
        workload: 'cold',
      }),
      slowestAtMost({
        of: who.MERIDIAN_TENTH,
        most: 2,
        to: who.MERIDIAN_COLD,
        toWhat: 'that of the same requests without a cache',
      }),
    ],
  },
  {
    ...usual,
    name: 'writes',
    title: "(g) updateTask in the primary's region",
    kind: 'retitles',
    candidates: [who.meridianOf(US), who.PG_TRANSACTION, who.PG, who.APOLLO_COLD],
    aims: [
      atLeast({ of: who.meridianOf(US), least: 0.6, to: [who.PG_TRANSACTION], toWhat: 'hand-written pg transactions' }),
    ],
  },
  {
    ...usual,
    name: 'forwarded',
    title: `(g) updateTask by clients in ${EU}, forwarded to ${US}`,
    kind: 'retitles',
    candidates: [who.meridianOf(EU)],
    connections: 2,
    aims: [overRoundTrip({ of: who.meridianOf(EU), mostMs: 5 })],
  },
  {
    ...usual,
    name: 'regions',
    title: 'As (a), in a graph of 3 and of 12 regions (simulated)',
    kind: 'home',
    candidates: [who.MERIDIAN_3_REGIONS, who.MERIDIAN_12_REGIONS],
    aims: [
      costAtMost({ of: who.MERIDIAN_12_REGIONS, most: 1.1, to: who.MERIDIAN_3_REGIONS, toWhat: 'that with 3 regions' }),
    ],
  },
  {
    ...usual,
    name: 'entries',
    title: 'One task of 1,000, cached beside as many others or beside a million',
    kind: 'fewOfMillion',
    data: 'million',
    candidates: [who.MERIDIAN_FEW_ENTRIES, who.MERIDIAN_MANY_ENTRIES],
    aims: [
      costAtMost({
        of: who.MERIDIAN_MANY_ENTRIES,
        most: 1.1,
        to: who.MERIDIAN_FEW_ENTRIES,
        toWhat: 'that with 1,000 entries',
      }),
    ],
  },
  {
    ...usual,
    name: 'memory',
    title: 'Memory under (e) at 70 % of its peak load, for ten minutes',
    kind: 'changing',
    onRequest: true,
    candidates: [who.MERIDIAN_CHANGING],
    steady: who.MERIDIAN_CHANGING,
    steadySeconds: 600,
    aims: [memoryFlat({ of: who.MERIDIAN_CHANGING, most: 1.1 })],
  },
];

/** Everybody whom `--peers` can name. */
export const PEERS: readonly string[] = [
  ...new Set(WORKLOADS.flatMap(({ candidates }) => candidates.map(({ peer }) => peer))),
];
