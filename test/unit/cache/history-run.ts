/** Owns random histories of a small database, its replica, its tail and readers through a cache, and the check of everything they were told. */
import { type Position } from '../../../src/base/lineage.ts';
import { type Tag } from '../../../src/change/tags.ts';
import { type LocalCache } from '../../../src/cache/local.ts';
import { type CacheKey, type SharedCache } from '../../../src/cache/ports.ts';
import { type CacheDemand, type Loaded } from '../../../src/cache/reading.ts';
import { type RegionCache } from '../../../src/cache/region-cache.ts';
import { seeded, type Random } from '../../support/random.ts';
import { at, batch, key, life, limits, lsn, ofProject, plain, task, TASKS } from './fixtures.ts';

/** The modules under test, which a calibration replaces by broken ones. */
export interface Caches {
  readonly LocalCache: typeof LocalCache;
  readonly RegionCache: typeof RegionCache;
}

type Tasks = ReadonlyMap<number, { readonly project: number; readonly version: number }>;

interface Commit {
  readonly lsn: number;
  readonly after: Tasks;
  readonly tags: readonly Tag[];
  readonly isWhole: boolean;
}

const TASK_IDS = [1, 2, 3, 4];
const PROJECT_IDS = [1, 2];
const EPOCH = 100;

/** A row (or its absence), a project's list, a project's count, and a value with two tags. */
const READS: readonly { readonly key: CacheKey; readonly value: (tasks: Tasks) => string }[] = [
  ...TASK_IDS.map((id) => ({ key: key(task(id)), value: (tasks: Tasks) => JSON.stringify(tasks.get(id) ?? null) })),
  ...PROJECT_IDS.flatMap((id) => [
    { key: key(ofProject(id), 'list'), value: (tasks: Tasks) => JSON.stringify([...tasks].filter(([, { project }]) => project === id)) },
    { key: key(ofProject(id), 'count'), value: (tasks: Tasks) => String([...tasks].filter(([, { project }]) => project === id).length) },
  ]),
  { key: key([ofProject(1), task(1)], 'both'), value: (tasks) => JSON.stringify([tasks.get(1) ?? null, [...tasks].filter(([, { project }]) => project === 1)]) },
];

/** What was read from a database that has a replica behind it, and a tail behind that. */
class Database {
  readonly commits: Commit[] = [{ lsn: EPOCH, after: new Map(), tags: [], isWhole: false }];
  /** The last LSN of everything written, replayed and applied; heartbeats move it, too. */
  written = EPOCH;
  replayed = EPOCH;
  #versions = 0;

