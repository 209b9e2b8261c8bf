/**
 * Owns a whole run: clients, a writer beside them and faults, for a time; then quiet, the last look, and the verdict.
 */
import { sleep } from '../../src/base/clock.ts';
import { AP, EU, US } from '../support/app.ts';
import { Client, type Shared } from './client.ts';
import { PRIMARY_FAULTS, plague, REDIS_FAULTS, REPLICA_FAULTS, SERVER_FAULTS, type Fault } from './faults.ts';
import { Judge, type Finding } from './judge.ts';
import { type Pool } from './operations.ts';
import { PRIMARY, startPlace, type Place, type PlaceSettings } from './place.ts';
import { lookAtEverything, type QuietReport } from './quiet.ts';
import { Witness, type Answered } from './record.ts';
import { SideWriter } from './side-writer.ts';
import { Tally } from './tally.ts';
import { TruthFeed } from './truth-feed.ts';
import { Truth } from './truth.ts';

export interface RunSettings extends PlaceSettings {
  readonly seed: number;
  readonly minutes: number;
  /**
   * On a slow machine it goes on, for `LONGEST` times as long at most, until as much as this was judged, committed and
   * answered by caches.
   */
  readonly atLeast?: { readonly sights: number; readonly commits: number; readonly cached: number };
  readonly clients?: number;
  /** Told every `PROGRESS_MS` how it goes, and of each finding. */
  readonly onProgress?: (line: string) => void;
}

export interface RunReport {
  readonly findings: readonly Finding[];
  readonly tally: Tally;
  /** What was compared with the truth: rows, pages, counts. */
  readonly sights: number;
  readonly reordered: number;
  /** Commits of the true history. */
  readonly commits: number;
  readonly quiet: QuietReport;
  readonly struck: readonly string[];
}

/** A process takes seconds to be back, and a region without one meets nothing else. */
const REST_MS = { database: 3_000, server: 9_000, redis: 3_000 } as const;
const LONGEST = 3;
const PROGRESS_MS = 10_000;
const JUDGE_MS = 500;
const KNOWN_MS = 30_000;
/** How far back lists remember rows that are gone. */
const REMEMBERED_MS = 120_000;

/** A truth with its feed, the judge, and everything that lanes share. */
export interface Stage extends AsyncDisposable {
  readonly place: Place;
  readonly shared: Shared;
  readonly truth: Truth;
  readonly feed: TruthFeed;
  readonly judge: Judge;
  readonly witness: Witness;
  readonly struck: string[];
  readonly onStrike: (name: string, fromMs: number, toMs: number) => void;
}

export async function startStage(
  place: Place,
  { seed, isOver, tally }: Pick<Shared, 'seed' | 'isOver' | 'tally'>,
): Promise<Stage> {
  const truth = new Truth();
  const witness = new Witness();
  const strikes: { readonly name: string; readonly fromMs: number; readonly toMs: number }[] = [];
  const struck: string[] = [];
  const feed = await TruthFeed.start(truth, place.dsn(PRIMARY, PRIMARY));
  const judge = new Judge({
    truth,
    witness,
    primary: PRIMARY,
    brokenBetween: (fromMs, toMs) =>
      strikes.filter((strike) => strike.toMs >= fromMs && strike.fromMs <= toMs).map(({ name }) => name),
  });
  let numbered = 0;
  const shared: Shared = {
    place,
    seed,
    witness,
    tally,
    isOver,
    pool: poolOf(truth),
    record: (answered: Answered) => judge.add(answered),
    acknowledge: (xid) => judge.acknowledge(xid),
    report: (kind, text) => void judge.findings.push({ kind, text }),
    next: () => (numbered += 1),
  };
  const startedMs = performance.now();
  const onStrike = (name: string, fromMs: number, toMs: number): void => {
    strikes.push({ name, fromMs, toMs });
    struck.push(`${((fromMs - startedMs) / 1_000).toFixed(1)}–${((toMs - startedMs) / 1_000).toFixed(1)} s ${name}`);
  };
  return { place, shared, truth, feed, judge, witness, struck, onStrike, [Symbol.asyncDispose]: () => feed.stop() };
}

function poolOf(truth: Truth): Pool {
  let written = 0;
  const emails = new Map<string, string[]>();
  return {
    tasks: [...truth.tip('tasks').keys()],
    users: [...truth.tip('users').keys()],
    projects: [...truth.tip('projects').keys()],
    emails: (user) => {
      const known = emails.get(user) ?? [truth.tip('users').get(user)?.['email'] ?? 'nobody'];
      emails.set(user, known);
      return known;
    },
    cursor: null,
    unique: () => `w-é${(written += 1)}`,
  };
}

