/**
 * Proves relations between columns of different types: their rows are those of the join in plain SQL, or the schema is
 * refused at start.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { isMeridianError } from '../../src/base/errors.ts';
import { toLsn } from '../../src/base/lsn.ts';
import { TagScheme } from '../../src/change/invalidation.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { type Catalog } from '../../src/model/catalog.ts';
import {
  type ConnectionField,
  type CountField,
  type Entity,
  type ListField,
  type Model,
  type Row,
  type ToOneField,
} from '../../src/model/model.ts';
import { readCatalog } from '../../src/postgres/types/catalog.ts';
import { EntityLoaders } from '../../src/read/loaders/entity-loaders.ts';
import { keyOf } from '../../src/read/loaders/key-loader.ts';
import { tagOfKey } from '../../src/read/loaders/through-cache.ts';
import { Tenancy } from '../../src/read/sql/tenant.ts';
import { tenantRefusal } from '../../src/write/tenant.ts';
import { writeStatements } from '../support/plain-write.ts';
import { plainQuery } from '../support/apps.ts';
import { compileSdl, problemsOf } from '../support/compile.ts';
import { CountingExecutor } from '../support/plain-model.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

const TYPES_SQL = `
  CREATE SCHEMA extensions;
  CREATE EXTENSION citext SCHEMA extensions;
  CREATE TYPE mood AS ENUM ('glad', 'sad');
  CREATE DOMAIN public_mood AS mood;
  CREATE DOMAIN code AS varchar(4);
  CREATE DOMAIN amount AS integer;
  CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);`;

interface Pair {
  /** Type of the column that is referred to, and values of it. */
  readonly parent: string;
  readonly parents: readonly string[];
  readonly child: string;
  readonly children: readonly string[];
  /** A foreign key stands there as well. */
  readonly key?: boolean;
  /** What the join compares; unless given, `p.k = c.k`. */
  readonly on?: string;
  /** Why it is refused. */
  readonly refused?: RegExp;
}

const UNLIKE = /do not compare; join columns of one type$/;
const ZONED = /compare by the session's time zone, which is no property of the rows; join columns of one type$/;

