/** Custom resolvers for the reference application, checked by the types that codegen writes from its SDL. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Resolvers, type TaskStatus } from '../../schema/workspace/generated/resolvers.ts';
import { type ResolverContext } from '../../src/graphql/context.ts';

const resolvers: Resolvers = {
  Query: {
    userByEmail: async (_parent, { email }, context) =>
      (await context.read('SELECT * FROM users WHERE lower(email) = lower($1)', [email]))[0] ?? null,
  },
  User: {
    // Parents are rows, by column name.
    bio: (user) => (typeof user['bio'] === 'string' ? user['bio'].trim() : null),
    __resolveReference: (reference, context) =>
      context.loaders.one('User', 'email' in reference ? ['email'] : ['id'], Object.values(reference)),
  },
  Mutation: {
    deleteTask: async (_parent, { id }, context) => {
      await context.transaction((tx) => tx.query('DELETE FROM tasks WHERE id = $1', [id]));
      return { task: null, token: context.token() };
    },
  },
};

const wrong: Resolvers = {
  // @ts-expect-error a query that the SDL does not have
  Query: { userByName: () => null },
  // @ts-expect-error a title is a string
  Task: { title: () => 3 },
  // @ts-expect-error a payload carries its token
  Mutation: { deleteTask: () => ({ task: null }) },
};

// @ts-expect-error enums are unions of their values
const status: TaskStatus = 'LATER';

it('custom resolvers and the context agree on their types', () => {
  const context: Pick<ResolverContext, 'token'> = { token: () => 'm1.x.y' };
  assert.equal(typeof resolvers.Mutation?.deleteTask, 'function');
  assert.equal(context.token(), 'm1.x.y');
  assert.deepEqual([Object.keys(wrong), status], [['Query', 'Task', 'Mutation'], 'LATER']);
});
