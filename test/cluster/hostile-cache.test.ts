/** Owns the proof that clients and neighbours cannot turn the caches against others: damage in Redis is a miss, and what does not fit costs little. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import pg from 'pg';
import { startTestApp, US } from '../support/app.ts';
import { until } from '../support/observe.ts';
import { optionsOf, startStandalone, type Deployment } from '../support/redis-deployments.ts';
import { redisOrSkip } from '../support/redis.ts';
import { at, batch, bodies, item, key, openCache, tag, taken } from '../support/shared-cache.ts';

const { program, skip } = redisOrSkip();

describe('a shared cache in whose Redis somebody else writes', { skip }, () => {
  let deployment: Deployment;
  let redis: Redis;
  before(async () => {
    deployment = await startStandalone(program);
    redis = new Redis(deployment.url);
  });
  after(async () => {
    redis.disconnect();
    await deployment[Symbol.asyncDispose]();
  });

  for (const [name, damage] of [
    ['a text', (place: string) => redis.set(place, 'x')],
    ['a list', (place: string) => redis.rpush(place, 'x')],
    ['a set', (place: string) => redis.sadd(place, 'x')],
  ] as const) {
    it(`misses what lies under ${name} instead of a tag's values`, async () => {
      const options = optionsOf(deployment);
      using cache = await openCache(deployment, options);
      let state = await cache.begin('me', at(100));
      assert.deepEqual(await cache.fill(state.epoch, [item(1, 100), item(2, 100)]), ['stored', 'stored']);
      const place = `{${options.redisPrefix}}:${state.epoch}:${tag(1)}`;
      await redis.del(place);
      await damage(place);
      assert.deepEqual(await bodies(cache, 1, 2), [null, 'as of 100']);
      assert.deepEqual((await cache.lookup([key(1), key(2)], { leaseMs: 50 }))?.items.map(({ kind }) => kind), ['miss', 'hit']);
      assert.equal((await cache.fill(state.epoch, [item(1, 100), item(3, 100)]))[1], 'stored');
      state = taken(await cache.apply('me', state, batch(110, [tag(1), tag(2)])));
      assert.deepEqual(await cache.fill(state.epoch, [item(1, 110)]), ['stored']);
      assert.deepEqual(await bodies(cache, 1, 2, 3), ['as of 110', null, 'as of 100']);
    });
  }

  for (const text of ['', 'x', '1', '99999999999999999999999999 - 9999999999999 c 1 1 null', '100 - 9999999999999 c 1 99999999999999999999999999 null', 'x'.repeat(1_000)]) {
    it(`misses the entry ${JSON.stringify(text.slice(0, 60))}`, async () => {
      const options = optionsOf(deployment);
      using cache = await openCache(deployment, options);
      let state = await cache.begin('me', at(100));
      assert.deepEqual(await cache.fill(state.epoch, [item(1, 100), item(2, 100)]), ['stored', 'stored']);
      const place = `{${options.redisPrefix}}:${state.epoch}:${tag(1)}`;
      await redis.hset(place, '=row', text);
      assert.deepEqual(await bodies(cache, 1, 2), [null, 'as of 100']);
      assert.equal((await cache.fill(state.epoch, [item(key(1, 'other'), 100, { maxVariants: 1 }), item(3, 100)]))[1], 'stored');
      await cache.fill(state.epoch, [item(1, 100)]);
      state = taken(await cache.apply('me', state, batch(110, [tag(1), tag(2)])));
      assert.deepEqual(await cache.fill(state.epoch, [item(1, 110)]), ['stored']);
      assert.deepEqual(await bodies(cache, 1, 2, 3), ['as of 110', null, 'as of 100']);
    });
  }

  it('reads a state that is none of ours as no life', async () => {
    const options = optionsOf(deployment);
    using cache = await openCache(deployment, options);
    const place = `{${options.redisPrefix}}:state`;
    const far = '9'.repeat(30);
    for (const text of [`e c 1 h 0 ${far} - 0`, 'e c 1 h 0 100 - x', `e c 1 h ${far} 100 - 0 0`]) {
      await redis.multi().del(place).zadd(place, '-inf', text).exec();
      assert.equal(await cache.state(), null, text);
      const { epoch } = await cache.begin('me', at(100));
      assert.deepEqual(await cache.fill(epoch, [item(1, 100)]), ['stored']);
    }
  });

  it('looks through a full tag once, and not for each value that finds no room there', async () => {
    const options = optionsOf(deployment, { cacheStaleMs: 0 });
    using cache = await openCache(deployment, options);
    const { epoch } = await cache.begin('me', at(100));
    const fill = (variant: number, ttlMs?: number) => cache.fill(epoch, [item(key(1, String(variant)), 100, { maxVariants: 3, ...(ttlMs === undefined ? {} : { ttlMs }) })]);
    const looks = async (): Promise<number> => Number(/cmdstat_hkeys:calls=(\d+)/.exec(await redis.info('commandstats'))?.[1] ?? 0);
    for (const variant of [1, 2, 3]) assert.deepEqual(await fill(variant, 1), ['stored']);
    // Read anew: what would be over is not there any more.
    for (const variant of [1, 2, 3]) assert.deepEqual(await fill(variant), ['stored']);
    const before = await looks();
    for (let variant = 4; variant < 24; variant += 1) assert.deepEqual(await fill(variant), ['full']);
    assert.ok((await looks()) - before <= 1);
  });
});

describe('a client that leaves while others wait for what it reads', () => {
  const TASKS = 'query($id: ID!) { project(id: $id) { tasks(first: 5) { nodes { id } } } }';
  const SLOW = { withinMs: 30_000 };

  it('leaves them to one reader, and not each to itself', { timeout: 120_000 }, async () => {
    await using app = await startTestApp({ scale: 0.1 });
    const { url } = app.server(US);
    const inFlight = async (): Promise<number> => Number(/http_requests_in_flight(?:\{.*\})? (\d+)/.exec(await (await fetch(url.replace('/graphql', '/metrics'))).text())?.[1]);
    const ask = (id: number) => app.gql<{ project: { tasks: { nodes: unknown[] } } }>(US, TASKS, { variables: { id }, token: '' });
    await until('the cache answers', async () => (await ask(1)).consistency?.servedBy.cache === 2, SLOW);
    const db = new pg.Client({ connectionString: app.cluster.primary.dsn });
    await db.connect();
    try {
      // What nobody has asked for has to be read, which nobody can before the lock is gone.
      const expected = (await db.query('SELECT FROM tasks WHERE project_id = 2 LIMIT 5')).rowCount;
      await db.query('BEGIN');
      await db.query('LOCK TABLE tasks');
      const waiting = async (): Promise<number> => (await db.query<{ n: number }>("SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND relation = 'tasks'::regclass")).rows[0]?.n ?? 0;
      const leaving = new AbortController();
      const left = fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query: TASKS, variables: { id: 2 } }), signal: leaving.signal });
      await until('it reads', async () => (await waiting()) > 0, SLOW);
      const before = await waiting();
      const staying = Array.from({ length: 30 }, () => ask(2));
      // The one who asks for the figures is answered, too. From here to where they wait it is a matter of the process's own.
      await until('all are there', async () => (await inFlight()) >= 32, SLOW);
      await sleep(200);
      leaving.abort();
      await assert.rejects(left, { name: 'AbortError' });
      await until('another one reads', async () => (await waiting()) > before, SLOW);
      await db.query('COMMIT');
      const answers = await Promise.all(staying);
      assert.deepEqual(new Set(answers.map(({ data }) => data?.project.tasks.nodes.length)), new Set([expected]));
      const readers = answers.filter(({ consistency }) => (consistency?.servedBy.primary ?? 0) > 0).length;
      assert.ok(readers <= 3, `${readers} of them read for themselves`);
    } finally {
      await db.end();
    }
  });
});
