/**
 * Owns the proof that what is written to Redis is read back whole, rounds to the safe side, and that nobody else's text
 * is taken for it.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseEntry, entryText } from '../../../src/redis/entries.ts';
import {
  appliedMessage,
  beganMessage,
  parseMessage,
  parseState,
  roundedDown,
  roundedUp,
  stateText,
} from '../../../src/redis/state.ts';
import { CLUSTER, TABLE, item, lsn, tag } from '../../support/shared-cache.ts';
import { seeded } from '../../support/random.ts';

const state = { epoch: 'e-1', cluster: CLUSTER, timeline: 3, sequence: 7, watermark: lsn((1n << 64n) - 1n) };

describe('text in Redis', () => {
  it('writes positions as numbers that a double can hold, rounded by at most one step', () => {
    const random = seeded(11);
    for (let n = 0; n < 10_000; n += 1) {
      const exact = lsn((BigInt(random.below(2 ** 32)) << BigInt(random.below(33))) + BigInt(random.below(2 ** 32)));
      const [down, up] = [BigInt(roundedDown(exact)), roundedUp(exact)];
      assert.ok(down <= exact && exact <= up);
      assert.ok(BigInt(Number(down)) === down && BigInt(Number(up)) === up, String(exact));
      if (exact <= 1n << 53n) assert.ok(down === exact && up === exact);
      assert.ok(up - down <= exact >> 52n);
    }
    assert.equal(roundedUp(lsn((1n << 64n) - 1n)), 1n << 64n);
  });

  it('reads back entries, states and messages', () => {
    for (const body of ['', ' a b\nc ', '{"é":1}']) {
      const { entry } = item(1, 5, { body });
      assert.deepEqual(parseEntry(entryText(entry, 'nonce')), entry);
    }
    assert.deepEqual(parseState(`${stateText(state, 'a holder/1')}- 5`), state);
    const applied = {
      epoch: 'e',
      sequence: 3,
      previous: lsn((1n << 60n) - 1n),
      watermark: lsn(1n << 60n),
      tags: [tag('é|\n')],
      tables: [TABLE],
    };
    assert.deepEqual(parseMessage(appliedMessage(applied)), { kind: 'applied', applied });
    assert.deepEqual(parseMessage(beganMessage(state)), { kind: 'began', state });
  });

  it('is null where something else wrote it', () => {
    for (const text of [
      '',
      '*',
      'x',
      '1 2 3',
      '{}',
      '[]',
      '["other"]',
      '["applied"]',
      '["applied","e",1,"x",[],[]]',
      '["began","e"]',
      'null',
    ]) {
      assert.deepEqual([parseEntry(text), parseState(text), parseMessage(text)], [null, null, null], text);
    }
  });
});
