/** Proves that the order, the equality and the sums that decide conflicts are those of PostgreSQL, value by value. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { isSame } from '../../src/conflict/equality.ts';
import { readerOf } from '../../src/model/values.ts';
import { type ScalarKind } from '../../src/model/model.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';
import { settle, type } from '../unit/conflict/fixtures.ts';

const VALUES: Partial<Record<ScalarKind, readonly string[]>> = {
  bigint: ['-9223372036854775808', '-1', '0', '9007199254740992', '9007199254740993', '9223372036854775807'],
  numeric: [
    '-Infinity',
    `-1${'0'.repeat(40)}.5`,
    '-0.10',
    '-0.1',
    '0',
    '0.00',
    '1e-30',
    '1',
    '1.0',
    '9.5',
    '10',
    `1${'0'.repeat(40)}.5`,
    'Infinity',
    'NaN',
  ],
  float: [
    '-Infinity',
    '-1e300',
    '-0.5',
    '-0',
    '0',
    '5e-324',
    '0.1',
    '0.30000000000000004',
    '0.3',
    '1e21',
    'Infinity',
    'NaN',
  ],
  date: [
    '-infinity',
    '4712-01-01 BC',
    '0044-03-15 BC',
    '0001-12-31 BC',
    '0001-01-01',
    '2024-02-29',
    '2024-03-01',
    '9999-12-31',
    '10000-01-01',
    '5874896-12-31',
    'infinity',
  ],
  time: ['00:00:00', '09:30:00', '09:30:00.000001', '09:30:00.45', '09:30:00.5', '23:59:59.999999', '24:00:00'],
  timestamp: [
    '-infinity',
    '0044-03-15 00:00:00 BC',
    '0001-01-01T00:00:00',
    '2026-01-31T12:00:00',
    '2026-01-31T12:00:00.000001',
    '2026-01-31T12:00:00.5',
    '294275-12-31 00:00:00',
    'infinity',
  ],
  timestamptz: [
    '-infinity',
    '0044-03-15 00:00:00+00 BC',
    '0044-03-15 01:00:00+01 BC',
    '0044-03-14 23:30:00-00:30 BC',
    '2026-01-31T12:00:00Z',
    '2026-01-31T12:00:00.5Z',
    '290000-01-01 00:30:00+01',
    '290000-01-01 00:00:00+00',
    'infinity',
  ],
};

let server: ScratchPostgres;
let client: pg.Client;
before(async () => {
  server = await startScratchPostgres();
  client = await server.connect();
});
after(() => server[Symbol.asyncDispose]());

const pairs = (values: readonly string[]): readonly (readonly [string, string])[] =>
  values.flatMap((a) => values.map((b) => [a, b] as const));

describe('two values', () => {
  for (const [kind, values] of Object.entries(VALUES) as [ScalarKind, readonly string[]][]) {
    it(`of ${kind} compare as equal or greater exactly as in PostgreSQL`, async () => {
      const of = type(kind);
      const all = pairs(values);
      const { rows } = await client.query<{ order: number }>(
        `SELECT CASE WHEN a < b THEN -1 WHEN a > b THEN 1 ELSE 0 END AS order FROM unnest($1::${of.sql}[], $2::${of.sql}[]) WITH ORDINALITY AS pair (a, b, at) ORDER BY at`,
        [all.map(([a]) => a), all.map(([, b]) => b)],
      );
      const read = readerOf(of) ?? ((text: unknown) => (kind === 'float' ? Number(text) : text));
      all.forEach(([a, b], index) => {
        const order = rows[index]?.order;
        assert.equal(
          isSame(of, read(a), read(b)),
          order === 0,
          `${a} and ${b} are ${order === 0 ? '' : 'not '}the same`,
        );
        for (const [rule, sign] of [
          ['MAX', 1],
          ['MIN', -1],
        ] as const) {
          const settled = settle(rule, of, [null, read(a), read(b)]);
          assert.ok(
            settled && isSame(of, settled.value, read((order ?? 0) * sign > 0 ? a : b)),
            `${rule} of ${a} and ${b}`,
          );
        }
      });
    });
  }

  it('of numeric and bigint have the same sum as in PostgreSQL, to the last digit', async () => {
    for (const kind of ['numeric', 'bigint'] as const) {
      const of = type(kind);
      const finite = (VALUES[kind] ?? []).filter((value) => !/[NI]/.test(value) && value.length !== 20);
      const all = pairs(finite)
        .flatMap(([a, b]) => finite.map((c) => [a, b, c] as const))
        .filter(([was, theirs, mine]) => !isSame(of, was, theirs) && !isSame(of, was, mine));
      const { rows } = await client.query<{ sum: string }>(
        `SELECT (theirs::numeric + (mine::numeric - was::numeric))::text AS sum FROM unnest($1::text[], $2::text[], $3::text[]) WITH ORDINALITY AS sides (was, theirs, mine, at) ORDER BY at`,
        [0, 1, 2].map((side) => all.map((sides) => sides[side])),
      );
      assert.ok(all.length > 20);
      all.forEach((sides, index) => {
        const settled = settle('ADD', of, sides);
        assert.ok(
          settled && isSame(of, settled.value, rows[index]?.sum),
          `${sides.join(', ')}: ${String(settled?.value)}, not ${rows[index]?.sum}`,
        );
      });
    }
  });
});
