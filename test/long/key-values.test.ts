/**
 * Proves values of keys in every spelling: types × spellings × places. PostgreSQL is the reference: a value that it
 * accepts finds the same row as in PostgreSQL or is refused with an error; a value that it does not accept is always
 * refused. Only a valid key without a row gives null.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { GraphQLScalarType, Kind } from 'graphql';
import pg from 'pg';
import { stacksOf } from '../../src/app/layer.ts';
import { EU, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';
import { until } from '../support/observe.ts';

interface KeyCase {
  /** Of its table and, with a capital letter, of its type. */
  readonly name: string;
  readonly sql: string;
  readonly graphql: string;
  /** As what PostgreSQL compares it: without a length. */
  readonly cast: string;
  /** Keys of rows. */
  readonly held: readonly string[];
  /** Taken, and so in every place. Which row it finds PostgreSQL says. */
  readonly taken: readonly unknown[];
  /** Refused, whether PostgreSQL reads it or not. */
  readonly refused: readonly unknown[];
  /** Its type of GraphQL takes no text as an argument. */
  readonly onlyAsKey?: true;
  /** A value of a GraphQL enum: its label in the database. */
  readonly labels?: ReadonlyMap<string, string>;
  readonly equal?: false;
}

const NO_TEXT = ['a\u0000', '\ud800'] as const;
const NO_SCALAR = [{}, [], ['1'], { k: '1' }] as const;
const NO_NUMBER = [
  'one',
  '',
  ' ',
  '1 2',
  '1_0',
  '0x1',
  '１',
  '\u00a01',
  '--1',
  true,
  ...NO_TEXT,
  ...NO_SCALAR,
] as const;
const NO_WHOLE = [...NO_NUMBER, 'x1', '1.5', '1.0', '1e0', 'NaN', 1.5] as const;
const NO_ADDRESS = ['one', '', '10.0.0.300', '10.0.0', ...NO_TEXT, ...NO_SCALAR] as const;

function key(
  name: string,
  sql: string,
  graphql: string,
  rest: Omit<KeyCase, 'name' | 'sql' | 'graphql' | 'cast'> & { readonly cast?: string },
): KeyCase {
  return { name, sql, graphql, cast: sql, ...rest };
}

const WHOLE = ['1', ' 1', '1 ', '\t\n\v\f\r1\n', '+1', '01', '-5', ' -5', '-0', '2', '7', 1] as const;
const DOUBLES = [
  '1.5',
  ' 1.5\n',
  '+1.5',
  '15e-1',
  '0.15E1',
  '1.50',
  'NaN',
  'nan',
  ' NAN ',
  'Infinity',
  'inf',
  '+INF',
  ' infinity',
  '-inf',
  '-Infinity',
  '0',
  '-0',
  '7',
  1.5,
  7,
] as const;
const UUID = 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11';

