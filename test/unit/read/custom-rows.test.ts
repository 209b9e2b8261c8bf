/**
 * Tests of custom reads in the cache: what names one, what survives as text, and what is said of those that are not
 * kept.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { JsonNumber } from '../../../src/base/json.ts';
import { UncachedNotes } from '../../../src/read/custom/read.ts';
import { areExact, customRowsCodec, identityOf } from '../../../src/read/custom/rows.ts';

class Money {
  readonly #cents: number;

  constructor(cents: number) {
    this.#cents = cents;
  }

  toPostgres(): string {
    return String(this.#cents / 100);
  }
}

describe('the parameters of a custom read', () => {
  it('are different wherever the driver would send something else', () => {
    const all: readonly unknown[] = [
      null,
      '',
      '5',
      5,
      5.5,
      Number.NaN,
      'NaN',
      Number.POSITIVE_INFINITY,
      10n ** 20n,
      true,
      'true',
      [],
      [[]],
      ['5'],
      [5],
      ['a', 'b'],
      ['a,b'],
      [null],
      ['null'],
      new Date(0),
      new Date(1),
      Buffer.from('5'),
      Buffer.from('6'),
      { a: 1 },
      { a: '1' },
      { a: 1, b: 2 },
      '{"a":1}',
      { number: '5' },
      { list: [] },
      { json: '{}' },
      new JsonNumber('5.0'),
      { text: '5.0' },
      { a: new JsonNumber('5.0') },
      { a: '5.0' },
    ];
    const identities = all.map((value) => JSON.stringify(identityOf([value])));
    assert.equal(new Set(identities).size, all.length);
    assert.notEqual(JSON.stringify(identityOf(['a', 'b'])), JSON.stringify(identityOf([['a', 'b']])));
  });

  it('are the same for values that the driver sends alike', () => {
    for (const [a, b] of [
      [undefined, null],
      [5, 5n],
      [{ a: 1 }, { a: 1 }],
      [new Date(7), new Date(7)],
      [Buffer.from('x'), new Uint8Array([120])],
    ])
      assert.deepEqual(identityOf([a]), identityOf([b]));
  });

  it('have no identity where the text that the driver sends is not known', () => {
    for (const value of [
      new Money(5),
      new Map(),
      { toPostgres: () => '1' },
      Symbol('s'),
      () => 1,
      [new Money(5)],
      ['a', [new Map()]],
    ])
      assert.equal(identityOf(['a', value]), null);
  });
});

describe('the rows of a custom read', () => {
  it('are cached exactly, or not at all', () => {
    const rows = [
      {
        id: '1',
        n: 1.5,
        big: '12345678901234567890',
        ok: true,
        none: null,
        list: ['a', null, [1]],
        json: {
          a: [
            { b: 'ü\u2028"', n: new JsonNumber('9007199254740993') },
            new JsonNumber('1.10'),
            new JsonNumber('1e400'),
          ],
        },
        ['__proto__']: 'a column',
      },
    ];
    assert.equal(areExact(rows), true);
    const back = customRowsCodec.decode(customRowsCodec.encode(rows));
    assert.deepEqual(back, rows);
    assert.equal(JSON.stringify(back), JSON.stringify(rows));
    for (const value of [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      -0,
      1e21,
      2 ** 53,
      { deep: [1e300] },
      { deep: [Number.NaN] },
      [[-0]],
      undefined,
      () => 1,
    ]) {
      assert.equal(areExact([{ value }]), false);
      assert.throws(() => customRowsCodec.encode([{ value }]), TypeError);
    }
  });

  it('are frozen through and through', () => {
    const [row] = customRowsCodec.decode('[{"a":{"b":[1]}}]') as [{ a: { b: number[] } }];
    for (const change of [
      () => ((row as { a: unknown }).a = 1),
      () => row.a.b.push(2),
      () => Object.assign(row, { c: 1 }),
    ])
      assert.throws(change, TypeError);
  });
});

describe('the log line about custom reads that are not cached', () => {
  it('is written once for each text, and for a limited number of texts', () => {
    const lines: string[] = [];
    const notes = new UncachedNotes({ info: ((_: object, message: string) => void lines.push(message)) as never }, 3);
    for (let round = 0; round < 3; round += 1)
      for (let i = 0; i < 5; i += 1) notes.uncached(`SELECT ${i}`, 'it does not say what it depends on');
    assert.equal(lines.length, 3);
    assert.match(lines[0] ?? '', /not cached: it does not say what it depends on/);
  });
});
