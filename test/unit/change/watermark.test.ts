/** Watermark: monotonic, waits in floor order, bounded in number and time; checked against a plain model. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isMeridianError } from '../../../src/base/errors.ts';
import { toLsn, type Lsn } from '../../../src/base/lsn.ts';
import { Watermark } from '../../../src/change/watermark.ts';
import { WaiterHeap, type Waiter } from '../../../src/change/waiters.ts';

const lsn = (n: number | bigint): Lsn => toLsn(BigInt(n));

test('starts unknown, only grows, and a reset begins anew', () => {
  const mark = new Watermark({ maxWaiters: 10 });
  const seen: bigint[] = [];
  const reasons: string[] = [];
  const stop = mark.onAdvance((at) => seen.push(at));
  mark.onReset((reason) => reasons.push(reason));
  assert.equal(mark.lsn, null);
  assert.equal(mark.reached(lsn(0)), false);
  assert.equal(mark.advance(lsn(5)), true);
  assert.equal(mark.advance(lsn(5)), false);
  assert.equal(mark.advance(lsn(3)), false);
  assert.equal(mark.lsn, 5n);
  mark.reset('slot lost');
  assert.equal(mark.lsn, null);
  mark.reset('new slot', lsn(2));
  assert.equal(mark.lsn, 2n);
  stop();
  mark.advance(lsn(9));
  assert.deepEqual(seen, [5n, 2n]);
  assert.deepEqual(reasons, ['slot lost', 'new slot']);
});

test('positions above 2^53 and up to 2^64-1 compare exactly', async () => {
  const mark = new Watermark({ maxWaiters: 10 });
  const top = lsn((1n << 64n) - 1n);
  mark.advance(lsn((1n << 64n) - 2n));
  const wait = mark.waitFor(top, { timeoutMs: 1_000 });
  assert.equal(mark.waiting, 1);
  mark.advance(top);
  assert.equal(await wait, true);
});

test('one advance wakes exactly the waiters whose floor it reaches', async () => {
  const mark = new Watermark({ maxWaiters: 10 });
  const woken: number[] = [];
  const waits = [30, 10, 20, 10].map((floor) =>
    mark.waitFor(lsn(floor), { timeoutMs: 1_000 }).then((ok) => ok && woken.push(floor)),
  );
  assert.equal(mark.lowestFloor, 10n);
  mark.advance(lsn(20));
  await waits[1];
  await waits[2];
  await waits[3];
  assert.deepEqual(woken.sort(), [10, 10, 20]);
  assert.equal(mark.waiting, 1);
  mark.advance(lsn(30));
  await Promise.all(waits);
  assert.equal(mark.waiting, 0);
});

test('a wait ends at its time limit or with its signal, and leaves nothing behind', async () => {
  const mark = new Watermark({ maxWaiters: 10 });
  const began = performance.now();
  assert.equal(await mark.waitFor(lsn(1), { timeoutMs: 30 }), false);
  assert.ok(performance.now() - began >= 25);
  const abort = new AbortController();
  const wait = mark.waitFor(lsn(1), { timeoutMs: 60_000, signal: abort.signal });
  abort.abort();
  assert.equal(await wait, false);
  assert.equal(await mark.waitFor(lsn(1), { timeoutMs: 60_000, signal: abort.signal }), false);
  assert.equal(await mark.waitFor(lsn(1), { timeoutMs: 0 }), false);
  assert.equal(mark.waiting, 0);
});

test('one waiter too many is refused, and a place that becomes free is given again', async () => {
  const mark = new Watermark({ maxWaiters: 2 });
  const waits = [mark.waitFor(lsn(7), { timeoutMs: 1_000 }), mark.waitFor(lsn(8), { timeoutMs: 1_000 })];
  await assert.rejects(mark.waitFor(lsn(9), { timeoutMs: 1_000 }), (error) => isMeridianError(error, 'OVERLOADED'));
  mark.advance(lsn(7));
  waits.push(mark.waitFor(lsn(9), { timeoutMs: 1_000 }));
  mark.advance(lsn(9));
  assert.deepEqual(await Promise.all(waits), [true, true, true]);
});

test('a waiter that waits across a reset is served by the new stream', async () => {
  const mark = new Watermark({ maxWaiters: 2 });
  mark.advance(lsn(5));
  const wait = mark.waitFor(lsn(6), { timeoutMs: 1_000 });
  mark.reset('slot recreated');
  mark.advance(lsn(6));
  assert.equal(await wait, true);
});

test('the heap agrees with a sorted list through 20,000 random operations', () => {
  let seed = 42;
  const random = (n: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n;
  const heap = new WaiterHeap();
  let model: Waiter[] = [];
  for (let step = 0; step < 20_000; step += 1) {
    const choice = random(10);
    if (choice < 6) {
      const waiter: Waiter = { floor: lsn(random(1_000)), settle: () => {}, index: -1 };
      heap.add(waiter);
      model.push(waiter);
    } else if (choice < 9 && model.length > 0) {
      const [waiter] = model.splice(random(model.length), 1);
      if (waiter) heap.remove(waiter);
    } else {
      const bound = lsn(random(200));
      const taken = heap.takeUpTo(bound);
      assert.deepEqual(new Set(taken), new Set(model.filter((w) => w.floor <= bound)));
      assert.ok(taken.every((w, i) => i === 0 || (taken[i - 1]?.floor ?? 0n) <= w.floor));
      model = model.filter((w) => w.floor > bound);
    }
    assert.equal(heap.size, model.length);
    if (model.length > 0)
      assert.equal(
        heap.lowest?.floor,
        model.reduce((low, w) => (w.floor < low ? w.floor : low), model[0]?.floor ?? lsn(0)),
      );
  }
});
