/**
 * Proves that nothing in Meridian depends on the text of PostgreSQL's messages, with a server whose messages are
 * German. It is Debian's PostgreSQL 15, because the binaries that the tests bring along have English messages only.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import {
  createServer,
  createTelemetry,
  type ResolverContext,
  type Runtime,
  type UserResolvers,
} from '../../src/index.ts';
import { stacksOf } from '../../src/app/layer.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { ask, TOKEN_SECRET, type Answer } from '../support/app.ts';
import { GERMAN, germanLocale } from '../support/locales.ts';
import { OWNER, startMatrix, type MatrixPlace } from '../support/matrix/place.ts';
import { forgetSettings, makeDatabase, passRow, targetOf, type MatrixRow } from '../support/matrix/row.ts';
import { until } from '../support/observe.ts';
import { postgres15 } from '../support/postgres-15.ts';
import { type TestServer } from '../support/replica-set.ts';

const SDL = `
type Query { account(email: ID!): Account  order(id: ID!, day: Date!): Order  slow: Int! }
type Mutation {
  createAccount(input: AccountInput!): AccountPayload! @insert
  updateAccount(email: ID!, expectedVersion: Int, input: AccountUpdate!): AccountPayload! @update
  deleteAccount(email: ID!): AccountPayload! @delete
  createOrder(input: OrderInput!): OrderPayload! @insert
}
type Account @entity(version: "version") @conflict(insertExisting: UPDATE) @key(fields: "email") { email: ID! name: String! nick: String version: Int! }
input AccountInput { email: ID! name: String! nick: String }
input AccountUpdate { name: String nick: String }
type AccountPayload { account: Account }
type Order @entity @key(fields: "id day") { id: ID! email: String! amount: Int! day: Date! note: String }
input OrderInput { id: ID! email: String! amount: Int! day: Date note: String }
type OrderPayload { order: Order }`;

const ORDERS = `
CREATE TABLE accounts (email text PRIMARY KEY, name text NOT NULL, nick text UNIQUE, version integer NOT NULL DEFAULT 1);
INSERT INTO accounts VALUES ('a@example.com', 'Ann', 'ann', 2), ('b@example.com', 'Bo', 'bo', 1);
CREATE TABLE orders (id integer, email text NOT NULL REFERENCES accounts, amount integer NOT NULL CONSTRAINT positive CHECK (amount > 0), day date NOT NULL DEFAULT '2026-01-01', note text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE orders_2026 PARTITION OF orders FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.name = 'forbidden' THEN RAISE EXCEPTION 'No such name.'; END IF; RETURN NEW; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON accounts FOR EACH ROW EXECUTE FUNCTION refuse();
`;

const resolvers: UserResolvers = {
  Query: {
    slow: async (_: unknown, _args: unknown, ctx: ResolverContext) =>
      (
        await ctx.read(
          'SELECT count(*)::int AS n FROM accounts, pg_sleep(CASE WHEN pg_is_in_recovery() THEN 2 ELSE 0 END)',
        )
      )[0]?.['n'],
  },
};

const binaries = postgres15();
const skip =
  binaries === null
    ? 'PostgreSQL 15 is not installed, and only root can install it (apt-get install postgresql-15)'
    : germanLocale()
      ? false
      : `the locale ${GERMAN} is not there, and only root can make it`;

describe('a database server with German messages', { skip }, () => {
  let place: MatrixPlace;
  let [us, eu]: Runtime[] = [];
  const row: MatrixRow = { name: 'deutsch' };
  const primary = (): TestServer => place.set.primary;
  const replica = (): TestServer => place.set.replicas[0] ?? assert.fail('no replica');
  const [at, far] = [(): string => (us as Runtime).url, (): string => (eu as Runtime).url];
  const outcome = ({ data, errors }: Answer<Record<string, unknown>>): unknown =>
    errors[0] === undefined ? data : [errors[0].extensions.code, errors[0].message];
  const run = async (url: string, query: string, headers: Record<string, string> = {}): Promise<unknown> =>
    outcome(await ask<Record<string, unknown>>(url, query, { headers }));

  const serve = async (region: string): Promise<Runtime> => {
    const regions = Object.fromEntries(
      targetOf(place, row, 'app').regions.map(({ name, databaseUrl }) => [name, { databaseUrl }]),
    );
    const settings = {
      region,
      regions,
      port: 0,
      tokenSecret: TOKEN_SECRET,
      auth: 'none',
      slotName: 'deutsch_2',
      drainMs: 200,
      heartbeatMs: 200,
      probeMs: 100,
      slotRetryMs: 100,
      tailRetryMaxMs: 500,
      writes: 'direct',
      statementMs: 5_000,
      transactionRetries: 0,
    };
    return createServer({
      files: [{ name: 'german.graphql', body: SDL }],
      resolvers,
      telemetry: createTelemetry({ level: process.env['MERIDIAN_TEST_LOG'] ?? 'silent', fields: { region } }),
      settings,
    });
  };

  before(async () => {
    place = await startMatrix(
      { lc_messages: GERMAN, hot_standby_feedback: 'off', max_standby_streaming_delay: '200ms' },
      binaries ?? '',
    );
    await makeDatabase(place, row);
  });
  after(async () => {
    await Promise.all([us?.close(), eu?.close()]);
    await place?.[Symbol.asyncDispose]();
  });

  it('has German messages for every role, and on replicas too', async () => {
    for (const server of [primary(), replica()]) {
      await assert.rejects(server.query('SELECT 1 / 0'), /^error: Division durch Null$/);
      await assert.rejects(
        server.query(`SELECT current_setting('meridian_refuses.known')`),
        /^error: unbekannter Konfigurationsparameter »meridian_refuses.known«$/,
      );
    }
  });

  for (const one of [
    row,
    { name: 'deutsch_latin1', encoding: 'LATIN1' },
    { name: 'englisch', roles: { lc_messages: 'C' } },
  ]) {
    it(`passes the checks of every database: ${one.name}`, async () => {
      if (one !== row) await makeDatabase(place, one);
      await passRow(place, { ...one, caching: ['us'] });
      await forgetSettings(place, one);
    });
  }

  it('is set up twice, the second time with an existing slot', async () => {
    await place.run({ database: row.name, role: OWNER }, ORDERS);
    await place.caughtUp();
    const target = targetOf(place, row, OWNER);
    const own = {
      ...target,
      tables: [...target.tables, ...['accounts', 'orders'].map((name) => ({ schema: 'public', name }))],
      options: { ...target.options, slotName: 'deutsch_2' },
    };
    const { findings } = await setupDatabase({ ...own, role: 'app' });
    assert.deepEqual(
      findings.filter(({ severity }) => severity === 'error'),
      [],
    );
    assert.deepEqual(
      (await setupDatabase(own)).steps.filter(({ changed }) => changed),
      [],
    );
    await place.caughtUp();
    [us, eu] = [await serve('us'), await serve('eu')];
    await until('the tail follows', () => stacksOf((us as Runtime).layer).change.applied.lsn !== null, {
      withinMs: 20_000,
    });
  });

  it('settles concurrent writes to one row, in every region', async () => {
    for (const url of [at(), far()]) {
      const put = 'createAccount(input: { email: "a@example.com", name: "Bo" }) { account { name version } }';
      assert.match(
        JSON.stringify(await run(url, `mutation { ${put} }`)),
        /^\{"createAccount":\{"account":\{"name":"Bo","version":[34]\}\}\}$/,
      );
      assert.match(
        JSON.stringify(
          await run(
            url,
            'mutation { updateAccount(email: "a@example.com", expectedVersion: 1, input: { name: "x" }) { account { name } } }',
          ),
        ),
        /^\["CONFLICT",/,
      );
      assert.match(
        JSON.stringify(
          await run(url, 'mutation { updateAccount(email: "none", input: { name: "x" }) { account { name } } }', {
            'idempotency-key': `missing ${url}`,
          }),
        ),
        /^\["NOT_FOUND",/,
      );
    }
    const twice = { 'idempotency-key': 'twice' };
    const once =
      'mutation { updateAccount(email: "b@example.com", input: { nick: "twice" }) { account { nick version } } }';
    assert.deepEqual(
      [await run(far(), once, twice), await run(at(), once, twice)],
      [1, 2].map(() => ({ updateAccount: { account: { nick: 'twice', version: 2 } } })),
    );
    assert.match(
      JSON.stringify(await run(at(), 'mutation { deleteAccount(email: "b@example.com") { account { nick } } }', twice)),
      /^\["IDEMPOTENCY_KEY_/,
    );
  });

  it('leads to errors that name the columns of a broken rule', async () => {
    const create = (input: string): Promise<unknown> =>
      run(far(), `mutation { createOrder(input: { ${input} }) { order { id } } }`);
    assert.deepEqual(await create('id: 1, email: "nobody", amount: 1'), [
      'CONSTRAINT_VIOLATION',
      'The row refers to one that does not exist, or is referred to by another (email).',
    ]);
    assert.deepEqual(await create('id: 1, email: "a@example.com", amount: 0'), [
      'CONSTRAINT_VIOLATION',
      'A value breaks a rule of the table (amount).',
    ]);
    await place.run({ database: row.name, role: OWNER }, 'ALTER TABLE orders ALTER note SET NOT NULL');
    assert.deepEqual(await create('id: 1, email: "a@example.com", amount: 1'), [
      'CONSTRAINT_VIOLATION',
      'A required value is missing (note).',
    ]);
    await place.run({ database: row.name, role: OWNER }, 'ALTER TABLE orders ALTER note DROP NOT NULL');
    assert.deepEqual(await create('id: 1, email: "a@example.com", amount: 1, day: "2031-01-01"'), [
      'CONSTRAINT_VIOLATION',
      'No partition of the table takes the row (day).',
    ]);
    assert.deepEqual(await create('id: 1, email: "a@example.com", amount: 1'), { createOrder: { order: { id: '1' } } });
    assert.deepEqual(await create('id: 1, email: "a@example.com", amount: 1'), [
      'CONSTRAINT_VIOLATION',
      'A row with this key exists already (id, day).',
    ]);
    assert.deepEqual(
      await run(
        far(),
        'mutation { updateAccount(email: "a@example.com", input: { nick: "twice" }) { account { nick } } }',
      ),
      ['CONSTRAINT_VIOLATION', 'A row with this key exists already (nick).'],
    );
    assert.deepEqual(await run(at(), 'mutation { deleteAccount(email: "a@example.com") { account { nick } } }'), [
      'CONSTRAINT_VIOLATION',
      'The row refers to one that does not exist, or is referred to by another (email).',
    ]);
    assert.deepEqual(
      await run(
        far(),
        'mutation { updateAccount(email: "a@example.com", input: { name: "forbidden" }) { account { nick } } }',
      ),
      ['RAISED_BY_DATABASE', 'No such name.'],
    );
  });

  it('is used without errors after a column has changed its type, and after its connections were terminated', async () => {
    const read = '{ account(email: "a@example.com") { name } }';
    const write = 'mutation { updateAccount(email: "a@example.com", input: { name: "Ann" }) { account { name } } }';
    const all = async (): Promise<void> => {
      for (const url of [at(), far()])
        assert.deepEqual(
          [await run(url, write), await run(url, read.replace('{', 'query @consistent(level: STRONG) {'))],
          [{ updateAccount: { account: { name: 'Ann' } } }, { account: { name: 'Ann' } }],
        );
    };
    for (let i = 0; i < 3; i += 1) await all();
    await place.run({ database: row.name, role: OWNER }, 'ALTER TABLE accounts ALTER name TYPE varchar(200)');
    await all();
    for (const server of [primary(), replica()])
      await server.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'meridian%' AND pid <> pg_backend_pid()`,
      );
    for (let i = 0; i < 10; i += 1)
      for (const url of [at(), far()]) assert.deepEqual(await run(url, read), { account: { name: 'Ann' } });
  });

  it('leads to different errors for a locked row and for a statement that takes too long', async () => {
    const client = new pg.Client({ connectionString: primary().url.replace(/postgres$/, row.name) });
    await client.connect();
    try {
      await client.query(`BEGIN; SELECT FROM accounts WHERE email = 'b@example.com' FOR UPDATE`);
      const { errors } = await ask(
        far(),
        'mutation { updateAccount(email: "b@example.com", input: { name: "x" }) { account { name } } }',
      );
      assert.deepEqual(
        errors.map(({ extensions }) => [extensions.code, extensions['retryable']]),
        [['TRANSACTION_CONFLICT', true]],
      );
    } finally {
      await client.end();
    }
  });

  it('makes a read go elsewhere when a replica cancels it for replay', async () => {
    for (const query of ['{ slow }', 'query @consistent(level: SNAPSHOT) { slow }']) {
      const answer = ask<{ slow: number }>(far(), query, { token: '' });
      await until(
        'the replica is reading',
        async () =>
          (
            await replica().query(
              `SELECT FROM pg_stat_activity WHERE application_name LIKE 'meridian%' AND state = 'active' AND query LIKE '%pg_sleep%'`,
            )
          ).length > 0,
      );
      await place.run(
        { database: row.name, role: OWNER },
        'LOCK TABLE accounts IN ACCESS EXCLUSIVE MODE; ALTER TABLE accounts SET (fillfactor = 90)',
      );
      const { data, errors, consistency } = await answer;
      assert.deepEqual([errors, data?.slow, consistency?.servedBy.primary], [[], 2, 1], query);
      assert.match(
        replica().log,
        /FEHLER: +storniere Anfrage wegen Konflikt mit der Wiederherstellung|Konflikt mit der Wiederherstellung/,
      );
    }
  });

  it('is followed again after its slot was dropped or used by another process', async () => {
    const applied = (): bigint => BigInt(stacksOf((us as Runtime).layer).change.applied.lsn ?? 0n);
    await primary().query(
      `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'deutsch_2'`,
    );
    await until('the slot is dropped', () =>
      primary()
        .query(`SELECT pg_drop_replication_slot('deutsch_2')`)
        .then(
          () => true,
          () => false,
        ),
    );
    const from = await primary().position();
    await until('the tail follows', () => applied() > from, { withinMs: 20_000 });
    const second = await serve('us');
    try {
      await until(
        'the second waits',
        () =>
          stacksOf(second.layer).change.tail.state.kind !== 'streaming' &&
          second.layer.regionHealth().every(({ status }) => status === 'healthy'),
      );
      assert.deepEqual(await run(second.url, '{ account(email: "a@example.com") { name } }'), {
        account: { name: 'Ann' },
      });
    } finally {
      await second.close();
    }
  });

  it('is followed to a new primary', async () => {
    const { token, errors } = await ask(
      far(),
      'mutation { updateAccount(email: "a@example.com", input: { name: "kept" }) { account { name } } }',
    );
    assert.deepEqual(errors, []);
    await place.caughtUp();
    await primary().stop('SIGQUIT');
    const away = await run(
      far(),
      'mutation { updateAccount(email: "a@example.com", input: { name: "away" }) { account { name } } }',
    );
    assert.match(JSON.stringify(away), /^\["(PRIMARY_UNAVAILABLE|WRITE_OUTCOME_UNKNOWN)",/);
    await replica().query('SELECT pg_promote(true, 10)');
    await until('the new primary is known', () => stacksOf((eu as Runtime).layer).health.monitor.primary === 'eu', {
      withinMs: 20_000,
    });
    assert.deepEqual((await ask(far(), '{ account(email: "a@example.com") { name } }', { token })).data, {
      account: { name: 'kept' },
    });
    assert.deepEqual(
      await run(
        far(),
        'mutation { updateAccount(email: "a@example.com", input: { name: "after" }) { account { name } } }',
      ),
      { updateAccount: { account: { name: 'after' } } },
    );
  });
});