const PAIRS: readonly Pair[] = [
  { parent: 'varchar(3)', parents: ['DE', 'F'], child: 'char(3)', children: ['DE', 'F', 'F'], key: true },
  {
    parent: 'char(4)',
    parents: ['N', 'EU'],
    child: 'varchar(4)',
    children: ['N', 'N ', 'EU'],
    key: true,
    on: 'p.k = c.k::bpchar',
  },
  { parent: 'char(4)', parents: ['N', 'EU'], child: 'text', children: ['N', 'EU'], key: true },
  { parent: 'text', parents: ['N', 'EU'], child: 'char(4)', children: ['N', 'EU'], key: true },
  { parent: 'char(2)', parents: ['N', 'EU'], child: 'char(6)', children: ['N', 'EU', 'N'], key: true },
  { parent: 'text', parents: ['N', 'EU', 'x'], child: 'varchar(4)', children: ['N', 'EU'], key: true },
  { parent: 'text', parents: ['N', 'EU', 'x'], child: 'code', children: ['N', 'EU'], key: true },
  { parent: 'code', parents: ['N', 'EU'], child: 'char(4)', children: ['N', 'EU'] },
  { parent: 'numeric', parents: ['1.00', '2', '2.5'], child: 'integer', children: ['1', '2', '2'], key: true },
  { parent: 'numeric', parents: ['1.00', '2', '2.5'], child: 'numeric(6,3)', children: ['1', '2.5'], key: true },
  {
    parent: 'numeric',
    parents: ['1.00', '9007199254740993'],
    child: 'bigint',
    children: ['1', '9007199254740993'],
    key: true,
  },
  { parent: 'integer', parents: ['1', '2'], child: 'numeric', children: ['1.0', '2.5', '2'] },
  { parent: 'float8', parents: ['1', '0.5'], child: 'numeric', children: ['1.00', '0.50'], key: true },
  { parent: 'float8', parents: ['1', '0.5', '0.1'], child: 'real', children: ['1', '0.5'], key: true },
  { parent: 'float8', parents: ['1', '2'], child: 'bigint', children: ['1', '2'], key: true },
  { parent: 'bigint', parents: ['1', '2', '9007199254740993'], child: 'integer', children: ['1', '2', '2'], key: true },
  { parent: 'smallint', parents: ['1', '2'], child: 'bigint', children: ['1', '2'], key: true },
  { parent: 'integer', parents: ['1', '2', '3'], child: 'bigint', children: ['1', '2', '9007199254740993'] },
  { parent: 'amount', parents: ['1', '2'], child: 'smallint', children: ['1', '2', '2'], key: true },
  {
    parent: 'timestamp',
    parents: ['2026-01-01', '2026-01-02 12:00'],
    child: 'date',
    children: ['2026-01-01', '2026-01-01'],
    key: true,
  },
  {
    parent: 'date',
    parents: ['2026-01-01', '2026-01-02'],
    child: 'timestamp',
    children: ['2026-01-01 00:00', '2026-01-02 00:00'],
    key: true,
  },
  { parent: 'timestamptz', parents: ['2026-01-01Z'], child: 'timestamp', children: ['2026-01-01'], refused: ZONED },
  { parent: 'date', parents: ['2026-01-01'], child: 'timestamptz', children: ['2026-01-01Z'], refused: ZONED },
  { parent: 'timetz', parents: ['10:00Z'], child: 'time', children: ['10:00'], refused: ZONED },
  {
    parent: 'text',
    parents: ['Ann', 'ann', 'Bo'],
    child: 'extensions.citext',
    children: ['Ann', 'ann', 'BO'],
    on: 'p.k = c.k::text',
  },
  {
    parent: 'extensions.citext',
    parents: ['Ann', 'Bo'],
    child: 'text',
    children: ['Ann', 'bo'],
    on: 'p.k::text = c.k',
  },
  {
    parent: 'extensions.citext',
    parents: ['Ann', 'Bo'],
    child: 'extensions.citext',
    children: ['ANN', 'bo', 'ann'],
    key: true,
    on: 'p.k OPERATOR(extensions.=) c.k',
  },
  {
    parent: 'text COLLATE folding',
    parents: ['Ann', 'Bo'],
    child: 'text COLLATE folding',
    children: ['ANN', 'bo'],
    key: true,
  },
  { parent: 'text COLLATE folding', parents: ['Ann', 'Bo'], child: 'text', children: ['ANN', 'Bo'] },
  { parent: 'name', parents: ['Ann', 'Bo'], child: 'text', children: ['Ann', 'bo', 'Bo'] },
  { parent: 'mood', parents: ['glad', 'sad'], child: 'public_mood', children: ['sad', 'glad'], on: 'p.k = c.k::mood' },
  {
    parent: 'public_mood',
    parents: ['glad', 'sad'],
    child: 'public_mood',
    children: ['sad', 'glad', 'sad'],
    on: 'p.k::mood = c.k::mood',
  },
  { parent: 'oid', parents: ['1', '4294967295'], child: 'integer', children: ['1', '-1'] },
  { parent: 'inet', parents: ['10.0.0.0/8', '10.0.0.1'], child: 'cidr', children: ['10.0.0.0/8', '10.0.0.1/32'] },
  { parent: 'varbit', parents: ['101', '11'], child: 'bit(3)', children: ['101'] },
  {
    parent: 'text[]',
    parents: ['{a,"b\\"c\\\\,",NULL}', '{a}', '{}'],
    child: 'text[]',
    children: ['{a,"b\\"c\\\\,",NULL}', '{}'],
    key: true,
  },
  { parent: 'interval', parents: ['1 day', '3 hours'], child: 'interval', children: ['24 hours', '3:00'], key: true },
  { parent: 'varchar(3)[]', parents: ['{a}'], child: 'text[]', children: ['{a}'], refused: UNLIKE },
  {
    parent: 'uuid',
    parents: ['00000000-0000-0000-0000-00000000000a'],
    child: 'text',
    children: ['00000000-0000-0000-0000-00000000000a'],
    refused: UNLIKE,
  },
  { parent: 'mood', parents: ['sad'], child: 'text', children: ['sad'], refused: UNLIKE },
  { parent: 'boolean', parents: ['t'], child: 'integer', children: ['1'], refused: UNLIKE },
  { parent: 'text', parents: ['1'], child: 'integer', children: ['1'], refused: UNLIKE },
  { parent: 'jsonb', parents: ['1'], child: 'json', children: ['1'], refused: UNLIKE },
];

