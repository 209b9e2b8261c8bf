/**
 * Proves what a keeper does where the browser's storage throws, lies, or is taken away: it keeps its promise in memory,
 * and says so once.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createTokenKeeper,
  type KeeperProblem,
  type TokenKeeper,
  type TokenStorage,
} from '../../../src/client/index.ts';
import { floorOf, MemoryStorage, token } from '../../support/client-tokens.ts';

const [OLD, NEW] = [token({ A: [1, 5] }), token({ A: [1, 9] })];

class Faulty extends MemoryStorage {
  fails: 'none' | 'reads' | 'writes' | 'removals' | 'all' = 'none';
  /** Takes writes without keeping them. */
  forgets = false;

  #fail(...kinds: readonly (typeof this.fails)[]): void {
    if (this.fails === 'all' || kinds.includes(this.fails)) throw new DOMException('no', 'QuotaExceededError');
  }
  override get length(): number {
    this.#fail('reads');
    return super.length;
  }
  override setItem(key: string, value: string): void {
    this.#fail('writes');
    if (!this.forgets) super.setItem(key, value);
  }
  override removeItem(key: string): void {
    this.#fail('removals');
    super.removeItem(key);
  }
}

function made(storage: TokenStorage | (() => TokenStorage | undefined)): {
  readonly keeper: TokenKeeper;
  readonly problems: KeeperProblem[];
} {
  const problems: KeeperProblem[] = [];
  return { keeper: createTokenKeeper({ storage, onProblem: (problem) => problems.push(problem) }), problems };
}

describe('a storage that does not work', () => {
  it('is not used where the browser forbids to look at it', () => {
    const { keeper, problems } = made(() => {
      throw new DOMException('denied', 'SecurityError');
    });
    keeper.learn({ answered: [OLD] });
    keeper.learn({ sent: keeper.tokens(), answered: [NEW] });
    assert.deepEqual(keeper.tokens(), [NEW]);
    assert.deepEqual(
      problems.map(({ problem, cause }) => [problem, (cause as DOMException).name]),
      [['STORAGE_FAILED', 'SecurityError']],
    );
    keeper.clear();
    assert.deepEqual(keeper.tokens(), []);
  });

  it('is not needed, as on a server', () => {
    const { keeper, problems } = made(() => undefined);
    keeper.learn({ answered: [OLD] });
    assert.deepEqual([keeper.tokens(), problems], [[OLD], []]);
  });

  it('loses nothing when it is full, or forgets what it was given', () => {
    for (const change of [{ fails: 'writes' }, { forgets: true }] as const) {
      const storage = new Faulty();
      const { keeper, problems } = made(storage);
      keeper.learn({ answered: [OLD] });
      Object.assign(storage, change);
      keeper.learn({ sent: keeper.tokens(), answered: [NEW] });
      keeper.learn({ answered: [token({ B: [1, 3] })] });
      assert.equal(floorOf(keeper.tokens()), 'A:1/9 B:1/3');
      assert.equal(problems.length, 1);
      Object.assign(storage, { fails: 'none', forgets: false });
      keeper.learn({ sent: keeper.tokens(), answered: [token({ A: [1, 10], B: [1, 3] })] });
      assert.equal(
        floorOf(createTokenKeeper({ storage }).tokens()),
        'A:1/10 B:1/3',
        'it is used again when it works again',
      );
    }
  });

  it('does not take back what was read from it before', () => {
    const storage = new Faulty();
    createTokenKeeper({ storage }).learn({ answered: [OLD] });
    const { keeper, problems } = made(storage);
    assert.deepEqual(keeper.tokens(), [OLD]);
    for (const fails of ['reads', 'all'] as const) {
      storage.fails = fails;
      assert.deepEqual(keeper.tokens(), [OLD]);
    }
    assert.equal(problems.length, 1);
  });

  it('cannot bring back what was forgotten', () => {
    const storage = new Faulty();
    const { keeper } = made(storage);
    keeper.learn({ answered: [OLD] });
    storage.fails = 'removals';
    keeper.forget([OLD]);
    assert.deepEqual(keeper.tokens(), []);
    keeper.learn({ answered: [OLD] });
    assert.deepEqual(keeper.tokens(), [OLD], 'learned anew it counts again');
  });

  it('may hold entries of others', () => {
    const storage = new MemoryStorage();
    for (const name of ['a b', '\n', '<x>', '', ',', 'ä', 'x'.repeat(5_000)])
      storage.setItem(`meridian:default:${name}`, 'not a number');
    storage.setItem(`meridian:default:${OLD}`, 'not a number');
    const { keeper } = made(storage);
    assert.deepEqual(keeper.tokens(), [OLD]);
    assert.equal(keeper.dehydrate(), OLD);
  });

  it('may claim to hold more than it has', () => {
    const storage = new MemoryStorage();
    storage.setItem(`meridian:default:${OLD}`, '1');
    const liar: TokenStorage = {
      length: Number.POSITIVE_INFINITY,
      key: (i) => storage.key(i),
      getItem: (key) => storage.getItem(key),
      setItem: () => undefined,
      removeItem: () => undefined,
    };
    assert.deepEqual(createTokenKeeper({ storage: liar }).tokens(), [OLD]);
  });
});
