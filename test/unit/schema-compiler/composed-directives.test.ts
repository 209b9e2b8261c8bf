/**
 * Proves that a schema can have Meridian's own directives composed into its supergraph, by each composer, and what it
 * is told where it cannot.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { buildASTSchema, isObjectType, Kind, parse, print, type DirectiveNode } from 'graphql';
import { readDocument } from '../../../src/schema-compiler/document.ts';
import { MERIDIAN_URL } from '../../../src/schema-compiler/meridian-link.ts';
import { Problems } from '../../../src/schema-compiler/problems.ts';
import { problemsOf } from '../../support/compile.ts';
import { compose, COMPOSER_NAMES, servedSdl, type Subgraph } from '../../support/compose.ts';

const ALL = [
  'entity',
  'column',
  'relation',
  'list',
  'count',
  'insert',
  'update',
  'delete',
  'conflict',
  'idempotent',
  'durable',
  'cached',
  'tenant',
];
const linked = (names: readonly string[], composed: readonly string[] = names, url = MERIDIAN_URL): string => `
  extend schema
    @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@composeDirective"])
    @link(url: "${url}", import: [${names.map((name) => `"@${name}"`).join(', ')}])
    ${composed.map((name) => `@composeDirective(name: "@${name}")`).join(' ')}`;

const TASKS = `${linked(ALL)}
  type Query { task(id: ID!): Task tasks(first: Int): [Task!]! @list(orderBy: ["id"]) }
  type Mutation { pay(id: ID!): Task @update @idempotent @durable(level: REMOTE_APPLY) }
  type Task @entity(version: "version") @conflict(policy: MERGE, rule: MAX) @cached(ttlMs: 5) @tenant(column: "org") @key(fields: "id") {
    id: ID!
    title: String! @column(name: "name") @conflict(rule: APPEND)
    subtasks: [Task!]! @relation(to: ["parent"])
    size: Int! @count(of: "Task")
    version: Int!
  }`;
/** Composes one of them only, and uses the others for itself. */
const SONGS = `${linked(['conflict'])}
  type Query { song(id: ID!): Song }
  type Song @entity(version: "version") @conflict(policy: LAST_WRITE_WINS) @key(fields: "id") { id: ID! version: Int! }`;
const PLAIN =
  'extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"]) type Query { ping: String } extend type Task @key(fields: "id") { id: ID! likes: Int }';

async function served(name: string, body: string): Promise<Subgraph> {
  const { typeDefs } = readDocument([{ name: 'app.graphql', body }], new Problems());
  return { name, url: `http://${name}.example/`, sdl: await servedSdl(typeDefs) };
}

describe('the SDL that a subgraph publishes', () => {
  it('names no table, column or condition, nor what only such directives need', async () => {
    const { sdl } = await served(
      'tasks',
      `
      type Query { tasks: [Task!]! @list(where: "secret_column IS NULL") }
      type Task @entity(table: "secret_table") @tenant(column: "secret_column") @conflict(policy: MERGE) @key(fields: "id") { id: ID! name: String @column(name: "secret_column") @deprecated }`,
    );
    assert.doesNotMatch(
      sdl,
      /secret|@(entity|list|tenant|conflict|column)\b|enum (ConflictRule|OnDeleteChanged|OnUpdateDeleted|OnInsertExisting|Durability)\b/,
    );
    assert.match(sdl, /type Task @key\(fields: "id"\) {\n {2}id: ID!\n {2}name: String @deprecated\n}/);
    // What its records show stays, and so does what stands on operations.
    assert.match(sdl, /enum ConflictPolicy[^]*directive @consistent|directive @consistent[^]*enum ConflictPolicy/);
  });

  it('keeps what the author has defined, whatever its directives are called', async () => {
    const { sdl } = await served(
      'tasks',
      'directive @mine(level: Level) on OBJECT enum Level { LOW } type Query { task: Task } type Task @mine(level: LOW) @key(fields: "id") { id: ID! }',
    );
    for (const part of [
      'directive @mine(level: Level) on OBJECT',
      'enum Level',
      'type Task @mine(level: LOW) @key(fields: "id")',
    ])
      assert.ok(sdl.includes(part), part);
  });
});

