/** Owns the claim about misses: beside bare pg, and beside Meridian without caches. */
import { openClient, openLayer } from '../support/databases.ts';
import { measure, report, type Candidate } from '../support/measure.ts';
import { EU } from '../support/regions.ts';
import { TASKS } from '../support/queries.ts';
import { idsFrom, readTasks } from '../support/tasks.ts';
import { type Setting } from './setting.ts';

const WARMUP = 50;
const RUNS = 600;
const BARE = { name: 'bare', text: 'SELECT * FROM tasks WHERE id = ANY($1)' };

export async function misses({ cluster }: Setting): Promise<void> {
  await using bare = await openClient(cluster.region(EU).dsn);
  await using cached = await openLayer(cluster, EU);
  await using uncached = await openLayer(cluster, EU, { cache: false, slotName: 'bench' });
  // Every page of the table is in memory, whoever asks first.
  await bare.client.query('SELECT count(title) FROM tasks');
  let next = 0;
  for (const size of [1, 20]) {
    const from = next;
    next += (WARMUP + RUNS) * size;
    if (next > TASKS) throw new RangeError('there are not enough tasks for that many misses');
    const ids = (i: number): readonly number[] => idsFrom(from + (i + WARMUP) * size, size);
    const candidates: Candidate[] = [
      { name: 'bare pg', run: (i) => bare.client.query({ ...BARE, values: [ids(i)] }) },
      { name: 'Meridian without caches', run: (i) => readTasks(uncached.layer, ids(i)) },
      { name: 'a miss in both layers', run: (i) => readTasks(cached.layer, ids(i)) },
    ];
    report({
      name: `cache-miss-${size}`,
      title: `A miss: ${size === 1 ? 'one row' : `${size} rows`} by key from the region's replica`,
      figures: await measure(candidates, { runs: RUNS, warmup: WARMUP }),
      notes: [
        'a miss asks Redis first, and has the replica prove its position before and after the statement, in the same round trip',
      ],
    });
  }
}
