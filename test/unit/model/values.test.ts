/**
 * Tests of values on their way into SQL: every kind of column against every way in which a number or a time can be
 * given.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JsonNumber } from '../../../src/base/json.ts';
import { type ScalarKind, type SqlType } from '../../../src/model/model.ts';
import { normalizeScalar, normalizeValue } from '../../../src/model/values.ts';

const json = (text: string): JsonNumber => new JsonNumber(text);
const type = (kind: ScalarKind, sql: string = kind): SqlType => ({ kind, sql, array: false });
/** What is stored; undefined for what is refused. */
const stored = (of: SqlType, value: unknown): unknown => {
  const normalized = normalizeScalar(of, value);
  return 'value' in normalized ? normalized.value : undefined;
};

describe('numbers of JSON', () => {
  const kinds = {
    smallint: type('int', 'smallint'),
    integer: type('int', 'integer'),
    bigint: type('bigint'),
    numeric: type('numeric'),
    double: type('float', 'double precision'),
    real: type('float', 'real'),
    text: type('text'),
    other: type('other', 'money'),
    jsonb: type('json', 'jsonb'),
    json: type('json', 'json'),
    bool: type('bool', 'boolean'),
    uuid: type('uuid'),
    date: type('date'),
    timestamptz: type('timestamptz'),
    bytea: type('bytea'),
  } as const;
  const table: readonly (readonly [text: string, right: Partial<Record<keyof typeof kinds, unknown>>])[] = [
    [
      '1.0',
      {
        smallint: 1,
        integer: 1,
        bigint: '1',
        numeric: '1.0',
        double: 1,
        real: 1,
        text: '1.0',
        other: '1.0',
        jsonb: '1.0',
        json: '1.0',
      },
    ],
    [
      '1e3',
      {
        smallint: 1000,
        integer: 1000,
        bigint: '1000',
        numeric: '1e3',
        double: 1000,
        real: 1000,
        text: '1e3',
        other: '1e3',
        jsonb: '1e3',
        json: '1e3',
      },
    ],
    ['1.10', { numeric: '1.10', double: 1.1, real: 1.1, text: '1.10', other: '1.10', jsonb: '1.10', json: '1.10' }],
    [
      '-0',
      {
        smallint: 0,
        integer: 0,
        bigint: '0',
        numeric: '-0',
        double: -0,
        real: -0,
        text: '-0',
        other: '-0',
        jsonb: '-0',
        json: '-0',
      },
    ],
    [
      '9007199254740993',
      {
        bigint: '9007199254740993',
        numeric: '9007199254740993',
        double: 9007199254740992,
        real: 9007199254740992,
        text: '9007199254740993',
        other: '9007199254740993',
        jsonb: '9007199254740993',
        json: '9007199254740993',
      },
    ],
    [
      '9223372036854775807',
      {
        bigint: '9223372036854775807',
        numeric: '9223372036854775807',
        double: 2 ** 63,
        real: 2 ** 63,
        text: '9223372036854775807',
        other: '9223372036854775807',
        jsonb: '9223372036854775807',
        json: '9223372036854775807',
      },
    ],
    [
      '9223372036854775808',
      {
        numeric: '9223372036854775808',
        double: 2 ** 63,
        real: 2 ** 63,
        text: '9223372036854775808',
        other: '9223372036854775808',
        jsonb: '9223372036854775808',
        json: '9223372036854775808',
      },
    ],
    [
      '1234567890.123456789',
      {
        numeric: '1234567890.123456789',
        double: 1234567890.1234567,
        real: 1234567890.1234567,
        text: '1234567890.123456789',
        other: '1234567890.123456789',
        jsonb: '1234567890.123456789',
        json: '1234567890.123456789',
      },
    ],
    ['1e400', { numeric: '1e400', text: '1e400', other: '1e400', jsonb: '1e400', json: '1e400' }],
    ['1e-400', { numeric: '1e-400', text: '1e-400', other: '1e-400', jsonb: '1e-400', json: '1e-400' }],
    ['1e39', { numeric: '1e39', double: 1e39, text: '1e39', other: '1e39', jsonb: '1e39', json: '1e39' }],
    ['1e200000', { text: '1e200000', other: '1e200000', json: '1e200000' }],
  ];
  for (const [text, right] of table) {
    it(`such as ${text} are taken exactly or refused by every kind of column`, () => {
      for (const [name, of] of Object.entries(kinds)) {
        const wanted = right[name as keyof typeof kinds];
        assert.deepEqual(stored(of, json(text)), wanted, name);
        assert.deepEqual(
          normalizeValue({ ...of, array: true }, [json(text)]),
          wanted === undefined ? normalizeValue({ ...of, array: true }, [json(text)]) : { value: [wanted] },
          `${name}[]`,
        );
        if (wanted === undefined)
          assert.ok('problem' in normalizeValue({ ...of, array: true }, [json(text)]), `${name}[]`);
      }
    });
  }

  it('deep in a document keep their text, and a document that its type cannot hold is refused', () => {
    const document = { a: [json('1.10'), { b: json('1e400') }], ['__proto__']: json('-0') };
    assert.equal(stored(kinds.jsonb, document), '{"a":[1.10,{"b":1e400}],"__proto__":-0}');
    assert.equal(stored(kinds.jsonb, { a: [json('1e200000')] }), undefined);
    assert.equal(stored(kinds.json, { a: [json('1e200000')] }), '{"a":[1e200000]}');
  });

  it('whose exponents would be written out as millions of digits are refused in documents and lists', () => {
    const huge = (count: number): unknown[] => Array.from({ length: count }, () => json('1e131071'));
    for (const kind of [kinds.numeric, kinds.jsonb]) {
      assert.ok('value' in normalizeValue({ ...kind, array: true }, huge(7)), kind.sql);
      assert.match(
        JSON.stringify(normalizeValue({ ...kind, array: true }, huge(8))),
        /at most 1000000 digits altogether/,
        kind.sql,
      );
    }
    assert.ok(
      'problem' in normalizeValue({ ...kinds.numeric, array: true }, huge(8).map(String)),
      'numbers that are sent as texts',
    );
    assert.deepEqual([stored(kinds.jsonb, huge(8)), typeof stored(kinds.json, huge(8))], [undefined, 'string']);
  });
});

