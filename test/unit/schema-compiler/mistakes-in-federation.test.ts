/**
 * Every mistake in what a schema says of other subgraphs, in one table: the schema, and the sentences that it gets with
 * file and line.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sketchCatalog } from '../../support/catalog.ts';
import { problemsOf } from '../../support/compile.ts';

const SHOP = sketchCatalog({
  products: {
    columns: [
      'id bigint readonly',
      'sku text',
      'maker_id bigint',
      'maker_ident text null',
      'box_length integer null',
      'box_note text null',
      'seller_id bigint',
      'fame numeric',
    ],
    primaryKey: ['id'],
    unique: [['sku']],
    references: ['seller_id -> sellers.id'],
  },
  sellers: { columns: ['id bigint readonly', 'code text', 'name text'], primaryKey: ['id'], unique: [['code']] },
  books: { columns: ['id bigint readonly'], primaryKey: ['id'] },
});
const PRODUCT = 'type Product @entity { id: ID! }';
const MAKER = 'type Maker @key(fields: "id") { id: ID! }';
const WORD = 'type Product @entity { id: ID! maker: Maker }';

const MISTAKES: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'reports a key that is no selection',
    `type Maker @key(fields: "id {") { id: ID! }\n${PRODUCT}`,
    [
      'app.graphql:1  @key(fields: "id {") of Maker must select fields by name, without aliases, arguments, directives or fragments; write it as "id" or "organization { id }"',
    ],
  ],
  [
    'reports a key with an alias',
    `type Maker @key(fields: "x: id") { id: ID! }\n${PRODUCT}`,
    [
      'app.graphql:1  @key(fields: "x: id") of Maker must select fields by name, without aliases, arguments, directives or fragments; write it as "id" or "organization { id }"',
    ],
  ],
  [
    'reports a key with text behind it, or with a condition',
    `type Maker\n@key(fields: "id } { x")\n@key(fields: "id @include(if: true)") { id: ID! }\n${PRODUCT}`,
    [
      'app.graphql:2  @key(fields: "id } { x") of Maker must select fields by name, without aliases, arguments, directives or fragments; write it as "id" or "organization { id }"',
      'app.graphql:3  @key(fields: "id @include(if: true)") of Maker must select fields by name, without aliases, arguments, directives or fragments; write it as "id" or "organization { id }"',
    ],
  ],
  [
    'reports arguments of another type than the directive has',
    `type Maker @key(fields: ["id"], resolvable: "no") { id: ID! }\ntype Product @entity(table: 5) { id: ID!\n maker: Maker @relation(from: [7]) }`,
    [
      'app.graphql:1  @key(fields: ["id"]) must be String!; correct the SDL there',
      'app.graphql:1  @key(resolvable: "no") must be Boolean; correct the SDL there',
      'app.graphql:2  @entity(table: 5) must be String; correct the SDL there',
      'app.graphql:3  @relation(from: [7]) must be [String!]; correct the SDL there',
    ],
  ],
  [
    'reports relations that name no columns',
    `type Maker @key(fields: "id") { id: ID!\n products: [Product!]! @relation(from: [], to: []) }\ntype Product @entity { id: ID!\n sellers: [Seller!]! @relation(from: [], to: []) }\ntype Seller @entity { id: ID! }`,
    [
      'app.graphql:2  Maker.products names no columns; name them, or leave the empty list out',
      'app.graphql:4  Product.sellers names no columns; name them, or leave the empty list out',
    ],
  ],
  [
    'reports federation that is linked twice',
    `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\nextend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@shareable"])\n${PRODUCT}`,
    ['app.graphql:2  this @link brings federation in once more; keep one, with all that is imported'],
  ],
  [
    'reports an unknown version of federation',
    `${PRODUCT}\nextend schema @link(url: "https://specs.apollo.dev/federation/v9.9", import: ["@key"])`,
    [
      'app.graphql:2  the schema is no subgraph of federation\'s: Unsupported federation version linked from "https://specs.apollo.dev/federation/v9.9". Expected a URL of the form https://specs.apollo.dev/federation/v2.x, up to v2.15; correct the SDL there',
    ],
  ],
  [
    'reports keys that name nothing, nest too deep, or not deep enough',
    `type Maker\n@key(fields: "idd")\n@key(fields: "id { x }")\n@key(fields: "home")\n@key(fields: "home { stret }") { id: ID! home: Home }\ntype Home { street: String }`,
    [
      'app.graphql:2  @key(fields: "idd") of Maker names "idd", which is no field of Maker; did you mean "id"?',
      'app.graphql:3  @key(fields: "id { x }") of Maker selects fields of Maker.id, which is ID and has none; name it without braces',
      'app.graphql:4  @key(fields: "home") of Maker names "home", which is an object; say in braces which of its fields are meant',
      'app.graphql:5  @key(fields: "home { stret }") of Maker names "stret", which is no field of Home; did you mean "street"?',
    ],
  ],
  [
    "reports a field of another subgraph's type that nothing serves",
    `type Maker @key(fields: "id") {\n id: ID!\n name: String\n}\n${PRODUCT}`,
    [
      'app.graphql:3  Maker.name has nothing behind it, since another subgraph owns Maker; mark it @external, return rows of this subgraph, or write a resolver for it, or map Maker with @entity',
    ],
  ],
  [
    'reports a key that the row does not hold',
    `${MAKER.replaceAll('id', 'idd')}\n${WORD}`,
    [
      'app.graphql:2  Product.maker shows the key of Maker, which another subgraph owns, but table products has no column "maker_idd"; did you mean "maker_id"; add one, name the columns of its key with @relation(from: [...]), or map Maker with @entity',
    ],
  ],
  [
    'reports a further key that the row does not hold',
    `type Maker @key(fields: "id") @key(fields: "mail") { id: ID! mail: String! }\n${WORD}`,
    [
      'app.graphql:2  Product.maker shows the key of Maker, which another subgraph owns, but table products has no column "maker_mail"; did you mean "maker_id"; add one, mark Maker.mail @external, or map Maker with @entity',
    ],
  ],
  [
    'reports a key that does not fit its column',
    `type Maker @key(fields: "id") { id: Int! }\n${WORD}`,
    ['app.graphql:2  Product.maker shows Maker.id: column "maker_id" is bigint, which does not fit Int; declare it ID'],
  ],
  [
    'reports directives without effect where a key is shown',
    `${MAKER}\ntype Product @entity { id: ID!\n maker: Maker @relation(from: ["maker_id"], to: ["id"])\n makers: [Maker!]!\n one(x: Int): Maker\n other: Maker @relation(from: ["makerid"]) }`,
    [
      'app.graphql:3  Product.maker shows the key of Maker from columns of this row, so only from has a meaning there; remove the rest',
      'app.graphql:4  Product.makers returns many of Maker, which another subgraph owns and of which a row can name one; return the rows that name them, or write a resolver',
      'app.graphql:5  Product.one takes arguments, which a relation to one entity has no use for; remove them or write a resolver',
      'app.graphql:6  Product.other names column "makerid", which table products does not have; did you mean "maker_id"?',
    ],
  ],
  [
    'reports relations from keys to no column',
    `type Maker @key(fields: "id") { id: ID!\n sellers: [Seller!]!\n products: [Product!]! @relation(to: ["makerid"])\n two: [Product!]! @relation(to: ["maker_id", "sku"])\n from: [Product!]! @relation(from: ["idd"], to: ["maker_id"])\n one: Product @relation(to: ["maker_id"]) }\n${PRODUCT}\ntype Seller @entity { id: ID! }`,
    [
      'app.graphql:2  Maker.sellers follows id to no column: table sellers has no "maker_id"; name the columns with @relation(to: [...])',
      'app.graphql:3  Maker.products names column "makerid", which table products does not have; did you mean "maker_id"?',
      'app.graphql:4  Maker.two joins 1 fields (id) with 2 columns (maker_id, sku); name as many on either side',
      'app.graphql:5  Maker.from follows "idd", which is no field of Maker; name key fields in from',
      'app.graphql:6  Maker.one may match several rows: table products has no unique key over maker_id; add one, or return a list',
    ],
  ],
  [
    'reports relations that a key does not carry, does not fit, or that cannot be resolved',
    `type Maker @key(fields: "id") @key(fields: "mail") { id: ID! mail: String!\n products: [Product!]! @relation(from: ["id"]) }\ntype Shop @key(fields: "id") { id: Int!\n products: [Product!]! @relation(to: ["maker_id"]) }\ntype Stall @key(fields: "id", resolvable: false) { id: ID!\n products: [Product!]! @relation(to: ["maker_id"]) }\n${PRODUCT}`,
    [
      'app.graphql:2  Maker.products follows id, which @key(fields: "mail") does not carry; add it to that key, mark that key resolvable: false, or ask for it with @requires(fields: "id")',
      'app.graphql:4  Shop.products follows Shop.id: column "maker_id" is bigint, which does not fit Int; declare it ID',
      'app.graphql:6  Stall.products cannot be asked for, since no @key of Stall is resolvable; remove resolvable: false from the key that carries id',
    ],
  ],
  [
    'reports arguments or an order on a relation to one row',
    `type Maker @key(fields: "id") { id: ID!\n seller(x: Int): Seller @relation(from: ["id"])\n other: Seller @relation(from: ["id"], limit: 1) }\ntype Seller @entity { id: ID! }`,
    [
      'app.graphql:2  Maker.seller takes arguments, which a relation to one entity has no use for; remove them or write a resolver',
      'app.graphql:3  Maker.other leads to one Seller, so where, orderBy and limit have no meaning there; remove them',
    ],
  ],
  [
    'reports directives without effect on key fields',
    `type Maker @key(fields: "id") @cached { id: ID! @column(name: "ident") }\n${PRODUCT}`,
    [
      'app.graphql:1  Maker is no @entity, so @cached has no meaning there; remove it',
      'app.graphql:1  Maker.id is a field that another subgraph owns, where @column has no meaning; remove it',
    ],
  ],
  [
    'reports nested keys over what the row does not hold',
    'type Product @entity\n@key(fields: "seller { name }")\n@key(fields: "seller { id }")\n@key(fields: "sellers { id }") { id: ID! seller: Seller! sellers: [Seller!]! @relation(from: ["seller_id"], to: ["id"]) }\ntype Seller @entity { id: ID! name: String! }',
    [
      'app.graphql:2  @key(fields: "seller { name }") of Product names "seller.name", which no column of table products holds; use what Product.seller is found by (id)',
      'app.graphql:3  @key(fields: "seller { id }") of Product is not unique: table products has no unique key over seller_id; add one or choose another key',
      'app.graphql:4  @key(fields: "sellers { id }") of Product names "sellers.id", which is not a column; use fields that show columns',
    ],
  ],
  [
    'reports objects of columns that do not exist',
    'type Product @entity { id: ID!\n box: Box @embedded\n boxes: [Box!] @embedded\n sku: String @embedded\n pile: Pile @embedded\n own: Box @embedded(prefix: "no_")\n stack(x: Int): Box @embedded }\ntype Box { length: String\n width: Int @column(name: "lenght")\n inner: Inner\n seller: Seller\n at(x: Int): Int }\ntype Inner { note: String }\ntype Pile { pile: Pile @embedded }\ntype Seller @entity { id: ID! }',
    [
      'app.graphql:3  Product.boxes is @embedded, but returns [Box!]; only one object can be made of columns of this row: return an object type, or remove @embedded',
      'app.graphql:4  Product.sku is @embedded, but returns String; only one object can be made of columns of this row: return an object type, or remove @embedded',
      'app.graphql:7  Product.stack takes arguments, which a column has no use for; remove them or write a resolver',
      'app.graphql:8  Product.box.length: column "box_length" is integer, which does not fit String; declare it Int',
      'app.graphql:8  Product.own.length maps to column "no_length", which table products does not have; did you mean "box_length"?',
      'app.graphql:9  Product.box.width maps to column "box_lenght", which table products does not have; did you mean "box_length"?',
      'app.graphql:9  Product.own.width maps to column "no_lenght", which table products does not have; correct the name',
      'app.graphql:10  Product.box.inner returns Inner, which is no column; write a resolver for Box.inner, or make it of columns with @embedded',
      'app.graphql:10  Product.own.inner returns Inner, which is no column; write a resolver for Box.inner, or make it of columns with @embedded',
      'app.graphql:11  Product.box.seller returns Seller, which is no column; write a resolver for Box.seller, or make it of columns with @embedded',
      'app.graphql:11  Product.own.seller returns Seller, which is no column; write a resolver for Box.seller, or make it of columns with @embedded',
      'app.graphql:12  Product.box.at takes arguments, which a column has no use for; remove them or write a resolver',
      'app.graphql:12  Product.own.at takes arguments, which a column has no use for; remove them or write a resolver',
      'app.graphql:14  Product.pile.pile holds Pile within itself, which no row can; remove @embedded, or write a resolver',
    ],
  ],
  [
    'reports @embedded where nothing is embedded',
    `type Product @entity { id: ID! @embedded seller: Seller @embedded }\ntype Seller @entity { id: ID! }\ntype Query { product(id: ID!): Product @embedded }\ntype Other {\n box: Box @embedded }\ntype Box { x: Int }`,
    [
      'app.graphql:1  Product.id is @embedded, but returns ID!; only one object can be made of columns of this row: return an object type, or remove @embedded',
      'app.graphql:1  Product.seller is a relation, where @embedded has no meaning; use @relation, or remove it',
      'app.graphql:3  Query.product is a field of Query, where @embedded has no meaning; use @list or @count, or remove it',
      'app.graphql:5  Other.box is no field of an @entity, where @embedded has no meaning; remove it',
    ],
  ],
  [
    'reports provided fields that do not exist',
    `type Maker @key(fields: "id") { id: ID! name: String @external }\ntype Product @entity { id: ID!\n maker: Maker @provides(fields: "name")\n other: Maker @relation(from: ["maker_id"]) @provides(fields: "nmae")\n seller: Seller @provides(fields: "motto") }\ntype Seller @entity @key(fields: "id") { id: ID!\n motto: String @external }`,
    [
      'app.graphql:3  Product.maker provides name, but no column of table products shows Maker.name there; add one called "maker_name", or take it out of @provides',
      'app.graphql:4  @provides of Product.other names "nmae", which is no field of Maker; did you mean "name"?',
      'app.graphql:7  Seller.motto maps to column "motto", which table sellers does not have; name it with @column(name:)',
    ],
  ],
  [
    "reports an external field under the name of another field's column",
    'type Product @entity @key(fields: "id") { id: ID!\n fame: Int @external\n renown: Decimal! @column(name: "fame") }',
    [
      'app.graphql:2  Product.fame is external, but rows of products carry column "fame" under that name for something else; show the table through a view that calls the column otherwise',
    ],
  ],
  [
    'reports entity interfaces that nothing can look up',
    'interface Media @key(fields: "id") { id: ID! }\ntype Book implements Media @entity { id: ID! }\ntype Film implements Media @key(fields: "id") { id: ID! }',
    [
      'app.graphql:2  Book has no @key(fields: "id") of its own that could be resolved here, so that nobody can find which Media a reference means; give it @key(fields: "id"), or write a __resolveReference for Media',
      'app.graphql:3  Film is no @entity, so that nobody can find which Media a reference means; map Film with @entity, or write a __resolveReference for Media',
    ],
  ],
];

describe('compiling a schema with mistakes in federation', () => {
  for (const [what, sdl, problems] of MISTAKES)
    it(what, async () => assert.deepEqual(await problemsOf(sdl, { catalog: SHOP }), problems));
});
