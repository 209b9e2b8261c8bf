/** Owns the proof that the levels of a request's JSON are counted, and not what else it holds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JsonNumber } from '../../../src/base/json.ts';
import { isDeeper } from '../../../src/base/json-depth.ts';

const levels = (count: number, inner: unknown, isList: boolean): unknown => {
  let value = inner;
  for (let i = 0; i < count; i += 1) value = isList ? [value] : { a: value };
  return value;
};

describe('a value is deeper than a limit', () => {
  it('where something stands below that many levels, whatever it is', () => {
    for (const isList of [true, false]) {
      for (const inner of [1, 'x', null, true, {}, [], new JsonNumber('1.10')]) {
        for (const count of [0, 1, 2, 19, 20, 21, 500]) {
          for (const limit of [0, 1, 20])
            assert.equal(
              isDeeper(levels(count, inner, isList), limit),
              count > limit,
              `${count} levels around ${JSON.stringify(inner)}, limit ${limit}`,
            );
        }
      }
    }
    assert.equal(isDeeper(undefined, 0), false);
    assert.equal(isDeeper('text', 0), false);
  });

  it('where one branch of many is', () => {
    const wide = Array.from({ length: 1_000 }, (_, i) => ({ i, list: [1, 2, 3] }));
    assert.equal(isDeeper({ wide }, 4), false);
    assert.equal(isDeeper({ wide: [...wide, levels(3, 1, false)] }, 4), true);
  });

  it('and it is found out quickly and without recursion', () => {
    const startedMs = performance.now();
    assert.equal(isDeeper(levels(200_000, 1, true), 600), true);
    assert.equal(isDeeper(levels(200_000, 1, true), 300_000), false);
    assert.ok(performance.now() - startedMs < 5_000);
  });
});
