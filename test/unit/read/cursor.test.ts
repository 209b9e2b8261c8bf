/** Cursors: exact for every value that a row can hold, and bound to their order. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { deflateRawSync } from 'node:zlib';
import { isMeridianError } from '../../../src/base/errors.ts';
import { decodeCursor, encodeCursor, orderSignature } from '../../../src/read/cursor.ts';
import { canonicalText } from '../../../src/read/loaders/canonical.ts';
import { type SortTerm } from '../../../src/read/sql/order.ts';
import { TASKS } from './tasks-entity.ts';

const terms: readonly SortTerm[] = [
  { column: 'at', descending: true, nullable: false },
  { column: 'due', descending: false, nullable: true },
  { column: 'title', descending: false, nullable: false },
  { column: 'id', descending: false, nullable: false },
];
const signature = orderSignature(TASKS, terms);
const order = { entity: TASKS, terms, signature };
const context = { ...order, argument: 'after' };

describe('cursors', () => {
  it('give back each key value to the last digit', () => {
    const row = {
      at: '2026-01-31T12:00:00.123456Z',
      due: null,
      title: '🙂 "quoted"',
      id: '9223372036854775807',
      project_id: '1',
    };
    const cursor = encodeCursor(order, row);
    assert.match(cursor, /^[\w-]+$/);
    assert.deepEqual(decodeCursor(cursor, context), { values: [row.at, null, row.title, row.id] });
  });

  it('of another order or entity are refused', () => {
    const other = [{ ...terms[0], descending: false } as SortTerm, ...terms.slice(1)];
    const cursor = encodeCursor(
      { entity: TASKS, terms: other, signature: orderSignature(TASKS, other) },
      { at: '2026-01-31T12:00:00Z', due: null, title: '', id: '1' },
    );
    assert.throws(
      () => decodeCursor(cursor, context),
      (error) => isMeridianError(error, 'BAD_USER_INPUT'),
    );
    assert.notEqual(orderSignature({ ...TASKS, name: 'Other' }, terms), signature);
  });

  it('stay short for values of any length: over long values they name the row by its key', () => {
    const row = { at: '2026-01-31T12:00:00Z', due: null, id: '7' };
    for (const title of [
      'x'.repeat(5_000),
      '"'.repeat(3_000),
      '\u0001'.repeat(1_000),
      '🙂'.repeat(2_000),
      'x'.repeat(1 << 22),
    ]) {
      const cursor = encodeCursor(order, { ...row, title });
      assert.ok(cursor.length < 100, `${title.length} characters`);
      assert.deepEqual(decodeCursor(cursor, context), { key: ['7'] });
    }
    assert.deepEqual(decodeCursor(encodeCursor(order, { ...row, title: '"'.repeat(1_900) }), context), {
      values: [row.at, null, '"'.repeat(1_900), '7'],
    });
  });

  const byTitle = { ...TASKS, primaryKey: ['title'] };
  const byKey = { entity: byTitle, terms: terms.slice(2, 3), signature: orderSignature(byTitle, terms.slice(2, 3)) };

  it('compress a long key, which an index holds only because it can be compressed, and need no row where the order is the key', () => {
    for (const title of ['ab'.repeat(100_000), 'é"'.repeat(50_000)]) {
      const cursor = encodeCursor(byKey, { title });
      assert.ok(cursor.length < 2_000);
      assert.deepEqual(decodeCursor(cursor, { ...byKey, argument: 'after' }), { values: [title] });
    }
    assert.throws(
      () => encodeCursor(byKey, { title: 'x'.repeat(1 << 21) }),
      (error) => isMeridianError(error, 'BAD_USER_INPUT') && /cannot be named by a cursor/.test(error.message),
    );
  });

  it('are refused where they decompress to more than a cursor may hold, or to nothing', () => {
    const hostile = `z.${deflateRawSync(Buffer.alloc(1 << 24, ' ')).toString('base64url')}`;
    for (const cursor of [
      hostile,
      'z.',
      'z.AAAA',
      `z.${Buffer.from('[1]').toString('base64url')}`,
      'x'.repeat(70_000),
    ]) {
      assert.throws(
        () => decodeCursor(cursor, { ...byKey, argument: 'after' }),
        (error) => isMeridianError(error, 'BAD_USER_INPUT') && /is not a cursor of this list/.test(error.message),
        cursor.slice(0, 20),
      );
    }
  });
});

describe('canonical text', () => {
  it('is the same for the same arguments in any order, and differs for any other', () => {
    assert.equal(canonicalText({ a: 1, b: { c: [1, 2], d: undefined } }), canonicalText({ b: { c: [1, 2] }, a: 1 }));
    const distinct = [
      {},
      { a: 1 },
      { a: '1' },
      { a: 1n },
      { a: '1n' },
      { a: null },
      { a: Infinity },
      { a: -Infinity },
      { a: NaN },
      { a: 'Infinity' },
      { a: [1] },
      { a: [[1]] },
      { a: { 0: 1 } },
      JSON.parse('{"__proto__": 1}'),
      JSON.parse('{"__proto__": {"a": 1}}'),
      { a: 'x","b' },
      [],
      null,
    ];
    assert.equal(new Set(distinct.map(canonicalText)).size, distinct.length);
  });
});
