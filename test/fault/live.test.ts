/**
 * Proves live queries under faults: while replicas, links, slots, Redis and servers break, every message is something
 * that was so, nobody is shown anything older than before, here or in another region, and all end with what the database
 * has. Servers without one mechanism at a time are found out. SEED replays a run's choices.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { sleep } from '../../src/base/clock.ts';
import { REDIS_FAULTS, REPLICA_FAULTS, SERVER_FAULTS, type Fault } from '../history-checker/faults.ts';
import {
  DATABASE_OF,
  followersOf,
  leftBehind,
  prepareCounters,
  truthOf,
  writeByMutation,
  writeBySql,
  type Follower,
} from '../history-checker/live.ts';
import { startPlace, type Place } from '../history-checker/place.ts';
import { AP, EU } from '../support/app.ts';
import { until } from '../support/observe.ts';
import { seeded } from '../support/random.ts';
import { redisOrSkip } from '../support/redis.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
const QUIET_MS = 30_000;
const ROUNDS = 10;

const KINDS: Readonly<Record<string, Fault>> = { ...REPLICA_FAULTS, ...REDIS_FAULTS, ...SERVER_FAULTS };
const FAULTS: readonly (readonly [string, string])[] = [
  [EU, 'replay paused'],
  [AP, 'replica killed'],
  [EU, 'slot dropped'],
  [AP, 'tail ended'],
  [AP, 'link cut'],
  [EU, 'Redis killed'],
  [EU, 'messages lost'],
  [EU, 'server ended'],
  [AP, 'server ended'],
];
/**
 * For each mechanism the trouble in which it matters. The look for changes during an answer has to be met by chance here:
 * `test/unit/live/queries.test.ts` takes it out.
 */
const TROUBLES: Readonly<Record<string, typeof FAULTS>> = {
  'live-word': [],
  'live-floor': [
    [EU, 'replay paused'],
    [EU, 'replay paused'],
  ],
};

interface Round {
  readonly place: Place;
  readonly seed: number;
  readonly faults: typeof FAULTS;
  readonly forMs: number;
  /** How long after the last change everybody may take to be shown it. */
  readonly quietMs: number;
}

interface Outcome {
  readonly violations: readonly string[];
  readonly messages: number;
  readonly commits: number;
  readonly connections: number;
}

/** Everybody follows and writes while one fault after another comes; then nothing changes any more. */
async function round({ place, seed, faults, forMs, quietMs }: Round): Promise<Outcome> {
  const random = seeded(seed);
  const pool = new pg.Pool({ connectionString: DATABASE_OF(place), max: 2 });
  pool.on('error', () => undefined);
  const query = async (sql: string): Promise<readonly Record<string, unknown>[]> =>
    (await pool.query<Record<string, unknown>>(sql)).rows;
  const began = await truthOf(query);
  const endsMs = performance.now() + forMs;
  let isOver = false;
  const isQuiet = (): boolean => performance.now() > endsMs;
  const followers = followersOf(place, random);
  const following = followers.map((follower) => follower.run({ isOver: () => isOver, isQuiet }));
  const struck: string[] = [];
  const striking = (async () => {
    const repairs: (() => Promise<void>)[] = [];
    for (const [name, what] of faults) {
      if (isQuiet()) break;
      struck.push(`${what} in ${name}`);
      const dice = [random.below(1_000), random.below(1_000), random.below(1_000), random.below(1_000)] as const;
      const fault = KINDS[what];
      if (fault === undefined) throw new RangeError(`no fault ${what}`);
      repairs.push(await fault({ place, region: place.region(name), dice }));
      await sleep(1_500 + random.below(1_000));
      if (random.below(3) > 0) await repairs.shift()?.();
    }
    while (!isQuiet()) await sleep(50);
    for (const repair of repairs) await repair();
  })();
  const commits = await Promise.all([
    writeBySql(query, random, isQuiet),
    writeByMutation(place, random, { began, isOver: isQuiet }),
    striking.then(() => 0),
  ]);
  const truth = await truthOf(query);
  const behind = (): readonly Follower[] =>
    followers.filter(({ kind, id, last }) => last.join() !== truth.get(`${kind} ${id}`));
  const inTime = await until('all are shown what the database has', () => behind().length === 0, {
    withinMs: quietMs,
  }).catch(() => false);
  const late = inTime
    ? []
    : behind().map(
        ({ kind, id, last }) => `ended with ${last.join()}, not ${truth.get(`${kind} ${id}`)}: ${kind} ${id}`,
      );
  isOver = true;
  await Promise.all(following);
  await pool.end();
  const left = await until('nothing is left', async () => (await leftBehind(place)).length === 0).then(
    () => [],
    () => leftBehind(place),
  );
  return {
    violations: [...followers.flatMap(({ violations }) => violations), ...late, ...left].map(
      (one) => `${one} (${struck.join(', ')})`,
    ),
    messages: followers.reduce((sum, one) => sum + one.messages, 0),
    connections: followers.reduce((sum, one) => sum + one.connections, 0),
    commits: commits.reduce((sum, one) => sum + one, 0),
  };
}

describe(`live queries under faults (SEED=${SEED})`, { skip: redisOrSkip().skip }, () => {
  let place: Place;
  before(async () => {
    place = await startPlace();
    const client = new pg.Client(DATABASE_OF(place));
    await client.connect();
    await prepareCounters(place, (sql) => client.query(sql));
    await client.end();
  });
  after(async () => place?.[Symbol.asyncDispose]());

  it(
    'show nothing that was not so, nothing older than before, and in the end what the database has',
    { timeout: 200_000 },
    async (t) => {
      const outcome = await round({
        place,
        seed: SEED,
        faults: seeded(SEED).shuffled(FAULTS),
        forMs: 40_000,
        quietMs: QUIET_MS,
      });
      t.diagnostic(
        `SEED=${SEED}: ${outcome.messages} messages over ${outcome.connections} connections, ${outcome.commits} commits`,
      );
      assert.deepEqual(outcome.violations, []);
      assert.ok(
        outcome.messages > 500 && outcome.commits > 100 && outcome.connections > 60,
        'too little happened to prove anything',
      );
    },
  );

  for (const [mechanism, faults] of Object.entries(TROUBLES)) {
    it(`find out servers without ${mechanism}`, { timeout: 280_000 }, async (t) => {
      await Promise.all(
        place.servers.map(async (server) => {
          await server.kill('SIGKILL');
          server.broken = mechanism;
        }),
      );
      await Promise.all(place.servers.map((server) => server.start()));
      for (let i = 0; i < ROUNDS; i += 1) {
        const { violations } = await round({
          place,
          seed: SEED + i,
          faults,
          forMs: 5_000,
          quietMs: 6_000,
        });
        if (violations.length === 0) continue;
        t.diagnostic(`round ${i + 1}: ${violations[0] ?? ''}`);
        return;
      }
      assert.fail('nobody noticed');
    });
  }
});
