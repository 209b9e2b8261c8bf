/** Proves the tail on a real replica and on the primary: order, visibility (R2), sizes, messages and heartbeats. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import pg from 'pg';
import { sleep } from '../../src/base/clock.ts';
import { parseLsn } from '../../src/base/lsn.ts';
import { type CommittedTransaction } from '../../src/change/ports.ts';
import { startReplicaSet, until, type ReplicaSet } from '../support/replica-set.ts';
import { beat, follow, publishTable } from '../support/tail.ts';

let set: ReplicaSet;
before(async () => {
  set = await startReplicaSet(1, { timezone: 'Asia/Kolkata', datestyle: 'German' });
  await publishTable(set);
});
after(() => set[Symbol.asyncDispose]());

const replica = (): ReplicaSet['primary'] => set.replicas[0] ?? assert.fail('no replica');
const idsOf = (transactions: readonly CommittedTransaction[]): unknown[] =>
  transactions.flatMap((t) => t.changes.map((c) => ('after' in c ? c.after?.['id'] : c.kind)));

test('300 of 300 changes are delivered in commit order, each when the replica shows it and its position proves it', async () => {
  const reader = new pg.Client({ connectionString: replica().url });
  await reader.connect();
  const misses: string[] = [];
  await using tail = follow({
    server: replica(),
    primary: set.primary,
    apply: async ({ commitLsn, changes }) => {
      for (const change of changes) {
        if (change.kind !== 'insert') continue;
        const { rows } = await reader.query<{ n: number; lsn: string }>(
          'SELECT (SELECT count(*)::int FROM t WHERE id = $1) AS n, pg_last_wal_replay_lsn()::text AS lsn',
          [change.after?.['id']],
        );
        if (rows[0]?.n !== 1 || parseLsn(rows[0].lsn) < commitLsn)
          misses.push(`${String(change.after?.['id'])}: ${JSON.stringify(rows[0])}`);
      }
    },
  });
  await until('the tail streams', () => tail.tail.state.kind === 'streaming');
  // Several writers, so that commits overlap and are flushed together.
  const writers = await Promise.all(
    [0, 1, 2].map(async (w) => {
      const client = new pg.Client({ connectionString: set.primary.url });
      await client.connect();
      for (let i = 0; i < 100; i += 1) await client.query('INSERT INTO t VALUES ($1, $2)', [w * 100 + i, `row ${i}`]);
      await client.end();
    }),
  );
  assert.equal(writers.length, 3);
  const end = await set.primary.position();
  assert.equal(await tail.applied.waitFor(end, { timeoutMs: 10_000 }), true);
  await reader.end();
  assert.deepEqual(misses, []);
  assert.equal(tail.transactions.length, 300);
  assert.equal(new Set(idsOf(tail.transactions)).size, 300);
  assert.ok(
    tail.transactions.every((t, i) => i === 0 || (tail.transactions[i - 1]?.commitLsn ?? 0n) < t.commitLsn),
    'commit order',
  );
  assert.deepEqual(tail.gaps, []);
});

test("updates and deletes carry the whole old row, with values as the server's text, and only messages of their own transaction", async () => {
  await set.primary.query('CREATE TABLE typed (id bigint PRIMARY KEY, n numeric, at timestamptz, big text, gone int)');
  await set.primary.query('ALTER TABLE typed REPLICA IDENTITY FULL; ALTER PUBLICATION meridian ADD TABLE typed');
  await using tail = follow({ server: replica(), primary: set.primary });
  await until('the tail streams', () => tail.tail.state.kind === 'streaming');
  const from = tail.transactions.length;
  await set.primary.query(
    `INSERT INTO typed VALUES (9007199254740993, 1.10, '2026-01-31 12:00:00.123456+09', string_agg_random(), 1)`.replace(
      'string_agg_random()',
      `(SELECT string_agg(md5(g::text), '') FROM generate_series(1, 400) g)`,
    ),
  );
  await set.primary.query(
    `BEGIN; UPDATE typed SET gone = NULL; SELECT pg_logical_emit_message(true, 'meridian', '{"tags":["a"]}'); SELECT pg_logical_emit_message(true, 'other', 'x'); COMMIT`,
  );
  await set.primary.query('DELETE FROM typed; TRUNCATE t');
  assert.equal(await tail.applied.waitFor(await set.primary.position(), { timeoutMs: 10_000 }), true);
  const [inserted, updated, deleted] = tail.transactions.slice(from);
  const [insert] = inserted?.changes ?? [];
  assert.ok(insert && insert.kind === 'insert' && insert.after);
  assert.deepEqual(
    { ...insert.after, big: null },
    { id: '9007199254740993', n: '1.10', at: '2026-01-31 03:00:00.123456+00', big: null, gone: '1' },
  );
  const [update] = updated?.changes ?? [];
  assert.ok(update && update.kind === 'update');
  assert.equal(update.beforeIsWhole, true);
  assert.equal(update.before?.['gone'], '1');
  assert.equal(update.after?.['gone'], null);
  assert.deepEqual(updated?.messages, ['{"tags":["a"]}']);
  assert.deepEqual(
    deleted?.changes.map((c) => [c.kind, c.table]),
    [
      ['delete', 'typed'],
      ['truncate', 't'],
    ],
  );
});

test('a change without full replica identity is marked as incomplete', async () => {
  await set.primary.query('CREATE TABLE keyed (id int PRIMARY KEY, v int); ALTER PUBLICATION meridian ADD TABLE keyed');
  await using tail = follow({ server: replica(), primary: set.primary });
  await until('the tail streams', () => tail.tail.state.kind === 'streaming');
  await set.primary.query('INSERT INTO keyed VALUES (1, 1)');
  await set.primary.query('UPDATE keyed SET v = 2');
  await set.primary.query('UPDATE keyed SET id = 2');
  await set.primary.query('DELETE FROM keyed');
  assert.equal(await tail.applied.waitFor(await set.primary.position(), { timeoutMs: 10_000 }), true);
  const changes = tail.transactions.flatMap((t) => t.changes).filter((c) => c.table === 'keyed');
  assert.deepEqual(
    changes.map((c) => (c.kind === 'truncate' ? c.kind : [c.kind, c.before, c.beforeIsWhole])),
    [
      ['insert', null, true],
      ['update', null, false],
      ['update', { id: '1' }, false],
      ['delete', { id: '2' }, false],
    ],
  );
});

test('a transaction of 20,000 rows arrives as a whole, and a larger one than the limit names its tables', async () => {
  await using whole = follow({ server: replica(), primary: set.primary });
  await until('the tail streams', () => whole.tail.state.kind === 'streaming');
  await set.primary.query(`INSERT INTO t SELECT g, 'row ' || g FROM generate_series(100000, 119999) g`);
  const end = await set.primary.position();
  const began = performance.now();
  assert.equal(await whole.applied.waitFor(end, { timeoutMs: 10_000 }), true);
  assert.ok(performance.now() - began < 5_000);
  assert.equal(whole.transactions.at(-1)?.changes.length, 20_000);
  await whole[Symbol.asyncDispose]();

  await using small = follow({ server: replica(), primary: set.primary, options: { maxTransactionChanges: 1_000 } });
  await until('the tail streams', () => small.tail.state.kind === 'streaming');
  await set.primary.query(
    `BEGIN; UPDATE t SET v = 'again' WHERE id >= 100000; INSERT INTO keyed VALUES (77, 7); SELECT pg_logical_emit_message(true, 'meridian', 'kept'); COMMIT`,
  );
  assert.equal(await small.applied.waitFor(await set.primary.position(), { timeoutMs: 10_000 }), true);
  assert.deepEqual(small.transactions.at(-1)?.changes, [
    { kind: 'truncate', schema: 'public', table: 't' },
    { kind: 'truncate', schema: 'public', table: 'keyed' },
  ]);
  assert.deepEqual(small.transactions.at(-1)?.messages, ['kept']);
});

test('a slow consumer with a small buffer loses no change', async () => {
  await using tail = follow({
    server: replica(),
    primary: set.primary,
    options: { tailBufferBytes: 65_536 },
    apply: () => sleep(1).then(() => undefined),
  });
  await until('the tail streams', () => tail.tail.state.kind === 'streaming');
  const before = tail.transactions.length;
  const long = 'x'.repeat(2_000);
  for (let i = 0; i < 400; i += 1) await set.primary.query('INSERT INTO t VALUES ($1, $2)', [500_000 + i, long]);
  assert.equal(await tail.applied.waitFor(await set.primary.position(), { timeoutMs: 20_000 }), true);
  assert.equal(
    idsOf(tail.transactions.slice(before)).join(),
    Array.from({ length: 400 }, (_, i) => 500_000 + i).join(),
  );
});

test("on an idle cluster heartbeats move the watermark and carry the primary's clock", async () => {
  await using tail = follow({ server: replica(), primary: set.primary });
  await using beats = beat(set.primary, 100);
  assert.ok(beats);
  await until('three heartbeats', () => tail.heartbeats.length >= 3);
  assert.ok(tail.heartbeats.every((at) => Math.abs(at - Date.now()) < 10_000));
  const before = tail.applied.lsn ?? 0n;
  await until('the watermark moves', () => (tail.applied.lsn ?? 0n) > before);
});

test('WAL records without published changes move the watermark without a heartbeat', async () => {
  await set.primary.query('CREATE TABLE unpublished (i int)');
  await using tail = follow({ server: replica(), primary: set.primary });
  await until('the tail streams', () => tail.tail.state.kind === 'streaming');
  const count = tail.transactions.length;
  await set.primary.query('INSERT INTO unpublished VALUES (1)');
  assert.equal(await tail.applied.waitFor(await set.primary.position(), { timeoutMs: 2_000 }), true);
  assert.equal(tail.transactions.length, count);
});

test('the watermark stops while replay is paused, and moves on with it', async () => {
  await using tail = follow({ server: replica(), primary: set.primary });
  await until('the tail streams', () => tail.tail.state.kind === 'streaming');
  await replica().query('SELECT pg_wal_replay_pause()');
  await until(
    'replay is paused',
    async () =>
      (await replica().query<{ s: string }>('SELECT pg_get_wal_replay_pause_state() AS s'))[0]?.s === 'paused',
  );
  await set.primary.query(`INSERT INTO t VALUES (700000, 'paused')`);
  const floor = await set.primary.position();
  assert.equal(await tail.applied.waitFor(floor, { timeoutMs: 400 }), false);
  assert.equal(await tail.replayed.waitFor(floor, { timeoutMs: 50 }), false);
  await replica().query('SELECT pg_wal_replay_resume()');
  assert.equal(await tail.replayed.waitFor(floor, { timeoutMs: 5_000 }), true);
  assert.equal(await tail.applied.waitFor(floor, { timeoutMs: 5_000 }), true);
});

test('on the primary a change is held back until the primary itself shows it, even while its commit waits for a replica', async () => {
  await using tail = follow({ server: set.primary, primary: set.primary });
  await until('the tail streams', () => tail.tail.state.kind === 'streaming');
  const writer = new pg.Client({ connectionString: set.primary.url });
  await writer.connect();
  // A synchronous replica that does not exist: the commit is in the WAL and decoded, and not visible until somebody
  // gives in.
  await set.primary.query(`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`);
  await set.primary.query('SELECT pg_reload_conf()');
  await until(
    'synchronous commit is on',
    async () =>
      (await set.primary.query<{ s: string }>(`SELECT current_setting('synchronous_standby_names') AS s`))[0]?.s ===
      'nobody',
  );
  await sleep(200);
  const commit = writer.query(`INSERT INTO t VALUES (800000, 'held')`);
  await sleep(500);
  const held = !idsOf(tail.transactions).includes('800000');
  const visible = await set.primary.query('SELECT FROM t WHERE id = 800000');
  await set.primary.query('ALTER SYSTEM RESET synchronous_standby_names');
  await set.primary.query('SELECT pg_reload_conf()');
  await commit;
  await until('the change is delivered', () => idsOf(tail.transactions).includes('800000'));
  await writer.end();
  assert.equal(visible.length, 0, 'the committer is still waiting, or this test shows nothing');
  assert.equal(held, true);
});
