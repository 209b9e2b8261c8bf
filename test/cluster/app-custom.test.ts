/**
 * Proves custom resolvers beside directives: their reads, loaders and transactions keep the promises of their fields.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { createServer, type Runtime, type ServerSettings } from '../../src/index.ts';
import { silentTelemetry } from '../../src/telemetry/telemetry.ts';
import { AP, ask, EU, startTestApp, US, type Answer, type Call, type TestApp } from '../support/app.ts';
import { BANK_SDL, BANK_SQL, bankResolvers, tries } from '../support/bank.ts';
import { counting } from '../support/observe.ts';

const FILES = [{ name: 'bank.graphql', body: BANK_SDL }];
const ADD_ONE = 'mutation($id: ID!, $isolation: String!) { addOne(id: $id, isolation: $isolation) { to { balance } } }';

interface Account {
  readonly id: string;
  readonly balance: string;
  readonly customer: { readonly name: string; readonly accounts: readonly Account[] };
}
interface Transferred {
  readonly transfer: { readonly from: Account; readonly to: Account; readonly token: string };
}

describe('custom resolvers', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({
      files: FILES,
      sql: BANK_SQL,
      server: { resolvers: bankResolvers },
      settings: { transactionRetries: 50 },
    });
  });
  after(async () => app[Symbol.asyncDispose]());

  const asked = async <D>(region: string, query: string, call?: Call): Promise<Answer<D> & { data: D }> => {
    const answer = await app.gql<D>(region, query, call);
    assert.deepEqual([answer.status, answer.errors], [200, []], query);
    return answer as Answer<D> & { data: D };
  };
  const balances = async (): Promise<Record<string, string>> =>
    Object.fromEntries(
      (
        await app.cluster.query<{ id: string; balance: string }>(US, 'SELECT id::text, balance::text FROM accounts')
      ).map(({ id, balance }) => [id, balance]),
    );
  /** A second server in a region of the same cluster, for settings and hooks of its own. */
  const another = (region: string, rest: Partial<ServerSettings>): Promise<Runtime> => {
    const regions = Object.fromEntries(
      app.cluster.regions.map(({ name }) => [name, { databaseUrl: app.cluster.dsnFor(region, name) }]),
    );
    return createServer({
      telemetry: silentTelemetry(),
      ...rest,
      settings: { region, regions, port: 0, auth: 'none', tokenSecret: 'another secret for tests', ...rest.settings },
    });
  };
  const paused = async (work: () => Promise<void>): Promise<void> => {
    await app.cluster.caughtUp();
    await app.cluster.pauseReplay(AP);
    try {
      await work();
    } finally {
      await app.cluster.resumeReplay(AP);
      await app.cluster.caughtUp(AP);
    }
  };

  it('read with SQL at the consistency level of their field', async () => {
    await paused(async () => {
      const old = (await asked<{ total: string }>(AP, '{ total }')).data.total;
      await app.cluster.query(US, 'UPDATE accounts SET balance = balance + 1 WHERE id = 1');
      const fresh = (Number(old) + 1).toFixed(2);
      assert.deepEqual(
        (await asked(AP, '{ total }')).data,
        { total: old },
        'AP shows the write although its replay is paused',
      );
      assert.deepEqual((await asked(AP, '{ old: total new: total @consistent(level: STRONG) }')).data, {
        old,
        new: fresh,
      });
      assert.deepEqual((await asked(AP, 'query @consistent(level: SNAPSHOT) { total }')).data, { total: fresh });
      const { token } = await asked(US, '{ total }');
      const session = await asked(AP, '{ total }', { token });
      assert.deepEqual(
        [session.data, session.consistency?.servedBy],
        [{ total: fresh }, { cache: 0, replica: 0, primary: 1 }],
      );
      assert.match(session.token ?? '', /^m1\./);
    });
  });

  it('return entities from rows, with mapped and custom fields', async () => {
    const { accountsOf } = (
      await asked<{ accountsOf: readonly unknown[] }>(
        EU,
        '{ accountsOf(kind: SAVINGS, first: 2) { id kind balance label(prefix: "my ") holder customer { id name } } }',
      )
    ).data;
    assert.deepEqual(
      accountsOf,
      ['4', '8'].map((id) => ({
        id,
        kind: 'SAVINGS',
        balance: '100.00',
        label: `my savings account ${id}`,
        holder: `customer ${Number(id) + 1}`,
        customer: { id: `${Number(id) + 1}`, name: `customer ${Number(id) + 1}` },
      })),
    );
    // As @key says, through a gateway as well.
    const { _entities } = (
      await asked<{ _entities: readonly unknown[] }>(
        EU,
        '{ _entities(representations: [{ __typename: "Account", id: "4" }, { __typename: "Rate", currency: "EUR" }]) { ... on Account { kind label } ... on Rate { currency percent } } }',
      )
    ).data;
    assert.deepEqual(_entities, [
      { kind: 'SAVINGS', label: 'savings account 4' },
      { currency: 'EUR', percent: 3.5 },
    ]);
  });

  it('share loaders, and so statements, with the fields of directives', async () => {
    const query = '{ accountsOf(kind: CHECKING, first: 40) { holder customer { name } } }';
    const { value, statements } = await counting(app, AP, () =>
      asked<{ accountsOf: readonly { holder: string; customer: { name: string } }[] }>(AP, query),
    );
    assert.equal(value.data.accountsOf.length, 40);
    for (const { holder, customer } of value.data.accountsOf) assert.equal(holder, customer.name);
    assert.equal(statements, 2);
  });

  it('accept and return enum values under the names of the schema', async () => {
    const opened = await asked<{ openAccount: { account: { id: string; kind: string; label: string } } }>(
      AP,
      'mutation { openAccount(customerId: 3, kind: SAVINGS, balance: "12.50") { account { id kind label } } }',
    );
    const { id, kind, label } = opened.data.openAccount.account;
    assert.deepEqual([kind, label], ['SAVINGS', `savings account ${id}`]);
    assert.deepEqual(await app.cluster.query(US, 'SELECT kind, balance::text FROM accounts WHERE id = $1', [id]), [
      { kind: 'savings account', balance: '12.50' },
    ]);
    const { errors } = await app.gql(AP, '{ accountsOf(kind: savings_account) { id } }');
    assert.equal(errors[0]?.extensions.code, 'GRAPHQL_VALIDATION_FAILED');
  });

  describe('in mutations', () => {
    const TRANSFER =
      'mutation($from: ID!, $to: ID!, $amount: Decimal!) { transfer(from: $from, to: $to, amount: $amount) { from { balance customer { name accounts { id balance } } } to { balance } token } }';

    it("write in a transaction that their payload shows and their token covers, also while the region's replay is paused", async () => {
      await paused(async () => {
        const { data, token, consistency } = await asked<Transferred>(AP, TRANSFER, {
          variables: { from: 21, to: 22, amount: '30.25' },
        });
        const { from, to } = data.transfer;
        assert.deepEqual([from.balance, to.balance], ['69.75', '130.25']);
        assert.equal(from.customer.accounts.find(({ id }) => id === '21')?.balance, '69.75');
        assert.deepEqual([consistency?.level, consistency?.servedBy.replica], ['SESSION', 0]);
        const read = '{ account(id: 21) { balance } }';
        assert.deepEqual(
          (await asked(AP, read)).data,
          { account: { balance: '100.00' } },
          'AP shows the write although its replay is paused',
        );
        // They differ where a heartbeat came between the write and what was read after it.
        for (const covering of [token, data.transfer.token])
          assert.deepEqual((await asked(AP, read, { token: covering })).data, { account: { balance: '69.75' } });
      });
    });

    it('see the earlier writes of their operation at every level, unless the field has EVENTUAL', async () => {
      await paused(async () => {
        const { data } = await asked<Record<string, string>>(
          AP,
          'mutation @consistent(level: EVENTUAL) { before: peek(id: 51) transfer(from: 51, to: 52, amount: "1") { token } after: peek(id: 51) bounded: peek(id: 51) @consistent(level: BOUNDED, maxLagMs: 60000) old: peek(id: 51) @consistent(level: EVENTUAL) }',
        );
        assert.deepEqual(
          [data['before'], data['after'], data['bounded'], data['old']],
          ['100.00', '99.00', '99.00', '100.00'],
        );
      });
    });

    it('are rolled back as a whole when they throw, with the code of the thrown error', async () => {
      const before = await balances();
      const cases = [
        [{ from: 23, to: 999_999, amount: '5' }, 'NO_SUCH_ACCOUNT', /999999/],
        [{ from: 23, to: 24, amount: '1000000' }, 'CONSTRAINT_VIOLATION', /breaks a rule of the table \(balance\)\.$/],
        [{ from: 'abc', to: 24, amount: '1' }, 'BAD_USER_INPUT', /does not fit/],
      ] as const;
      for (const [variables, code, message] of cases) {
        const { status, data, errors } = await app.gql(AP, TRANSFER, { variables });
        assert.deepEqual([status, data, errors[0]?.extensions.code], [200, null, code], JSON.stringify(errors));
        assert.match(errors[0]?.message ?? '', message);
      }
      assert.deepEqual(await balances(), before);
    });

    it('run one after the other, each seeing the ones before it', async () => {
      const { data } = await asked<{ a: Transferred['transfer']; b: Transferred['transfer'] }>(
        EU,
        'mutation { a: transfer(from: 31, to: 32, amount: "10") { to { balance } } b: transfer(from: 32, to: 31, amount: "110") { from { balance } to { balance } } }',
      );
      assert.deepEqual(data, {
        a: { to: { balance: '110.00' } },
        b: { from: { balance: '0.00' }, to: { balance: '200.00' } },
      });
    });

    it('are tried again after a serialization failure, so that no update is lost', async () => {
      const race = async (id: number, isolation: string): Promise<number> => {
        const answers = await Promise.all(
          Array.from({ length: 10 }, (_, i) =>
            app.gql([US, EU, AP][i % 3] ?? US, ADD_ONE, { variables: { id: String(id), isolation } }),
          ),
        );
        for (const { errors } of answers) assert.deepEqual(errors, []);
        return Number((await balances())[id]) - 100;
      };
      assert.ok(
        (await race(41, 'READ COMMITTED')) < 10,
        'no update was lost where nothing prevents it, so that the test proves nothing',
      );
      for (const [id, isolation] of [
        [42, 'REPEATABLE READ'],
        [43, 'SERIALIZABLE'],
      ] as const) {
        tries.addOne = 0;
        assert.equal(await race(id, isolation), 10);
        assert.ok(tries.addOne > 10, 'nothing was tried again');
      }
    });

    it('return TRANSACTION_CONFLICT when the limit of attempts is reached', async () => {
      const impatient = await another(US, {
        files: FILES,
        resolvers: bankResolvers,
        settings: { transactionRetries: 0 },
      });
      try {
        const answers = await Promise.all(
          Array.from({ length: 10 }, () =>
            ask(impatient.url, ADD_ONE, { variables: { id: '44', isolation: 'SERIALIZABLE' } }),
          ),
        );
        const failed = answers.flatMap(({ errors }) => errors);
        assert.ok(failed.length > 0);
        for (const { extensions } of failed)
          assert.deepEqual([extensions.code, extensions['retryable']], ['TRANSACTION_CONFLICT', true]);
        assert.equal(Number((await balances())['44']) - 100, 10 - failed.length);
      } finally {
        await impatient.close();
      }
    });
  });

  it('cannot write in a query, and hide the details of a failure from clients', async () => {
    const before = await balances();
    const failure = async (query: string): Promise<{ code: string; message: string }> => {
      const { errors } = await app.gql(US, query);
      return { code: errors[0]?.extensions.code ?? '', message: errors[0]?.message ?? '' };
    };
    assert.deepEqual([(await failure('{ writesByMistake }')).code, await balances()], ['DATABASE_ERROR', before]);
    assert.deepEqual(await failure('{ fails(how: "graphql") }'), { code: 'CLOSED', message: 'Not today.' });
    const plain = await failure('{ fails(how: "plain") }');
    assert.equal(plain.code, 'INTERNAL_SERVER_ERROR');
    assert.doesNotMatch(plain.message, /hunter2/);
    const sql = await failure('{ fails(how: "sql") }');
    assert.deepEqual([sql.code, /secret|nowhere/.test(sql.message)], ['DATABASE_ERROR', false]);
  });

  describe('know the viewer', () => {
    const ME = '{ me { id tenant roles region } }';

    it('from a bearer token', async () => {
      assert.deepEqual((await asked(AP, ME)).data, { me: null });
      const authorization = `Bearer ${await app.bearer({ id: 'ann', tenant: 'acme', roles: ['editor', 'admin'] })}`;
      assert.deepEqual((await asked(AP, ME, { headers: { authorization } })).data, {
        me: { id: 'ann', tenant: 'acme', roles: ['editor', 'admin'], region: AP },
      });
      const damaged = await app.gql(AP, ME, { headers: { authorization: `${authorization}x` } });
      assert.deepEqual(
        [damaged.status, damaged.data, damaged.errors[0]?.extensions.code],
        [200, null, 'UNAUTHENTICATED'],
      );
    });

    it('from hooks, which also name the administrators', async () => {
      const hooked = await another(EU, {
        files: FILES,
        resolvers: bankResolvers,
        viewer: async ({ headers }) => {
          if (headers['x-user'] === 'broken') throw new Error('the directory of users is down');
          return headers['x-user'] === undefined ? null : { id: headers['x-user'], tenant: null, roles: [] };
        },
        isAdmin: async (viewer) => viewer?.id === 'root',
      });
      try {
        const as = (user: string | null, query: string): Promise<Answer<Record<string, unknown>>> =>
          ask(hooked.url, query, user === null ? {} : { headers: { 'x-user': user } });
        assert.deepEqual((await as('bob', ME)).data, { me: { id: 'bob', tenant: null, roles: [], region: EU } });
        assert.deepEqual((await as(null, ME)).data, { me: null });
        const broken = await as('broken', ME);
        assert.deepEqual(
          [broken.status, broken.errors[0]?.extensions.code, /directory/.test(broken.errors[0]?.message ?? '')],
          [200, 'INTERNAL_SERVER_ERROR', false],
        );
        const health = '{ regionHealth { region } }';
        assert.equal((await as(null, health)).errors[0]?.extensions.code, 'UNAUTHENTICATED');
        assert.equal((await as('bob', health)).errors[0]?.extensions.code, 'FORBIDDEN');
        assert.deepEqual((await as('root', health)).data, { regionHealth: [US, EU, AP].map((region) => ({ region })) });
      } finally {
        await hooked.close();
      }
    });
  });

  it('can be loaded from a file, and an invalid file is named in the error', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-resolvers-'));
    const file = (name: string, body: string): string => {
      writeFileSync(join(folder, name), body);
      return join(folder, name);
    };
    try {
      file(
        'schema.graphql',
        'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"]) type Query { count(of: String!): Int! } type Customer @entity @key(fields: "id") { id: ID! name: String! }',
      );
      const from = (resolvers: string): Promise<Runtime> => another(US, { settings: { schema: folder, resolvers } });
      const good = await from(
        file(
          'resolvers.ts',
          `interface Context { read(sql: string, values: unknown[]): Promise<{ n: number }[]> }
        export default { Query: { count: async (_: unknown, { of }: { of: string }, ctx: Context) => (await ctx.read('SELECT count(*)::int AS n FROM customers WHERE branch = $1', [of]))[0]?.n } };`,
        ),
      );
      try {
        assert.deepEqual((await ask(good.url, '{ count(of: "branch 1") }')).data, { count: 7 });
      } finally {
        await good.close();
      }
      for (const [resolvers, message] of [
        [join(folder, 'missing.ts'), /missing\.ts cannot be loaded/],
        [file('empty.ts', 'export const nothing = 1;'), /empty\.ts has no default export/],
        [file('broken.ts', 'export default {'), /broken\.ts cannot be loaded/],
        [file('misspelt.ts', 'export default { Query: { cuont: () => 1 } };'), /Query\.cuont.*did you mean "count"/],
      ] as const) {
        await assert.rejects(from(resolvers), message);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