for (const composer of COMPOSER_NAMES) {
  describe(`directives of Meridian's in a supergraph made by ${composer}`, () => {
    it('are present with definition, arguments and link where they are composed, and only there', async () => {
      const supergraph = parse(
        compose(
          [
            await served('tasks', TASKS),
            await served('songs', SONGS),
            { name: 'plain', url: 'http://plain.example/', sdl: PLAIN },
          ],
          composer,
        ),
      );
      const links = supergraph.definitions
        .flatMap((node) => (node.kind === Kind.SCHEMA_DEFINITION ? (node.directives ?? []) : []))
        .map(print);
      for (const name of ALL)
        assert.equal(
          links.filter((link) => link.includes(MERIDIAN_URL) && link.includes(`"@${name}"`)).length,
          1,
          name,
        );
      const schema = buildASTSchema(supergraph, { assumeValidSDL: true });
      for (const name of ALL) assert.ok(schema.getDirective(name), name);
      const own = (directives: readonly DirectiveNode[] | undefined): string[] =>
        (directives ?? [])
          .filter(({ name }) => ALL.includes(name.value))
          .map((directive) => print(directive))
          .sort();
      const shown = (type: string, field?: string): string[] => {
        const found = schema.getType(type);
        assert.ok(isObjectType(found));
        return own(field === undefined ? found.astNode?.directives : found.getFields()[field]?.astNode?.directives);
      };
      assert.deepEqual(shown('Task'), [
        '@cached(ttlMs: 5)',
        '@conflict(policy: MERGE, rule: MAX)',
        '@entity(version: "version")',
        '@tenant(column: "org")',
      ]);
      assert.deepEqual(shown('Task', 'title'), ['@column(name: "name")', '@conflict(rule: APPEND)']);
      assert.deepEqual(shown('Task', 'subtasks'), ['@relation(to: ["parent"])']);
      assert.deepEqual(shown('Task', 'size'), ['@count(of: "Task")']);
      assert.deepEqual(shown('Query', 'tasks'), ['@list(orderBy: ["id"])']);
      assert.deepEqual(shown('Mutation', 'pay'), ['@durable(level: REMOTE_APPLY)', '@idempotent', '@update']);
      assert.deepEqual(shown('Song'), ['@conflict(policy: LAST_WRITE_WINS)']);
    });

    it('stay in their subgraph where they are not composed', async () => {
      const supergraph = compose(
        [
          await served('tasks', TASKS.replace(linked(ALL), linked(ALL, []))),
          { name: 'plain', url: 'http://plain.example/', sdl: PLAIN },
        ],
        composer,
      );
      // One composer leaves the bare link.
      assert.doesNotMatch(supergraph.replaceAll(/@link\([^)]*\)/g, ''), /@(conflict|entity|cached)\b/);
    });

    it('leave the one that stands on operations in the graph, where every subgraph defines it', async () => {
      assert.match(
        compose([await served('tasks', TASKS), await served('songs', SONGS)], composer),
        /^directive @consistent\(/m,
      );
    });
  });
}

describe("a link to Meridian's directives", () => {
  const REST = 'type Query { ping: String } type Team @entity { id: ID! }';
  const problems = (sdl: string): Promise<string[]> =>
    problemsOf(sdl + REST, { resolvers: { Query: { ping: () => 'pong' } } });

  it('is accepted at any host, whether what it imports is composed or not', async () => {
    assert.deepEqual(
      await problems(linked(['entity', 'conflict'], [], 'http://schemas.internal:8080/graphs/meridian/v1.0/')),
      [],
    );
    assert.deepEqual(await problems(linked(['entity'])), []);
  });

  it('is refused for unknown names, for other names and for other versions', async () => {
    assert.deepEqual(await problems(linked(['entty'], [])), [
      'app.graphql:4  this @link imports "@entty", which is no directive of Meridian\'s; did you mean "entity"?',
    ]);
    assert.deepEqual(await problems(linked(['entity'], [], 'https://meridian.example/meridian/v2.0')), [
      `app.graphql:4  this @link asks for v2.0 of Meridian's directives, and this is v1.0; use url: "${MERIDIAN_URL}"`,
    ]);
    assert.deepEqual(
      await problems(`extend schema @link(url: "${MERIDIAN_URL}", import: [{ name: "@entity", as: "@row" }])\n`),
      [
        'app.graphql:1  this @link imports "@entity" as "@row"; Meridian\'s directives go by their own names, so leave out "as"',
      ],
    );
  });

  it('is demanded where a directive is composed without one, except for directives on operations', async () => {
    assert.deepEqual(await problems(linked(['entity'], ['conflict'])), [
      `app.graphql:5  @composeDirective takes only what a @link imports; add @link(url: "${MERIDIAN_URL}", import: ["@conflict"])`,
    ]);
    assert.deepEqual(await problems(linked(['consistent'])), [
      'app.graphql:5  @composeDirective cannot take "@consistent", which stands on operations; composition keeps it by itself where every subgraph defines it',
    ]);
  });
});
