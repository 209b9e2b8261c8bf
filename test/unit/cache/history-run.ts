/**
 * Owns random histories of a small database, its replica, its tail and readers through caches, and the check of
 * everything they were told.
 */
import { type Position } from '../../../src/base/lineage.ts';
import { maxLsn } from '../../../src/base/lsn.ts';
import { type Tag } from '../../../src/change/tags.ts';
import { type LocalCache } from '../../../src/cache/local.ts';
import {
  type Batch,
  type CacheKey,
  type SharedCache,
  type SharedJournal,
  type SharedState,
} from '../../../src/cache/ports.ts';
import { type CacheDemand, type Loaded } from '../../../src/cache/reading.ts';
import { type RegionCache } from '../../../src/cache/region-cache.ts';
import { seeded, type Random } from '../../support/random.ts';
import { at, batch, key, generation, limits, lsn, ofProject, plain, task, TASKS } from './fixtures.ts';

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
    {
      key: key(ofProject(id), 'list'),
      value: (tasks: Tasks) => JSON.stringify([...tasks].filter(([, { project }]) => project === id)),
    },
    {
      key: key(ofProject(id), 'count'),
      value: (tasks: Tasks) => String([...tasks].filter(([, { project }]) => project === id).length),
    },
  ]),
  {
    key: key([ofProject(1), task(1)], 'both'),
    value: (tasks) => JSON.stringify([tasks.get(1) ?? null, [...tasks].filter(([, { project }]) => project === 1)]),
  },
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
    return this.commits
      .map((commit, i) => ({ from: commit.lsn, to: this.commits[i + 1]?.lsn ?? Infinity, after: commit.after }))
      .filter(({ after }) => value(after) === text);
  }
}

/** A region's shared cache, for histories with one. */
export interface SharedSides {
  readonly cache: SharedCache;
  readonly journal: SharedJournal;
  /** Makes it forget everything, as a flush does. */
  readonly forget: () => Promise<void>;
}

export interface HistoryOptions {
  readonly seed: number;
  readonly steps: number;
  readonly caches: Caches;
  /** Processes of the region, each with a cache of its own; the first one holds the tail. Default 1. */
  readonly processes?: number;
  readonly shared?: SharedSides | null;
}

export interface HistoryReport {
  /** What a reader was told that it must not have been, or what is kept although it is wrong; null: nothing. */
  readonly violation: string | null;
  readonly reads: number;
  readonly local: number;
  readonly shared: number;
  readonly loads: number;
}

interface Process {
  readonly local: LocalCache;
  readonly cache: RegionCache;
  /** What was applied elsewhere and is still to be heard of here. */
  unheard: Batch[];
}

