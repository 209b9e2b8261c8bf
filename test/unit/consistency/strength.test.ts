/** Owns the proof of the order of consistency levels. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CONSISTENCY_LEVELS } from '../../../src/consistency/requirement.ts';
import { compareStrength, strongestLevel } from '../../../src/consistency/strength.ts';

describe('the strength of consistency levels', () => {
  it('rises from EVENTUAL over SESSION, BOUNDED and STRONG to SNAPSHOT', () => {
    assert.deepEqual([...CONSISTENCY_LEVELS].sort(compareStrength), [
      'EVENTUAL',
      'SESSION',
      'BOUNDED',
      'STRONG',
      'SNAPSHOT',
    ]);
  });

  it('decides which of several levels is reported, in whatever order they are given', () => {
    assert.equal(strongestLevel(['SESSION', 'BOUNDED', 'EVENTUAL']), 'BOUNDED');
    assert.equal(strongestLevel(['BOUNDED', 'SESSION']), 'BOUNDED');
    assert.equal(strongestLevel(['EVENTUAL']), 'EVENTUAL');
  });
});
