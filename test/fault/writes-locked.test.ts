/**
 * Proves writes to a row that another transaction has locked for too long: nothing is written, and the error allows
 * another attempt.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { withSession } from '../../src/dev/postgres/session.ts';
import { EU, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { doc(id: ID!): Doc }
  type Mutation { edit(id: ID!, expectedVersion: Int, title: String!): Edited! @update }
  type Doc @entity(version: "version") @conflict(policy: LAST_WRITE_WINS) @key(fields: "id") { id: ID! title: String! version: Int! }
  type Edited { doc: Doc token: ConsistencyToken! }`;

describe('a write to a row that is locked', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({
      files: [{ name: 'docs.graphql', body: SDL }],
      settings: { statementMs: 500, transactionRetries: 0 },
      sql: `CREATE TABLE docs (id bigint PRIMARY KEY, title text NOT NULL DEFAULT 'new', version int NOT NULL DEFAULT 3); INSERT INTO docs (id) VALUES (1)`,
    });
  });
  after(async () => app?.[Symbol.asyncDispose]());

  const edit = (
    title: string,
    seen: number | null,
    key: string,
  ): Promise<Answer<{ edit: { doc: { title: string } } }>> =>
    app.gql(
      EU,
      'mutation ($title: String!, $seen: Int) { edit(id: 1, expectedVersion: $seen, title: $title) { doc { title } } }',
      { variables: { title, seen }, headers: { 'idempotency-key': key } },
    );

  for (const [what, age] of [
    ['a blind one', null],
    ['one from the latest version', 0],
    ['one from an older version, which locks it first', 1],
  ] as const) {
    it(`fails with an error that allows another attempt: ${what}`, async () => {
      const title = `written by ${what}`;
      const [row] = await app.cluster.query<{ version: number }>(US, 'SELECT version FROM docs');
      const version = age === null ? null : (row?.version ?? 0) - age;
      await withSession({ dsn: app.cluster.primary.dsn }, async (other) => {
        await other.query('BEGIN');
        await other.query('SELECT FROM docs FOR UPDATE');
        const { data, errors } = await edit(title, version, `key-${age}`);
        assert.deepEqual(
          [data, errors.map(({ extensions }) => [extensions.code, extensions['retryable']])],
          [null, [['TRANSACTION_CONFLICT', true]]],
        );
        await other.query('ROLLBACK');
      });
      const again = await edit(title, version, `key-${age}`);
      assert.deepEqual([again.errors, again.data?.edit.doc.title], [[], title]);
    });
  }
});