describe('JavaScript numbers of code', () => {
  it('that stand for several whole numbers are refused as keys and texts, with what to give instead', () => {
    for (const kind of [type('bigint'), type('text'), type('uuid'), type('other', 'inet')]) {
      for (const number of [2 ** 53, -(2 ** 53), 1e20]) assert.equal(stored(kind, number), undefined, kind.kind);
    }
    assert.match(
      JSON.stringify(normalizeScalar(type('bigint'), 2 ** 53)),
      /text, or a bigint: the JavaScript number 9007199254740992 may have lost digits/,
    );
    assert.equal(stored(type('bigint'), 2n ** 53n), '9007199254740992');
    assert.equal(stored(type('text'), 2 ** 53 - 1), '9007199254740991');
  });
  it("outside of a type's range are refused with that range", () => {
    assert.match(
      JSON.stringify(normalizeScalar(type('bigint'), '9223372036854775808')),
      /a whole number from -9223372036854775808 to 9223372036854775807/,
    );
    assert.equal(stored(type('float', 'double precision'), '1e-400'), undefined);
    assert.equal(stored(type('float', 'double precision'), '0e-400'), 0);
  });
});

describe('times', () => {
  it('are rounded where PostgreSQL rounds them, and carried into minutes, days and years', () => {
    const zoned = (text: string): unknown => stored(type('timestamptz'), text);
    for (const [given, right] of [
      ['2026-01-31T09:30:00.123456789Z', '2026-01-31T09:30:00.123457Z'],
      ['2026-01-31T09:30:00.1234564Z', '2026-01-31T09:30:00.123456Z'],
      ['2026-01-31T09:30:00.9999995Z', '2026-01-31T09:30:01Z'],
      ['2026-12-31T23:59:59.9999999Z', '2027-01-01T00:00:00Z'],
      ['2024-02-28T23:59:59.9999999Z', '2024-02-29T00:00:00Z'],
      ['1969-12-31T23:59:59.999999999Z', '1970-01-01T00:00:00Z'],
      ['2026-01-01T00:59:59.9999999+01:00', '2026-01-01T00:00:00Z'],
      ['0099-12-31T23:59:59.9999999Z', '0100-01-01T00:00:00Z'],
      ['2026-01-31T09:30:00.0000005Z', '2026-01-31T09:30:00Z'],
      ['2026-01-31T09:30:00.0000015Z', '2026-01-31T09:30:00.000002Z'],
    ])
      assert.equal(zoned(given ?? ''), right, given);
    assert.equal(stored(type('timestamp'), '2026-12-31 23:59:59.9999999'), '2027-01-01T00:00:00');
    for (const [given, right] of [
      ['09:30:00.1234567', '09:30:00.123457'],
      ['09:59:59.9999999', '10:00:00'],
      ['23:59:59.9999999', '24:00:00'],
      ['24:00:00.000', '24:00:00'],
      ['09:30', '09:30:00'],
    ]) {
      assert.equal(stored(type('time'), given), right, given);
    }
  });
  it('with a zone that their column would drop are refused, and so are those without one that it needs', () => {
    for (const zone of ['Z', 'z', '+00', '+05:00', '-0530']) {
      assert.equal(stored(type('time'), `09:30:00${zone}`), undefined, zone);
      assert.equal(stored(type('timestamp'), `2026-01-31T09:30:00${zone}`), undefined, zone);
      assert.equal(stored(type('date'), `2026-01-31${zone}`), undefined, zone);
    }
    assert.equal(stored(type('timestamptz'), '2026-01-31T09:30:00'), undefined);
    for (const text of ['24:00:00.1', '24:00:00.0000001', '24:00:01', '23:59:60', '2026-01-31T09:30:00'])
      assert.equal(stored(type('time'), text), undefined, text);
  });
});

