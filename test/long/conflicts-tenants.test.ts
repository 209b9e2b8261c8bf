/**
 * Proves that conflicts and idempotency keys neither reveal nor change another viewer's row, under @tenant and under
 * row-level security.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { EU, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';

const TABLES = `
CREATE TABLE docs (id bigint PRIMARY KEY, org text NOT NULL DEFAULT coalesce(current_setting('app.org', true), ''), title text NOT NULL, hits bigint NOT NULL DEFAULT 0, secret text NOT NULL DEFAULT 'nothing', version int NOT NULL DEFAULT 1);
CREATE TABLE picks (id bigint PRIMARY KEY, org text NOT NULL DEFAULT coalesce(current_setting('app.org', true), ''), title text NOT NULL, version int NOT NULL DEFAULT 1);`;

const sdl = (tenant: string): string => `
extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
type Query { doc(id: ID!): Doc pick(id: ID!): Pick }
type Mutation {
  addDoc(input: DocInput!): DocPayload! @insert
  editDoc(id: ID!, expectedVersion: Int, input: DocEdit!): DocPayload! @update
  dropDoc(id: ID!, expectedVersion: Int): DocPayload! @delete
  addPick(input: PickInput!): PickPayload! @insert
}
type Doc @entity(version: "version") ${tenant} @key(fields: "id") @conflict(policy: MERGE, updateDeleted: RESTORE, insertExisting: UPDATE) {
  id: ID! org: String! title: String! hits: BigInt! @conflict(rule: ADD) secret: String! version: Int!
}
type Pick @entity(version: "version") ${tenant} @key(fields: "id") @conflict(insertExisting: KEEP) { id: ID! org: String! title: String! version: Int! }
input DocInput { id: ID! org: String title: String! hits: BigInt }
input DocEdit { org: String title: String hits: BigInt }
input PickInput { id: ID! org: String title: String! }
type DocPayload { doc: Doc conflict: DocConflict token: ConsistencyToken! }
type DocConflict { reason: ConflictReason! current: Doc version: Int fields: [String!]! }
type PickPayload { pick: Pick conflict: PickConflict token: ConsistencyToken! }
type PickConflict { reason: ConflictReason! current: Pick version: Int fields: [String!]! }`;

const ROW = 'id org title hits secret version';
const CONFLICT = `conflict { reason version fields current { ${ROW} } }`;
const EDIT = `mutation($id: ID!, $v: Int, $input: DocEdit!) { editDoc(id: $id, expectedVersion: $v, input: $input) { doc { ${ROW} } ${CONFLICT} } }`;
const DROP = `mutation($id: ID!, $v: Int) { dropDoc(id: $id, expectedVersion: $v) { doc { ${ROW} } ${CONFLICT} } }`;
const ADD = `mutation($input: DocInput!) { addDoc(input: $input) { doc { ${ROW} } ${CONFLICT} } }`;
const KEEP =
  'mutation($input: PickInput!) { addPick(input: $input) { pick { id org title } conflict { reason current { id org title } } } }';

interface Payload {
  readonly doc: Readonly<Record<string, unknown>> | null;
  readonly conflict: { readonly reason: string } | null;
}

const GHOST = '987654321';
let used = 0;
const fresh = (): string => String((used += 1));

/** An answer with the id that was asked for taken out, so that those to two ids can be compared. */
const faceless = ({ data, errors }: Answer<unknown>, id: string): unknown =>
  JSON.parse(
    JSON.stringify({
      data,
      errors: errors.map(({ message, extensions: { code, details } }) => ({ message, code, details })),
    }).replaceAll(new RegExp(`\\b${id}\\b`, 'g'), 'ID'),
  );

function viewersOf(app: TestApp) {
  const headers = async (org: string): Promise<Record<string, string>> => ({
    authorization: `Bearer ${await app.bearer({ id: `of ${org}`, tenant: org })}`,
  });
  const ask = async <D = Record<string, Payload>>(
    org: string,
    query: string,
    variables: Readonly<Record<string, unknown>>,
    more: Readonly<Record<string, string>> = {},
  ): Promise<Answer<D>> =>
    app.gql<D>(EU, query, { variables, token: '', headers: { ...(await headers(org)), ...more } });
  const row = async (id: string): Promise<Record<string, unknown> | null> =>
    (await app.cluster.query(US, 'SELECT org, title, hits::int, secret, version FROM docs WHERE id = $1', [id]))[0] ??
    null;
  /** Made, moved and removed by nobody's viewer, as a job would do it. */
  const made = async (org: string, hits = 1): Promise<string> => {
    const id = fresh();
    await app.cluster.query(
      US,
      `INSERT INTO docs (id, org, title, hits, secret) VALUES ($1, $2, 'made', $3, 'of ' || $2)`,
      [id, org, hits],
    );
    return id;
  };
  const moved = async (id: string, org: string): Promise<void> =>
    void (await app.cluster.query(US, `UPDATE docs SET org = $2, version = version + 1 WHERE id = $1`, [id, org]));
  const removed = async (id: string): Promise<void> =>
    void (await app.cluster.query(US, 'DELETE FROM docs WHERE id = $1', [id]));
  /** A payload without errors. */
  const edited = async (
    org: string,
    id: string,
    v: number,
    input: Readonly<Record<string, unknown>>,
  ): Promise<Payload> => {
    const { data, errors } = await ask(org, EDIT, { id, v, input });
    assert.deepEqual(errors, []);
    assert.ok(data?.['editDoc']);
    return data['editDoc'];
  };
  return { ask, row, made, moved, removed, edited, headers };
}

