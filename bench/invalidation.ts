/**
 * Claim: a commit at the primary has made the other regions' cached values wrong within a few milliseconds of reaching them, whoever
 * wrote. The row is written by plain SQL next to the primary; the time runs from COMMIT's answer until the region's caches (L1 and, where a
 * redis-server is installed, L2) have applied the change, less the link's one-way delay. Side by side with when the replica shows it at all.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { Client } from 'pg';
import { createDataLayer, type DataLayer } from '../src/index.ts';
import { parseLsn, type Lsn } from '../src/base/lsn.ts';
import { measure, report, type Candidate } from './support/measure.ts';
import { AP, EU, startBenchCluster, US, type BenchCluster } from './support/regions.ts';

const ONE_WAY_MS: Readonly<Record<string, number>> = { [EU]: 40, [AP]: 75 };
const SCHEMA = new URL('../schema/workspace', import.meta.url).pathname;
const runs = Number(process.argv[2] ?? 200);

await using cluster = await startBenchCluster();
const primary = new Client({ connectionString: cluster.dsn(US) });
await primary.connect();

/** Moves a task to another project, so that its row and two projects' pages and counts become wrong; tells when and where it was committed. */
async function commit(i: number): Promise<{ lsn: Lsn; atMs: number }> {
  await primary.query('UPDATE tasks SET project_id = 1 + (project_id + 6) % 50, title = $2 WHERE id = $1', [1 + Math.abs(i % 1_000), `moved ${i}`]);
  const atMs = performance.now();
  const { rows } = await primary.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
  return { lsn: parseLsn(rows[0]?.lsn ?? ''), atMs };
}

/** A data layer of our own beside the region's server: with its own slot and keys, so that the two do not meet. */
function layerIn(region: string, from: BenchCluster): Promise<DataLayer> {
  const regions = Object.fromEntries(from.manifest.regions.map(({ name, redis }) => [name, { databaseUrl: from.dsnFrom(region, name), ...(redis === null ? {} : { redisUrl: redis }) }]));
  return createDataLayer({ settings: { region, regions, slotName: 'bench', redisPrefix: 'bench', logLevel: 'warn' }, schema: SCHEMA });
}

for (const region of [EU, AP]) {
  const layer = await layerIn(region, cluster);
  const replica = new Client({ connectionString: cluster.dsn(region) });
  await replica.connect();
  while (layer.parts.applied.lsn === null) await pause(50);
  const oneWayMs = ONE_WAY_MS[region] ?? 0;
  const candidates: Candidate[] = [
    {
      name: 'the replica shows it (asked in a loop)',
      run: async (i) => {
        const { lsn, atMs } = await commit(i);
        for (;;) {
          const { rows } = await replica.query<{ lsn: string }>('SELECT pg_last_wal_replay_lsn()::text AS lsn');
          if (parseLsn(rows[0]?.lsn ?? '') >= lsn) return performance.now() - atMs - oneWayMs;
        }
      },
    },
    {
      name: 'every cached value of it is invalid',
      run: async (i) => {
        const { lsn, atMs } = await commit(i);
        if (!(await layer.parts.applied.waitFor(lsn, { timeoutMs: 5_000 }))) throw new Error('the change did not arrive within 5 s');
        return performance.now() - atMs - oneWayMs;
      },
    },
  ];
  const shared = cluster.manifest.regions.find(({ name }) => name === region)?.redis !== null;
  report({
    name: `invalidation-${region}`,
    title: `From a commit in ${US} until ${region} knows it, less ${oneWayMs} ms on the way`,
    figures: await measure(candidates, { runs, warmup: 20 }),
    notes: [`caches: ${shared ? 'in the process and in Redis' : 'in the process (no redis-server found)'}`],
  });
  await replica.end();
  await layer.close();
}
await primary.end();
