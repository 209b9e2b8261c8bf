/**
 * Proves what every client does with tokens, with those that are refused, and with answers that a write has overtaken.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createTokenStore, type Loss, type TokenStore, type TokenStoreOptions } from '../../../src/client/index.ts';
import { floorOf, token } from '../../support/client-tokens.ts';
import { CLIENTS, makeClient, type TestClient } from '../../support/clients.ts';
import { startScriptedGraph, type Asked, type Reply, type ScriptedGraph } from '../../support/scripted-graph.ts';

const QUERY = 'query Look($id: ID!) { user(id: $id) { id name } }';
const MUTATION = 'mutation Save($id: ID!) { updateUser(id: $id) { user { id name } } }';
const VARIABLES = { id: '1' };
const HELD = token({ A: [1, 5] });
/** What queries and mutations ask for, each its part. */
const GOOD = { user: { id: '1', name: 'Ann' }, updateUser: { user: { id: '1', name: 'Ann' } } };
const FUTURE_MS = 60;

type Named = typeof GOOD;

const good = (...tokens: readonly string[]): Reply => ({
  body: { data: GOOD, extensions: { consistency: { token: tokens.join(',') } } },
});
const refusedWith = (code: string, data: unknown = null): Reply => ({
  body: {
    data,
    errors: [{ message: `it is ${code}`, extensions: { code } }],
    extensions: { consistency: { token: token({ A: [1, 7] }) } },
  },
});

interface Setting {
  readonly store: TokenStore;
  readonly client: TestClient;
  readonly losses: Loss[];
  readonly graph: ScriptedGraph;
}

