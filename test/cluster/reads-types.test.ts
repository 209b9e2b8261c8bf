/**
 * Proves values as a real server sends them: exact, and in UTC, whatever the settings of the role and the database are.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { startReader, type Reader } from '../support/readers.ts';
import { startReplicaSet, type ReplicaSet } from '../support/replica-set.ts';

let set: ReplicaSet;
let us: Reader;

const CASES: readonly (readonly [string, unknown])[] = [
  ['9223372036854775807::int8', '9223372036854775807'],
  ['ARRAY[1, NULL, -9223372036854775808]::int8[]', ['1', null, '-9223372036854775808']],
  ['12345678901234567890.123456789::numeric', '12345678901234567890.123456789'],
  [`'NaN'::numeric`, 'NaN'],
  ['7::int2', 7],
  ['7::int4', 7],
  ['0.1::float8', 0.1],
  ['0.1::float4', 0.1],
  [`'Infinity'::float8`, Number.POSITIVE_INFINITY],
  ['true', true],
  ['ARRAY[true, NULL, false]', [true, null, false]],
  [`'2026-01-31 13:00:00.123456+01'::timestamptz`, '2026-01-31T12:00:00.123456Z'],
  [`'2026-01-31 12:00:00.1+00'::timestamptz`, '2026-01-31T12:00:00.1Z'],
  [`'infinity'::timestamptz`, 'infinity'],
  [`'2026-01-31 12:00:00'::timestamp`, '2026-01-31T12:00:00'],
  [`ARRAY['2026-01-31 12:00:00+00']::timestamptz[]`, ['2026-01-31T12:00:00Z']],
  [`'2026-01-31'::date`, '2026-01-31'],
  [`ARRAY['2026-01-31']::date[]`, ['2026-01-31']],
  [`'12:30:00'::time`, '12:30:00'],
  [`'1 day 02:00'::interval`, 'P1DT2H'],
  [`'0b9a1f6e-33b0-4f3e-9d1c-0123456789ab'::uuid`, '0b9a1f6e-33b0-4f3e-9d1c-0123456789ab'],
  [`'{"a": [1, 2.5, null]}'::jsonb`, { a: [1, 2.5, null] }],
  [`'null'::json`, null],
  [`ARRAY['{"a":1}']::jsonb[]`, [{ a: 1 }]],
  [`'\\xdeadbeef'::bytea`, '\\xdeadbeef'],
  [`'DONE'::status`, 'DONE'],
  [`ARRAY['TODO', NULL, 'DONE']::status[]`, ['TODO', null, 'DONE']],
  ['5::positive', 5],
  ['ARRAY[1, 2]::positive[]', [1, 2]],
  [`ARRAY['a b', 'c,"d"', NULL, '']::text[]`, ['a b', 'c,"d"', null, '']],
  [`ARRAY[ARRAY['a'], ARRAY['b']]`, [['a'], ['b']]],
  ['NULL::int4', null],
];

describe('values from a real server', () => {
  before(async () => {
    set = await startReplicaSet(0);
    await set.primary
      .query(`CREATE TYPE status AS ENUM ('TODO', 'DONE'); CREATE DOMAIN positive AS int CHECK (VALUE > 0);
      ALTER DATABASE postgres SET datestyle = 'SQL, DMY'; ALTER ROLE postgres SET timezone = 'Asia/Tokyo'; ALTER ROLE postgres SET intervalstyle = 'sql_standard'; ALTER ROLE postgres SET extra_float_digits = -5`);
    us = await startReader({ local: 'us', urls: { us: set.primary.url } });
  });
  after(async () => {
    await us?.[Symbol.asyncDispose]();
    await set?.[Symbol.asyncDispose]();
  });

  it('are read as PostgreSQL writes them', async () => {
    const { rows } = await us.read(`SELECT ${CASES.map(([text], i) => `${text} AS c${i}`).join(', ')}`);
    CASES.forEach(([text, expected], i) => assert.deepEqual(rows[0]?.[`c${i}`], expected, text));
  });

  it('are sent back unchanged', async () => {
    const session = us.session();
    const at = '2026-01-31T12:00:00.123456Z';
    const rows = await session.executor({ level: 'EVENTUAL', floor: null, maxLagMs: null }).query({
      name: 'round_trip',
      text: 'SELECT $1::timestamptz AS at, $2::int8 AS big, $3::text[] AS labels, $4::jsonb AS doc, $5::numeric AS amount',
      values: [at, '9223372036854775807', ['a b', 'c"'], JSON.stringify({ a: 1 }), '0.10'],
    });
    assert.deepEqual(rows, [{ at, big: '9223372036854775807', labels: ['a b', 'c"'], doc: { a: 1 }, amount: '0.10' }]);
  });
});
