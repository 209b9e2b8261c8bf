/**
 * Owns the resolver of the mutation that the writing bench sends: six statements, each awaited before the next. Loaded
 * by the servers.
 */
import { type ResolverContext } from '../../src/index.ts';

export const UPDATE = 'UPDATE users SET bio = $2, version = version + 1 WHERE id = $1 RETURNING version';
export const STATEMENTS = 6;

export const SIX_SDL = `
extend type Mutation { sixSteps(id: ID!, bio: String!): SixStepsPayload! }
type SixStepsPayload { version: Int! user: User token: ConsistencyToken! }
`;

interface Arguments {
  readonly id: string;
  readonly bio: string;
}

export default {
  Mutation: {
    sixSteps: async (_parent: unknown, { id, bio }: Arguments, ctx: ResolverContext) => {
      const version = await ctx.transaction(async (tx) => {
        let last: unknown = 0;
        for (let i = 0; i < STATEMENTS; i += 1)
          last = (await tx.query(UPDATE, [id, `${bio} ${i}`])).rows[0]?.['version'];
        return last;
      });
      return { version, user: () => ctx.loaders.one('User', ['id'], [id]), token: () => ctx.token() };
    },
  },
};
