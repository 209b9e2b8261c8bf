/** Equality and order of values: exact by type, whatever their spelling; sums that lose no digit. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseJson } from '../../../src/base/json.ts';
import {
  canonicalDecimal,
  compareDecimals,
  decimalText,
  difference,
  parseDecimal,
  sum,
  type Decimal,
} from '../../../src/conflict/decimal.ts';
import { asParam, asRead, isSame } from '../../../src/conflict/equality.ts';
import { JsonNumber } from '../../../src/base/json.ts';
import { momentOf } from '../../../src/conflict/moments.ts';
import { type ScalarKind, type SqlType } from '../../../src/model/model.ts';
import { normalizeValue } from '../../../src/model/values.ts';
import { listOf, type } from './fixtures.ts';

const decimal = (text: string): Decimal => {
  const parsed = parseDecimal(text);
  assert.ok(parsed, text);
  return parsed;
};

describe('decimals', () => {
  it('are read and written without losing a digit', () => {
    for (const [text, written, canonical] of [
      ['12.50', '12.50', '12.5'],
      ['-0.00', '0.00', '0'],
      ['+7', '7', '7'],
      ['.5', '0.5', '0.5'],
      ['5.', '5', '5'],
      ['-.05', '-0.05', '-0.05'],
      ['1.5e3', '1500', '1500'],
      ['1.5e-3', '0.0015', '0.0015'],
      ['100', '100', '100'],
      ['0.100', '0.100', '0.1'],
    ] as const) {
      assert.deepEqual([decimalText(decimal(text)), canonicalDecimal(decimal(text))], [written, canonical], text);
    }
    for (const text of ['', '.', '-', 'NaN', 'Infinity', '1e', '0x10', '1 '])
      assert.equal(parseDecimal(text), null, text);
  });

  it('add up over different scales, and beyond what a number holds', () => {
    assert.equal(decimalText(sum(decimal('0.1'), decimal('0.20'))), '0.30');
    assert.equal(decimalText(difference(decimal('9007199254740993'), decimal('0.5'))), '9007199254740992.5');
    const long = `1${'0'.repeat(100_000)}.${'0'.repeat(10_000)}1`;
    assert.equal(
      decimalText(difference(sum(decimal(long), decimal('1e-16000')), decimal(long))),
      `0.${'0'.repeat(15_999)}1`,
    );
    assert.equal(compareDecimals(decimal('1.0'), decimal('1.00')), 0);
    assert.ok(compareDecimals(decimal('-1.01'), decimal('-1.001')) < 0);
  });

  it('with a hundred thousand zeros are compared within a time limit', () => {
    const from = performance.now();
    assert.equal(canonicalDecimal(decimal(`0.1${'0'.repeat(16_000)}`)), '0.1');
    assert.equal(canonicalDecimal(decimal(`1${'0'.repeat(131_000)}.${'0'.repeat(16_000)}1`)).length, 147_003);
    assert.ok(performance.now() - from < 20_000);
  });
});

describe('one value', () => {
  const same: readonly (readonly [SqlType, unknown, unknown])[] = [
    [type('numeric'), '1.0', '1.00'],
    [type('numeric'), '-0', '0.0'],
    [type('numeric'), '1e2', '100'],
    [type('numeric'), 'NaN', 'NaN'],
    [type('float'), NaN, NaN],
    [type('float'), -0, 0],
    [type('float', 'real'), 0.1, Math.fround(0.1)],
    [type('bigint'), '9007199254740993', '9007199254740993'],
    [type('json'), { a: 1, b: [null, { c: 'x' }] }, { b: [null, { c: 'x' }], a: 1 }],
    [listOf('text'), ['a', null], ['a', null]],
    [listOf('numeric'), ['1.0'], ['1.00']],
    [type('timestamptz'), '2026-01-31T12:00:00.5Z', '2026-01-31T12:00:00.5Z'],
    [type('date'), '02026-01-31', '2026-01-31'],
    [type('time'), '09:30:00+02', '09:30:00'],
    [type('text', 'bpchar'), 'a  ', 'a'],
    [type('text'), null, null],
  ];
  const different: readonly (readonly [SqlType, unknown, unknown])[] = [
    [type('numeric'), '1.0', '1.01'],
    [type('numeric'), 'NaN', 'Infinity'],
    [type('bigint'), '9007199254740993', '9007199254740992'],
    [type('float'), 0.1, Math.fround(0.1)],
    [type('json'), { a: 1 }, { a: '1' }],
    [type('json'), [1, 2], [2, 1]],
    [type('json'), {}, []],
    [type('json'), { a: null }, {}],
    [listOf('text'), ['a', 'b'], ['b', 'a']],
    [listOf('text'), ['null'], [null]],
    [listOf('text'), ['a,b'], ['a', 'b']],
    [listOf('text'), [], null],
    [listOf('text'), [['a'], ['b']], [['a', 'b']]],
    [type('text'), '', null],
    [type('text'), 'null', null],
    [type('text'), 'a ', 'a'],
    [type('text', 'character varying'), 'a ', 'a'],
    [type('bool'), false, null],
    [type('timestamptz'), '2026-01-31T12:00:00.5Z', '2026-01-31T12:00:00.50001Z'],
  ];
  it('equals itself in every spelling', () => {
    for (const [of, a, b] of same)
      assert.ok(isSame(of, a, b), `${of.sql}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`);
  });
  it('differs from every other one', () => {
    for (const [of, a, b] of different)
      assert.ok(!isSame(of, a, b), `${of.sql}: ${JSON.stringify(a)} and ${JSON.stringify(b)}`);
  });

  it('goes from a row to a statement and back without a change', () => {
    for (const [of, value] of [
      [type('json'), { a: ['"', null] }],
      [type('json'), 'text'],
      [type('float'), Infinity],
      [type('float'), NaN],
      [listOf('float'), [NaN, null, 0.5]],
      [listOf('json'), [{ a: 1 }, null, 'x']],
      [
        listOf('int'),
        [
          [1, 2],
          [3, null],
        ],
      ],
      [type('bool'), true],
      [type('numeric'), '12.50'],
      [type('other'), 'P1D'],
      [type('timestamptz'), '0044-03-15 00:00:00+00 BC'],
      [listOf('text'), null],
      [type('json'), { a: [new JsonNumber('9007199254740993'), new JsonNumber('1.10'), new JsonNumber('1e400')] }],
      [listOf('json'), [new JsonNumber('-0'), null]],
    ] as const) {
      assert.deepEqual(asRead(of, asParam(of, value)), value, JSON.stringify(value));
    }
  });
});

describe('documents', () => {
  it('are equal where jsonb holds their numbers to be, and differ in the last digit', () => {
    const n = (text: string): JsonNumber => new JsonNumber(text);
    for (const [a, b] of [
      [n('1.10'), 1.1],
      [n('1e3'), 1000],
      [n('-0'), 0],
      [n('9007199254740992'), n('9007199254740992.0')],
      [n('1e400'), n('10e399')],
    ]) {
      assert.ok(isSame(type('json'), { a: [a] }, { a: [b] }) && isSame(type('json'), a, b), String(a));
    }
    for (const [a, b] of [
      [n('9007199254740993'), n('9007199254740992')],
      [n('0.1234567890123456789'), 0.12345678901234568],
      [n('1e400'), n('1e401')],
      [n('1e9999999'), n('1e9999998')],
      [n('1.10'), '1.10'],
      [n('1.10'), { text: '1.10' }],
    ]) {
      assert.ok(!isSame(type('json'), { a: [a] }, { a: [b] }), JSON.stringify(a));
    }
  });
});

describe('moments', () => {
  const ascending: Partial<Record<ScalarKind, readonly string[]>> = {
    date: [
      '-infinity',
      '4713-01-01 BC',
      '0002-12-31 BC',
      '0001-02-29 BC',
      '0001-12-31 BC',
      '0001-01-01',
      '0099-12-31',
      '2024-02-28',
      '2024-02-29',
      '2024-03-01',
      '9999-12-31',
      '10000-01-01',
      '5874896-12-31',
      'infinity',
    ],
    time: ['00:00:00', '09:30:00', '09:30:00.45', '09:30:00.5', '09:30:01', '23:59:59.999999', '24:00:00'],
    timestamp: [
      '-infinity',
      '0044-03-15 00:00:00 BC',
      '0001-01-01T00:00:00',
      '2026-01-31T12:00:00',
      '2026-01-31T12:00:00.000001',
      '2026-01-31T12:00:00.1',
      '2026-02-01T00:00:00',
      '294275-12-31 00:00:00',
      'infinity',
    ],
    timestamptz: [
      '0044-03-15 00:00:00+00 BC',
      '0044-03-15 00:00:00-00:30 BC',
      '2026-01-31T12:00:00Z',
      '2026-01-31T12:00:00.5Z',
      '290000-01-01 00:30:00+01',
      '290000-01-01 00:00:00+00',
      '290000-01-01T00:00:01Z',
    ],
  };
  it('are ordered by time and not by their text', () => {
    for (const [kind, texts] of Object.entries(ascending)) {
      const moments = texts.map((text) => momentOf(kind as ScalarKind, text));
      moments.forEach((moment, index) => {
        assert.notEqual(moment, null, texts[index]);
        const before = moments[index - 1] ?? null;
        if (before !== null && moment !== null)
          assert.ok(before < moment, `${texts[index - 1]} is before ${texts[index]}`);
      });
    }
  });

  it('differ by as many days as in a calendar', () => {
    for (let day = -800_000; day < 800_000; day += 997) {
      const text = new Date(day * 86_400_000).toISOString().slice(0, 10);
      if (!/^\d{4}-/.test(text) || text.startsWith('0000')) continue;
      assert.equal(momentOf('date', text), BigInt(day) * 86_400_000_000n, text);
    }
  });
});

describe('documents with large exponents', () => {
  const numbers = (text: string, count: number): unknown =>
    parseJson(`[${Array.from({ length: count }, () => text).join(',')}]`);

  it('are compared without writing their numbers out', () => {
    const json: SqlType = { ...type('json'), sql: 'json' };
    const started = performance.now();
    assert.equal(isSame(json, numbers('1e99999', 20_000), numbers('10E99998', 20_000)), true);
    assert.equal(isSame(json, numbers('1e99999', 20_000), numbers('1e99998', 20_000)), false);
    assert.ok(performance.now() - started < 20_000);
    assert.equal(isSame(json, numbers('1.10', 1), numbers('11e-1', 1)), true);
  });

  it('are refused where jsonb would make them a thousand times as long', () => {
    const jsonb: SqlType = { ...type('json'), sql: 'jsonb' };
    assert.deepEqual(normalizeValue(jsonb, numbers('1e131071', 7)), {
      value: `[${Array.from({ length: 7 }, () => '1e131071').join(',')}]`,
    });
    assert.match(JSON.stringify(normalizeValue(jsonb, numbers('1e131071', 8))), /at most 1000000 digits/);
    assert.match(JSON.stringify(normalizeValue(jsonb, { a: numbers('1e-16000', 63) })), /at most 1000000 digits/);
    assert.equal('value' in normalizeValue({ ...jsonb, sql: 'json' }, numbers('1e131071', 8)), true);
  });
});