  commit(random: Random): void {
    const before = this.at(this.written);
    const after = new Map(before);
    this.written += 1 + random.below(3);
    const isWhole = random.below(15) === 0;
    const tags = new Set<Tag>();
    if (isWhole) after.clear();
    for (let i = 0; !isWhole && i <= random.below(2); i += 1) {
      const id = random.pick(TASK_IDS);
      for (const tasks of [after.get(id)]) if (tasks) tags.add(ofProject(tasks.project));
      tags.add(task(id));
      if (random.below(3) === 0) after.delete(id);
      else {
        const row = { project: random.pick(PROJECT_IDS), version: (this.#versions += 1) };
        after.set(id, row);
        tags.add(ofProject(row.project));
      }
    }
    this.commits.push({ lsn: this.written, after, tags: [...tags], isWhole });
  }

  at(position: number): Tasks {
    return (this.commits.findLast((commit) => commit.lsn <= position) as Commit).after;
  }

  /** From where to where (exclusive) a value was this one; all such times. */
  spans(value: (tasks: Tasks) => string, text: string): readonly { readonly from: number; readonly to: number }[] {
    return this.commits.map((commit, i) => ({ from: commit.lsn, to: this.commits[i + 1]?.lsn ?? Infinity, after: commit.after })).filter(({ after }) => value(after) === text);
  }
}

export interface HistoryOptions {
  readonly seed: number;
  readonly steps: number;
  readonly caches: Caches;
  /** The shared cache and what keeps it in step with `apply`; null for none. */
  readonly shared?: SharedCache | null;
}

export interface HistoryReport {
  /** What a reader was told that it must not have been, or what is kept although it is wrong; null: nothing. */
  readonly violation: string | null;
  readonly reads: number;
  readonly fromCache: number;
  readonly loads: number;
}

/** One history: the same seed gives the same. */
export async function runHistory({ seed, steps, caches, shared = null }: HistoryOptions): Promise<HistoryReport> {
  const random = seeded(seed);
  const database = new Database();
  const options = limits({ tombstones: 100, cacheEntries: 8, cacheFlights: 1 + random.below(6), leaseMs: 0 });
  // The declared least number of tombstones would never be reached here.
  const local = new caches.LocalCache({ ...options, tombstones: 2 + random.below(6) });
  const cache = new caches.RegionCache({ local, shared, limits: options });
  const running: Promise<void>[] = [];
  const paused: (() => void)[] = [];
  const violations: string[] = [];
  const counts = { reads: 0, fromCache: 0, loads: 0 };
  let lives = 0;

  const pause = (): Promise<void> => new Promise((resolve) => paused.push(resolve));

  /** Proves a position, is interrupted, reads, is interrupted: what a replica does, at worst. */
  async function load(places: readonly number[], wanted: readonly number[], floor: number): Promise<Loaded<string>> {
    counts.loads += 1;
    const who = random.below(8);
    while (database.replayed < floor && who > 0) await pause();
    const proved = database.replayed;
    await pause();
    // The primary shows everything; another region's replica something older or newer than this one's.
    const shown = who === 0 ? database.written : who === 1 ? Math.max(floor, EPOCH, database.written - random.below(6)) : database.replayed;
    const values = places.map((place) => (READS[wanted[place] as number] as (typeof READS)[number]).value(database.at(shown)));
    await pause();
    // What is told as seen was asked for after the read: never below it, often above.
    return { values, seen: at(who === 0 ? database.written : Math.max(shown, database.replayed)), asOf: who === 0 ? 'watermark' : who === 1 ? null : at(proved) };
  }

  async function read(): Promise<void> {
    const wanted = Array.from({ length: 1 + random.below(3) }, () => random.below(READS.length));
    const floor: Position | null = random.below(2) === 0 ? null : at(EPOCH + random.below(database.written - EPOCH + 1));
    const demand: CacheDemand = { floor, notBelow: null };
    counts.reads += 1;
    const keys = wanted.map((n) => (READS[n] as (typeof READS)[number]).key);
    let seenByLoads = 0;
    const fetched = await cache.fetch({
      keys,
      demand,
      keeping: { ttlMs: null, maxVariants: null },
      codec: plain,
      load: async (places) => {
        const loaded = await load(places, wanted, Number(floor?.lsn ?? 0n));
        seenByLoads = Math.max(seenByLoads, Number(loaded.seen.lsn));
        return loaded;
      },
    });
    counts.fromCache += fetched.local + fetched.shared;
    const seen = Math.max(seenByLoads, Number(fetched.seen?.lsn ?? 0n), Number(floor?.lsn ?? 0n));
    wanted.forEach((n, place) => {
      const { value } = READS[n] as (typeof READS)[number];
      const text = fetched.values[place] as string;
      // It must have been the value at the floor or later (R5), from no later on than the token says (R6).
      const isTrue = database.spans(value, text).some(({ from, to }) => to > Number(floor?.lsn ?? 0n) && from <= seen);
      if (!isTrue) violations.push(`${keys[place]?.tags.join(' & ')} was answered with ${text}, floor ${floor?.lsn ?? 'none'}, seen ${seen}`);
    });
  }

  function apply(): void {
    const from = Number(local.watermark ?? database.replayed);
    if (database.replayed <= from) return;
    const to = from + 1 + random.below(database.replayed - from);
    const concerned = database.commits.filter((commit) => commit.lsn > from && commit.lsn <= to);
    local.apply(batch(to, [...new Set(concerned.flatMap(({ tags }) => tags))], { tables: concerned.some(({ isWhole }) => isWhole) ? [TASKS] : [], horizon: lsn(Math.max(0, to - 20)) }));
  }

  /** Every value that is kept is right as of max(asOf, W) (R3), or has already seen what comes after it. */
  function checkKept(): void {
    const { watermark } = local;
    if (watermark === null) return;
    for (const { key: of, value } of READS) {
      const [kept] = local.lookup([of]);
      if (kept === undefined) continue;
      const rightAt = Number(kept.asOf > watermark ? kept.asOf : watermark);
      const text = kept.body.by(plain);
      const isRight = database.spans(value, text).some(({ from, to }) => to > rightAt && from <= Math.max(rightAt, Number(kept.seen.lsn)));
      if (!isRight) violations.push(`${of.tags.join(' & ')} is kept as ${text} where it was ${value(database.at(rightAt))} at ${rightAt}`);
    }
  }

  const resume = (): void => paused.splice(random.below(paused.length), 1)[0]?.();
  const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  const begin = (): void => {
    if (local.life === null) local.begin(life(`life ${(lives += 1)}`), lsn(database.replayed));
  };

  begin();
  for (let step = 0; step < steps && violations.length === 0; step += 1) {
    const what = random.below(100);
    if (what < 15) database.commit(random);
    else if (what < 25) database.replayed += random.below(database.written - database.replayed + 1);
    else if (what < 40) apply();
    else if (what < 41) local.lose('chance');
    else if (what < 44) begin();
    else if (what < 65) running.push(read());
    else if (paused.length > 0) resume();
    await breathe();
    checkKept();
  }
  // Whoever is still reading comes to an end; most wait for nothing but the replica.
  database.replayed = database.written;
  while (paused.length > 0) {
    resume();
    await breathe();
  }
  await Promise.all(running);
  return { violation: violations[0] ?? null, ...counts };
}
