/** Cursors: exact for every value that a row can hold, and bound to their order. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isMeridianError } from '../../../src/base/errors.ts';
import { decodeCursor, encodeCursor, orderSignature } from '../../../src/read/cursor.ts';
import { canonicalText } from '../../../src/read/loaders/canonical.ts';
import { type SortTerm } from '../../../src/read/sql/order.ts';
import { TASKS } from './tasks-entity.ts';

const terms: readonly SortTerm[] = [{ column: 'at', descending: true, nullable: false }, { column: 'due', descending: false, nullable: true }, { column: 'title', descending: false, nullable: false }, { column: 'id', descending: false, nullable: false }];
const signature = orderSignature(TASKS, terms);
const context = { entity: TASKS, terms, signature, argument: 'after' };

describe('cursors', () => {
  it('give back each key value to the last digit', () => {
    const row = { at: '2026-01-31T12:00:00.123456Z', due: null, title: '🙂 "quoted"', id: '9223372036854775807', project_id: '1' };
    const cursor = encodeCursor(signature, terms, row);
    assert.match(cursor, /^[\w-]+$/);
    assert.deepEqual(decodeCursor(cursor, context), [row.at, null, row.title, row.id]);
  });

  it('of another order or entity are refused', () => {
    const other = [{ ...terms[0], descending: false } as SortTerm, ...terms.slice(1)];
    const cursor = encodeCursor(orderSignature(TASKS, other), other, { at: '2026-01-31T12:00:00Z', due: null, title: '', id: '1' });
    assert.throws(() => decodeCursor(cursor, context), (error) => isMeridianError(error, 'BAD_USER_INPUT'));
    assert.notEqual(orderSignature({ ...TASKS, name: 'Other' }, terms), signature);
  });
});

describe('canonical text', () => {
  it('is the same for the same arguments in any order, and differs for any other', () => {
    assert.equal(canonicalText({ a: 1, b: { c: [1, 2], d: undefined } }), canonicalText({ b: { c: [1, 2] }, a: 1 }));
    const distinct = [{}, { a: 1 }, { a: '1' }, { a: 1n }, { a: '1n' }, { a: null }, { a: Infinity }, { a: -Infinity }, { a: NaN }, { a: 'Infinity' }, { a: [1] }, { a: [[1]] }, { a: { 0: 1 } }, JSON.parse('{"__proto__": 1}'), JSON.parse('{"__proto__": {"a": 1}}'), { a: 'x","b' }, [], null];
    assert.equal(new Set(distinct.map(canonicalText)).size, distinct.length);
  });
});
