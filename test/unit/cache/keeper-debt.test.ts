/**
 * Proves what the holder of the tail remembers: how far W had come a while ago, and what the shared cache has not been
 * told.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { PendingInvalidations } from '../../../src/cache/feed/pending.ts';
import { Horizon } from '../../../src/cache/feed/horizon.ts';
import { lsn, PROJECTS, StandingClock, task, TASKS } from './fixtures.ts';

describe('the horizon', () => {
  it('is the watermark of a while ago, and before that the position at which the cache began', () => {
    const clock = new StandingClock();
    const horizon = new Horizon(lsn(100), 60_000, clock);
    for (let second = 1; second <= 60; second += 1) {
      clock.pass(1_000);
      assert.equal(horizon.reached(lsn(100 + second)), lsn(100), `after ${second} s`);
    }
    for (let second = 61; second <= 200; second += 1) {
      clock.pass(1_000);
      const at = Number(horizon.reached(lsn(100 + second)));
      // Not above what W was then; below it by no more than the distance of two samples.
      assert.ok(at <= 100 + second - 60 && at >= 100 + second - 60 - 3, `after ${second} s it is ${at}`);
    }
    clock.pass(60_000);
    assert.ok(horizon.lsn >= lsn(297), 'W has stood still since');
  });

  it('never passes the watermark, however long nothing comes', () => {
    const clock = new StandingClock();
    const horizon = new Horizon(lsn(100), 60_000, clock);
    clock.pass(10_000_000);
    assert.equal(horizon.lsn, lsn(100));
    assert.equal(horizon.reached(lsn(200)), lsn(100));
    clock.pass(59_999);
    assert.equal(horizon.lsn, lsn(100));
    clock.pass(1);
    assert.equal(horizon.lsn, lsn(200));
  });
});

describe('the list of invalidations that Redis has missed', () => {
  it('names each tag and table once, with the positions of the first and the last one', () => {
    const debt = new PendingInvalidations(lsn(100));
    assert.deepEqual([debt.from, debt.to, debt.size], [lsn(100), lsn(100), 0]);
    debt.add({ lsn: lsn(110), tags: [task(1), task(2)], tables: [] });
    debt.moveTo(lsn(115));
    debt.add({ lsn: lsn(120), tags: [task(2)], tables: [TASKS] });
    debt.moveTo(lsn(50));
    assert.deepEqual(
      [debt.from, debt.to, debt.tags, debt.tables, debt.size],
      [lsn(100), lsn(120), [task(1), task(2)], [TASKS], 3],
    );
    const later = new PendingInvalidations(lsn(120));
    later.add({ lsn: lsn(130), tags: [task(3)], tables: [PROJECTS] });
    debt.addLater(later);
    assert.deepEqual([debt.from, debt.to, debt.size], [lsn(100), lsn(130), 5]);
  });
});
