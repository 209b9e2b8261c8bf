/**
 * Proves that no token is lost when two tabs write at once, in whatever order their steps fall, and that one key for
 * all of them would lose some.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTokenStore } from '../../../src/client/index.ts';
import { leastTokens, tokensAfter } from '../../../src/protocol/token-text.ts';
import { floorOf, MemoryStorage, token } from '../../support/client-tokens.ts';
import { seeded, type Random } from '../../support/random.ts';

/**
 * A tab's view of the shared storage. What it writes waits until the schedule says so: a store decides what to write
 * by what it has read before, so that every order of the steps of several tabs can be played in one thread.
 */
class Tab extends MemoryStorage {
  readonly shared: MemoryStorage;
  readonly steps: (() => void)[] = [];

  constructor(shared: MemoryStorage) {
    super();
    this.shared = shared;
  }
  override get length(): number {
    return this.shared.length;
  }
  override key(index: number): string | null {
    return this.shared.key(index);
  }
  override getItem(key: string): string | null {
    return this.shared.getItem(key) ?? super.getItem(key);
  }
  override setItem(key: string, value: string): void {
    super.setItem(key, value);
    this.steps.push(() => this.shared.setItem(key, value));
  }
  override removeItem(key: string): void {
    super.removeItem(key);
    this.steps.push(() => this.shared.removeItem(key));
  }
}

type Learn = (storage: Tab, answered: readonly string[]) => void;

interface Play {
  readonly initial: readonly string[];
  readonly answered: readonly (readonly string[])[];
  readonly learn: Learn;
  /** What a reader finds. */
  readonly read: (storage: MemoryStorage) => readonly string[];
}

/**
 * Plays one order: each number of `order` lets that tab take its next step, the first of which is to read. Returns what
 * is found after each step.
 */
function play(
  { initial, answered, learn, read }: Play,
  order: readonly number[],
): { readonly floors: readonly string[]; readonly over: boolean } {
  const shared = new MemoryStorage();
  for (const one of initial) {
    const tab = new Tab(shared);
    learn(tab, [one]);
    for (const step of tab.steps) step();
  }
  const tabs = answered.map(() => new Tab(shared));
  const begun = new Set<number>();
  const floors: string[] = [];
  for (const index of order) {
    const tab = tabs[index] as Tab;
    if (begun.has(index)) tab.steps.shift()?.();
    else learn(tab, answered[index] ?? []);
    begun.add(index);
    floors.push(floorOf(read(shared)));
  }
  return { floors, over: begun.size === tabs.length && tabs.every(({ steps }) => steps.length === 0) };
}

/** Every order of two tabs' steps, each of `steps`. */
function ordersOf(steps: number): number[][] {
  const grow = (a: number, b: number): number[][] => {
    if (a === 0 && b === 0) return [[]];
    return [
      ...(a > 0 ? grow(a - 1, b).map((rest) => [0, ...rest]) : []),
      ...(b > 0 ? grow(a, b - 1).map((rest) => [1, ...rest]) : []),
    ];
  };
  return grow(steps, steps);
}

const someToken = (random: Random): string =>
  token(
    Object.fromEntries(
      random
        .shuffled(['A', 'B', 'C'])
        .slice(0, 1 + random.below(2))
        .map((cluster) => [cluster, [1, 1 + random.below(20)]]),
    ),
  );

/** Counts how often something that was seen is not found: at the end, or on the way what was there before. */
function lossesOf({
  learn,
  read,
  seeds,
  steps,
}: Pick<Play, 'learn' | 'read'> & { readonly seeds: number; readonly steps: number }): number {
  let losses = 0;
  const orders = ordersOf(steps);
  for (let seed = 1; seed <= seeds; seed += 1) {
    const random = seeded(seed);
    const initial = Array.from({ length: random.below(3) }, () => someToken(random));
    const answered = [[someToken(random)], [someToken(random)]];
    for (const order of orders) {
      const { floors, over } = play({ initial, answered, learn, read }, order);
      assert.ok(over, 'a tab has more steps than the orders give it');
      if (floors.at(-1) !== floorOf([...initial, ...answered.flat()])) losses += 1;
      if (floors.some((floor) => floorOf([...tokensOf(floor), ...initial]) !== floor)) losses += 1;
    }
  }
  return losses;
}

/** The floor as one token again. */
function tokensOf(floor: string): string[] {
  return floor === ''
    ? []
    : floor.split(' ').map((one) => {
        const [, cluster = '', timeline, lsn] = /^(\w):(\d+)\/(\d+)$/.exec(one) ?? [];
        return token({ [cluster]: [Number(timeline), Number(lsn)] });
      });
}

describe('two tabs that write at once', () => {
  it('lose nothing, in every order of their steps, at any moment', () => {
    const learn: Learn = (storage, answered) => createTokenStore({ storage }).learn({ answered });
    const read = (storage: MemoryStorage): readonly string[] => createTokenStore({ storage }).tokens();
    assert.equal(lossesOf({ learn, read, seeds: 24, steps: 4 }), 0);
  });

  it('would lose tokens with one key for all, which this test notices', () => {
    const KEY = 'tokens';
    const read = (storage: MemoryStorage): readonly string[] => storage.getItem(KEY)?.split(',') ?? [];
    const learn: Learn = (storage, answered) =>
      storage.setItem(KEY, leastTokens(tokensAfter({ held: read(storage.shared), sent: [], answered })).join(','));
    assert.ok(lossesOf({ learn, read, seeds: 20, steps: 2 }) > 0);
  });

  it('would lose tokens if the old ones went first, which this test notices', () => {
    const read = (storage: MemoryStorage): readonly string[] => createTokenStore({ storage }).tokens();
    const learn: Learn = (storage, answered) => {
      createTokenStore({ storage }).learn({ answered });
      storage.steps.reverse();
    };
    assert.ok(lossesOf({ learn, read, seeds: 16, steps: 4 }) > 0);
  });
});
