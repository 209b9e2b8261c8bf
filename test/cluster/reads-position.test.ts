/**
 * Proves the position that a read reports (R6): it is never below the state of the rows, and no higher than necessary.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sleep } from '../../src/base/clock.ts';
import { formatLsn, parseLsn, type Lsn } from '../../src/base/lsn.ts';
import { sql, startReader, tokenOf, type Reader } from '../support/readers.ts';
import { startReplicaSet, until, type ReplicaSet, type TestServer } from '../support/replica-set.ts';

let set: ReplicaSet;
let eu: Reader;
const replica = (): TestServer => set.replicas[0] as TestServer;
const ROUNDS = 12;
/** Replay of a commit shows its rows first, and then removes the files of dropped tables: that makes the gap long. */
const TABLES = 150;

/** Commits `v = round` in a transaction that drops tables; gives a position below its commit record. */
async function commitSlowly(round: number): Promise<Lsn> {
  const names = Array.from({ length: TABLES }, (_, i) => `d${round}_${i}`);
  await set.primary.query(
    `BEGIN; ${names.map((name) => `CREATE TABLE ${name} (a int); INSERT INTO ${name} VALUES (1);`).join(' ')} COMMIT`,
  );
  await replica().caughtUp(await set.primary.position());
  await set.primary.query('BEGIN');
  await set.primary.query(`UPDATE t SET v = ${round}`);
  await set.primary.query(names.map((name) => `DROP TABLE ${name}`).join('; '));
  const [row] = await set.primary.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
  await set.primary.query('COMMIT');
  return parseLsn(row?.lsn ?? '');
}

/** Reads until `v = round` is seen; gives what `read` reported with it. */
async function firstSight(round: number, read: () => Promise<{ v: unknown; at: Lsn }>): Promise<Lsn> {
  for (;;) {
    const { v, at } = await read();
    if (v === round) return at;
  }
}

