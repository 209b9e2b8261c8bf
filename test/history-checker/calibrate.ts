/**
 * Owns the calibration: servers without one mechanism, clients at a few rows, and the one fault in which that mechanism
 * matters.
 */
import { sleep } from '../../src/base/clock.ts';
import { withSession } from '../../src/dev/postgres/session.ts';
import { AP, EU } from '../support/app.ts';
import { Client } from './client.ts';
import { crash, started } from './faults.ts';
import { type Finding } from './judge.ts';
import { PRIMARY, type Place } from './place.ts';
import { boardPlan, commentPlan, focusedPlan, focusedSidePlan, primaryPlan, type ClientStep } from './plan.ts';
import { startStage } from './run.ts';
import { SideWriter } from './side-writer.ts';
import { Tally } from './tally.ts';
import { wholeTable } from './truth-feed.ts';

const CLIENTS = 8;
const KNOWN_MS = 30_000;

/** Breaks something again and again until it is over, and leaves it whole. */
type Trouble = (place: Place, isOver: () => boolean) => Promise<void>;

/** Answers come long after they were read: the rows have changed meanwhile, and the change was applied. */
async function slowReads(place: Place, isOver: () => boolean): Promise<void> {
  for (const name of [EU, AP])
    place.region(name).database.hold(() => (Math.random() < 0.5 ? 0 : 100 + Math.random() * 400));
  while (!isOver()) await sleep(50);
  for (const name of [EU, AP]) place.region(name).database.release();
}

/** Followers miss one message in a while, without losing their connection. */
async function lostMessages(place: Place, isOver: () => boolean): Promise<void> {
  const { redisGates } = place.region(EU);
  while (!isOver()) {
    for (const gate of redisGates) gate.loseMessages(1);
    await sleep(250);
  }
  for (const gate of redisGates) gate.loseNoMore();
}

/** The region stands still while the others go on. */
async function pausedReplay({ cluster }: Place, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await cluster.query(EU, 'SELECT pg_wal_replay_pause()');
    await sleep(500);
    await cluster.resumeReplay(EU);
    await sleep(500);
  }
}

/** The primary crashes just after it has shown what it has not flushed. */
async function crashes(place: Place, isOver: () => boolean): Promise<void> {
  for (let round = 1; !isOver(); round += 1) {
    await crash(place, PRIMARY, async () => {
      await withSession({ dsn: place.dsn(PRIMARY, PRIMARY) }, async (client) => {
        // Caches are told of the first one, and read again what the second one has left.
        await client.query('UPDATE tasks SET title = $1', [`flushed ${round}`]);
        await client.query('SET synchronous_commit = off');
        await client.query('UPDATE tasks SET title = $1', [`not flushed ${round}`]);
      });
      await sleep(40);
    });
    await started(place, PRIMARY);
    await sleep(1_500);
  }
}

/** Whole tables change, and no row of them. */
async function changes(place: Place, isOver: () => boolean, sql: readonly string[]): Promise<void> {
  for (let round = 1; !isOver(); round += 1) {
    await withSession({ dsn: place.dsn(PRIMARY, PRIMARY) }, async (client) => {
      await client.query('BEGIN');
      for (const statement of sql) await client.query(statement.replaceAll('ROUND', String(round)));
      await client.query('COMMIT');
    });
    await sleep(1_000);
  }
}

const rewrites: Trouble = (place, isOver) =>
  changes(place, isOver, [
    `ALTER TABLE tasks ALTER COLUMN description TYPE text USING 'rewritten ROUND'`,
    wholeTable('tasks'),
  ]);
const truncates: Trouble = (place, isOver) => changes(place, isOver, ['TRUNCATE comments']);

async function none(_: Place, isOver: () => boolean): Promise<void> {
  while (!isOver()) await sleep(50);
}

export const TROUBLES: Readonly<Record<string, Trouble>> = {
  'fill-guard': slowReads,
  'fill-guard-of-processes': slowReads,
  'fill-guard-of-redis': slowReads,
  tombstones: slowReads,
  'tombstones-of-processes': slowReads,
  'tombstones-of-redis': slowReads,
  'guard-of-answers': slowReads,
  'dependencies-of-answers': none,
  shortcuts: none,
  'sequence-gap': lostMessages,
  'watermark-test': pausedReplay,
  'flushed-before-shown': crashes,
  'tags-as-utf8': none,
  'schema-changes': rewrites,
  truncates,
};

/** What clients do where that matters to a mechanism; nobody writes beside them then. */
const PLANS: Readonly<Record<string, (seed: number, name: string) => Generator<ClientStep, never>>> = {
  'flushed-before-shown': primaryPlan,
  'tags-as-utf8': boardPlan,
  'schema-changes': focusedPlan,
  truncates: commentPlan,
};

export interface Calibration {
  readonly findings: readonly Finding[];
  readonly tally: Tally;
  readonly sights: number;
  readonly ms: number;
}

/**
 * Runs under the trouble of `mechanism` until something is found or the time is over; `broken`: whether the servers
 * lack it.
 */
export async function calibrate(
  place: Place,
  {
    mechanism,
    broken,
    seed,
    limitMs,
  }: { readonly mechanism: string; readonly broken: boolean; readonly seed: number; readonly limitMs: number },
): Promise<Calibration> {
  const trouble = TROUBLES[mechanism];
  if (trouble === undefined) throw new RangeError(`no trouble is known in which ${mechanism} matters`);
  await prepare(place, broken ? mechanism : null);
  const beganMs = performance.now();
  let isFound = false;
  const isOver = (): boolean => isFound || performance.now() > beganMs + limitMs;
  const tally = new Tally();
  await using stage = await startStage(place, { seed, isOver, tally });
  const { shared, judge, feed } = stage;
  const clients = Array.from(
    { length: CLIENTS },
    (_, i) => new Client(`c${i}`, shared, (PLANS[mechanism] ?? focusedPlan)(seed, `c${i}`)),
  );
  const watching = async (): Promise<void> => {
    for (; !isOver(); await sleep(200)) {
      judge.work();
      isFound = judge.findings.length > 0;
    }
  };
  await Promise.all([
    ...clients.map((client) => client.run(clients)),
    ...(mechanism in PLANS ? [] : [new SideWriter('psql', shared).run(focusedSidePlan(seed))]),
    trouble(place, isOver),
    watching(),
  ]);
  await feed.caughtUp(KNOWN_MS);
  judge.work();
  return { findings: judge.findings, tally, sights: judge.sights, ms: performance.now() - beganMs };
}

/** Servers that are as they shall be already go on as they are. */
async function prepare(place: Place, broken: string | null): Promise<void> {
  if (place.servers.every((server) => server.broken === broken)) return;
  await Promise.all(
    place.servers.map(async (server) => {
      await server.kill('SIGKILL');
      server.broken = broken;
    }),
  );
  for (const { redis } of place.regions.values()) await redis?.command('FLUSHALL');
  await Promise.all(place.servers.map((server) => server.start()));
}
