/**
 * Proves that the data of an embedded cluster survives its end, a kill and a promotion, and that unfinished data and
 * data of another application are not used.
 */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { type Cluster } from '../../src/dev/cluster.ts';
import { startCluster, type StartOptions } from '../../src/dev/start.ts';
import { freePorts } from '../support/ports.ts';
import { withSession } from '../../src/dev/postgres/session.ts';

const REGIONS = ['us-east-1', 'eu-west-1'];
const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function valuesIn(dsn: string): Promise<number[]> {
  const { rows } = await withSession({ dsn }, (client) => client.query<{ n: number }>('SELECT n FROM t ORDER BY n'));
  return rows.map(({ n }) => n);
}

describe('the data of an embedded cluster', { timeout: 240_000 }, () => {
  let stateDir: string;
  let notices: string[];

  before(() => {
    stateDir = mkdtempSync(join(tmpdir(), 'meridian-again-'));
    chmodSync(stateDir, 0o711);
  });
  after(() => rmSync(stateDir, { recursive: true, force: true }));

  async function start(more: Partial<StartOptions> = {}): Promise<Cluster> {
    notices = [];
    const load = (dsn: string): Promise<void> =>
      withSession(
        { dsn },
        async (client) => void (await client.query('CREATE TABLE t (n int PRIMARY KEY); INSERT INTO t VALUES (1)')),
      );
    return startCluster({
      regions: REGIONS,
      database: 'shop',
      stateDir,
      dataDir: join(stateDir, 'data'),
      ports: await freePorts(REGIONS),
      wan: 'off',
      sharedBuffersMb: 32,
      initial: { fingerprint: 'one', load },
      onNotice: (sentence) => notices.push(sentence),
      ...more,
    });
  }
  const dsnOf = (cluster: Cluster, region: string): string => cluster.region(region).dsn;
  const insert = (cluster: Cluster, n: number): Promise<unknown> =>
    withSession({ dsn: dsnOf(cluster, 'us-east-1') }, (client) => client.query('INSERT INTO t VALUES ($1)', [n]));
  async function replicated(cluster: Cluster, expected: number[]): Promise<void> {
    for (
      let tries = 0;
      tries < 100 && (await valuesIn(dsnOf(cluster, 'eu-west-1'))).length < expected.length;
      tries += 1
    )
      await sleep(20);
    assert.deepEqual(await valuesIn(dsnOf(cluster, 'eu-west-1')), expected);
  }

  it('is there after the next start, on other ports', async () => {
    const first = await start();
    assert.deepEqual(notices, []);
    await insert(first, 2);
    await assert.rejects(start(), /A cluster runs already on the data|is in use/, 'one at a time');
    await first.stop();
    await first.stop();

    const second = await start({ initial: { fingerprint: 'two', load: () => assert.fail('loaded again') } });
    assert.match(notices.join(), /SQL files or the scale have changed .* --reset/);
    await insert(second, 3);
    await replicated(second, [1, 2, 3]);
    await second.stop();
  });

  it('is there after everything was killed, although database servers were left running', async () => {
    const killed = await start();
    const pids = killed.regions.map(({ postgres }) => postgres.pid ?? 0);
    process.kill(killed.supervisor.pid ?? 0, 'SIGKILL');
    // The cluster's process ends what its supervisor could not; and were both killed, the next start would.
    assert.match(await killed.lost, /was killed/);
    await killed.stop();
    const again = await start();
    assert.ok(pids.every((pid) => !again.regions.some(({ postgres }) => postgres.pid === pid)));
    await replicated(again, [1, 2, 3]);
    await again.stop();
  });

  it('is copied again to a region that was promoted', async () => {
    const cluster = await start();
    await withSession({ dsn: dsnOf(cluster, 'eu-west-1') }, (client) => client.query('SELECT pg_promote()'));
    await withSession({ dsn: dsnOf(cluster, 'eu-west-1') }, (client) => client.query('INSERT INTO t VALUES (100)'));
    await cluster.stop();
    const again = await start();
    assert.match(notices.join(), /eu-west-1 was promoted in an earlier run/);
    await replicated(again, [1, 2, 3]);
    await again.stop();
  });

  it('is made again on request, and after a start that did not finish', async () => {
    const reset = await start({ reset: true });
    assert.deepEqual(notices, []);
    await replicated(reset, [1]);
    await reset.stop();
    rmSync(join(reset.dataDir, 'origin.json'));
    const half = await start();
    assert.match(notices.join(), /was not finished, so it is started from the beginning/);
    await replicated(half, [1]);
    await half.stop();
  });

  it('is not mixed with the data of another application, and a start that fails leaves nothing behind', async () => {
    await assert.rejects(start({ database: 'other' }), /was made for database "shop" .* --reset/);
    const strange = join(stateDir, 'home');
    mkdirSync(strange);
    writeFileSync(join(strange, 'letter.txt'), 'dear');
    await assert.rejects(start({ dataDir: strange, reset: true }), /holds files that are no cluster's data/);
    assert.ok(existsSync(join(strange, 'letter.txt')));
    await assert.rejects(start({ dataDir: join(strange, 'letter.txt') }), /is in the way|no folder/);
    await assert.rejects(
      start({ reset: true, initial: { fingerprint: 'x', load: () => Promise.reject(new Error('bad SQL')) } }),
      /bad SQL/,
    );
    const finished = await start();
    await replicated(finished, [1]);
    await finished.stop();
  });
});
