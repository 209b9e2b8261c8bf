/**
 * Owns the claim about memory: what a hundred thousand rows take in the process and in Redis, beside a bare Map and
 * bare keys of the same bodies.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { type Row } from '../../src/model/model.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { RedisSharedCache } from '../../src/redis/shared-cache.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { openLayer } from '../support/databases.ts';
import { reportTable } from '../support/measure.ts';
import { EU, US } from '../support/regions.ts';
import { TASKS } from '../support/queries.ts';
import { CachedTasks, idsFrom } from '../support/tasks.ts';
import { AT, itemOf, type Stored } from './entries.ts';
import { type Setting } from './setting.ts';

const ENTRIES = 100_000;
const PART = 250;
const PROGRAM = fileURLToPath(new URL('./memory-process.ts', import.meta.url));
const KINDS = {
  texts: 'a bare Map of the bodies',
  rows: 'a bare Map of the rows',
  kept: 'the cache in the process, not looked at yet',
  read: 'the cache in the process, each value used',
};

export async function memory(setting: Setting): Promise<void> {
  const stored = await storedRows(setting);
  const heaps = heapsOf(setting, stored);
  const [bare, shared] = await redisOf(setting, stored);
  const bodies = stored.reduce((sum, { body }) => sum + Buffer.byteLength(body), 0);
  const line = (name: string, bytes: number): [string, number, number, number] => [
    name,
    bytes / 2 ** 20,
    bytes / ENTRIES,
    bytes / bodies,
  ];
  reportTable({
    name: 'cache-memory',
    title: `Memory of ${ENTRIES.toLocaleString('en-US')} rows (${Math.round(bodies / ENTRIES)} bytes of JSON each)`,
    columns: ['MiB', 'bytes each', 'times the bodies'],
    rows: [
      ...heaps.map(([name, bytes]) => line(name, bytes)),
      line('bare keys in Redis', bare),
      line("the region's shared cache in Redis", shared),
    ],
  });
}

/** The tasks several times over, under ids of their own. */
async function storedRows({ cluster, entity }: Setting): Promise<readonly Stored[]> {
  await using opened = await openLayer(cluster, EU);
  const tasks = new CachedTasks(opened.layer, entity);
  const rows: (Row | null)[] = [];
  for (let from = 0; from < TASKS; from += 1_000)
    rows.push(...(await tasks.fetch(idsFrom(from, 1_000), await tasks.demand())));
  return Array.from({ length: ENTRIES }, (_, i) => {
    const id = String(i + 1);
    return { id, body: tasks.codec.encode({ ...rows[i % TASKS], id }) };
  });
}

/** Each in a process of its own, which tells how far its heap grew. */
function heapsOf({ cluster }: Setting, stored: readonly Stored[]): [string, number][] {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-bench-'));
  try {
    const file = join(folder, 'stored.json');
    writeFileSync(file, stored.map(({ id, body }) => `${id}\t${body}\n`).join(''));
    return Object.entries(KINDS).map(([kind, name]) => {
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--expose-gc', PROGRAM, kind, cluster.region(EU).dsn, file],
        { encoding: 'utf8' },
      );
      if (status !== 0) throw new Error(`measuring ${name} failed: ${stderr}`);
      return [name, Number(stdout)];
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** In the Redis of a region that no server uses, without a limit to its memory: bare keys, then entries. */
async function redisOf({ cluster, entity }: Setting, stored: readonly Stored[]): Promise<[number, number]> {
  const url = cluster.region(US).redis?.url ?? '';
  const redis = new Redis(url);
  const { log } = createTelemetry({ level: 'silent', fields: {} });
  const cache = new RedisSharedCache({ url, options: defaultOptions({ redisMs: 10_000 }), log });
  const grown = async (fill: (part: readonly Stored[]) => Promise<unknown>): Promise<number> => {
    const before = await usedBytes(redis);
    for (let from = 0; from < stored.length; from += PART) await fill(stored.slice(from, from + PART));
    return (await usedBytes(redis)) - before;
  };
  try {
    await redis.config('SET', 'maxmemory', '0');
    await redis.flushall();
    const bare = await grown((part) =>
      redis.mset(Object.fromEntries(part.map(({ id, body }) => [`bare:${id}`, body]))),
    );
    await redis.flushall();
    await cache.opened();
    const { epoch } = await cache.begin('bench', AT);
    const shared = await grown(async (part) => {
      const verdicts = await cache.fill(
        epoch,
        part.map((one) => itemOf(entity, one)),
      );
      if (verdicts.some((verdict) => verdict !== 'stored')) throw new Error('the shared cache did not keep everything');
    });
    return [bare, shared];
  } finally {
    cache.close();
    redis.disconnect();
  }
}

async function usedBytes(redis: Redis): Promise<number> {
  return Number(/^used_memory:(\d+)/m.exec(await redis.info('memory'))?.[1] ?? NaN);
}
