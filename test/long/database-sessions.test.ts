/**
 * Proves that servers, check and setup set what their sessions rely on or refuse the connection, and that they need
 * only the documented entries of pg_hba.conf.
 */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { stacksOf } from '../../src/app/layer.ts';
import { createServer, type Runtime } from '../../src/index.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { checkDatabase } from '../../src/postgres/check/check.ts';
import { type DatabaseTarget, type Finding } from '../../src/postgres/check/finding.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { fetchTimeline } from '../../src/postgres/connect/timeline.ts';
import { ask } from '../support/app.ts';
import { until } from '../support/observe.ts';
import { pgbouncer, startBouncer } from '../support/pgbouncer.ts';
import { startReplicaSet, type ReplicaSet, type TestServer } from '../support/replica-set.ts';

const SDL = `
  type Query { stamp(id: ID!): Stamp }
  type Stamp @entity @key(fields: "id") { id: ID! at: DateTime! day: Date! gap: String! ratio: Float! label: String! }
  type Mutation { updateStamp(id: ID!, input: StampInput!): StampPayload! @update }
  input StampInput { label: String }
  type StampPayload { stamp: Stamp token: ConsistencyToken }
`;
const READ = '{ stamp(id: 1) { at day gap ratio label } }';
const RIGHT = {
  at: '2026-01-02T03:04:05.123456Z',
  day: '2026-01-02',
  gap: 'P1Y2M3DT4H5M6S',
  ratio: 0.1 + 0.2,
  label: 'first',
};
/** What roles and databases may have as their defaults. */
const HOSTILE: Readonly<Record<string, string>> = {
  default_transaction_isolation: 'serializable',
  default_transaction_read_only: 'on',
  default_transaction_deferrable: 'on',
  standard_conforming_strings: 'off',
  idle_in_transaction_session_timeout: '20ms',
  idle_session_timeout: '300ms',
  transaction_timeout: '300ms',
  statement_timeout: '50ms',
  lock_timeout: '10ms',
  datestyle: 'German',
  timezone: 'Asia/Tokyo',
  intervalstyle: 'sql_standard',
  bytea_output: 'escape',
  extra_float_digits: '-5',
  client_encoding: 'LATIN1',
  array_nulls: 'off',
  transform_null_equals: 'on',
  quote_all_identifiers: 'on',
  xmloption: 'document',
  exit_on_error: 'on',
  gin_fuzzy_search_limit: '1',
};
const POOLER =
  /^The database is reached through a connection pooler, such as PgBouncer, that .*: values would be read wrong, and limits would not hold\.$/;

