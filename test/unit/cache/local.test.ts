/** The in-process cache: lives, guard, tags, tables, bounds, and that nothing is left behind by what goes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { anyRowTag, customTag } from '../../../src/change/tags.ts';
import { LocalCache } from '../../../src/cache/local.ts';
import { type CacheKey } from '../../../src/cache/ports.ts';
import { seeded } from '../../support/random.ts';
import {
  batch,
  item,
  key,
  generation,
  limits,
  living,
  lsn,
  ofProject,
  plain,
  PROJECTS,
  StandingClock,
  task,
  TASKS,
} from './fixtures.ts';

const valueOf = (local: LocalCache, of: CacheKey): string | undefined => local.lookup([of])[0]?.body.by(plain);

test('a cache that has not begun serves nothing and keeps nothing', () => {
  const local = new LocalCache(limits());
  assert.equal(local.generation, null);
  assert.equal(local.watermark, null);
  assert.deepEqual(local.fill('one', [item(key(task(1)), 100)]), ['ended']);
  local.apply(batch(200, [task(1)]));
  assert.equal(local.watermark, null);
  local.begin(generation('one'), lsn(100));
  assert.deepEqual(local.fill('one', [item(key(task(1)), 100)]), ['stored']);
  local.lose('a message was missed');
  assert.equal(local.lossReason, 'a message was missed');
  assert.equal(local.generation, null);
  assert.equal(valueOf(local, key(task(1))), undefined);
  assert.deepEqual(local.figures(), { entries: 0, bytes: 0, tags: 0, tombstones: 0, answers: 0, answerBytes: 0 });
  local.begin(generation('two'), lsn(300));
  assert.equal(local.lossReason, null);
  assert.deepEqual(local.fill('one', [item(key(task(1)), 300)]), ['ended']);
  assert.deepEqual(local.fill('two', [item(key(task(1)), 299)]), ['stale']);
  assert.deepEqual(local.fill('two', [item(key(task(1)), 300)]), ['stored']);
});

test('what is invalidated between the begin of a load and its fill is not kept', () => {
  const local = living();
  const ticket = local.watermark;
  assert.equal(ticket, lsn(100));
  local.apply(batch(110, [task(1)]));
  assert.deepEqual(
    local.fill('one', [item(key(task(1)), 100), item(key(task(2)), 100), item(key(task(1)), 110, 'new')]),
    ['stale', 'stored', 'stored'],
  );
  assert.equal(valueOf(local, key(task(1))), 'new');
});

test('an invalidation removes what is older, under every variant and every further tag, and nothing else', () => {
  const local = living();
  const custom = key([customTag('report'), task(1), ofProject(7)]);
  local.fill('one', [
    item(key(task(1)), 100),
    item(key(task(1), 'other'), 100),
    item(key(ofProject(7)), 100),
    item(key(task(2)), 100),
    item(custom, 100),
    item(key(task(3)), 120),
  ]);
  local.apply(batch(110, [task(1)]));
  assert.deepEqual(local.lookup([key(task(1)), key(task(1), 'other'), custom]), [undefined, undefined, undefined]);
  assert.equal(local.figures().entries, 3);
  local.apply(batch(120, [ofProject(7), task(3)]));
  assert.equal(valueOf(local, key(ofProject(7))), undefined);
  assert.equal(valueOf(local, key(task(3))), 'body');
  assert.equal(local.watermark, lsn(120));
});

test("further tags guard fills as the first tag does, and are part of a value's key", () => {
  const local = living();
  const one = key([customTag('report'), task(1)]);
  const two = key([customTag('report'), task(2)]);
  assert.deepEqual(local.fill('one', [item(one, 100, 'one'), item(two, 100, 'two')]), ['stored', 'stored']);
  assert.equal(valueOf(local, one), 'one');
  assert.equal(valueOf(local, two), 'two');
  assert.equal(valueOf(local, key([customTag('report')])), undefined);
  local.apply(batch(110, [task(2)]));
  assert.equal(valueOf(local, one), 'one');
  assert.equal(valueOf(local, two), undefined);
  assert.deepEqual(local.fill('one', [item(two, 109), item(two, 110)]), ['stale', 'stored']);
});

test("a table's invalidation reaches all of its values, also those that depend on it by a further tag", () => {
  const local = living();
  const custom = key([customTag('report'), anyRowTag(PROJECTS), anyRowTag(TASKS)]);
  local.fill('one', [
    item(key(task(1)), 100),
    item(key(anyRowTag(PROJECTS)), 100),
    item(custom, 100),
    item(key(task(2)), 130),
  ]);
  local.apply(batch(120, [], { tables: [TASKS] }));
  assert.equal(valueOf(local, key(task(1))), undefined);
  assert.equal(valueOf(local, custom), undefined);
  assert.equal(valueOf(local, key(anyRowTag(PROJECTS))), 'body');
  assert.equal(valueOf(local, key(task(2))), 'body');
  assert.deepEqual(local.fill('one', [item(key(task(9)), 119), item(custom, 119), item(key(task(9)), 120)]), [
    'stale',
    'stale',
    'stored',
  ]);
});

test('a value is replaced only by a newer one', () => {
  const local = living();
  assert.deepEqual(local.fill('one', [item(key(task(1)), 110, 'newer'), item(key(task(1)), 105, 'older')]), [
    'stored',
    'stale',
  ]);
  assert.equal(valueOf(local, key(task(1))), 'newer');
  assert.deepEqual(local.fill('one', [item(key(task(1)), 110, 'again')]), ['stored']);
  assert.equal(valueOf(local, key(task(1))), 'again');
  assert.equal(local.figures().entries, 1);
});

test('dropping a tombstone raises the horizon', () => {
  const local = living({ tombstones: 3 });
  for (let n = 1; n <= 4; n += 1) local.apply(batch(100 + n, [task(n)]));
  // The tombstone of task 1, at 101, is gone: nobody below 101 is believed any more.
  assert.deepEqual(local.fill('one', [item(key(task(50)), 100), item(key(task(50)), 101)]), ['stale', 'stored']);
  local.apply(batch(110, [], { horizon: lsn(103) }));
  assert.deepEqual(
    local.fill('one', [
      item(key(task(60)), 102),
      item(key(task(60)), 103),
      item(key(task(4)), 103),
      item(key(task(4)), 104),
    ]),
    ['stale', 'stored', 'stale', 'stored'],
  );
});

test('variants under one tag are bounded, and expired or invalidated ones make room first', () => {
  const clock = new StandingClock();
  const local = living({}, clock);
  const variant = (n: number, expiresAtMs = Number.MAX_SAFE_INTEGER) =>
    item(key(ofProject(1), `v${n}`), 100, 'body', { maxVariants: 2, expiresAtMs });
  assert.deepEqual(local.fill('one', [variant(1, clock.nowMs() + 10), variant(2), variant(3)]), [
    'stored',
    'stored',
    'full',
  ]);
  assert.deepEqual(local.fill('one', [variant(1, clock.nowMs() + 10)]), ['stored']);
  clock.pass(10);
  assert.deepEqual(local.fill('one', [variant(3), variant(1)]), ['stored', 'full']);
});

test('values are bounded in number and bytes, each by its size, and the least used go first', () => {
  const local = living({ cacheEntries: 3, cacheBytes: 100, cacheValueBytes: 60 });
  local.fill(
    'one',
    [1, 2, 3].map((n) => item(key(task(n)), 100, 'x'.repeat(10))),
  );
  local.lookup([key(task(1))]);
  local.fill('one', [item(key(task(4)), 100, 'x'.repeat(10))]);
  assert.equal(local.lookup([key(task(2))])[0], undefined);
  assert.deepEqual(local.figures(), { entries: 3, bytes: 30, tags: 3, tombstones: 0, answers: 0, answerBytes: 0 });
  // Bytes as UTF-8: 30 characters of two bytes each.
  assert.deepEqual(
    local.fill('one', [item(key(task(5)), 100, 'ä'.repeat(30)), item(key(task(6)), 100, 'ä'.repeat(31))]),
    ['stored', 'full'],
  );
  local.fill('one', [item(key(task(7)), 100, 'x'.repeat(60))]);
  assert.ok(local.figures().bytes <= 100);
  const none = living({ cacheEntries: 0 });
  assert.deepEqual(none.fill('one', [item(key(task(1)), 100)]), ['full']);
});

test('a value is decoded once, whoever asks', () => {
  const local = living();
  let decoded = 0;
  const codec = { encode: String, decode: (text: string) => ({ text, n: (decoded += 1) }) };
  local.fill('one', [item(key(task(1)), 100, 'once')]);
  const [first, again] = [local.lookup([key(task(1))])[0], local.lookup([key(task(1))])[0]];
  assert.equal(first?.body.by(codec), again?.body.by(codec));
  assert.equal(decoded, 1);
});

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test(`evicted, invalidated and replaced values leave nothing in the indexes (SEED=${SEED})`, () => {
  const random = seeded(SEED);
  for (let round = 0; round < 20; round += 1) {
    const local = living({
      cacheEntries: 1 + random.below(20),
      cacheBytes: 1 + random.below(400),
      cacheValueBytes: 60,
      tombstones: 10,
    });
    const tags = [
      ...Array.from({ length: 12 }, (_, n) => task(n)),
      ...Array.from({ length: 4 }, (_, n) => ofProject(n)),
      customTag('report'),
    ];
    const keys = Array.from({ length: 60 }, (_, n) =>
      key(random.shuffled(tags).slice(0, 1 + random.below(3)), `v${n % 5}`),
    );
    let now = 100;
    for (let step = 0; step < 400; step += 1) {
      const what = random.below(10);
      if (what < 6)
        local.fill('one', [
          item(random.pick(keys), now - random.below(3), 'x'.repeat(random.below(70)), {
            maxVariants: 1 + random.below(4),
          }),
        ]);
      else if (what < 8) local.lookup([random.pick(keys)]);
      else
        local.apply(
          batch((now += 1), random.shuffled(tags).slice(0, random.below(3)), {
            tables: random.below(20) === 0 ? [TASKS] : [],
            horizon: lsn(now - 5),
          }),
        );
      const { entries, bytes, tags: used } = local.figures();
      if (entries === 0) assert.deepEqual({ bytes, used }, { bytes: 0, used: 0 });
    }
    const found = new Set(local.lookup(keys).filter((kept) => kept !== undefined));
    // The lookups removed what a table made wrong: what remains is what can be found, and hangs under its own tags
    // only.
    const left = local.figures();
    assert.equal(left.entries, found.size);
    assert.equal(
      left.bytes,
      [...found].reduce((sum, kept) => sum + Math.max(1, kept.bytes), 0),
    );
    assert.equal(
      left.tags,
      new Set([...found].map((kept) => kept.tags[0])).size +
        new Set([...found].flatMap((kept) => kept.tags.slice(1))).size,
    );
    local.apply(batch(now + 1, tags));
    assert.deepEqual(
      { ...local.figures(), tombstones: 0 },
      { entries: 0, bytes: 0, tags: 0, tombstones: 0, answers: 0, answerBytes: 0 },
    );
  }
});

test('what a shortcut knows is what stands under its tags: until that is invalidated, replaced, evicted or lost', () => {
  const local = living({ cacheEntries: 2 });
  const by = (text: string): string | undefined => local.findBy(local.shortcut('tasks'), text, 0)?.body.by(plain);
  const known = (text: string, of: CacheKey): string | undefined =>
    local.findFor(local.shortcut('tasks'), text, of)?.body.by(plain);
  const [one, two, three] = [key(task(1)), key(task(2)), key(task(3))] as const;
  assert.equal(known('1', one), undefined);
  local.fill('one', [item(one, 100, 'first'), item(two, 100, 'second')]);
  assert.equal(by('1'), undefined);
  assert.deepEqual([known('1', one), known('2', two), by('1'), by('2')], ['first', 'second', 'first', 'second']);
  local.apply(batch(110, [task(1)]));
  assert.deepEqual([by('1'), by('2')], [undefined, 'second']);
  local.fill('one', [item(one, 110, 'later')]);
  assert.deepEqual([by('1'), known('1', one), by('1')], [undefined, 'later', 'later']);
  local.fill('one', [item(one, 120, 'latest')]);
  assert.deepEqual([by('1'), known('1', one)], [undefined, 'latest']);
  local.fill('one', [item(three, 120, 'third')]);
  assert.deepEqual([by('2'), by('1')], [undefined, 'latest']);
  local.apply(batch(130, [], { tables: [TASKS] }));
  assert.equal(by('1'), undefined);
  local.fill('one', [item(one, 130, 'newest')]);
  assert.equal(known('1', one), 'newest');
  local.lose('a message was missed');
  assert.equal(by('1'), undefined);
});

test('values that are found by a shortcut are no longer the least used', () => {
  const clockMs = 5_000;
  const local = living({ cacheEntries: 2 });
  const [one, two, three] = [key(task(1)), key(task(2)), key(task(3))] as const;
  local.fill('one', [item(one, 100, 'first'), item(two, 100, 'second')]);
  local.findFor(local.shortcut('tasks'), '1', one);
  local.lookup([two]);
  local.findBy(local.shortcut('tasks'), '1', clockMs);
  local.fill('one', [item(three, 100, 'third')]);
  assert.deepEqual([valueOf(local, one), valueOf(local, two)], ['first', undefined]);
});