/** One history. Without a shared cache, the same seed gives the same. */
export async function runHistory({
  seed,
  steps,
  caches,
  processes: count = 1,
  shared = null,
}: HistoryOptions): Promise<HistoryReport> {
  const random = seeded(seed);
  const database = new Database();
  const options = limits({ cacheEntries: 8, cacheInFlight: 1 + random.below(6), leaseMs: 5 });
  const processes = Array.from({ length: count }, (): Process => {
    // The declared least number of tombstones would never be reached here.
    const local = new caches.LocalCache({ ...options, tombstones: 2 + random.below(6) });
    return {
      local,
      cache: new caches.RegionCache({ local, shared: shared?.cache ?? null, limits: options }),
      unheard: [],
    };
  });
  const running: Promise<void>[] = [];
  const paused: (() => void)[] = [];
  const violations: string[] = [];
  const counts = { reads: 0, local: 0, shared: 0, loads: 0 };
  let applied = EPOCH;
  let lives = 0;
  let state: SharedState | null = null;

  const pause = (): Promise<void> => new Promise((resolve) => paused.push(resolve));

  /** Proves a position, is interrupted, reads, is interrupted: what a replica does, at worst. */
  async function load(places: readonly number[], wanted: readonly number[], floor: number): Promise<Loaded<string>> {
    counts.loads += 1;
    const who = random.below(8);
    while (database.replayed < floor && who > 0) await pause();
    const proved = database.replayed;
    await pause();
    // The primary shows everything; another region's replica something older or newer than this one's.
    const shown =
      who === 0
        ? database.written
        : who === 1
          ? Math.max(floor, EPOCH, database.written - random.below(6))
          : database.replayed;
    const values = places.map((place) =>
      (READS[wanted[place] as number] as (typeof READS)[number]).value(database.at(shown)),
    );
    await pause();
    // What is told as seen was asked for after the read: never below it, often above.
    return {
      values,
      seen: at(who === 0 ? database.written : Math.max(shown, database.replayed)),
      asOf: who === 0 ? 'watermark' : who === 1 ? null : at(proved),
    };
  }

  async function read(): Promise<void> {
    const wanted = Array.from({ length: 1 + random.below(3) }, () => random.below(READS.length));
    const floor: Position | null =
      random.below(2) === 0 ? null : at(EPOCH + random.below(database.written - EPOCH + 1));
    const demand: CacheDemand = { floor, notBelow: null };
    counts.reads += 1;
    const keys = wanted.map((n) => (READS[n] as (typeof READS)[number]).key);
    let seenByLoads = 0;
    const fetched = await random.pick(processes).cache.fetch({
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
    counts.local += fetched.local;
    counts.shared += fetched.shared;
    const seen = Math.max(seenByLoads, Number(fetched.seen?.lsn ?? 0n), Number(floor?.lsn ?? 0n));
    wanted.forEach((n, place) => {
      const { value } = READS[n] as (typeof READS)[number];
      const text = fetched.values[place] as string;
      // It must have been the value at the floor or later (R5), from no later on than the token says (R6).
      const isTrue = database.spans(value, text).some(({ from, to }) => to > Number(floor?.lsn ?? 0n) && from <= seen);
      if (!isTrue)
        violations.push(
          `${keys[place]?.tags.join(' & ')} was answered with ${text}, floor ${floor?.lsn ?? 'none'}, seen ${seen}`,
        );
    });
  }

  /** The shared cache first, then the holder's own; the others hear of it in order, some time later. */
  async function apply(): Promise<void> {
    if (database.replayed <= applied) return;
    const to = applied + 1 + random.below(database.replayed - applied);
    const concerned = database.commits.filter((commit) => commit.lsn > applied && commit.lsn <= to);
    const tags = [...new Set(concerned.flatMap((commit) => commit.tags))];
    const step = batch(to, tags, {
      tables: concerned.some(({ isWhole }) => isWhole) ? [TASKS] : [],
      horizon: lsn(Math.max(0, to - 20)),
    });
    if (shared !== null && state !== null) state = await shared.journal.apply('holder', state, step);
    applied = to;
    processes[0]?.local.apply(step);
    for (const { unheard } of processes.slice(1)) unheard.push(step);
  }

  function hear({ local, unheard }: Process): void {
    const step = unheard.shift();
    if (step !== undefined) local.apply(step);
  }

  function begin(process: Process): void {
    if (process.local.generation !== null) return;
    process.unheard = [];
    process.local.begin(generation(`life ${(lives += 1)}`), lsn(applied));
  }

  /** Every value that is kept is right as of max(asOf, W) (R3), or has already seen what comes after it. */
  function check(
    where: string,
    of: (typeof READS)[number],
    { text, seen, rightAt }: { readonly text: string; readonly seen: Position; readonly rightAt: number },
  ): void {
    const isRight = database
      .spans(of.value, text)
      .some(({ from, to }) => to > rightAt && from <= Math.max(rightAt, Number(seen.lsn)));
    if (!isRight)
      violations.push(
        `${of.key.tags.join(' & ')} is kept in ${where} as ${text} where it was ${of.value(database.at(rightAt))} at ${rightAt}`,
      );
  }

  function checkLocal({ local }: Process): void {
    const { watermark } = local;
    if (watermark === null) return;
    for (const of of READS) {
      const [kept] = local.lookup([of.key]);
      if (kept !== undefined)
        check('the process', of, {
          text: kept.body.by(plain),
          seen: kept.seen,
          rightAt: Number(maxLsn(kept.asOf, watermark)),
        });
    }
  }

  async function checkShared(): Promise<void> {
    const found = await shared?.cache.lookup(
      READS.map((of) => of.key),
      { leaseMs: 0 },
    );
    found?.items.forEach((item, i) => {
      if (item.kind === 'miss') return;
      const { body, seen, asOf } = item.entry;
      check('the shared cache', READS[i] as (typeof READS)[number], {
        text: body,
        seen,
        rightAt: Number(maxLsn(asOf, found.state.watermark)),
      });
    });
  }

  const resume = (): void => paused.splice(random.below(paused.length), 1)[0]?.();
  const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  processes.forEach(begin);
  for (let step = 0; step < steps && violations.length === 0; step += 1) {
    const what = random.below(100);
    const process = random.pick(processes);
    if (what < 15) database.commit(random);
    else if (what < 25) database.replayed += random.below(database.written - database.replayed + 1);
    else if (what < 40) await apply();
    else if (what < 41) process.local.lose('chance');
    else if (what < 44) begin(process);
    else if (what < 45 && random.below(4) === 0) await shared?.forget();
    else if (what < 65) running.push(read());
    else if (what < 75 && count > 1) hear(process);
    else if (paused.length > 0) resume();
    await breathe();
    processes.forEach(checkLocal);
    if (shared === null) continue;
    state ??= await shared.journal.begin('holder', at(applied));
    await checkShared();
  }
  // Whoever is still reading comes to an end; most wait for nothing but the replica.
  database.replayed = database.written;
  let isOver = false;
  const all = Promise.all(running).finally(() => (isOver = true));
  while (!isOver) {
    if (paused.length > 0) resume();
    await breathe();
  }
  await all;
  return { violation: violations[0] ?? null, ...counts };
}