describe('the sessions of a database', () => {
  let set: ReplicaSet;
  let replica: TestServer;
  const servers: Runtime[] = [];

  const urlOf = (port: number): string => `postgres://app@127.0.0.1:${port}/postgres`;
  const urls = (eu = replica.port): Record<string, string> => ({ us: urlOf(set.primary.port), eu: urlOf(eu) });
  const target = (of = urls()): DatabaseTarget => ({
    regions: Object.entries(of).map(([name, databaseUrl]) => ({ name, databaseUrl })),
    tables: [{ schema: 'public', name: 'stamps' }],
    options: defaultOptions(),
  });
  const start = async (region: string, of = urls(), sdl = SDL): Promise<Runtime> => {
    const regions = Object.fromEntries(Object.entries(of).map(([name, databaseUrl]) => [name, { databaseUrl }]));
    const settings = {
      region,
      regions,
      port: 0,
      tokenSecret: 'a secret for tests',
      auth: 'none',
      drainMs: 200,
      logLevel: 'silent',
      heartbeatMs: 200,
      probeMs: 100,
      writes: 'direct',
    };
    const server = await createServer({ files: [{ name: 'app.graphql', body: sdl }], settings });
    servers.push(server);
    return server;
  };
  const errorsOf = (findings: readonly Finding[]): string[] =>
    findings.filter(({ severity }) => severity === 'error').map(({ region, what }) => `${region}: ${what}`);
  const closeAll = async (): Promise<void> =>
    void (await Promise.all(servers.splice(0).map((server) => server.close())));
  const caughtUp = async (): Promise<void> => replica.caughtUp(await set.primary.position());

  before(async () => {
    set = await startReplicaSet(1);
    replica = set.replicas[0] as TestServer;
    await set.primary.query(`
      CREATE ROLE app LOGIN REPLICATION PASSWORD 'first';
      CREATE TABLE stamps (id integer PRIMARY KEY, at timestamptz NOT NULL, day date NOT NULL, gap interval NOT NULL, ratio float8 NOT NULL, label text NOT NULL);
      INSERT INTO stamps VALUES (1, '2026-01-02 03:04:05.123456+00', '2026-01-02', '1 year 2 mons 3 days 04:05:06', 0.30000000000000004, 'first')`);
    const asOwner = { us: set.primary.url, eu: replica.url };
    await setupDatabase({ ...target(asOwner), role: 'app' });
    await caughtUp();
  });
  after(async () => {
    await closeAll();
    await set?.[Symbol.asyncDispose]();
  });

  it('have the settings that servers need, whatever the defaults of the role and the database are', async () => {
    for (const [name, value] of Object.entries(HOSTILE)) {
      await set.primary.query(`ALTER ROLE app SET ${name} = '${value}'`);
      await set.primary.query(`ALTER ROLE postgres SET ${name} = '${value}'`);
    }
    await set.primary.query('SELECT meridian.schema_changed()');
    await caughtUp();
    try {
      assert.deepEqual(errorsOf(await checkDatabase(target())), []);
      const { findings } = await setupDatabase(target({ us: set.primary.url, eu: replica.url }));
      assert.deepEqual(errorsOf(findings), []);
      const [us, eu] = [await start('us'), await start('eu')];
      for (const server of [us, eu]) {
        assert.deepEqual((await ask(server.url, READ)).data, { stamp: RIGHT });
        await until('the tail follows', () => stacksOf(server.layer).change.applied.lsn !== null);
      }
      const written = await ask(
        eu.url,
        'mutation { updateStamp(id: 1, input: { label: "second" }) { stamp { label } } }',
      );
      assert.deepEqual(written.errors, []);
      assert.deepEqual((await ask(eu.url, READ, { token: written.token })).data, {
        stamp: { ...RIGHT, label: 'second' },
      });
      await set.primary.query(`UPDATE stamps SET label = 'first'`);
      await until(
        'the change arrives',
        async () => ((await ask<{ stamp: { label: string } }>(eu.url, READ)).data?.stamp.label ?? '') === 'first',
      );
      await until('every region is healthy', () =>
        [us, eu].every((server) =>
          server.layer.regionHealth().every(({ status, alerts }) => status === 'healthy' && alerts.length === 0),
        ),
      );
    } finally {
      await closeAll();
      for (const role of ['app', 'postgres']) await set.primary.query(`ALTER ROLE ${role} RESET ALL`);
      await caughtUp();
    }
  });

  it('are refused by check and by start, in one sentence, behind a pooler that removes their settings', async (context) => {
    const program = pgbouncer();
    if (program === null) return context.skip('there is no PgBouncer, and this user may not install one');
    const ignored = 'extra_float_digits, options, statement_timeout, lock_timeout, idle_in_transaction_session_timeout';
    for (const settings of [
      { pool_mode: 'session', ignore_startup_parameters: ignored },
      { pool_mode: 'transaction', ignore_startup_parameters: ignored },
      { pool_mode: 'session' },
    ]) {
      await using bouncer = await startBouncer(program, replica.port, settings);
      const of = urls(bouncer.port);
      const findings = (await checkDatabase(target(of))).filter(
        ({ region, severity }) => region === 'eu' && severity === 'error',
      );
      assert.equal(findings.length, 1, JSON.stringify(findings));
      assert.match(findings[0]?.what ?? '', POOLER);
      assert.match(findings[0]?.fix ?? '', /^Give the address of PostgreSQL itself/);
      await assert.rejects(start('eu', of), (error: Error) =>
        /^Region eu: The database is reached through a connection pooler.*Give the address of PostgreSQL itself/.test(
          error.message,
        ),
      );
      // The other region's server does without, and says why.
      const us = await start('us', of);
      await until('it is told', () =>
        us.layer
          .regionHealth()
          .some(({ region, status, error }) => region === 'eu' && status === 'unreachable' && POOLER.test(error ?? '')),
      );
      assert.deepEqual((await ask(us.url, READ)).data, { stamp: RIGHT });
      await closeAll();
    }
  });

  it("look up no name of the application in Meridian's schema, even if the role has the name of that schema", async () => {
    await set.primary.query(
      `CREATE ROLE meridian LOGIN SUPERUSER; CREATE TABLE public.outcomes (id integer PRIMARY KEY, label text NOT NULL); INSERT INTO public.outcomes VALUES (1, 'the application''s')`,
    );
    await caughtUp();
    const of = Object.fromEntries(
      Object.entries(urls()).map(([region, url]) => [region, url.replace('//app@', '//meridian@')]),
    );
    const { findings } = await setupDatabase(target(of));
    assert.deepEqual(
      findings.filter(({ what }) => what.includes('$user')).map(({ region, severity, fix }) => [region, severity, fix]),
      [['us', 'warn', 'ALTER ROLE meridian SET search_path = public, or connect as another role.']],
    );
    const sdl =
      'type Query { outcome(id: ID!): Outcome } type Outcome @entity @key(fields: "id") { id: ID! label: String! }';
    const eu = await start('eu', of, sdl);
    assert.deepEqual((await ask(eu.url, '{ outcome(id: 1) { label } }')).data, {
      outcome: { label: "the application's" },
    });
    assert.deepEqual((await eu.layer.read('SELECT label FROM outcomes')).rows, [{ label: "the application's" }]);
    await closeAll();
    await set.primary.query('ALTER ROLE meridian SET search_path = public');
    await caughtUp();
    assert.deepEqual(
      (await checkDatabase(target(of))).filter(({ what }) => what.includes('$user')),
      [],
    );
  });

  it('are followed when an old transaction has ended, and until then an alert names its process and start', async () => {
    await replica.query(
      `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_type = 'logical'`,
    );
    const old = new pg.Client({ connectionString: set.primary.url });
    await old.connect();
    try {
      await old.query(`BEGIN; UPDATE stamps SET label = 'later'`);
      const [own] = (await old.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')).rows;
      const eu = await start('eu');
      const alerts = (): readonly string[] =>
        eu.layer
          .regionHealth()
          .filter(({ region }) => region === 'eu')
          .flatMap((report) => report.alerts.map(({ message }) => message));
      const told = await until('it is told', () => alerts()[0]);
      assert.match(
        told,
        new RegExp(
          `^Region eu does not follow the primary's changes: The slot meridian cannot be made before older transactions at the primary have ended; the oldest is that of process ${own?.pid}, open since 20.+\\.$`,
        ),
      );
      assert.deepEqual((await ask(eu.url, READ)).data, { stamp: RIGHT });
      await old.query('ROLLBACK');
      await until('the tail follows', () => stacksOf(eu.layer).change.applied.lsn !== null && alerts().length === 0);
    } finally {
      await old.end();
      await closeAll();
    }
  });

  it('need one entry of pg_hba.conf, for the database, which also covers reading the slot and timelines', async () => {
    const physical = 'host replication postgres 127.0.0.1/32 trust';
    const entries = ['host postgres postgres 127.0.0.1/32 trust', physical, 'host postgres app 127.0.0.1/32 trust'];
    const write = async (lines: readonly string[]): Promise<void> => {
      for (const server of [set.primary, replica]) {
        writeFileSync(join(server.dataDir, 'pg_hba.conf'), `${lines.join('\n')}\n`);
        await server.query('SELECT pg_reload_conf()');
      }
    };
    await write(entries);
    try {
      await until(
        'the entries are read',
        async () =>
          (await set.primary.query<{ n: number }>('SELECT count(*)::int AS n FROM pg_hba_file_rules'))[0]?.n === 3,
      );
      assert.equal(await fetchTimeline({ databaseUrl: urls()['eu'] ?? '', connectMs: 2_000 }), 1);
      assert.deepEqual(errorsOf(await checkDatabase(target())), []);
      const eu = await start('eu');
      await until('the tail follows', () => stacksOf(eu.layer).change.applied.lsn !== null);
      assert.deepEqual(
        eu.layer.regionHealth().map(({ status, timeline }) => [status, timeline]),
        [
          ['healthy', 1],
          ['healthy', 1],
        ],
      );
    } finally {
      await closeAll();
      await write(['host all all 127.0.0.1/32 trust', 'host replication all 127.0.0.1/32 trust']);
    }
  });

  it('let reads go to another region when they cannot be opened, and hide the reason from clients', async () => {
    const eu = await start('eu');
    assert.deepEqual((await ask(eu.url, READ)).data, { stamp: RIGHT });
    // The replica refuses the role from now on, and ends what it has open.
    writeFileSync(join(replica.dataDir, 'pg_hba.conf'), 'host all postgres 127.0.0.1/32 trust\n');
    await replica.query('SELECT pg_reload_conf()');
    try {
      await replica.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meridian read'`,
      );
      for (let i = 0; i < 20; i += 1) {
        const answer = await ask(eu.url, READ);
        assert.deepEqual([answer.errors, answer.data], [[], { stamp: RIGHT }]);
      }
      // Nor is a statement to blame where no other region is left.
      writeFileSync(
        join(set.primary.dataDir, 'pg_hba.conf'),
        'host all postgres 127.0.0.1/32 trust\nhost replication postgres 127.0.0.1/32 trust\n',
      );
      await set.primary.query('SELECT pg_reload_conf()');
      await set.primary.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'meridian%'`,
      );
      await until('nobody answers', async () => (await ask(eu.url, READ)).errors.length > 0);
      const [error] = (await ask(eu.url, '{ stamp(id: 2) { label } }')).errors;
      assert.equal(error?.extensions.code, 'REGION_UNAVAILABLE');
      assert.doesNotMatch(error?.message ?? '', /pg_hba|app|28000|127\.0/);
    } finally {
      await closeAll();
    }
  });
});
