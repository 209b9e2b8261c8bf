/**
 * Owns the plan of a run: what each lane of clients, writers and faults will do, the same for the same seed whatever
 * happens meanwhile.
 */
import { seeded, type Random } from '../support/random.ts';

/**
 * Numbers that a step resolves its choices with, each from 0 to below 2^30: the ids that exist differ from run to run,
 * the choices do not.
 */
export type Dice = readonly [number, number, number, number];

const DICE_SIDES = 1 << 30;

function dice(random: Random): Dice {
  return [random.below(DICE_SIDES), random.below(DICE_SIDES), random.below(DICE_SIDES), random.below(DICE_SIDES)];
}

export interface Weighted<T> {
  readonly weight: number;
  readonly value: T;
}

export function weighted<T>(random: Random, choices: readonly Weighted<T>[]): T {
  let left = random.below(choices.reduce((sum, { weight }) => sum + weight, 0));
  for (const { weight, value } of choices) {
    if (left < weight) return value;
    left -= weight;
  }
  throw new RangeError('no choices');
}

/** Each lane has randomness of its own, so that how fast one goes changes nothing for the others. */
export function laneRandom(seed: number, lane: string): Random {
  let mixed = seed >>> 0;
  for (const character of lane) mixed = Math.imul(mixed ^ character.charCodeAt(0), 0x01000193) >>> 0;
  return seeded(mixed);
}

export const READS = [
  'tasks',
  'users',
  'project',
  'project again',
  'assigned',
  'comments',
  'next page',
  'organization',
  'dashboard',
  'nothing there',
  'board',
] as const;
export const WRITES = [
  'rename',
  'readdress',
  'create',
  'retitle',
  'set status',
  'move',
  'assign',
  'delete',
  'comment',
  'bump',
] as const;
export type ReadKind = (typeof READS)[number];
export type WriteKind = (typeof WRITES)[number];

export const BOUND_MS = 800;

/** What a read asks for. `bare`: without the client's token. */
export interface Asking {
  readonly level: 'SESSION' | 'EVENTUAL' | 'BOUNDED' | 'STRONG' | 'SNAPSHOT';
  readonly bare: boolean;
}

export interface ClientStep {
  readonly kind: ReadKind | WriteKind;
  readonly asking: Asking;
  /** Chooses the region, and the server in it. */
  readonly place: number;
  readonly dice: Dice;
  /** Takes over what another client knows first, as a gateway does that joins tokens. */
  readonly meets: number | null;
  readonly pauseMs: number;
}

const KINDS: readonly Weighted<ReadKind | WriteKind>[] = [
  ...([
    ['tasks', 16],
    ['users', 10],
    ['project', 12],
    ['project again', 8],
    ['assigned', 6],
    ['comments', 8],
    ['next page', 3],
    ['organization', 4],
    ['dashboard', 5],
    ['nothing there', 3],
    ['board', 8],
  ] as const),
  ...([
    ['rename', 3],
    ['readdress', 1],
    ['create', 2],
    ['retitle', 3],
    ['set status', 2],
    ['move', 3],
    ['assign', 2],
    ['delete', 1],
    ['comment', 2],
    ['bump', 3],
  ] as const),
].map(([value, weight]) => ({ value, weight }));

const ASKINGS: readonly Weighted<Asking>[] = [
  { weight: 50, value: { level: 'SESSION', bare: false } },
  { weight: 28, value: { level: 'EVENTUAL', bare: true } },
  { weight: 3, value: { level: 'EVENTUAL', bare: false } },
  { weight: 4, value: { level: 'BOUNDED', bare: false } },
  { weight: 4, value: { level: 'BOUNDED', bare: true } },
  { weight: 3, value: { level: 'STRONG', bare: false } },
  { weight: 5, value: { level: 'STRONG', bare: true } },
  { weight: 2, value: { level: 'SNAPSHOT', bare: false } },
  { weight: 2, value: { level: 'SNAPSHOT', bare: true } },
];

