/** Proves the consistency-level header: every level there and back, and a typed error for everything else. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isMeridianError } from '../../../src/base/errors.ts';
import { readLevel, writeLevel, type AskedLevel } from '../../../src/consistency/level-text.ts';
import { CONSISTENCY_LEVELS } from '../../../src/consistency/requirement.ts';

describe('the consistency-level header', () => {
  it('can express every @consistent, with and without arguments', () => {
    for (const level of [null, ...CONSISTENCY_LEVELS]) {
      for (const maxLagMs of [null, 0, 500, 2 ** 31 - 1]) {
        const asked: AskedLevel = { level, maxLagMs };
        assert.deepEqual(readLevel(writeLevel(asked)), asked, writeLevel(asked));
      }
    }
  });

  it('is null where it is missing', () => {
    assert.equal(readLevel(undefined), null);
  });

  it('may be sent twice by a proxy, and may have spaces', () => {
    assert.deepEqual(readLevel('STRONG, STRONG'), { level: 'STRONG', maxLagMs: null });
    assert.deepEqual(readLevel(' BOUNDED ;maxLagMs=7 '), { level: 'BOUNDED', maxLagMs: 7 });
  });

  it('is refused with a typed error in every other form', () => {
    for (const header of [
      '',
      ' ',
      'strong',
      'STRONGEST',
      'STRONG, SESSION',
      'STRONG;',
      'BOUNDED; maxLagMs=',
      'BOUNDED; maxLagMs=-1',
      'BOUNDED; maxLagMs=1e3',
      'BOUNDED; maxLagMs=2147483648',
      'BOUNDED; maxLagMs=99999999999',
      'BOUNDED; maxLagMs=1; maxLagMs=2',
      'A'.repeat(100_000),
      '__proto__',
      'constructor',
      'STRONG\u0000',
      '"STRONG"',
    ]) {
      assert.throws(
        () => readLevel(header),
        (error) => isMeridianError(error, 'BAD_USER_INPUT'),
        header.slice(0, 40),
      );
    }
  });
});
