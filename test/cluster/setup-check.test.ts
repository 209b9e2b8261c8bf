/**
 * Proves that setup prepares a bare cluster and changes nothing the second time, and that check finds what is broken
 * and says what to do.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { sleep } from '../../src/base/clock.ts';
import { type KeptTable } from '../../src/postgres/setup/metadata.ts';
import { checkDatabase } from '../../src/postgres/check/check.ts';
import { type DatabaseTarget, type Finding } from '../../src/postgres/check/finding.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { isMeridianError } from '../../src/base/errors.ts';
import { startReplicaSet, until, type ReplicaSet } from '../support/replica-set.ts';
import { TEST_OPTIONS } from '../support/tail.ts';

let set: ReplicaSet;
let target: DatabaseTarget;
/** Whose older versions a policy compares with: one with quoted names and a compound key, and a partitioned one. */
const KEPT: readonly KeptTable[] = [
  { table: { schema: 'shop', name: 'Order' }, version: 'Version', key: ['id', 'a "part" of it'] },
  { table: { schema: 'public', name: 'log' }, version: 'version', key: ['id', 'at'] },
];
before(async () => {
  set = await startReplicaSet(2);
  await set.primary.query(
    'CREATE SCHEMA shop; CREATE TABLE shop."Order" (id bigint, "a ""part"" of it" text, note text, "Version" bigint NOT NULL DEFAULT 1, PRIMARY KEY (id, "a ""part"" of it")); CREATE TABLE item (id bigint PRIMARY KEY)',
  );
  await set.primary.query(
    "CREATE TABLE log (id bigint, at date, version int NOT NULL DEFAULT 1) PARTITION BY RANGE (at); CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
  );
  target = {
    regions: [set.primary, ...set.replicas].map((server, i) => ({
      name: ['us', 'eu', 'ap'][i] ?? '',
      databaseUrl: server.url,
    })),
    tables: [
      { schema: 'shop', name: 'Order' },
      { schema: 'public', name: 'item' },
      { schema: 'public', name: 'log' },
    ],
    kept: KEPT,
    options: TEST_OPTIONS,
  };
});
after(() => set[Symbol.asyncDispose]());

const problems = (findings: readonly Finding[]): string[] =>
  findings.filter((f) => f.severity !== 'ok').map((f) => `${f.region} ${f.severity}: ${f.what}`);
const has = (findings: readonly Finding[], region: string, severity: string, what: RegExp): void => {
  const found = findings.find((f) => f.region === region && f.severity === severity && what.test(f.what));
  assert.ok(found, `${region} ${severity} ${what} not in ${JSON.stringify(problems(findings), null, 1)}`);
  if (severity !== 'ok') assert.ok(found.fix && found.fix.length > 10, 'a problem comes with its fix');
};

test('check of a bare cluster names what is missing and changes nothing', async () => {
  const findings = await checkDatabase(target);
  has(findings, 'us', 'error', /publication meridian does not exist/);
  has(findings, 'us', 'warn', /REPLICA IDENTITY FULL .*shop\.Order/);
  has(findings, 'us', 'warn', /not announced .* only by TTL/);
  has(findings, 'us', 'warn', /has no meridian\.outcomes, meridian\.history, meridian\.conflicts: .* fail/);
  has(findings, 'us', 'warn', /Older versions of Order, log are not kept/);
  for (const region of ['us', 'eu', 'ap']) has(findings, region, 'warn', /slot meridian does not exist/);
  has(findings, 'eu', 'ok', /PostgreSQL 18, replica/);
  has(findings, 'eu', 'ok', /physical slot/);
  assert.deepEqual(await set.primary.query('SELECT FROM pg_publication'), []);
});