describe('conflicts under @tenant', () => {
  let app: TestApp;
  let on: ReturnType<typeof viewersOf>;
  before(async () => {
    app = await startTestApp({ files: [{ name: 'docs.graphql', body: sdl('@tenant(column: "org")') }], sql: [TABLES] });
    on = viewersOf(app);
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it("answer for another tenant's row as for a missing row, whatever version the client sends", async () => {
    const live = await on.made('b');
    const gone = await on.made('b');
    await on.removed(gone);
    for (const v of [null, 0, 1, 2, 99]) {
      for (const [query, input] of [
        [EDIT, { title: 'stolen' }],
        [EDIT, { org: 'a' }],
        [EDIT, {}],
        [DROP, undefined],
      ] as const) {
        const answer = async (id: string): Promise<unknown> =>
          faceless(await on.ask('a', query, { id, v, ...(input === undefined ? {} : { input }) }), id);
        const nothing = await answer(GHOST);
        for (const id of [live, gone])
          assert.deepEqual(await answer(id), nothing, `${id} ${v} ${JSON.stringify(input)}`);
      }
    }
    assert.deepEqual(
      [await on.row(live), await on.row(gone)],
      [{ org: 'b', title: 'made', hits: 1, secret: 'of b', version: 1 }, null],
    );
  });

  it("do not let an insert take, change or reveal another tenant's row by its key", async () => {
    const [theirs, own] = [await on.made('b'), await on.made('a')];
    await app.cluster.query(US, `INSERT INTO picks (id, org, title) VALUES ($1, 'b', 'theirs'), ($2, 'a', 'own')`, [
      theirs,
      own,
    ]);
    for (const [query, id] of [
      [ADD, theirs],
      [KEEP, theirs],
    ] as const) {
      for (const org of [undefined, 'a']) {
        const { data, errors } = await on.ask('a', query, { input: { id, title: 'mine', org } });
        assert.deepEqual(
          [data, errors[0]?.extensions.code, errors[0]?.message],
          [null, 'CONSTRAINT_VIOLATION', 'A row with this key exists already (id).'],
        );
      }
      assert.equal(
        (await on.ask('a', query, { input: { id, title: 'mine', org: 'b' } })).errors[0]?.extensions.code,
        'FORBIDDEN',
      );
    }
    assert.deepEqual(await on.row(theirs), { org: 'b', title: 'made', hits: 1, secret: 'of b', version: 1 });
    assert.equal(
      (await on.ask('a', ADD, { input: { id: own, title: 'mine' } })).data?.['addDoc']?.doc?.['title'],
      'mine',
      "one's own is there",
    );
    assert.deepEqual((await on.ask<unknown>('a', KEEP, { input: { id: own, title: 'mine' } })).data, {
      addPick: { pick: { id: own, org: 'a', title: 'own' }, conflict: null },
    });
  });

  it('do not compare a row that moved to a tenant with its versions from before', async () => {
    const id = await on.made('a', 4711);
    await on.moved(id, 'b');
    await app.cluster.query(US, 'UPDATE docs SET hits = 1, version = version + 1 WHERE id = $1', [id]);
    // The sum would be 1 − 4711, which tells what there was.
    assert.equal((await on.edited('b', id, 1, { hits: '0' })).conflict?.reason, 'VERSION_UNKNOWN');
    assert.equal((await on.edited('b', id, 1, { title: 'made' })).conflict?.reason, 'VERSION_UNKNOWN');
    const { doc } = await on.edited('b', id, 2, { hits: '4712' });
    assert.deepEqual([doc?.['hits'], doc?.['version']], ['2', 4], 'its own versions are there to compare with');
    assert.equal(
      (await on.edited('a', id, 1, { title: 'back' })).conflict?.reason,
      'VERSION_UNKNOWN',
      'nor is it there for its old one',
    );
  });

  it('restore a deleted row for the tenant that had it last, and for no other', async () => {
    const own = await on.made('a');
    await on.removed(own);
    assert.deepEqual((await on.edited('a', own, 1, { title: 'back' })).doc, {
      id: own,
      org: 'a',
      title: 'back',
      hits: '1',
      secret: 'of a',
      version: 2,
    });
    const wandered = await on.made('a');
    await on.moved(wandered, 'b');
    await on.removed(wandered);
    for (const input of [{ title: 'back' }, { org: 'a' }]) {
      for (const v of [1, 2]) {
        const answer = async (id: string): Promise<unknown> => faceless(await on.ask('a', EDIT, { id, v, input }), id);
        assert.deepEqual(await answer(wandered), await answer(GHOST));
      }
    }
    assert.equal(
      (await on.edited('b', wandered, 1, { title: 'back' })).conflict?.reason,
      'VERSION_UNKNOWN',
      "a version of the other tenant's",
    );
    assert.equal(await on.row(wandered), null);
    assert.deepEqual((await on.edited('b', wandered, 2, { title: 'back' })).doc, {
      id: wandered,
      org: 'b',
      title: 'back',
      hits: '1',
      secret: 'of a',
      version: 3,
    });
  });

  it("are not found by another tenant's idempotency key, and the same key is a different one for each tenant", async () => {
    const [key, id] = [randomUUID(), fresh()];
    const sent = (org: string): Promise<Answer<Record<string, Payload>>> =>
      on.ask(org, ADD, { input: { id, title: 'once' } }, { 'idempotency-key': key });
    const first = await sent('a');
    assert.deepEqual([first.errors, first.data?.['addDoc']?.doc?.['org']], [[], 'a']);
    for (let i = 0; i < 2; i += 1)
      assert.deepEqual(
        [(await sent('b')).data, (await sent('b')).errors[0]?.extensions.code],
        [null, 'CONSTRAINT_VIOLATION'],
      );
    // A conflict that is kept for retries shows its row to nobody else either.
    await on.edited('a', id, 1, { title: 'two' });
    const [clash, variables] = [randomUUID(), { id, v: 1, input: { title: 'three' } }];
    const edits = async (org: string): Promise<unknown> =>
      (await on.ask(org, EDIT, variables, { 'idempotency-key': clash })).data?.['editDoc']?.conflict;
    const met = await edits('a');
    assert.equal((met as { current: { title: string } }).current.title, 'two');
    assert.deepEqual(await edits('a'), met);
    assert.deepEqual(await edits('b'), { reason: 'VERSION_UNKNOWN', version: null, fields: ['title'], current: null });
    assert.equal((await on.row(id))?.['title'], 'two');
  });

  it('can be looked up by administrators, for the rows of every tenant', async () => {
    const query = '{ conflicts(entity: "Doc", first: 100) { tenant current } }';
    for (const org of ['a', 'b'])
      assert.deepEqual(
        [(await on.ask(org, query, {})).errors[0]?.extensions.code, (await on.ask(org, query, {})).data],
        ['FORBIDDEN', null],
      );
    const { data } = await app.gql<{ conflicts: { tenant: string }[] }>(EU, query, {
      headers: { authorization: `Bearer ${app.adminToken}` },
    });
    assert.ok(data?.conflicts.some(({ tenant }) => tenant === 'a'));
  });
});

/** `mine` looks at the row as a whole: at which columns, the database cannot say. */
const RLS = `
CREATE FUNCTION mine(docs) RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT $1.org = current_setting('app.org') $$;
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
ALTER TABLE picks ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON docs USING (org = current_setting('app.org'));
CREATE POLICY own ON picks USING (org = current_setting('app.org'));
CREATE ROLE app_user;
GRANT SELECT, INSERT, UPDATE, DELETE ON docs, picks TO app_user;`;

describe('conflicts under row-level security', () => {
  let app: TestApp;
  let on: ReturnType<typeof viewersOf>;
  before(async () => {
    app = await startTestApp({
      files: [{ name: 'docs.graphql', body: sdl('') }],
      sql: [TABLES, RLS],
      settings: { viewerSettings: 'app.org=tenant,role:app_user', maxPageSize: 20 },
    });
    await app.cluster.query(
      US,
      'GRANT SELECT, INSERT, UPDATE ON meridian.outcomes TO app_user; GRANT SELECT ON meridian.history TO app_user; GRANT INSERT ON meridian.conflicts TO app_user',
    );
    on = viewersOf(app);
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it('merge a row if the policies show its versions', async () => {
    const id = await on.made('a', 5);
    await on.edited('a', id, 1, { hits: '7' });
    assert.deepEqual((await on.edited('a', id, 1, { hits: '6', title: 'both' })).doc, {
      id,
      org: 'a',
      title: 'both',
      hits: '8',
      secret: 'of a',
      version: 3,
    });
  });

  it('do not compare with a version that the policies hide', async () => {
    const id = await on.made('a', 4711);
    await on.moved(id, 'b');
    assert.equal((await on.edited('b', id, 1, { hits: '0' })).conflict?.reason, 'VERSION_UNKNOWN');
    assert.equal((await on.row(id))?.['hits'], 4711);
  });

  it('compare with no version where the columns that the policies read are unknown', async () => {
    const id = await on.made('a', 5);
    await app.cluster.query(US, 'ALTER POLICY own ON docs USING (mine(docs.*))');
    try {
      await on.edited('a', id, 1, { hits: '7' });
      assert.equal((await on.edited('a', id, 1, { hits: '6' })).conflict?.reason, 'VERSION_UNKNOWN');
    } finally {
      await app.cluster.query(US, `ALTER POLICY own ON docs USING (org = current_setting('app.org'))`);
    }
  });

  it('do not restore a deleted row, because policies cannot be checked for it', async () => {
    const gone = await on.made('b');
    await on.removed(gone);
    for (const [org, input] of [
      ['a', { org: 'a' }],
      ['a', { title: 'x' }],
      ['b', { title: 'x' }],
    ] as const) {
      const answer = async (id: string): Promise<unknown> => faceless(await on.ask(org, EDIT, { id, v: 1, input }), id);
      assert.deepEqual(await answer(gone), await answer(GHOST), `${org} ${JSON.stringify(input)}`);
    }
    assert.equal(await on.row(gone), null);
  });

  it("answer for another viewer's row as for a missing row, and take none by its key", async () => {
    const live = await on.made('b');
    for (const v of [0, 1, 2]) {
      for (const [query, input] of [
        [EDIT, { title: 'stolen' }],
        [DROP, undefined],
      ] as const) {
        const answer = async (id: string): Promise<unknown> =>
          faceless(await on.ask('a', query, { id, v, ...(input === undefined ? {} : { input }) }), id);
        assert.deepEqual(await answer(live), await answer(GHOST));
      }
    }
    const { data, errors } = await on.ask('a', ADD, { input: { id: live, title: 'mine' } });
    assert.deepEqual([data, errors[0]?.extensions.code], [null, 'CONSTRAINT_VIOLATION']);
    assert.deepEqual(await on.row(live), { org: 'b', title: 'made', hits: 1, secret: 'of b', version: 1 });
  });

  it("are stored and answered under the viewer's role when the request has a key", async () => {
    const [key, id] = [randomUUID(), await on.made('a')];
    await on.edited('a', id, 1, { title: 'two' });
    const sent = (org: string): Promise<Answer<Record<string, Payload>>> =>
      on.ask(org, EDIT, { id, v: 1, input: { title: 'three' } }, { 'idempotency-key': key });
    const first = (await sent('a')).data?.['editDoc'];
    assert.equal(first?.conflict?.reason, 'CHANGED');
    assert.deepEqual((await sent('a')).data?.['editDoc'], first);
    assert.equal((await sent('b')).data?.['editDoc']?.conflict?.reason, 'VERSION_UNKNOWN');
  });

  it('are looked up under that role, which needs the right to read them', async () => {
    const look = (args = ', first: 20'): Promise<Answer<{ conflicts: unknown[] }>> =>
      app.gql(EU, `{ conflicts(entity: "Doc"${args}) @consistent(level: STRONG) { tenant } }`, {
        headers: { authorization: `Bearer ${app.adminToken}` },
      });
    assert.equal((await look()).errors[0]?.extensions.code, 'FORBIDDEN');
    await app.cluster.query(US, 'GRANT SELECT ON meridian.conflicts TO app_user');
    const { data, errors } = await look();
    assert.deepEqual(errors, []);
    assert.equal(data?.conflicts.length, 20);
    // The 50 that are shown otherwise are more than this server shows at once, and there are more than it shows.
    assert.equal((await look('')).errors[0]?.extensions.code, 'LIST_TOO_LONG');
  });

  it('cannot be forged by a role that may create tables', async () => {
    await app.cluster.query(US, 'GRANT TEMPORARY ON DATABASE postgres TO app_user').catch(() => undefined);
    await assert.rejects(
      app.cluster.query(
        US,
        `DO $$ BEGIN
      SET LOCAL ROLE app_user;
      CREATE TEMPORARY TABLE forged (id bigint, org text, version int);
      CREATE TRIGGER forge AFTER DELETE ON forged FOR EACH ROW EXECUTE FUNCTION meridian.keep_version('public.docs', 'version', 'id');
    END $$`,
      ),
      /permission denied for function/,
    );
  });
});
