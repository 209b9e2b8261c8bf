/** Proves what clients of live queries get: their own rows, every digit, tokens, and what other operations get as well. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { startTestApp, US, type TestApp } from '../support/app.ts';
import { EventWatcher, SocketWatcher, type Watcher } from '../support/live.ts';
import { until } from '../support/observe.ts';

const SQL = `
  CREATE TABLE amounts (amount numeric PRIMARY KEY, label text NOT NULL);
  INSERT INTO amounts VALUES (9007199254740993, 'odd'), (9007199254740992, 'even'), (0.1234567890123456789, 'long'), (0.12345678901234568, 'short');
  CREATE TABLE notes (id bigint PRIMARY KEY, tenant text NOT NULL, body text NOT NULL);
  INSERT INTO notes VALUES (1, 'a', 'of a'), (2, 'b', 'of b');
  CREATE TABLE secrets (id bigint PRIMARY KEY, owner text NOT NULL);
  INSERT INTO secrets VALUES (1, 'ann'), (2, 'bob'), (3, 'bob');
  ALTER TABLE secrets ENABLE ROW LEVEL SECURITY;
  CREATE POLICY own ON secrets USING (owner = current_setting('app.user', true));
  CREATE ROLE reader;
  GRANT SELECT ON secrets, notes, amounts TO reader;`;

const SDL = `
  type Query { amount(amount: Decimal!): Amount }
  type Subscription {
    amount(amount: Decimal!): Amount @live
    notes: [Note!]! @list(orderBy: ["id"], limit: 3) @live
    noteCount: Int! @count(of: "Note") @live
  }
  type Mutation { relabel(amount: Decimal!, label: String!): AmountPayload! @update }
  type AmountPayload { amount: Amount token: ConsistencyToken! }
  type Amount @entity(table: "amounts") @key(fields: "amount") { amount: Decimal! label: String! }
  type Note @entity(table: "notes") @tenant(column: "tenant") @key(fields: "id") { id: ID! body: String! }`;

describe('whoever asks for live queries', { timeout: 120_000 }, () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({
      regions: [US],
      files: [{ name: 'live.graphql', body: SDL }],
      sql: [SQL],
      settings: { heartbeatMs: 100, operationCacheBytes: 0, livePollMs: 100 },
    });
  });
  after(async () => app[Symbol.asyncDispose]());

  const url = (): string => app.server(US).url;
  const shown = (watcher: Watcher): unknown => watcher.messages.at(-1)?.data;

  it('keep every digit of a variable, over either transport', async () => {
    const query = 'subscription ($amount: Decimal!) { amount(amount: $amount) { label } }';
    const numbers = {
      odd: '9007199254740993',
      even: '9007199254740992',
      long: '0.1234567890123456789',
      short: '0.12345678901234568',
    };
    for (const Watching of [EventWatcher, SocketWatcher]) {
      const watchers = Object.entries(numbers).map(([label, text]) => {
        const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };
        return [label, new Watching(url(), { query, variables: { amount: rawJSON(text) } })] as const;
      });
      for (const [label, watcher] of watchers) {
        assert.deepEqual((await watcher.message(0)).data, { amount: { label } });
        await watcher[Symbol.asyncDispose]();
      }
    }
  });

  it('of two tenants, and of none, do not share an answer', async () => {
    const query = 'subscription { notes { body } }';
    const [a, b] = await Promise.all(['a', 'b'].map((tenant) => app.bearer({ id: 'ann', tenant })));
    await using ofA = new SocketWatcher(url(), { query, headers: { authorization: `Bearer ${a}` } });
    await ofA.message(0);
    await using ofB = new EventWatcher(url(), { query, headers: { authorization: `Bearer ${b}` } });
    await ofB.message(0);
    await using ofNone = new EventWatcher(url(), { query });
    await until('an answer', () => ofNone.messages.length > 0);
    assert.deepEqual(shown(ofA), { notes: [{ body: 'of a' }] });
    assert.deepEqual(shown(ofB), { notes: [{ body: 'of b' }] });
    assert.ok(!JSON.stringify(ofNone.messages).includes('of '), JSON.stringify(ofNone.messages));
    await app.cluster.query(US, "UPDATE notes SET tenant = 'b' WHERE id = 1");
    await until(
      'the note has gone over',
      () => JSON.stringify(shown(ofB)).includes('of a') && !JSON.stringify(shown(ofA)).includes('of a'),
    );
    await app.cluster.query(US, "UPDATE notes SET tenant = 'a' WHERE id = 1");
    await until('and back', () => JSON.stringify(shown(ofA)).includes('of a'));
  });

  it('are shown rows that go and come again, whole tables that are emptied, and lists that are cut', async () => {
    const headers = { authorization: `Bearer ${await app.bearer({ id: 'ann', tenant: 'c' })}` };
    await using list = new EventWatcher(url(), { query: 'subscription { notes { id } }', headers });
    await using count = new SocketWatcher(url(), { query: 'subscription { noteCount }', headers });
    const ids = (): string =>
      (shown(list) as { notes: { id: string }[] } | undefined)?.notes.map(({ id }) => id).join() ?? '-';
    const both = (what: string, expected: string, total: number): Promise<unknown> =>
      until(
        `${what}: ${expected} and ${total}`,
        () => ids() === expected && (shown(count) as { noteCount?: number })?.noteCount === total,
      );
    await both('empty', '', 0);
    await app.cluster.query(US, "INSERT INTO notes SELECT i, 'c', '' FROM generate_series(11, 12) AS i");
    await both('inserted', '11,12', 2);
    await app.cluster.query(US, 'DELETE FROM notes WHERE id = 12');
    await both('deleted', '11', 1);
    await app.cluster.query(US, "INSERT INTO notes SELECT i, 'c', '' FROM generate_series(12, 19) AS i");
    await both('cut', '11,12,13', 9);
    await app.cluster.query(US, 'DELETE FROM notes WHERE id = 11');
    await both('moved up', '12,13,14', 8);
    await app.cluster.query(US, 'ALTER TABLE notes ALTER COLUMN id TYPE numeric');
    await app.cluster.query(US, 'ALTER TABLE notes ALTER COLUMN id TYPE bigint');
    await app.cluster.query(US, 'UPDATE notes SET id = 20 WHERE id = 12');
    await both('rewritten', '13,14,15', 8);
    await app.cluster.query(US, 'TRUNCATE notes');
    await both('truncated', '', 0);
    await app.cluster.query(US, "INSERT INTO notes VALUES (1, 'a', 'of a'), (2, 'b', 'of b'), (12, 'c', '')");
    await both('again', '12', 1);
  });

  it('may ask at any level, with directives, fragments and several operations in a document', async () => {
    const asked: readonly (readonly [string, Record<string, string>])[] = [
      ['subscription @consistent(level: STRONG) { amount(amount: 9007199254740993) { label } }', {}],
      ['subscription { amount(amount: 9007199254740993) @consistent(level: STRONG) { label } }', {}],
      ['subscription @consistent { amount(amount: 9007199254740993) { label } }', {}],
      [
        'subscription { amount(amount: 9007199254740993) { ...A } } fragment A on Amount { label @skip(if: false) }',
        { 'consistency-level': 'STRONG' },
      ],
      [
        'subscription { amount(amount: 9007199254740993) { ... on Amount @include(if: true) { label } } }',
        { 'consistency-level': 'BOUNDED; maxLagMs=1000' },
      ],
    ];
    for (const [query, headers] of asked)
      for (const Watching of [EventWatcher, SocketWatcher]) {
        await using watcher = new Watching(url(), { query, headers });
        const { data, errors } = await watcher.message(0);
        assert.deepEqual(
          [data, errors],
          [{ amount: { label: 'odd' } }, undefined],
          `${query} ${JSON.stringify(headers)}`,
        );
        await app.cluster.query(US, "UPDATE amounts SET label = 'changed' WHERE label = 'odd'");
        await watcher.message(1);
        assert.deepEqual(shown(watcher), { amount: { label: 'changed' } }, query);
        await app.cluster.query(US, "UPDATE amounts SET label = 'odd' WHERE label = 'changed'");
        await until('back', () => JSON.stringify(shown(watcher)).includes('odd'));
      }
  });

  it('may send queries and mutations on the same socket, and are given tokens', async () => {
    await using mutated = new SocketWatcher(url(), {
      query: 'mutation { relabel(amount: 9007199254740992, label: "new") { amount { label } token } }',
    });
    await until('it has ended', () => mutated.isComplete);
    assert.deepEqual((shown(mutated) as { relabel: { amount: unknown } }).relabel.amount, { label: 'new' });
    const token = mutated.messages[0]?.extensions?.consistency?.token ?? '';
    assert.notEqual(token, '');
    await using asked = new SocketWatcher(url(), {
      query: '{ amount(amount: 9007199254740992) { label } }',
      headers: { 'consistency-token': token },
    });
    await until('it has ended', () => asked.isComplete);
    assert.deepEqual(shown(asked), { amount: { label: 'new' } });
    await using events = new EventWatcher(url(), {
      query: '{ amount(amount: 9007199254740992) { label } }',
      headers: { 'consistency-token': token },
    });
    await until('it has ended', () => events.isComplete);
    assert.deepEqual(shown(events), { amount: { label: 'new' } });
  });

  it('may name a subscription by its hash once the server knows its text', async () => {
    const query = 'subscription Known { amount(amount: 9007199254740993) { label } }';
    const sha256Hash = createHash('sha256').update(query).digest('hex');
    const extensions = { persistedQuery: { version: 1, sha256Hash } };
    const send = async (body: unknown): Promise<string> => {
      const left = new AbortController();
      const response = await fetch(url(), {
        method: 'POST',
        headers: {
          accept: 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json',
          'content-type': 'application/json',
        },
        body: JSON.stringify(body),
        signal: left.signal,
      });
      let text = '';
      for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
        text += chunk;
        if (text.includes('label') || text.includes('errors')) break;
      }
      left.abort();
      return text;
    };
    assert.match(await send({ extensions }), /PERSISTED_QUERY_NOT_FOUND/);
    assert.match(await send({ query, extensions }), /"label":"odd"/);
    assert.match(await send({ extensions }), /"label":"odd"/);
  });
});
