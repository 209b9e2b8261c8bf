/**
 * Owns the claim about how fast a region makes its cached values wrong: rows per second, in both layers, beside the
 * replica's own replay.
 */
import { type Client } from 'pg';
import { stacksOf } from '../../src/app/layer.ts';
import { parseLsn, type Lsn } from '../../src/base/lsn.ts';
import { openClient, openLayer, type BenchLayer } from '../support/databases.ts';
import { reportTable } from '../support/measure.ts';
import { EU, US } from '../support/regions.ts';
import { TASKS } from '../support/queries.ts';
import { type Setting } from './setting.ts';

const ROUNDS = 5;
const STREAM = 10_000;
const WRITERS = 4;
const ARRIVAL_MS = 120_000;
/** More than the tags of all tasks. */
const EVERY_TAG = { maxTags: 1_000_000, tombstones: 1_000_000 };

interface Times {
  readonly replayMs: number;
  readonly appliedMs: number;
}

type Line = [string, number, number, number];

export async function invalidations({ cluster }: Setting): Promise<void> {
  await using primary = await openClient(cluster.region(US).dsn);
  await using replica = await openClient(cluster.region(EU).dsn);
  const lines: Line[] = [];
  {
    await using opened = await openLayer(cluster, EU);
    lines.push(
      await line(`one transaction of ${TASKS.toLocaleString('en-US')} rows, as the table`, TASKS, () =>
        whole(opened, primary.client, replica.client),
      ),
    );
    lines.push(
      await line(`${STREAM.toLocaleString('en-US')} transactions of one row`, STREAM, () =>
        backlog(opened, cluster.region(US).dsn, replica.client),
      ),
    );
  }
  {
    await using opened = await openLayer(cluster, EU, { ...EVERY_TAG, slotName: 'bench', redisPrefix: 'bench' });
    lines.push(
      await line(`one transaction of ${TASKS.toLocaleString('en-US')} rows, tag by tag`, TASKS, () =>
        whole(opened, primary.client, replica.client),
      ),
    );
  }
  reportTable({
    name: 'cache-invalidations',
    title: 'Rows that a region invalidates in a second, in the process and in Redis, with replay beside it',
    columns: ['ms until replayed', 'ms until invalid', 'rows/s'],
    rows: lines,
    notes: [
      'a transaction counts from its COMMIT; a stream of them from when a replica that was paused goes on',
      `medians of ${ROUNDS}; by default a transaction of more than 10,000 tags invalidates its tables as a whole`,
    ],
  });
}

async function line(name: string, rows: number, run: () => Promise<Times>): Promise<Line> {
  const times: Times[] = [];
  for (let i = 0; i < ROUNDS; i += 1) times.push(await run());
  const median = (of: (one: Times) => number): number => times.map(of).sort((a, b) => a - b)[ROUNDS >> 1] ?? NaN;
  const appliedMs = median((one) => one.appliedMs);
  return [name, median((one) => one.replayMs), appliedMs, rows / (appliedMs / 1_000)];
}

async function whole(layer: BenchLayer, primary: Client, replica: Client): Promise<Times> {
  await primary.query('BEGIN');
  await primary.query('UPDATE tasks SET priority = (priority + 1) % 10');
  await primary.query('COMMIT');
  const began = performance.now();
  return arrival(layer, replica, await flushed(primary), began);
}

/**
 * What the region makes of a backlog: the replica stands still while it is written, so that the writers' own speed does
 * not count.
 */
async function backlog(layer: BenchLayer, dsn: string, replica: Client): Promise<Times> {
  await replica.query('SELECT pg_wal_replay_pause()');
  await Promise.all(
    Array.from({ length: WRITERS }, async (_, writer) => {
      await using own = await openClient(dsn);
      for (let i = writer; i < STREAM; i += WRITERS)
        await own.client.query({
          name: 'one',
          text: 'UPDATE tasks SET priority = (priority + 1) % 10 WHERE id = $1',
          values: [1 + i],
        });
    }),
  );
  await using last = await openClient(dsn);
  const lsn = await flushed(last.client);
  const began = performance.now();
  await replica.query('SELECT pg_wal_replay_resume()');
  return arrival(layer, replica, lsn, began);
}

async function flushed(primary: Client): Promise<Lsn> {
  const { rows } = await primary.query<{ lsn: string }>('SELECT pg_current_wal_flush_lsn()::text AS lsn');
  return parseLsn(rows[0]?.lsn ?? '');
}

async function arrival({ layer }: BenchLayer, replica: Client, lsn: Lsn, began: number): Promise<Times> {
  const applied = stacksOf(layer)
    .change.applied.waitFor(lsn, { timeoutMs: ARRIVAL_MS })
    .then((reached) => {
      if (!reached) throw new Error(`the changes did not arrive within ${ARRIVAL_MS} ms`);
      return performance.now() - began;
    });
  for (; ; await new Promise((resolve) => setTimeout(resolve, 1))) {
    const { rows } = await replica.query<{ lsn: string }>('SELECT pg_last_wal_replay_lsn()::text AS lsn');
    if (parseLsn(rows[0]?.lsn ?? '') >= lsn) break;
  }
  const replayMs = performance.now() - began;
  return { replayMs, appliedMs: await applied };
}
