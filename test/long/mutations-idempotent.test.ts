/**
 * Proves declared mutations with an idempotency key: every retry gets the first outcome, whatever it was, in every
 * region.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, EU, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { thing(id: ID!): Thing }
  type Mutation {
    addThing(input: ThingInput!): ThingPayload! @insert
    editThing(id: ID!, expectedVersion: Int, input: ThingEdit!): ThingPayload! @update
    dropThing(id: ID!): ThingPayload! @delete
    addMust(input: ThingInput!): ThingPayload! @insert @idempotent
  }
  type Thing @entity(version: "version") @key(fields: "id") {
    id: ID! name: String! n: Decimal at: DateTime! day: Date bytes: String big: BigInt ratio: Float list: [String!]! nums: [Int!] doc: JSON mark: UUID kind: Kind flag: Boolean version: Int!
    same: [Thing!]! @relation(from: ["name"], to: ["name"], orderBy: ["id"])
  }
  enum Kind { ONE TWO @column(name: "the two") }
  input ThingInput { name: String! n: Decimal day: Date big: BigInt ratio: Float list: [String!] nums: [Int!] doc: JSON mark: UUID kind: Kind flag: Boolean }
  input ThingEdit { name: String n: Decimal doc: JSON }
  type ThingPayload { thing: Thing conflict: ThingConflict token: ConsistencyToken! }
  type ThingConflict { reason: ConflictReason! current: Thing fields: [String!]! }
`;
const SQL = `
  CREATE TYPE kind AS ENUM ('ONE', 'the two');
  CREATE TABLE things (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL CHECK (name <> ''), n numeric(20, 4) UNIQUE, at timestamptz NOT NULL DEFAULT clock_timestamp(), day date, bytes inet DEFAULT '10.0.0.1/8', big bigint, ratio float8,
    list text[] NOT NULL DEFAULT '{}', nums int[], doc jsonb, mark uuid, kind kind, flag boolean, version int NOT NULL DEFAULT 1);`;
const ALL = 'id name n at day bytes big ratio list nums doc mark kind flag version';
const WHOLE = {
  name: 'whole',
  n: '12345678901234.5600',
  day: '2026-01-31',
  big: '9007199254740993',
  ratio: 0.1,
  list: ['a', '"b"', 'ü'],
  nums: [1, -2],
  doc: { deep: [1, null, { x: 'y' }] },
  mark: '0e37df36-f698-11e6-8dd4-cb9ced3df976',
  kind: 'TWO',
  flag: false,
};

interface Payload {
  readonly thing: Record<string, unknown> | null;
  readonly conflict: Record<string, unknown> | null;
}

let app: TestApp;
let keys = 0;
const newKey = (): string => `key ${(keys += 1)}`;
const send = <D = Record<string, Payload>>(
  region: string,
  key: string | null,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Answer<D>> =>
  app.gql<D>(region, query, { variables, headers: key === null ? {} : { 'idempotency-key': key } });
const add = (
  region: string,
  key: string | null,
  input: Record<string, unknown>,
): Promise<Answer<Record<string, Payload>>> =>
  send(region, key, `mutation ($input: ThingInput!) { it: addThing(input: $input) { thing { ${ALL} } token } }`, {
    input,
  });
const count = async (where: string): Promise<number> =>
  Number((await app.cluster.query<{ n: string }>(US, `SELECT count(*) AS n FROM things WHERE ${where}`))[0]?.n);

describe('declared mutations', () => {
  before(async () => {
    app = await startTestApp({ files: [{ name: 'things.graphql', body: SDL }], sql: SQL });
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it('write twice when they are repeated without an idempotency key, which shows the anomaly', async () => {
    await add(EU, null, { name: 'twice' });
    await add(EU, null, { name: 'twice' });
    assert.equal(await count(`name = 'twice'`), 2);
  });

  it('insert once with a key, and return to each retry every value of the first answer', async () => {
    const key = newKey();
    const first = await add(EU, key, WHOLE);
    assert.deepEqual(first.errors, []);
    assert.deepEqual(
      { ...first.data?.['it']?.thing, id: '', at: '', bytes: '', version: 0 },
      { ...WHOLE, id: '', at: '', bytes: '', version: 0 },
    );
    for (const region of [EU, AP, US]) {
      const again = await add(region, key, WHOLE);
      assert.deepEqual(again.data?.['it']?.thing, first.data?.['it']?.thing);
      assert.ok(again.token);
    }
    assert.equal(await count(`name = 'whole'`), 1);
  });

  it('return to a retry the outcome of the first request although the row has changed, and read the fields below it again', async () => {
    const key = newKey();
    const { data } = await add(EU, null, { name: 'kept' });
    const id = String(data?.['it']?.thing?.['id']);
    const change = (region: string): Promise<Answer<Record<string, Payload>>> =>
      send(
        region,
        key,
        `mutation { it: editThing(id: ${id}, input: { name: "changed" }) { thing { name version same { name version } } } }`,
      );
    const first = await change(EU);
    assert.deepEqual(first.data?.['it']?.thing, {
      name: 'changed',
      version: 2,
      same: [{ name: 'changed', version: 2 }],
    });
    await app.cluster.query(US, `UPDATE things SET version = 9 WHERE id = ${id}`);
    const again = await change(AP);
    assert.deepEqual(again.data?.['it']?.thing, {
      name: 'changed',
      version: 2,
      same: [{ name: 'changed', version: 9 }],
    });
  });

  it('delete once with a key, and return the deleted row to the retry instead of an error', async () => {
    const key = newKey();
    const id = String((await add(EU, null, { name: 'to go' })).data?.['it']?.thing?.['id']);
    const drop = (region: string): Promise<Answer<Record<string, Payload>>> =>
      send(region, key, `mutation { it: dropThing(id: ${id}) { thing { id name } } }`);
    const [first, again] = [await drop(EU), await drop(AP)];
    assert.deepEqual([first.errors, again.errors], [[], []]);
    assert.deepEqual(again.data, first.data);
    assert.deepEqual(
      (await send(EU, newKey(), `mutation { it: dropThing(id: ${id}) { thing { id } } }`)).errors[0]?.extensions.code,
      'NOT_FOUND',
    );
  });

  it('store errors that answer the request: a broken constraint and a missing row', async () => {
    const [taken, missing, empty] = [newKey(), newKey(), newKey()];
    await add(EU, null, { name: 'unique', n: '7' });
    const insert = (region: string): Promise<Answer<Record<string, Payload>>> =>
      add(region, taken, { name: 'unique again', n: '7.0000' });
    const refused = (region: string): Promise<Answer<Record<string, Payload>>> => add(region, empty, { name: '' });
    const first = await insert(EU);
    assert.equal(
      first.errors[0]?.extensions.code,
      'CONFLICT',
      'whoever does not ask for the conflict is told of it by an error',
    );
    await app.cluster.query(US, 'DELETE FROM things WHERE n = 7');
    assert.deepEqual((await insert(AP)).errors, first.errors);
    const violated = await refused(EU);
    assert.equal(violated.errors[0]?.extensions.code, 'CONSTRAINT_VIOLATION');
    assert.deepEqual((await refused(AP)).errors, violated.errors);
    assert.equal(await count(`name = 'unique again'`), 0);
    const drop = (region: string): Promise<Answer<Record<string, Payload>>> =>
      send(region, missing, 'mutation { it: dropThing(id: 1000000) { thing { id } } }');
    const none = await drop(US);
    assert.equal(none.errors[0]?.extensions.code, 'NOT_FOUND');
    assert.deepEqual((await drop(AP)).errors, none.errors);
  });

  it('store that a write was refused, with the row as the first request found it', async () => {
    const key = newKey();
    const id = String((await add(EU, null, { name: 'met' })).data?.['it']?.thing?.['id']);
    await send(EU, null, `mutation { it: editThing(id: ${id}, input: { name: "by another" }) { token } }`);
    const change = (region: string): Promise<Answer<Record<string, Payload>>> =>
      send(
        region,
        key,
        `mutation { it: editThing(id: ${id}, expectedVersion: 1, input: { name: "mine" }) { thing { id } conflict { reason fields current { name version at } } } }`,
      );
    const first = await change(EU);
    assert.deepEqual([first.data?.['it']?.conflict?.['reason'], first.data?.['it']?.thing], ['CHANGED', null]);
    await app.cluster.query(US, `UPDATE things SET name = 'later', version = 7 WHERE id = ${id}`);
    assert.deepEqual((await change(AP)).data, first.data);
  });

  it('run once for fifty simultaneous requests from three regions with one key, and give all the same answer', async () => {
    const key = newKey();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, n) => add([EU, AP, US][n % 3] ?? US, key, { name: 'one of fifty' })),
    );
    assert.equal(await count(`name = 'one of fifty'`), 1);
    assert.equal(new Set(answers.map(({ data, errors }) => JSON.stringify([data?.['it']?.thing, errors]))).size, 1);
  });

  it('are one request together with all other fields, and another request with the key is refused', async () => {
    const key = newKey();
    const both = (second: string): Promise<Answer<Record<string, Payload>>> =>
      send(
        EU,
        key,
        `mutation { a: addThing(input: { name: "pair" }) { thing { id } } b: addThing(input: { name: "${second}" }) { thing { id } } }`,
      );
    const first = await both('pair');
    const again = await both('pair');
    assert.notDeepEqual(first.data?.['a'], first.data?.['b']);
    assert.deepEqual(again.data, first.data);
    assert.equal((await both('other')).errors[0]?.extensions.code, 'IDEMPOTENCY_KEY_REUSED');
    assert.equal(await count(`name IN ('pair', 'other')`), 2);
  });

  it('are refused without a key if the schema requires one', async () => {
    const must = (key: string | null): Promise<Answer<Record<string, Payload>>> =>
      send(EU, key, 'mutation { it: addMust(input: { name: "must" }) { thing { name } } }');
    assert.equal((await must(null)).errors[0]?.extensions.code, 'IDEMPOTENCY_KEY_REQUIRED');
    assert.equal(await count(`name = 'must'`), 0);
    assert.deepEqual((await must(newKey())).data?.['it']?.thing, { name: 'must' });
  });
});