test('setup prepares the cluster, and changes nothing the second time', async () => {
  const first = await setupDatabase(target);
  assert.deepEqual(
    problems(first.findings).filter((p) => !p.includes('max_slot_wal_keep_size')),
    [],
  );
  assert.equal(first.steps.filter((s) => s.changed).length, 7, JSON.stringify(first.steps));
  assert.ok(
    first.steps.some(({ what }) =>
      /^Created what writing keeps .*: meridian\.outcomes, meridian\.history, meridian\.conflicts, and the triggers that keep versions of shop\.Order, public\.log\.$/.test(
        what.replaceAll('"', ''),
      ),
    ),
    JSON.stringify(first.steps),
  );
  const second = await setupDatabase(target);
  assert.deepEqual(
    second.steps.filter((s) => s.changed),
    [],
  );
  assert.deepEqual(second.restart, []);
  const [leaf] = await set.primary.query<{ i: string }>(
    `SELECT relreplident::text AS i FROM pg_class WHERE relname = 'log_2026'`,
  );
  assert.equal(leaf?.i, 'f', 'partitions too');
});

const history = (): Promise<Record<string, unknown>[]> =>
  set.primary.query(
    'SELECT relation, key, version::int, row_then, deleted FROM meridian.history ORDER BY relation, version',
  );

test('setup stores the versions that a policy compares with, whichever program writes, and nothing else', async () => {
  // As texts, which an object with an empty name holds.
  const order = (note: string, version: number): Record<string, unknown> => ({
    '': true,
    id: '1',
    'a "part" of it': 'x',
    note,
    Version: String(version),
  });
  const key = { id: 1, 'a "part" of it': 'x' };
  await set.primary.query(`INSERT INTO shop."Order" VALUES (1, 'x', 'first')`);
  assert.deepEqual(await history(), [], 'a new row replaces no version');
  await set.primary.query(`UPDATE shop."Order" SET note = 'second', "Version" = 2`);
  await set.primary.query(`UPDATE shop."Order" SET note = 'third'`);
  await set.primary.query('DELETE FROM shop."Order"');
  await set.primary.query(
    `INSERT INTO log VALUES (7, '2026-05-01'); UPDATE log SET version = 2; INSERT INTO item VALUES (1); DELETE FROM item`,
  );
  assert.deepEqual(await history(), [
    {
      relation: 'public.log',
      key: { id: 7, at: '2026-05-01' },
      version: 1,
      row_then: { '': true, id: '7', at: '2026-05-01', version: '1' },
      deleted: false,
    },
    { relation: 'shop.Order', key, version: 1, row_then: order('first', 1), deleted: false },
    { relation: 'shop.Order', key, version: 2, row_then: order('third', 2), deleted: true },
  ]);
  await set.primary.query('DELETE FROM log; TRUNCATE meridian.history');
});

