/**
 * Proves what is Apollo Client's own: retries by links on either side, answers in parts, errors of HTTP, and refetches
 * after a mutation.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from '@apollo/client';
import { Defer20220824Handler } from '@apollo/client/incremental';
import { RetryLink } from '@apollo/client/link/retry';
import { meridianLink } from '../../../src/client/apollo.ts';
import { createTokenStore } from '../../../src/client/index.ts';
import { floorOf, token } from '../../support/client-tokens.ts';
import { apolloOver } from '../../support/clients.ts';
import { startScriptedGraph } from '../../support/scripted-graph.ts';

const QUERY = gql`
  query Look {
    user {
      id
      name
    }
  }
`;
const MUTATION = gql`
  mutation Save {
    rename {
      id
      name
    }
  }
`;
const HELD = token({ A: [1, 5] });
const DATA = { user: { __typename: 'User', id: '1', name: 'Ann' } };
const SAVED = { rename: { __typename: 'User', id: '1', name: 'Ann' } };

describe('the link for Apollo Client', () => {
  it('gives each try of a mutation the same key and the tokens of that moment, whether a RetryLink stands before or behind it', async () => {
    for (const outside of [true, false]) {
      await using graph = await startScriptedGraph((_, number) => {
        if (number === 0) store.learn({ answered: [token({ B: [1, 1] })] });
        return number === 0 ? { breaks: true } : { body: { data: SAVED } };
      });
      const store = createTokenStore({ initial: HELD });
      const links = [new RetryLink({ delay: { initial: 1 } }), meridianLink({ store, idempotencyKeys: true })];
      const client = apolloOver([...(outside ? links : links.reverse()), new HttpLink({ uri: graph.url })]);
      await client.mutate({ mutation: MUTATION });
      const [first, second] = graph.asked;
      assert.match(first?.key ?? '', /^[0-9a-f]{32}$/);
      assert.equal(second?.key, first?.key);
      if (outside) assert.equal(floorOf((second?.token ?? '').split(',')), 'A:1/5 B:1/1');
    }
  });

  it("leaves a key of the application's own as it is", async () => {
    await using graph = await startScriptedGraph(() => ({ body: { data: SAVED } }));
    const client = apolloOver([
      meridianLink({ store: createTokenStore(), idempotencyKeys: true }),
      new HttpLink({ uri: graph.url }),
    ]);
    await client.mutate({
      mutation: MUTATION,
      context: { headers: { 'idempotency-key': 'mine', 'x-other': 'stays' } },
    });
    assert.deepEqual([graph.asked[0]?.key, graph.asked[0]?.headers['x-other']], ['mine', 'stays']);
  });

  it('reads the header where the body has no token', async () => {
    await using graph = await startScriptedGraph(() => ({
      body: { data: DATA },
      headers: { 'consistency-token': `${HELD}, ${token({ B: [1, 1] })}` },
    }));
    const store = createTokenStore();
    await apolloOver([meridianLink({ store }), new HttpLink({ uri: graph.url })]).query({ query: QUERY });
    assert.equal(floorOf(store.tokens()), 'A:1/5 B:1/1');
  });

  it('learns from the parts of a deferred answer, and asks again only before the first is shown', async () => {
    const DEFERRED = gql`
      query Look {
        user {
          id
          ... @defer {
            name
          }
        }
      }
    `;
    const [early, late] = [token({ A: [1, 6] }), token({ A: [1, 8] })];
    const errors = [{ message: 'lost', extensions: { code: 'CONSISTENCY_LOST' } }];
    const consistency = (one: string): object => ({ extensions: { consistency: { token: one } } });
    const first = { data: { user: { __typename: 'User', id: '1' } }, hasNext: true };
    const last = (extra: object): object => ({
      incremental: [{ data: { name: 'Ann', __typename: 'User' }, path: ['user'], ...extra }],
      hasNext: false,
    });
    const scripts = [
      {
        parts: [[{ ...first, ...consistency(early) }, last(consistency(late))]],
        sent: [HELD],
        held: 'A:1/8',
        losses: 0,
      },
      {
        parts: [[{ data: null, errors, hasNext: false }], [first, last(consistency(late))]],
        sent: [HELD, ''],
        held: 'A:1/8',
        losses: 1,
      },
      { parts: [[first, last({ errors })]], sent: [HELD], held: '', losses: 1 },
    ];
    for (const script of scripts) {
      await using graph = await startScriptedGraph((_, number) => ({ parts: script.parts[number] ?? [] }));
      let losses = 0;
      const store = createTokenStore({ initial: HELD, onLost: () => (losses += 1) });
      const client = new ApolloClient({
        link: ApolloLink.from([meridianLink({ store }), new HttpLink({ uri: graph.url })]),
        cache: new InMemoryCache(),
        incrementalHandler: new Defer20220824Handler(),
      });
      const shown: unknown[] = [];
      const { data } = await new Promise<{ data: unknown }>((resolve, reject) => {
        client.watchQuery({ query: DEFERRED, errorPolicy: 'all' }).subscribe({
          next: ({ data: one, dataState, loading }) => {
            shown.push(one);
            if (dataState === 'complete' || (!loading && dataState !== 'streaming')) resolve({ data: one });
          },
          error: reject,
        });
      });
      assert.deepEqual(data, { user: { __typename: 'User', id: '1', name: 'Ann' } });
      assert.deepEqual(
        [graph.asked.map((asked) => asked.token), floorOf(store.tokens()), losses],
        [script.sent, script.held, script.losses],
        JSON.stringify(shown),
      );
      client.stop();
    }
  });

  it('finds the code in the body of an error of HTTP', async () => {
    await using graph = await startScriptedGraph((_, number) =>
      number === 0
        ? { status: 400, body: { errors: [{ message: 'forged', extensions: { code: 'CONSISTENCY_TOKEN_FORGED' } }] } }
        : { body: { data: DATA } },
    );
    const store = createTokenStore({ initial: HELD });
    const { data } = await apolloOver([meridianLink({ store }), new HttpLink({ uri: graph.url })]).query({
      query: QUERY,
    });
    assert.deepEqual([data, graph.asked.map((asked) => asked.token)], [DATA, [HELD, '']]);
  });

  it('leaves other errors to whoever asked', async () => {
    await using graph = await startScriptedGraph((_, number) =>
      number === 0 ? { status: 502, body: 'bad' } : { breaks: true },
    );
    const store = createTokenStore({ initial: HELD });
    const client = apolloOver([meridianLink({ store }), new HttpLink({ uri: graph.url })]);
    for (let i = 0; i < 2; i += 1) await assert.rejects(client.query({ query: QUERY, fetchPolicy: 'network-only' }));
    assert.deepEqual([graph.asked.length, store.tokens()], [2, [HELD]]);
  });

  it("sends the mutation's token with what is refetched after it", async () => {
    const [read, written] = [token({ A: [1, 6] }), token({ A: [1, 9] })];
    await using graph = await startScriptedGraph(({ query }) => ({
      body: query.includes('mutation')
        ? { data: SAVED, extensions: { consistency: { token: written } } }
        : { data: DATA, extensions: { consistency: { token: read } } },
    }));
    const store = createTokenStore();
    const client = apolloOver([meridianLink({ store }), new HttpLink({ uri: graph.url })]);
    const watching = client.watchQuery({ query: QUERY }).subscribe({});
    await client.query({ query: QUERY });
    await client.mutate({ mutation: MUTATION, refetchQueries: ['Look'], awaitRefetchQueries: true });
    assert.equal(graph.asked.at(-1)?.token, written);
    watching.unsubscribe();
    client.stop();
  });

  it('does not answer a reader that joins a query sent before its write with what that query shows', async () => {
    const [read, written] = [token({ A: [1, 6] }), token({ A: [1, 9] })];
    let begun = (): void => undefined;
    const asked = new Promise<void>((resolve) => (begun = resolve));
    let release = (): void => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    await using graph = await startScriptedGraph(async ({ query, token: sent }) => {
      if (query.includes('mutation')) return { body: { data: SAVED, extensions: { consistency: { token: written } } } };
      if (sent === written) return { body: { data: DATA, extensions: { consistency: { token: written } } } };
      begun();
      await released;
      return {
        body: { data: { user: { ...DATA.user, name: 'before' } }, extensions: { consistency: { token: read } } },
      };
    });
    for (const repeatOvertaken of [false, true]) {
      const store = createTokenStore({ repeatOvertaken });
      const client = new ApolloClient({
        link: ApolloLink.from([meridianLink({ store }), new HttpLink({ uri: graph.url })]),
        cache: new InMemoryCache(),
      });
      const early = client.query({ query: QUERY, fetchPolicy: 'network-only' });
      await asked;
      await client.mutate({ mutation: MUTATION });
      const late = client.query<typeof DATA>({ query: QUERY, fetchPolicy: 'network-only' });
      release();
      assert.equal(
        (await late).data?.user.name,
        repeatOvertaken ? 'Ann' : 'before',
        'without the repetition it is wrong, and so this shows something',
      );
      await early;
    }
  });
});