const CASES: readonly KeyCase[] = [
  key('int2', 'smallint', 'ID', {
    held: ['1', '-5', '0'],
    taken: WHOLE,
    refused: [...NO_WHOLE, '32768', '-32769', 32_768],
  }),
  key('int4', 'integer', 'ID', {
    held: ['1', '-5', '0'],
    taken: [...WHOLE, '2147483647'],
    refused: [...NO_WHOLE, '2147483648'],
  }),
  key('int4AsInt', 'integer', 'Int', {
    held: ['1', '-5', '0'],
    taken: WHOLE,
    refused: [...NO_WHOLE, 2 ** 31],
    onlyAsKey: true,
  }),
  key('int8', 'bigint', 'BigInt', {
    held: ['1', '-5', '0', '9007199254740993'],
    taken: [...WHOLE, '9007199254740993', '9007199254740992'],
    refused: [...NO_WHOLE, '9223372036854775808'],
  }),
  key('int8AsId', 'bigint', 'ID', {
    held: ['1', '-5', '0'],
    taken: [...WHOLE, '9223372036854775807'],
    refused: [...NO_WHOLE, '9223372036854775808', '9'.repeat(5_000)],
  }),
  key('numeric', 'numeric', 'Decimal', {
    held: ['1.5', '-5', '0', 'NaN', 'Infinity', '-Infinity'],
    taken: [...DOUBLES, '.5', '5.', '1.50000000000000000001'],
    refused: [...NO_NUMBER, '1,5', '1e999999', '.', 'e5', 'infin'],
  }),
  key('price', 'price', 'Decimal', {
    cast: 'numeric',
    held: ['1.50', '2', '-5'],
    taken: ['1.5', '1.50', ' 2 ', '2.000', '1.999', '1.504', '20e-1', 12_345],
    refused: NO_NUMBER,
  }),
  key('float8', 'double precision', 'Float', {
    held: ['1.5', '0', 'NaN', 'Infinity', '-Infinity'],
    taken: DOUBLES,
    refused: [...NO_NUMBER, '1,5', '1e400', '1e-400', 'infin'],
    onlyAsKey: true,
  }),
  key('float4', 'real', 'Float', {
    held: ['1.5', '0', 'NaN', 'Infinity', '-Infinity', '0.1'],
    taken: [...DOUBLES, '0.1', 0.1],
    refused: [...NO_NUMBER, '1e39', '1e-50'],
    onlyAsKey: true,
  }),
  key('bool', 'boolean', 'Boolean', {
    held: ['true'],
    taken: ['true', ' true\n', 't', 'TRUE', 'y', 'yes', 'on', '1', 'f', 'off', 'no', '0', ' n', true, false],
    refused: ['o', '', 'maybe', '\u00a0true', 2, ...NO_TEXT, ...NO_SCALAR],
    onlyAsKey: true,
  }),
  key('uuid', 'uuid', 'UUID', {
    held: [UUID],
    taken: [
      UUID,
      UUID.toUpperCase(),
      `{${UUID}}`,
      UUID.replaceAll('-', ''),
      `{${UUID.replaceAll('-', '')}}`,
      'a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11',
      'a0eebc999c0b-4ef8bb6d-6bb9bd380a11',
      UUID.replace('a', 'b'),
    ],
    refused: [
      ` ${UUID}`,
      `${UUID} `,
      `{${UUID}`,
      `${UUID}}`,
      `{{${UUID}}}`,
      `${UUID.slice(0, -1)}g`,
      `-${UUID}`,
      'a0-eebc99-9c0b-4ef8-bb6d-6bb9bd380a11',
      '',
      'now',
      7,
      true,
      ...NO_TEXT,
      ...NO_SCALAR,
    ],
  }),
  key('uuidAsId', 'uuid', 'ID', {
    held: [UUID],
    taken: [UUID, UUID.toUpperCase(), `{${UUID}}`],
    refused: [` ${UUID}`, '', 'x', 7, ...NO_TEXT, ...NO_SCALAR],
  }),
  key('text', 'text', 'String', {
    held: ['a', 'a ', '1', ''],
    taken: ['a', 'a ', ' a', 'A', '', '1', ' 1', 'NULL', "a' OR true --", 'x'.repeat(20_000)],
    refused: [...NO_TEXT, ...NO_SCALAR],
  }),
  key('varchar', 'varchar(3)', 'String', {
    cast: 'varchar',
    held: ['abc', 'a'],
    taken: ['abc', 'abcd', 'abc ', 'a', 'a ', ''],
    refused: [...NO_TEXT, ...NO_SCALAR],
  }),
  key('char', 'char(4)', 'String', {
    cast: 'bpchar',
    held: ['ab', 'abcd', ''],
    taken: ['ab', 'ab  ', 'ab        ', 'abcd', 'abcd ', 'abcde', ' ab', '', ' '],
    refused: [...NO_TEXT, ...NO_SCALAR],
  }),
  key('citext', 'citext', 'String', {
    held: ['Ada', 'bob'],
    taken: ['Ada', 'ADA', 'ada', 'BOB', 'ada '],
    refused: [...NO_TEXT, ...NO_SCALAR],
  }),
  key('name', 'name', 'String', { held: ['ann'], taken: ['ann', 'ANN', 'ann '], refused: [...NO_TEXT, ...NO_SCALAR] }),
  key('code', 'code', 'String', {
    cast: 'text',
    held: ['abc'],
    taken: ['abc', 'xxx', 'abcdefgh'],
    refused: [...NO_TEXT, ...NO_SCALAR],
  }),
  key('date', 'date', 'Date', {
    held: ['2026-01-31', 'infinity', '0044-03-15 BC', '5874897-12-31', '4714-11-24 BC'],
    taken: [
      '2026-01-31',
      ' 2026-01-31\n',
      '002026-01-31',
      'infinity',
      'INFINITY',
      '-infinity',
      '0044-03-15 BC',
      '5874897-12-31',
      '4714-11-24 BC',
      '2026-02-01',
    ],
    refused: [
      '20260131',
      '2026-1-31',
      'Jan 31 2026',
      '2026-01-31T00:00:00',
      '31.01.2026',
      'epoch',
      'today',
      'now',
      '2026-02-29',
      '5874898-01-01',
      '4714-11-23 BC',
      '',
      'one',
      20_260_131,
      ...NO_TEXT,
      ...NO_SCALAR,
    ],
  }),
  key('time', 'time', 'Time', {
    held: ['12:00:00', '13:45:30.5', '24:00:00'],
    taken: [
      '12:00:00',
      '12:00',
      ' 12:00 ',
      '12:00:00.000',
      '13:45:30.50',
      '13:45:30.4999999',
      '24:00:00',
      '23:59:59.9999999',
      '01:02:03',
    ],
    refused: [
      '120000',
      '12',
      '1200',
      '12:00 PM',
      '12:00:00+02',
      '12:00:00Z',
      '23:59:60',
      'noon',
      'allballs',
      'now',
      '25:00',
      '12:60',
      '',
      120_000,
      ...NO_TEXT,
      ...NO_SCALAR,
    ],
  }),
  key('timetz', 'timetz', 'String', {
    held: ['12:00:00+02', '13:45:30.5+00'],
    taken: ['12:00:00+02', '120000+02', '12:00+02:00', '12:00 PM +02', '10:00:00+00', '13:45:30.5Z', ' 12:00:00+02 '],
    refused: ['25:00+00', '12', 'noon', 'now', '', ...NO_TEXT, ...NO_SCALAR],
  }),
  key('timestamp', 'timestamp', 'LocalDateTime', {
    held: ['2026-01-31 12:00:00', 'infinity', '4714-11-24 00:00:00 BC', '294276-12-31 23:59:59.499999'],
    taken: [
      '2026-01-31T12:00:00',
      '2026-01-31 12:00',
      ' 2026-01-31t12:00:00.000 ',
      '2026-01-31T11:59:59.9999999',
      'infinity',
      'Infinity',
      '4714-11-24 00:00:00 BC',
      '294276-12-31 23:59:59.499999',
      '002026-01-31T12:00:00',
    ],
    refused: [
      '20260131T120000',
      '2026-01-31',
      '2026-01-31T12:00:00Z',
      '2026-01-31T24:00:00',
      'Jan 31 2026 12:00',
      'epoch',
      'now',
      '294277-01-01T00:00:00',
      '294276-12-31T23:59:59.9999999',
      '4714-11-23 23:59:59 BC',
      '',
      ...NO_TEXT,
      ...NO_SCALAR,
    ],
  }),
  key('timestamptz', 'timestamptz', 'DateTime', {
    held: ['2026-01-31 12:00:00Z', '-infinity', '4714-11-24 00:00:00Z BC', '294276-12-31 23:59:59.499999Z'],
    taken: [
      '2026-01-31T12:00:00Z',
      '2026-01-31T14:00:00+02:00',
      '2026-01-31 06:30:00-0530',
      ' 2026-01-31T12:00z ',
      '-infinity',
      '-INFINITY',
      '4714-11-24 00:00:00Z BC',
      '4714-11-24 05:00:00+05 BC',
      '294276-12-31 23:59:59.499999Z',
      '294276-12-31 19:59:59.499999-04',
      '2026-01-31T12:00:01Z',
    ],
    refused: [
      '2026-01-31T12:00:00',
      '20260131T120000Z',
      '2026-01-31 12:00:00 UTC',
      '2026-01-31 12:00:00 Europe/Berlin',
      'today',
      'now',
      '294276-12-31T23:00:00-02',
      '4714-11-24 00:00:00+05 BC',
      '',
      1_769_860_800,
      ...NO_TEXT,
      ...NO_SCALAR,
    ],
  }),
  key('interval', 'interval', 'String', {
    held: ['1 day', '02:30:00', 'infinity'],
    taken: [
      '1 day',
      '24:00:00',
      '1 DAY',
      'P1D',
      '@ 1 day',
      '2.5 hours',
      '150 min',
      'PT2H30M',
      ' 1 day ',
      '3 days',
      'infinity',
    ],
    refused: ['one day', '1 fortnight', '', 'P1X', ...NO_TEXT, ...NO_SCALAR],
  }),
  key('bytea', 'bytea', 'Bytes', {
    held: ['\\x6162', '\\x'],
    taken: ['\\x6162', '\\x', '\\x63'],
    refused: ['ab', '', '6162', '\\X6162', '\\x616', '\\x6g', '\\x61 62', ' \\x6162', 7, ...NO_TEXT, ...NO_SCALAR],
    equal: false,
  }),
  key('mood', 'mood', 'String', {
    held: ['glad', 'so so'],
    taken: ['glad', 'so so', 'sad'],
    refused: ['GLAD', 'Glad', ' glad', 'glad ', '', 'none', 7, ...NO_TEXT, ...NO_SCALAR],
  }),
  key('moodAsEnum', 'mood', 'Mood', {
    held: ['glad', 'so so'],
    taken: ['GLAD', 'SO_SO', 'SAD'],
    refused: ['glad', 'so so', '', 'none', 'constructor', '__proto__', 7, true, ...NO_TEXT, ...NO_SCALAR],
    labels: new Map([
      ['GLAD', 'glad'],
      ['SO_SO', 'so so'],
      ['SAD', 'sad'],
    ]),
  }),
  key('goodMood', 'good_mood', 'String', {
    cast: 'mood',
    held: ['glad'],
    taken: ['glad', 'sad'],
    refused: ['GLAD', '', 'none', ...NO_TEXT, ...NO_SCALAR],
  }),
  key('positive', 'positive', 'ID', {
    cast: 'integer',
    held: ['1', '7'],
    taken: ['1', ' 7', '-5', '0'],
    refused: NO_WHOLE,
  }),
  key('inet', 'inet', 'String', {
    held: ['10.0.0.1', '2001:db8::1', '10.1.0.0/16'],
    taken: ['10.0.0.1', '10.0.0.1/32', '10.1.0.0/16', '2001:DB8::1', '2001:db8:0::0:1', '10.0.0.9'],
    refused: [' 10.0.0.1', '10.0.0.1/33', ...NO_ADDRESS],
  }),
  key('cidr', 'cidr', 'String', {
    held: ['10.0.0.0/24', '10.0.0.1/32'],
    taken: ['10.0.0.0/24', '10.0.0.1', '10.0.0/24', '10.0.1.0/24'],
    refused: ['10.0.0.1/24', 'one', '', ...NO_TEXT, ...NO_SCALAR],
  }),
  key('macaddr', 'macaddr', 'String', {
    held: ['08:00:2b:01:02:03'],
    taken: [
      '08:00:2b:01:02:03',
      '08-00-2B-01-02-03',
      '08002b010203',
      '0800.2b01.0203',
      '08002b:010203',
      '08:00:2b:01:02:04',
    ],
    refused: ['08:00:2b:01:02', 'g8:00:2b:01:02:03', '', ...NO_TEXT, ...NO_SCALAR],
  }),
  key('bit', 'bit(4)', 'String', {
    cast: 'varbit',
    held: ['0101', '1111'],
    taken: ['0101', 'b0101', 'xf', 'XF', '101', '00101', '0000', ''],
    refused: ['012', 'xg', ' 0101', 'one', ...NO_TEXT, ...NO_SCALAR],
  }),
  key('varbit', 'varbit(5)', 'String', {
    cast: 'varbit',
    held: ['101', ''],
    taken: ['101', 'B101', '0101', '', 'x5', '1010101'],
    refused: ['2', ' 101', ...NO_TEXT, ...NO_SCALAR],
  }),
  key('money', 'money', 'String', {
    held: ['1.50'],
    taken: ['1.5', '$1.50', ' 1.50 ', '1.504', '($1.50)', '2'],
    refused: ['one', '1x', ...NO_TEXT, ...NO_SCALAR],
  }),
  key('range', 'int4range', 'String', {
    held: ['[1,5)'],
    taken: ['[1,5)', '[1,4]', '(0,5)', ' [ 1 , 5 )', 'empty', '[2,5)'],
    refused: ['[5,1)', '1,5', '[a,b)', '', ...NO_TEXT, ...NO_SCALAR],
  }),
];

