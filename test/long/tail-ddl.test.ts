/**
 * Proves that schema changes reach the tail: what setup creates announces them in the transaction of the change, and
 * fails no migration.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { type CommittedTransaction } from '../../src/change/ports.ts';
import { ANNOUNCE_MESSAGE, readAnnouncing } from '../../src/postgres/setup/announce.ts';
import { checkDatabase } from '../../src/postgres/check/check.ts';
import { type DatabaseTarget } from '../../src/postgres/check/finding.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { startReplicaSet, until, type ReplicaSet } from '../support/replica-set.ts';
import { follow, TEST_OPTIONS, type Follower } from '../support/tail.ts';

const APPLIED_MS = 30_000;

let set: ReplicaSet;
let tail: Follower;
let target: DatabaseTarget;
before(async () => {
  set = await startReplicaSet(1);
  await set.primary.query(`
    CREATE TABLE task (id bigint PRIMARY KEY, title text, size int); CREATE TABLE unpublished (id int);
    CREATE TABLE log (id bigint, at date) PARTITION BY RANGE (at); CREATE TABLE log_2026 PARTITION OF log FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`);
  target = {
    regions: [set.primary, ...set.replicas].map((server, i) => ({
      name: ['us', 'eu'][i] ?? '',
      databaseUrl: server.url,
    })),
    tables: [
      { schema: 'public', name: 'task' },
      { schema: 'public', name: 'log' },
    ],
    options: TEST_OPTIONS,
  };
  await setupDatabase(target);
  tail = follow({ server: set.replicas[0] ?? assert.fail('no replica'), primary: set.primary });
  await until('the tail streams', () => tail.tail.state.kind === 'streaming');
});
after(async () => {
  await tail[Symbol.asyncDispose]();
  await set[Symbol.asyncDispose]();
});

async function delivered(client: Pick<pg.Client, 'query'>, sql: string): Promise<readonly CommittedTransaction[]> {
  const from = tail.transactions.length;
  await client.query(sql);
  assert.equal(await tail.applied.waitFor(await set.primary.position(), { timeoutMs: APPLIED_MS }), true, sql);
  return tail.transactions.slice(from);
}

/** What the statements announce: the tables' names in order, or "all". */
async function announced(
  sql: string,
  client: Pick<pg.Client, 'query'> = administrator(),
): Promise<(string | string[])[]> {
  const messages = (await delivered(client, sql)).flatMap((transaction) => transaction.messages);
  return messages.map((message) => {
    const { ddl } = JSON.parse(message) as { ddl: { all?: boolean; tables?: string[] } };
    return ddl.all === true ? 'all' : (ddl.tables ?? []).toSorted();
  });
}

const administrator = (): Pick<pg.Client, 'query'> =>
  ({
    query: async (sql: string, values?: unknown[]) => ({ rows: await set.primary.query(sql, values) }),
  }) as unknown as Pick<pg.Client, 'query'>;

const TASK = [['public.task']];

test("a change of one table is announced with the table's name, and after a rename also with its old name", async () => {
  for (const change of [
    'ALTER COLUMN size TYPE bigint USING size * 2',
    `ADD COLUMN state text DEFAULT 'open'`,
    'RENAME COLUMN state TO status',
    'DROP COLUMN status',
    'ENABLE ROW LEVEL SECURITY',
    'REPLICA IDENTITY DEFAULT',
    'REPLICA IDENTITY FULL',
  ])
    assert.deepEqual(await announced(`ALTER TABLE task ${change}`), TASK, change);
  for (const policy of [
    'CREATE POLICY own ON task USING (id > 0)',
    'ALTER POLICY own ON task USING (id > 1)',
    'DROP POLICY own ON task',
  ])
    assert.deepEqual(await announced(policy), TASK, policy);
  assert.deepEqual(
    await announced('ALTER TABLE unpublished ADD COLUMN n int'),
    [['public.unpublished']],
    'published or not',
  );
  assert.deepEqual(await announced('ALTER TABLE unpublished RENAME TO "Ünü.""x"'), [
    ['public.unpublished', 'public.Ünü."x'],
  ]);
  assert.deepEqual(await announced('CREATE SCHEMA shop CREATE TABLE item (id serial PRIMARY KEY)'), [['shop.item']]);
  assert.deepEqual(await announced('ALTER TABLE shop.item SET SCHEMA public'), [['public.item', 'shop.item']]);
  assert.deepEqual(await announced('DROP TABLE item'), [['public.item']]);
});

