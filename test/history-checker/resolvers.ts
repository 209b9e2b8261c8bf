/**
 * Owns what histories add to the application: a counter that is read by SQL under a tag of its own, which only the
 * mutation's message makes wrong.
 */
import { type ResolverContext } from '../../src/index.ts';

export const BOARDS_SDL = `
extend type Query { board(id: String!): Board }
extend type Mutation { bump(id: String!, by: String!): Board! }
extend type Subscription { board(id: String!): Board @live }
type Board { id: String! n: Int! by: String! }
`;

async function board(_: unknown, { id }: { id: string }, ctx: ResolverContext): Promise<unknown> {
  return (
    (await ctx.read('SELECT id, n, by FROM boards WHERE id = $1', [id], { dependsOn: [`board:${id}`] }))[0] ?? null
  );
}

export default {
  Query: { board },
  Subscription: { board },
  Mutation: {
    bump: (_: unknown, { id, by }: { id: string; by: string }, ctx: ResolverContext) =>
      ctx.transaction(
        async (tx) =>
          (await tx.query('UPDATE boards SET n = n + 1, by = $2 WHERE id = $1 RETURNING id, n, by', [id, by])).rows[0],
        { tags: [`board:${id}`] },
      ),
  },
};
