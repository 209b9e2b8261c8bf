/**
 * Proves values over HTTP, in the primary's region and forwarded to it: each equals, to the last digit, what the client
 * sent and what psql shows, or it is refused.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stacksOf } from '../../src/app/layer.ts';
import { EU, startTestApp, US, type TestApp } from '../support/app.ts';
import { until } from '../support/observe.ts';

const SQL = `
  CREATE DOMAIN code AS varchar(3) CHECK (VALUE <> 'xxx');
  CREATE TABLE docs (id integer PRIMARY KEY, body jsonb, plain json, list jsonb[]);
  CREATE TABLE amounts (amount numeric PRIMARY KEY, label text NOT NULL, price numeric(10,2));
  CREATE TABLE rows3 (id bigint PRIMARY KEY, title text NOT NULL, owner bigint, label text UNIQUE);
  CREATE TABLE moments (id integer PRIMARY KEY, at timestamptz, local timestamp, t time, day date);
  CREATE TABLE numbers (id integer PRIMARY KEY, f float8, r real, i integer, s text, codes code[], lone code, fs float8[], grid integer[]);
  INSERT INTO docs VALUES (1, '{"n": 9007199254740993, "d": 0.1234567890123456789, "price": 1.10}', '{"z":1e400, "a":-0,"z2":[1.0]}', ARRAY['{"a":1.10}', '12345678901234567890']::jsonb[]);
  INSERT INTO amounts VALUES (1234567890.123456789, 'exact'), (1234567890.1234567, 'double'), (90071992547409930.5, 'half'), (9007199254740993, 'odd'), (9007199254740992, 'even');
  INSERT INTO rows3 VALUES (9007199254740992, 'A', 9007199254740992, '9007199254740992'), (9007199254740993, 'B', 9007199254740993, '9007199254740993');
  INSERT INTO numbers VALUES (1, 1, 1, 1, '1', ARRAY['abc']::code[], 'abc');`;

const SDL = `
  type Query {
    doc(id: ID!): Doc  docs(body: JSON, filter: DocFilter): [Doc!]!
    amount(amount: Decimal!): Amount  amounts(amount: Decimal, filter: AmountFilter): [Amount!]!
    row(id: ID!): Row3  rowByLabel(label: ID!): Row3  rows(filter: RowFilter, owner: ID, owners: [ID!] @column(name: "owner")): [Row3!]!
    moment(id: ID!): Moment  moments(t: Time, at: DateTime, local: LocalDateTime): [Moment!]!
    number(id: ID!): Numbers  numbers(f: Float, i: Int, filter: NumbersFilter, lone: String): [Numbers!]!
    defaults(decimal: Decimal = 1234567890.123456789, id: ID = 9007199254740993, inner: Inner = {d: 1.10}): String!
    echo(json: JSON, meta: Meta, list: [JSON!], id: ID, decimal: Decimal): String!
  }
  scalar Meta
  input Inner { d: Decimal = 0.1234567890123456789 list: [BigInt!] = [9007199254740993] }
  type Shown { f: Float d: Decimal big: BigInt id: ID s: String any: JSON }
  type Mutation {
    createDoc(id: ID!, body: JSON, plain: JSON, list: [JSON!]): DocPayload! @insert
    createAmount(amount: Decimal!, label: String!, price: Decimal): AmountPayload! @insert
    deleteAmount(amount: Decimal!): AmountPayload! @delete
    createRow(input: RowInput!): Row3Payload! @insert
    deleteRow(id: ID!): Row3Payload! @delete
    createMoment(id: ID!, at: DateTime, local: LocalDateTime, t: Time): MomentPayload! @insert
    createNumbers(id: Int!, f: Float, r: Float, i: Int, s: String): NumbersPayload! @insert
    deleteNumbers(id: ID!): NumbersPayload! @delete
  }
  input DocFilter { body: JSONFilter }
  input JSONFilter { eq: JSON }
  input AmountFilter { amount: DecimalFilter or: [AmountFilter!] }
  input DecimalFilter { eq: Decimal in: [Decimal!] gt: Decimal }
  input RowFilter { owner: IDFilter label: IDFilter and: [RowFilter!] }
  input NumbersFilter { codes: CodesFilter lone: CodeFilter f: FloatFilter }
  input CodesFilter { hasAny: [String!] has: String }
  input CodeFilter { eq: String in: [String!] }
  input RowInput { id: ID! title: String! owner: BigInt label: String }
  type Doc @entity(table: "docs") @key(fields: "id") { id: ID! body: JSON plain: JSON list: [JSON!] shown: Shown @column(name: "body") }
  type Amount @entity(table: "amounts") @key(fields: "amount") { amount: Decimal! label: String! price: Decimal }
  type Row3 @entity(table: "rows3") @key(fields: "id") @key(fields: "label") { id: ID! title: String! owner: BigInt label: ID }
  type Moment @entity(table: "moments") @key(fields: "id") { id: ID! at: DateTime local: LocalDateTime t: Time day: Date }
  type Numbers @entity(table: "numbers") @key(fields: "id") { id: ID! f: Float r: Float i: Int s: String codes: [String!] lone: String fs: [Float] grid: [Int] box: Box @embedded(prefix: "") }
  type Box { f: Float }
  type DocPayload { doc: Doc }
  type AmountPayload { amount: Amount }
  type Row3Payload { row: Row3 }
  type MomentPayload { moment: Moment }
  type NumbersPayload { numbers: Numbers }`;

const resolvers = {
  Query: {
    defaults: (_parent: unknown, args: Record<string, unknown>) => JSON.stringify(args),
    echo: (_parent: unknown, args: Record<string, unknown>) => JSON.stringify(args),
  },
};

interface Sent {
  readonly text: string;
  readonly data: Record<string, unknown> | null;
  readonly errors: readonly {
    readonly message: string;
    readonly path?: readonly unknown[];
    readonly extensions: { readonly code: string };
  }[];
}

describe('values over HTTP', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({
      files: [{ name: 'values.graphql', body: SDL }],
      sql: SQL,
      regions: [US, EU],
      forwarding: true,
      redis: true,
      server: { resolvers },
    });
    await until(
      "the primary's server is known to be ready",
      () => stacksOf(app.server(EU).layer).write.serverState(US) === 'ready',
    );
  });
  after(async () => app[Symbol.asyncDispose]());

  const post = async (region: string, query: string, variables = '{}'): Promise<Sent> => {
    const response = await fetch(app.server(region).url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"query":${JSON.stringify(query)},"variables":${variables}}`,
    });
    const text = await response.text();
    return { errors: [], ...(JSON.parse(text) as object), text } as unknown as Sent;
  };
  const get = async (region: string, query: string, variables: string): Promise<Sent> => {
    const response = await fetch(`${app.server(region).url}?${new URLSearchParams({ query, variables }).toString()}`, {
      headers: { 'apollo-require-preflight': '1' },
    });
    const text = await response.text();
    return { errors: [], ...(JSON.parse(text) as object), text } as unknown as Sent;
  };
  /** Literal, POST and GET variable; each in both regions. */
  const ways = (
    type: string,
    field: (value: string) => string,
    value: string,
  ): readonly (readonly [string, () => Promise<Sent>])[] =>
    [US, EU].flatMap(
      (region) =>
        [
          [`${region} literal`, () => post(region, `{ ${field(value)} }`)],
          [`${region} variable`, () => post(region, `query($v: ${type}) { ${field('$v')} }`, `{"v":${value}}`)],
          [`${region} GET`, () => get(region, `query($v: ${type}) { ${field('$v')} }`, `{"v":${value}}`)],
          [`${region} default`, () => post(region, `query($v: ${type} = ${value}) { ${field('$v')} }`)],
        ] as const,
    );
  const codes = ({ errors }: Sent): readonly string[] => errors.map(({ extensions }) => extensions.code);

  it('find the row whose key has the same digits, in every place of an operation', async () => {
    const cases: readonly (readonly [type: string, value: string, field: (value: string) => string, right: string])[] =
      [
        ['Decimal!', '1234567890.123456789', (v) => `amount(amount: ${v}) { label }`, '{"amount":{"label":"exact"}}'],
        ['Decimal!', '1234567890.1234567', (v) => `amount(amount: ${v}) { label }`, '{"amount":{"label":"double"}}'],
        ['Decimal!', '90071992547409930.5', (v) => `amount(amount: ${v}) { label }`, '{"amount":{"label":"half"}}'],
        ['Decimal', '9007199254740993', (v) => `amounts(amount: ${v}) { label }`, '{"amounts":[{"label":"odd"}]}'],
        ['Decimal', '9.007199254740993e15', (v) => `amounts(amount: ${v}) { label }`, '{"amounts":[{"label":"odd"}]}'],
        [
          'Decimal!',
          '1234567890.123456789',
          (v) => `amounts(filter: { or: [{ amount: { in: [1, ${v}] } }] }) { label }`,
          '{"amounts":[{"label":"exact"}]}',
        ],
        [
          'Decimal',
          '90071992547409930.4999999999',
          (v) => `amounts(filter: { amount: { gt: ${v} } }) { label }`,
          '{"amounts":[{"label":"half"}]}',
        ],
        ['ID!', '9007199254740993', (v) => `row(id: ${v}) { title }`, '{"row":{"title":"B"}}'],
        ['ID!', '9007199254740992', (v) => `row(id: ${v}) { title }`, '{"row":{"title":"A"}}'],
        ['ID!', '9007199254740993', (v) => `rowByLabel(label: ${v}) { title }`, '{"rowByLabel":{"title":"B"}}'],
        ['ID', '9007199254740993', (v) => `rows(owner: ${v}) { title }`, '{"rows":[{"title":"B"}]}'],
        ['ID!', '9007199254740993', (v) => `rows(owners: [${v}]) { title }`, '{"rows":[{"title":"B"}]}'],
        [
          'ID',
          '9007199254740993',
          (v) => `rows(filter: { and: [{ owner: { eq: ${v} } }, { label: { eq: ${v} } }] }) { title }`,
          '{"rows":[{"title":"B"}]}',
        ],
        [
          'JSON',
          '{"n":9007199254740993,"d":0.1234567890123456789,"price":1.1}',
          (v) =>
            `docs(body: ${v.startsWith('$') ? v : '{n: 9007199254740993, d: 0.1234567890123456789, price: 1.1}'}) { id }`,
          '{"docs":[{"id":"1"}]}',
        ],
        [
          'JSON',
          '{"n":9007199254740992,"d":0.1234567890123456789,"price":1.1}',
          (v) =>
            `docs(filter: { body: { eq: ${v.startsWith('$') ? v : '{n: 9007199254740992, d: 0.1234567890123456789, price: 1.1}'} } }) { id }`,
          '{"docs":[]}',
        ],
        ['Int', '1', (v) => `numbers(i: ${v}) { id }`, '{"numbers":[{"id":"1"}]}'],
        ['Float', '1.00', (v) => `numbers(f: ${v}) { id }`, '{"numbers":[{"id":"1"}]}'],
      ];
    for (const [type, value, field, right] of cases) {
      for (const [way, send] of ways(type, field, value)) {
        if (type === 'JSON' && way.endsWith('default')) continue; // a JSON text is no GraphQL literal
        assert.equal((await send()).text.trim(), `{"data":${right}}`, `${way}: ${field(value)}`);
      }
    }
  });

  it('find the representation whose key has the same digits, in literals and variables, and a malformed key gets its own error', async () => {
    const ask = '... on Row3 { title } ... on Amount { label }';
    for (const region of [US, EU]) {
      for (const [key, value, right] of [
        ['Row3", id', '9007199254740993', '{"title":"B"}'],
        ['Row3", id', '9007199254740992', '{"title":"A"}'],
        ['Row3", label', '9007199254740993', '{"title":"B"}'],
        ['Amount", amount', '1234567890.123456789', '{"label":"exact"}'],
        ['Amount", amount', '1234567890.1234567', '{"label":"double"}'],
      ] as const) {
        const literal = await post(
          region,
          `{ _entities(representations: [{ __typename: "${key}: ${value} }]) { ${ask} } }`,
        );
        const [type = '', field = ''] = key.split('", ');
        const variable = await post(
          region,
          `query($r: [_Any!]!) { _entities(representations: $r) { ${ask} } }`,
          `{"r":[{"__typename":"${type}","${field}":${value}}]}`,
        );
        const single = await post(
          region,
          `query($v: ${type === 'Amount' ? 'Decimal' : 'ID'}) { _entities(representations: [{ __typename: "${key}: $v }]) { ${ask} } }`,
          `{"v":${value}}`,
        );
        for (const answer of [literal, variable, single])
          assert.equal(answer.text.trim(), `{"data":{"_entities":[${right}]}}`, `${region} ${key} ${value}`);
      }
      const mixed = await post(
        region,
        `query($r: [_Any!]!) { _entities(representations: $r) { ${ask} } }`,
        '{"r":[{"__typename":"Row3","id":9007199254740993.5},{"__typename":"Row3","id":9007199254740993},{"__typename":"Row3","id":1e400},{"__typename":"Row3","id":"x"}]}',
      );
      assert.deepEqual(
        [mixed.data, mixed.errors.map(({ path, extensions }) => [path, extensions.code])],
        [
          { _entities: [null, { title: 'B' }, null, null] },
          [
            [['_entities', 0], 'BAD_USER_INPUT'],
            [['_entities', 2], 'BAD_USER_INPUT'],
            [['_entities', 3], 'BAD_USER_INPUT'],
          ],
        ],
      );
      assert.match(
        mixed.errors[0]?.message ?? '',
        /"Row3\.id" got invalid value 9007199254740993\.5; ID must be text or a whole number; send it as a string/,
      );
    }
  });

  it("are stored as they were sent, from the primary's region and from another", async () => {
    const primary = {
      query: async <R extends Record<string, unknown>>(sql: string, params: readonly unknown[] = []) => ({
        rows: await app.cluster.query<R>(US, sql, params),
      }),
    };
    const stored = async (sql: string): Promise<string> =>
      String((await primary.query<{ t: string | null }>(`SELECT (${sql})::text AS t`)).rows[0]?.t);
    let id = 100;
    const documents: readonly (readonly [json: string, jsonb: string, literal: string | null])[] = [
      ['{"n":9007199254740993}', '{"n": 9007199254740993}', '{n: 9007199254740993}'],
      [
        '{"d":0.1234567890123456789,"price":1.10}',
        '{"d": 0.1234567890123456789, "price": 1.10}',
        '{d: 0.1234567890123456789, price: 1.10}',
      ],
      [
        '[1.0,-2.50,123456789012345678901234567890,1e3]',
        '[1.0, -2.50, 123456789012345678901234567890, 1000]',
        '[1.0, -2.50, 123456789012345678901234567890, 1e3]',
      ],
      ['1.10', '1.10', '1.10'],
      ['12345678901234567890', '12345678901234567890', '12345678901234567890'],
      ['{"e":1e30}', '{"e": 1000000000000000000000000000000}', '{e: 1e30}'],
      [
        '{"__proto__":{"a":1.10},"constructor":{"prototype":{"b":1}},"10":1,"k\\"":2,"k\\\\":3}',
        '{"10": 1, "k\\"": 2, "k\\\\": 3, "__proto__": {"a": 1.10}, "constructor": {"prototype": {"b": 1}}}',
        null,
      ],
    ];
    for (const region of [US, EU]) {
      for (const [json, jsonb, literal] of documents) {
        for (const way of ['variable', 'literal'] as const) {
          if (way === 'literal' && literal === null) continue;
          id += 1;
          const query = (value: string, declared: string): string =>
            `mutation${declared} { createDoc(id: ${id}, body: ${value}, plain: ${value}, list: [${value}]) { doc { body plain list } } }`;
          const answer = await (way === 'literal'
            ? post(region, query(String(literal), ''))
            : post(region, query('$v', '($v: JSON!)'), `{"v":${json}}`));
          assert.deepEqual(answer.errors, [], json);
          const sql = async (column: string): Promise<string> => stored(`SELECT ${column} FROM docs WHERE id = ${id}`);
          assert.deepEqual(
            [await sql('body'), await sql('list[1]'), JSON.parse(await sql('plain'))],
            [jsonb, jsonb, JSON.parse(json)],
            `${region} ${way} ${json}`,
          );
          if (way === 'variable')
            assert.ok(
              Object.keys(JSON.parse(json) as object).includes('10') || (await sql('plain')) === json,
              `${region} ${json}`,
            );
          // As psql shows it, apart from blanks: from the write, then from the caches of both regions.
          const [doc] = [await post(region, `{ doc(id: ${id}) { body list } }`)];
          for (const shown of [
            doc,
            await post(region, `{ doc(id: ${id}) { body list } }`),
            await post(US, `{ doc(id: ${id}) { body list } }`),
          ]) {
            assert.ok(
              shown.text.includes(`"body":${jsonb.replaceAll(/(?<=[:,]) /g, '')}`) &&
                shown.text.includes(`"list":[${jsonb.replaceAll(/(?<=[:,]) /g, '')}]`),
              `${region} ${way} ${shown.text}`,
            );
          }
        }
      }
    }
    assert.equal(({} as { a?: number }).a, undefined);
  });

  it('of numeric, bigint and ID columns keep every digit in writes and deletes', async () => {
    const primary = {
      query: async <R extends Record<string, unknown>>(sql: string, params: readonly unknown[] = []) => ({
        rows: await app.cluster.query<R>(US, sql, params),
      }),
    };
    const labels = async (): Promise<unknown> =>
      (
        await primary.query<{ l: string }>(
          "SELECT string_agg(amount || '=' || label, ' ' ORDER BY amount) AS l FROM amounts WHERE label LIKE 'new%'",
        )
      ).rows[0]?.l;
    for (const region of [US, EU]) {
      const create = await post(
        region,
        'mutation($a: Decimal!) { createAmount(amount: $a, label: "new") { amount { amount } } }',
        '{"a":90071992547409931.50}',
      );
      assert.equal(
        create.text.startsWith('{"data":{"createAmount":{"amount":{"amount":"90071992547409931.50"}}}'),
        true,
        create.text,
      );
      assert.equal(await labels(), '90071992547409931.50=new');
      const missed = await post(
        region,
        'mutation($a: Decimal!) { deleteAmount(amount: $a) { amount { label } } }',
        '{"a":90071992547409931.51}',
      );
      assert.deepEqual([codes(missed), await labels()], [['NOT_FOUND'], '90071992547409931.50=new']);
      const removed = await post(
        region,
        'mutation($a: Decimal!) { deleteAmount(amount: $a) { amount { label } } }',
        '{"a":90071992547409931.5}',
      );
      assert.deepEqual([removed.errors, await labels()], [[], null]);

      await primary.query("INSERT INTO rows3 VALUES (18014398509481984, 'even'), (18014398509481985, 'odd')");
      const gone = await post(
        region,
        'mutation($id: ID!) { deleteRow(id: $id) { row { title } } }',
        '{"id":18014398509481985}',
      );
      assert.ok(gone.text.startsWith('{"data":{"deleteRow":{"row":{"title":"odd"}}}'), gone.text);
      const made = await post(
        region,
        'mutation($i: RowInput!) { createRow(input: $i) { row { id owner label } } }',
        '{"i":{"id":18014398509481985,"title":"odd","owner":9007199254740995,"label":"x"}}',
      );
      assert.ok(
        made.text.startsWith(
          '{"data":{"createRow":{"row":{"id":"18014398509481985","owner":"9007199254740995","label":"x"}}}',
        ),
        made.text,
      );
      await primary.query('DELETE FROM rows3 WHERE id > 10000000000000000');
    }
  });

  it('are refused with one sentence and one code if their type cannot hold them, as literals and as variables', async () => {
    const cases: readonly (readonly [
      type: string,
      value: string,
      field: (value: string) => string,
      message: RegExp,
    ])[] = [
      [
        'ID!',
        '9007199254740993.5',
        (v) => `row(id: ${v}) { title }`,
        /"\$v" got invalid value 9007199254740993\.5; ID must be .* send it as a string/,
      ],
      ['ID', '1e400', (v) => `rows(owner: ${v}) { title }`, /send it as a string/],
      ['Float', '1e400', (v) => `numbers(f: ${v}) { id }`, /Float must be a number within the range of a double/],
      [
        'Float',
        '1e-400',
        (v) => `numbers(filter: { f: { eq: ${v} } }) { id }`,
        /Float must be a number within the range of a double/,
      ],
      [
        'Decimal!',
        '1e200000',
        (v) => `amount(amount: ${v}) { label }`,
        /Decimal must be a decimal number .* within the range/,
      ],
      ['Time', '"09:30:00+05:00"', (v) => `moments(t: ${v}) { id }`, /Time must be a time without a time zone/],
      [
        'DateTime',
        '"2026-02-30T00:00:00Z"',
        (v) => `moments(at: ${v}) { id }`,
        /DateTime must be a timestamp with a time zone/,
      ],
      [
        'LocalDateTime',
        '"2026-01-31T00:00:00Z"',
        (v) => `moments(local: ${v}) { id }`,
        /LocalDateTime must be a timestamp without a time zone/,
      ],
      ['Meta', '9007199254740993', (v) => `echo(meta: ${v})`, /./],
    ];
    for (const [type, value, field, message] of cases) {
      for (const [way, send] of ways(type, field, value)) {
        const answer = await send();
        // A scalar that nobody defined takes what comes, and IDs of a query's text are digits that no row has.
        if (type === 'Meta' || (type.startsWith('ID') && /literal|default/.test(way))) {
          assert.ok(type !== 'Meta' || answer.text.includes('9007199254740993'), answer.text);
          continue;
        }
        assert.deepEqual(codes(answer), ['BAD_USER_INPUT'], `${way}: ${field(value)} ${answer.text}`);
        assert.match(answer.errors[0]?.message ?? '', message, way);
      }
    }
    for (const [variables, message] of [
      ['{"v":1.5e0}', /"\$v" got invalid value 1\.5e0; Int must be/],
      ['{"v":3e9}', /Int must be a whole number/],
      ['{"v":9007199254740993}', /Int must be/],
    ] as const) {
      assert.match(
        (await post(EU, 'query($v: Int) { numbers(i: $v) { id } }', variables)).errors[0]?.message ?? '',
        message,
      );
    }
    for (const variables of ['{"v":1.0}', '{"v":1e0}', '{"v":10e-1}'])
      assert.equal(
        (await post(EU, 'query($v: Int) { numbers(i: $v) { id } }', variables)).text.trim(),
        '{"data":{"numbers":[{"id":"1"}]}}',
        variables,
      );
  });

  it('are rounded as PostgreSQL rounds them if they are times, with carry', async () => {
    const primary = {
      query: async <R extends Record<string, unknown>>(sql: string, params: readonly unknown[] = []) => ({
        rows: await app.cluster.query<R>(US, sql, params),
      }),
    };
    let id = 0;
    for (const region of [US, EU]) {
      for (const [at, local, t] of [
        ['2026-01-31T09:30:00.123456789Z', '2026-01-31T09:30:00.1234565', '09:30:00.1234567'],
        ['2026-12-31T23:59:59.9999999Z', '2024-02-28T23:59:59.9999995', '23:59:59.9999999'],
        ['1969-12-31T23:59:59.999999500+05:30', '1999-12-31T23:59:59.9999994', '00:00:59.9999996'],
        ['9999-12-31T23:59:59.9999999Z', '0001-01-01T00:00:00.0000005', '09:59:59.9999995'],
      ]) {
        id += 1;
        const answer = await post(
          region,
          'mutation($id: ID!, $at: DateTime, $local: LocalDateTime, $t: Time) { createMoment(id: $id, at: $at, local: $local, t: $t) { moment { id } } }',
          JSON.stringify({ id, at, local, t }),
        );
        assert.deepEqual(answer.errors, []);
        const { rows } = await primary.query<{ ok: boolean }>(
          'SELECT at = $2::text::timestamptz AND local = $3::text::timestamp AND t = $4::text::time AS ok FROM moments WHERE id = $1',
          [id, at, local, t],
        );
        assert.equal(rows[0]?.ok, true, `${at} ${local} ${t}`);
      }
    }
  });

  it('are bad input to a read if they break a rule of a domain', async () => {
    for (const field of [
      'numbers(filter: { codes: { hasAny: ["xxx"] } }) { id }',
      'numbers(filter: { codes: { has: "xxx" } }) { id }',
      'numbers(filter: { lone: { eq: "xxx" } }) { id }',
      'numbers(lone: "xxx") { id }',
    ]) {
      const answer = await post(US, `{ ${field} }`);
      assert.ok(answer.text.trim() === '{"data":{"numbers":[]}}' || codes(answer)[0] === 'BAD_USER_INPUT', answer.text);
      assert.doesNotMatch(answer.text, /rule of the table/);
    }
  });

  it('in a document are returned with the types of the object that shows it', async () => {
    await app.cluster.query(
      US,
      `INSERT INTO docs VALUES (3, '{"f": 1.50, "d": 0.1234567890123456789, "big": 9007199254740993, "id": 9007199254740993, "s": 1.10, "any": {"a": [1.10]}}')`,
    );
    await app.cluster.caughtUp();
    for (const region of [US, EU]) {
      const { text } = await post(region, '{ doc(id: 3) { shown { f d big id any } } }');
      assert.equal(
        text.trim(),
        '{"data":{"doc":{"shown":{"f":1.5,"d":"0.1234567890123456789","big":"9007199254740993","id":"9007199254740993","any":{"a":[1.10]}}}}}',
      );
    }
  });

  it('are an error that names type, field and column if their GraphQL type cannot represent them', async () => {
    await app.cluster.query(
      US,
      `INSERT INTO numbers (id, f, r, fs, grid) VALUES (50, 'NaN', '-Infinity', '{1,NaN}', '{{1,2},{3,4}}')`,
    );
    await app.cluster.caughtUp();
    for (const region of [US, EU]) {
      const { data, errors } = await post(region, '{ number(id: 50) { id f r fs grid box { f } } }');
      assert.deepEqual(data, { number: { id: '50', f: null, r: null, fs: null, grid: null, box: { f: null } } });
      assert.deepEqual(
        errors.map(({ message, path, extensions }) => [path?.slice(1).join('.'), extensions.code, message]).sort(),
        [
          [
            'box.f',
            'VALUE_NOT_SHOWN',
            'Box.f cannot be shown: in this row, column "f" holds NaN, which Float cannot show. Store a finite number, or show the column by a resolver of your own.',
          ],
          [
            'f',
            'VALUE_NOT_SHOWN',
            'Numbers.f cannot be shown: in this row, column "f" holds NaN, which Float cannot show. Store a finite number, or show the column by a resolver of your own.',
          ],
          [
            'fs',
            'VALUE_NOT_SHOWN',
            'Numbers.fs cannot be shown: in this row, column "fs" holds NaN, which [Float] cannot show. Store a finite number, or show the column by a resolver of your own.',
          ],
          [
            'grid',
            'VALUE_NOT_SHOWN',
            'Numbers.grid cannot be shown: in this row, column "grid" holds an array of several dimensions, which [Int] cannot show. Store an array of one dimension, or show the column by a resolver of your own.',
          ],
          [
            'r',
            'VALUE_NOT_SHOWN',
            'Numbers.r cannot be shown: in this row, column "r" holds -Infinity, which Float cannot show. Store a finite number, or show the column by a resolver of your own.',
          ],
        ],
      );
    }
  });

  it('keep their digits as defaults of the schema', async () => {
    const right =
      '{"decimal":"1234567890.123456789","id":"9007199254740993","inner":{"d":"1.10","list":["9007199254740993"]}}';
    assert.equal((await post(US, '{ defaults }')).data?.['defaults'], right);
    assert.equal(
      (await post(EU, 'query($i: Inner) { defaults(inner: $i) }', '{"i":{}}')).data?.['defaults'],
      right.replace('"1.10"', '"0.1234567890123456789"'),
    );
  });

  it('reach custom resolvers with every digit', async () => {
    const args =
      '{"json":{"n":9007199254740993,"p":1.10},"meta":[0.1234567890123456789],"list":[1e400],"id":"18014398509481985","decimal":"0.10"}';
    for (const region of [US, EU]) {
      const variable = await post(
        region,
        'query($json: JSON, $meta: Meta, $list: [JSON!], $id: ID, $decimal: Decimal) { echo(json: $json, meta: $meta, list: $list, id: $id, decimal: $decimal) }',
        args.replace('"18014398509481985"', '18014398509481985').replace('"0.10"', '0.10'),
      );
      assert.equal(variable.data?.['echo'], args);
      assert.equal(
        (
          await post(
            region,
            '{ echo(json: {n: 9007199254740993, p: 1.10}, meta: [0.1234567890123456789], list: [1e400], id: 18014398509481985, decimal: 0.10) }',
          )
        ).data?.['echo'],
        args,
      );
    }
  });

  it('are returned as the first time if a request is repeated with its idempotency key', async () => {
    const body =
      '{"query":"mutation($v: JSON) { createDoc(id: 9001, body: $v, plain: $v) { doc { body plain } } }","variables":{"v":{"n":9007199254740993,"d":1.10}}}';
    const send = async (region: string, text: string): Promise<Sent> => {
      const response = await fetch(app.server(region).url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'idempotency-key': 'b0a6ef29-2b2e-4c58-8c1c-7c1a6d7b9f01' },
        body: text,
      });
      const answer = await response.text();
      return { errors: [], ...(JSON.parse(answer) as object), text: answer } as unknown as Sent;
    };
    const right =
      '{"data":{"createDoc":{"doc":{"body":{"d":1.10,"n":9007199254740993},"plain":{"n":9007199254740993,"d":1.10}}}}';
    for (const region of [EU, EU, US]) {
      const { text } = await send(region, body);
      assert.equal(text.startsWith('{"data":{"createDoc":{"doc":{"body":{"d":1.10,"n":9007199254740993}'), true, text);
      assert.equal(text.length > right.length, true);
    }
    for (const region of [EU, US])
      assert.deepEqual(codes(await send(region, body.replace('9007199254740993', '9007199254740992'))), [
        'IDEMPOTENCY_KEY_REUSED',
      ]);
  });

  it('are refused clearly if the body is not a request', async () => {
    for (const [body, status] of [
      ['{"query":"{ rows { title } }","variables":1.10}', 400],
      ['1.10', 400],
      ['{"query":1.10}', 400],
      ['{"query":"{ rows { title } }","extensions":1e400}', 400],
      ['{"query":"{ rows { title } }","variables":{"a":1.10', 400],
      [`{"query":"{ rows { title } }","variables":{"a":${'['.repeat(2_000)}1.10${']'.repeat(2_000)}}}`, 400],
    ] as const) {
      const response = await fetch(app.server(US).url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      assert.equal(response.status, status, body.slice(0, 80));
      await response.text();
    }
  });
});
