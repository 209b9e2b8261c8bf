/**
 * Proves that a token store holds the fewest tokens that cover all it has seen, within its limits, over a reload, and from
 * server to page.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTokenStore, type TokenStoreProblem } from '../../../src/client/index.ts';
import { leastTokens } from '../../../src/protocol/token-text.ts';
import { floorOf, MemoryStorage, token } from '../../support/client-tokens.ts';
import { seeded } from '../../support/random.ts';

describe('a token store', () => {
  it('covers every position that it was told of with the fewest tokens, in whatever order answers come', () => {
    for (let seed = 1; seed <= 40; seed += 1) {
      const random = seeded(seed);
      const storage = seed % 2 === 0 ? new MemoryStorage() : null;
      const store = createTokenStore({ storage });
      const seen: string[] = [];
      for (let step = 0; step < 30; step += 1) {
        const clusters = random.shuffled(['A', 'B', 'C']).slice(0, 1 + random.below(3));
        const answered = Array.from({ length: random.below(3) }, () =>
          token(Object.fromEntries(clusters.map((cluster) => [cluster, [1, 1 + random.below(1_000)]]))),
        );
        // An answer is not below its request (R6): this one has all that was sent, and more. The others were asked for
        // by nobody.
        const sent = random.below(2) === 0 ? store.tokens() : [];
        seen.push(...answered);
        store.learn({ sent, answered: sent.length > 0 ? [...sent, ...answered] : answered });
        const held = store.tokens();
        assert.equal(floorOf(held), floorOf(seen), `seed ${seed}, step ${step}`);
        assert.deepEqual(leastTokens(held), held, `seed ${seed}, step ${step}`);
        if (storage !== null)
          assert.equal(
            storage.length,
            held.length,
            `seed ${seed}, step ${step}: superfluous tokens stay in the storage`,
          );
      }
    }
  });

  it('drops a token when a server has judged it, and keeps one that came meanwhile', () => {
    const [before, meanwhile, after] = [token({ A: [1, 900] }), token({ B: [1, 5] }), token({ A: [2, 850] })];
    const store = createTokenStore();
    store.learn({ answered: [before] });
    const sent = store.tokens();
    store.learn({ answered: [meanwhile] });
    store.learn({ sent, answered: [after] });
    assert.deepEqual(store.tokens().toSorted(), [meanwhile, after].toSorted());
  });

  it('keeps what it has where an answer brings none', () => {
    const store = createTokenStore({ initial: token({ A: [1, 5] }) });
    store.learn({ sent: store.tokens(), answered: [] });
    assert.equal(floorOf(store.tokens()), 'A:1/5');
  });

  it('takes nothing that could mean something in a header or a page', () => {
    const store = createTokenStore({ initial: `<script>,"x",${token({ A: [1, 5] })}` });
    store.learn({ answered: ['a b', 'a\nb', 'ä', '', 'x'.repeat(5_000), '</script>'] });
    assert.equal(store.dehydrate(), token({ A: [1, 5] }));
  });

  it('keeps its tokens over a reload and shows them to other tabs, for its own graph only', () => {
    const storage = new MemoryStorage();
    storage.setItem('theme', 'dark');
    const first = createTokenStore({ storage, graph: 'shop' });
    first.learn({ answered: [token({ A: [1, 5] })] });
    const other = createTokenStore({ storage: () => storage, graph: 'shop' });
    assert.equal(floorOf(other.tokens()), 'A:1/5');
    other.learn({ sent: other.tokens(), answered: [token({ A: [1, 9] })] });
    assert.equal(floorOf(first.tokens()), 'A:1/9', 'each request reads the storage');
    for (const graph of ['sho', 'shop:x', 'default'])
      assert.deepEqual(createTokenStore({ storage, graph }).tokens(), []);
    createTokenStore({ storage, graph: 'shop:x' }).learn({ answered: [token({ B: [1, 1] })] });
    assert.equal(floorOf(first.tokens()), 'A:1/9', "a graph's name holds a colon");
    first.clear();
    assert.deepEqual([other.tokens(), storage.getItem('theme'), storage.length], [[], 'dark', 2]);
  });

  it('passes tokens from a server to the page that it has rendered', () => {
    const onServer = createTokenStore();
    onServer.learn({ answered: [token({ A: [1, 5] })] });
    onServer.learn({ answered: [token({ B: [1, 6] })] });
    assert.match(onServer.dehydrate(), /^[\w.,~-]+$/);
    const storage = new MemoryStorage();
    createTokenStore({ storage }).learn({ answered: [token({ A: [1, 9], C: [1, 1] })] });
    const inPage = createTokenStore({ storage, initial: onServer.dehydrate() });
    assert.equal(floorOf(inPage.tokens()), 'A:1/9 B:1/6 C:1/1', 'an older page takes nothing back');
  });

  it('drops the oldest beyond its limits, and says so', async () => {
    const problems: TokenStoreProblem[] = [];
    for (const limits of [{ maxTokens: 3 }, { maxHeaderBytes: 3 * token({ A: [1, 1] }).length + 2 }]) {
      const storage = new MemoryStorage();
      const store = createTokenStore({ storage, ...limits, onProblem: (problem) => problems.push(problem) });
      for (const [i, cluster] of ['A', 'B', 'C', 'D', 'E'].entries()) {
        store.learn({ answered: [token({ [cluster]: [1, i + 1] })] });
        // So that each is older than the next one on the wall clock.
        await new Promise((resolve) => setTimeout(resolve, 3));
      }
      assert.equal(floorOf(store.tokens()), 'C:1/3 D:1/4 E:1/5');
      assert.equal(storage.length, 3);
      assert.ok(store.dehydrate().length <= 3 * token({ A: [1, 1] }).length + 2);
    }
    assert.deepEqual(new Set(problems.map(({ problem }) => problem)), new Set(['TOKENS_DROPPED']));
  });

  it('is fast and bounded where somebody has filled the storage', () => {
    const storage = new MemoryStorage();
    for (let i = 0; i < 2_000; i += 1) storage.setItem(`meridian:default:${token({ A: [i + 1, 1] })}`, String(i));
    const beganMs = performance.now();
    const store = createTokenStore({ storage });
    assert.equal(store.tokens().length, 64);
    store.learn({ answered: [token({ B: [1, 1] })] });
    assert.ok(storage.length <= 65);
    assert.ok(performance.now() - beganMs < 5_000);
  });
});
