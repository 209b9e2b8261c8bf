/**
 * Proves conflicts in unusual tables and at unusual moments: partitions, columns that were added later, and rows that
 * are deleted or restored while a conflict is settled.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, EU, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';
import { until } from '../support/observe.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { doc(id: ID!): Doc event(id: ID!, day: Date!): Event upsert(id: ID!): Upsert }
  type Mutation {
    addDoc(input: DocInput!): DocPayload! @insert
    editDoc(id: ID!, expectedVersion: Int, input: DocEdit!): DocPayload! @update
    dropDoc(id: ID!, expectedVersion: Int): DocPayload! @delete
    addEvent(input: EventInput!): EventPayload! @insert
    editEvent(id: ID!, day: Date!, expectedVersion: Int, input: EventEdit!): EventPayload! @update
    addUpsert(input: UpsertInput!): UpsertPayload! @insert
  }
  type Doc @entity(version: "version") @key(fields: "id") @conflict(policy: MERGE, updateDeleted: RESTORE) { id: ID! title: String! body: String hits: Int! @conflict(rule: ADD) part: Decimal @conflict(rule: ADD) info: JSON version: Int! }
  input DocInput { id: ID! title: String! }
  input DocEdit { title: String body: String hits: Int part: Decimal info: JSON }
  type DocPayload { doc: Doc conflict: DocConflict token: ConsistencyToken! }
  type DocConflict { reason: ConflictReason! current: Doc version: Int fields: [String!]! }
  type Event @entity(version: "version") @key(fields: "id day") @conflict(policy: MERGE, insertExisting: UPDATE) { id: ID! day: Date! text: String! body: String part: String version: Int! }
  input EventInput { id: ID! day: Date! text: String! }
  input EventEdit { text: String body: String part: String }
  type EventPayload { event: Event token: ConsistencyToken! }
  type Upsert @entity(version: "version") @key(fields: "id") @conflict(insertExisting: UPDATE) { id: ID! text: String! version: Int! }
  input UpsertInput { id: ID! text: String! }
  type UpsertPayload { upsert: Upsert token: ConsistencyToken! }
`;

const SQL = `
  CREATE DOMAIN share AS numeric CHECK (VALUE <= 100);
  CREATE TABLE docs (id bigint PRIMARY KEY, title text NOT NULL, body text, hits int NOT NULL DEFAULT 0 CHECK (hits < 100), part share, info json, version int NOT NULL DEFAULT 1);
  CREATE TABLE events (id bigint, day date, text text NOT NULL, body text, part text NOT NULL DEFAULT 'a', version int NOT NULL DEFAULT 1, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
  CREATE TABLE events_old PARTITION OF events FOR VALUES FROM (MINVALUE) TO ('2026-01-01');
  CREATE TABLE events_new PARTITION OF events FOR VALUES FROM ('2026-01-01') TO (MAXVALUE);
  CREATE TABLE upserts (id bigint PRIMARY KEY, text text NOT NULL, version int NOT NULL DEFAULT 1);
  INSERT INTO docs (id, title, info) SELECT i, 'doc ' || i, '{"b": 1, "a": 2}' FROM generate_series(1, 50) i;
  INSERT INTO events (id, day, text) SELECT i, '2026-02-01', 'event ' || i FROM generate_series(1, 10) i;`;

const DOC =
  'doc { id title body hits part info version } conflict { reason version fields current { id title } } token';
let app: TestApp;
let used = 0;
const fresh = (): string => String((used += 1));
type Payload = { doc: Record<string, unknown> | null; conflict: Record<string, unknown> | null };
const edit = (
  region: string,
  id: string,
  v: number | null,
  input: Record<string, unknown>,
  headers: Record<string, string> = {},
): Promise<Answer<{ editDoc: Payload }>> =>
  app.gql(
    region,
    `mutation ($id: ID!, $v: Int, $input: DocEdit!) { editDoc(id: $id, expectedVersion: $v, input: $input) { ${DOC} } }`,
    { variables: { id, v, input }, headers },
  );
const sql = (text: string): Promise<Record<string, unknown>[]> => app.cluster.query(US, text);

describe('conflicts in races and unusual tables', () => {
  before(async () => {
    app = await startTestApp({ files: [{ name: 'docs.graphql', body: SDL }], sql: SQL });
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it('are settled when several updates restore one deleted row: the first restores it, and the others merge with it', async () => {
    for (let round = 0; round < 5; round += 1) {
      const id = fresh();
      await edit(US, id, 1, { title: 'two' });
      await sql(`DELETE FROM docs WHERE id = ${id}`);
      const answers = await Promise.all([
        edit(EU, id, 2, { title: 'EU' }, { 'idempotency-key': `eu ${round}` }),
        edit(AP, id, 2, { body: 'AP' }, { 'idempotency-key': `ap ${round}` }),
        edit(US, id, 2, { hits: 1 }),
        edit(EU, id, 2, { hits: 1 }),
      ]);
      for (const { errors } of answers) assert.deepEqual(errors, []);
      assert.deepEqual((await sql(`SELECT title, body, hits FROM docs WHERE id = ${id}`))[0], {
        title: 'EU',
        body: 'AP',
        hits: 2,
      });
    }
  });

  it('restore a row from before a column was added, with the default of that column', async () => {
    const id = fresh();
    await edit(US, id, 1, { title: 'two' });
    await sql(`DELETE FROM docs WHERE id = ${id}`);
    await sql(`ALTER TABLE docs ADD COLUMN late text NOT NULL DEFAULT 'as usual'`);
    const { data, errors } = await edit(EU, id, 2, { title: 'three' });
    assert.deepEqual(errors, []);
    assert.equal(data?.editDoc.doc?.['title'], 'three');
    assert.equal((await sql(`SELECT late FROM docs WHERE id = ${id}`))[0]?.['late'], 'as usual');
  });

  it('are settled for inserts into a partitioned table as in any other', async () => {
    const add = `mutation ($input: EventInput!) { addEvent(input: $input) { event { id day text version } } }`;
    const { data, errors } = await app.gql<Record<string, Record<string, unknown>>>(EU, add, {
      variables: { input: { id: '1', day: '2026-02-01', text: 'again' } },
    });
    assert.deepEqual(errors, []);
    assert.deepEqual(data?.['addEvent']?.['event'], { id: '1', day: '2026-02-01', text: 'again', version: 2 });
  });

  it('are settled for updates of a partitioned table as in any other', async () => {
    const change = (v: number, input: unknown) =>
      app.gql<Record<string, Record<string, unknown>>>(
        EU,
        `mutation ($v: Int, $input: EventEdit!) { editEvent(id: 2, day: "2026-02-01", expectedVersion: $v, input: $input) { event { text body version } } }`,
        { variables: { v, input } },
      );
    await change(1, { text: 'one' });
    const { data, errors } = await change(1, { body: 'two' });
    assert.deepEqual(errors, []);
    assert.deepEqual(data?.['editEvent']?.['event'], { text: 'one', body: 'two', version: 3 });
  });

  it('write nothing, and are not in the audit, when the merged sum breaks a rule of the table', async () => {
    const id = fresh();
    await edit(US, id, 1, { hits: 60, part: '60' });
    const added = await edit(EU, id, 1, { hits: 50 });
    assert.equal(added.errors[0]?.extensions.code, 'CONSTRAINT_VIOLATION');
    const shared = await edit(EU, id, 1, { part: '50' });
    assert.equal(shared.errors[0]?.extensions.code, 'CONSTRAINT_VIOLATION');
    const merged = await edit(EU, id, 1, { part: '5.5', info: { a: 2, b: 1 } });
    assert.deepEqual([merged.errors, merged.data?.editDoc.doc?.['part']], [[], '65.5']);
    assert.deepEqual(await sql(`SELECT outcome FROM meridian.conflicts WHERE row_id = '${id}' AND entity = 'Doc'`), [
      { outcome: 'MERGED' },
    ]);
  });

  it('do not arise when the existing row is deleted while an insert waits for it', async () => {
    await sql(`INSERT INTO upserts VALUES (1, 'was', 7)`);
    const deleting = sql(
      'BEGIN; SELECT FROM upserts WHERE id = 1 FOR UPDATE; SELECT pg_sleep(0.5); DELETE FROM upserts WHERE id = 1; COMMIT',
    );
    await until(
      'the row is locked',
      async () => (await sql(`SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`)).length > 0,
    );
    const { data, errors } = await app.gql<Record<string, Record<string, unknown>>>(
      US,
      'mutation { addUpsert(input: { id: 1, text: "mine" }) { upsert { text version } } }',
      { headers: { 'idempotency-key': 'set free' } },
    );
    await deleting;
    assert.deepEqual([errors, data?.['addUpsert']?.['upsert']], [[], { text: 'mine', version: 1 }]);
  });

  it('are refused as a whole when the audit cannot be written', async () => {
    const id = fresh();
    await edit(US, id, 1, { title: 'two' });
    await sql('ALTER TABLE meridian.conflicts ADD CONSTRAINT none CHECK (false) NOT VALID');
    try {
      const merged = await edit(EU, id, 1, { body: 'x' });
      const rejected = await edit(EU, id, 1, { title: 'x' });
      assert.deepEqual([merged.errors.length, rejected.errors.length], [1, 1]);
      assert.deepEqual((await sql(`SELECT title, body FROM docs WHERE id = ${id}`))[0], { title: 'two', body: null });
    } finally {
      await sql('ALTER TABLE meridian.conflicts DROP CONSTRAINT none');
    }
  });
});
