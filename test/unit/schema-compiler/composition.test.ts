/**
 * Subgraphs of Meridian's in one graph, by both composers that teams use: nothing of Meridian's is in the way of
 * another subgraph's.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isObjectType, type GraphQLSchema } from 'graphql';
import { sketchCatalog } from '../../support/catalog.ts';
import { compileSdl } from '../../support/compile.ts';
import { COMPOSERS, servedSdl, type Subgraphs } from '../../support/compose.ts';

const LINK =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@external"])';
const TEAMS_SDL = `${LINK}
  type Query { team(id: ID!): Team person(email: String!): Person }
  type Team @entity @key(fields: "id") { id: ID! name: String! people(first: Int, after: String): PersonConnection! }
  type Person @entity(table: "people", version: "version") @conflict(policy: MERGE) @key(fields: "id") @key(fields: "email") { id: ID! email: String! age: Int team: Team! version: Int! }
  type PersonConnection { edges: [PersonEdge!]! pageInfo: PageInfo! totalCount: Int! } type PersonEdge { node: Person! cursor: String! }
  type Mutation { updatePerson(id: ID!, expectedVersion: Int, age: Int): PersonPayload! @update }
  type PersonPayload { person: Person conflict: PersonConflict token: ConsistencyToken! } type PersonConflict { reason: ConflictReason! current: Person }`;
const TASKS_SDL = `${LINK}
  type Query { task(id: ID!): Task }
  type Task @entity @key(fields: "id") { id: ID! title: String! dueDate: Date assignee: Person team: Team! }
  type Team @key(fields: "id") { id: ID! tasks(filter: TaskFilter, first: Int, after: String): TaskConnection! }
  type TaskConnection { edges: [TaskEdge!]! pageInfo: PageInfo! totalCount: Int! } type TaskEdge { node: Task! cursor: String! }
  input TaskFilter { title: StringFilter due: DateFilter @column(name: "due_date") }
  extend type Person @key(fields: "id") { id: ID! @external taskCount: Int! @count(of: "Task", to: ["assignee_id"]) }
  type Mutation { addTask(teamId: ID!, title: String!): TaskPayload! @insert }
  type TaskPayload { task: Task token: ConsistencyToken! }`;
/** A subgraph of another make. */
const OTHER = `${LINK}\ntype Query { news: String }\ntype Team @key(fields: "id") { id: ID! fans: Int }`;

const SHOP = sketchCatalog({
  products: {
    columns: [
      'id bigint readonly',
      'sku text',
      'variation_id text',
      'maker_id bigint',
      'box_size text null',
      'box_weight double precision null',
      'box_unit text null',
      'price numeric',
      'notes text null',
      'created_by_email text null',
      'created_by_total integer null',
      'parent_id bigint null',
    ],
    primaryKey: ['id'],
    unique: [
      ['sku', 'variation_id'],
      ['maker_id', 'sku'],
    ],
    references: ['parent_id -> products.id'],
    indexes: [['created_by_email'], ['parent_id']],
  },
  stock: {
    columns: ['product_id bigint', 'held integer'],
    primaryKey: ['product_id'],
    references: ['product_id -> products.id'],
  },
  books: { columns: ['id bigint readonly', 'isbn text'], primaryKey: ['id'] },
  films: { columns: ['id bigint readonly', 'minutes integer'], primaryKey: ['id'] },
});
/** Everything of federation that passes through a subgraph of Meridian's, in one. */
const SHOP_SDL = `extend schema
    @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@external", "@requires", "@provides", "@override", "@inaccessible", "@tag", "@interfaceObject", "@composeDirective"])
    @link(url: "https://example.com/audit/v1.0", import: ["@audited"])
    @composeDirective(name: "@audited")
  directive @audited(by: String!) on OBJECT | FIELD_DEFINITION
  type Query { product(id: ID!): Product products(first: Int): [Product!]! }
  type Product @entity @audited(by: "shop") @key(fields: "id") @key(fields: "sku variation { id }") @key(fields: "maker { id } sku") {
    id: ID! sku: String! variation: Variation! @embedded maker: Maker! box: Box @embedded
    price: Decimal! @override(from: "prices") notes: String @tag(name: "internal") parts: [Product!]! @relation(to: ["parent_id"])
    createdBy: User @provides(fields: "total")
  }
  type Variation @shareable { id: ID! }
  type Box @shareable { size: String weight: Float unit: String @inaccessible }
  type Maker @key(fields: "id", resolvable: false) { id: ID! }
  extend type User @key(fields: "email") { email: ID! @external total: Int @external years: Int @external average: Float @requires(fields: "total years") made: [Product!]! @relation(to: ["created_by_email"]) }
  type Stock @entity(table: "stock") @key(fields: "product { id }") { product: Product! held: Int! }
  interface Media @key(fields: "id") @tag(name: "media") { id: ID! }
  type Book implements Media @entity @key(fields: "id") { id: ID! isbn: String! }
  type Film implements Media @entity @key(fields: "id") { id: ID! minutes: Int! }
  type Shelf @interfaceObject @key(fields: "id") { id: ID! held: Stock @relation(from: ["id"], to: ["product_id"]) }`;
/** What the other subgraphs of that graph have. */
const AROUND = {
  users: `${LINK}\n type Query { user(email: ID!): User }\n type User @key(fields: "email") { email: ID! name: String total: Int @shareable years: Int }`,
  makers: `${LINK}\n type Query { maker(id: ID!): Maker }\n type Maker @key(fields: "id") { id: ID! name: String! best: Product }\n type Product @key(fields: "sku variation { id }") { sku: String! variation: Variation! }\n type Variation @shareable { id: ID! }`,
  prices: `${LINK}\n type Query { cheapest: Product }\n type Product @key(fields: "id") { id: ID! price: Decimal! }\n scalar Decimal\n type Box @shareable { size: String weight: Float }`,
  reviews: `extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@interfaceObject"])\n type Query { best: Media }\n type Media @interfaceObject @key(fields: "id") { id: ID! stars: Int }`,
  shelves: `${LINK}\n type Query { shelves: [Shelf!]! }\n interface Shelf @key(fields: "id") { id: ID! }\n type Rack implements Shelf @key(fields: "id") { id: ID! height: Int }`,
} as const;

