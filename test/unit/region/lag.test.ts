/** Lag on one clock: zero when idle, growing when cut, null when unknown; and the history that it is read from. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toLsn, type Lsn } from '../../../src/base/lsn.ts';
import { ClockMap, lagMs, MovingAverage, PositionHistory, stalenessBoundMs } from '../../../src/region/lag.ts';

const lsn = (n: number): Lsn => toLsn(BigInt(n));
const LIMITS = { freshMs: 1_000, graceMs: 100 };
const historyOf = (...samples: [number, number][]): PositionHistory => {
  const history = new PositionHistory({ capacity: 1_000, spacingMs: 0 });
  for (const [at, atMs] of samples) history.add({ lsn: lsn(at), atMs });
  return history;
};

test('an idle primary gives lag 0', () => {
  const history = historyOf([100, 0], [100, 500], [100, 1_000]);
  assert.equal(lagMs({ history, position: lsn(100), nowMs: 1_400, limits: LIMITS }), 0);
  assert.equal(history.size, 1, 'a standing position is one sample, renewed');
});

test('lag grows behind a cut link to the primary, although no newer position is known', () => {
  const history = historyOf([100, 0], [100, 1_000]);
  assert.equal(lagMs({ history, position: lsn(100), nowMs: 2_001, limits: LIMITS }), 1_001);
  assert.equal(lagMs({ history, position: lsn(100), nowMs: 61_000, limits: LIMITS }), 60_000);
});

test('a replica that stands still while the primary moves lags by the age of what it shows', () => {
  const history = historyOf([100, 0], [200, 1_000], [300, 2_000], [400, 3_000]);
  assert.equal(lagMs({ history, position: lsn(250), nowMs: 3_000, limits: LIMITS }), 2_000);
  assert.equal(lagMs({ history, position: lsn(250), nowMs: 4_000, limits: LIMITS }), 3_000);
});

test('a position that is younger than the delay to the replica counts as no lag', () => {
  const history = historyOf([100, 0], [200, 950]);
  assert.equal(lagMs({ history, position: lsn(100), nowMs: 1_000, limits: LIMITS }), 0);
  assert.equal(lagMs({ history, position: lsn(100), nowMs: 1_100, limits: LIMITS }), 1_100);
});

test('a position that the primary has just flushed counts as no lag, however long ago it was written', () => {
  const history = historyOf([100, 0]);
  history.add({ lsn: lsn(200), atMs: 500, flushedAtMs: 950 });
  assert.equal(lagMs({ history, position: lsn(100), nowMs: 1_000, limits: LIMITS }), 0);
  assert.equal(lagMs({ history, position: lsn(100), nowMs: 1_100, limits: LIMITS }), 1_100);
  assert.equal(stalenessBoundMs(history, lsn(200), 1_000), 500, 'what it shows is as old as the look that found it');
});

test('lag that is not known is null, never zero', () => {
  assert.equal(lagMs({ history: historyOf(), position: lsn(100), nowMs: 10, limits: LIMITS }), null);
  assert.equal(lagMs({ history: historyOf([100, 0]), position: null, nowMs: 10, limits: LIMITS }), null);
  assert.equal(lagMs({ history: historyOf([100, 0]), position: lsn(50), nowMs: 10, limits: LIMITS }), null);
  assert.equal(stalenessBoundMs(historyOf([100, 0]), lsn(50), 10), null);
});

test('the bound is at least the true age for random schedules', () => {
  let seed = 7;
  const random = (n: number): number => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) % n;
  for (let round = 0; round < 200; round += 1) {
    const history = new PositionHistory({ capacity: 16, spacingMs: 20 });
    const commits: { at: number; lsn: number }[] = [];
    let position = 0;
    for (let now = 0; now < 2_000; now += 1 + random(20)) {
      if (random(3) === 0) commits.push({ at: now, lsn: (position += 1 + random(50)) });
      if (random(5) === 0) history.add({ lsn: lsn(position), atMs: now });
    }
    const shown = random(position + 1);
    const missing = commits.find((c) => c.lsn > shown);
    const bound = stalenessBoundMs(history, lsn(shown), 2_000);
    if (missing && bound !== null)
      assert.ok(bound >= 2_000 - missing.at, `bound ${bound} is below the true age ${2_000 - missing.at}`);
  }
});

test('samples that arrive out of order keep the list rising in time and position', () => {
  const history = historyOf([300, 3_000], [100, 1_000], [200, 2_000]);
  assert.deepEqual(
    [100, 200, 300].map((at) => history.atOrBelow(lsn(at))?.atMs),
    [1_000, 2_000, 3_000],
  );
  // A lower position at a later time shows that 300 was dated too early.
  history.add({ lsn: lsn(250), atMs: 3_500 });
  assert.equal(history.newest?.lsn, 250n);
  history.add({ lsn: lsn(260), atMs: 3_400 });
  assert.equal(history.size, 3, 'an older time at a higher position says nothing new');
});

test('a full history keeps its span and stays bounded', () => {
  const history = new PositionHistory({ capacity: 100, spacingMs: 0 });
  for (let i = 1; i <= 10_000; i += 1) history.add({ lsn: lsn(i * 10), atMs: i });
  assert.ok(history.size <= 100);
  assert.equal(
    history.atOrBelow(lsn(10))?.atMs,
    1,
    'the oldest sample stays: lag as long as the history is still measured',
  );
  assert.equal(history.newest?.atMs, 10_000);
});

test('positions that a failover undid are forgotten', () => {
  const history = historyOf([100, 1], [200, 2], [300, 3]);
  history.cutAbove(lsn(200));
  assert.equal(history.newest?.lsn, 200n);
});

test('a time of another clock is translated by the reading with the shortest round trip', () => {
  const map = new ClockMap(3);
  assert.equal(map.toLocalMs(5), null);
  map.add({ localMs: 1_000, remoteMs: 51_080, rttMs: 160 });
  map.add({ localMs: 2_000, remoteMs: 52_001, rttMs: 2 });
  map.add({ localMs: 3_000, remoteMs: 53_070, rttMs: 150 });
  assert.equal(map.toLocalMs(52_501), 2_500);
  for (const localMs of [4_000, 5_000, 6_000]) map.add({ localMs, remoteMs: localMs + 50_010, rttMs: 20 });
  assert.equal(map.toLocalMs(60_010), 10_000, 'old readings leave, since clocks drift');
});

test('a clock that was set forward or back is followed at once', () => {
  for (const stepMs of [10_000, -10_000]) {
    const map = new ClockMap();
    for (const localMs of [1_000, 2_000, 3_000]) map.add({ localMs, remoteMs: localMs + 50_000, rttMs: 2 });
    map.add({ localMs: 4_000, remoteMs: 54_000 + stepMs, rttMs: 160 });
    assert.equal(map.toLocalMs(54_500 + stepMs), 4_500);
    map.add({ localMs: 5_000, remoteMs: 55_060 + stepMs, rttMs: 300 });
    assert.equal(map.toLocalMs(54_500 + stepMs), 4_500, 'readings that agree are kept');
  }
});

test('a moving average starts at the first value and approaches later ones', () => {
  const average = new MovingAverage(0.5);
  assert.equal(average.value, null);
  for (const value of [10, 20, 20]) average.add(value);
  assert.equal(average.value, 17.5);
});

test('the first sample since a moment holds everything that was committed before it', () => {
  const history = historyOf([100, 0], [200, 1_000], [300, 2_000]);
  for (const [sinceMs, position] of [
    [-1, 100],
    [0, 100],
    [1, 200],
    [1_000, 200],
    [1_500, 300],
    [2_000, 300],
  ] as const)
    assert.equal(history.firstSince(sinceMs)?.lsn, lsn(position), String(sinceMs));
  assert.equal(history.firstSince(2_001), null, 'nothing is known of what came later');
  assert.equal(historyOf().firstSince(0), null);
});
