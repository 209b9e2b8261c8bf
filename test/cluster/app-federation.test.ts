/**
 * Proves the harder parts of federation over HTTP: nested keys, objects made of columns, @requires, @provides and
 * @external, and interfaces.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, startTestApp, US, type Call, type TestApp } from '../support/app.ts';
import { counting } from '../support/observe.ts';

const SQL = `
CREATE TYPE grade AS ENUM ('fine', 'coarse');
CREATE TABLE makers (id bigint PRIMARY KEY, code text NOT NULL UNIQUE, name text NOT NULL, rating int);
CREATE TABLE products (
  id bigint PRIMARY KEY, sku text NOT NULL, variation_id text, grade grade NOT NULL DEFAULT 'fine', maker_id bigint REFERENCES makers,
  box_size text, box_weight double precision, box_origin_code text, created_by_email text, created_by_total int, price numeric NOT NULL,
  UNIQUE (sku, variation_id), UNIQUE (maker_id, sku), UNIQUE (sku, grade)
);
CREATE TABLE books (id bigint PRIMARY KEY, isbn text NOT NULL);
CREATE TABLE films (id bigint PRIMARY KEY, minutes int NOT NULL);
CREATE TABLE stock (product_id bigint PRIMARY KEY, held int NOT NULL);
INSERT INTO makers VALUES (1, 'acme', 'Acme', 4), (2, 'bolt', 'Bolt', NULL);
INSERT INTO products (id, sku, variation_id, maker_id, box_size, box_weight, box_origin_code, created_by_email, created_by_total, price)
  SELECT i, 's' || i, 'v' || i, 1 + i % 2, CASE WHEN i % 3 > 0 THEN 'size ' || i END, CASE WHEN i % 3 = 1 THEN i / 4.0 END, CASE WHEN i % 3 = 1 THEN 'DE' END,
         CASE WHEN i % 4 > 0 THEN 'u' || i || '@example.com' END, i * 10, i FROM generate_series(1, 40) AS i;
UPDATE products SET grade = 'coarse' WHERE id = 7;
INSERT INTO books VALUES (1, '978-1'), (3, '978-3');
INSERT INTO films VALUES (2, 90), (4, 120);
INSERT INTO stock SELECT i, i * 2 FROM generate_series(1, 40) AS i;
`;

const SDL = `
extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@external", "@requires", "@provides", "@interfaceObject"])
type Query { product(id: ID!): Product }
type Product @entity @key(fields: "id") @key(fields: "sku variation { id }") @key(fields: "maker { id } sku") @key(fields: "sku grade") {
  id: ID!
  sku: String!
  grade: Grade!
  price: Decimal!
  variation: Variation @embedded
  maker: Maker @provides(fields: "name")
  box: Box @embedded
  createdBy: User @provides(fields: "total")
}
enum Grade { FINE @column(name: "fine") COARSE @column(name: "coarse") }
type Variation { id: ID! }
type Box @shareable { size: String weight: Float origin: Country label: String! }
type Country @key(fields: "code") { code: ID! makers: [Maker!]! @relation(from: ["code"], to: ["code"]) }
type Maker @entity @key(fields: "id") { id: ID! name: String! @external rating: Int @external stars: String! @requires(fields: "rating") }
extend type User @key(fields: "email") {
  email: ID! @external
  total: Int @external
  years: Int @external
  home: Home @external
  average: Float @requires(fields: "total years home { town }")
  made: [Product!]! @relation(to: ["created_by_email"], orderBy: ["id"])
}
type Home { town: String }
extend type Stock @entity(table: "stock") @key(fields: "product { id }") { product: Product! @relation(from: ["product_id"], to: ["id"]) held: Int! shelf: Int @external advice: String! @requires(fields: "shelf") }
interface Media @key(fields: "id") { id: ID! }
type Book implements Media @entity @key(fields: "id") { id: ID! isbn: String! }
type Film implements Media @entity @key(fields: "id") { id: ID! minutes: Int! }
type Shelf @interfaceObject @key(fields: "id") { id: ID! held: Stock @relation(from: ["id"]) }
`;

const resolvers = {
  Box: { label: ({ size }: { size: string | null }) => `box of ${size ?? 'no size'}` },
  Maker: { stars: ({ rating }: { rating: number | null }) => '*'.repeat(rating ?? 0) },
  User: {
    average: ({ total, years, home }: { total: number; years: number; home: { town: string } | null }) =>
      home === null ? null : total / years,
  },
  Stock: {
    advice: ({ shelf, held }: { shelf: number | null; held: number }) =>
      shelf === null ? `${held} somewhere` : `${held - shelf} to fetch`,
  },
};

describe('federation over HTTP', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({
      sql: SQL,
      files: [{ name: 'products.graphql', body: SDL }],
      server: { resolvers },
      settings: { cache: false },
    });
    await app.cluster.caughtUp();
  });
  after(async () => app[Symbol.asyncDispose]());

  const asked = async <D>(query: string, variables: Call['variables'] = {}): Promise<D> => {
    const { data, errors, status } = await app.gql<D>(AP, query, { variables });
    assert.deepEqual([status, errors], [200, []], query);
    return data as D;
  };
  /** What a selection answers for representations, and the statements that it took. */
  const entities = async (
    selection: string,
    representations: readonly object[],
  ): Promise<{ found: readonly unknown[]; statements: number }> => {
    const { value, statements } = await counting(app, AP, () =>
      asked<{ _entities: readonly unknown[] }>(
        `query($r: [_Any!]!) { _entities(representations: $r) { ${selection} } }`,
        { r: representations },
      ),
    );
    return { found: value._entities, statements };
  };

  it('finds entities by keys that nest, over relations and over objects made of columns: one statement for each key', async () => {
    const product = (rest: object): object => ({ __typename: 'Product', ...rest });
    const { found, statements } = await entities('... on Product { id }', [
      ...Array.from({ length: 10 }, (_, i) => product({ sku: `s${i + 1}`, variation: { id: `v${i + 1}` } })),
      ...Array.from({ length: 10 }, (_, i) =>
        product({ maker: { id: String(1 + ((i + 11) % 2)) }, sku: `s${i + 11}` }),
      ),
      product({ sku: 's7', grade: 'COARSE' }),
      product({ sku: 's7', grade: 'FINE' }),
      product({ sku: 's1', variation: { id: 'v2' } }),
      product({ sku: 's1', variation: null, id: '30' }),
    ]);
    assert.deepEqual(found, [
      ...Array.from({ length: 20 }, (_, i) => ({ id: String(i + 1) })),
      { id: '7' },
      null,
      null,
      { id: '30' },
    ]);
    assert.equal(statements, 4);
    const { found: stock, statements: two } = await entities('... on Stock { held product { id sku } }', [
      { __typename: 'Stock', product: { id: 3 } },
      { __typename: 'Stock', product: { id: '99' } },
    ]);
    assert.deepEqual([stock, two], [[{ held: 6, product: { id: '3', sku: 's3' } }, null], 2]);
  });

  it('names the keys in their own spelling if a representation contains none of them completely', async () => {
    const { errors, data } = await app.gql<{ _entities: unknown }>(
      AP,
      'query($r: [_Any!]!) { _entities(representations: $r) { ... on Product { id } } }',
      {
        variables: {
          r: [
            { __typename: 'Product', sku: 's1', variation: { name: 'x' } },
            { __typename: 'Product', id: 1 },
          ],
        },
      },
    );
    assert.deepEqual(data?._entities, [null, { id: '1' }]);
    assert.deepEqual(
      errors.map(({ message }) => message),
      [
        'A representation of Product carries no complete key; send "id" or "sku variation { id }" or "maker { id } sku" or "sku grade".',
      ],
    );
  });

  it('shows objects made of columns, with null if all columns are null, and nested objects', async () => {
    const { found, statements } = await entities(
      '... on Product { variation { id } box { size weight label origin { code } } }',
      [1, 2, 3].map((id) => ({ __typename: 'Product', id })),
    );
    assert.deepEqual(found, [
      {
        variation: { id: 'v1' },
        box: { size: 'size 1', weight: 0.25, label: 'box of size 1', origin: { code: 'DE' } },
      },
      { variation: { id: 'v2' }, box: { size: 'size 2', weight: null, label: 'box of size 2', origin: null } },
      { variation: { id: 'v3' }, box: null },
    ]);
    assert.equal(statements, 1);
    assert.deepEqual(await asked('{ product(id: 1) { box { origin { code makers { id } } } } }'), {
      product: { box: { origin: { code: 'DE', makers: [] } } },
    });
  });

  it("shows what a field provides of another subgraph's type, and of an entity, from columns", async () => {
    const { found, statements } = await entities(
      '... on Product { createdBy { email total } maker { name } }',
      [3, 4].map((id) => ({ __typename: 'Product', id })),
    );
    assert.deepEqual(found, [
      { createdBy: { email: 'u3@example.com', total: 30 }, maker: { name: 'Bolt' } },
      { createdBy: null, maker: { name: 'Acme' } },
    ]);
    assert.equal(statements, 2);
  });

  it('gives resolvers the fields of @requires, from representations without a row and beside a row', async () => {
    const user = { __typename: 'User', email: 'u5@example.com' };
    const { found } = await entities('... on User { average made { id } }', [
      { ...user, total: 30, years: 4, home: { town: 'Ulm' } },
      { ...user, total: 30, years: 4, home: null },
    ]);
    assert.deepEqual(found, [
      { average: 7.5, made: [{ id: '5' }] },
      { average: null, made: [{ id: '5' }] },
    ]);
    const stock = (id: number, rest: object): object => ({ __typename: 'Stock', product: { id }, ...rest });
    const { found: advice, statements } = await entities('... on Stock { advice held }', [
      stock(3, { shelf: 2 }),
      stock(3, { shelf: null }),
      stock(3, { shelf: 5 }),
      stock(4, { shelf: 1 }),
    ]);
    assert.deepEqual(advice, [
      { advice: '4 to fetch', held: 6 },
      { advice: '6 somewhere', held: 6 },
      { advice: '1 to fetch', held: 6 },
      { advice: '7 to fetch', held: 8 },
    ]);
    assert.equal(statements, 1);
  });

  it('takes a field of another subgraph from the representation, and not from its own column', async () => {
    const maker = (rest: object): object => ({ __typename: 'Maker', id: '1', ...rest });
    const { found } = await entities('... on Maker { id name stars }', [
      maker({ rating: 2, name: 'Acme Ltd' }),
      maker({ rating: null }),
    ]);
    assert.deepEqual(found, [
      { id: '1', name: 'Acme Ltd', stars: '**' },
      { id: '1', name: 'Acme', stars: '' },
    ]);
  });

  it('finds the entity that a reference to an interface means', async () => {
    const { found, statements } = await entities(
      '__typename ... on Book { id isbn } ... on Film { id minutes }',
      [1, 2, 3, 4, 5].map((id) => ({ __typename: 'Media', id })),
    );
    assert.deepEqual(found, [
      { __typename: 'Book', id: '1', isbn: '978-1' },
      { __typename: 'Film', id: '2', minutes: 90 },
      { __typename: 'Book', id: '3', isbn: '978-3' },
      { __typename: 'Film', id: '4', minutes: 120 },
      null,
    ]);
    assert.equal(statements, 2);
    const { errors } = await app.gql(AP, 'query($r: [_Any!]!) { _entities(representations: $r) { __typename } }', {
      variables: { r: [{ __typename: 'Media', isbn: '1' }] },
    });
    assert.deepEqual(
      errors.map(({ message }) => message),
      ['A representation of Media carries no complete key; send "id".'],
    );
  });

  it("adds fields to another subgraph's interface", async () => {
    const { found } = await entities('__typename ... on Shelf { id held { held } }', [
      { __typename: 'Shelf', id: '8' },
      { __typename: 'Shelf', id: '80' },
    ]);
    assert.deepEqual(found, [
      { __typename: 'Shelf', id: '8', held: { held: 16 } },
      { __typename: 'Shelf', id: '80', held: null },
    ]);
  });

  it('refuses or ignores hostile representations', async () => {
    for (const representation of [
      { sku: { $ne: 1 }, variation: { id: 'v1' } },
      { sku: 's1', variation: [{ id: 'v1' }] },
      { sku: 's1', variation: 'id' },
      { sku: 's1', variation: { id: ['v1'] } },
      { id: {} },
      { sku: 's1', grade: '__proto__' },
      { maker: { id: 'x' }, sku: 's1' },
    ]) {
      const { status, errors, data } = await app.gql<{ _entities: unknown[] }>(
        AP,
        'query($r: [_Any!]!) { _entities(representations: $r) { ... on Product { id } } }',
        {
          variables: {
            r: [
              { __typename: 'Product', ...representation },
              { __typename: 'Product', id: 2 },
            ],
          },
        },
      );
      assert.deepEqual([status, data?._entities], [200, [null, { id: '2' }]], JSON.stringify(representation));
      assert.ok(
        errors.every(({ extensions }) => extensions.code === 'BAD_USER_INPUT'),
        JSON.stringify(errors),
      );
    }
    assert.equal((await app.cluster.query(US, 'SELECT 1 FROM products')).length, 40);
  });
});