export function* clientPlan(seed: number, name: string): Generator<ClientStep, never> {
  const random = laneRandom(seed, name);
  for (;;) {
    yield {
      kind: weighted(random, KINDS),
      asking: weighted(random, ASKINGS),
      place: random.below(DICE_SIDES),
      dice: dice(random),
      meets: random.below(12) === 0 ? random.below(DICE_SIDES) : null,
      pauseMs: random.below(50),
    };
  }
}

export const SIDE_WRITES = [
  'retitle',
  'move',
  'move back and forth',
  'set status',
  'rename user',
  'rename organization',
  'insert',
  'delete',
  'several tables',
  'rolled back',
  'savepoint',
  'many rows',
  'comments',
  'dismiss user',
  'truncate comments',
  'truncate tasks',
  'add column',
  'rewrite column',
  'drop column',
  'widen column',
  'change text type',
  'rename column',
  'index',
  'trigger',
  'replica identity',
  'rewrite table',
] as const;
export type SideWriteKind = (typeof SIDE_WRITES)[number];

export interface SideStep {
  readonly kind: SideWriteKind;
  readonly dice: Dice;
  /**
   * `local` does not wait for a synchronous replica: it is visible before what was committed earlier and waits. `off`
   * does not even wait for the disk: a crash may take it back.
   */
  readonly commit: 'on' | 'local' | 'off';
  /** How long each transaction stays open before it is committed. */
  readonly openMs: number;
  readonly pauseMs: number;
}

/** Weights of changes of rows are this many times those of changes of a schema. */
const CHANGES_OF_ROWS = 4;

const SIDE_KINDS: readonly Weighted<SideWriteKind>[] = (
  [
    ['retitle', 14],
    ['move', 12],
    ['move back and forth', 5],
    ['set status', 8],
    ['rename user', 8],
    ['rename organization', 3],
    ['insert', 8],
    ['delete', 6],
    ['several tables', 8],
    ['rolled back', 5],
    ['savepoint', 4],
    ['many rows', 3],
    ['comments', 8],
    ['dismiss user', 2],
    ['truncate comments', 1],
    ['truncate tasks', 1],
    ['add column', 1],
    ['rewrite column', 2],
  ] as const
).map(([value, weight]) => ({ value, weight: CHANGES_OF_ROWS * weight }));

/** Each empties a table's part of the caches, or all of them: more often, and caches would have nothing to answer. */
const SIDE_SCHEMA_KINDS: readonly Weighted<SideWriteKind>[] = (
  [
    ['drop column', 1],
    ['widen column', 1],
    ['change text type', 2],
    ['rename column', 1],
    ['index', 1],
    ['trigger', 1],
    ['replica identity', 1],
    ['rewrite table', 1],
  ] as const
).map(([value, weight]) => ({ value, weight }));

export function* sidePlan(seed: number, name: string): Generator<SideStep, never> {
  const random = laneRandom(seed, name);
  for (;;)
    yield {
      kind: weighted(random, [...SIDE_KINDS, ...SIDE_SCHEMA_KINDS]),
      dice: dice(random),
      commit: random.pick(['on', 'on', 'local', 'off']),
      openMs: random.below(5) === 0 ? random.below(400) : 0,
      pauseMs: random.below(400),
    };
}

export interface FaultStep<N extends string> {
  readonly name: N;
  readonly dice: Dice;
  readonly forMs: number;
  readonly restMs: number;
}

/**
 * Every fault of the lane once before any comes again, each round in another order: a short run meets as many kinds as
 * it can. `restMs`: about how long everything is whole between two.
 */
export function* faultPlan<N extends string>(
  seed: number,
  lane: string,
  names: readonly N[],
  restMs = 4_000,
): Generator<FaultStep<N>, never> {
  const random = laneRandom(seed, lane);
  for (;;) {
    for (const name of random.shuffled(names))
      yield {
        name,
        dice: dice(random),
        forMs: 200 + random.below(2_800),
        restMs: Math.round(restMs / 4) + random.below(restMs),
      };
  }
}

