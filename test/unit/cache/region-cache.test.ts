/** Reading through the process's own cache: hits, what they tell, single-flight, time to live, and what is not kept. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CacheKey } from '../../../src/cache/ports.ts';
import { LocalCache } from '../../../src/cache/local.ts';
import {
  at,
  batch,
  item,
  key,
  generation,
  limits,
  living,
  lsn,
  OTHER_CLUSTER,
  plain,
  settled,
  task,
} from './fixtures.ts';
import { fromFloor, Reader } from './region-reader.ts';

const one = key(task(1), 'one');
const two = key(task(2), 'two');
const three = key(task(3), 'three');

test('loads what is missing in one call, keeps it, and then answers from the cache', async () => {
  const reader = new Reader();
  const first = await reader.fetch([one, two]);
  assert.deepEqual(
    { ...first },
    {
      values: ['one 1', 'two 1'],
      seen: null,
      asOf: null,
      keptWith: { asOf: at(100), expiresAtMs: first.keptWith?.expiresAtMs },
      local: 0,
      shared: 0,
      loaded: 2,
    },
  );
  const second = await reader.fetch([two, three, one]);
  assert.deepEqual(
    { ...second },
    {
      values: ['two 1', 'three 2', 'one 1'],
      seen: at(105),
      asOf: lsn(100),
      keptWith: { asOf: at(100), expiresAtMs: second.keptWith?.expiresAtMs },
      local: 2,
      shared: 0,
      loaded: 1,
    },
  );
  assert.deepEqual(reader.loads, [['one', 'two'], ['three']]);
  assert.deepEqual(reader.told, ['miss 2', 'fill local stored 2', 'hit local 2', 'miss 1', 'fill local stored 1']);
});

test('reports the latest position that hits had seen, and the earliest as of which they are right', async () => {
  const reader = new Reader();
  await reader.fetch([one], { asOf: at(130), seen: at(170) });
  await reader.fetch([two], { asOf: at(120), seen: at(150) });
  reader.local.apply(batch(125));
  const fetched = await reader.fetch([one, two]);
  assert.deepEqual([fetched.seen, fetched.asOf], [at(170), lsn(125)]);
});

test('a floor above the watermark and asOf is loaded, and the position proved by that load answers it from then on', async () => {
  const reader = new Reader();
  await reader.fetch([one]);
  assert.equal((await reader.fetch([one], { demand: fromFloor(at(101)), asOf: at(103) })).loaded, 1);
  assert.equal((await reader.fetch([one], { demand: fromFloor(at(103)) })).local, 1);
  assert.equal((await reader.fetch([one], { demand: fromFloor(at(104)) })).loaded, 1);
  reader.local.apply(batch(110));
  assert.equal((await reader.fetch([one], { demand: fromFloor(at(110)) })).local, 1);
  assert.equal((await reader.fetch([one], { demand: { floor: null, notBelow: lsn(111) } })).loaded, 1);
});

test('what is invalidated while it is loaded is answered, but not kept', async () => {
  const reader = new Reader();
  const { promise, resolve } = Promise.withResolvers<void>();
  const fetching = reader.fetch([one], { until: promise });
  const other = reader.fetch([two], { until: promise, asOf: 'watermark' });
  reader.local.apply(batch(110, [task(1), task(2)]));
  resolve();
  await Promise.all([fetching, other]);
  assert.equal(reader.local.figures().entries, 0);
  assert.deepEqual(
    reader.told.filter((it) => it.startsWith('fill')),
    ['fill local stale 1', 'fill local stale 1'],
  );
  // W as read before the load; a life that ended meanwhile; an answer of another region; a timeline that is not the
  // life's.
  await reader.fetch([one], { asOf: 'watermark', seen: at(110) });
  assert.equal(reader.local.lookup([one])[0]?.asOf, lsn(110));
  const late = reader.fetch([two], {
    load: async () => (
      reader.local.lose('gap'),
      reader.local.begin(generation('two'), lsn(110)),
      { values: ['x'], seen: at(120), asOf: at(115) }
    ),
  });
  await late;
  await reader.fetch([three], { asOf: null });
  await reader.fetch([three], { asOf: at(200, 2), seen: at(200, 2) });
  assert.equal(reader.local.figures().entries, 0);
});

test('a thousand readers of one key cause one load, and each gets an object of its own', async () => {
  const reader = new Reader({ local: new LocalCache(limits()) });
  const { promise, resolve } = Promise.withResolvers<void>();
  const own: object[] = [];
  const codec = {
    encode: (value: object) => JSON.stringify(value),
    decode: (text: string): object => Object.freeze(JSON.parse(text) as object),
  };
  const fetches = Array.from({ length: 1_000 }, () =>
    reader.cache.fetch({
      keys: [one],
      demand: { floor: null, notBelow: null },
      keeping: { ttlMs: null, maxVariants: null },
      codec,
      load: async () => {
        await promise;
        own.push({ n: own.length });
        return { values: own.slice(-1), seen: at(105), asOf: null };
      },
    }),
  );
  resolve();
  const fetched = await Promise.all(fetches);
  assert.equal(own.length, 1);
  assert.equal(fetched.filter(({ loaded, seen }) => loaded === 1 && seen === null).length, 1);
  assert.equal(fetched.filter(({ local, seen }) => local === 1 && seen?.lsn === 105n).length, 999);
  const values = new Set(fetched.map(({ values: [value] }) => value));
  assert.equal(values.size, 2);
  assert.ok(
    own[0] !== undefined &&
      values.has(own[0]) &&
      [...values].every((value) => value === own[0] || Object.isFrozen(value)),
  );
});

test("a reader with a floor joins another reader's load only if that has proved, or was asked for, a position as high", async () => {
  for (const [floor, flight, loads] of [
    [110, { asOf: at(110) }, 1],
    [111, { asOf: at(110) }, 2],
    [110, { asOf: null }, 2],
    [110, { asOf: null, demand: fromFloor(at(110)) }, 1],
    // What waits for a higher floor is not waited for.
    [110, { asOf: at(120), demand: fromFloor(at(115)) }, 2],
    // Unless the region has come that far.
    [110, { asOf: at(120), demand: fromFloor(at(99)) }, 1],
  ] as const) {
    const reader = new Reader();
    const { promise, resolve } = Promise.withResolvers<void>();
    // Its own variant for each: nothing of it is in the cache.
    const fetches = [
      reader.fetch([one], { until: promise, ...flight }),
      reader.fetch([one], { demand: fromFloor(at(floor)), until: promise }),
    ];
    resolve();
    const [first, second] = await Promise.all(fetches);
    assert.equal(reader.loads.length, loads, `floor ${floor}, ${loads} loads`);
    assert.equal(first?.loaded, 1);
    assert.equal(second?.loaded, loads - 1);
  }
});

test('a load that fails fails its own request only, and readers that waited for it load for themselves', async () => {
  const reader = new Reader();
  const { promise, reject } = Promise.withResolvers<never>();
  const failing = reader.fetch([one, two], { load: () => promise });
  const joining = reader.fetch([two, three]);
  reject(new Error('the replica went away'));
  await assert.rejects(failing, /the replica went away/);
  const { values, loaded } = await joining;
  assert.deepEqual([values, loaded], [['two 3', 'three 2'], 2]);
  // Nothing of it is left.
  assert.equal((await reader.fetch([one])).loaded, 1);
});

test('readers that waited for one that gave up wait for the next one, and do not all read at once', async () => {
  const reader = new Reader({ local: new LocalCache(limits()) });
  const signals = [1, 2, 3].map(() => new AbortController());
  const { promise, resolve } = Promise.withResolvers<void>();
  const leaving = signals.map(({ signal }) =>
    reader.fetch([one], {
      load: () =>
        new Promise((_, reject) =>
          signal.aborted
            ? reject(signal.reason as Error)
            : signal.addEventListener('abort', () => reject(signal.reason as Error)),
        ),
    }),
  );
  const staying = Array.from({ length: 50 }, () => reader.fetch([one], { until: promise }));
  for (const signal of signals) signal.abort();
  await Promise.all(leaving.map((fetching) => assert.rejects(fetching, { name: 'AbortError' })));
  resolve();
  assert.deepEqual(new Set((await Promise.all(staying)).map(({ values }) => values[0])), new Set(['one 4']));
  assert.equal(reader.loads.length, 4);
});

test("readers who wait for each other's keys both come to an end", async () => {
  const reader = new Reader({ local: new LocalCache(limits()) });
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()] as const;
  const crossed = [
    [one, two],
    [two, one],
  ] as const;
  const [first, second] = [
    reader.fetch([one], { load: () => gates[0].promise.then(() => Promise.reject(new Error('first'))) }),
    reader.fetch([two], { load: () => gates[1].promise.then(() => Promise.reject(new Error('second'))) }),
  ];
  const waiting = crossed.map((keys) => reader.fetch(keys));
  gates[0].resolve();
  await assert.rejects(first, /first/);
  await settled();
  gates[1].resolve();
  await assert.rejects(second, /second/);
  for (const { values } of await Promise.all(waiting)) assert.equal(values.length, 2);
});

test('one key asked for twice is loaded once', async () => {
  const reader = new Reader();
  const { values, loaded } = await reader.fetch([one, two, one]);
  assert.deepEqual(values, ['one 1', 'two 1', 'one 1']);
  assert.equal(loaded, 2);
  assert.deepEqual(reader.loads, [['one', 'two']]);
});

test('above the limit of shared loads each reader loads for itself', async () => {
  const reader = new Reader({ limits: { cacheInFlight: 1 } });
  const { promise, resolve } = Promise.withResolvers<void>();
  const fetches = [one, two, one, two].map((of) => reader.fetch([of], { until: promise }));
  resolve();
  await Promise.all(fetches);
  assert.deepEqual(reader.loads, [['one'], ['two'], ['two']]);
});

test('a value is read anew after its time to live, which is shortened at random by the configured share', async () => {
  const reader = new Reader({ limits: { cacheTtlMs: 1_000, cacheJitterPercent: 10, cacheStaleMs: 0 } });
  const nowMs = reader.clock.nowMs();
  const keys = Array.from({ length: 200 }, (_, n): CacheKey => key(task(n)));
  await reader.fetch(keys);
  const lives = reader.local.lookup(keys).map((kept) => (kept?.expiresAtMs ?? 0) - nowMs);
  assert.ok(lives.every((ms) => ms > 900 && ms <= 1_000));
  assert.ok(new Set(lives).size > 20);
  await reader.fetch([one], { keeping: { ttlMs: 50 } });
  reader.clock.pass(44);
  assert.equal((await reader.fetch([one])).local, 1);
  reader.clock.pass(6);
  assert.equal((await reader.fetch([one])).loaded, 1);
});

test('after its time to live a value is shown while one reader loads it again, and reads with a floor load it', async () => {
  const reader = new Reader({ limits: { cacheStaleMs: 1_000 } });
  await reader.fetch([one], { keeping: { ttlMs: 100 } });
  reader.clock.pass(100);
  const { promise, resolve } = Promise.withResolvers<void>();
  const shown = await Promise.all(Array.from({ length: 5 }, () => reader.fetch([one], { until: promise })));
  assert.deepEqual(
    shown.map(({ values }) => values[0]),
    Array.from({ length: 5 }, () => 'one 1'),
  );
  assert.equal(reader.loads.length, 2);
  // It waits for what is being read anew.
  const withFloor = reader.fetch([one], { demand: fromFloor(at(100)) });
  resolve();
  assert.deepEqual((await withFloor).values, ['one 2']);
  assert.deepEqual((await reader.fetch([one])).values, ['one 2']);
  assert.equal(reader.loads.length, 2);
  // One that fails is told of, and tried again by the next reader; after the additional time nothing is shown.
  await reader.fetch([two], { keeping: { ttlMs: 100 } });
  reader.clock.pass(100);
  assert.deepEqual((await reader.fetch([two], { load: () => Promise.reject(new Error('no replica')) })).values, [
    'two 3',
  ]);
  await settled();
  assert.ok(reader.told.includes('failed no replica'));
  reader.clock.pass(1_000);
  assert.equal((await reader.fetch([two])).loaded, 1);
});

test('a value that cannot be decoded is loaded, one that cannot be encoded is answered', async () => {
  const reader = new Reader();
  reader.local.fill('one', [item(one, 100, 'damaged')]);
  const codec = { ...plain, decode: (text: string) => (text === 'damaged' ? assert.fail('damaged') : text) };
  assert.deepEqual((await reader.fetch([one], { codec })).values, ['one 1']);
  assert.equal((await reader.fetch([one], { codec })).local, 1);
  assert.deepEqual(
    (await reader.fetch([two], { codec: { ...plain, encode: () => assert.fail('unspeakable') } })).values,
    ['two 2'],
  );
  assert.equal(reader.local.lookup([two])[0], undefined);
});

test('values of two clusters never stand in one answer', async () => {
  const reader = new Reader();
  reader.local.fill('one', [
    item(one, 100),
    { ...item(two, 100), entry: { ...item(two, 100).entry, seen: at(100, 1, OTHER_CLUSTER) } },
  ]);
  assert.deepEqual(
    { ...(await reader.fetch([one, two])) },
    { values: ['one 1', 'two 1'], seen: null, asOf: null, keptWith: null, local: 0, shared: 0, loaded: 2 },
  );
});

test('a cache that keeps nothing still reads', async () => {
  const reader = new Reader({ local: living({ cacheEntries: 0 }) });
  assert.equal((await reader.fetch([one])).loaded, 1);
  assert.equal((await reader.fetch([one])).loaded, 1);
  assert.deepEqual((await reader.fetch([])).values, []);
});
