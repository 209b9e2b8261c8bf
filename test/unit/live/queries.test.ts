/**
 * Proves live queries against a database of three rows: whatever changes, joins, leaves, fails or is slow, nobody is
 * shown an older answer after a newer one, and everybody ends with the last.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sleep, systemClock } from '../../../src/base/clock.ts';
import { type LocalCache } from '../../../src/cache/local.ts';
import { NO_POSITIONS, type Positions } from '../../../src/consistency/positions.ts';
import { type LiveAnswer, type LiveCache } from '../../../src/live/ports.ts';
import { LiveQueries, type LiveFigures, type LiveLimits } from '../../../src/live/queries.ts';
import { type Subscriber } from '../../../src/live/subscriber.ts';
import { seeded, type Random } from '../../support/random.ts';
import { at, batch, CLUSTER, generation, living, lsn, task } from '../cache/fixtures.ts';

const LIMITS: LiveLimits = {
  liveQueries: 100,
  liveSubscribers: 1_000,
  liveSubscribersPerViewer: 1_000,
  liveConcurrency: 2,
  liveIntervalMs: 1,
  livePollMs: 10,
};
const ROWS = [0, 1, 2] as const;

type Shown = readonly number[];

/** One server, whose tail tells the cache of a commit some time after the server shows it. */
class World {
  readonly local: LocalCache = living();
  readonly rows: number[] = ROWS.map(() => 100);
  readonly #random: Random;
  #generations = 1;
  at = 100;
  failing = false;

  constructor(random: Random) {
    this.#random = random;
  }

  commit(row: number): () => void {
    this.at += 10;
    this.rows[row] = this.at;
    const [watermark, tag] = [this.at, task(row)];
    return () => this.local.apply(batch(watermark, [tag]));
  }

  lose(): void {
    this.local.lose('the tail is lost');
  }

  regain(): void {
    this.#generations += 1;
    this.local.begin(generation(`generation ${this.#generations}`), lsn(this.at));
  }