/**
 * All at the same few rows, mostly in the regions that have replicas: what a missing mechanism spoils is looked at
 * before it is spoilt otherwise.
 */
export function* focusedPlan(seed: number, name: string): Generator<ClientStep, never> {
  const random = laneRandom(seed, name);
  const hot = (): number => 2 * random.below(3);
  for (;;) {
    yield {
      kind: weighted(random, [
        { weight: 8, value: 'tasks' },
        { weight: 6, value: 'project again' },
        { weight: 1, value: 'retitle' },
        { weight: 1, value: 'move' },
      ] as const),
      asking: weighted(random, [
        { weight: 6, value: { level: 'SESSION', bare: false } },
        { weight: 3, value: { level: 'EVENTUAL', bare: true } },
        { weight: 1, value: { level: 'STRONG', bare: true } },
      ] as const),
      place: (random.below(8) === 0 ? 0 : 1 + random.below(2)) + 3 * random.below(1 << 20),
      dice: [hot(), hot(), hot(), 2 + 3 * random.below(100)],
      meets: random.below(4) === 0 ? random.below(DICE_SIDES) : null,
      pauseMs: random.below(30),
    };
  }
}

export function* focusedSidePlan(seed: number): Generator<SideStep, never> {
  const random = laneRandom(seed, 'psql');
  // The first few tasks, as `someTask` takes them.
  const hot = (): number => 9 * random.below(1_000) * 3 + random.pick([1, 2]);
  for (;;)
    yield {
      kind: weighted(random, [
        { weight: 3, value: 'retitle' },
        { weight: 2, value: 'move' },
      ] as const),
      dice: [hot(), random.below(3), hot(), hot()],
      commit: 'on',
      openMs: 0,
      pauseMs: 100 + random.below(300),
    };
}

/** Reads of the same few rows, all of them where the primary is. */
export function* primaryPlan(seed: number, name: string): Generator<ClientStep, never> {
  const random = laneRandom(seed, name);
  const hot = (): number => 2 * random.below(3);
  for (;;) {
    yield {
      kind: 'tasks',
      asking: weighted(random, [
        { weight: 1, value: { level: 'SESSION', bare: false } },
        { weight: 1, value: { level: 'EVENTUAL', bare: true } },
      ] as const),
      place: 3 * random.below(1 << 20),
      dice: [hot(), hot(), hot(), 1],
      meets: null,
      pauseMs: random.below(15),
    };
  }
}

/** Comments of a few tasks, which are seldom written, everywhere. */
export function* commentPlan(seed: number, name: string): Generator<ClientStep, never> {
  const random = laneRandom(seed, name);
  const hot = (): number => 2 * random.below(3);
  for (;;) {
    yield {
      kind: weighted(random, [
        { weight: 12, value: 'comments' },
        { weight: 1, value: 'comment' },
      ] as const),
      asking: weighted(random, [
        { weight: 3, value: { level: 'SESSION', bare: false } },
        { weight: 1, value: { level: 'EVENTUAL', bare: true } },
      ] as const),
      place: random.below(DICE_SIDES),
      dice: [hot(), hot(), hot(), hot()],
      meets: random.below(4) === 0 ? random.below(DICE_SIDES) : null,
      pauseMs: random.below(30),
    };
  }
}

/** What depends on tags of mutations, everywhere. */
export function* boardPlan(seed: number, name: string): Generator<ClientStep, never> {
  const random = laneRandom(seed, name);
  for (;;) {
    yield {
      kind: weighted(random, [
        { weight: 6, value: 'board' },
        { weight: 1, value: 'bump' },
      ] as const),
      asking: weighted(random, [
        { weight: 3, value: { level: 'SESSION', bare: false } },
        { weight: 1, value: { level: 'EVENTUAL', bare: true } },
      ] as const),
      place: random.below(DICE_SIDES),
      dice: dice(random),
      meets: random.below(4) === 0 ? random.below(DICE_SIDES) : null,
      pauseMs: random.below(30),
    };
  }
}