describe('relations between columns of different types', () => {
  let server: ScratchPostgres;
  let client: pg.Client;
  let catalog: Catalog;

  before(async () => {
    server = await startScratchPostgres();
    client = await server.connect();
    await client.query(TYPES_SQL);
    for (const [n, { parent, parents, child, children, key }] of PAIRS.entries()) {
      const quoted = (value: string): string => `'${value.replaceAll("'", "''")}'`;
      await client.query(
        `CREATE TABLE p${n} (id integer PRIMARY KEY, k ${parent} NOT NULL UNIQUE); CREATE TABLE c${n} (id integer PRIMARY KEY, k ${child} ${key ? `REFERENCES p${n} (k)` : ''}${child === 'json' ? '' : `, UNIQUE (id, k)`})`,
      );
      await client.query(
        `INSERT INTO p${n} VALUES ${parents.map((value, i) => `(${i + 1}, ${quoted(value)})`).join(', ')}`,
      );
      await client.query(
        `INSERT INTO c${n} VALUES ${children.map((value, i) => `(${i + 1}, ${quoted(value)})`).join(', ')}, (99, NULL)`,
      );
    }
    catalog = await readCatalog(plainQuery(client));
  });
  after(() => server[Symbol.asyncDispose]());

  const sdlOf = (n: number): string => {
    const named = PAIRS[n]?.key ? '' : '@relation(from: ["k"], to: ["k"])';
    return `
    type Query { cs: [C!]! }
    type P @entity(table: "p${n}") @key(fields: "id") { id: ID! children: [C!]! ${named} n: Int! @count(of: "C"${PAIRS[n]?.key ? '' : ', from: ["k"], to: ["k"]'}) page(first: Int, after: String): CPage! ${named} }
    type C @entity(table: "c${n}") @key(fields: "id") { id: ID! parent: P ${named} }
    type CPage { edges: [CEdge!]! pageInfo: PageInfo! } type CEdge { node: C! cursor: String! } type PageInfo { hasNextPage: Boolean! endCursor: String }`;
  };
  const entityOf = (model: Model, name: string): Entity => model.entities.get(name) ?? assert.fail(name);
  const loadersOf = (model: Model): EntityLoaders =>
    new EntityLoaders({
      model,
      executor: new CountingExecutor(client),
      limits: defaultOptions(),
      tenancy: Tenancy.all,
    });
  const rowsOf = async (model: Model, name: string): Promise<readonly Row[]> => {
    const table = entityOf(model, name).table.name;
    const ids = (await client.query<{ id: number }>(`SELECT id FROM ${table} ORDER BY id`)).rows;
    const loaders = loadersOf(model);
    return Promise.all(
      ids.map(async ({ id }) => (await loaders.one(name, ['id'], [id])) ?? assert.fail(`${table} ${id}`)),
    );
  };
  const valuesOf = (row: Row, from: readonly string[]): readonly unknown[] => from.map((column) => row[column]);

  for (const [n, pair] of PAIRS.entries()) {
    const name = `${pair.child} with ${pair.parent}${pair.key ? ' by a foreign key' : ''}`;
    if (pair.refused) {
      it(`are refused at start for ${name}`, async () => {
        const problems = await problemsOf(sdlOf(n), { catalog });
        assert.equal(problems.length, 4, problems.join('\n'));
        for (const problem of problems) assert.match(problem, pair.refused as RegExp);
        for (const problem of problems)
          assert.match(problem, /^app\.graphql:\d+ {2}[PC]\.\w+ joins "k" \(.+\) with "k" \(.+\), which /);
      });
      continue;
    }
    it(`return the rows of the SQL join for ${name}, in both directions, in pages and counts`, async () => {
      const { model } = await compileSdl(sdlOf(n), { catalog });
      const joined = (
        await client.query<{ p: number; c: number }>(
          `SELECT p.id AS p, c.id AS c FROM p${n} AS p JOIN c${n} AS c ON ${pair.on ?? 'p.k = c.k'} ORDER BY 1, 2`,
        )
      ).rows;
      assert.ok(joined.length > 0);
      const loaders = loadersOf(model);
      const [parents, children] = [await rowsOf(model, 'P'), await rowsOf(model, 'C')];
      const many = entityOf(model, 'P').fields;
      const [list, count, page] = [
        many.get('children') as ListField,
        many.get('n') as CountField,
        many.get('page') as ConnectionField,
      ];
      const found = await Promise.all(
        parents.map(async (row) => ({
          p: Number(row['id']),
          rows: await loaders.list(list, valuesOf(row, list.join.from)),
        })),
      );
      assert.deepEqual(
        found.flatMap(({ p, rows }) => rows.map(({ id }) => ({ p, c: Number(id) }))),
        joined,
        'lists',
      );
      for (const row of parents) {
        const expected = joined.filter(({ p }) => p === row['id']).map(({ c }) => c);
        assert.equal(await loaders.count(count, valuesOf(row, count.join.from)), expected.length, 'counts');
        const first = await loaders.page(page, valuesOf(row, page.join.from), { first: 1 });
        const rest =
          first.pageInfo.endCursor === null
            ? null
            : await loaders.page(page, valuesOf(row, page.join.from), { first: 10, after: first.pageInfo.endCursor });
        assert.deepEqual(
          [...first.nodes, ...(rest?.nodes ?? [])].map(({ id }) => Number(id)),
          expected,
          'pages',
        );
      }
      const one = entityOf(model, 'C').fields.get('parent') as ToOneField;
      const up = await Promise.all(
        children.map(async (row) => ({
          c: Number(row['id']),
          p: (await loaders.one('P', one.join.to, valuesOf(row, one.join.from), one.join.comparisons))?.['id'],
        })),
      );
      assert.deepEqual(
        up
          .filter(({ p }) => p !== undefined)
          .map(({ c, p }) => ({ p, c }))
          .sort((a, b) => Number(a.p) - Number(b.p) || a.c - b.c),
        joined,
        'to one',
      );

      // What is kept of a relation is kept under a tag that a change of each of its rows names.
      const scheme = new TagScheme(model, { maxTags: 1_000 });
      const named = async (table: string, id: number) => {
        const [after] = (await client.query<Row>(`SELECT id::text, k::text FROM ${table} WHERE id = ${id}`)).rows;
        return scheme.invalidationOf({
          commitLsn: toLsn(1n),
          committedAtMs: 0,
          messages: [],
          changes: [
            { kind: 'insert', schema: 'public', table, before: null, after: after ?? null, beforeIsWhole: true },
          ],
        }).tags;
      };
      const tagFor = (field: ListField | ToOneField, row: Row): string => {
        const key = {
          entity: entityOf(model, field.target),
          columns: field.join.to,
          comparisons: field.join.comparisons,
        };
        return tagOfKey(scheme, key, keyOf(key, valuesOf(row, field.join.from)) ?? assert.fail('a key'));
      };
      for (const { p, c } of joined) {
        const [parent, child] = [
          parents.find(({ id }) => id === p) ?? assert.fail(),
          children.find(({ id }) => id === c) ?? assert.fail(),
        ];
        assert.ok(
          (await named(`c${n}`, c)).some((tag) => tag === tagFor(list, parent)),
          `the list of ${p} falls with ${c}`,
        );
        assert.ok(
          (await named(`p${n}`, p)).some((tag) => tag === tagFor(one, child)),
          `the parent of ${c} falls with ${p}`,
        );
      }
    });
  }

  it('are still cached by their values between whole numbers and between texts', async () => {
    for (const [child, parent, isKept] of [
      ['integer', 'bigint', true],
      ['varchar(4)', 'text', true],
      ['integer', 'numeric', false],
      ['char(3)', 'varchar(3)', false],
    ] as const) {
      const n = PAIRS.findIndex((pair) => pair.child === child && pair.parent === parent && pair.key);
      const { model } = await compileSdl(sdlOf(n), { catalog });
      const list = entityOf(model, 'P').fields.get('children') as ListField;
      const [parentRow] = await rowsOf(model, 'P');
      const key = { entity: entityOf(model, 'C'), columns: list.join.to, comparisons: list.join.comparisons };
      const values = keyOf(key, valuesOf(parentRow ?? assert.fail(), list.join.from)) ?? assert.fail();
      assert.equal(
        tagOfKey(new TagScheme(model, { maxTags: 10 }), key, values).includes('|k|'),
        isKept,
        `${child} with ${parent}`,
      );
    }
  });

  it('lead to a warning if no index on the column can serve the comparison', async () => {
    const warningsFor = async (child: string, parent: string): Promise<readonly string[]> => {
      const n = PAIRS.findIndex((pair) => pair.child === child && pair.parent === parent);
      const { warnings } = await compileSdl(sdlOf(n), { catalog });
      return [
        ...new Set(
          warnings
            .map(({ message }) => /compares column .*$/.exec(message)?.[0].replace(/[cp]\d+ /, 'TABLE ') ?? '')
            .filter((text) => text !== ''),
        ),
      ];
    };
    assert.deepEqual(await warningsFor('char(3)', 'varchar(3)'), [
      'compares column "k" (bpchar) as text, which an index on it does not serve; give both columns one type, or CREATE INDEX ON TABLE ((k::text))',
    ]);
    assert.match((await warningsFor('integer', 'numeric')).join(), /as numeric, .+\(\(k::numeric\)\)$/);
    assert.deepEqual(await warningsFor('integer', 'bigint'), []);
    assert.deepEqual(await warningsFor('varchar(4)', 'text'), []);
  });

  it('compare each pair of several columns by its own types', async () => {
    await client.query(`CREATE TABLE pm (a numeric, b char(4), PRIMARY KEY (a, b)); CREATE TABLE cm (id integer PRIMARY KEY, a integer, b varchar(4), FOREIGN KEY (a, b) REFERENCES pm);
      INSERT INTO pm VALUES (1.00, 'N'), (2, 'N'); INSERT INTO cm VALUES (1, 1, 'N'), (2, 2, 'N'), (3, 1, 'N'), (4, NULL, 'N')`);
    const { model } = await compileSdl(
      `type Query { cs: [C!]! } type P @entity(table: "pm") @key(fields: "a b") { a: Decimal! b: String! cs: [C!]! n: Int! @count(of: "C") } type C @entity(table: "cm") { id: ID! p: P }`,
      { catalog: await readCatalog(plainQuery(client)) },
    );
    const loaders = loadersOf(model);
    const list = entityOf(model, 'P').fields.get('cs') as ListField;
    const count = entityOf(model, 'P').fields.get('n') as CountField;
    const one = entityOf(model, 'C').fields.get('p') as ToOneField;
    const values = (row: Record<string, unknown>, from: readonly string[]): readonly unknown[] =>
      from.map((column) => row[column]);
    const parent = await loaders.one('P', ['a', 'b'], ['1', 'N']);
    assert.deepEqual(
      (await loaders.list(list, values(parent ?? {}, list.join.from))).map(({ id }) => id),
      [1, 3],
    );
    assert.equal(await loaders.count(count, values(parent ?? {}, count.join.from)), 2);
    const up = await loaders.one('P', one.join.to, values({ a: 2, b: 'N' }, one.join.from), one.join.comparisons);
    assert.deepEqual([up?.['a'], up?.['b']], ['2', 'N   ']);
  });

  it('to a type of another subgraph read its keys as values of the own column', async () => {
    await client.query(
      "CREATE TABLE stores (id integer PRIMARY KEY, region_code char(4), price numeric); INSERT INTO stores VALUES (1, 'N', 1.00), (2, 'EU', 2)",
    );
    const { model } = await compileSdl(
      `type Query { stores: [Store!]! } type Store @entity { id: ID! } type Region @key(fields: "code", resolvable: true) { code: ID! stores: [Store!]! }
      type Price @key(fields: "at") { at: Decimal! stores: [Store!]! @relation(to: ["price"]) }`,
      { catalog: await readCatalog(plainQuery(client)) },
    );
    const [byCode, byPrice] = [
      model.stubs.get('Region')?.fields.get('stores') as ListField,
      model.stubs.get('Price')?.fields.get('stores') as ListField,
    ];
    for (const code of ['N', 'N   '])
      assert.deepEqual(
        (await loadersOf(model).list(byCode, [code])).map(({ id }) => id),
        [1],
        JSON.stringify(code),
      );
    for (const price of ['1', '1.0', '1.000'])
      assert.deepEqual(
        (await loadersOf(model).list(byPrice, [price])).map(({ id }) => id),
        [1],
        price,
      );
  });

  it('keep writes within the tenant, whatever the types of the key', async () => {
    await client.query(`CREATE TABLE countries (code varchar(3) PRIMARY KEY, tenant public_mood NOT NULL); CREATE TABLE cities (id integer PRIMARY KEY, code char(3) NOT NULL REFERENCES countries, tenant public_mood NOT NULL);
      INSERT INTO countries VALUES ('DE', 'glad'), ('F', 'sad')`);
    const { model } = await compileSdl(
      `type Query { cities: [City!]! } type Mutation { add(input: CityInput!): Payload! @insert } type Payload { city: City } input CityInput { id: ID! code: String! }
      type City @entity @tenant(column: "tenant") { id: ID! code: String! } type Country @entity(table: "countries") @tenant(column: "tenant") @key(fields: "code") { code: ID! cities: [City!]! }`,
      { catalog: await readCatalog(plainQuery(client)) },
    );
    const field = model.mutations.get('add') ?? assert.fail();
    const executor = new CountingExecutor(client);
    const add = async (id: number, code: string): Promise<void> => {
      for (const statement of writeStatements({
        entity: entityOf(model, 'City'),
        field,
        args: { input: { id, code } },
        tenancy: Tenancy.of('glad'),
      }))
        await executor.query(statement);
    };
    await add(1, 'DE');
    await assert.rejects(add(2, 'F'), (error) =>
      isMeridianError(tenantRefusal(error, entityOf(model, 'City'), field.references), 'CONSTRAINT_VIOLATION'),
    );
    const cities = model.queries.get('cities') as ListField;
    const seen = async (tenant: string): Promise<unknown> =>
      new EntityLoaders({ model, executor, limits: defaultOptions(), tenancy: Tenancy.of(tenant) })
        .list(cities, null)
        .then((rows) => rows.map(({ id }) => id));
    assert.deepEqual([await seen('glad'), await seen('sad'), await seen('nobody')], [[1], [], []]);
  });
});
