/** Tests of the memory of what the region's server showed a while ago. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toLsn, type Lsn } from '../../../src/base/lsn.ts';
import { ShownAgo } from '../../../src/read/session/shown-ago.ts';

const lsn = (value: number): Lsn => toLsn(BigInt(value));

describe('what was shown a while ago', () => {
  it('is null where nothing was shown, or where the shown position went back', () => {
    const shown = new ShownAgo(1_000);
    assert.equal(shown.at(0), null);
    shown.add(lsn(10), 0);
    shown.forget();
    assert.equal(shown.at(5_000), null);
  });

  it('is the first position until the time has passed', () => {
    const shown = new ShownAgo(1_000);
    shown.add(lsn(10), 0);
    shown.add(lsn(20), 900);
    assert.equal(shown.at(950), lsn(10));
    assert.equal(shown.at(1_899), lsn(10));
    assert.equal(shown.at(1_900), lsn(20));
  });

  it('reaches the newest position when nothing comes any more', () => {
    const shown = new ShownAgo(1_000);
    for (let ms = 0; ms <= 2_000; ms += 1) shown.add(lsn(ms), ms);
    assert.equal(shown.at(3_000), lsn(2_000));
    assert.equal(shown.at(1e9), lsn(2_000));
  });

  it('is never above the position shown then, and not far below, while positions arrive at random times', () => {
    const shown = new ShownAgo(1_000);
    let now = 0;
    const all: { readonly position: number; readonly ms: number }[] = [];
    for (let position = 1; position <= 20_000; position += 1) {
      now += Math.random() ** 8 * 300;
      shown.add(lsn(position), now);
      all.push({ position, ms: now });
      const found = Number(shown.at(now));
      const exact = all.findLast(({ ms }) => now - ms >= 1_000)?.position ?? 1;
      const slack = all.findLast(({ ms }) => now - ms >= 1_100)?.position ?? 1;
      assert.ok(found <= exact && found >= slack, `${found} at ${now}, exactly ${exact}, at least ${slack}`);
    }
  });
});
