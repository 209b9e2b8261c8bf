/**
 * Proves that an embedded cluster replicates, and that a test can cut its links, pause its replay, and kill and promote
 * its servers.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { withSession } from '../../src/dev/postgres/session.ts';
import { startTestCluster } from '../support/cluster.ts';

const REGIONS = ['us-east-1', 'eu-west-1'];
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

describe('an embedded cluster', { timeout: 120_000 }, () => {
  it('replicates over delayed links, and a test can cut a link, pause replay, and kill and promote a server', async () => {
    await using cluster = await startTestCluster({
      regions: REGIONS,
      sql: 'CREATE TABLE t (n int PRIMARY KEY)',
      wan: { 'us-east-1/eu-west-1': 1_000 },
    });
    const insert = (n: number): Promise<unknown> => cluster.query('us-east-1', 'INSERT INTO t VALUES ($1)', [n]);
    const values = async (): Promise<number[]> =>
      (await cluster.query<{ n: number }>('eu-west-1', 'SELECT n FROM t ORDER BY n')).map(({ n }) => n);
    await insert(1);
    assert.deepEqual(await values(), [], 'under way for another 500 ms');
    await cluster.caughtUp();
    assert.deepEqual(await values(), [1]);

    await cluster.cut('us-east-1', 'eu-west-1', 'replication');
    await insert(2);
    await sleep(300);
    assert.deepEqual(await values(), [1]);
    const remote = await withSession({ dsn: cluster.dsnFor('eu-west-1', 'us-east-1') }, (client) =>
      client.query('SELECT n FROM t'),
    );
    assert.equal(remote.rowCount, 2, 'SQL has a link of its own');
    await cluster.heal('us-east-1', 'eu-west-1');
    await cluster.caughtUp();
    assert.deepEqual(await values(), [1, 2]);

    await cluster.pauseReplay('eu-west-1');
    await insert(3);
    await sleep(150);
    assert.deepEqual(await values(), [1, 2]);
    await cluster.resumeReplay('eu-west-1');
    await cluster.caughtUp();

    await cluster.killPostgres('eu-west-1');
    await assert.rejects(values());
    await cluster.startPostgres('eu-west-1');
    await cluster.caughtUp();
    assert.deepEqual(await values(), [1, 2, 3]);
    await cluster.promote('eu-west-1');
    assert.deepEqual(await cluster.query('eu-west-1', 'SELECT pg_is_in_recovery() AS replica'), [{ replica: false }]);
  });
});
