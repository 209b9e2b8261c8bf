/** Owns a small bank for tests of custom code: its SQL, its SDL, and resolvers beside what directives say. */
import { GraphQLError } from 'graphql';
import { type ResolverContext, type Row, type UserResolvers } from '../../src/index.ts';

export const BANK_SQL = `
  CREATE TYPE account_kind AS ENUM ('checking account', 'savings account');
  CREATE TABLE customers (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, branch text NOT NULL);
  CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers,
    kind account_kind NOT NULL, balance numeric(14, 2) NOT NULL CHECK (balance >= 0)
  );
  CREATE INDEX ON accounts (customer_id);
  INSERT INTO customers (name, branch) SELECT 'customer ' || i, 'branch ' || i % 3 FROM generate_series(1, 20) i;
  INSERT INTO accounts (customer_id, kind, balance) SELECT 1 + i % 20, CASE WHEN i % 4 = 0 THEN 'savings account' ELSE 'checking account' END::account_kind, 100 FROM generate_series(1, 60) i`;

export const BANK_SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])
  type Query {
    account(id: ID!): Account
    "Everything that the bank holds."
    total: Decimal!
    accountsOf(kind: AccountKind!, first: Int! = 5): [Account!]!
    me: Me
    writesByMistake: Int
    fails(how: String!): Int
  }
  type Mutation {
    transfer(from: ID!, to: ID!, amount: Decimal!): TransferPayload!
    "Reads, then writes what it has computed."
    addOne(id: ID!, isolation: String!): TransferPayload!
    "Reads only."
    peek(id: ID!): Decimal
    openAccount(customerId: ID!, kind: AccountKind!, balance: Decimal!): OpenAccountPayload! @insert
  }
  enum AccountKind { CHECKING @column(name: "checking account") SAVINGS @column(name: "savings account") }
  type Customer @entity @key(fields: "id") { id: ID! name: String! accounts: [Account!]! }
  type Account @entity @key(fields: "id") {
    id: ID! kind: AccountKind! balance: Decimal! customer: Customer!
    "Not in any table."
    label(prefix: String = ""): String!
    holder: String!
  }
  "An entity without a table."
  type Rate @key(fields: "currency") { currency: ID! percent: Float! }
  type Me { id: ID! tenant: String roles: [String!]! region: String! }
  type TransferPayload { from: Account to: Account token: ConsistencyToken! }
  type OpenAccountPayload { account: Account token: ConsistencyToken! }`;

/** How often the work of `addOne` has begun, retries included. */
export const tries = { addOne: 0 };

interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly amount: string;
}

export const bankResolvers: UserResolvers = {
  Query: {
    total: async (_parent: unknown, _args: unknown, ctx: ResolverContext) =>
      (await ctx.read('SELECT sum(balance)::text AS total FROM accounts'))[0]?.['total'],
    // Rows of a table serve as entities: the fields that directives map are resolved from them.
    accountsOf: (_parent: unknown, { kind, first }: { kind: string; first: number }, ctx: ResolverContext) =>
      ctx.read('SELECT * FROM accounts WHERE kind = $1 ORDER BY id LIMIT $2', [kind, first]),
    me: (_parent: unknown, _args: unknown, { viewer, region }: ResolverContext) => viewer && { ...viewer, region },
    writesByMistake: (_parent: unknown, _args: unknown, ctx: ResolverContext) =>
      ctx.read('UPDATE accounts SET balance = 0'),
    fails: (_parent: unknown, { how }: { how: string }, ctx: ResolverContext) => fail(how, ctx),
  },
  Account: {
    label: ({ id, kind }: Row, { prefix }: { prefix: string }) => `${prefix}${String(kind)} ${String(id)}`,
    holder: async (account: Row, _args: unknown, ctx: ResolverContext) =>
      (await ctx.loaders.one('Customer', ['id'], [account['customer_id']]))?.['name'],
  },
  Rate: {
    __resolveReference: ({ currency }: { currency: string }, ctx: ResolverContext) => ({
      currency,
      percent: currency.length + (ctx.region === 'us-east-1' ? 0 : 0.5),
    }),
  },
  Mutation: {
    transfer: async (_parent: unknown, { from, to, amount }: Transfer, ctx: ResolverContext) => {
      await ctx.transaction(async (tx) => {
        const { rows } = await tx.query(
          'UPDATE accounts SET balance = balance - $2 WHERE id = $1 RETURNING balance::text',
          [from, amount],
        );
        if (rows.length === 0)
          throw new GraphQLError(`There is no account ${from}.`, { extensions: { code: 'NO_SUCH_ACCOUNT' } });
        const { rowCount } = await tx.query('UPDATE accounts SET balance = balance + $2 WHERE id = $1', [to, amount]);
        if (rowCount === 0)
          throw new GraphQLError(`There is no account ${to}.`, { extensions: { code: 'NO_SUCH_ACCOUNT' } });
      });
      return payload(ctx, from, to);
    },
    peek: async (_parent: unknown, { id }: { id: string }, ctx: ResolverContext) =>
      (await ctx.read('SELECT balance::text FROM accounts WHERE id = $1', [id]))[0]?.['balance'],
    addOne: async (
      _parent: unknown,
      { id, isolation }: { id: string; isolation: 'READ COMMITTED' | 'REPEATABLE READ' | 'SERIALIZABLE' },
      ctx: ResolverContext,
    ) => {
      await ctx.transaction(
        async (tx) => {
          tries.addOne += 1;
          const { rows } = await tx.query('SELECT balance::text FROM accounts WHERE id = $1', [id]);
          await tx.query('UPDATE accounts SET balance = $2 WHERE id = $1', [id, Number(rows[0]?.['balance']) + 1]);
        },
        { isolation },
      );
      return payload(ctx, id, id);
    },
  },
};

function payload(ctx: ResolverContext, from: string, to: string): Record<string, unknown> {
  const account = (id: string): Promise<Row | null> => ctx.loaders.one('Account', ['id'], [id]);
  return { from: () => account(from), to: () => account(to), token: () => ctx.token() };
}

function fail(how: string, ctx: ResolverContext): unknown {
  if (how === 'sql') return ctx.read('SELECT secret FROM nowhere');
  if (how === 'plain') throw new TypeError('password hunter2 was wrong');
  throw new GraphQLError('Not today.', { extensions: { code: 'CLOSED' } });
}