test('check finds triggers that are missing, disabled or for another key, and missing tables; setup creates them again', async () => {
  const unkept = async (): Promise<boolean> =>
    (await checkDatabase(target)).some(
      ({ what, severity }) => severity === 'warn' && /^Older versions of Order are not kept/.test(what),
    );
  assert.equal(await unkept(), false);
  for (const broken of [
    'DROP TRIGGER meridian_version_removed ON shop."Order"',
    'ALTER TABLE shop."Order" DISABLE TRIGGER meridian_version_replaced',
    `CREATE OR REPLACE TRIGGER meridian_version_removed AFTER DELETE ON shop."Order" FOR EACH ROW EXECUTE FUNCTION meridian.keep_version('shop.Order', 'Version', 'id')`,
  ]) {
    await set.primary.query(broken);
    assert.equal(await unkept(), true, broken);
    const { steps, findings } = await setupDatabase(target);
    assert.deepEqual(
      steps
        .filter(({ changed }) => changed)
        .map(({ what }) => /triggers that keep versions of [^,]*Order"?\.$/.test(what)),
      [true],
      JSON.stringify(steps),
    );
    assert.deepEqual(
      problems(findings).filter((p) => !p.includes('max_slot_wal_keep_size')),
      [],
      broken,
    );
  }
  await set.primary.query('DROP TABLE meridian.conflicts');
  has(await checkDatabase(target), 'us', 'warn', /has no meridian\.conflicts: /);
  await setupDatabase(target);
  assert.deepEqual(
    (await checkDatabase(target)).filter(({ what }) => what.includes('meridian.conflicts')),
    [],
  );
});

test('check finds what an older version has created, and setup brings it up to date', async () => {
  const changed = async (): Promise<readonly string[]> =>
    (await setupDatabase(target)).steps.filter((step) => step.changed).map(({ what }) => what);
  const mayCall = async (): Promise<unknown> =>
    (
      await set.primary.query(`SELECT has_function_privilege('nobody', 'meridian.keep_version()', 'EXECUTE') AS may`)
    )[0]?.['may'];
  await set.primary.query('CREATE ROLE nobody');
  for (const older of [
    'COMMENT ON FUNCTION meridian.keep_version() IS NULL; GRANT EXECUTE ON FUNCTION meridian.keep_version() TO PUBLIC; DROP INDEX meridian.outcomes_by_end',
    'GRANT EXECUTE ON FUNCTION meridian.keep_version() TO PUBLIC',
    'DROP FUNCTION meridian.keep_version() CASCADE',
  ]) {
    await set.primary.query(older);
    has(await checkDatabase(target), 'us', 'warn', /made by another version of Meridian/);
    assert.match((await changed()).join(), /^Brought to this version what writing keeps/, older);
    assert.deepEqual(
      [await mayCall(), (await set.primary.query(`SELECT to_regclass('meridian.outcomes_by_end') AS i`))[0]?.['i']],
      [false, 'meridian.outcomes_by_end'],
      older,
    );
    assert.deepEqual(
      [await changed(), problems(await checkDatabase(target)).filter((p) => !p.includes('max_slot_wal_keep_size'))],
      [[], []],
      older,
    );
  }
});

test('setup adds a new mapped table to the publication, or all tables of a schema when none is named', async () => {
  await set.primary.query('CREATE TABLE shop.extra (id int PRIMARY KEY)');
  const tables = [...target.tables, { schema: 'shop', name: 'extra' }];
  has(await checkDatabase({ ...target, tables }), 'us', 'error', /does not cover shop\.extra/);
  const { findings } = await setupDatabase({ ...target, tables: [], schemas: ['public', 'shop'] });
  has(findings, 'us', 'ok', /covers the 4 mapped tables/);
});

test('setup waits for the end of a running transaction when it adds a table, and reports a wait that takes too long', async () => {
  await set.primary.query('CREATE TABLE late (id int PRIMARY KEY); CREATE TABLE later (id int PRIMARY KEY)');
  const client = new pg.Client({ connectionString: set.primary.url });
  await client.connect();
  try {
    await client.query('BEGIN; CREATE TABLE shop.busy (id int)');
    const waiting = setupDatabase({ ...target, tables: [...target.tables, { schema: 'public', name: 'late' }] });
    // What begins once it waits, it does not wait for.
    await until(
      'setup waits',
      async () =>
        (
          await set.primary.query(
            `SELECT FROM pg_stat_activity WHERE application_name = 'meridian setup' AND query LIKE '%pg_snapshot_xmin%'`,
          )
        ).length > 0,
    );
    assert.equal(await Promise.race([waiting.then(() => 'done'), sleep(200).then(() => 'waits')]), 'waits');
    await client.query('COMMIT; BEGIN; CREATE TABLE shop.busier (id int)');
    const { steps } = await waiting;
    assert.ok(!steps.some(({ what }) => /still run/.test(what)), JSON.stringify(steps));
    const impatient = await setupDatabase({
      ...target,
      options: { ...target.options, slotCreateMs: 200 },
      tables: [...target.tables, { schema: 'public', name: 'later' }],
    });
    assert.ok(
      impatient.steps.some(({ what }) => /Transactions that began before .* still run/.test(what)),
      JSON.stringify(impatient.steps),
    );
  } finally {
    await client.query('ROLLBACK');
    await client.end();
  }
});

test('check reports a role without rights, an unreachable region and a missing table', async () => {
  await set.primary.query(
    'CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA shop TO clerk; GRANT SELECT ON shop."Order" TO clerk',
  );
  await Promise.all(set.replicas.map(async (replica) => replica.caughtUp(await set.primary.position())));
  const asClerk = target.regions.map((r) => ({ ...r, databaseUrl: r.databaseUrl.replace('postgres@', 'clerk@') }));
  const findings = await checkDatabase({
    ...target,
    tables: [...target.tables, { schema: 'public', name: 'nowhere' }],
    regions: [...asClerk.slice(0, 2), { name: 'ap', databaseUrl: 'postgres://clerk@127.0.0.1:1/postgres' }],
  });
  has(findings, 'us', 'error', /lacks REPLICATION/);
  has(findings, 'us', 'error', /pg_monitor/);
  has(findings, 'us', 'warn', /pg_log_standby_snapshot/);
  has(findings, 'us', 'error', /may not read public\.item, public\.log/);
  has(findings, 'us', 'warn', /may not write everywhere: shop\.Order \(INSERT, UPDATE, DELETE\)/);
  has(findings, 'us', 'error', /do not exist: public\.nowhere/);
  has(findings, 'ap', 'error', /cannot be reached/);
  for (const table of ['outcomes', 'history', 'conflicts'])
    has(findings, 'us', 'warn', new RegExp(`clerk may not SELECT, INSERT, UPDATE, DELETE on meridian\\.${table}: `));
  // As the role that viewers' transactions run as it needs less.
  const lacks = async (): Promise<readonly (string | null)[]> =>
    (await checkDatabase({ ...target, options: { ...TEST_OPTIONS, viewerSettings: 'role:clerk' } }))
      .filter(({ fix }) => fix?.startsWith('GRANT') && fix.includes('meridian.'))
      .map(({ fix }) => fix);
  assert.deepEqual(await lacks(), [
    'GRANT INSERT ON meridian.conflicts TO "clerk".',
    'GRANT SELECT ON meridian.history TO "clerk".',
  ]);

  await setupDatabase({ ...target, role: 'clerk' });
  assert.deepEqual(await lacks(), []);
  await Promise.all(set.replicas.map(async (replica) => replica.caughtUp(await set.primary.position())));
  const granted = await checkDatabase({ ...target, regions: asClerk });
  assert.deepEqual(
    problems(granted).filter((p) => !p.includes('max_slot_wal_keep_size')),
    [],
  );
  // Whoever writes a row needs no right to keep its version, and has those that resolving a conflict and tidying up
  // take.
  const clerk = new pg.Client({ connectionString: set.primary.url.replace('postgres@', 'clerk@') });
  await clerk.connect();
  try {
    await clerk.query(`INSERT INTO shop."Order" VALUES (2, 'y', 'of clerk'); DELETE FROM shop."Order"`);
    await clerk.query(
      `INSERT INTO meridian.outcomes VALUES ('s', 'k', 'f', '{}', now()); UPDATE meridian.outcomes SET steps = '{"a": 1}'`,
    );
    await clerk.query(
      `INSERT INTO meridian.conflicts (entity, mutation, policy, outcome, winner, region, fields) VALUES ('Order', 'edit', 'MERGE', 'MERGED', 'BOTH', 'us', '[]')`,
    );
    const { rows } = await clerk.query(
      'SELECT (SELECT count(*)::int FROM meridian.outcomes) AS outcomes, (SELECT count(*)::int FROM meridian.history) AS history, (SELECT count(*)::int FROM meridian.conflicts) AS conflicts',
    );
    assert.deepEqual(rows, [{ outcomes: 1, history: 1, conflicts: 1 }]);
    await clerk.query('DELETE FROM meridian.outcomes; DELETE FROM meridian.history; DELETE FROM meridian.conflicts');
  } finally {
    await clerk.end();
  }
});

test('check reports a broken slot and a server of another cluster', async () => {
  const [, eu] = target.regions;
  await using stranger = await startReplicaSet(0, { wal_level: 'replica', track_commit_timestamp: 'off' });
  const findings = await checkDatabase({
    ...target,
    regions: [...target.regions.slice(0, 2), { name: 'ap', databaseUrl: stranger.primary.url }],
  });
  has(findings, 'ap', 'error', /belongs to another cluster/);
  has(findings, 'ap', 'error', /accepts writes, and so does us/);
  has(findings, 'ap', 'error', /wal_level is replica/);
  has(findings, 'ap', 'warn', /track_commit_timestamp is off/);
  await assert.rejects(
    setupDatabase({ ...target, regions: [...target.regions, { name: 'sa', databaseUrl: stranger.primary.url }] }),
    (e) => isMeridianError(e, 'DATABASE_NOT_READY'),
  );
  await assert.rejects(setupDatabase({ ...target, regions: eu ? [eu] : [] }), (e) =>
    isMeridianError(e, 'DATABASE_NOT_READY'),
  );
});

test('setup alters settings only when asked, and reports that a restart is needed', async () => {
  await using bare = await startReplicaSet(0, {
    wal_level: 'replica',
    track_commit_timestamp: 'off',
    hot_standby_feedback: 'off',
  });
  const alone: DatabaseTarget = {
    regions: [{ name: 'us', databaseUrl: bare.primary.url }],
    tables: [],
    options: TEST_OPTIONS,
  };
  const untouched = await setupDatabase(alone);
  assert.deepEqual(untouched.restart, []);
  has(untouched.findings, 'us', 'error', /wal_level is replica/);
  const altered = await setupDatabase({ ...alone, alterSystem: true });
  assert.deepEqual(altered.restart, ['us']);
  await bare.primary.stop();
  await bare.primary.start();
  const { findings } = await setupDatabase({ ...alone, alterSystem: true });
  assert.deepEqual(
    problems(findings).filter((p) => !p.includes('max_slot_wal_keep_size')),
    [],
  );
  await until(
    'the slot is there',
    async () => (await bare.primary.query('SELECT FROM pg_replication_slots')).length === 1,
  );
});

const GENERATED = `
  CREATE TABLE stored (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED);
  CREATE TABLE virtual (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) VIRTUAL);
  CREATE TABLE keyless (id int, n int, twice int GENERATED ALWAYS AS (n * 2) VIRTUAL);
  CREATE TABLE indexed (id int NOT NULL UNIQUE, n int, twice int GENERATED ALWAYS AS (n * 2) VIRTUAL); ALTER TABLE indexed REPLICA IDENTITY USING INDEX indexed_id_key;
  CREATE TABLE parted (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED) PARTITION BY RANGE (id); CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
  CREATE TABLE shown (id int PRIMARY KEY, n int, twice int GENERATED ALWAYS AS (n * 2) STORED); CREATE PUBLICATION other FOR TABLE shown;
  CREATE TABLE listed (id int PRIMARY KEY, n int); CREATE PUBLICATION listing FOR TABLE listed (id);`;
const GENERATED_TABLES = ['stored', 'virtual', 'keyless', 'indexed', 'parted', 'shown', 'listed'].map((name) => ({
  schema: 'public',
  name,
}));
/** The identity that each can have; `keyless` has none, and is not published. */
const IDENTITIES = {
  stored: 'f',
  virtual: 'd',
  keyless: 'd',
  indexed: 'i',
  parted: 'f',
  parted_1: 'f',
  shown: 'd',
  listed: 'd',
};

async function writes(server: ReplicaSet['primary']): Promise<readonly string[]> {
  const refused: string[] = [];
  for (const { name } of GENERATED_TABLES) {
    await server.query(`INSERT INTO ${name} (id) VALUES (1)`);
    for (const sql of [`UPDATE ${name} SET id = 2`, `DELETE FROM ${name}`]) {
      await server.query(sql).catch((error: unknown) => refused.push(`${sql}: ${(error as { code: string }).code}`));
    }
    await server.query(`TRUNCATE ${name}`);
  }
  return refused;
}

const identities = async (server: ReplicaSet['primary']): Promise<Record<string, string>> => {
  const rows = await server.query<{ relname: string; relreplident: string }>(
    'SELECT relname, relreplident::text FROM pg_class WHERE relname = ANY ($1)',
    [Object.keys(IDENTITIES)],
  );
  return Object.fromEntries(rows.map(({ relname, relreplident }) => [relname, relreplident]));
};

test('setup leaves updates of a table with generated columns possible, whichever of its columns a publication includes', async () => {
  await using bare = await startReplicaSet(0);
  await bare.primary.query(GENERATED);
  const alone: DatabaseTarget = {
    regions: [{ name: 'us', databaseUrl: bare.primary.url }],
    tables: GENERATED_TABLES,
    options: TEST_OPTIONS,
  };
  const { steps, findings } = await setupDatabase(alone);
  assert.deepEqual(await writes(bare.primary), []);
  assert.deepEqual(await identities(bare.primary), IDENTITIES);
  assert.ok(
    steps.some(({ what }) => /Left out of the publication: public.keyless/.test(what)),
    JSON.stringify(steps),
  );
  assert.deepEqual(
    findings.filter((finding) => finding.severity === 'error').map(({ what }) => what),
    ['The publication meridian does not cover public.keyless.'],
  );
  has(
    findings,
    'us',
    'warn',
    /Each change of public\.virtual .* virtual generated columns, which no publication can show/,
  );
  has(findings, 'us', 'warn', /Each change of public\.shown .* the publication other leaves out its stored/);
  const second = await setupDatabase(alone);
  assert.deepEqual(
    second.steps.filter((step) => step.changed),
    [],
  );
});

test('check reports as an error that updates of a table with generated columns are refused, and setup corrects it', async () => {
  await using bare = await startReplicaSet(0);
  await bare.primary.query(
    `${GENERATED} CREATE PUBLICATION meridian FOR TABLE stored, virtual, keyless, indexed, parted WITH (publish_via_partition_root = true)`,
  );
  for (const name of Object.keys(IDENTITIES)) await bare.primary.query(`ALTER TABLE ${name} REPLICA IDENTITY FULL`);
  const alone: DatabaseTarget = {
    regions: [{ name: 'us', databaseUrl: bare.primary.url }],
    tables: GENERATED_TABLES,
    options: TEST_OPTIONS,
  };
  assert.deepEqual(
    await writes(bare.primary),
    GENERATED_TABLES.flatMap(({ name }) => [`UPDATE ${name} SET id = 2: 42P10`, `DELETE FROM ${name}: 42P10`]),
  );
  const broken = await checkDatabase(alone);
  for (const name of ['stored', 'virtual', 'keyless', 'indexed', 'parted_1', 'shown', 'listed'])
    has(broken, 'us', 'error', new RegExp(`Updates and deletes of public\\.${name} are refused`));
  await setupDatabase(alone);
  assert.deepEqual(await writes(bare.primary), []);
  // Which index the one had before cannot be known: like the other without a primary key it is taken out of the
  // publication.
  assert.deepEqual(await identities(bare.primary), { ...IDENTITIES, indexed: 'f', keyless: 'f' });
  const fixed = await checkDatabase(alone);
  assert.deepEqual(
    fixed.filter((finding) => finding.severity === 'error').map(({ what }) => what),
    ['The publication meridian does not cover public.keyless, public.indexed.'],
  );
});

test('the music application, which has generated columns, accepts updates after setup', async () => {
  await using bare = await startReplicaSet(0);
  const folder = new URL('../../schema/music/', import.meta.url);
  for (const file of ['001_schema.sql', '002_data.sql'])
    await bare.primary.query(readFileSync(new URL(file, folder), 'utf8'));
  const alone = { regions: [{ name: 'us', databaseUrl: bare.primary.url }], tables: [], options: TEST_OPTIONS };
  const schemas = (
    await bare.primary.query<{ name: string }>(
      `SELECT DISTINCT n.nspname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema$)'`,
    )
  ).map(({ name }) => name);
  const { findings } = await setupDatabase({ ...alone, schemas });
  assert.deepEqual(
    findings.filter((finding) => finding.severity === 'error'),
    [],
  );
  await bare.primary.query('UPDATE sales.invoice_line SET quantity = quantity + 1');
  await bare.primary.query('BEGIN; DELETE FROM sales.refund; DELETE FROM sales.invoice_line; ROLLBACK');
});