/** Shows bytes without the sign before their digits, and reads them so. */
const Hex = new GraphQLScalarType({
  name: 'Hex',
  serialize: (value) => String(value).slice(2),
  parseValue: (value) => {
    if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})*$/.test(value))
      throw new TypeError('Hex is an even number of hexadecimal digits.');
    return Buffer.from(value, 'hex');
  },
  parseLiteral: (node) => (node.kind === Kind.STRING ? Buffer.from(node.value, 'hex') : undefined),
});

const SQL = `
  CREATE EXTENSION citext;
  CREATE TYPE mood AS ENUM ('glad', 'so so', 'sad');
  CREATE DOMAIN good_mood AS mood CHECK (VALUE <> 'sad');
  CREATE DOMAIN price AS numeric(10,2);
  CREATE DOMAIN positive AS integer CHECK (VALUE > 0);
  CREATE DOMAIN code AS varchar(3) CHECK (VALUE <> 'xxx');
  ${CASES.map(
    ({ name, sql, held }) => `CREATE TABLE "k_${name}" (k ${sql} PRIMARY KEY, id integer NOT NULL, note text);
  INSERT INTO "k_${name}" VALUES ${held.map((text, i) => `('${text}', ${i + 1})`).join(', ')};`,
  ).join('\n')}
  CREATE TABLE pairs (a integer, mood mood, address inet, id integer NOT NULL, PRIMARY KEY (a, mood, address));
  INSERT INTO pairs VALUES (1, 'glad', '10.0.0.1', 1), (2, 'sad', '10.0.0.2', 2);
  CREATE TABLE blobs (k bytea PRIMARY KEY, id integer NOT NULL);
  INSERT INTO blobs VALUES ('\\x6162', 1);
  CREATE TABLE papers (k jsonb PRIMARY KEY, id integer NOT NULL);
  INSERT INTO papers VALUES ('{"a": 1.50, "b": [null]}', 1), ('"text"', 2), ('7', 3);
  CREATE TABLE cats (id integer PRIMARY KEY, name text NOT NULL);
  CREATE TABLE dogs (id uuid PRIMARY KEY, name text NOT NULL);
  INSERT INTO cats VALUES (1, 'Tom');
  INSERT INTO dogs VALUES ('${UUID}', 'Rex');`;

