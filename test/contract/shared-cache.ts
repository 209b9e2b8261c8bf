/** Owns what every shared cache promises to its readers and to its writer, on every store. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { it } from 'node:test';
import { type FillItem } from '../../src/cache/ports.ts';
import { customTag, tableOfTag, type TableTag, type Tag } from '../../src/change/tags.ts';
import { until } from '../support/observe.ts';
import { optionsOf, type Deployment } from '../support/redis-deployments.ts';
import {
  CLUSTER,
  TABLE,
  at,
  batch,
  bodies,
  bodyOf,
  item,
  key,
  lsn,
  openCache,
  tag,
  taken,
} from '../support/shared-cache.ts';

/** Declares the tests; `deployment` is asked for when they run. */
export function sharedCacheContract(deployment: () => Deployment): void {
  it('returns nothing until an epoch has begun', async () => {
    using cache = await openCache(deployment());
    assert.equal(await cache.state(), null);
    assert.equal(await cache.lookup([key(1)], { leaseMs: 50 }), null);
    assert.deepEqual(await cache.fill('nobody', [item(1, 5), item(2, 5)]), ['ended', 'ended']);
    const dreamt = { epoch: 'nobody', cluster: CLUSTER, timeline: 1, sequence: 0, watermark: lsn(5) };
    assert.equal(await cache.adopt('me', dreamt), false);
    assert.equal(await cache.apply('me', dreamt, batch(6)), null);
    assert.equal(await cache.state(), null);
  });

  it('returns all stored values, with the state of the same moment', async () => {
    using cache = await openCache(deployment());
    const state = await cache.begin('me', at(100));
    assert.deepEqual(
      { ...state, epoch: '' },
      { epoch: '', cluster: CLUSTER, timeline: 3, sequence: 0, watermark: 100n },
    );
    const texts = ['', ' ', '{"a":"é\\n☃"}', 'two words\nand a line', 'x'.repeat(3 << 20), '*', '0'];
    const items: FillItem[] = texts.map((body, id) => ({
      ...item(id, 100 + id, { body }),
      key: { tags: [tag(id)], variant: `page 1 *=>@${id}` },
    }));
    assert.deepEqual(
      await cache.fill(state.epoch, items),
      texts.map(() => 'stored'),
    );
    const looked = await cache.lookup([...items.map((one) => one.key), key(0)], { leaseMs: 0 });
    assert.deepEqual(looked, {
      state,
      items: [...items.map(({ entry }) => ({ kind: 'hit', entry })), { kind: 'miss', leased: false }],
    });
    assert.deepEqual(await cache.state(), state);
    assert.deepEqual(await cache.lookup([], { leaseMs: 50 }), { state, items: [] });
    assert.deepEqual(await cache.fill(state.epoch, []), []);
  });

  it('distinguishes values under the same tag, and values of different graphs', async () => {
    using cache = await openCache(deployment());
    using other = await openCache(deployment());
    const { epoch } = await cache.begin('me', at(1));
    await other.begin('me', at(1));
    await cache.fill(epoch, [item(key(1, 'a'), 1, { body: 'A' }), item(key(1, 'b'), 1, { body: 'B' })]);
    assert.deepEqual(await bodies(cache, key(1, 'b'), key(1, 'a'), key(1, 'c')), ['B', 'A', null]);
    assert.deepEqual(await bodies(other, key(1, 'a')), [null]);
  });

  it('refuses a fill below a tombstone of its tag, accepts one at it, and deletes only older values', async () => {
    using cache = await openCache(deployment());
    let state = await cache.begin('me', at(100));
    await cache.fill(state.epoch, [item(1, 150), item(2, 149), item(3, 100)]);
    state = taken(await cache.apply('me', state, batch(150, [tag(1), tag(2), tag(4)])));
    assert.deepEqual(await bodies(cache, 1, 2, 3), ['as of 150', null, 'as of 100']);
    assert.deepEqual(await cache.fill(state.epoch, [item(2, 149), item(4, 149), item(4, 150), item(5, 149)]), [
      'stale',
      'stale',
      'stored',
      'stored',
    ]);
    assert.deepEqual(await bodies(cache, 2, 4, 5), [null, 'as of 150', 'as of 149']);
  });

  it('deletes all values under a tag of which one is older', async () => {
    using cache = await openCache(deployment());
    const state = await cache.begin('me', at(100));
    await cache.fill(state.epoch, [item(key(1, 'old'), 149), item(key(1, 'new'), 151)]);
    await cache.apply('me', state, batch(150, [tag(1)]));
    assert.deepEqual(await bodies(cache, key(1, 'old')), [null]);
  });

  it('refuses and hides values below a tombstone of their table, and never drops that tombstone', async () => {
    using cache = await openCache(deployment(), optionsOf(deployment(), { tombstones: 100 }));
    const other = 'public.people' as TableTag;
    const items = [
      item(1, 120),
      item({ tags: [tag(1, other)], variant: 'row' }, 120),
      item({ tags: [customTag('x')], variant: 'row' }, 120),
      item(2, 150),
    ];
    let state = await cache.begin('me', at(100));
    await cache.fill(state.epoch, items);
    state = taken(await cache.apply('me', state, batch(150, [], { tables: [TABLE] })));
    const keys = items.map((one) => one.key);
    assert.deepEqual(await bodies(cache, ...keys), [null, 'as of 120', 'as of 120', 'as of 150']);
    assert.deepEqual(await cache.fill(state.epoch, items), ['stale', 'stored', 'stored', 'stored']);
    for (let step = 0; step < 5; step += 1)
      state = taken(
        await cache.apply(
          'me',
          state,
          batch(
            200 + step,
            Array.from({ length: 100 }, (_, id) => tag(`t${step}-${id}`)),
            { horizon: 200 + step },
          ),
        ),
      );
    assert.deepEqual(await bodies(cache, ...keys), [null, 'as of 120', 'as of 120', 'as of 150']);
  });

  it('refuses a fill below the horizon, which only rises', async () => {
    using cache = await openCache(deployment());
    let state = await cache.begin('me', at(100));
    assert.deepEqual(await cache.fill(state.epoch, [item(1, 99), item(1, 100)]), ['stale', 'stored']);
    state = taken(await cache.apply('me', state, batch(300, [tag(7)], { horizon: 200 })));
    state = taken(await cache.apply('me', state, batch(301, [], { horizon: 150 })));
    assert.deepEqual(await cache.fill(state.epoch, [item(2, 199), item(2, 200)]), ['stale', 'stored']);
    state = taken(await cache.apply('me', state, batch(302, [], { horizon: 300 })));
    assert.deepEqual(await cache.fill(state.epoch, [item(7, 299), item(7, 300)]), ['stale', 'stored']);
    assert.deepEqual(await bodies(cache, 1, 2), ['as of 100', 'as of 200'], 'what is in the cache stays right');
  });

  it('remembers a limited number of invalidations, and refuses a fill that it can no longer judge', async () => {
    using cache = await openCache(deployment(), optionsOf(deployment(), { tombstones: 100 }));
    let state = await cache.begin('me', at(100));
    for (let step = 1; step <= 30; step += 1)
      state = taken(
        await cache.apply(
          'me',
          state,
          batch(
            100 + step,
            Array.from({ length: 10 }, (_, id) => tag(`${step}-${id}`)),
          ),
        ),
      );
    assert.deepEqual(
      await cache.fill(state.epoch, [
        item('1-0', 100),
        item('new', 119),
        item('new', 120),
        item('30-0', 129),
        item('30-0', 130),
      ]),
      ['stale', 'stale', 'stored', 'stale', 'stored'],
    );
  });

  it('refuses a fill over an entry with a higher asOf, and accepts one at or above it', async () => {
    using cache = await openCache(deployment());
    const { epoch } = await cache.begin('me', at(100));
    assert.deepEqual(await cache.fill(epoch, [item(1, 110), item(1, 109), item(1, 110, { body: 'again' })]), [
      'stored',
      'stale',
      'stored',
    ]);
    assert.deepEqual(await bodies(cache, 1), ['again']);
    assert.deepEqual(await cache.fill(epoch, [item(1, 111)]), ['stored']);
  });

  it('is empty when another epoch begins, and accepts nothing of the previous one', async () => {
    using cache = await openCache(deployment());
    const first = await cache.begin('me', at(100));
    await cache.fill(first.epoch, [item(1, 200)]);
    const second = await cache.begin('me', at(50, 4));
    assert.notEqual(second.epoch, first.epoch);
    assert.deepEqual(await cache.fill(first.epoch, [item(1, 200)]), ['ended']);
    assert.equal(await cache.apply('me', first, batch(300)), null);
    assert.deepEqual(await bodies(cache, 1), [null]);
    assert.deepEqual(await cache.state(), second);
  });

  it('returns a value with several tags only while each of them has its marker', async () => {
    using cache = await openCache(deployment());
    let state = await cache.begin('me', at(100));
    const tags = [tag('p'), tag('q', 'public.people' as TableTag), customTag('board')] as const;
    const both = { tags, variant: 'custom' };
    const fill = async (asOf: number): Promise<void> =>
      assert.deepEqual(await cache.fill(state.epoch, [item(both, asOf)]), ['stored']);
    let position = 100;
    for (const changed of [...tags, ...tags].map((one) => [one])) {
      await fill(position);
      assert.deepEqual(await bodies(cache, both), [`as of ${position}`]);
      state = taken(await cache.apply('me', state, batch((position += 10), changed)));
      assert.deepEqual(await bodies(cache, both), [null]);
      assert.deepEqual(await cache.fill(state.epoch, [item(both, position - 1)]), ['stale']);
    }
    await fill(position);
    state = taken(
      await cache.apply('me', state, batch((position += 10), [], { tables: ['public.people' as TableTag] })),
    );
    assert.deepEqual(await bodies(cache, both), [null]);
    await fill(position);
    // Older values beside it are invalidated with their hash; its own marker goes with it and it counts no more.
    await cache.fill(state.epoch, [item({ tags: [tags[1]], variant: 'row' }, position)]);
    await fill(position + 5);
    state = taken(await cache.apply('me', state, batch(position + 3, [tags[1]])));
    assert.deepEqual(await bodies(cache, both), [null]);
    await fill(position + 5);
    assert.deepEqual(
      await bodies(
        cache,
        both,
        { tags: [...tags, tags[0]], variant: 'custom' },
        { tags: [tags[1], tags[0]], variant: 'custom' },
      ),
      [`as of ${position + 5}`, `as of ${position + 5}`, null],
    );
  });

  it('keeps a limited number of values under a tag, replaces them, and removes expired ones first', async () => {
    using cache = await openCache(deployment(), optionsOf(deployment(), { cacheStaleMs: 0 }));
    let state = await cache.begin('me', at(100));
    const page = (n: number, asOf: number, ttlMs?: number): FillItem =>
      item(key(1, `page${n}`), asOf, { maxVariants: 3, ...(ttlMs === undefined ? {} : { ttlMs }) });
    await cache.lookup([key(1, 'page9')], { leaseMs: 60_000 });
    assert.deepEqual(
      await cache.fill(state.epoch, [page(1, 100), page(2, 100), page(3, 100, 1_000), page(4, 100), page(2, 101)]),
      ['stored', 'stored', 'stored', 'full', 'stored'],
    );
    assert.deepEqual(await bodies(cache, key(1, 'page2'), key(1, 'page4')), ['as of 101', null]);
    await until('the third is over', async () => (await cache.fill(state.epoch, [page(4, 100)]))[0] === 'stored');
    assert.deepEqual(await bodies(cache, key(1, 'page1'), key(1, 'page3'), key(1, 'page4')), [
      'as of 100',
      null,
      'as of 100',
    ]);
    assert.deepEqual(await cache.fill(state.epoch, [page(5, 100)]), ['full']);
    state = taken(await cache.apply('me', state, batch(110, [], { tables: [TABLE] })));
    assert.deepEqual(await cache.fill(state.epoch, [page(5, 110), page(6, 110), page(7, 110), page(8, 110)]), [
      'stored',
      'stored',
      'stored',
      'full',
    ]);
    state = taken(await cache.apply('me', state, batch(120, [tag(1)])));
    assert.deepEqual(await cache.fill(state.epoch, [page(8, 120)]), ['stored']);
  });

  it('gives a lease for a missing value to one reader, until the value is filled in or invalidated or the lease expires', async () => {
    using cache = await openCache(deployment());
    const state = await cache.begin('me', at(100));
    const look = async (leaseMs: number, ...ids: number[]): Promise<(string | null)[]> =>
      (
        (
          await cache.lookup(
            ids.map((id) => key(id)),
            { leaseMs },
          )
        )?.items ?? []
      ).map(bodyOf);
    assert.deepEqual(await look(60_000, 1, 2), [null, null]);
    assert.deepEqual(await look(60_000, 1, 2, 3), ['leased', 'leased', null]);
    assert.deepEqual(await look(0, 1, 2, 3, 4), [null, null, null, null]);
    await cache.fill(state.epoch, [item(1, 100), item(2, 99)]);
    assert.deepEqual(await look(60_000, 1, 2, 3), ['as of 100', null, 'leased'], 'a refused fill frees it too');
    taken(await cache.apply('me', state, batch(110, [tag(1), tag(3)])));
    assert.deepEqual(await look(60_000, 1, 3), [null, null]);
    assert.deepEqual(await look(1, 5), [null]);
    await pause(20);
    assert.deepEqual(await look(1, 5), [null]);
  });

  it('accepts batches only after the current state, and only from its holder', async () => {
    using cache = await openCache(deployment());
    const first = await cache.begin('holder one', at(100));
    const second = taken(await cache.apply('holder one', first, batch(110, [tag(1)])));
    assert.deepEqual(second, { ...first, sequence: 1, watermark: 110n });
    for (const [holder, after] of [
      ['holder one', first],
      ['two', second],
      ['two', first],
      ['holder', second],
      ['holder one', { ...second, sequence: 2 }],
      ['holder one', { ...second, watermark: lsn(109) }],
      ['holder one', { ...second, epoch: 'x' }],
    ] as const) {
      assert.equal(await cache.apply(holder, after, batch(120, [tag(2)])), null);
    }
    assert.equal(await cache.apply('holder one', second, batch(109)), null, 'W never falls');
    assert.deepEqual(await cache.fill(second.epoch, [item(2, 100)]), ['stored'], 'what was refused left no tombstone');
    assert.equal(await cache.adopt('two', first), false);
    assert.equal(await cache.adopt('two', second), true);
    assert.equal(await cache.apply('holder one', second, batch(120)), null);
    const third = taken(await cache.apply('two', second, batch(110)));
    assert.deepEqual(await cache.state(), third);
    assert.deepEqual(third, { ...second, sequence: 2 });
    await cache.begin('holder one', at(120));
    assert.equal(await cache.apply('two', third, batch(130)), null);
  });

  it('applies batches of thousands of tags in steps that take effect together', async () => {
    using cache = await openCache(deployment());
    const state = await cache.begin('me', at(100));
    const ids = Array.from({ length: 2_500 }, (_, id) => id);
    assert.deepEqual(
      new Set(
        await cache.fill(
          state.epoch,
          ids.map((id) => item(id, 100)),
        ),
      ),
      new Set(['stored']),
    );
    assert.ok(((await bodies(cache, ...ids)) as unknown[]).every((body) => body === 'as of 100'));
    assert.deepEqual(
      await cache.apply(
        'me',
        state,
        batch(
          110,
          ids.map((id) => tag(id)),
        ),
      ),
      { ...state, sequence: 1, watermark: 110n },
    );
    assert.ok(((await bodies(cache, ...ids)) as unknown[]).every((body) => body === null));
    assert.deepEqual(
      new Set(
        await cache.fill(
          state.epoch,
          ids.map((id) => item(id, 109)),
        ),
      ),
      new Set(['stale']),
    );
  });

  it("compares positions of 64 bits, and answers a miss where Redis's doubles are not exact", async () => {
    using cache = await openCache(deployment());
    const high = (1n << 63n) + 12_345n;
    let state = await cache.begin('me', at(high));
    assert.equal(state.watermark, high);
    const far = high + 100_000n;
    await cache.fill(state.epoch, [item(1, far - 1n), item(2, far + 10_000n)]);
    state = taken(await cache.apply('me', state, batch(far, [tag(1), tag(2), tag(3)])));
    assert.deepEqual(await cache.state(), { ...state, watermark: far });
    const [one, two] = (await cache.lookup([key(1), key(2)], { leaseMs: 0 }))?.items ?? [];
    assert.equal(one?.kind, 'miss');
    assert.ok(
      two?.kind === 'hit' &&
        two.entry.asOf <= far + 10_000n &&
        two.entry.asOf >= far &&
        two.entry.seen.lsn === far + 10_000n,
    );
    assert.deepEqual(await cache.fill(state.epoch, [item(3, far - 1n), item(3, far + 10_000n)]), ['stale', 'stored']);
    const next = taken(await cache.apply('me', state, batch(far + 1n)));
    assert.equal(await cache.apply('me', state, batch(far + 2n)), null);
    assert.equal((await cache.state())?.watermark, next.watermark);
  });

  it('applies a batch with overlapping tags and tables, and with tags of no table', async () => {
    using cache = await openCache(deployment());
    const state = await cache.begin('me', at(0));
    const custom: Tag = customTag("nobody's table");
    assert.equal(tableOfTag(custom), null);
    await cache.fill(state.epoch, [item({ tags: [custom], variant: 'v' }, 0), item(1, 0)]);
    assert.deepEqual(await bodies(cache, { tags: [custom], variant: 'v' }, 1), ['as of 0', 'as of 0']);
    taken(await cache.apply('me', state, batch(0, [custom], { tables: [TABLE] })));
    assert.deepEqual(await bodies(cache, { tags: [custom], variant: 'v' }, 1), [null, null]);
  });
}
