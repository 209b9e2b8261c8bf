/** Proves the sum of a region's figures: ratios come from sums, and what nobody knows is null. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { figuresText, readFigures, reportOf, type CacheFigures } from '../../../src/region/cache-report.ts';

const IDLE: CacheFigures = {
  process: 'a',
  localHits: 0,
  lookups: 0,
  sharedHits: 0,
  sharedLookups: 0,
  entries: 0,
  bytes: 0,
  answerHits: 0,
  answerLookups: 0,
  answers: 0,
  answerBytes: 0,
  isOn: false,
  lagMs: null,
  lagP99Ms: null,
};

describe("the report of a region's caches", () => {
  it('is null where no process reported anything', () => {
    assert.equal(reportOf([]), null);
  });

  it('has no ratio where nothing was looked up, and no lag where none was measured', () => {
    assert.deepEqual(reportOf([IDLE]), {
      servers: 1,
      caching: 0,
      localHitRatio: null,
      sharedHitRatio: null,
      entries: 0,
      bytes: 0,
      operationHitRatio: null,
      operations: 0,
      operationBytes: 0,
      invalidationLagMs: null,
      invalidationLagP99Ms: null,
    });
  });

  it('adds up what the processes reported', () => {
    const busy: CacheFigures = {
      process: 'a',
      localHits: 90,
      lookups: 100,
      sharedHits: 6,
      sharedLookups: 10,
      entries: 5,
      bytes: 50,
      answerHits: 3,
      answerLookups: 4,
      answers: 2,
      answerBytes: 20,
      isOn: true,
      lagMs: 2,
      lagP99Ms: 9,
    };
    const fresh: CacheFigures = {
      ...IDLE,
      process: 'b',
      lookups: 100,
      sharedHits: 90,
      sharedLookups: 100,
      entries: 1,
      bytes: 7,
      answerLookups: 2,
      answers: 1,
      answerBytes: 5,
      isOn: true,
    };
    assert.deepEqual(reportOf([busy, fresh]), {
      servers: 2,
      caching: 2,
      localHitRatio: 0.45,
      sharedHitRatio: 96 / 110,
      entries: 6,
      bytes: 57,
      operationHitRatio: 0.5,
      operations: 3,
      operationBytes: 25,
      invalidationLagMs: 2,
      invalidationLagP99Ms: 9,
    });
  });

  it('is read back as it was written, and refused in another form', () => {
    const figures: CacheFigures = { ...IDLE, lagMs: 1.5, entries: 3, isOn: true };
    assert.deepEqual(readFigures(figuresText(figures)), figures);
    for (const text of [
      '',
      'null',
      '7',
      '[]',
      '{}',
      JSON.stringify({ ...figures, entries: '3' }),
      JSON.stringify({ ...figures, entries: -1 }),
      JSON.stringify({ ...figures, lagMs: undefined }),
      JSON.stringify({ ...figures, isOn: 1 }),
    ]) {
      assert.equal(readFigures(text), null, text);
    }
    assert.deepEqual(readFigures(JSON.stringify({ ...figures, added: 'later' })), figures);
  });
});