async function meridians(): Promise<Subgraphs> {
  const served = async (sdl: string): Promise<string> => servedSdl((await compileSdl(sdl)).typeDefs);
  return { teams: await served(TEAMS_SDL), tasks: await served(TASKS_SDL) };
}

function fieldsOf(api: GraphQLSchema, name: string): readonly string[] {
  const type = api.getType(name);
  return isObjectType(type) ? Object.keys(type.getFields()).sort() : [];
}

for (const [composer, compose] of Object.entries(COMPOSERS)) {
  describe(`the composer of ${composer}`, () => {
    it("joins subgraphs of Meridian's: their fields, and once what each of them brings along", async () => {
      const { api, hints } = compose(await meridians());
      assert.deepEqual(fieldsOf(api, 'Query'), ['conflicts', 'person', 'regionHealth', 'task', 'team']);
      assert.deepEqual(fieldsOf(api, 'Team'), ['id', 'name', 'people', 'tasks']);
      assert.deepEqual(fieldsOf(api, 'Person'), ['age', 'email', 'id', 'taskCount', 'team', 'version']);
      for (const name of [
        'ConsistencyToken',
        'RegionHealth',
        'ConflictRecord',
        'PageInfo',
        'ConsistencyLevel',
        'ConflictReason',
      ])
        assert.ok(api.getType(name), name);
      for (const name of ['ConflictRule', 'Durability']) assert.equal(api.getType(name), undefined, name);
      assert.deepEqual(
        hints.filter((hint) => !hint.startsWith('UNUSED_ENUM_TYPE')),
        [],
      );
    });

    it('keeps @consistent for clients, where every subgraph defines it', async () => {
      const { api, supergraphSdl } = compose(await meridians());
      const directive = api.getDirective('consistent');
      assert.deepEqual(
        [directive?.locations.toSorted(), directive?.args.map(({ name, type }) => [name, String(type)])],
        [
          ['FIELD', 'MUTATION', 'QUERY', 'SUBSCRIPTION'],
          [
            ['level', 'ConsistencyLevel'],
            ['maxLagMs', 'Int'],
          ],
        ],
      );
      assert.match(supergraphSdl, /directive @consistent\(/);
      assert.deepEqual(
        api
          .getDirectives()
          .map(({ name }) => name)
          .filter((name) => ['entity', 'relation', 'cached', 'conflict'].includes(name)),
        [],
      );
    });

    it('leaves @consistent out where one subgraph does not define it, unless that one copies its definition', async () => {
      const without = compose({ ...(await meridians()), other: OTHER });
      assert.equal(without.api.getDirective('consistent'), undefined);
      if (composer === 'Apollo')
        assert.ok(
          without.hints.some((hint) => /^INCONSISTENT_EXECUTABLE_DIRECTIVE_PRESENCE: .*"@consistent"/.test(hint)),
          without.hints.join('\n'),
        );
      const copied = `${OTHER}
        directive @consistent(level: ConsistencyLevel, maxLagMs: Int) on QUERY | MUTATION | FIELD
        enum ConsistencyLevel { EVENTUAL BOUNDED SESSION STRONG SNAPSHOT }`;
      assert.ok(compose({ ...(await meridians()), other: copied }).api.getDirective('consistent'));
    });

    it('accepts every federation directive that a subgraph uses', async () => {
      const { typeDefs } = await compileSdl(SHOP_SDL, { catalog: SHOP, resolvers: { User: { average: () => null } } });
      const { api, supergraphSdl, hints } = compose({ shop: await servedSdl(typeDefs), ...AROUND });
      assert.deepEqual(fieldsOf(api, 'Product'), [
        'box',
        'createdBy',
        'id',
        'maker',
        'notes',
        'parts',
        'price',
        'sku',
        'variation',
      ]);
      assert.deepEqual(fieldsOf(api, 'User'), ['average', 'email', 'made', 'name', 'total', 'years']);
      assert.deepEqual(
        [fieldsOf(api, 'Box'), fieldsOf(api, 'Maker'), fieldsOf(api, 'Book'), fieldsOf(api, 'Rack')],
        [
          ['size', 'weight'],
          ['best', 'id', 'name'],
          ['id', 'isbn', 'stars'],
          ['height', 'held', 'id'],
        ],
      );
      for (const kept of [
        /@audited\(by: "shop"\)/,
        /@tag\(name: "internal"\)/,
        /@inaccessible/,
        /key: "sku variation \{ id \}"/,
        /key: "maker \{ id \} sku"/,
        /key: "product \{ id \}"/,
        /override: "prices"/,
        /provides: "total"/,
        /requires: "total years"/,
        /isInterfaceObject: true/,
      ])
        assert.match(supergraphSdl, kept);
      const expected = [
        'INCONSISTENT_EXECUTABLE_DIRECTIVE_PRESENCE',
        'INCONSISTENT_OBJECT_VALUE_TYPE_FIELD',
        'OVERRIDDEN_FIELD_CAN_BE_REMOVED',
        'UNUSED_ENUM_TYPE',
      ];
      assert.deepEqual(
        [...new Set(hints.map((hint) => hint.split(':')[0]))].sort(),
        composer === 'Apollo' ? expected : [],
      );
    });
  });
}
