/** Owns the claim about hits: beside a bare Map, and beside a bare MGET of the same bodies with JSON.parse after it. */
import { Redis } from 'ioredis';
import { type Row } from '../../src/model/model.ts';
import { openLayer, type BenchLayer } from '../support/databases.ts';
import { measure, report, type Candidate } from '../support/measure.ts';
import { EU } from '../support/regions.ts';
import { CachedTasks, idsFrom, readTasks } from '../support/tasks.ts';
import { redisUrlOf, type Setting } from './setting.ts';

const LOCAL_RUNS = 20_000;
const SHARED_RUNS = 3_000;
/** Ids that come up in turn: all of them are in every layer. */
const WARM = 1_000;
const BATCHES = [1, 20];

const idsOf = (i: number, size: number): readonly number[] => idsFrom((Math.abs(i) * size) % (WARM - size), size);

export async function hits(setting: Setting): Promise<void> {
  const { cluster, entity } = setting;
  await using local = await openLayer(cluster, EU);
  // Beside it, with a slot and keys of its own.
  await using shared = await openLayer(cluster, EU, { cacheEntries: 0, slotName: 'bench', redisPrefix: 'bench' });
  const inProcess = new CachedTasks(local.layer, entity);
  const inRedis = new CachedTasks(shared.layer, entity);
  await warm(inProcess);
  const rows = await warm(inRedis);
  await localHits(inProcess, local, rows);
  await sharedHits(inRedis, rows, redisUrlOf(setting));
}

/** The warm rows by id, once they are where the fills put them. */
async function warm(tasks: CachedTasks): Promise<ReadonlyMap<number, Row>> {
  const ids = idsFrom(0, WARM);
  const values = await tasks.fetch(ids, await tasks.demand());
  await new Promise((resolve) => setTimeout(resolve, 500));
  return new Map(values.flatMap((row, place) => (row === null ? [] : [[ids[place] as number, row] as const])));
}

async function localHits(tasks: CachedTasks, { layer }: BenchLayer, rows: ReadonlyMap<number, Row>): Promise<void> {
  const demand = await tasks.demand();
  for (const size of BATCHES) {
    const candidates: Candidate[] = [
      { name: 'a bare Map', run: async (i) => idsOf(i, size).map((id) => rows.get(id)) },
      { name: 'the cache in the process', run: (i) => tasks.fetch(idsOf(i, size), demand) },
      { name: 'an operation of its own, with its loaders and its token', run: (i) => readTasks(layer, idsOf(i, size)) },
    ];
    const figures = await measure(candidates, { runs: LOCAL_RUNS, warmup: 2_000 });
    report({
      name: `cache-hit-local-${size}`,
      title: `A hit in the process: ${rowsOf(size)} by key`,
      figures,
      unit: 'µs',
    });
  }
}

async function sharedHits(tasks: CachedTasks, rows: ReadonlyMap<number, Row>, url: string): Promise<void> {
  const demand = await tasks.demand();
  const redis = new Redis(url);
  try {
    await redis.mset(new Map([...rows].map(([id, row]) => [`bare:${id}`, tasks.codec.encode(row)])));
    for (const size of BATCHES) {
      const candidates: Candidate[] = [
        {
          name: 'a bare MGET of the same bodies, parsed',
          run: async (i) =>
            (await redis.mget(idsOf(i, size).map((id) => `bare:${id}`))).map(
              (text) => JSON.parse(text ?? 'null') as unknown,
            ),
        },
        { name: "the region's shared cache", run: (i) => tasks.fetch(idsOf(i, size), demand) },
      ];
      const figures = await measure(candidates, { runs: SHARED_RUNS, warmup: 200 });
      report({
        name: `cache-hit-shared-${size}`,
        title: `A hit in the region's Redis: ${rowsOf(size)} by key`,
        figures,
        unit: 'µs',
        notes: ['nothing is kept in the process'],
      });
    }
  } finally {
    redis.disconnect();
  }
}

function rowsOf(size: number): string {
  return size === 1 ? 'one row' : `${size} rows`;
}
