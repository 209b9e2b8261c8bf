/**
 * Owns a ledger for tests of durability: one table, and mutations that ask for each level, by directive and in a
 * resolver.
 */
import { type ResolverContext, type UserResolvers } from '../../src/index.ts';
import { startTestApp, US, type TestApp } from './app.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])
  type Query { line(id: ID!): Line }
  type Mutation {
    addPlain(id: ID!): AddPayload! @insert
    addLocal(id: ID!): AddPayload! @insert @durable(level: LOCAL)
    addWritten(id: ID!): AddPayload! @insert @durable(level: REMOTE_WRITE)
    addApplied(id: ID!): AddPayload! @insert @durable(level: REMOTE_APPLY)
    "Written by hand, as durable as the field says unless \`local\`."
    addByHand(id: ID!, local: Boolean! = false): ByHandPayload! @durable(level: REMOTE_APPLY)
  }
  type Line @entity @key(fields: "id") { id: ID! }
  type AddPayload { line: Line token: ConsistencyToken! }
  type ByHandPayload { level: String! token: ConsistencyToken! }`;

const resolvers: UserResolvers = {
  Mutation: {
    addByHand: async (_parent: unknown, { id, local }: { id: string; local: boolean }, ctx: ResolverContext) => {
      const level = await ctx.transaction(
        async (tx) => {
          await tx.query('INSERT INTO lines (id) VALUES ($1)', [id]);
          return (await tx.query(`SELECT current_setting('synchronous_commit') AS level`)).rows[0]?.['level'];
        },
        local ? { durability: 'LOCAL' } : {},
      );
      return { level, token: () => ctx.token() };
    },
  },
};

export function startLedger(settings: Readonly<Record<string, unknown>> = {}): Promise<TestApp> {
  return startTestApp({
    files: [{ name: 'ledger.graphql', body: SDL }],
    sql: 'CREATE TABLE lines (id bigint PRIMARY KEY)',
    server: { resolvers },
    settings,
  });
}

/** Names the standbys that commits at the first region's server wait for. */
export async function nameStandbys(app: TestApp, names: string): Promise<void> {
  await app.cluster.query(US, `ALTER SYSTEM SET synchronous_standby_names = '${names}'`);
  await app.cluster.query(US, 'SELECT pg_reload_conf()');
  // Every process of the server reads it for itself.
  await new Promise((resolve) => setTimeout(resolve, 200));
}
