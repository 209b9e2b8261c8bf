/**
 * Owns a small application whose mutations take long, fail midway or tell who runs them: for tests of where mutations
 * run.
 */
import { GraphQLError } from 'graphql';
import { type ResolverContext, type UserResolvers } from '../../src/index.ts';
import { sleep } from '../../src/base/clock.ts';

export const NOTES_SQL = `
  CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant_id text NOT NULL DEFAULT 't1', text text NOT NULL UNIQUE, n int NOT NULL DEFAULT 0 CHECK (n >= 0), version bigint NOT NULL DEFAULT 1);
  INSERT INTO notes (text) SELECT 'note ' || i FROM generate_series(1, 50) i`;

export const NOTES_SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])
  type Query { note(id: ID!): Note }
  type Mutation {
    addNote(text: String!, n: Int): NotePayload! @insert
    editNote(id: ID!, n: Int): NotePayload @update
    "Six statements, each awaited before the next is sent."
    sixSteps(id: ID!): Steps!
    "As above, and then sleeps before it commits."
    slowly(text: String!, ms: Int!): Boolean
    who: Who!
    "What row-level security would go by."
    asked: String
    fails(how: String!): Boolean
  }
  type Note @entity(version: "version") @key(fields: "id") { id: ID! text: String! n: Int! version: BigInt! }
  type NotePayload { note: Note token: ConsistencyToken! }
  type Steps { statements: Int! n: Int! region: String! token: ConsistencyToken! note: Note }
  type Who { id: String tenant: String roles: [String!] region: String! }`;

export const STATEMENTS = 6;

export const notesResolvers: UserResolvers = {
  Mutation: {
    sixSteps: async (_parent: unknown, { id }: { id: string }, ctx: ResolverContext) => {
      const n = await ctx.transaction(async (tx) => {
        let last = 0;
        for (let i = 0; i < STATEMENTS; i += 1)
          last = Number(
            (await tx.query('UPDATE notes SET n = n + 1, version = version + 1 WHERE id = $1 RETURNING n', [id]))
              .rows[0]?.['n'],
          );
        return last;
      });
      return {
        statements: STATEMENTS,
        n,
        region: ctx.region,
        token: () => ctx.token(),
        note: () => ctx.loaders.one('Note', ['id'], [id]),
      };
    },
    slowly: (_parent: unknown, { text, ms }: { text: string; ms: number }, ctx: ResolverContext) =>
      ctx.transaction(async (tx) => {
        await tx.query('INSERT INTO notes (text) VALUES ($1)', [text]);
        await sleep(ms);
        return true;
      }),
    who: (_parent: unknown, _args: unknown, { viewer, region }: ResolverContext) => ({ ...viewer, region }),
    asked: (_parent: unknown, _args: unknown, ctx: ResolverContext) =>
      ctx.transaction(
        async (tx) => (await tx.query("SELECT current_setting('app.user_id', true) AS id")).rows[0]?.['id'],
      ),
    fails: async (_parent: unknown, { how }: { how: string }, ctx: ResolverContext) => {
      if (how === 'constraint') await ctx.transaction((tx) => tx.query('UPDATE notes SET n = -1 WHERE id = 1'));
      if (how === 'plain') throw new TypeError('password hunter2 was wrong');
      throw new GraphQLError('Not today.', { extensions: { code: 'CLOSED' } });
    },
  },
};