describe('spellings of one value', () => {
  const uuid = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';
  const table: readonly (readonly [
    of: SqlType,
    value: unknown,
    taken: readonly unknown[],
    refused: readonly unknown[],
  ])[] = [
    [
      type('int', 'smallint'),
      7,
      ['7', ' 7', '7\n', '\t\v\f\r+7', '007', 7, 7n, json('7.0')],
      ['\u00a07', '7 7', '7.0', '0x7', '7_0', '', ' '],
    ],
    [type('bigint'), '7', ['7', ' 7 ', '+7', '007', 7, 7n], ['\u00a07', '7.0', '0x7', '7_0', '', ' ']],
    [type('numeric'), 'NaN', ['NaN', 'nan', ' NAN\n'], ['na', '+nan', '\u00a0NaN']],
    [type('numeric'), '-Infinity', ['-Infinity', '-inf', ' -INF '], ['- inf', '-infin', '--inf']],
    [type('float', 'real'), 'Infinity', ['Infinity', 'inf', '+inf', ' INFINITY', Infinity], ['infinite', '1e39']],
    [type('bool', 'boolean'), true, [true, 'true', ' T ', 'yes', 'on', '1'], ['o', '\u00a0t', 1, '']],
    [
      type('uuid'),
      uuid,
      [uuid, uuid.toUpperCase(), `{${uuid}}`, uuid.replaceAll('-', ''), 'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11'],
      [` ${uuid}`, `{${uuid}`, `${uuid}}`, `-${uuid}`, `{{${uuid}}}`],
    ],
    [
      type('date'),
      '2026-01-31',
      ['2026-01-31', ' 2026-01-31 ', '002026-01-31'],
      ['20260131', '2026-1-31', 'epoch', 'today'],
    ],
    [type('date'), 'infinity', ['infinity', 'Infinity', ' INFINITY'], ['inf', '+infinity']],
    [type('time'), '12:00:00', ['12:00', ' 12:00:00 ', '12:00:00.0'], ['120000', '12', '12:00 PM', 'noon', '12:00Z']],
    [
      type('timestamp'),
      '2026-01-31T12:00:00',
      ['2026-01-31 12:00', ' 2026-01-31t12:00:00', '002026-01-31T12:00:00.000'],
      ['2026-01-31', '20260131T120000', 'now'],
    ],
    [type('bytea'), '\\x6a', ['\\x6a', '\\x6A', Uint8Array.of(0x6a)], ['\\X6a', '6a', ' \\x6a', 'j']],
  ];
  for (const [of, value, taken, refused] of table) {
    it(`of type ${of.sql} come to ${String(value)}, and others are refused`, () => {
      for (const one of taken) assert.deepEqual(stored(of, one), value, String(one));
      for (const one of refused) assert.equal(stored(of, one), undefined, String(one));
    });
  }

  it('are accepted as far as the types of PostgreSQL reach', () => {
    const reach: readonly (readonly [kind: ScalarKind, last: readonly string[], beyond: readonly string[]])[] = [
      [
        'date',
        ['4714-11-24 BC', '5874897-12-31', '0001-02-29 BC', '2000-02-29'],
        ['4714-11-23 BC', '4715-12-31 BC', '5874898-01-01', '0002-02-29 BC', '1900-02-29'],
      ],
      [
        'timestamp',
        ['4714-11-24 00:00:00 BC', '294276-12-31T23:59:59.499999'],
        [
          '4714-11-23 23:59:59.999999 BC',
          '294276-12-31 23:59:59.5',
          '294276-12-31 23:59:59.9999999',
          '294277-01-01 00:00:00',
        ],
      ],
      [
        'timestamptz',
        ['4714-11-24 00:00:00+00 BC', '294276-12-31T23:59:59.499999Z'],
        ['4714-11-24 00:00:00+05 BC', '294276-12-31 20:00:00-04'],
      ],
    ];
    assert.equal(stored(type('timestamptz'), '4714-11-24 05:00:00+05 BC'), '4714-11-24 00:00:00+00 BC');
    assert.equal(stored(type('timestamptz'), '294276-12-31 19:59:59.499999-04'), '294276-12-31T23:59:59.499999Z');
    for (const [kind, last, beyond] of reach) {
      for (const text of last) assert.equal(stored(type(kind), text), text);
      for (const text of beyond) assert.equal(stored(type(kind), text), undefined, text);
    }
  });
});