describe('the reported position of a read', () => {
  before(async () => {
    set = await startReplicaSet(1);
    await set.primary.query('CREATE TABLE t (v int); INSERT INTO t VALUES (0)');
    await replica().caughtUp(await set.primary.position());
    eu = await startReader({ local: 'eu', urls: { us: set.primary.url, eu: replica().url } });
  });
  after(async () => {
    await eu?.[Symbol.asyncDispose]();
    await set?.[Symbol.asyncDispose]();
  });

  it('is not below the state of its rows, although the replay position that is read afterwards may be', async () => {
    let naive = 0;
    let below = 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      const seen = firstSight(round, async () => {
        const { rows, report } = await eu.read('SELECT v FROM t');
        return { v: rows[0]?.['v'], at: [...report.positions.values()][0]?.lsn as Lsn };
      });
      const replay = firstSight(round, async () => {
        const [row] = await replica().query<{ v: number; at: string }>(
          'SELECT v, pg_last_wal_replay_lsn()::text AS at FROM t',
        );
        return { v: row?.v, at: parseLsn(row?.at ?? '') };
      });
      const belowCommit = await commitSlowly(round);
      if ((await replay) <= belowCommit) naive += 1;
      if ((await seen) <= belowCommit) below += 1;
    }
    assert.ok(naive > 0, 'the replay position alone was never too low: the test has not met the gap it is about');
    assert.equal(
      below,
      0,
      `${below} of ${ROUNDS} reads reported less than they had seen (the replay position alone: ${naive})`,
    );
  });

  it('is the replay position itself while nothing is replayed', async () => {
    const idle = async (what: string): Promise<void> => {
      const { report } = await eu.read('SELECT v FROM t');
      const [position] = [...report.positions.values()];
      assert.ok(position);
      const replay = await replica().position();
      assert.equal(formatLsn(position.lsn), formatLsn(replay), what);
    };
    await replica().caughtUp(await set.primary.position());
    await sleep(50);
    await idle('an idle replica');

    await replica().query('SELECT pg_wal_replay_pause()');
    await set.primary.query('UPDATE t SET v = -1');
    await until(
      'replay is paused',
      async () =>
        (await replica().query<{ state: string }>('SELECT pg_get_wal_replay_pause_state() AS state'))[0]?.state ===
        'paused',
    );
    await idle('a paused replica with more to replay');
    await replica().query('SELECT pg_wal_replay_resume()');
    await replica().caughtUp(await set.primary.position());

    await set.primary.stop();
    await until(
      'the receiver has gone',
      async () => (await replica().query('SELECT FROM pg_stat_wal_receiver')).length === 0,
    );
    await until('a replica without its primary', async () => {
      const { report } = await eu.read('SELECT v FROM t');
      return [...report.positions.values()][0]?.lsn === (await replica().position());
    });
    // What was read from it can be read from it again.
    const { token } = await eu.read('SELECT v FROM t');
    const again = await eu.read('SELECT v FROM t', { token });
    assert.equal(again.report.servedBy[0]?.region, 'eu');
    await set.primary.start();
    await until(
      'the receiver is back',
      async () => (await replica().query(`SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming'`)).length === 1,
    );
  });

  it('at the primary covers commits that are not flushed', async () => {
    const us = await startReader({ local: 'us', urls: { us: set.primary.url, eu: replica().url } });
    try {
      await set.primary.query('SET synchronous_commit = off');
      for (let round = 0; round < 50; round += 1) {
        await set.primary.query('BEGIN');
        await set.primary.query(`UPDATE t SET v = ${1_000 + round}`);
        const [row] = await set.primary.query<{ lsn: string }>('SELECT pg_current_wal_insert_lsn()::text AS lsn');
        await set.primary.query('COMMIT');
        const { rows, report } = await us.read('SELECT v FROM t');
        assert.equal(rows[0]?.['v'], 1_000 + round);
        assert.ok(([...report.positions.values()][0]?.lsn ?? 0n) > parseLsn(row?.lsn ?? ''));
      }
    } finally {
      await set.primary.query('RESET synchronous_commit');
      await us[Symbol.asyncDispose]();
    }
  });

  it("is never too low, nor refused as a future position, if the role may not see the server's processes", async () => {
    await set.primary.query(`CREATE ROLE plain LOGIN; GRANT SELECT, UPDATE ON t TO plain`);
    await replica().caughtUp(await set.primary.position());
    const asPlain = (url: string): string => url.replace('postgres@', 'plain@');
    const urls = { us: asPlain(set.primary.url), eu: asPlain(replica().url) };
    const [us, plain] = [await startReader({ local: 'us', urls }), await startReader({ local: 'eu', urls })];
    try {
      for (let round = 0; round < 5; round += 1) {
        const { token } = await plain.read('SELECT v FROM t');
        assert.ok([...token.values()][0]!.lsn > (await replica().position()), 'what cannot be ruled out is covered');
        for (const reader of [us, plain])
          assert.equal((await reader.read('SELECT v FROM t', { token })).rows.length, 1);
        const { position } = await plain.writer.pipelined([sql('UPDATE t SET v = v + 1')]);
        const seen = await plain.read('SELECT v FROM t', { token: tokenOf(position) });
        assert.equal(seen.rows[0]?.['v'], (await us.read('SELECT v FROM t')).rows[0]?.['v']);
      }
    } finally {
      await us[Symbol.asyncDispose]();
      await plain[Symbol.asyncDispose]();
    }
  });

  it('is right on a connection that was used before and on a new one', async () => {
    await replica().caughtUp(await set.primary.position());
    const server = eu.servers.get('eu');
    assert.ok(server);
    const position = await eu.servers.get('us')?.position();
    assert.ok(position);
    await until(
      'the floor is proved',
      async () => (await server.query({ statement: sql('SELECT v FROM t'), floor: position })).kind === 'rows',
    );
    const beyond = { ...position, lsn: (position.lsn + (1n << 30n)) as Lsn };
    const refused = await server.query({ statement: sql('SELECT v FROM t'), floor: beyond });
    assert.equal(refused.kind, 'behind');
    const older = await server.query({
      statement: sql('SELECT v FROM t'),
      floor: { ...position, timeline: position.timeline + 1 },
    });
    assert.equal(older.kind, 'behind', 'a server on an older timeline has not what a newer one has');
  });
});