for (const name of CLIENTS) {
  let learnt: TokenStore | undefined;
  const during = async (
    reply: (asked: Asked, number: number) => Reply | Promise<Reply>,
    work: (setting: Setting) => Promise<void>,
    options: TokenStoreOptions & { readonly idempotencyKeys?: boolean; readonly fetch?: typeof fetch } = {},
  ): Promise<void> => {
    await using graph = await startScriptedGraph(reply);
    const losses: Loss[] = [];
    const store = createTokenStore({
      initial: HELD,
      futureMs: FUTURE_MS,
      onLost: (loss) => losses.push(loss),
      ...options,
    });
    const client = makeClient(name, {
      url: graph.url,
      store,
      idempotencyKeys: options.idempotencyKeys ?? false,
      ...(options.fetch ? { fetch: options.fetch } : {}),
    });
    await work({ store, client, losses, graph });
  };
  const sentOf = ({ graph }: Setting): readonly (string | undefined)[] => graph.asked.map((asked) => asked.token);

  describe(`${name} with tokens`, () => {
    it('asks for a token even before it has one, and sends it from then on', async () => {
      const [first, second] = [token({ A: [1, 6] }), token({ A: [1, 6], B: [1, 2] })];
      await during(
        (_, number) => (number === 0 ? good(first) : good(second)),
        async (setting) => {
          const { data } = await setting.client.query<Named>(QUERY, VARIABLES);
          assert.equal(data?.user.name, 'Ann');
          await setting.client.mutate(MUTATION, VARIABLES);
          await setting.client.query(QUERY, VARIABLES);
          assert.deepEqual(sentOf(setting), ['', first, second]);
        },
        { initial: null },
      );
    });

    it('takes several tokens of one answer, and keeps its own where one brings none', async () => {
      await during(
        (_, number) => (number === 0 ? good(token({ A: [1, 6] }), token({ B: [1, 2] })) : { body: { data: GOOD } }),
        async ({ client, store }) => {
          await client.query(QUERY, VARIABLES);
          assert.equal(floorOf(store.tokens()), 'A:1/6 B:1/2');
          await client.query(QUERY, VARIABLES);
          assert.equal(floorOf(store.tokens()), 'A:1/6 B:1/2');
        },
      );
    });

    for (const code of [
      'CONSISTENCY_LOST',
      'CONSISTENCY_TOKEN_MALFORMED',
      'CONSISTENCY_TOKEN_FORGED',
      'CONSISTENCY_TOKEN_FOREIGN',
    ]) {
      it(`forgets what ${code} refuses, tells it, and asks once more without`, async () => {
        const fresh = token({ A: [2, 6] });
        await during(
          (_, number) => (number === 0 ? refusedWith(code) : good(fresh)),
          async (setting) => {
            const { data, codes } = await setting.client.query<Named>(QUERY, VARIABLES);
            assert.deepEqual(
              [data?.user.name, codes, sentOf(setting), setting.store.tokens()],
              ['Ann', [], [HELD, ''], [fresh]],
            );
            assert.deepEqual(setting.losses, [
              { code, message: `it is ${code}`, operation: { kind: 'query', name: 'Look' } },
            ]);
          },
        );
      });
    }

    it('forgets them also where the refusal is one error beside valid data', async () => {
      await during(
        (_, number) => (number === 0 ? refusedWith('CONSISTENCY_LOST', { user: null }) : good()),
        async (setting) => {
          const { data, codes } = await setting.client.query<Named>(QUERY, VARIABLES);
          assert.deepEqual(
            [data?.user.name, codes, sentOf(setting), setting.store.tokens()],
            ['Ann', [], [HELD, ''], []],
          );
        },
      );
    });

    it("never sends a mutation again by itself: its error is the application's", async () => {
      await during(
        () => refusedWith('CONSISTENCY_LOST'),
        async (setting) => {
          const { codes } = await setting.client.mutate(MUTATION, VARIABLES);
          assert.deepEqual([codes, sentOf(setting), setting.store.tokens()], [['CONSISTENCY_LOST'], [HELD], []]);
          assert.deepEqual(
            setting.losses.map(({ operation }) => operation),
            [{ kind: 'mutation', name: 'Save' }],
          );
        },
      );
    });

    it('asks no third time, and no second time where repeating is off or no token was sent', async () => {
      const other = token({ B: [1, 1] });
      await during(
        (_, number) => {
          // Meanwhile another tab learns something, which is refused as well.
          if (number === 0) learnt?.learn({ answered: [other] });
          return refusedWith('CONSISTENCY_LOST');
        },
        async (setting) => {
          learnt = setting.store;
          assert.deepEqual((await setting.client.query(QUERY, VARIABLES)).codes, ['CONSISTENCY_LOST']);
          assert.deepEqual([sentOf(setting), setting.store.tokens(), setting.losses.length], [[HELD, other], [], 2]);
          assert.deepEqual((await setting.client.query(QUERY, VARIABLES)).codes, ['CONSISTENCY_LOST']);
          assert.equal(setting.graph.asked.length, 3);
        },
      );
      await during(
        () => refusedWith('CONSISTENCY_LOST'),
        async (setting) => {
          assert.deepEqual((await setting.client.query(QUERY, VARIABLES)).codes, ['CONSISTENCY_LOST']);
          assert.deepEqual([sentOf(setting), setting.store.tokens()], [[HELD], []]);
        },
        { repeatRefused: false },
      );
    });

    it('waits before it gives up a token of the future, since a server may be behind', async () => {
      const fresh = token({ A: [1, 8] });
      await during(
        (_, number) => (number === 0 ? refusedWith('CONSISTENCY_TOKEN_FUTURE') : good(fresh)),
        async (setting) => {
          const beganMs = performance.now();
          const { data } = await setting.client.query<Named>(QUERY, VARIABLES);
          assert.deepEqual(
            [data?.user.name, sentOf(setting), setting.store.tokens(), setting.losses],
            ['Ann', [HELD, HELD], [fresh], []],
          );
          assert.ok(performance.now() - beganMs >= FUTURE_MS - 1);
        },
      );
      await during(
        (_, number) => (number < 2 ? refusedWith('CONSISTENCY_TOKEN_FUTURE') : good()),
        async (setting) => {
          const { data } = await setting.client.query<Named>(QUERY, VARIABLES);
          assert.deepEqual(
            [data?.user.name, sentOf(setting), setting.store.tokens(), setting.losses.length],
            ['Ann', [HELD, HELD, ''], [], 1],
          );
        },
      );
    });

    it('gives up a token of the future also where there are mutations only', async () => {
      await during(
        () => refusedWith('CONSISTENCY_TOKEN_FUTURE'),
        async (setting) => {
          await setting.client.mutate(MUTATION, VARIABLES);
          assert.deepEqual([setting.store.tokens(), setting.losses.length], [[HELD], 0]);
          await new Promise((resolve) => setTimeout(resolve, FUTURE_MS + 10));
          await setting.client.mutate(MUTATION, VARIABLES);
          assert.deepEqual([sentOf(setting), setting.store.tokens(), setting.losses.length], [[HELD, HELD], [], 1]);
        },
      );
    });

    it('asks again where a write was answered while the question was under way, and the answer does not show it', async () => {
      const [old, written] = [token({ A: [1, 6] }), token({ A: [1, 9] })];
      for (const [answered, sendings] of [
        [old, 2],
        [written, 1],
      ] as const) {
        let begun = (): void => undefined;
        const asked = new Promise<void>((resolve) => (begun = resolve));
        let release = (): void => undefined;
        const released = new Promise<void>((resolve) => (release = resolve));
        await during(
          async (request, number) => {
            if (request.query.startsWith('mutation'))
              return { body: { data: GOOD, extensions: { consistency: { token: written } } } };
            if (number > 0) return good(written);
            begun();
            await released;
            return {
              body: {
                data: { ...GOOD, user: { id: '1', name: 'before' } },
                extensions: { consistency: { token: answered } },
              },
            };
          },
          async (setting) => {
            const looking = setting.client.query<Named>(QUERY, VARIABLES);
            await asked;
            await setting.client.mutate(MUTATION, VARIABLES);
            release();
            const { data } = await looking;
            assert.equal(data?.user.name, sendings === 2 ? 'Ann' : 'before');
            assert.deepEqual(
              setting.graph.asked.filter(({ query }) => query.startsWith('query')).map((one) => one.token),
              [HELD, written].slice(0, sendings),
            );
          },
        );
      }
    });

    it('gives mutations keys if asked to, each its own, which retries of the network below keep', async () => {
      const retrying: typeof fetch = async (input, init) => {
        try {
          return await fetch(input, init);
        } catch {
          return fetch(input, init);
        }
      };
      await during(
        (asked, number) =>
          number === 0 ? { breaks: true } : asked.query.startsWith('query') ? good() : { body: { data: GOOD } },
        async ({ client, graph }) => {
          for (const work of [
            () => client.mutate(MUTATION, VARIABLES),
            () => client.mutate(MUTATION, VARIABLES),
            () => client.query(QUERY, VARIABLES),
          ])
            await work();
          const [broken, again, second, query] = graph.asked.map(({ key }) => key);
          assert.match(broken ?? '', /^[0-9a-f]{32}/);
          assert.equal(again, broken);
          assert.match(second ?? '', /^[0-9a-f]{32}/);
          assert.notEqual(second, broken);
          assert.equal(query, undefined);
        },
        { idempotencyKeys: true, fetch: retrying },
      );
      await during(
        () => ({ body: { data: GOOD } }),
        async ({ client, graph }) => {
          await client.mutate(MUTATION, VARIABLES);
          assert.equal(graph.asked[0]?.key, undefined, 'a key that nobody asked for');
        },
      );
    });

    it('takes no token from an answer that nobody waits for, nor from one that was asked for before a sign-out', async () => {
      const fresh = token({ A: [1, 9] });
      let begun = (): void => undefined;
      const asked = new Promise<void>((resolve) => (begun = resolve));
      let release = (): void => undefined;
      const released = new Promise<void>((resolve) => (release = resolve));
      await during(
        async () => {
          begun();
          await released;
          return good(fresh);
        },
        async ({ client, store }) => {
          const abort = new AbortController();
          const given = client.query(QUERY, VARIABLES, abort.signal).catch(() => null);
          await asked;
          abort.abort();
          await given;
          assert.deepEqual(store.tokens(), [HELD]);
          const looking = client.query(QUERY, VARIABLES);
          await new Promise((resolve) => setTimeout(resolve, 30));
          store.clear();
          release();
          await looking;
          assert.deepEqual(store.tokens(), []);
        },
      );
    });
  });
}
