/** Rules of a MERGE by example: what two changes of one value come to, null included, and where they clash. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ruleFits } from '../../../src/conflict/resolve.ts';
import { type ConflictRule, type SqlType } from '../../../src/model/model.ts';
import { listOf, settle, type } from './fixtures.ts';

/** Was, theirs, mine, and what they come to; `CLASH` where the write is refused. */
const CLASH = Symbol('clash');
type Example = readonly [SqlType, unknown, unknown, unknown, unknown];

function check(rule: ConflictRule, examples: readonly Example[]): void {
  for (const [of, was, theirs, mine, wanted] of examples) {
    const settled = settle(rule, of, [was, theirs, mine]);
    assert.deepEqual(
      settled === null ? CLASH : settled.value,
      wanted,
      `${rule} of ${of.sql}: ${JSON.stringify({ was, theirs, mine })}`,
    );
  }
}

const INT = type('int');
const TEXTS = listOf('text');

describe('the rule ADD', () => {
  it('adds both differences, also where they are equal', () => {
    check('ADD', [
      [INT, 5, 7, 6, 8],
      [INT, 5, 6, 6, 7],
      [INT, 5, 3, 9, 7],
      [INT, 5, 5, 9, 9],
      [INT, 5, 9, 5, 9],
      [INT, 5, 4, 6, 5],
    ]);
  });
  it('is exact for every kind of number', () => {
    check('ADD', [
      [type('bigint'), '9007199254740993', '9007199254740995', '9007199254740994', '9007199254740996'],
      [type('bigint'), '-9223372036854775808', '-9223372036854775807', '-9223372036854775806', '-9223372036854775805'],
      [type('numeric'), '0.1', '0.3', '0.20', '0.40'],
      [
        type('numeric'),
        `1${'0'.repeat(60)}.01`,
        `1${'0'.repeat(60)}.02`,
        `1${'0'.repeat(60)}.03`,
        `1${'0'.repeat(60)}.04`,
      ],
      [type('float'), 0.1, 0.3, 0.2, 0.4],
    ]);
  });
  it('leaves what its type cannot hold to the database, but never turns it into infinity', () => {
    check('ADD', [
      [INT, 0, 2_147_483_647, 1, 2_147_483_648],
      [type('float'), 0, 1.7e308, 1.7e308, CLASH],
      [type('float'), 1, Infinity, 2, CLASH],
      [type('numeric'), '1', 'NaN', '2', CLASH],
      [type('numeric'), '1', '1', 'NaN', 'NaN'],
    ]);
  });
  it('begins at 0 where there was null, and is in conflict where one side sets null and the other adds', () => {
    check('ADD', [
      [INT, null, 3, 5, 8],
      [INT, null, 5, 5, 10],
      [INT, 5, null, 7, CLASH],
      [INT, 5, 7, null, CLASH],
      [INT, 5, null, null, null],
      [INT, null, null, 4, 4],
      [INT, 5, 5, null, null],
    ]);
  });
});

describe('the rules MAX and MIN', () => {
  it('take the greater and the lesser', () => {
    check('MAX', [
      [INT, 5, 7, 9, 9],
      [INT, 5, 9, 7, 9],
      [INT, 5, 2, 3, 3],
      [type('bigint'), '1', '9007199254740993', '9007199254740992', '9007199254740993'],
      [type('numeric'), '0', '10', '9.5', '10'],
      [type('numeric'), '0', '1.00', '1.0', '1.00'],
    ]);
    check('MIN', [
      [INT, 5, 7, 9, 7],
      [INT, 5, 3, 2, 2],
      [type('numeric'), '0', '-10', '-9.5', '-10'],
      [type('float'), 1, 0.5, 0.25, 0.25],
    ]);
  });
  it('order times as time goes, and NaN above everything', () => {
    check('MAX', [
      [
        type('timestamptz'),
        '2026-01-01T00:00:00Z',
        '2026-01-31T12:00:00.5Z',
        '2026-01-31T12:00:00Z',
        '2026-01-31T12:00:00.5Z',
      ],
      [type('date'), '2026-01-01', '9999-12-31', '10000-01-01', '10000-01-01'],
      [type('date'), '2026-01-01', '0044-03-15 BC', '0043-03-15 BC', '0043-03-15 BC'],
      [type('time'), '09:00:00', '24:00:00', '23:59:59', '24:00:00'],
      [type('float'), 1, NaN, Infinity, NaN],
      [type('numeric'), '1', 'Infinity', 'NaN', 'NaN'],
      [type('numeric'), '1', '-Infinity', '-1e9', '-1e9'],
    ]);
  });
  it('leave null out', () => {
    check('MAX', [
      [INT, 5, null, 3, 3],
      [INT, 5, 3, null, 3],
      [INT, 5, null, null, null],
      [INT, null, 3, 4, 4],
    ]);
    check('MIN', [
      [INT, 5, null, 7, 7],
      [INT, 5, 7, null, 7],
    ]);
  });
});

