/** Proves figures of the last minutes: sums and quantiles within a window that moves. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RecentCounts, RecentValues } from '../../../src/region/recent.ts';

describe('recent counts', () => {
  it('are summed by name, and forgotten when the window has moved past them', () => {
    const counts = new RecentCounts(30_000);
    for (let second = 0; second < 10; second += 1) {
      counts.add('hit', 2, second * 1_000);
      counts.add('miss', 1, second * 1_000 + 1);
    }
    assert.deepEqual(counts.sums(10_000), { hit: 20, miss: 10 });
    assert.deepEqual(counts.sums(34_000), { hit: 12, miss: 6 });
    assert.deepEqual(counts.sums(60_000), {});
  });

  it('use no more memory the longer they run', () => {
    const counts = new RecentCounts(3_000);
    for (let ms = 0; ms < 100_000; ms += 10) counts.add('hit', 1, ms);
    const { hit } = counts.sums(100_000);
    assert.ok(hit !== undefined && hit >= 280 && hit <= 300, String(hit));
  });
});

describe('recent values', () => {
  it('have quantiles of the recent values only', () => {
    const values = new RecentValues({ windowMs: 1_000, capacity: 100 });
    assert.equal(values.quantile(0.5, 0), null);
    for (let ms = 1; ms <= 100; ms += 1) values.add(ms, ms);
    assert.deepEqual(
      [values.quantile(0.5, 100), values.quantile(0.99, 100), values.quantile(0, 100), values.quantile(1, 100)],
      [51, 100, 1, 100],
    );
    assert.equal(values.quantile(0.5, 1_090), 95);
    assert.equal(values.quantile(0.5, 2_000), null);
  });

  it('are bounded in number', () => {
    const values = new RecentValues({ windowMs: 1_000_000, capacity: 10 });
    for (let n = 0; n < 1_000; n += 1) values.add(n, n);
    assert.equal(values.quantile(0, 1_000), 990);
  });
});
