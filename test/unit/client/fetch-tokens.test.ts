/**
 * Proves what `withTokens` makes of every way to call `fetch`, what urql's exchange does with parts and repeated
 * instances, and what is read from a document.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Client, fetchExchange, type Operation, type OperationResult } from '@urql/core';
import { kindOf, operationAt, operationIn } from '../../../src/client/document.ts';
import { createTokenStore, withTokens } from '../../../src/client/index.ts';
import { meridianExchange } from '../../../src/client/urql.ts';
import { floorOf, token } from '../../support/client-tokens.ts';
import { startScriptedGraph, type Reply } from '../../support/scripted-graph.ts';

const HELD = token({ A: [1, 5] });
const refusal: Reply = {
  body: { data: null, errors: [{ message: 'lost', extensions: { code: 'CONSISTENCY_LOST' } }] },
};
const fine: Reply = { body: { data: { ok: true }, extensions: { consistency: { token: token({ A: [2, 1] }) } } } };
const json = { 'content-type': 'application/json' };
const query = JSON.stringify({ query: '{ ok }' });

describe('fetch with tokens', () => {
  it('reads and repeats a query however it is given, and leaves the body to the caller', async () => {
    const calls: ((url: string) => Parameters<typeof fetch>)[] = [
      (url) => [url, { method: 'POST', headers: json, body: query }],
      (url) => [new URL(url), { method: 'post', headers: Object.entries(json), body: query }],
      (url) => [new Request(url, { method: 'POST', headers: json, body: query })],
      (url) => [
        new Request(url, { method: 'POST', headers: { ...json, 'x-mine': '0' }, body: query }),
        { headers: new Headers(json) },
      ],
      (url) => [`${url}?query={ok}`],
      (url) => [new Request(`${url}?query={ok}`)],
    ];
    for (const call of calls) {
      await using graph = await startScriptedGraph((_, number) => (number === 0 ? refusal : fine));
      const store = createTokenStore({ initial: HELD });
      const response = await withTokens(fetch, { store })(...call(graph.url));
      assert.deepEqual(await response.json(), fine.body);
      assert.deepEqual(
        [graph.asked.map((asked) => asked.token), floorOf(store.tokens())],
        [[HELD, ''], 'A:2/1'],
        call.toString(),
      );
      assert.equal(graph.asked[0]?.headers['x-mine'], undefined, 'headers that init replaces');
    }
  });

  it('does not send again what may write or cannot be seen', async () => {
    const bodies = [
      JSON.stringify({ query: 'mutation { touch }' }),
      JSON.stringify({ documentId: 'abc' }),
      JSON.stringify({ extensions: { persistedQuery: {} } }),
      JSON.stringify([{ query: '{ ok }' }, { query: 'mutation { touch }' }]),
    ];
    for (const body of bodies) {
      await using graph = await startScriptedGraph(() => refusal);
      const store = createTokenStore({ initial: HELD });
      await (
        await withTokens(fetch, { store, idempotencyKeys: true })(graph.url, { method: 'POST', headers: json, body })
      ).json();
      assert.deepEqual([graph.asked.length, store.tokens()], [1, []], body);
      assert.match(graph.asked[0]?.key ?? '', /^[0-9a-f]{32}$/);
    }
  });

  it('takes the token of a mutation that carries files from the body, where the header cannot be seen', async () => {
    const form = new FormData();
    form.set(
      'operations',
      JSON.stringify({ query: 'mutation ($file: Upload!) { attach(file: $file) }', variables: { file: null } }),
    );
    form.set('map', '{"0":["variables.file"]}');
    form.set('0', new Blob(['text']), 'a.txt');
    const keys: (string | null)[] = [];
    const sending: typeof fetch = async (_, init) => {
      keys.push(new Headers(init?.headers).get('idempotency-key'));
      return Response.json(fine.body);
    };
    const store = createTokenStore();
    await withTokens(sending, { store, idempotencyKeys: true })('http://graph.test/graphql', {
      method: 'POST',
      body: form,
    });
    assert.equal(floorOf(store.tokens()), 'A:2/1');
    assert.match(keys[0] ?? '', /^[0-9a-f]{32}$/);
  });

  it('reads batches, and of what is no GraphQL the header alone', async () => {
    await using graph = await startScriptedGraph((asked) =>
      asked.query === 'undefined'
        ? { body: [fine.body, fine.body], headers: {} }
        : { body: fine.body, headers: { 'consistency-token': token({ B: [1, 7] }) } },
    );
    const store = createTokenStore();
    const fetcher = withTokens(fetch, { store });
    await fetcher(graph.url, { method: 'POST', headers: json, body: `[${query},${query}]` });
    assert.equal(floorOf(store.tokens()), 'A:2/1');
    const rest = createTokenStore();
    await withTokens(fetch, { store: rest })(graph.url.replace('graphql', 'rest'));
    assert.equal(floorOf(rest.tokens()), 'B:1/7');
  });

  it('ends with the request that is given up, also while it waits to ask again', async () => {
    await using graph = await startScriptedGraph(() => ({
      body: { data: null, errors: [{ message: 'later', extensions: { code: 'CONSISTENCY_TOKEN_FUTURE' } }] },
    }));
    const store = createTokenStore({ initial: HELD, futureMs: 60_000 });
    await assert.rejects(
      withTokens(fetch, { store })(graph.url, {
        method: 'POST',
        headers: json,
        body: query,
        signal: AbortSignal.timeout(100),
      }),
      { name: 'TimeoutError' },
    );
    assert.equal(graph.asked.length, 1);
  });
});

describe('the exchange for urql', () => {
  it('learns from answers in parts, and forgets what they refuse, once', async () => {
    const [early, late] = [token({ A: [1, 6] }), token({ A: [1, 8] })];
    const first = { data: { user: { id: '1' } }, hasNext: true, extensions: { consistency: { token: early } } };
    const last = { incremental: [{ data: { name: 'Ann' }, path: ['user'] }], hasNext: false };
    const scripts = [
      { parts: [first, { ...last, extensions: { consistency: { token: late } } }], held: 'A:1/8', losses: 0 },
      {
        parts: [
          first,
          {
            ...last,
            incremental: [
              { ...last.incremental[0], errors: [{ message: 'lost', extensions: { code: 'CONSISTENCY_LOST' } }] },
            ],
          },
        ],
        held: 'A:1/6',
        losses: 1,
      },
    ];
    for (const { parts, held, losses } of scripts) {
      await using graph = await startScriptedGraph(() => ({ parts }));
      let told = 0;
      const store = createTokenStore({ initial: HELD, onLost: () => (told += 1) });
      const client = new Client({ url: graph.url, exchanges: [meridianExchange({ store }), fetchExchange] });
      // Listened to beyond its end: urql gives up a stream that it has read, too, and stumbles over it.
      const { data } = await new Promise<OperationResult<unknown>>((resolve) =>
        client
          .query('query Look { user { id ... @defer { name } } }', {})
          .subscribe((result) => void (result.hasNext || resolve(result))),
      );
      assert.deepEqual(
        [(data as { user: unknown }).user, floorOf(store.tokens()), told],
        [{ id: '1', name: 'Ann' }, held, losses],
      );
    }
  });

  it('gives a mutation that an exchange sends again the same key, and hands on operations as they came', async () => {
    await using graph = await startScriptedGraph(() => ({ body: { data: { touch: true } } }));
    const seen: Operation[] = [];
    const client = new Client({
      url: graph.url,
      exchanges: [
        ({ forward }) =>
          (operations) =>
            forward(operations),
        meridianExchange({ store: createTokenStore(), idempotencyKeys: true }),
        fetchExchange,
      ],
    });
    for (let i = 0; i < 2; i += 1) seen.push((await client.mutation('mutation { touch }', {}).toPromise()).operation);
    const [first] = seen as [Operation];
    await client.executeRequestOperation(first).toPromise();
    const keys = graph.asked.map(({ key }) => key);
    assert.deepEqual([keys[2], keys[0] === keys[1]], [keys[0], false]);
    assert.deepEqual(
      Object.keys(first.context).filter((name) => name.startsWith('meridian')),
      [],
    );
  });
});

describe('what is read from a document', () => {
  it('is whether it may write', () => {
    const cases = {
      '{ a }': 'query',
      'query A { mutation }': 'query',
      'query mutation { a }': 'query',
      'query A($a: X = { b: 1 }) @d(x: {}) { a } fragment mutation on B { c }': 'query',
      '# mutation { a }\n{ a }': 'query',
      '{ a(b: "} mutation {") }': 'query',
      '{ a(b: """ } mutation { \\""" """) }': 'query',
      ',\ufeff mutation{a}': 'mutation',
      'fragment F on B { c } mutation M { a }': 'mutation',
      'query Q { a } mutation M { a }': 'mutation',
      'subscription { a }': 'subscription',
      '': 'query',
    };
    for (const [document, kind] of Object.entries(cases)) assert.equal(kindOf(document), kind, document);
  });

  it('is nothing where the request is no GraphQL', () => {
    for (const body of ['', 'a=b', '{}', '[]', 'null', '[{}]', '{"query":1}'])
      assert.equal(operationIn(body), null, body);
    assert.equal(operationAt('/rest?page=1'), null);
    assert.deepEqual(operationAt('/graphql?query=%7Ba%7D&operationName=A'), { kind: 'query', name: 'A' });
    assert.deepEqual(operationIn('{"query":"query A { a }","operationName":"A"}'), { kind: 'query', name: 'A' });
  });
});