/** Rows that are there, and a few that were until a moment ago. */
function refresh(pool: Pool, truth: Truth): void {
  const alive = [...truth.tip('tasks').keys()];
  const gone = truth
    .everIds('tasks')
    .filter((id) => !alive.includes(id))
    .slice(-6);
  pool.tasks.splice(0, pool.tasks.length, ...alive, ...gone);
}

export async function runHistory(settings: RunSettings): Promise<RunReport> {
  const { seed, minutes, atLeast = { sights: 0, commits: 0, cached: 0 }, clients: count = 10, onProgress } = settings;
  await using place = await startPlace(settings);
  let endMs = performance.now() + minutes * 60_000;
  const tally = new Tally();
  const longestMs = endMs + (LONGEST - 1) * minutes * 60_000;
  const hasEnough = (): boolean =>
    judge.sights >= atLeast.sights && truth.commits.length >= atLeast.commits && tally.served.cache >= atLeast.cached;
  const isOver = (): boolean =>
    performance.now() > endMs && (endMs === 0 || performance.now() > longestMs || hasEnough());
  await using stage = await startStage(place, { seed, isOver, tally });
  const { shared, judge, truth, feed, witness } = stage;
  const clients = Array.from({ length: count }, (_, i) => new Client(`c${i}`, shared));
  const strike = (region: string, lane: keyof typeof REST_MS, faults: Readonly<Record<string, Fault>>): Promise<void> =>
    plague({ place, region, lane, faults, seed, restMs: REST_MS[lane], tally, isOver, onStrike: stage.onStrike });
  const beganMs = performance.now();
  const progress = (): string =>
    `${((performance.now() - beganMs) / 1_000).toFixed(0)} s: ${tally.operations} operations, ${judge.sights} sights judged, ${truth.commits.length} commits, ${[...tally.faults.values()].reduce((sum, n) => sum + n, 0)} faults, caches answered ${(100 * tally.cacheShare).toFixed(0)} %, ${judge.findings.length} findings`;
  let told = 0;
  const lanes = [
    ...clients.map((client) => client.run(clients)),
    ...['psql', 'migration'].map((name) => new SideWriter(name, shared).run()),
    strike(US, 'database', PRIMARY_FAULTS),
    strike(EU, 'database', REPLICA_FAULTS),
    strike(AP, 'database', REPLICA_FAULTS),
    strike(EU, 'server', SERVER_FAULTS),
    strike(AP, 'server', SERVER_FAULTS),
    strike(US, 'server', SERVER_FAULTS),
    strike(EU, 'redis', REDIS_FAULTS),
    strike(AP, 'redis', REDIS_FAULTS),
    strike(US, 'redis', REDIS_FAULTS),
    watch({
      isOver,
      work: () => {
        judge.work();
        for (const text of place.servers.flatMap(({ deaths }) => deaths.splice(0))) shared.report('wrong error', text);
        refresh(shared.pool, truth);
        for (; told < judge.findings.length; told += 1) onProgress?.(judge.findings[told]?.text ?? '');
      },
      onTime: () => {
        truth.forgetUpTo(witness.by(performance.now() - REMEMBERED_MS));
        onProgress?.(progress());
      },
    }),
  ];
  try {
    await Promise.all(lanes);
  } finally {
    // Where one fails the others end too, before anything they use does.
    endMs = 0;
    await Promise.allSettled(lanes);
  }
  await feed.caughtUp(KNOWN_MS);
  judge.work();
  const quiet = await lookAtEverything(shared, truth);
  const findings: Finding[] = [
    ...judge.findings,
    ...quiet.findings.map((text) => ({ kind: 'left over' as const, text })),
  ];
  return {
    findings,
    tally,
    sights: judge.sights,
    reordered: judge.reordered,
    commits: truth.commits.length,
    quiet,
    struck: stage.struck,
  };
}

async function watch({
  isOver,
  work,
  onTime,
}: {
  readonly isOver: () => boolean;
  readonly work: () => void;
  readonly onTime: () => void;
}): Promise<void> {
  for (let dueMs = performance.now() + PROGRESS_MS; !isOver(); await sleep(JUDGE_MS)) {
    work();
    if (performance.now() < dueMs) continue;
    dueMs += PROGRESS_MS;
    onTime();
  }
}
