/** The memory of names that came before: bounded, and right about those that came a moment ago. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MetBefore } from '../../../src/cache/met-before.ts';

test('a name is known from its second time on', () => {
  const met = new MetBefore();
  assert.equal(met.meet('query A'), false);
  assert.equal(met.meet('query B'), false);
  assert.equal(met.meet('query A'), true);
  assert.equal(met.meet('query A'), true);
});

test('a name that did not come for very long is forgotten, and one that came meanwhile is not', () => {
  const met = new MetBefore();
  met.meet('once');
  for (let i = 0; i < 200_000; i += 1) {
    met.meet(`other ${i}`);
    if (i % 10_000 === 0) met.meet('often');
  }
  assert.equal(met.meet('often'), true);
  assert.equal(met.meet('once'), false);
});
