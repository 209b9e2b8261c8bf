/** What a schema says of other subgraphs' types, of keys that nest, and of objects that are columns of a row. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sketchCatalog, TEAMS } from '../../support/catalog.ts';
import { compileSdl, problemsOf, warningsOf } from '../../support/compile.ts';

const SHOP = sketchCatalog({
  products: {
    columns: [
      'id bigint readonly',
      'sku text',
      'variation_id text null',
      'maker_id bigint',
      'maker_email text null',
      'owner bigint null',
      'size text null',
      'box_length_cm integer null',
      'box_origin_code text null',
      'price numeric',
      'seller_id bigint',
      'seller_name text null',
    ],
    primaryKey: ['id'],
    unique: [
      ['sku', 'variation_id'],
      ['maker_id', 'sku'],
    ],
    references: ['seller_id -> sellers.id'],
  },
  sellers: {
    columns: ['id bigint readonly', 'code text', 'name text', 'rating integer null'],
    primaryKey: ['id'],
    unique: [['code']],
  },
  books: { columns: ['id bigint readonly', 'isbn text'], primaryKey: ['id'] },
  films: { columns: ['id bigint readonly', 'minutes integer'], primaryKey: ['id'] },
});
const compile = (sdl: string, extra = {}) => compileSdl(sdl, { catalog: SHOP, ...extra });
const field = async (sdl: string, name: string, extra = {}) =>
  (await compile(sdl, extra)).model.entities.get('Product')?.fields.get(name);

describe('types of other subgraphs', () => {
  it('are shown by their keys from columns named after the field, or as @relation says', async () => {
    const sdl =
      'type Maker @key(fields: "id") { id: ID! }\ntype Product @entity { id: ID! maker: Maker! made: Maker @relation(from: ["owner"]) by: Maker @embedded(prefix: "maker_") }';
    assert.deepEqual(await field(sdl, 'maker'), {
      kind: 'embedded',
      target: 'Maker',
      parts: new Map([['id', 'maker_id']]),
      required: ['maker_id'],
    });
    assert.deepEqual(await field(sdl, 'made'), {
      kind: 'embedded',
      target: 'Maker',
      parts: new Map([['id', 'owner']]),
      required: ['owner'],
    });
    assert.deepEqual(await field(sdl, 'by'), await field(sdl, 'maker'));
    const { model } = await compile(sdl);
    assert.ok(model.entities.get('Product')?.columns.has('owner'));
    assert.deepEqual(model.stubs.get('Maker'), {
      name: 'Maker',
      keys: [['id']],
      fields: new Map(),
      external: [],
      spot: { file: 'app.graphql', line: 1 },
    });
  });

  it('show every key that the row holds, of which one must be whole, and nested ones as objects', async () => {
    const keys =
      'type Maker @key(fields: "id") @key(fields: "email") { id: ID! email: String }\ntype Product @entity { id: ID! maker: Maker }';
    assert.deepEqual(await field(keys, 'maker'), {
      kind: 'embedded',
      target: 'Maker',
      parts: new Map([
        ['id', 'maker_id'],
        ['email', 'maker_email'],
      ]),
      required: ['maker_id'],
    });
    const nested =
      'type Offer @key(fields: "maker { id } sku") { maker: Maker sku: String! }\ntype Maker @key(fields: "id") { id: ID! }\ntype Product @entity { id: ID! offer: Offer @relation(from: ["maker_id", "sku"]) }';
    assert.deepEqual(await field(nested, 'offer'), {
      kind: 'embedded',
      target: 'Offer',
      parts: new Map<string, unknown>([
        ['maker', { parts: new Map([['id', 'maker_id']]), required: [] }],
        ['sku', 'sku'],
      ]),
      required: ['maker_id', 'sku'],
    });
    assert.deepEqual((await compile(nested)).model.stubs.get('Offer')?.keys, [['maker.id', 'sku']]);
  });

  it('have fields that follow from their keys: by column names, by @relation, one, many and counted', async () => {
    const { model, warnings } = await compile(`
      type Maker @key(fields: "id") {
        id: ID!
        products(first: Int): [Product!]!
        owned(first: Int): [Product!]! @relation(to: ["owner"])
        count: Int! @count(of: "Product", to: ["owner"])
        seller: Seller @relation(from: ["id"])
      }
      type Product @entity { id: ID! }
      type Seller @entity { id: ID! }`);
    const fields = model.stubs.get('Maker')?.fields;
    const joins = [...(fields ?? [])].map(([name, it]) => [name, it.kind, 'join' in it ? it.join : null]);
    assert.deepEqual(joins, [
      ['products', 'list', { from: ['id'], to: ['maker_id'] }],
      ['owned', 'list', { from: ['id'], to: ['owner'] }],
      ['count', 'count', { from: ['id'], to: ['owner'] }],
      ['seller', 'toOne', { from: ['id'], to: ['id'] }],
    ]);
    assert.deepEqual(
      warnings.map(({ message }) => message),
      ['owned', 'count'].map(
        (name) =>
          `Maker.${name} reads table products by owner, on which it has no index; CREATE INDEX ON products (owner)`,
      ),
    );
  });

  it('include fields of nested keys and required fields, also as extend and @external declare them', async () => {
    const { model } = await compile(`
      extend type Maker @key(fields: "home { code }") { home: Home! @external rating: Int @external rated: [Seller!]! @requires(fields: "rating") @relation(from: ["rating"], to: ["rating"]) local: Seller @relation(from: ["home.code"], to: ["code"]) }
      type Home @shareable { code: String! }
      type Seller @entity { id: ID! code: String! }`);
    const maker = model.stubs.get('Maker');
    assert.deepEqual([maker?.keys, maker?.external], [[['home.code']], ['rating']]);
    const local = maker?.fields.get('local');
    assert.deepEqual(local, { kind: 'toOne', target: 'Seller', join: { from: ['home.code'], to: ['code'] } });
  });

  it('may have no key at all, and then show what the row or a resolver gives', async () => {
    const { model } = await compile(
      'type Maker @key(fields: "id", resolvable: false) { id: ID! note: String }\ntype Product @entity { id: ID! maker: Maker }',
    );
    assert.deepEqual(model.stubs.get('Maker')?.keys, []);
  });

  it("are resolved by the application's own resolver, with relations that follow from what it returns", async () => {
    const { model } = await compile(
      'type Maker @key(fields: "email") { email: ID! id: ID name: String products: [Product!]! @relation(from: ["id"]) }\ntype Product @entity { id: ID! }',
      { resolvers: { Maker: { __resolveReference: () => null } } },
    );
    assert.deepEqual([model.stubs.get('Maker')?.keys, model.stubs.get('Maker')?.fields.has('products')], [[], true]);
  });

  it("filter by their one key column under the field's name", async () => {
    const { model } = await compileSdl(
      'type Person @key(fields: "id") { id: ID! }\ntype Task @entity { id: ID! assignee: Person }\ntype Query { tasks(assignee: ID): [Task!]! }',
      { catalog: TEAMS },
    );
    const tasks = model.queries.get('tasks');
    assert.deepEqual(tasks?.kind === 'list' && tasks.filters.get('assignee'), {
      kind: 'equals',
      column: 'assignee_id',
    });
  });

  it('show what a field provides, from columns or by a resolver', async () => {
    const sdl =
      'type Maker @key(fields: "id") { id: ID! email: String @external fame: Int @external }\ntype Product @entity { id: ID! maker: Maker! @provides(fields: "email fame") plain: Maker @relation(from: ["maker_id"]) }';
    const made = await field(sdl, 'maker', { resolvers: { Maker: { fame: () => 1 } } });
    assert.deepEqual(
      made?.kind === 'embedded' && made.parts,
      new Map([
        ['id', 'maker_id'],
        ['email', 'maker_email'],
      ]),
    );
    const plain = await field(sdl, 'plain', { resolvers: { Maker: { fame: () => 1 } } });
    assert.deepEqual(plain?.kind === 'embedded' && plain.parts, new Map([['id', 'maker_id']]));
  });
});

describe('keys that nest', () => {
  it('are the columns that a relation joins by, or those of an object in the row', async () => {
    const { model } = await compile(`
      type Product @entity @key(fields: "id") @key(fields: "sku variation { id }") @key(fields: "maker { id } sku") @key(fields: "sku seller { id } maker { id }") {
        id: ID! sku: String! variation: Variation @embedded maker: Maker! seller: Seller!
      }
      type Variation { id: ID! }
      type Maker @key(fields: "id") { id: ID! }
      type Seller @entity { id: ID! }`);
    const product = model.entities.get('Product');
    assert.deepEqual(product?.federationKeys, [
      ['id'],
      ['sku', 'variation_id'],
      ['maker_id', 'sku'],
      ['sku', 'seller_id', 'maker_id'],
    ]);
    assert.deepEqual(product.keyPaths, [
      ['id'],
      ['sku', 'variation.id'],
      ['maker.id', 'sku'],
      ['sku', 'seller.id', 'maker.id'],
    ]);
    assert.ok(['variation_id', 'maker_id', 'seller_id'].every((column) => product.columns.has(column)));
  });

  it("work for an entity that only extends another subgraph's, whose key exists although it is external", async () => {
    const { model } = await compile(
      'extend type Product @entity @key(fields: "id") { id: ID! @external price: Decimal! }',
    );
    assert.deepEqual(model.entities.get('Product')?.federationKeys, [['id']]);
    assert.deepEqual(model.entities.get('Product')?.external, []);
  });
});

describe('objects made of columns', () => {
  it("take the columns of their prefix, with objects and other subgraphs' types within", async () => {
    const box = await field(
      `
      type Product @entity { id: ID! box: Box @embedded }
      type Box @shareable { length: Int @column(name: "length_cm") origin: Country }
      type Country @key(fields: "code") { code: String! }`,
      'box',
    );
    assert.deepEqual(box, {
      kind: 'embedded',
      target: 'Box',
      parts: new Map<string, unknown>([
        ['length', 'box_length_cm'],
        ['origin', { parts: new Map([['code', 'box_origin_code']]), required: ['box_origin_code'] }],
      ]),
      required: [],
    });
    const origin = await field(
      'type Product @entity { id: ID! parcel: Box @embedded(prefix: "box_") }\ntype Box { lengthCm: Int inner: Inner @embedded(prefix: "origin_") }\ntype Inner { code: String }',
      'parcel',
    );
    assert.deepEqual(
      origin?.kind === 'embedded' && origin.parts,
      new Map<string, unknown>([
        ['lengthCm', 'box_length_cm'],
        ['inner', { parts: new Map([['code', 'box_origin_code']]), required: [] }],
      ]),
    );
  });

  it('may have an empty prefix, and leave fields to resolvers', async () => {
    const shown = await field(
      'type Product @entity { id: ID! stock: Stock! @embedded(prefix: "") }\ntype Stock { sku: String! price: Decimal! label: String! }',
      'stock',
      { resolvers: { Stock: { label: () => 'x' } } },
    );
    assert.deepEqual(
      shown?.kind === 'embedded' && shown.parts,
      new Map([
        ['sku', 'sku'],
        ['price', 'price'],
      ]),
    );
  });

  it('give a warning where they are non-null and may be null', async () => {
    const sdl =
      'type Product @entity { id: ID! box: Box! @embedded maker: Maker! seller: Seller! }\ntype Box { lengthCm: Int }\ntype Maker @key(fields: "id") { id: ID! }\ntype Seller @entity { id: ID! }';
    assert.deepEqual(await warningsOf(sdl, { catalog: SHOP }), [
      'app.graphql:1  Product.box is non-null, but column "box_length_cm" may be null, and such a row would be an error; make the column NOT NULL or declare Box',
    ]);
  });
});

describe('fields of other subgraphs on entities', () => {
  it('are not columns, unless a field provides them', async () => {
    const sdl = (provides: string) =>
      `type Product @entity { id: ID! seller: Seller! ${provides} }\ntype Seller @entity @key(fields: "id") { id: ID! name: String! @external rating: Int @external }`;
    const [bare, provided] = await Promise.all([compile(sdl('')), compile(sdl('@provides(fields: "name")'))]);
    assert.deepEqual([...(bare.model.entities.get('Seller')?.fields.keys() ?? [])], ['id']);
    assert.deepEqual([...(provided.model.entities.get('Seller')?.fields.keys() ?? [])], ['id', 'name']);
    assert.deepEqual(provided.model.entities.get('Seller')?.external, ['name', 'rating']);
  });
});

describe('entity interfaces', () => {
  const MEDIA =
    'interface Media @key(fields: "id") { id: ID! }\ntype Book implements Media @entity @key(fields: "id") { id: ID! isbn: String! }';

  it('are found among the entities that implement them', async () => {
    const { model } = await compile(
      `${MEDIA}\ntype Film implements Media @entity @key(fields: "id") { id: ID! minutes: Int! }`,
    );
    assert.deepEqual(model.interfaces.get('Media'), {
      name: 'Media',
      keys: [['id']],
      implementations: ['Book', 'Film'],
    });
  });

  it('are left to their own resolver, and need none where their key is not resolvable', async () => {
    const other = `${MEDIA}\ntype Film implements Media @key(fields: "id") { id: ID! }`;
    assert.deepEqual(
      (await compile(other, { resolvers: { Media: { __resolveReference: () => null } } })).model.interfaces,
      new Map(),
    );
    assert.deepEqual(await problemsOf(other.replace('"id")', '"id", resolvable: false)'), { catalog: SHOP }), []);
  });

  it('of another subgraph are objects here', async () => {
    const { model } = await compile(
      'type Media @interfaceObject @key(fields: "id") { id: ID! products: [Product!]! @relation(to: ["owner"]) }\ntype Product @entity { id: ID! }',
    );
    assert.ok(model.stubs.get('Media')?.fields.has('products'));
  });
});
