/**
 * Proves what a token store does where the browser's storage throws, lies, or is taken away: it keeps its promise in memory,
 * and says so once.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  createTokenStore,
  type TokenStoreProblem,
  type TokenStore,
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
  readonly store: TokenStore;
  readonly problems: TokenStoreProblem[];
} {
  const problems: TokenStoreProblem[] = [];
  return { store: createTokenStore({ storage, onProblem: (problem) => problems.push(problem) }), problems };
}

describe('a storage that does not work', () => {
  it('is not used where the browser forbids to look at it', () => {
    const { store, problems } = made(() => {
      throw new DOMException('denied', 'SecurityError');
    });
    store.learn({ answered: [OLD] });
    store.learn({ sent: store.tokens(), answered: [NEW] });
    assert.deepEqual(store.tokens(), [NEW]);
    assert.deepEqual(
      problems.map(({ problem, cause }) => [problem, (cause as DOMException).name]),
      [['STORAGE_FAILED', 'SecurityError']],
    );
    store.clear();
    assert.deepEqual(store.tokens(), []);
  });

  it('is not needed, as on a server', () => {
    const { store, problems } = made(() => undefined);
    store.learn({ answered: [OLD] });
    assert.deepEqual([store.tokens(), problems], [[OLD], []]);
  });

  it('loses nothing when it is full, or forgets what it was given', () => {
    for (const change of [{ fails: 'writes' }, { forgets: true }] as const) {
      const storage = new Faulty();
      const { store, problems } = made(storage);
      store.learn({ answered: [OLD] });
      Object.assign(storage, change);
      store.learn({ sent: store.tokens(), answered: [NEW] });
      store.learn({ answered: [token({ B: [1, 3] })] });
      assert.equal(floorOf(store.tokens()), 'A:1/9 B:1/3');
      assert.equal(problems.length, 1);
      Object.assign(storage, { fails: 'none', forgets: false });
      store.learn({ sent: store.tokens(), answered: [token({ A: [1, 10], B: [1, 3] })] });
      assert.equal(
        floorOf(createTokenStore({ storage }).tokens()),
        'A:1/10 B:1/3',
        'it is used again when it works again',
      );
    }
  });

  it('does not take back what was read from it before', () => {
    const storage = new Faulty();
    createTokenStore({ storage }).learn({ answered: [OLD] });
    const { store, problems } = made(storage);
    assert.deepEqual(store.tokens(), [OLD]);
    for (const fails of ['reads', 'all'] as const) {
      storage.fails = fails;
      assert.deepEqual(store.tokens(), [OLD]);
    }
    assert.equal(problems.length, 1);
  });

  it('cannot bring back what was forgotten', () => {
    const storage = new Faulty();
    const { store } = made(storage);
    store.learn({ answered: [OLD] });
    storage.fails = 'removals';
    store.forget([OLD]);
    assert.deepEqual(store.tokens(), []);
    store.learn({ answered: [OLD] });
    assert.deepEqual(store.tokens(), [OLD], 'learned anew it counts again');
  });

  it('may hold entries of others', () => {
    const storage = new MemoryStorage();
    for (const name of ['a b', '\n', '<x>', '', ',', 'ä', 'x'.repeat(5_000)])
      storage.setItem(`meridian:default:${name}`, 'not a number');
    storage.setItem(`meridian:default:${OLD}`, 'not a number');
    const { store } = made(storage);
    assert.deepEqual(store.tokens(), [OLD]);
    assert.equal(store.dehydrate(), OLD);
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
    assert.deepEqual(createTokenStore({ storage: liar }).tokens(), [OLD]);
  });
});