test('a change of a partition is announced with the tables through which its rows are read', async () => {
  assert.deepEqual(await announced('CREATE TABLE loose (id bigint, at date)'), [['public.loose']]);
  assert.deepEqual(
    await announced(`ALTER TABLE log ATTACH PARTITION loose FOR VALUES FROM ('2027-01-01') TO ('2028-01-01')`),
    [['public.log', 'public.log_2026', 'public.loose']],
  );
  assert.deepEqual(await announced('ALTER TABLE log DETACH PARTITION loose'), [
    ['public.log', 'public.log_2026', 'public.loose'],
  ]);
  assert.deepEqual(
    await announced('DROP TABLE log_2026'),
    [['public.log', 'public.log_2026']],
    'its rows are gone without a change of rows',
  );
});

test('a change that cannot be assigned to tables is announced as "all"', async () => {
  for (const sql of [
    'ALTER PUBLICATION meridian DROP TABLE task',
    'ALTER PUBLICATION meridian ADD TABLE task',
    'CREATE FUNCTION one() RETURNS int LANGUAGE sql AS $$ SELECT 1 $$',
    'CREATE OR REPLACE FUNCTION one() RETURNS int LANGUAGE sql AS $$ SELECT 2 $$',
    'DROP FUNCTION one()',
    'CREATE VIEW big AS SELECT * FROM task',
    'CREATE OR REPLACE VIEW big AS SELECT * FROM task WHERE size > 9',
    'DROP VIEW big',
    `CREATE TYPE mood AS ENUM ('good')`,
    `ALTER TYPE mood RENAME VALUE 'good' TO 'fine'`,
    'DROP TYPE mood',
    'REVOKE SELECT ON task FROM PUBLIC',
    'ALTER SCHEMA shop RENAME TO store',
    'SELECT meridian.schema_changed()',
    ANNOUNCE_MESSAGE,
  ])
    assert.deepEqual(await announced(sql), ['all'], sql);
});

test('a change that affects no visible row is not announced', async () => {
  for (const sql of [
    'CREATE INDEX by_title ON task (title)',
    'CREATE INDEX CONCURRENTLY by_size ON task (size)',
    'REINDEX TABLE CONCURRENTLY task',
    'DROP INDEX CONCURRENTLY by_size',
    'DROP INDEX by_title',
    `COMMENT ON TABLE task IS 'work'`,
    'GRANT SELECT ON task TO PUBLIC',
    'CREATE SEQUENCE numbers',
    'DROP SEQUENCE numbers',
    'CREATE TEMP TABLE scratch (id serial PRIMARY KEY)',
    'ALTER TABLE scratch ADD COLUMN n int DEFAULT 1',
    'DROP TABLE scratch',
    'CREATE TEMP VIEW glance AS SELECT 1',
    'DROP VIEW glance',
    'DROP SCHEMA store',
    'VACUUM task',
    'ANALYZE task',
  ])
    assert.deepEqual(await announced(sql), [], sql);
});

test('the message is part of the transaction of the change, at its place, and is rolled back with it', async () => {
  const sql = `BEGIN; INSERT INTO task VALUES (1, 'a', 1); ALTER TABLE task ADD COLUMN extra int DEFAULT 7; SAVEPOINT s; DROP TABLE task; ROLLBACK TO s; UPDATE task SET title = 'b'; COMMIT`;
  const [transaction, ...more] = await delivered(administrator(), sql);
  assert.deepEqual(more, []);
  assert.deepEqual(
    transaction?.changes.map(({ kind }) => kind),
    ['insert', 'update'],
  );
  assert.deepEqual(transaction?.messages, ['{"ddl": {"tables": ["public.task"]}}']);
  assert.deepEqual(await announced('BEGIN; DROP TABLE task; ROLLBACK'), []);
});

test('a transaction that contains only a message is delivered', async () => {
  const [transaction, ...more] = await delivered(
    administrator(),
    `SELECT pg_logical_emit_message(true, 'meridian', '{"tags":["report"]}')`,
  );
  assert.deepEqual(more, []);
  assert.deepEqual(transaction?.changes, []);
  assert.deepEqual(transaction?.messages, ['{"tags":["report"]}']);
  assert.ok((transaction?.commitLsn ?? 0n) > 0n && Math.abs((transaction?.committedAtMs ?? 0) - Date.now()) < 60_000);
});