const typeOf = (name: string): string => `K${name}`;
const SDL = `
  scalar Bytes
  scalar Hex
  enum Mood { GLAD @column(name: "glad") SO_SO @column(name: "so so") SAD @column(name: "sad") }
  type Query {
    ${CASES.map(({ name, graphql }) => `${name}(k: ${graphql}!): ${typeOf(name)} ${name}List(k: ${graphql}, filter: Filter${name}): [${typeOf(name)}!]!`).join('\n')}
    blob(k: Hex!): Blob
  }
  type Mutation { ${CASES.map(({ name, graphql }) => `${name}Note(k: ${graphql}!, note: String!): Payload${name}! @update`).join('\n')} }
  ${CASES.map(
    ({ name, graphql }) => `
  type ${typeOf(name)} @entity(table: "k_${name}") @key(fields: "k") { k: ${graphql}! id: Int! note: String }
  type Payload${name} { row: ${typeOf(name)} }
  input Filter${name} { k: Is${name} }
  input Is${name} { eq: ${graphql} in: [${graphql}!] }`,
  ).join('\n')}
  type Pair @entity @key(fields: "a mood address") { a: Int! mood: String! address: String! id: Int! }
  type Blob @entity @key(fields: "k") { k: Hex! id: Int! }
  type Paper @entity @key(fields: "k") { k: JSON! id: Int! }
  interface Pet @key(fields: "id") { id: ID! name: String! }
  type Cat implements Pet @entity @key(fields: "id") { id: ID! name: String! }
  type Dog implements Pet @entity @key(fields: "id") { id: ID! name: String! }`;

