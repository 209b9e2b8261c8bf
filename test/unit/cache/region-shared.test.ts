/** Reading through the region's shared cache: what depends on its timing, on leases, and on its not answering. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LocalCache } from '../../../src/cache/local.ts';
import { packed } from '../../../src/cache/packing.ts';
import { SharedCacheDown, type Entry, type SharedItem, type SharedLookup } from '../../../src/cache/ports.ts';
import { at, batch, key, generation, limits, lsn, OTHER_CLUSTER, settled, task } from './fixtures.ts';
import { fromFloor, Reader } from './region-reader.ts';
import { LEASED, MISS, ScriptedShared } from './scripted-shared.ts';

const one = key(task(1), 'one');
const two = key(task(2), 'two');
const three = key(task(3), 'three');

const state = (watermark = 100, timeline = 1, cluster = at(0).cluster) => ({
  ...generation('shared', timeline, cluster),
  sequence: 1,
  watermark: lsn(watermark),
});
const found = (items: readonly SharedItem[], watermark = 100): SharedLookup => ({ state: state(watermark), items });
const hit = (body: string, asOf: number, rest: Partial<Entry> = {}): SharedItem => ({
  kind: 'hit',
  entry: { asOf: lsn(asOf), seen: at(asOf), expiresAtMs: Number.MAX_SAFE_INTEGER, body, ...rest },
});
const misses = (watermark = 100): ScriptedShared =>
  new ScriptedShared(({ keys }) =>
    found(
      keys.map(() => MISS),
      watermark,
    ),
  );

test('all keys that the process lacks are looked up in one round trip, and those missing there are loaded in one call and filled in', async () => {
  const shared = new ScriptedShared(() => found([hit('kept', 90), MISS, MISS], 120));
  const reader = new Reader({ shared });
  const fetched = await reader.fetch([one, two, three], { asOf: at(121), seen: at(125) });
  assert.deepEqual(
    { ...fetched },
    {
      values: ['kept', 'two 1', 'three 1'],
      seen: at(90),
      asOf: lsn(120),
      keptWith: { asOf: at(120), expiresAtMs: fetched.keptWith?.expiresAtMs },
      local: 0,
      shared: 1,
      loaded: 2,
    },
  );
  assert.equal(shared.lookups.length, 1);
  assert.deepEqual(reader.loads, [['two', 'three']]);
  // A hit is right as of the W of that look, which is what the process keeps it with.
  assert.deepEqual(
    reader.local.lookup([one, two]).map((kept) => kept?.asOf),
    [lsn(120), lsn(121)],
  );
  await settled();
  assert.equal(shared.fills.length, 1);
  assert.equal(shared.fills[0]?.epoch, 'shared');
  assert.deepEqual(
    shared.fills[0]?.items.map(({ key: of, entry: { asOf, seen } }) => [of.variant, asOf, seen]),
    [
      ['two', lsn(121), at(125)],
      ['three', lsn(121), at(125)],
    ],
  );
  assert.ok(reader.told.includes('fill shared stored 2'));
  assert.equal((await reader.fetch([one, two, three])).local, 3);
});

test('each layer keeps a value with the watermark and the epoch that it had before the load', async () => {
  const shared = misses(80);
  const reader = new Reader({ shared });
  const { promise, resolve } = Promise.withResolvers<void>();
  const fetching = reader.fetch([one], { asOf: 'watermark', until: promise });
  await settled();
  // Neither of them may count: they came after the load was sent.
  reader.local.apply(batch(150));
  shared.onLookup = ({ keys }) =>
    found(
      keys.map(() => MISS),
      160,
    );
  resolve();
  await fetching;
  await settled();
  assert.equal(reader.local.lookup([one])[0]?.asOf, lsn(100));
  assert.equal(shared.fills[0]?.items[0]?.entry.asOf, lsn(80));
});

test('the answer does not wait for the fill', async () => {
  const shared = misses();
  shared.onFill = () => new Promise(() => {});
  assert.equal((await new Reader({ shared }).fetch([one])).loaded, 1);
  await settled();
  assert.equal(shared.fills.length, 1);
});

test("what was invalidated during the look-up does not enter the process's cache", async () => {
  const { promise, resolve } = Promise.withResolvers<SharedLookup>();
  const reader = new Reader({ shared: new ScriptedShared(() => promise) });
  const fetching = reader.fetch([one]);
  await settled();
  reader.local.apply(batch(130, [task(1)]));
  resolve(found([hit('old', 90)], 120));
  // Right as of 120, which is all that was asked for.
  assert.deepEqual((await fetching).values, ['old']);
  assert.equal(reader.local.lookup([one])[0], undefined);
});

test("a hit of another timeline or cluster does not enter the process's cache", async () => {
  for (const other of [state(120, 2), state(120, 1, OTHER_CLUSTER)]) {
    const reader = new Reader({
      shared: new ScriptedShared(() => ({
        state: other,
        items: [hit('elsewhere', 90, { seen: { ...other, lsn: lsn(90) } })],
      })),
    });
    assert.deepEqual((await reader.fetch([one])).values, ['elsewhere']);
    assert.equal(reader.local.figures().entries, 0);
  }
});

test('a floor that neither the watermark nor asOf reaches is loaded', async () => {
  const reader = new Reader({
    shared: new ScriptedShared(({ keys }) =>
      found(
        keys.map(({ variant }) => hit(variant, variant === 'one' ? 130 : 90)),
        120,
      ),
    ),
  });
  const fetched = await reader.fetch([one, two], { demand: fromFloor(at(125)), asOf: at(126) });
  assert.deepEqual([fetched.values, fetched.shared, fetched.loaded], [['one', 'two 1'], 1, 1]);
});

test('a lease is asked for only without a floor, or with one that the cache has reached', async () => {
  const shared = misses(100);
  const reader = new Reader({ shared, local: new LocalCache(limits()), limits: { leaseMs: 50 } });
  const leases = async (...demands: Parameters<typeof fromFloor>[]): Promise<number[]> => {
    shared.lookups.length = 0;
    for (const demand of demands) await reader.fetch([one], { demand: fromFloor(...demand), asOf: null });
    return shared.lookups.map(({ options }) => options.leaseMs);
  };
  await reader.fetch([one], { asOf: null });
  assert.equal(shared.lookups[0]?.options.leaseMs, 50);
  assert.deepEqual(await leases([at(100)], [at(101)], [at(100, 2)]), [50, 0, 0]);
});

test('keys that another server is loading are waited for while the others are loaded', async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const shared = new ScriptedShared(({ keys }, n) => {
    if (n === 1) return found([LEASED, MISS]);
    assert.deepEqual(keys, [one]);
    if (n < 4) return found([LEASED]);
    resolve();
    return found([hit('filled by another', 100)]);
  });
  const reader = new Reader({ shared, limits: { leaseMs: 60_000 } });
  const fetched = await reader.fetch([one, two], { until: promise });
  assert.deepEqual(fetched.values, ['filled by another', 'two 1']);
  assert.deepEqual(reader.loads, [['two']]);
  assert.equal(shared.lookups.length, 4);
});

test('nobody waits any longer for a lease that was given back or lasts too long', async () => {
  const freed = new ScriptedShared((_, n) => found([n === 1 ? LEASED : MISS]));
  assert.deepEqual((await new Reader({ shared: freed, limits: { leaseMs: 60_000 } }).fetch([one])).values, ['one 1']);
  assert.equal(freed.lookups.length, 2);
  // The clock of the reader stands, so that it is turned on here.
  const lasting = new ScriptedShared(() => {
    reader.clock.pass(20);
    return found([LEASED]);
  });
  const reader = new Reader({ shared: lasting, limits: { leaseMs: 50 } });
  assert.deepEqual((await reader.fetch([one])).values, ['one 1']);
  assert.equal(lasting.lookups.length, 3);
});

test("a request asks a shared cache that does not answer once, and the process's cache goes on", async () => {
  const shared = new ScriptedShared(() => Promise.reject(new SharedCacheDown('no answer')));
  const reader = new Reader({ shared });
  const { promise, resolve } = Promise.withResolvers<void>();
  const first = reader.fetch([one], { until: promise, asOf: at(103) });
  // Joins what is not proved high enough, so that it reads for itself: past the cache that has just failed the other.
  const second = reader.fetch([one, two], { until: promise, demand: fromFloor(at(110)), asOf: at(110) });
  await settled();
  resolve();
  assert.equal((await first).loaded, 1);
  assert.deepEqual((await second).values, ['one 3', 'two 2']);
  assert.equal(shared.lookups.length, 2);
  assert.equal(shared.fills.length, 0);
  assert.equal((await reader.fetch([one, two])).local, 2);
  assert.ok(reader.told.includes('failed no answer'));
});

test('a fill that fails is reported and fails no request', async () => {
  const shared = misses();
  shared.onFill = () => Promise.reject(new SharedCacheDown('no answer'));
  const reader = new Reader({ shared });
  await reader.fetch([one, two]);
  await settled();
  assert.ok(reader.told.includes('fill shared failed 2') && reader.told.includes('failed no answer'));
});

test('nothing is filled into a shared cache that has not begun', async () => {
  const shared = new ScriptedShared(() => null);
  const reader = new Reader({ shared });
  assert.equal((await reader.fetch([one])).loaded, 1);
  await settled();
  assert.equal(shared.fills.length, 0);
  assert.equal(reader.local.figures().entries, 1);
});

test('fills of one tick share a round trip, waiting fills are bounded in number, and values in size', async () => {
  const shared = misses();
  shared.onFill = () => new Promise(() => {});
  const reader = new Reader({ shared, limits: { cacheInFlight: 3, cacheValueBytes: 1_024 } });
  await Promise.all([reader.fetch([one]), reader.fetch([two])]);
  await settled();
  assert.equal(shared.fills.length, 1);
  assert.equal(shared.fills[0]?.items.length, 2);
  await reader.fetch([three, key(task(4), 'four')]);
  await reader.fetch([key(task(5), 'x'.repeat(2_000))]);
  await settled();
  assert.deepEqual(
    shared.fills.map(({ items }) => items.length),
    [2, 1],
  );
  assert.deepEqual(
    reader.told.filter((it) => /dropped|shared full/.test(it)),
    ['fill shared dropped 1', 'fill shared full 1'],
  );
});

test('large bodies travel compressed and come back as they were', async () => {
  const body = 'a title that many have, '.repeat(1_000);
  const shared = misses();
  const reader = new Reader({ shared, local: new LocalCache(limits()) });
  await reader.fetch([one], { load: async () => ({ values: [body], seen: at(105), asOf: at(100) }) });
  for (let i = 0; shared.fills.length === 0 && i < 1_000; i += 1) await settled();
  const kept = shared.fills[0]?.items[0]?.entry.body ?? '';
  assert.equal(kept, await packed(body));
  assert.ok(kept.length < body.length / 10);
  shared.onLookup = () => found([hit(kept, 100)]);
  assert.deepEqual((await reader.fetch([one])).values, [body]);
  // One that is damaged is a miss.
  shared.onLookup = () => found([hit('~z!', 100)]);
  assert.equal((await reader.fetch([one])).loaded, 1);
});

test("an expired hit is shown to reads without a floor, stays expired in the process's cache, and is loaded again once", async () => {
  const shared = misses();
  const reader = new Reader({ shared, limits: { cacheStaleMs: 1_000 } });
  shared.onLookup = () => found([hit('old', 100, { expiresAtMs: reader.clock.nowMs() - 1 })]);
  const { promise, resolve } = Promise.withResolvers<void>();
  assert.deepEqual((await reader.fetch([one], { until: promise })).values, ['old']);
  assert.deepEqual((await reader.fetch([one], { until: promise })).values, ['old']);
  await settled();
  assert.equal(reader.loads.length, 1);
  resolve();
  await settled();
  assert.deepEqual((await reader.fetch([one])).values, ['one 1']);
  shared.onLookup = () => found([hit('old', 100, { expiresAtMs: reader.clock.nowMs() - 1 })]);
  assert.equal((await reader.fetch([two], { demand: fromFloor(at(100)) })).loaded, 1);
  shared.onLookup = () => found([hit('old', 100, { expiresAtMs: reader.clock.nowMs() - 1_000 })]);
  assert.equal((await reader.fetch([three])).loaded, 1);
});
