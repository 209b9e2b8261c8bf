/**
 * Tombstones, checked against a plain model: what is forgotten raises the horizon, and the walk to the oldest stays
 * short.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Lsn } from '../../../src/base/lsn.ts';
import { type Tag } from '../../../src/change/tags.ts';
import { Tombstones } from '../../../src/cache/tombstones.ts';
import { seeded } from '../../support/random.ts';
import { lsn, task } from './fixtures.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

test(`every invalidation above the horizon is known (SEED=${SEED})`, () => {
  const random = seeded(SEED);
  for (let round = 0; round < 200; round += 1) {
    const limit = 1 + random.below(8);
    const tombstones = new Tombstones(limit);
    const all = new Map<Tag, Lsn>();
    let now = 0;
    for (let step = 0; step < 100; step += 1) {
      const what = random.below(20);
      now += random.below(3);
      if (what === 0) {
        tombstones.reset(lsn(now));
        all.clear();
      } else if (what <= 3) tombstones.forgetUpTo(lsn(random.below(now + 1)));
      else {
        const tag = task(random.below(12));
        tombstones.put(tag, lsn(now));
        all.set(tag, lsn(now));
      }
      assert.ok(tombstones.size <= limit);
      for (const [tag, at] of all) {
        if (at > tombstones.horizon)
          assert.equal(tombstones.of(tag), at, `${tag} at ${at}, horizon ${tombstones.horizon}`);
        // Those at the horizon harm nobody, and those below it are of no use.
        else assert.ok((tombstones.of(tag) ?? at) >= at);
      }
    }
  }
});

test('a tombstone below the known one changes nothing', () => {
  const tombstones = new Tombstones(10);
  tombstones.put(task(1), lsn(20));
  tombstones.put(task(1), lsn(10));
  assert.equal(tombstones.of(task(1)), lsn(20));
});

test('forgetting the oldest of very many takes no longer than of few', () => {
  const count = 100_000;
  const tombstones = new Tombstones(count);
  for (let n = 0; n < count; n += 1) tombstones.put(task(n), lsn(n));
  const began = performance.now();
  for (let n = count; n < count * 2; n += 1) tombstones.put(task(n), lsn(n));
  // Looking for the oldest from the map's beginning each time would take minutes.
  assert.ok(performance.now() - began < 20_000);
  assert.equal(tombstones.size, count);
  assert.equal(tombstones.horizon, lsn(count - 1));
});