  /** Reads row by row, as an execution does: changes may come between two of them. */
  async execute(read: readonly number[]): Promise<LiveAnswer> {
    const { generation: living, watermark } = this.local;
    const seen: number[] = [];
    for (const row of read) {
      seen.push(this.rows[row] as number);
      if (this.#random.below(2) === 0) await sleep(this.#random.below(3));
    }
    if (this.failing)
      return {
        result: { errors: [{ message: 'out', extensions: { code: 'REGION_UNAVAILABLE' } }] },
        positions: NO_POSITIONS,
        basis: null,
      };
    const basis =
      living === null || watermark === null || this.#random.below(10) === 0
        ? null
        : {
            epoch: living.epoch,
            asOf: at(Number(watermark)),
            tags: read.map(task),
            expiresAtMs: Number.POSITIVE_INFINITY,
          };
    const positions: Positions = new Map([[CLUSTER, at(Math.max(...seen))]]);
    return { result: { data: seen }, positions, basis };
  }
}

async function follow(subscriber: Subscriber, shown: Shown[], random: Random): Promise<Shown[]> {
  for await (const { data } of subscriber) {
    shown.push(data as Shown);
    if (random.below(3) === 0) await sleep(random.below(8));
  }
  return shown;
}

interface Followed {
  /** Whether the client left before the end. */
  readonly left: boolean;
  readonly shown: readonly Shown[];
  /** What the database has in the end. */
  readonly last: Shown;
}

interface History {
  readonly followed: readonly Followed[];
  readonly figures: LiveFigures;
}

/** `broken`: the cache as live queries see it, with a mechanism taken out. */
async function history(seed: number, broken: (cache: LocalCache) => LiveCache = (cache) => cache): Promise<History> {
  const random = seeded(seed);
  const world = new World(random);
  const observe = { executed: () => undefined, sent: () => undefined, counted: () => undefined };
  const queries = new LiveQueries({ cache: broken(world.local), limits: LIMITS, clock: systemClock, observe });
  const reads = [[0], [0, 1], [1, 2]];
  const followed: {
    readonly read: readonly number[];
    readonly subscriber: Subscriber;
    readonly shown: Shown[];
    readonly all: Promise<Shown[]>;
  }[] = [];
  const join = async (): Promise<void> => {
    const read = random.pick(reads);
    const execute = (): Promise<LiveAnswer> => world.execute(read);
    const subscriber = await queries.subscribe({
      name: read.join(),
      viewer: null,
      execute,
      first: random.below(3) === 0 ? execute : null,
    });
    const shown: Shown[] = [];
    followed.push({ read, subscriber, shown, all: follow(subscriber, shown, random) });
  };
  const undelivered: (() => void)[] = [];
  for (let step = 0; step < 120; step += 1) {
    const what = random.below(20);
    if (what < 8) undelivered.push(world.commit(random.pick(ROWS)));
    else if (what < 14) undelivered.shift()?.();
    else if (what < 16) await join();
    else if (what === 16 && followed.length > 3) await random.pick(followed).subscriber.return();
    else if (what === 17 && world.local.generation !== null) world.lose();
    else if (what === 18 && world.local.generation === null) {
      undelivered.length = 0;
      world.regain();
    } else await sleep(random.below(4));
  }
  for (const deliver of undelivered) deliver();
  if (world.local.generation === null) world.regain();
  await join();
  const isDone = (): boolean =>
    followed.every(
      ({ subscriber, shown, read }) =>
        subscriber.hasEnded || shown.at(-1)?.join() === read.map((row) => world.rows[row]).join(),
    );
  for (let waited = 0; waited < 150 && !isDone(); waited += 1) await sleep(20);
  const ended = await Promise.all(
    followed.map(async ({ read, subscriber, all }) => {
      const left = subscriber.hasEnded;
      await subscriber.return();
      return { left, shown: await all, last: read.map((row) => world.rows[row] as number) };
    }),
  );
  return { followed: ended, figures: queries.figures };
}

function violations({ followed, figures }: History): string[] {
  const found = followed.flatMap(({ left, shown, last }) => [
    ...shown
      .slice(1)
      .filter((answer, i) => answer.some((row, column) => row < ((shown[i] as Shown)[column] as number)))
      .map((answer) => `went back to ${answer.join()}`),
    ...(left || shown.at(-1)?.join() === last.join() ? [] : [`ended with ${shown.at(-1)?.join() ?? 'nothing'}`]),
  ]);
  return figures.queries + figures.subscribers > 0 ? [...found, 'something stayed behind'] : found;
}

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

describe('live queries', () => {
  it(`never go back, and end with what the database has (SEED=${SEED})`, async () => {
    for (let i = 0; i < 20; i += 1) assert.deepEqual(violations(await history(SEED + i)), [], `SEED=${SEED + i}`);
  });

  const broken: Readonly<Record<string, (cache: LocalCache) => LiveCache>> = {
    'the look for changes during an execution': (cache) => proxied(cache, { isCurrent: () => true }),
    'the word of changes': (cache) =>
      proxied(cache, { listen: (listener) => cache.listen({ ...told(listener), applied: () => undefined }) }),
    'the word of a new generation': (cache) =>
      proxied(cache, {
        listen: (listener) => cache.listen({ ...told(listener), began: () => undefined, ended: () => undefined }),
      }),
  };
  for (const [what, cache] of Object.entries(broken)) {
    it(`without ${what} end with something older (SEED=${SEED})`, async () => {
      for (let i = 0; i < 60; i += 1) if (violations(await history(SEED + i, cache)).length > 0) return;
      assert.fail('no history showed it');
    });
  }

  it('keep a failure to themselves while they have an answer, and go on when it is over', async () => {
    const world = new World(seeded(1));
    const observe = { executed: () => undefined, sent: () => undefined, counted: () => undefined };
    const queries = new LiveQueries({ cache: world.local, limits: LIMITS, clock: systemClock, observe });
    const subscriber = await queries.subscribe({
      name: 'a',
      viewer: null,
      execute: () => world.execute([0]),
      first: null,
    });
    assert.deepEqual((await subscriber.next()).value?.data, [100]);
    world.failing = true;
    world.commit(0)();
    const next = subscriber.next();
    await sleep(40);
    world.failing = false;
    assert.deepEqual((await next).value?.data, [110]);
    await subscriber.return();
  });

  it('end for everybody with the error where the first execution fails', async () => {
    const world = new World(seeded(1));
    world.failing = true;
    const observe = { executed: () => undefined, sent: () => undefined, counted: () => undefined };
    const queries = new LiveQueries({ cache: world.local, limits: LIMITS, clock: systemClock, observe });
    const ask = (): Promise<Subscriber> =>
      queries.subscribe({ name: 'a', viewer: null, execute: () => world.execute([0]), first: null });
    for (const subscriber of await Promise.all([ask(), ask()])) {
      assert.equal((await subscriber.next()).value?.errors?.[0]?.message, 'out');
      assert.equal((await subscriber.next()).done, true);
    }
    assert.deepEqual(queries.figures, { subscribers: 0, queries: 0 });
  });

  it('have limits, for the process and for one viewer', async () => {
    const world = new World(seeded(1));
    const observe = { executed: () => undefined, sent: () => undefined, counted: () => undefined };
    const limits = { ...LIMITS, liveSubscribers: 3, liveSubscribersPerViewer: 1, liveQueries: 2 };
    const queries = new LiveQueries({ cache: world.local, limits, clock: systemClock, observe });
    const ask = (name: string | null, viewer: string | null): Promise<Subscriber> =>
      queries.subscribe({ name, viewer, execute: () => world.execute([0]), first: null });
    const first = await ask('a', 'ann');
    await assert.rejects(ask('a', 'ann'), /liveSubscribersPerViewer/);
    const second = await ask('b', 'bob');
    await assert.rejects(ask('c', null), /liveQueries/);
    const third = await ask('a', null);
    await assert.rejects(ask('a', null), /liveSubscribers\)/);
    for (const subscriber of [first, second, third]) await subscriber.return();
    await (await ask('c', 'ann')).return();
    assert.deepEqual(queries.figures, { subscribers: 0, queries: 0 });
  });

  it('send a slow client the latest answer, and not those between', async () => {
    const world = new World(seeded(1));
    const observe = { executed: () => undefined, sent: () => undefined, counted: () => undefined };
    const queries = new LiveQueries({ cache: world.local, limits: LIMITS, clock: systemClock, observe });
    const subscriber = await queries.subscribe({
      name: 'a',
      viewer: null,
      execute: () => world.execute([0]),
      first: null,
    });
    await subscriber.next();
    for (let i = 0; i < 5; i += 1) {
      world.commit(0)();
      await sleep(15);
    }
    assert.deepEqual((await subscriber.next()).value?.data, [150]);
    await subscriber.return();
  });
});

function proxied(cache: LocalCache, changed: Partial<LiveCache>): LiveCache {
  return {
    get generation() {
      return cache.generation;
    },
    get watermark() {
      return cache.watermark;
    },
    isCurrent: (...asked) => cache.isCurrent(...asked),
    listen: (listener) => cache.listen(listener),
    ...changed,
  };
}

type Listener = Parameters<LocalCache['listen']>[0];

function told(listener: Listener): Listener {
  return {
    applied: (one) => listener.applied(one),
    began: () => listener.began(),
    ended: () => listener.ended(),
  };
}
