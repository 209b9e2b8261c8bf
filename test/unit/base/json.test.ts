/**
 * Tests of JSON whose numbers keep every digit: which numbers stay plain, and that the others come out as they came in.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { copyOf, needsCare, jsonNumber, JsonNumber, parseJson } from '../../../src/base/json.ts';
import { seeded } from '../../support/random.ts';

const SEED = Number(process.env['SEED'] ?? Date.now() % 1_000_000);

const PLAIN = [
  '0',
  '1',
  '-1',
  '0.1',
  '-2.5',
  '123456789012345',
  '-123456789012345',
  '9007199254740991',
  '-9007199254740991',
  '0.30000000000000004',
  '5e-324',
  '1e-7',
  '1.7976931348623157e-300',
];
const KEPT = [
  '-0',
  '1.0',
  '1.10',
  '0.0',
  '-0.0',
  '1e3',
  '1E3',
  '1e+3',
  '1e-3',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '12345678901234567890',
  '1234567890.123456789',
  '0.1234567890123456789',
  '1e400',
  '-1e400',
  '1e-400',
  '1e21',
  '1e+21',
  '100000000000000000000',
  '0.10000000000000000000000000001',
  '1e999999',
  '90071992547409930.5',
];

describe('JSON numbers', () => {
  it('are JavaScript numbers where JavaScript would write the same text', () => {
    for (const text of PLAIN) {
      assert.equal(needsCare(`[${text}]`), false, text);
      assert.equal(parseJson(text), Number(text));
      assert.equal(jsonNumber(text), Number(text));
      assert.equal(JSON.stringify(parseJson(`{"a":[${text}]}`)), `{"a":[${text}]}`);
    }
  });

  it('keep their text everywhere else, wherever they stand in a document', () => {
    for (const text of KEPT) {
      for (const document of [text, `[${text}]`, `{"a":${text}}`, `{"a":[1,{"b":[${text},"x"]}],"c":${text}}`]) {
        assert.equal(needsCare(document), true, document);
        assert.equal(JSON.stringify(parseJson(document)), document);
      }
    }
    assert.deepEqual(parseJson(' [ 1.10 , 2 ] '), [new JsonNumber('1.10'), 2]);
  });

  it('are not looked for in strings and keys', () => {
    for (const text of [
      '{"9007199254740993":"1.10"}',
      '["a\\"1.10","\\\\","\\\\\\"1e400",1]',
      '"-0"',
      '["\\u0031.10"]',
      '{"a" : "\\\\"}',
    ]) {
      assert.equal(needsCare(text), false, text);
      assert.deepEqual(parseJson(text), JSON.parse(text));
    }
    assert.equal(needsCare('["\\\\",1.10]'), true);
  });

  it('are refused where the text is no JSON, as everything else is', () => {
    for (const text of [
      '',
      ' ',
      '1.10,',
      '[1.10',
      '[1.10,]',
      '{"a":1.10',
      '{"a":1.10,}',
      '{a:1.10}',
      '{"a" 1.10}',
      '[1.10}',
      '{"a":1.10]',
      '1.10 2',
      '01.10',
      '[1.]',
      '[-]',
      '["a\n",1.10]',
      '["\\x",1.10]',
      '[1.10,tru]',
      '["1.10',
      '[1.10\u00a0]',
      ',1.10',
      ':1.10',
    ]) {
      assert.throws(() => parseJson(text), SyntaxError, text);
      assert.throws(() => JSON.parse(text), SyntaxError, text);
    }
  });

  it('are found however deep they lie', () => {
    const depth = 100_000;
    let value = parseJson(`${'['.repeat(depth)}1.10${']'.repeat(depth)}`);
    for (let level = 0; level < depth; level += 1) [value] = value as [unknown];
    assert.deepEqual(value, new JsonNumber('1.10'));
  });

  it('become a JavaScript number on demand where that has the same value', () => {
    for (const [text, number] of [
      ['1.10', 1.1],
      ['1e3', 1000],
      ['-0', 0],
      ['1.0', 1],
      ['9007199254740992', 9007199254740992],
      ['100000000000000000000', 1e20],
    ] as const) {
      assert.equal(new JsonNumber(text).number, number === 0 ? -0 : number, text);
      assert.equal(Number(new JsonNumber(text)) === number, true, text);
    }
    for (const text of [
      '9007199254740993',
      '1e400',
      '1e-400',
      '0.1234567890123456789',
      '1e21',
      '1234567890.123456789',
    ]) {
      const kept = new JsonNumber(text);
      assert.equal(kept.number, null, text);
      assert.throws(() => (kept as unknown as number) + 1, TypeError);
      assert.throws(() => (kept as unknown as number) > 1, TypeError);
      assert.equal(`${kept.toString()} ${String(kept)}`, `${text} ${text}`);
      assert.equal(kept.valueOf(), text);
    }
  });

  it('can be made only of the text of a number, so that no other text gets into JSON', () => {
    for (const text of ['', '1,2', '01', '+1', '1.', '.5', 'NaN', '1}', '"1"', ' 1', '1\n', 'Infinity'])
      assert.throws(() => new JsonNumber(text), SyntaxError, text);
  });

  it('can be copied, and the copy is a JSON number too', () => {
    const value = parseJson('{"a":[1.10,{"b":2}],"__proto__":{"c":1e400}}') as { a: unknown[] };
    const copy = copyOf(value);
    assert.equal(JSON.stringify(copy), '{"a":[1.10,{"b":2}],"__proto__":{"c":1e400}}');
    assert.notEqual(copy.a, value.a);
    assert.equal(({} as { c?: unknown }).c, undefined);
    assert.equal(Object.getPrototypeOf(copy), Object.prototype);
  });
});

it('keys with escapes are read as they stand, whatever was read before', () => {
  for (const [before, text] of [
    ['{"k1\\\\":[true]}', '{"k1\\"":[true]}'],
    ['{"k2\\\\\\\\":1}', '{"k2\\\\":1}'],
  ] as const) {
    for (let round = 0; round < 3; round += 1) {
      JSON.parse(before);
      assert.equal(JSON.stringify(parseJson(text)), text);
    }
  }
});

it(`any document is written as it was read (SEED=${SEED})`, () => {
  const random = seeded(SEED);
  const digits = (most: number): string =>
    Array.from({ length: 1 + random.below(most) }, () => random.below(10)).join('');
  const number = (): string => {
    const whole = random.pick(['0', `${1 + random.below(9)}${digits(20)}`, String(1 + random.below(99))]);
    const fraction = random.pick(['', `.${digits(20)}`, `.${digits(2)}`]);
    return `${random.pick(['', '-'])}${whole}${fraction}${random.pick(['', '', '', `e${random.pick(['', '+', '-'])}${digits(3)}`])}`;
  };
  const texts = ['', '1.10', '\\', '"', '\\"', '-0', 'é🙂', '\u2028', '\u0000'];
  const document = (depth: number): string => {
    switch (random.below(depth > 3 ? 3 : 5)) {
      case 0:
        return JSON.stringify(random.pick(texts));
      case 1:
        return random.pick(['true', 'false', 'null']);
      case 2:
        return number();
      case 3:
        return `[${Array.from({ length: random.below(4) }, () => document(depth + 1)).join(',')}]`;
      default:
        return `{${Array.from({ length: random.below(4) }, (_, i) => `${JSON.stringify(`k${i}${random.pick(texts)}`)}:${document(depth + 1)}`).join(',')}}`;
    }
  };
  for (let n = 0; n < 20_000; n += 1) {
    const text = document(0);
    assert.equal(JSON.stringify(parseJson(text)), text);
  }
});

it('long texts take a time in proportion to their length', () => {
  const length = 300_000;
  const started = performance.now();
  for (const [open, close] of [
    [' '.repeat(length), ''],
    ['['.repeat(length), ']'.repeat(length)],
    [`["a",${' '.repeat(length)}`, ']'],
    [`["${'\\\\'.repeat(length)}",`, ']'],
  ] as const) {
    assert.equal(needsCare(`${open}1${close}`), false);
    assert.equal(needsCare(`${open}1.10${close}`), true);
  }
  assert.ok(performance.now() - started < 30_000);
});
