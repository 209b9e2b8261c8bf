/** Tests of floors within a mutation: what its token and its own writes promise holds for everything that it reads. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ResolverContext, type UserResolvers } from '../../src/index.ts';
import { EU, startTestApp, US, type TestApp } from '../support/app.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { note(id: ID!): Note }
  type Mutation { looks: Looked! }
  type Note @entity @key(fields: "id") { id: ID! n: Int! }
  type Looked { n: Int! }`;

const resolvers: UserResolvers = {
  Mutation: {
    looks: async (_parent: unknown, _args: unknown, ctx: ResolverContext) => {
      await ctx.transaction((tx) => tx.query('SELECT 1'));
      return { n: (await ctx.read('SELECT n FROM notes WHERE id = 1'))[0]?.['n'] };
    },
  },
};

let app: TestApp;
describe('a mutation that comes with a token', () => {
  before(async () => {
    app = await startTestApp({ files: [{ name: 'notes.graphql', body: SDL }], sql: 'CREATE TABLE notes (id bigint PRIMARY KEY, n int NOT NULL CHECK (n >= 0)); INSERT INTO notes VALUES (1, 0)', server: { resolvers }, settings: { heartbeatMs: 60_000 } });
    await app.cluster.query(US, `ALTER SYSTEM SET wal_writer_delay = '3s'`);
    await app.cluster.query(US, 'SELECT pg_reload_conf()');
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it('reads nothing older than it, although its own transaction has written nothing', async () => {
    const olds: number[] = [];
    for (let round = 1; round <= 5; round += 1) {
      // Visible at once, and on its way to nobody before the WAL writer's next round.
      await app.cluster.query(US, `SET synchronous_commit = off; UPDATE notes SET n = ${round}`);
      const seen = await app.gql<{ note: { n: number } }>(US, '{ note(id: 1) @consistent(level: STRONG) { n } }');
      assert.equal(seen.data?.note.n, round);
      const { data, errors } = await app.gql<{ looks: { n: number } }>(EU, 'mutation { looks { n } }', { token: seen.token });
      assert.deepEqual(errors, []);
      if (data?.looks.n !== round) olds.push(round);
    }
    assert.deepEqual(olds, []);
  });
});
