/** Proves floors within a mutation: each of its reads is at least as new as its token and its own earlier writes. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ResolverContext, type UserResolvers } from '../../src/index.ts';
import { EU, startTestApp, US, type TestApp } from '../support/app.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { note(id: ID!): Note }
  type Mutation { looks: Looked! bump: Looked! }
  type Note @entity @key(fields: "id") { id: ID! n: Int! }
  type Looked { n: Int! note: Note }`;

const resolvers: UserResolvers = {
  Mutation: {
    bump: async (_parent: unknown, _args: unknown, ctx: ResolverContext) => {
      // Nothing that was read before may answer what is read behind.
      await ctx.read('SELECT n FROM notes WHERE id = 1');
      await ctx.transaction((tx) => tx.query('UPDATE notes SET n = n + 1 WHERE id = 1'));
      return {
        n: (await ctx.read('SELECT n FROM notes WHERE id = 1'))[0]?.['n'],
        note: () => ctx.loaders.one('Note', ['id'], ['1']),
      };
    },
    looks: async (_parent: unknown, _args: unknown, ctx: ResolverContext) => {
      await ctx.transaction((tx) => tx.query('SELECT 1'));
      return { n: (await ctx.read('SELECT n FROM notes WHERE id = 1'))[0]?.['n'] };
    },
  },
};

let app: TestApp;
describe('a mutation', () => {
  before(async () => {
    app = await startTestApp({
      files: [{ name: 'notes.graphql', body: SDL }],
      sql: 'CREATE TABLE notes (id bigint PRIMARY KEY, n int NOT NULL CHECK (n >= 0)); INSERT INTO notes VALUES (1, 0)',
      server: { resolvers },
      settings: { heartbeatMs: 60_000 },
    });
    await app.cluster.query(US, `ALTER SYSTEM SET wal_writer_delay = '3s'`);
    await app.cluster.query(US, 'SELECT pg_reload_conf()');
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it('reads nothing older than its token, although its own transaction has written nothing', async () => {
    const olds: number[] = [];
    for (let round = 1; round <= 5; round += 1) {
      // Visible at once, and on its way to nobody before the WAL writer's next round.
      await app.cluster.query(US, `SET synchronous_commit = off; UPDATE notes SET n = ${round}`);
      const seen = await app.gql<{ note: { n: number } }>(US, '{ note(id: 1) @consistent(level: STRONG) { n } }');
      assert.equal(seen.data?.note.n, round);
      const { data, errors } = await app.gql<{ looks: { n: number } }>(EU, 'mutation { looks { n } }', {
        token: seen.token,
      });
      assert.deepEqual(errors, []);
      if (data?.looks.n !== round) olds.push(round);
    }
    assert.deepEqual(olds, []);
  });

  for (const level of [
    '',
    '@consistent(level: EVENTUAL)',
    '@consistent(level: BOUNDED, maxLagMs: 600000)',
    '@consistent',
    '@consistent(level: SNAPSHOT)',
  ]) {
    it(`shows each of its writes in its later reads while replay is paused, ${level === '' ? 'without a level' : level}`, async () => {
      await app.cluster.query(US, 'UPDATE notes SET n = 0');
      await app.cluster.caughtUp();
      await app.cluster.pauseReplay(EU);
      try {
        const { data, errors } = await app.gql<Record<string, { n: number; note: { n: number } }>>(
          EU,
          `mutation ${level} { one: bump { n note { n } } two: bump { n note { n } } three: looks { n note { n } } }`,
        );
        assert.deepEqual(errors, []);
        assert.deepEqual(data, {
          one: { n: 1, note: { n: 1 } },
          two: { n: 2, note: { n: 2 } },
          three: { n: 2, note: null },
        });
      } finally {
        await app.cluster.resumeReplay(EU);
      }
    });
  }
});
