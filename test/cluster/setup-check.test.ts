/** Setup makes a bare cluster ready, twice without a change; check finds what is broken and says what to do. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { checkDatabase, type DatabaseTarget, type Finding } from '../../src/postgres/check.ts';
import { setupDatabase } from '../../src/postgres/setup.ts';
import { isMeridianError } from '../../src/base/errors.ts';
import { startReplicaSet, until, type ReplicaSet } from '../support/replica-set.ts';
import { TEST_OPTIONS } from '../support/tail.ts';

let set: ReplicaSet;
let target: DatabaseTarget;
before(async () => {
  set = await startReplicaSet(2);
  await set.primary.query('CREATE SCHEMA shop; CREATE TABLE shop."Order" (id bigint PRIMARY KEY, note text); CREATE TABLE item (id bigint PRIMARY KEY)');
  await set.primary.query('CREATE TABLE log (id bigint, at date) PARTITION BY RANGE (at); CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM (\'2026-01-01\') TO (\'2027-01-01\')');
  target = {
    regions: [set.primary, ...set.replicas].map((server, i) => ({ name: ['us', 'eu', 'ap'][i] ?? '', databaseUrl: server.url })),
    tables: [{ schema: 'shop', name: 'Order' }, { schema: 'public', name: 'item' }, { schema: 'public', name: 'log' }],
    options: TEST_OPTIONS,
  };
});
after(() => set[Symbol.asyncDispose]());

const problems = (findings: readonly Finding[]): string[] => findings.filter((f) => f.severity !== 'ok').map((f) => `${f.region} ${f.severity}: ${f.what}`);
const has = (findings: readonly Finding[], region: string, severity: string, what: RegExp): void => {
  const found = findings.find((f) => f.region === region && f.severity === severity && what.test(f.what));
  assert.ok(found, `${region} ${severity} ${what} not in ${JSON.stringify(problems(findings), null, 1)}`);
  if (severity !== 'ok') assert.ok(found.mend && found.mend.length > 10, 'a problem comes with its mend');
};

test('a bare cluster: what is missing is named, nothing is changed', async () => {
  const findings = await checkDatabase(target);
  has(findings, 'us', 'error', /publication meridian does not exist/);
  has(findings, 'us', 'warn', /REPLICA IDENTITY FULL .*shop\.Order/);
  has(findings, 'us', 'warn', /not announced .* only by TTL/);
  for (const region of ['us', 'eu', 'ap']) has(findings, region, 'warn', /slot meridian does not exist/);
  has(findings, 'eu', 'ok', /PostgreSQL 18, replica/);
  has(findings, 'eu', 'ok', /physical slot/);
  assert.deepEqual(await set.primary.query('SELECT FROM pg_publication'), []);
});

test('setup makes it ready, and the second time changes nothing', async () => {
  const first = await setupDatabase(target);
  assert.deepEqual(problems(first.findings).filter((p) => !p.includes('max_slot_wal_keep_size')), []);
  assert.equal(first.steps.filter((s) => s.changed).length, 6, JSON.stringify(first.steps));
  const second = await setupDatabase(target);
  assert.deepEqual(second.steps.filter((s) => s.changed), []);
  assert.deepEqual(second.restart, []);
  const [leaf] = await set.primary.query<{ i: string }>(`SELECT relreplident::text AS i FROM pg_class WHERE relname = 'log_2026'`);
  assert.equal(leaf?.i, 'f', 'partitions too');
});

test('a new mapped table is added, all tables of a schema when none is named', async () => {
  await set.primary.query('CREATE TABLE shop.extra (id int PRIMARY KEY)');
  const tables = [...target.tables, { schema: 'shop', name: 'extra' }];
  has(await checkDatabase({ ...target, tables }), 'us', 'error', /does not cover shop\.extra/);
  const { findings } = await setupDatabase({ ...target, tables: [], schemas: ['public', 'shop'] });
  has(findings, 'us', 'ok', /covers the 4 mapped tables/);
});

test('a role without rights, an unreachable region, a missing table', async () => {
  await set.primary.query('CREATE ROLE clerk LOGIN; GRANT USAGE ON SCHEMA shop TO clerk; GRANT SELECT ON shop."Order" TO clerk');
  await Promise.all(set.replicas.map(async (replica) => replica.caughtUp(await set.primary.position())));
  const asClerk = target.regions.map((r) => ({ ...r, databaseUrl: r.databaseUrl.replace('postgres@', 'clerk@') }));
  const findings = await checkDatabase({ ...target, tables: [...target.tables, { schema: 'public', name: 'nowhere' }], regions: [...asClerk.slice(0, 2), { name: 'ap', databaseUrl: 'postgres://clerk@127.0.0.1:1/postgres' }] });
  has(findings, 'us', 'error', /lacks REPLICATION/);
  has(findings, 'us', 'error', /pg_monitor/);
  has(findings, 'us', 'warn', /pg_log_standby_snapshot/);
  has(findings, 'us', 'error', /may not read public\.item, public\.log/);
  has(findings, 'us', 'warn', /may not write everywhere: shop\.Order \(INSERT, UPDATE, DELETE\)/);
  has(findings, 'us', 'error', /do not exist: public\.nowhere/);
  has(findings, 'ap', 'error', /cannot be reached/);

  await setupDatabase({ ...target, role: 'clerk' });
  await Promise.all(set.replicas.map(async (replica) => replica.caughtUp(await set.primary.position())));
  const granted = await checkDatabase({ ...target, regions: asClerk });
  assert.deepEqual(problems(granted).filter((p) => !p.includes('max_slot_wal_keep_size')), []);
});

test('a broken slot and a server of another cluster', async () => {
  const [, eu] = target.regions;
  await using stranger = await startReplicaSet(0, { wal_level: 'replica', track_commit_timestamp: 'off' });
  const findings = await checkDatabase({ ...target, regions: [...target.regions.slice(0, 2), { name: 'ap', databaseUrl: stranger.primary.url }] });
  has(findings, 'ap', 'error', /belongs to another cluster/);
  has(findings, 'ap', 'error', /accepts writes, and so does us/);
  has(findings, 'ap', 'error', /wal_level is replica/);
  has(findings, 'ap', 'warn', /track_commit_timestamp is off/);
  await assert.rejects(setupDatabase({ ...target, regions: [...target.regions, { name: 'sa', databaseUrl: stranger.primary.url }] }), (e) => isMeridianError(e, 'DATABASE_NOT_READY'));
  await assert.rejects(setupDatabase({ ...target, regions: eu ? [eu] : [] }), (e) => isMeridianError(e, 'DATABASE_NOT_READY'));
});

test('settings are altered only when asked, and a needed restart is told', async () => {
  await using bare = await startReplicaSet(0, { wal_level: 'replica', track_commit_timestamp: 'off', hot_standby_feedback: 'off' });
  const alone: DatabaseTarget = { regions: [{ name: 'us', databaseUrl: bare.primary.url }], tables: [], options: TEST_OPTIONS };
  const untouched = await setupDatabase(alone);
  assert.deepEqual(untouched.restart, []);
  has(untouched.findings, 'us', 'error', /wal_level is replica/);
  const altered = await setupDatabase({ ...alone, alterSystem: true });
  assert.deepEqual(altered.restart, ['us']);
  await bare.primary.stop();
  await bare.primary.start();
  const { findings } = await setupDatabase({ ...alone, alterSystem: true });
  assert.deepEqual(problems(findings).filter((p) => !p.includes('max_slot_wal_keep_size')), []);
  await until('the slot is there', async () => (await bare.primary.query('SELECT FROM pg_replication_slots')).length === 1);
});