describe('the rule UNION', () => {
  it('has what either side added, and not what either side removed', () => {
    check('UNION', [
      [TEXTS, ['a', 'b'], ['a', 'b', 'c'], ['a', 'd'], ['a', 'c', 'd']],
      [TEXTS, ['a'], ['a', 'c', 'c'], ['a', 'c', 'b'], ['a', 'c', 'b']],
      [TEXTS, ['a'], [], ['a', 'b'], ['b']],
      [TEXTS, ['a'], ['a', null], ['a', 'x', null], ['a', null, 'x']],
      [TEXTS, ['a', 'b'], ['a', 'b', 'c'], ['b', 'a'], ['a', 'b', 'c']],
      [listOf('numeric'), ['1.0'], ['1.0', '2'], ['1.00', '3'], ['1.0', '2', '3']],
      [listOf('json'), [], [{ a: 1, b: 2 }], [{ b: 2, a: 1 }, 'x'], [{ a: 1, b: 2 }, 'x']],
    ]);
  });
  it('takes a null list for an empty one', () => {
    check('UNION', [
      [TEXTS, null, ['a'], ['b'], ['a', 'b']],
      [TEXTS, ['a'], ['a', 'b'], null, ['b']],
      [TEXTS, ['a'], null, ['a', 'b'], ['b']],
      [TEXTS, ['a'], [], null, null],
    ]);
  });
});

describe('the rule APPEND', () => {
  it('puts what was added behind what is there', () => {
    check('APPEND', [
      [type('text'), 'Hello', 'Hello, you', 'Hello!', 'Hello, you!'],
      [type('text'), '', 'x', 'y', 'xy'],
      [type('text'), null, 'x', 'y', 'xy'],
      [type('text'), 'a', null, 'ab', 'b'],
      [type('text'), 'a', 'ab', 'ab', 'ab'],
      [TEXTS, ['a'], ['a', 'b'], ['a', 'c'], ['a', 'b', 'c']],
      [TEXTS, ['a'], [], ['a', 'a'], ['a']],
      [TEXTS, null, ['a'], ['a', 'b'], ['a', 'a', 'b']],
    ]);
  });
  it('is in conflict with a change of an entry that was there', () => {
    check('APPEND', [
      [type('text'), 'Hello', 'Hello, you', 'Hallo!', CLASH],
      [type('text'), 'a', 'ab', null, CLASH],
      [type('text'), 'a', 'ab', '', CLASH],
      [TEXTS, ['a', 'b'], ['a', 'b', 'c'], ['b', 'a', 'd'], CLASH],
      [TEXTS, ['a'], ['b'], null, CLASH],
      [TEXTS, ['a', 'b'], ['c'], ['a'], CLASH],
    ]);
  });
});

describe('the rules LAST_WRITE_WINS and REJECT', () => {
  it('take this write, or refuse it, and are not asked where both agree or one has changed nothing', () => {
    check('LAST_WRITE_WINS', [
      [INT, 1, 2, 3, 3],
      [INT, 1, 2, null, null],
      [INT, 1, 2, 1, 2],
    ]);
    check('REJECT', [
      [INT, 1, 2, 3, CLASH],
      [INT, 1, 2, 2, 2],
      [INT, 1, 2, 1, 2],
      [INT, 1, 1, 3, 3],
      [type('json'), { a: 1 }, { a: 1, b: 2 }, { b: 2, a: 1 }, { a: 1, b: 2 }],
    ]);
  });
});

describe('a rule', () => {
  const kinds = [
    'int',
    'float',
    'bigint',
    'numeric',
    'text',
    'uuid',
    'bool',
    'date',
    'timestamp',
    'timestamptz',
    'time',
    'json',
    'enum',
    'bytea',
    'other',
  ] as const;
  const fitting = (rule: ConflictRule): string[] => kinds.filter((kind) => ruleFits(rule, type(kind)));
  it('fits the types that it means something for', () => {
    assert.deepEqual(fitting('ADD'), ['int', 'float', 'bigint', 'numeric']);
    for (const rule of ['MAX', 'MIN'] as const)
      assert.deepEqual(fitting(rule), [
        'int',
        'float',
        'bigint',
        'numeric',
        'date',
        'timestamp',
        'timestamptz',
        'time',
      ]);
    assert.deepEqual(fitting('UNION'), []);
    assert.deepEqual(fitting('APPEND'), ['text']);
    for (const rule of ['LAST_WRITE_WINS', 'REJECT'] as const) assert.deepEqual(fitting(rule), [...kinds]);
    for (const kind of kinds)
      assert.deepEqual(
        (['ADD', 'MAX', 'MIN', 'UNION', 'APPEND'] as const).filter((rule) => ruleFits(rule, listOf(kind))),
        ['UNION', 'APPEND'],
        kind,
      );
    for (const sql of ['bpchar', 'character', 'name']) assert.equal(ruleFits('APPEND', type('text', sql)), false, sql);
    assert.equal(ruleFits('APPEND', type('text', 'character varying')), true);
  });
  it('that does not fit the values refuses the write, as REJECT does', () => {
    check('ADD', [
      [type('text'), 'a', 'b', 'c', CLASH],
      [type('text'), 'a', 'a', 'c', 'c'],
    ]);
    check('MAX', [
      [type('text'), 'a', 'b', 'c', CLASH],
      [type('enum'), 'A', 'B', 'C', CLASH],
    ]);
    check('UNION', [[INT, 1, 2, 3, CLASH]]);
  });
});