test('changes are marked in the same stream as soon as old rows are incomplete', async () => {
  const whole = async (sql: string): Promise<boolean[]> =>
    (await delivered(administrator(), sql)).flatMap(({ changes }) =>
      changes.flatMap((c) => (c.kind === 'truncate' ? [] : [c.beforeIsWhole])),
    );
  assert.deepEqual(await whole(`UPDATE task SET title = 'c'`), [true]);
  await set.primary.query('ALTER TABLE task REPLICA IDENTITY DEFAULT');
  assert.deepEqual(await whole(`UPDATE task SET title = 'd'; UPDATE task SET id = 2`), [false, false]);
  await set.primary.query('ALTER TABLE task REPLICA IDENTITY NOTHING');
  await assert.rejects(set.primary.query(`UPDATE task SET title = 'e'`), /does not have a replica identity/);
  await set.primary.query('ALTER TABLE task REPLICA IDENTITY FULL');
  assert.deepEqual(await whole(`UPDATE task SET title = 'f'`), [true]);
  assert.deepEqual(tail.gaps, []);
});

test('every role that changes the schema announces it, and any role may announce a change by hand', async () => {
  await set.primary.query('CREATE ROLE carpenter LOGIN; GRANT CREATE ON SCHEMA public TO carpenter');
  const client = new pg.Client({ connectionString: set.primary.url.replace('postgres@', 'carpenter@') });
  await client.connect();
  try {
    assert.deepEqual(await announced('CREATE TABLE shelf (id int)', client), [['public.shelf']]);
    assert.deepEqual(await announced('SELECT meridian.schema_changed()', client), ['all']);
    assert.deepEqual(await announced('DROP TABLE shelf', client), [['public.shelf']]);
    await set.primary.query('SET session_replication_role = replica');
    assert.deepEqual(
      await announced('ALTER TABLE task ADD COLUMN restored int'),
      TASK,
      'in sessions that restore data, too',
    );
    await set.primary.query('RESET session_replication_role');
  } finally {
    await client.end();
  }
});

test('an error inside the event trigger never fails a migration, and is announced as "all" or as a warning', async () => {
  await set.primary.query(`ALTER FUNCTION meridian.names_after(oid[]) RENAME TO names_lost`);
  assert.deepEqual(await announced('ALTER TABLE task ADD COLUMN spare int'), ['all']);
  await set.primary.query(`ALTER FUNCTION meridian.names_lost(oid[]) RENAME TO names_after`);

  const [emit] = await set.primary.query<{ name: string }>(
    `SELECT oid::regprocedure::text AS name FROM pg_proc WHERE proname = 'pg_logical_emit_message' AND proargtypes[2] = 'bytea'::regtype`,
  );
  await set.primary.query(
    `CREATE ROLE weak; ALTER FUNCTION meridian.on_ddl() OWNER TO weak; REVOKE EXECUTE ON FUNCTION ${emit?.name} FROM PUBLIC`,
  );
  const client = new pg.Client({ connectionString: set.primary.url });
  const notices: string[] = [];
  client.on('notice', ({ message }) => notices.push(message ?? ''));
  await client.connect();
  try {
    assert.deepEqual(await announced('ALTER TABLE task DROP COLUMN spare', client), []);
    assert.match(
      notices.join(),
      /were not told of this schema change: permission denied .* SELECT meridian\.schema_changed\(\)/,
    );
  } finally {
    await client.end();
    await set.primary.query(
      `GRANT EXECUTE ON FUNCTION ${emit?.name} TO PUBLIC; ALTER FUNCTION meridian.on_ddl() OWNER TO postgres`,
    );
  }
});

