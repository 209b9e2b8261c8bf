/**
 * Proves the tail through failures: broken connections, crashed replicas, lost slots, several processes and a
 * promotion.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { sleep } from '../../src/base/clock.ts';
import { clusterIdOf } from '../../src/base/lineage.ts';
import { parseLsn } from '../../src/base/lsn.ts';
import { type CommittedTransaction } from '../../src/change/ports.ts';
import { fetchHistory, fetchTimeline } from '../../src/postgres/connect/timeline.ts';
import { startReplicaSet, until, type ReplicaSet, type TestServer } from '../support/replica-set.ts';
import { beat, follow, publishTable, type Follower } from '../support/tail.ts';

let set: ReplicaSet;
let replica: TestServer;
beforeEach(async () => {
  set = await startReplicaSet(2);
  replica = set.replicas[0] ?? assert.fail('no replica');
  await publishTable(set);
});
afterEach(() => set[Symbol.asyncDispose]());

const idsOf = (transactions: readonly CommittedTransaction[]): number[] =>
  transactions.flatMap((t) => t.changes.map((c) => ('after' in c ? Number(c.after?.['id']) : -1)));
const streaming = (follower: Follower): Promise<void> =>
  until('the tail streams', () => follower.tail.state.kind === 'streaming');
const insert = (...ids: number[]): Promise<unknown> =>
  set.primary.query('INSERT INTO t SELECT id FROM unnest($1::bigint[]) AS id', [ids]);
const caughtUp = async (follower: Follower): Promise<void> => {
  assert.equal(
    await follower.applied.waitFor(await set.primary.position(), { timeoutMs: 20_000 }),
    true,
    JSON.stringify(follower.tail.state),
  );
};

test('a connection that is killed again and again loses no change and repeats none within one process', async () => {
  await using tail = follow({ server: replica, primary: set.primary });
  await streaming(tail);
  const expected: number[] = [];
  for (let round = 0; round < 8; round += 1) {
    for (let i = 0; i < 10; i += 1) {
      const id = round * 10 + i;
      expected.push(id);
      await insert(id);
      if (i === 5)
        await replica.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meridian tail' AND ($1 OR backend_type = 'walsender')`,
          [round % 2 === 0],
        );
    }
    await sleep(60);
  }
  await caughtUp(tail);
  assert.deepEqual(idsOf(tail.transactions), expected);
  assert.deepEqual(tail.gaps, []);
});

test('a tail follows a replica again that crashed, and repeats only changes that were not acknowledged', async () => {
  await using tail = follow({ server: replica, primary: set.primary });
  await streaming(tail);
  await insert(1);
  await caughtUp(tail);
  await replica.stop('SIGQUIT');
  await until('the tail notices', () => tail.tail.state.kind === 'down');
  await insert(2);
  await sleep(300);
  await replica.start();
  await insert(3);
  await caughtUp(tail);
  assert.deepEqual(idsOf(tail.transactions), [1, 2, 3]);
  assert.deepEqual(tail.gaps, []);
});

test('a replica that restarts below the position that it had shown lowers the replayed position, and the watermark stops', async () => {
  await using tail = follow({ server: replica, primary: set.primary });
  await streaming(tail);
  await replica.query(`ALTER SYSTEM SET recovery_min_apply_delay = '4s'`);
  await insert(1);
  const shown = await set.primary.position();
  await caughtUp(tail);
  assert.equal(await tail.replayed.waitFor(shown, { timeoutMs: 2_000 }), true);
  await replica.stop('SIGQUIT');
  await replica.start();
  await until('the position is taken back', () => tail.replayed.lsn !== null && tail.replayed.lsn < shown);
  assert.ok(tail.applied.reached(shown), 'what was applied to the caches stays applied');
  assert.equal(await tail.replayed.waitFor(shown, { timeoutMs: 15_000 }), true);
  await replica.query('ALTER SYSTEM RESET recovery_min_apply_delay');
  await replica.query('SELECT pg_reload_conf()');
  await insert(2);
  await caughtUp(tail);
  assert.deepEqual(tail.gaps, [], 'a replica that is merely behind is no gap');
  assert.deepEqual(idsOf(tail.transactions), [1, 2]);
});

test('only applied changes are acknowledged, and a change whose handler fails is sent again', async () => {
  let attempts = 0;
  await using tail = follow({
    server: replica,
    primary: set.primary,
    apply: async (transaction) => {
      if (idsOf([transaction]).includes(7) && (attempts += 1) <= 2) throw new Error('the cache is out of reach');
    },
  });
  await streaming(tail);
  await insert(6);
  await insert(7);
  await insert(8);
  await caughtUp(tail);
  assert.deepEqual(idsOf(tail.transactions), [6, 7, 8]);
  assert.equal(attempts, 3);
});

test('no part of a change is acknowledged while it cannot be applied, however often the session restarts', async () => {
  let failing = true;
  await using tail = follow({
    server: replica,
    primary: set.primary,
    options: { tailStatusMs: 20 },
    apply: (transaction) => {
      if (failing && idsOf([transaction]).includes(7)) throw new Error('the cache is out of reach');
    },
  });
  await streaming(tail);
  await insert(6);
  await caughtUp(tail);
  await insert(7);
  const commit = await set.primary.position();
  await insert(8);
  await until('it has begun anew some times', () => tail.starts.length >= 4);
  const [slot] = await replica.query<{ lsn: string }>(
    `SELECT confirmed_flush_lsn::text AS lsn FROM pg_replication_slots WHERE slot_name = 'meridian'`,
  );
  assert.ok(parseLsn(slot?.lsn ?? '') < commit, 'the server would send it again to anybody');
  assert.equal(tail.applied.reached(commit), false);
  // Other records may lie before it, which are nobody's change: what counts is where it commits.
  assert.ok(
    tail.starts.every(({ lsn }) => lsn < commit),
    JSON.stringify([tail.starts.map(({ lsn }) => String(lsn)), String(commit)]),
  );
  failing = false;
  await caughtUp(tail);
  assert.deepEqual(idsOf(tail.transactions), [6, 7, 8]);
});

test('a consumer that cannot begin is asked again, and nothing is delivered before it can', async () => {
  let refusals = 0;
  await using tail = follow({
    server: replica,
    primary: set.primary,
    begin: () => {
      if ((refusals += 1) <= 2) throw new Error('not yet');
    },
  });
  await until('it has begun', () => tail.starts.length > 0);
  assert.equal(refusals, 3);
  await insert(1);
  await caughtUp(tail);
  assert.deepEqual(idsOf(tail.transactions), [1]);
});

test('a new session starts at once on request, without loss or repetition, and reports its first position', async () => {
  await using tail = follow({ server: replica, primary: set.primary, options: { slotRetryMs: 60_000 } });
  await streaming(tail);
  const [system] = await replica.query<{ id: string }>('SELECT system_identifier::text AS id FROM pg_control_system()');
  assert.deepEqual(
    tail.starts.map(({ cluster, timeline }) => [cluster, timeline]),
    [[clusterIdOf(system?.id ?? ''), 1]],
  );
  for (let id = 1; id <= 20; id += 1) {
    await insert(id);
    if (id % 5 === 0) tail.tail.reconnect('the test wants it');
  }
  await until('it has begun anew', () => tail.starts.length >= 2);
  await caughtUp(tail);
  assert.deepEqual(
    idsOf(tail.transactions),
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
  assert.deepEqual(tail.gaps, []);
  // While it waits it is roused.
  await replica.query(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'meridian'`);
  await using thief = follow({ server: replica, primary: set.primary, options: { slotRetryMs: 10 } });
  await until(
    'one has it, the other has not',
    () =>
      [tail, thief]
        .map((one) => one.tail.state.kind)
        .toSorted()
        .join() === 'follower,streaming',
  );
  const [holder, waiter] = tail.tail.state.kind === 'streaming' ? [tail, thief] : [thief, tail];
  await holder[Symbol.asyncDispose]();
  waiter.tail.reconnect('the other one is gone');
  await streaming(waiter);
});

test('a session that is restarted after a promotion begins on the new timeline', async () => {
  await using tail = follow({ server: replica, primary: set.primary });
  await streaming(tail);
  await insert(1);
  await caughtUp(tail);
  await set.primary.stop();
  await replica.query('SELECT pg_promote(true, 30)');
  await replica.query('INSERT INTO t VALUES (2)');
  tail.tail.reconnect("timeline 2 is newer than the stream's");
  await until('it has begun on the new timeline', () => tail.starts.at(-1)?.timeline === 2, 20_000);
  await replica.query('INSERT INTO t VALUES (3)');
  assert.equal(
    await tail.applied.waitFor(await replica.position(), { timeoutMs: 20_000 }),
    true,
    JSON.stringify(tail.tail.state),
  );
  assert.equal(idsOf(tail.transactions).at(-1), 3);
});

test('a process that ends before it applies a change leaves it for the next process', async () => {
  const stuck = follow({
    server: replica,
    primary: set.primary,
    apply: () => new Promise((resolve) => setTimeout(resolve, 1_500)),
  });
  await streaming(stuck);
  await insert(11);
  await sleep(200);
  await stuck[Symbol.asyncDispose]();
  await using next = follow({ server: replica, primary: set.primary });
  await caughtUp(next);
  assert.ok(idsOf(next.transactions).includes(11));
});

test('a slot that is dropped is created again, and the gap is reported before any change of the new stream', async () => {
  await using tail = follow({ server: replica, primary: set.primary });
  await streaming(tail);
  await insert(1);
  await caughtUp(tail);
  await replica.query(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'meridian'`);
  await until('the slot is dropped', async () => {
    try {
      await replica.query(`SELECT pg_drop_replication_slot('meridian')`);
      return true;
    } catch {
      // Still in the hands of the process that was just terminated, or of the tail again.
      await replica.query(
        `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'meridian' AND active_pid IS NOT NULL`,
      );
      return false;
    }
  });
  await until('the gap is told', () => tail.gaps.length > 0, 20_000);
  await streaming(tail);
  await insert(2);
  await caughtUp(tail);
  assert.match(tail.gaps.join(), /^the slot meridian was gone$/);
  assert.equal(idsOf(tail.transactions).at(-1), 2);
});

test('a slot that the server invalidated is reported as a gap', async () => {
  await using tail = follow({ server: replica, primary: set.primary });
  await streaming(tail);
  await insert(1);
  await caughtUp(tail);
  // Without feedback and slot the primary vacuums rows of its catalog that the slot needs; replaying that invalidates
  // it.
  await replica.query(`ALTER SYSTEM SET hot_standby_feedback = off`);
  await replica.query('SELECT pg_reload_conf()');
  await until(
    "the primary no longer hears the replica's horizon",
    async () =>
      (
        await set.primary.query(
          `SELECT FROM pg_replication_slots WHERE slot_name = 'replica_1' AND catalog_xmin IS NULL`,
        )
      ).length === 1,
  );
  await set.primary.query('CREATE TABLE churn (i int)');
  for (let i = 0; i < 20; i += 1) await set.primary.query(`ALTER TABLE churn ADD COLUMN c${i} int`);
  await set.primary.query('DROP TABLE churn');
  await set.primary.query('VACUUM FULL pg_class');
  for (const table of ['pg_attribute', 'pg_type', 'pg_class']) await set.primary.query(`VACUUM ${table}`);
  await insert(2);
  await until('the gap is told', () => tail.gaps.length > 0, 20_000);
  await streaming(tail);
  await insert(3);
  await caughtUp(tail);
  assert.match(tail.gaps[0] ?? '', /invalidated/);
  assert.equal(idsOf(tail.transactions).at(-1), 3);
});

test('a period without the publication is reported as a gap, because its changes were never sent', async () => {
  await using tail = follow({ server: replica, primary: set.primary });
  await streaming(tail);
  await insert(1);
  await caughtUp(tail);
  await set.primary.query('DROP PUBLICATION meridian');
  await insert(2);
  await replica.caughtUp(await set.primary.position());
  await replica.query(
    `SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'meridian' AND active_pid IS NOT NULL`,
  );
  await until(
    'the tail says what it lacks',
    () => tail.tail.state.kind === 'down' && /publication/.test(tail.tail.state.problem),
  );
  await set.primary.query('CREATE PUBLICATION meridian FOR TABLE t');
  await until('the gap is told', () => tail.gaps.length > 0, 20_000);
  await streaming(tail);
  await insert(3);
  await caughtUp(tail);
  assert.equal(idsOf(tail.transactions).at(-1), 3);
});

test('one of two processes holds the slot, and the other still learns the replay position and takes over', async () => {
  const first = follow({ server: replica, primary: set.primary });
  await streaming(first);
  await using second = follow({ server: replica, primary: set.primary });
  await until('the second one follows', () => second.tail.state.kind === 'follower');
  await insert(1);
  const floor = await set.primary.position();
  assert.equal(await second.replayed.waitFor(floor, { timeoutMs: 5_000 }), true);
  assert.equal(second.applied.lsn, null, 'what it has not applied it does not claim');
  assert.deepEqual(idsOf(second.transactions), []);
  await caughtUp(first);
  await first[Symbol.asyncDispose]();
  await streaming(second);
  await insert(2);
  await caughtUp(second);
  assert.equal(idsOf(second.transactions).at(-1), 2);
  assert.equal(idsOf(first.transactions).includes(2), false);
});

test('a process that loses the slot and gets it back reports a gap', async () => {
  await using one = follow({ server: replica, primary: set.primary, options: { slotRetryMs: 100, tailRetryMs: 400 } });
  await streaming(one);
  await insert(1);
  await caughtUp(one);
  await using thief = follow({ server: replica, primary: set.primary, options: { slotRetryMs: 10 } });
  await replica.query(`SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = 'meridian'`);
  await streaming(thief);
  await insert(2);
  await caughtUp(thief);
  await thief[Symbol.asyncDispose]();
  await until('the first one has it again', () => one.gaps.length > 0);
  assert.match(one.gaps[0] ?? '', /read by another process/);
  await streaming(one);
  await insert(3);
  await caughtUp(one);
  assert.equal(idsOf(one.transactions).at(-1), 3);
});

test('the tails of the promoted server and of the other replica continue on the new timeline', async () => {
  const other = set.replicas[1] ?? assert.fail('one replica only');
  await using tail = follow({ server: replica, primary: set.primary });
  await using third = follow({ server: other, primary: set.primary });
  await streaming(tail);
  await streaming(third);
  await insert(1);
  await caughtUp(tail);
  await caughtUp(third);
  await set.primary.stop();
  await replica.query('SELECT pg_promote(true, 30)');
  await replica.query(`SELECT pg_create_physical_replication_slot('replica_2', true)`);
  await other.query(
    `ALTER SYSTEM SET primary_conninfo = 'host=127.0.0.1 port=${replica.port} user=postgres application_name=replica_2'`,
  );
  await other.query('SELECT pg_reload_conf()');
  await replica.query('INSERT INTO t VALUES (2)');
  await using beats = beat(replica, 100);
  assert.ok(beats);
  const end = await replica.position();
  assert.equal(await tail.applied.waitFor(end, { timeoutMs: 20_000 }), true, JSON.stringify(tail.tail.state));
  assert.equal(await third.applied.waitFor(end, { timeoutMs: 20_000 }), true, JSON.stringify(third.tail.state));
  assert.deepEqual(idsOf(tail.transactions), [1, 2]);
  assert.deepEqual(idsOf(third.transactions), [1, 2]);
  assert.deepEqual([...tail.gaps, ...third.gaps], []);
  const lineage = { databaseUrl: other.url, connectMs: 2_000 };
  assert.equal(await fetchTimeline(lineage), 2);
  const history = await fetchHistory({ ...lineage, databaseUrl: replica.url }, 2);
  assert.equal(history.switches[0]?.timeline, 1);
  assert.ok((history.switches[0]?.switchLsn ?? 0n) > 0n);
});

test('a new timeline that begins below what the region had applied is reported as a gap', async () => {
  const other = set.replicas[1] ?? assert.fail('one replica only');
  // What the consumer has applied lies beyond what the promoted replica ever received.
  await other.query('SELECT pg_wal_replay_pause()');
  await using tail = follow({ server: replica, primary: set.primary });
  await streaming(tail);
  other.link?.cut();
  await insert(1);
  await caughtUp(tail);
  await set.primary.stop('SIGQUIT');
  await other.query('SELECT pg_wal_replay_resume()');
  await other.query('SELECT pg_promote(true, 30)');
  await other.query('INSERT INTO t VALUES (100)');
  // The region's database is now a copy of the new primary, at the same address.
  const lost = tail.applied.lsn ?? assert.fail('nothing applied');
  const history = await fetchHistory({ databaseUrl: other.url, connectMs: 2_000 }, 2);
  assert.ok((history.switches[0]?.switchLsn ?? lost) < lost, 'the failover lost what was applied');
  await replica.stop();
  await other.stop();
  other.port = replica.port;
  await other.start();
  await until('the gap is told', () => tail.gaps.length > 0, 20_000);
  assert.match(tail.gaps[0] ?? '', /timeline 2 begins below .*lost it/);
  await streaming(tail);
  await other.query('INSERT INTO t VALUES (101)');
  await until('the new stream is followed', () => idsOf(tail.transactions).at(-1) === 101);
});
