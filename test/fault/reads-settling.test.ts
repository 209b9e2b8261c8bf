/**
 * Proves rule R5 where a replica shows a commit before the primary does: a read that falls back to the primary never
 * returns an older state.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import pg from 'pg';
import { isMeridianError } from '../../src/base/errors.ts';
import { formatLsn, ZERO_LSN } from '../../src/base/lsn.ts';
import { startReader, type Reader } from '../support/readers.ts';
import { startReplicaSet, until, type ReplicaSet, type TestServer } from '../support/replica-set.ts';

const READ = 'SELECT v FROM t WHERE id = 1';

const LONG_MS = 10_000;

interface Corner {
  readonly set: ReplicaSet;
  readonly held: TestServer;
  readonly us: Reader;
  readonly eu: Reader;
  /** Commits `value`, which the primary shows only when `release` lets the synchronous replica replay it. */
  readonly commit: (value: string) => Promise<{ committed: Promise<unknown>; release: () => Promise<unknown> }>;
}

/** `eu` replays at once; `held` is the synchronous replica that every commit waits for. */
async function withCorner(
  settings: Readonly<Record<string, string>>,
  maxWaitMs: number,
  work: (corner: Corner) => Promise<void>,
): Promise<void> {
  const set = await startReplicaSet(2, settings);
  const [free, held] = set.replicas as [TestServer, TestServer];
  const writer = new pg.Client({ connectionString: set.primary.url });
  const readers: Reader[] = [];
  try {
    await set.primary.query(`CREATE TABLE t (id bigint PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'old')`);
    const lsn = await set.primary.position();
    await Promise.all(set.replicas.map((one) => one.caughtUp(lsn)));
    await set.primary.query(`ALTER SYSTEM SET synchronous_standby_names = 'replica_2'`);
    await set.primary.query('SELECT pg_reload_conf()');
    await writer.connect();
    await writer.query('SET synchronous_commit = remote_apply');
    await until(
      'commits wait',
      async () => (await set.primary.query(`SELECT FROM pg_stat_replication WHERE sync_state = 'sync'`)).length === 1,
    );
    const urls = { us: set.primary.url, eu: free.url };
    for (const local of ['us', 'eu']) readers.push(await startReader({ local, urls, options: { maxWaitMs } }));
    const [us, eu] = readers as [Reader, Reader];
    await work({
      set,
      held,
      us,
      eu,
      async commit(value) {
        await held.query('SELECT pg_wal_replay_pause()');
        const committed = writer.query('UPDATE t SET v = $1 WHERE id = 1', [value]);
        await until('the other replica shows it', async () => (await free.query<{ v: string }>(READ))[0]?.v === value);
        return { committed, release: () => held.query('SELECT pg_wal_replay_resume()') };
      },
    });
  } finally {
    await held.query('SELECT pg_wal_replay_resume()');
    for (const reader of readers) await reader[Symbol.asyncDispose]();
    await writer.end();
    await set[Symbol.asyncDispose]();
  }
}

describe('a commit that a replica shows before the primary', () => {
  for (const tracked of ['on', 'off']) {
    it(`is waited for by a read at the primary that must not be older (track_commit_timestamp = ${tracked})`, async () => {
      await withCorner({ track_commit_timestamp: tracked }, LONG_MS, async ({ set, us, eu, commit }) => {
        const { committed, release } = await commit('new');
        const seen = await eu.read(READ);
        assert.equal(seen.rows[0]?.['v'], 'new');
        const [position] = [...seen.token.values()];
        const [naive] = await set.primary.query<{ v: string; reached: boolean }>(
          'SELECT v, pg_current_wal_flush_lsn() >= $1::text::pg_lsn AS reached FROM t WHERE id = 1',
          [formatLsn(position?.lsn ?? ZERO_LSN)],
        );
        assert.deepEqual(
          naive,
          { v: 'old', reached: true },
          'the primary has the position and still shows the old value: this is the anomaly',
        );
        assert.equal((await us.read(READ)).rows[0]?.['v'], 'old', 'and so does a read there without the token');

        const late = us.read(READ, { token: seen.token });
        setTimeout(() => void release(), 200);
        const { rows, report } = await late;
        assert.equal(rows[0]?.['v'], 'new');
        assert.deepEqual(report.servedBy, [{ region: 'us', by: 'primary', count: 1 }]);
        assert.ok(report.waitedMs >= 100, `waited ${report.waitedMs} ms`);
        await committed;
        const after = await us.read(READ, { token: seen.token });
        assert.equal(after.report.waitedMs, 0);
      });
    });
  }

  it('leads to a typed error when the primary does not show it in time, never to the old value, in a snapshot too', async () => {
    await withCorner({}, 600, async ({ us, eu, commit }) => {
      const { committed, release } = await commit('new');
      const { token } = await eu.read(READ);
      for (const level of ['SESSION', 'SNAPSHOT'] as const) {
        const from = performance.now();
        await assert.rejects(
          us.read(READ, { token, level }),
          (error) => isMeridianError(error, 'CONSISTENCY_TIMEOUT'),
          level,
        );
        assert.ok(performance.now() - from < 2_000);
      }
      await release();
      await committed;
      for (const level of ['SESSION', 'SNAPSHOT'] as const)
        assert.equal((await us.read(READ, { token, level })).rows[0]?.['v'], 'new');
    });
  });

  it('delays only those reads that began while it was committing', async () => {
    await withCorner({}, LONG_MS, async ({ us, eu, held, commit, set }) => {
      const first = await commit('new');
      const { token } = await eu.read(READ);
      const read = us.read(READ, { token });
      // Others go on committing and waiting the whole time.
      const others: Promise<unknown>[] = [];
      const clients: pg.Client[] = [];
      let going = true;
      const churn = (async () => {
        for (let i = 0; going && i < 40; i += 1) {
          const client = new pg.Client({ connectionString: set.primary.url });
          await client.connect();
          await client.query('SET synchronous_commit = remote_apply');
          clients.push(client);
          others.push(client.query('INSERT INTO t VALUES ($1, $2)', [100 + i, 'x']));
          await new Promise((resolve) => setTimeout(resolve, 30));
        }
      })();
      setTimeout(() => {
        void first
          .release()
          .then(() => first.committed)
          .then(() => held.query('SELECT pg_wal_replay_pause()'));
      }, 150);
      assert.equal((await read).rows[0]?.['v'], 'new');
      going = false;
      await churn;
      await held.query('SELECT pg_wal_replay_resume()');
      await Promise.all(others);
      await Promise.all(clients.map((client) => client.end()));
    });
  });
});