test('check reports triggers that are missing, disabled or of another version, and setup fixes each once', async () => {
  const state = (): Promise<string> => readAnnouncing(administrator());
  const warning = async (): Promise<string> =>
    (await checkDatabase(target))
      .filter(({ what, severity }) => severity === 'warn' && /^Schema changes/.test(what))
      .map(({ what, fix }) => `${what} ${fix ?? ''}`)
      .join();
  assert.equal(await state(), 'installed');
  assert.equal(await warning(), '');
  const breaks: readonly (readonly [string, string, RegExp])[] = [
    ['disabled', 'ALTER EVENT TRIGGER meridian_sql_drop DISABLE', /disabled, or not ENABLE ALWAYS.* only by TTL/],
    [
      'missing',
      'DROP EVENT TRIGGER meridian_ddl_command_end',
      /are missing.* only by TTL.* end each migration with SELECT meridian\.schema_changed\(\)/,
    ],
    [
      'outdated',
      `CREATE OR REPLACE FUNCTION meridian.on_ddl() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END'`,
      /another version/,
    ],
    ['unannounced', 'DROP SCHEMA meridian CASCADE', /setup has created no event triggers.* pg_logical_emit_message/],
  ];
  for (const [kind, sql, text] of breaks) {
    await set.primary.query(sql);
    assert.equal(await state(), kind);
    assert.match(await warning(), text);
    const from = tail.transactions.length;
    const fixed = await setupDatabase(target);
    const metadata =
      kind === 'unannounced'
        ? [
            'Created what writing keeps in the schema meridian: meridian.outcomes, meridian.history, meridian.conflicts.',
          ]
        : [];
    assert.deepEqual(
      fixed.steps.filter(({ changed }) => changed).map(({ what }) => what),
      ['Created event triggers, in the schema meridian, that announce schema changes to caches.', ...metadata],
    );
    assert.equal(await state(), 'installed');
    assert.equal(await tail.applied.waitFor(await set.primary.position(), { timeoutMs: APPLIED_MS }), true);
    assert.ok(
      tail.transactions.slice(from).some(({ messages }) => messages.includes('{"ddl":{"all":true}}')),
      'what was missed meanwhile is announced',
    );
  }
  assert.deepEqual(await announced('ALTER TABLE task ADD COLUMN last int'), TASK);
});

test('setup under a role that may not create event triggers does the rest, and names the consequence', async () => {
  await set.primary.query(
    'DROP SCHEMA meridian CASCADE; CREATE ROLE clerk LOGIN REPLICATION; GRANT pg_monitor TO clerk; ALTER TABLE task OWNER TO clerk; ALTER TABLE log OWNER TO clerk; ALTER PUBLICATION meridian OWNER TO clerk',
  );
  await Promise.all(set.replicas.map(async (replica) => replica.caughtUp(await set.primary.position())));
  const asClerk = {
    ...target,
    regions: target.regions.map((r) => ({ ...r, databaseUrl: r.databaseUrl.replace('postgres@', 'clerk@') })),
  };
  const bare = await setupDatabase(asClerk);
  assert.match(
    bare.steps.map(({ what }) => what).join('\n'),
    /Event triggers could not be created \(permission denied .*\), so that caches notice schema changes only by TTL: .* SELECT pg_logical_emit_message/,
  );
  assert.equal(await readAnnouncing(administrator()), 'unannounced');
  await set.primary.query('GRANT CREATE ON DATABASE postgres TO clerk');
  const { steps } = await setupDatabase(asClerk);
  assert.match(
    steps.map(({ what }) => what).join('\n'),
    /could not be created .* end each migration with SELECT meridian\.schema_changed\(\)/,
  );
  assert.equal(await readAnnouncing(administrator()), 'missing');
  assert.deepEqual(await announced('SELECT meridian.schema_changed()'), ['all']);
  await setupDatabase(target);
  assert.equal(await readAnnouncing(administrator()), 'installed');
});

test('migrations succeed without logical decoding, and announce nothing', async () => {
  await using bare = await startReplicaSet(0, { wal_level: 'replica' });
  const alone = { ...target, regions: [{ name: 'us', databaseUrl: bare.primary.url }], tables: [] };
  await setupDatabase(alone);
  await bare.primary.query(
    'CREATE TABLE t (id int); ALTER TABLE t ADD COLUMN n int; DROP TABLE t; SELECT meridian.schema_changed()',
  );
});

test('check reports a publication that names partitions instead of their root as an error', async () => {
  await set.primary.query(
    'ALTER PUBLICATION meridian SET (publish_via_partition_root = false); CREATE TABLE base (id int); CREATE TABLE derived () INHERITS (base)',
  );
  const tables = [...target.tables, { schema: 'public', name: 'base' }];
  const told = (await checkDatabase({ ...target, tables }))
    .map(({ severity, what }) => `${severity}: ${what}`)
    .join('\n');
  assert.match(told, /error: The publication meridian names the partitions, not public\.log,/);
  assert.match(told, /warn: Other tables inherit from public\.base:/);
  const { findings } = await setupDatabase(target);
  assert.doesNotMatch(findings.map(({ what }) => what).join('\n'), /names the partitions/);
  const leaf = [{ schema: 'public', name: 'log_2028' }];
  await set.primary.query(`CREATE TABLE log_2028 PARTITION OF log FOR VALUES FROM ('2028-01-01') TO ('2029-01-01')`);
  assert.match(
    (await checkDatabase({ ...target, tables: leaf })).map(({ what }) => what).join('\n'),
    /public\.log_2028 are partitions/,
  );
});
