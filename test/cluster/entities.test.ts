/**
 * Proves `_entities` with everything that a gateway, or another client, may send: one statement for each type and key,
 * and each error in its own place.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, startTestApp, type Answer, type TestApp } from '../support/app.ts';
import { counting } from '../support/observe.ts';

const SDL = `
  type Query { parts: [Part!]! }
  enum Grade { GOOD @column(name: "good") POOR @column(name: "poor") }
  type Part @entity @key(fields: "id") @key(fields: "code") @key(fields: "grade place") {
    id: BigInt!
    code: String!
    grade: Grade!
    place: Int!
    label: String!
  }
  type Crate @entity @key(fields: "uuid") { uuid: UUID! packed: Date! }
  type Gauge @key(fields: "name") { name: String! length: Int! }
`;
const SQL = `
  CREATE TYPE grade AS ENUM ('good', 'poor');
  CREATE TABLE parts (id bigint PRIMARY KEY, code varchar(8) NOT NULL UNIQUE, grade grade NOT NULL, place int NOT NULL, label text NOT NULL, UNIQUE (grade, place));
  INSERT INTO parts SELECT i, 'c' || i, CASE WHEN i % 2 = 0 THEN 'good' ELSE 'poor' END::grade, i, 'part ' || i FROM generate_series(1, 1000) i;
  CREATE TABLE crates (uuid uuid PRIMARY KEY, packed date NOT NULL);
  INSERT INTO crates SELECT lpad(i::text, 32, '0')::uuid, '2026-01-01'::date + i FROM generate_series(1, 1000) i;
`;
const GAUGES = {
  Gauge: {
    __resolveReference: ({ name }: { name: string }) => {
      if (name === 'broken') throw new Error('the secret of the gauge');
      return { name };
    },
    length: ({ name }: { name: string }) => name.length,
  },
};
const ENTITIES =
  'query($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Part { label } ... on Crate { packed } ... on Gauge { length } } }';

interface Found {
  readonly _entities: readonly unknown[];
}
type Representation = Readonly<Record<string, unknown>>;

const part = (i: number): Representation => ({ __typename: 'Part', label: `part ${i}` });
const grade = (i: number): string => (i % 2 === 0 ? 'GOOD' : 'POOR');

describe('entities for a gateway', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({
      files: [{ name: 'parts.graphql', body: SDL }],
      sql: SQL,
      server: { resolvers: GAUGES },
      settings: { maxAnswerValues: 10_000 },
    });
    await app.cluster.caughtUp();
  });
  after(async () => app[Symbol.asyncDispose]());

  const ask = (r: readonly unknown[]): Promise<Answer<Found>> => app.gql<Found>(AP, ENTITIES, { variables: { r } });

  it('come in the order of 1,000 representations, also repeated ones, with one statement for each type and key', async () => {
    const r = Array.from({ length: 1_000 }, (_, n): readonly [Representation, Representation] => {
      // Each of 125 rows twice by each key, and as many crates, mixed.
      const i = 1 + (n % 125);
      const kinds: readonly (readonly [Representation, Representation])[] = [
        [{ __typename: 'Part', id: String(i) }, part(i)],
        [{ __typename: 'Part', code: `c${i + 125}` }, part(i + 125)],
        [{ place: i + 250, grade: grade(i + 250), __typename: 'Part' }, part(i + 250)],
        [
          { __typename: 'Crate', uuid: `00000000-0000-0000-0000-${String(i).padStart(12, '0')}` },
          { __typename: 'Crate', packed: new Date(Date.UTC(2026, 0, 1 + i)).toISOString().slice(0, 10) },
        ],
      ];
      return kinds[n % 4] ?? [{}, {}];
    });
    const { value, statements } = await counting(app, AP, () => ask(r.map(([given]) => given)));
    assert.deepEqual(value.errors, []);
    assert.deepEqual(
      value.data?._entities,
      r.map(([, expected]) => expected),
    );
    assert.equal(statements, 4);
  });

  it('are found by whole numbers with spaces around them, as PostgreSQL reads them', async () => {
    const { data, errors } = await ask([
      { __typename: 'Part', id: ' 1' },
      { __typename: 'Part', id: '\t2\n' },
      { __typename: 'Part', id: '\u00a03' },
    ]);
    assert.deepEqual(data?._entities, [part(1), part(2), null]);
    assert.deepEqual(
      errors.map(({ message, path }) => [path?.join('.'), message]),
      [
        [
          '_entities.2',
          'The key "id" of Part cannot be "\u00a03"; send a whole number from -9223372036854775808 to 9223372036854775807.',
        ],
      ],
    );
  });

  it('are null for a missing row, and an error for an invalid key, each in its place', async () => {
    const none: readonly unknown[] = [
      ...['123456789', '9223372036854775807', 123456789].map((id) => ({ __typename: 'Part', id })),
      ...['c'.repeat(100_000), 'unknown', "c1' OR true --", ''].map((code) => ({ __typename: 'Part', code })),
      { __typename: 'Crate', uuid: '00000000-0000-0000-0000-00000000000f' },
      { __typename: 'Part', grade: 'GOOD', place: 1 },
    ];
    const wrong: readonly unknown[] = [
      ...['9223372036854775808', 'one', '1.5', '', 'x1', '0x1', '1e400', -0.5, true, {}, { id: 1 }, [], [1], ['1']].map(
        (id) => ({ __typename: 'Part', id }),
      ),
      ...['\u0000', '\ud800', {}, []].map((code) => ({ __typename: 'Part', code })),
      ...['00000000-0000-0000-0000-00000000000g', 'now', 7].map((uuid) => ({ __typename: 'Crate', uuid })),
      { __typename: 'Part', grade: ['GOOD'], place: 2 },
      { __typename: 'Part', grade: 'GOOD', place: 2 ** 40 },
      ...[{}, { id: null }, { label: 'part 1' }, { grade: 'GOOD' }, { grade: 'GOOD', place: null }, { ID: '1' }].map(
        (rest) => ({ __typename: 'Part', ...rest }),
      ),
      ...['good', 'BEST', '', 1, {}, 'constructor', '__proto__'].map((name) => ({
        __typename: 'Part',
        grade: name,
        place: 2,
      })),
      ...[
        'Nope',
        '',
        'part',
        'Grade',
        'Query',
        'String',
        '_Any',
        '_Service',
        'toString',
        'constructor',
        '__proto__',
        '__Type',
        'Part ',
        null,
        7,
        ['Part'],
        { name: 'Part' },
      ].map((name) => ({ __typename: name, id: '1' })),
      { id: '1' },
      'Part',
      7,
      true,
      [],
      [{ __typename: 'Part', id: '1' }],
      { __typename: 'Gauge', name: 'broken' },
    ];
    const sound = (i: number): Representation => ({ __typename: 'Part', id: String(i) });
    // Between two sound ones each, so that a place that is lost shifts what follows.
    const r = [...none, ...wrong].flatMap((it, i) => [sound(i + 1), it]);
    const {
      value: { status, data, errors },
      statements,
    } = await counting(app, AP, () => ask(r));
    assert.equal(status, 200);
    assert.deepEqual(
      data?._entities,
      r.map((_, i) => (i % 2 === 0 ? part(i / 2 + 1) : null)),
    );
    const codes = new Map(errors.map(({ path, extensions }) => [path?.join('.'), extensions.code]));
    const place = (i: number): string => `_entities.${2 * (none.length + i) + 1}`;
    assert.deepEqual(
      codes,
      new Map(
        [...codes.keys()].map((path) => [
          path,
          path === place(wrong.length - 1) ? 'INTERNAL_SERVER_ERROR' : 'BAD_USER_INPUT',
        ]),
      ),
    );
    assert.deepEqual([...codes.keys()].sort(), wrong.map((_, i) => place(i)).sort());
    assert.doesNotMatch(JSON.stringify(errors), /secret of the gauge/);
    // By id, by code, by grade and place, and the one crate whose key is a UUID.
    assert.equal(statements, 4);
  });

  it("read no key from an object's prototype, and change no prototype", async () => {
    const post = async (
      body: string,
    ): Promise<{ readonly status: number; readonly body: { data?: Found; errors?: Answer['errors'] } }> => {
      const response = await fetch(app.server(AP).url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      return { status: response.status, body: (await response.json()) as { data?: Found; errors?: Answer['errors'] } };
    };
    for (const poison of ['"__proto__":{"label":"x"}', '"constructor":{"prototype":{"label":"x"}}']) {
      const { status, body } = await post(
        `{"query":${JSON.stringify(ENTITIES)},"variables":{"r":[{"__typename":"Part","id":"1",${poison}}]}}`,
      );
      assert.deepEqual(
        [status, body],
        [200, { data: { _entities: [{ __typename: 'Part', label: 'part 1' }] } }],
        poison,
      );
    }
    const { body } = await post(
      JSON.stringify({
        query:
          '{ _entities(representations: [{ __typename: "Part", __proto__: { id: "2" } }, { __typename: "Part", id: "1", __proto__: { label: "x" }, constructor: { prototype: { label: "x" } } }]) { ... on Part { label } } }',
      }),
    );
    assert.deepEqual(
      [body.data?._entities, body.errors?.map(({ path, extensions }) => [path, extensions.code])],
      [[null, { label: 'part 1' }], [[['_entities', 0], 'BAD_USER_INPUT']]],
    );
    assert.equal(({} as { label?: string }).label, undefined);
  });

  it('are refused with one error and without a statement if they exceed the limit of an answer', async () => {
    const { value, statements } = await counting(app, AP, () =>
      ask(Array.from({ length: 5_000 }, (_, i) => ({ __typename: 'Part', id: String(i) }))),
    );
    assert.deepEqual(
      [value.status, value.data, value.errors.map(({ extensions }) => extensions.code), statements],
      [200, null, ['BAD_USER_INPUT'], 0],
    );
    assert.match(value.errors[0]?.message ?? '', /more than 10000 values/);
  });
});
