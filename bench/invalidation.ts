/**
 * Claim: a commit at the primary has made the other regions' cached values wrong within a few milliseconds of reaching
 * them, whoever wrote. The row is written by plain SQL next to the primary; the time runs from COMMIT's answer until
 * the region's caches (L1 and, where a redis-server is installed, L2) have applied the change, less the link's one-way
 * delay. Side by side with when the replica shows it at all, and with what a bare statement takes, at the replica and
 * on one way over the link: so much of it is the machine's own.
 */
import { type Client } from 'pg';
import { stacksOf } from '../src/app/layer.ts';
import { parseLsn, type Lsn } from '../src/base/lsn.ts';
import { type Watermark } from '../src/change/watermark.ts';
import { openClient, openLayer, startDatabases } from './support/databases.ts';
import { measure, report, type Candidate } from './support/measure.ts';
import { AP, EU, US } from './support/regions.ts';

const ONE_WAY_MS: Readonly<Record<string, number>> = { [EU]: 40, [AP]: 75 };
const ARRIVAL_MS = 5_000;
const runs = Number(process.argv[2] ?? 200);

/**
 * Moves a task to another project, so that its row and two projects' pages and counts become wrong; tells when and
 * where it was committed.
 */
async function commit(primary: Client, i: number): Promise<{ lsn: Lsn; atMs: number }> {
  await primary.query('UPDATE tasks SET project_id = 1 + (project_id + 6) % 50, title = $2 WHERE id = $1', [
    1 + Math.abs(i % 1_000),
    `moved ${i}`,
  ]);
  const atMs = performance.now();
  const { rows } = await primary.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
  return { lsn: parseLsn(rows[0]?.lsn ?? ''), atMs };
}

/** Listens instead of waiting for a floor: whoever waits makes the region look more often. Answers when it happened. */
function advanced(applied: Watermark, lsn: Lsn): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the change did not arrive within ${ARRIVAL_MS} ms`)), ARRIVAL_MS);
    const stop = applied.onAdvance((at) => {
      if (at < lsn) return;
      clearTimeout(timer);
      stop();
      resolve(performance.now());
    });
  });
}

// One after the other, so that the regions' servers do not share this machine's processors as they never would in life.
for (const region of [EU, AP]) {
  await using databases = await startDatabases([US, region], 'on');
  const { cluster } = databases;
  await using opened = await openLayer(cluster, region);
  await using primary = await openClient(cluster.region(US).dsn);
  await using distant = await openClient(cluster.dsnFor(region, US));
  await using replica = await openClient(cluster.region(region).dsn);
  const { applied } = stacksOf(opened.layer).change;
  const oneWayMs = ONE_WAY_MS[region] ?? 0;
  const candidates: Candidate[] = [
    {
      name: 'the replica shows it (asked in a loop)',
      run: async (i) => {
        const { lsn, atMs } = await commit(primary.client, i);
        for (;;) {
          const { rows } = await replica.client.query<{ lsn: string }>('SELECT pg_last_wal_replay_lsn()::text AS lsn');
          if (parseLsn(rows[0]?.lsn ?? '') >= lsn) return performance.now() - atMs - oneWayMs;
        }
      },
    },
    {
      name: 'every cached value of it is invalid',
      run: async (i) => {
        const { lsn, atMs } = await commit(primary.client, i);
        return (await advanced(applied, lsn)) - atMs - oneWayMs;
      },
    },
    { name: 'a bare statement at the replica', run: () => replica.client.query('SELECT 1') },
    {
      name: 'a bare statement over the link, one way, less its delay',
      run: async () => {
        const began = performance.now();
        await distant.client.query('SELECT 1');
        return (performance.now() - began) / 2 - oneWayMs;
      },
    },
  ];
  report({
    name: `invalidation-${region}`,
    title: `From a commit in ${US} until ${region} knows it, less ${oneWayMs} ms on the way`,
    figures: await measure(candidates, { runs }),
    notes: [
      `caches: ${cluster.region(region).redis === null ? 'in the process (no redis-server found)' : 'in the process and in Redis'}`,
    ],
  });
}
