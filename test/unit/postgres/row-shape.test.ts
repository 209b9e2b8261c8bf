/** Tests of how an answer becomes rows, without a server. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RowShape } from '../../../src/postgres/connect/row-shape.ts';
import { TypeParsers } from '../../../src/postgres/types/types.ts';

const [INT4, TEXT, OWN_ARRAY, OWN_ENUM] = [23, 25, 20_001, 20_000];
const shape = (names: readonly string[], types: readonly number[], parsers = new TypeParsers()): RowShape =>
  new RowShape(
    names.map((name, i) => ({ name, dataTypeID: types[i] ?? TEXT, format: 'text' })),
    parsers,
  );

describe('the shape of rows', () => {
  it('reads each column by its type, and NULL as null', () => {
    assert.deepEqual(shape(['a', 'b', 'c'], [INT4, TEXT, INT4]).read(['1', '1', null]), { a: 1, b: '1', c: null });
  });

  it('gives the last of two columns of one name, and rows without columns', () => {
    assert.deepEqual(shape(['a', 'a'], [INT4, TEXT]).read(['1', 'x']), { a: 'x' });
    assert.deepEqual(shape([], []).read([]), {});
  });

  it('keeps a column that is called as a property of every object', () => {
    const row = shape(['__proto__', 'constructor'], [TEXT, TEXT]).read(['x', 'y']);
    assert.deepEqual(Object.entries(row), [
      ['__proto__', 'x'],
      ['constructor', 'y'],
    ]);
    assert.equal(Object.getPrototypeOf(row), Object.prototype);
  });

  it('reads an array type that the pool learns of later on', () => {
    const parsers = new TypeParsers();
    const one = shape(['a'], [OWN_ARRAY], parsers);
    assert.deepEqual(one.read(['{x,y}']), { a: '{x,y}' });
    parsers.learn([{ array: OWN_ARRAY, element: OWN_ENUM }]);
    assert.deepEqual(one.read(['{x,y}']), { a: ['x', 'y'] });
    parsers.learn([{ array: OWN_ARRAY, element: INT4 }]);
    assert.deepEqual(one.read(['{1,2}']), { a: [1, 2] });
  });
});
