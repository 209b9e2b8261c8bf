/**
 * Proves concurrent writes from two regions: what each declared policy does, what the client is told, and what the
 * audit records.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { AP, EU, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { doc(id: ID!): Doc note(id: ID!): Note plain(id: ID!): Plain custom(id: ID!): Custom }
  type Mutation {
    addDoc(input: DocInput!): DocPayload! @insert
    editDoc(id: ID!, expectedVersion: Int, input: DocEdit!): DocPayload! @update
    dropDoc(id: ID!, expectedVersion: Int): DocPayload! @delete
    addNote(input: NoteInput!): NotePayload! @insert
    editNote(id: ID!, input: NoteEdit!): NotePayload! @update
    dropNote(id: ID!, expectedVersion: Int!): NotePayload! @delete
    addPlain(input: PlainInput!): PlainPayload! @insert
    editPlain(id: ID!, expectedVersion: Int, title: String): PlainPayload! @update
    editCustom(id: ID!, expectedVersion: BigInt, input: CustomEdit!): CustomPayload! @update
  }
  type Doc @entity(version: "version") @key(fields: "id") @conflict(policy: MERGE, rule: REJECT, updateDeleted: RESTORE) {
    id: ID!
    title: String!
    body: String @conflict(rule: LAST_WRITE_WINS)
    hits: BigInt! @conflict(rule: ADD)
    top: Int! @conflict(rule: MAX)
    low: Decimal! @conflict(rule: MIN)
    tags: [String!]! @conflict(rule: UNION)
    log: [String!]! @conflict(rule: APPEND)
    version: Int!
  }
  input DocInput { id: ID! title: String! hits: BigInt }
  input DocEdit { title: String body: String hits: BigInt top: Int low: Decimal tags: [String!] log: [String!] }
  type DocPayload { doc: Doc conflict: DocConflict token: ConsistencyToken! }
  type DocConflict { reason: ConflictReason! current: Doc version: Int fields: [String!]! token: ConsistencyToken! }

  type Note @entity(version: "version") @key(fields: "id") @conflict(policy: LAST_WRITE_WINS, deleteChanged: DELETE, insertExisting: UPDATE) { id: ID! title: String! body: String slug: String version: Int! }
  input NoteInput { id: ID! title: String! body: String slug: String @column(name: "slug") }
  input NoteEdit { expectedVersion: Int title: String body: String }
  type NotePayload { note: Note token: ConsistencyToken! }

  type Plain @entity(table: "plains", version: "version") @key(fields: "id") { id: ID! title: String! version: Int! }
  input PlainInput { id: ID! title: String! body: String }
  type PlainPayload { plain: Plain token: ConsistencyToken! }

  type Custom @entity(version: "version") @key(fields: "id") @conflict(policy: HANDLER, handler: "longest") { id: ID! title: String! version: BigInt! }
  input CustomEdit { title: String }
  type CustomPayload { custom: Custom conflict: CustomConflict token: ConsistencyToken! }
  type CustomConflict { why: ConflictReason! now: Custom }
`;

const SQL = `
  CREATE TABLE docs (id bigint PRIMARY KEY, title text NOT NULL, body text, hits bigint NOT NULL DEFAULT 0, top int NOT NULL DEFAULT 0, low numeric NOT NULL DEFAULT 100, tags text[] NOT NULL DEFAULT '{}', log text[] NOT NULL DEFAULT '{}',
    hidden text NOT NULL DEFAULT 'secret', words int GENERATED ALWAYS AS (length(title)) STORED, version int NOT NULL DEFAULT 1);
  CREATE TABLE notes (id bigint PRIMARY KEY, title text NOT NULL, body text, slug text UNIQUE, version int NOT NULL DEFAULT 1);
  CREATE TABLE plains (id bigint PRIMARY KEY, title text NOT NULL, body text, version int NOT NULL DEFAULT 1);
  CREATE TABLE customs (id bigint PRIMARY KEY, title text NOT NULL, version bigint NOT NULL DEFAULT 1);
  INSERT INTO docs (id, title) SELECT i, 'doc ' || i FROM generate_series(1, 100) i;
  INSERT INTO notes (id, title) SELECT i, 'note ' || i FROM generate_series(1, 100) i;
  INSERT INTO plains (id, title) SELECT i, 'plain ' || i FROM generate_series(1, 100) i;
  INSERT INTO customs (id, title) SELECT i, 'custom ' || i FROM generate_series(1, 100) i;`;

interface Conflict {
  readonly reason: string;
  readonly version: number | null;
  readonly fields: string[];
  readonly current: Record<string, unknown> | null;
  readonly token: string;
}
interface Payload {
  readonly doc: Record<string, unknown> | null;
  readonly conflict: Conflict | null;
  readonly token: string;
}

let app: TestApp;
let admin: Record<string, string>;
let used = 0;
const fresh = (): string => String((used += 1));

const FIELDS = 'id title body hits top low tags log version';
const edit = async (
  region: string,
  id: string,
  expectedVersion: number | null,
  input: Record<string, unknown>,
): Promise<Payload> => {
  const { data, errors } = await app.gql<{ editDoc: Payload }>(
    region,
    `mutation ($id: ID!, $v: Int, $input: DocEdit!) { editDoc(id: $id, expectedVersion: $v, input: $input) { doc { ${FIELDS} } token conflict { reason version fields token current { ${FIELDS} } } } }`,
    { variables: { id, v: expectedVersion, input } },
  );
  assert.deepEqual(errors, []);
  assert.ok(data);
  return data.editDoc;
};
const records = async (entity: string, id: string, rest = ''): Promise<Record<string, unknown>[]> => {
  const { data, errors } = await app.gql<{ conflicts: Record<string, unknown>[] }>(
    AP,
    `{ conflicts(entity: "${entity}", id: "${id}"${rest}) @consistent(level: STRONG) { id at rowId mutation policy outcome reason winner viewer region seenVersion version newVersion base current incoming result fields { column rule taken } } }`,
    { headers: admin },
  );
  assert.deepEqual(errors, []);
  return data?.conflicts ?? [];
};
const row = async (table: string, id: string): Promise<Record<string, unknown> | undefined> =>
  (await app.cluster.query(US, `SELECT * FROM ${table} WHERE id = ${id}`))[0];

describe('conflicts', () => {
  before(async () => {
    app = await startTestApp({
      files: [{ name: 'docs.graphql', body: SDL }],
      sql: SQL,
      server: {
        conflicts: {
          longest: ({ base, current, incoming }) =>
            String(incoming['title']).startsWith('!')
              ? { reject: ['title'] }
              : {
                  set: {
                    title: [base?.['title'], current['title'], incoming['title']]
                      .map(String)
                      .sort((a, b) => b.length - a.length)[0],
                  },
                },
        },
      },
    });
    admin = { authorization: `Bearer ${app.adminToken}` };
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it('are lost silently without the version, which shows the anomaly', async () => {
    const id = fresh();
    await edit(EU, id, null, { title: 'from the EU' });
    const { doc, conflict } = await edit(AP, id, null, { title: 'from Tokyo' });
    assert.deepEqual([doc?.['title'], doc?.['version'], conflict], ['from Tokyo', 3, null]);
    assert.deepEqual(await records('Doc', id), []);
  });

  it('do not arise if the version is the latest: the write takes one round trip and is not audited', async () => {
    const id = fresh();
    const first = await edit(EU, id, 1, { title: 'one' });
    const second = await edit(AP, id, 2, { title: 'two' });
    assert.deepEqual([first.doc?.['version'], second.doc?.['version'], second.doc?.['title']], [2, 3, 'two']);
    assert.deepEqual(await records('Doc', id), []);
  });

  it('merge changes of two regions in different columns', async () => {
    const id = fresh();
    const a = await edit(EU, id, 1, { title: 'from the EU' });
    const b = await edit(AP, id, 1, { body: 'from Tokyo', tags: ['ap'] });
    assert.deepEqual([a.conflict, b.conflict], [null, null]);
    assert.deepEqual(b.doc, {
      id,
      title: 'from the EU',
      body: 'from Tokyo',
      hits: '0',
      top: 0,
      low: '100',
      tags: ['ap'],
      log: [],
      version: 3,
    });
    const [record] = await records('Doc', id);
    assert.deepEqual(
      [
        record?.['outcome'],
        record?.['winner'],
        record?.['mutation'],
        record?.['seenVersion'],
        record?.['version'],
        record?.['newVersion'],
      ],
      ['MERGED', 'INCOMING', 'editDoc', '1', '2', '3'],
    );
    assert.deepEqual((record?.['incoming'] as Record<string, unknown>)['body'], 'from Tokyo');
    assert.equal((record?.['base'] as Record<string, unknown>)['title'], `doc ${id}`);
    assert.equal((record?.['current'] as Record<string, unknown>)['title'], 'from the EU');
  });

  it('follow the rule of a field that both writes have changed', async () => {
    const id = fresh();
    await edit(EU, id, 1, {
      body: 'EU',
      hits: '9007199254740993',
      top: 5,
      low: '0.10',
      tags: ['eu', 'both'],
      log: ['eu'],
    });
    const { doc } = await edit(AP, id, 1, {
      body: 'AP',
      hits: '10',
      top: 3,
      low: '0.1',
      tags: ['both', 'ap'],
      log: ['ap'],
    });
    assert.deepEqual(doc, {
      id,
      title: `doc ${id}`,
      body: 'AP',
      hits: '9007199254741003',
      top: 5,
      low: '0.10',
      tags: ['eu', 'both', 'ap'],
      log: ['eu', 'ap'],
      version: 3,
    });
    const [record] = await records('Doc', id);
    assert.equal(record?.['winner'], 'BOTH');
    assert.deepEqual(
      new Map((record?.['fields'] as { column: string; rule: string }[]).map(({ column, rule }) => [column, rule])).get(
        'hits',
      ),
      'ADD',
    );
  });

  it('are refused if the rule says so, with the current row and a token that covers it', async () => {
    const id = fresh();
    const seen = await edit(EU, id, 1, { title: 'first' });
    const { doc, conflict, token } = await edit(AP, id, 1, { title: 'second', body: 'not written either' });
    assert.equal(doc, null);
    assert.deepEqual(
      [
        conflict?.reason,
        conflict?.version,
        conflict?.fields,
        conflict?.current?.['title'],
        conflict?.current?.['body'],
      ],
      ['CHANGED', 2, ['title'], 'first', null],
    );
    assert.ok(token && conflict?.token);
    assert.equal((await row('docs', id))?.['title'], 'first');
    const [record] = await records('Doc', id);
    assert.deepEqual(
      [record?.['outcome'], record?.['reason'], record?.['winner'], record?.['result']],
      ['REJECTED', 'CHANGED', 'CURRENT', null],
    );
    assert.ok(seen.doc);
  });

  it("return only columns that the client asked for, and none of Meridian's own", async () => {
    const id = fresh();
    await edit(EU, id, 1, { title: 'first' });
    const { errors } = await app.gql(
      EU,
      `mutation { editDoc(id: ${id}, expectedVersion: 1, input: { title: "x" }) { conflict { current { hidden } } } }`,
    );
    assert.match(errors[0]?.message ?? '', /Cannot query field "hidden"/);
    const { conflict } = await edit(AP, id, 1, { title: 'x' });
    assert.deepEqual(conflict?.fields, ['title']);
  });

  it('are refused if the version that the client saw is no longer stored', async () => {
    const id = fresh();
    await edit(EU, id, 1, { title: 'two' });
    await app.cluster.query(
      US,
      `DELETE FROM meridian.history WHERE relation = 'public.docs' AND key = '{"id": ${id}}'`,
    );
    const { conflict } = await edit(AP, id, 1, { body: 'x' });
    assert.equal(conflict?.reason, 'VERSION_UNKNOWN');
  });

  it('are compared with versions that plain SQL has written, too', async () => {
    const id = fresh();
    await app.cluster.query(US, `UPDATE docs SET title = 'by psql', version = version + 1 WHERE id = ${id}`);
    const { doc } = await edit(AP, id, 1, { body: 'x' });
    assert.deepEqual([doc?.['title'], doc?.['body'], doc?.['version']], ['by psql', 'x', 3]);
  });

  it('restore a deleted row as its writer saw it, with the update', async () => {
    const id = fresh();
    await app.cluster.query(US, `UPDATE docs SET hidden = 'kept', hits = 7, version = 2 WHERE id = ${id}`);
    await app.gql(EU, `mutation { dropDoc(id: ${id}, expectedVersion: 2) { token } }`);
    assert.equal(await row('docs', id), undefined);
    const { doc } = await edit(AP, id, 2, { body: 'still needed' });
    assert.deepEqual([doc?.['body'], doc?.['hits'], doc?.['version']], ['still needed', '7', 3]);
    assert.deepEqual(
      { ...(await row('docs', id)), title: '' },
      {
        id,
        title: '',
        body: 'still needed',
        hits: '7',
        top: 0,
        low: '100',
        tags: [],
        log: [],
        hidden: 'kept',
        words: `doc ${id}`.length,
        version: 3,
      },
    );
    assert.deepEqual(
      (await records('Doc', id)).map(({ outcome }) => outcome),
      ['RESTORED'],
    );
  });

  it('refuse an update of a row that never existed, and a delete with an older version', async () => {
    const gone = await edit(AP, '4711', 1, { body: 'x' });
    assert.equal(gone.conflict?.reason, 'VERSION_UNKNOWN');
    const id = fresh();
    await edit(EU, id, 1, { title: 'two' });
    const { data } = await app.gql<{ dropDoc: Payload }>(
      AP,
      `mutation { dropDoc(id: ${id}, expectedVersion: 1) { doc { id } conflict { reason fields version } } }`,
    );
    assert.deepEqual(data?.dropDoc, { doc: null, conflict: { reason: 'CHANGED', fields: ['title'], version: 2 } });
    assert.ok(await row('docs', id));
  });

  it('return the row whose key an insert names, and write nothing', async () => {
    const id = fresh();
    const { data, errors } = await app.gql<{ addDoc: Payload }>(
      AP,
      `mutation { addDoc(input: { id: ${id}, title: "mine" }) { doc { id } conflict { reason current { title } } token } }`,
    );
    assert.deepEqual(errors, []);
    assert.deepEqual(
      { ...data?.addDoc, token: '' },
      { doc: null, conflict: { reason: 'EXISTS', current: { title: `doc ${id}` } }, token: '' },
    );
  });

  it('follow LAST_WRITE_WINS, DELETE and UPDATE as declared, and are written to the audit', async () => {
    const id = fresh();
    const note = async (region: string, what: string): Promise<Record<string, unknown>> => {
      const { data, errors } = await app.gql<Record<string, { note: Record<string, unknown> }>>(
        region,
        `mutation { it: ${what} { note { title body version } } }`,
      );
      assert.deepEqual(errors, []);
      return data?.['it']?.note ?? {};
    };
    await note(EU, `editNote(id: ${id}, input: { expectedVersion: 1, title: "EU" })`);
    assert.deepEqual(await note(AP, `editNote(id: ${id}, input: { expectedVersion: 1, title: "AP" })`), {
      title: 'AP',
      body: null,
      version: 3,
    });
    assert.deepEqual(await note(AP, `addNote(input: { id: ${id}, title: "again" })`), {
      title: 'again',
      body: null,
      version: 4,
    });
    await app.cluster.query(US, `UPDATE notes SET slug = 'taken' WHERE id = ${id}`);
    assert.deepEqual(
      await note(AP, `addNote(input: { id: 9001, title: "by slug", slug: "taken" })`),
      { title: 'by slug', body: null, version: 5 },
      'the row that is there keeps its own id',
    );
    assert.equal(await row('notes', '9001'), undefined);
    await note(AP, `dropNote(id: ${id}, expectedVersion: 1)`);
    assert.equal(await row('notes', id), undefined);
    assert.deepEqual(
      (await records('Note', id)).map(({ outcome, winner }) => [outcome, winner]),
      [
        ['DELETED', 'INCOMING'],
        ['UPDATED', 'INCOMING'],
        ['UPDATED', 'INCOMING'],
        ['OVERWRITTEN', 'INCOMING'],
      ],
    );
  });

  it('are typed errors where the payload has no field for them', async () => {
    const id = fresh();
    const change = (expectedVersion: number, title: string): Promise<Answer> =>
      app.gql(
        AP,
        `mutation { editPlain(id: ${id}, expectedVersion: ${expectedVersion}, title: "${title}") { plain { title } } }`,
      );
    await change(1, 'two');
    const { errors } = await change(1, 'three');
    assert.deepEqual(
      errors.map(({ extensions }) => extensions),
      [
        {
          code: 'CONFLICT',
          retryable: false,
          details: { entity: 'Plain', key: { id }, reason: 'CHANGED', version: 2, fields: ['title'] },
        },
      ],
    );
    const taken = await app.gql(AP, `mutation { addPlain(input: { id: ${id}, title: "x" }) { plain { id } } }`);
    assert.equal(taken.errors[0]?.extensions.code, 'CONSTRAINT_VIOLATION');
    const gone = await app.gql(AP, `mutation { editPlain(id: 4711, expectedVersion: 1, title: "x") { plain { id } } }`);
    assert.equal(gone.errors[0]?.extensions.code, 'NOT_FOUND');
  });

  it("are decided by the application's handler where one is declared", async () => {
    const id = fresh();
    const change = async (region: string, title: string): Promise<unknown> =>
      (
        await app.gql<Record<string, unknown>>(
          region,
          `mutation { editCustom(id: ${id}, expectedVersion: "1", input: { title: "${title}" }) { custom { title version } conflict { why now { title } } } }`,
        )
      ).data?.['editCustom'];
    await change(EU, 'the longest of all');
    assert.deepEqual(await change(AP, 'short'), {
      custom: { title: 'the longest of all', version: '2' },
      conflict: null,
    });
    assert.deepEqual(await change(AP, '!no'), {
      custom: null,
      conflict: { why: 'CHANGED', now: { title: 'the longest of all' } },
    });
  });

  it('can be looked up by administrators, by entity, row and time', async () => {
    const since = new Date().toISOString();
    const id = fresh();
    await edit(EU, id, 1, { title: 'EU' });
    await edit(AP, id, 1, { title: 'AP' });
    await edit(AP, id, 1, { title: 'AP again' });
    const all = await records('Doc', id, `, since: "${since}"`);
    assert.equal(all.length, 2);
    assert.deepEqual(
      (await records('Doc', id, `, first: 1, before: "${String(all[0]?.['id'])}"`)).map((one) => one['id']),
      [all[1]?.['id']],
    );
    assert.deepEqual(await records('Doc', id, `, since: "2999-01-01T00:00:00Z"`), []);
    assert.equal((await app.gql(EU, '{ conflicts { id } }')).errors[0]?.extensions.code, 'UNAUTHENTICATED');
    assert.equal(
      (
        await app.gql(EU, '{ conflicts { id } }', {
          headers: { authorization: `Bearer ${await app.bearer({ id: '1' })}` },
        })
      ).errors[0]?.extensions.code,
      'FORBIDDEN',
    );
    const metrics = await (await fetch(app.server(AP).url.replace('/graphql', '/metrics'))).text();
    assert.match(metrics, /meridian_conflicts_total\{entity="Doc",policy="MERGE",outcome="MERGED"\} \d/);
  });

  it('are looked up by valid arguments only', async () => {
    const look = async (
      filters: string,
      variables: Record<string, unknown> = {},
      declared = '',
    ): Promise<string | number> => {
      const { data, errors, status } = await app.gql<{ conflicts: unknown[] }>(
        AP,
        `query ${declared} { conflicts(${filters}) { id } }`,
        { headers: admin, variables },
      );
      assert.equal(status, 200, filters);
      assert.doesNotMatch(JSON.stringify(errors), /SELECT|meridian\.conflicts|timestamptz/, filters);
      return errors[0]?.extensions.code ?? data?.conflicts.length ?? 'nothing';
    };
    for (const bad of [
      'first: -1',
      'first: 201',
      'first: 2147483647',
      'id: "1"',
      'before: "x"',
      'before: "-1"',
      'before: "1; DROP TABLE docs"',
      'before: "99999999999999999999"',
      'entity: "Doc\\u0000"',
      'entity: "Doc", id: "\\u0000"',
      'since: "yesterday"',
      'since: "2026-02-30T00:00:00Z"',
      'since: "now"',
    ]) {
      const code = await look(bad);
      assert.ok(['BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED'].includes(String(code)), `${bad}: ${code}`);
    }
    for (const none of [
      'first: 0',
      `entity: "' OR true --"`,
      `entity: "Doc", id: "' OR true --"`,
      'entity: "nothing"',
      'before: "0"',
      `entity: "${'x'.repeat(100_000)}"`,
    ])
      assert.equal(await look(none), 0, none.slice(0, 100));
    assert.ok(Number(await look('first: null, entity: null, id: null, since: null, before: null')) > 0);
    assert.equal(await look('since: $s', { s: 'yesterday' }, '($s: DateTime)'), 'BAD_USER_INPUT');
  });

  it('contain nothing about a person after the statements of docs/security.md', async () => {
    const id = fresh();
    const secret = `person ${id} <ada@example.com>`;
    const { version: seen } = (await edit(US, id, 1, { title: secret })).doc as { version: number };
    await edit(US, id, seen, { title: 'another title' });
    await edit(EU, id, seen, { body: secret });
    await app.gql(US, 'mutation ($id: ID!) { dropDoc(id: $id) { doc { id title body } } }', {
      variables: { id },
      headers: { 'idempotency-key': `erase-${id}` },
    });
    const left = async (): Promise<number> =>
      Number(
        (
          await app.cluster.query(
            US,
            `SELECT count(*) AS n FROM (SELECT h::text AS t FROM meridian.history h UNION ALL SELECT c::text FROM meridian.conflicts c UNION ALL SELECT o::text FROM meridian.outcomes o) AS kept WHERE t LIKE '%<ada@example.com>%'`,
          )
        )[0]?.['n'],
      );
    assert.ok((await left()) > 0);
    const page = readFileSync(new URL('../../docs/security.md', import.meta.url), 'utf8');
    const statements = /```sql\n(DELETE FROM meridian\.history[^`]*)```/
      .exec(page)?.[1]
      ?.replaceAll('public.users', 'public.docs')
      .replaceAll("'User'", "'Doc'")
      .replaceAll('42', id)
      .replaceAll('%ada@', '%<ada@');
    assert.ok(statements);
    await app.cluster.query(US, statements);
    assert.equal(await left(), 0);
  });

  it('report a missing setup in the audit and in a write with a conflict, and nowhere else', async () => {
    const id = fresh();
    await edit(EU, id, 1, { title: 'EU' });
    await app.cluster.query(US, 'DROP TABLE meridian.conflicts');
    const write = (version: number): ReturnType<TestApp['gql']> =>
      app.gql(AP, `mutation { editDoc(id: ${id}, expectedVersion: ${version}, input: { body: "x" }) { token } }`);
    const said = ({ errors }: Awaited<ReturnType<typeof write>>): unknown =>
      errors.map(({ extensions: { code }, message }) => [
        code,
        message.includes('meridian.conflicts') && message.includes('`meridian setup`'),
      ]);
    assert.deepEqual(said(await write(1)), [['DATABASE_NOT_READY', true]]);
    assert.deepEqual(said(await app.gql(AP, '{ conflicts @consistent(level: STRONG) { id } }', { headers: admin })), [
      ['DATABASE_NOT_READY', true],
    ]);
    assert.deepEqual(said(await write(2)), []);
    await app.cluster.query(US, 'DROP SCHEMA meridian CASCADE');
    const other = await app.gql(
      AP,
      `mutation { editDoc(id: ${id}, expectedVersion: 1, input: { body: "y" }) { token } }`,
    );
    assert.deepEqual(
      other.errors.map(({ extensions: { code } }) => code),
      ['DATABASE_NOT_READY'],
    );
    const keyed = await app.gql(AP, `mutation { editDoc(id: ${id}, input: { body: "y" }) { token } }`, {
      headers: { 'idempotency-key': 'a' },
    });
    assert.deepEqual(
      keyed.errors.map(({ extensions: { code }, message }) => [code, message.includes('meridian.outcomes')]),
      [['DATABASE_NOT_READY', true]],
    );
    assert.deepEqual(said(await app.gql(AP, `mutation { editDoc(id: ${id}, input: { body: "z" }) { token } }`)), []);
  });
});