/** An answer to one value: the rows' ids, or that it was refused. */
type Found = readonly number[] | 'refused';

interface Entities {
  readonly _entities: readonly ({ readonly id: number } | null)[];
}

const SENTENCE = /^The key "[a-z]+" of \w+ cannot be .{1,420}; send .+\.$/s;

describe('values of keys', () => {
  let app: TestApp;
  let client: pg.Client;
  before(async () => {
    app = await startTestApp({
      files: [{ name: 'keys.graphql', body: SDL }],
      sql: SQL,
      regions: [US, EU],
      forwarding: true,
      redis: true,
      server: { resolvers: { Hex } },
    });
    await until(
      "the primary's server is known to be ready",
      () => stacksOf(app.server(EU).layer).write.serverState(US) === 'ready',
    );
    await app.cluster.caughtUp();
    client = new pg.Client({ connectionString: app.cluster.dsnFor(US, US) });
    await client.connect();
    await client.query("SET TimeZone = 'UTC'");
  });
  after(async () => {
    // The set-up may have failed before it.
    await (client as pg.Client | undefined)?.end();
    await app[Symbol.asyncDispose]();
  });

  /** The rows that PostgreSQL finds; null where it reads no value. */
  async function judged({ name, cast, labels }: KeyCase, given: unknown): Promise<readonly number[] | null> {
    if (typeof given !== 'string' && typeof given !== 'number' && typeof given !== 'boolean') return null;
    const text = labels === undefined ? String(given) : (labels.get(String(given)) ?? 'no label');
    if (text.includes('\u0000') || !text.isWellFormed()) return null;
    try {
      return (
        await client.query<{ id: number }>(`SELECT id FROM "k_${name}" WHERE k::${cast} = $1::text::${cast}`, [text])
      ).rows.map(({ id }) => id);
    } catch (error) {
      assert.match(String((error as { code?: unknown }).code), /^22/, String(error));
      return null;
    }
  }

  const entities = (
    region: string,
    type: string,
    values: readonly unknown[],
    directive = '',
  ): Promise<Answer<Entities>> =>
    app.gql<Entities>(
      region,
      `query($r: [_Any!]!) ${directive} { _entities(representations: $r) { ... on ${type} { id } } }`,
      { variables: { r: values.map((k) => ({ __typename: type, k })) } },
    );

  const arguments_ = ({ name, graphql }: KeyCase): Readonly<Record<string, string>> => ({
    'look-up': `query($v: ${graphql}!) { found: ${name}(k: $v) { id } }`,
    'argument of a list': `query($v: ${graphql}) { found: ${name}List(k: $v) { id } }`,
    'filter eq': `query($v: ${graphql}) { found: ${name}List(filter: { k: { eq: $v } }) { id } }`,
    'filter in': `query($v: ${graphql}!) { found: ${name}List(filter: { k: { in: [$v] } }) { id } }`,
    'mutation by key': `mutation($v: ${graphql}!) { found: ${name}Note(k: $v, note: "seen") { row { id } } }`,
  });

  /** What one argument finds; NOT_FOUND is how a mutation says that there is no such row. */
  async function byArgument(region: string, query: string, v: unknown): Promise<Found> {
    interface Shown {
      readonly id?: number;
      readonly row?: { readonly id: number };
    }
    const { data, errors } = await app.gql<{ found: Shown | readonly Shown[] | null }>(region, query, {
      variables: { v },
    });
    const codes = errors.map(({ extensions }) => extensions.code);
    if (codes[0] === 'NOT_FOUND') return [];
    if (codes.length > 0) {
      assert.deepEqual([...new Set(codes)], ['BAD_USER_INPUT'], JSON.stringify(errors));
      return 'refused';
    }
    const found = data?.found ?? null;
    return [found].flat().flatMap((one) => (one === null ? [] : [one.row?.id ?? one.id ?? NaN]));
  }

  /** Every value as one of many representations, each between two of rows. */
  async function byReference(
    of: KeyCase,
    values: readonly unknown[],
    region: string,
    directive = '',
  ): Promise<readonly Found[]> {
    const sound = of.taken.find((value, i) => i === 0 && typeof value === 'string');
    const { data, errors } = await entities(
      region,
      typeOf(of.name),
      values.flatMap((value) => [sound, value, sound]),
      directive,
    );
    const all = data?._entities ?? [];
    assert.equal(all.length, values.length * 3);
    const refusals = new Map(errors.map((error) => [error.path?.[1], error]));
    for (const { extensions, message } of errors) {
      assert.equal(extensions.code, 'BAD_USER_INPUT', message);
      assert.match(message, SENTENCE);
    }
    return values.map((_, i) => {
      for (const beside of [3 * i, 3 * i + 2])
        assert.equal(
          all[beside]?.id,
          1,
          `beside ${JSON.stringify(values[i])}: ${JSON.stringify(refusals.get(beside))}`,
        );
      if (refusals.has(3 * i + 1)) return 'refused';
      const row = all[3 * i + 1];
      return row === null || row === undefined ? [] : [row.id];
    });
  }

  for (const of of CASES) {
    it(`of type ${of.sql} as ${of.graphql} find what PostgreSQL finds or are refused, as argument, filter, representation and in a mutation`, async () => {
      const values = [...of.taken, ...of.refused];
      const expected: Found[] = [];
      for (const [i, value] of values.entries()) {
        const found = await judged(of, value);
        if (i < of.taken.length) assert.notEqual(found, null, `PostgreSQL does not read ${JSON.stringify(value)}`);
        expected.push(i < of.taken.length && found !== null ? found : 'refused');
      }
      const told = (found: readonly Found[]): unknown => found.map((one, i) => [values[i], one]);
      // Twice in one region: what is kept of the first must not change the second.
      for (const [region, directive] of [
        [EU, ''],
        [EU, ''],
        [EU, '@consistent(level: SNAPSHOT)'],
        [US, ''],
      ] as const) {
        assert.deepEqual(
          told(await byReference(of, values, region, directive)),
          told(expected),
          `representations ${region} ${directive}`,
        );
      }
      for (const [place, query] of Object.entries(arguments_(of))) {
        if (of.equal === false && !/look-up|mutation/.test(place)) continue;
        // A list stands for several values there, a text is none for Int, Float and Boolean, and nothing else is one
        // for String.
        const asked = values
          .map((value, i) => ({ value, right: expected[i] }))
          .filter(
            ({ value }) =>
              typeof value !== 'object' &&
              !(of.onlyAsKey ? typeof value === 'string' : of.graphql === 'String' && typeof value !== 'string'),
          );
        const found = await Promise.all(
          asked.map(({ value }) => byArgument(place.startsWith('mutation') ? US : EU, query, value)),
        );
        assert.deepEqual(
          found.map((one, i) => [asked[i]?.value, one]),
          asked.map(({ value, right }) => [value, right]),
          place,
        );
      }
    });
  }

  it('of several columns are refused with the name of the wrong column, and the other keys are found', async () => {
    const pair = (a: unknown, mood: unknown, address: unknown): unknown => ({ __typename: 'Pair', a, mood, address });
    const r = [
      pair(1, 'glad', '10.0.0.1'),
      pair('one', 'glad', '10.0.0.1'),
      pair(1, 'GLAD', '10.0.0.1'),
      pair(1, 'glad', '10.0.0.300'),
      pair(1, 'GLAD', '10.0.0.300'),
      pair(' 2', 'sad', '10.0.0.2/32'),
      pair(1, 'sad', '10.0.0.1'),
      pair(1, null, '10.0.0.1'),
    ];
    for (const region of [EU, US, EU]) {
      const { data, errors } = await app.gql<Entities>(
        region,
        'query($r: [_Any!]!) { _entities(representations: $r) { ... on Pair { id } } }',
        { variables: { r } },
      );
      assert.deepEqual(data?._entities, [{ id: 1 }, null, null, null, null, { id: 2 }, null, null]);
      const sentences = new Map(errors.map(({ path, message }) => [path?.[1], message]));
      assert.match(
        sentences.get(4) ?? '',
        /^The key "(?:mood|address)" of Pair cannot be "(?:GLAD|10\.0\.0\.300)"; send /,
      );
      sentences.delete(4);
      assert.deepEqual([...sentences].sort(), [
        [1, 'The key "a" of Pair cannot be "one"; send a whole number from -2147483648 to 2147483647.'],
        [2, 'The key "mood" of Pair cannot be "GLAD"; send one of the labels of its type.'],
        [3, 'The key "address" of Pair cannot be "10.0.0.300"; send a value of type inet such as 192.168.0.1.'],
        [7, 'A representation of Pair carries no complete key; send "a mood address".'],
      ]);
    }
  });

  it('of a custom scalar are parsed by it, as arguments are', async () => {
    const { data, errors } = await entities(EU, 'Blob', ['6162', '6163', '\\x6162', 'zz', 7]);
    assert.deepEqual(data?._entities, [{ id: 1 }, null, null, null, null]);
    const sentence = (shown: string): string =>
      `The key "k" of Blob cannot be ${shown}; send what Hex takes (Hex is an even number of hexadecimal digits).`;
    assert.deepEqual(
      errors.map(({ path, message }) => [path?.[1], message]),
      [
        [2, sentence('"\\\\x6162"')],
        [3, sentence('"zz"')],
        [4, sentence('7')],
      ],
    );
    assert.deepEqual(await byArgument(EU, 'query($v: Hex!) { found: blob(k: $v) { id } }', '6162'), [1]);
    assert.equal(await byArgument(EU, 'query($v: Hex!) { found: blob(k: $v) { id } }', 'zz'), 'refused');
  });

  it('find rows by the content of a document', async () => {
    const { data, errors } = await entities(EU, 'Paper', [{ b: [null], a: 1.5 }, 'text', 7, { a: 1 }, [], 'a\u0000']);
    assert.deepEqual(data?._entities, [{ id: 1 }, { id: 2 }, { id: 3 }, null, null, null]);
    assert.deepEqual(
      errors.map(({ path, extensions }) => [path?.[1], extensions.code]),
      [[5, 'BAD_USER_INPUT']],
    );
  });

  it('of an interface may be valid for the type of one implementation only', async () => {
    const r = ['1', UUID, '2', UUID.replace('a', 'b'), 'one'].map((id) => ({ __typename: 'Pet', id }));
    const { data, errors } = await app.gql<{ _entities: unknown }>(
      EU,
      'query($r: [_Any!]!) { _entities(representations: $r) { ... on Pet { name } } }',
      { variables: { r } },
    );
    assert.deepEqual(data?._entities, [{ name: 'Tom' }, { name: 'Rex' }, null, null, null]);
    assert.deepEqual(
      errors.map(({ path, extensions }) => [path?.[1], extensions.code]),
      [[4, 'BAD_USER_INPUT']],
    );
  });
});
