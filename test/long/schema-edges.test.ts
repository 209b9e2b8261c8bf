/**
 * Proves unusual schemas on real databases: unusual names are read, written, paged and invalidated as others; nulls in
 * non-null fields and lists above their limit are errors.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isMeridianError } from '../../src/base/errors.ts';
import { startTestApp, US, type Answer, type TestApp } from '../support/app.ts';

const SQL = `
  CREATE SCHEMA "odd.schema";
  CREATE TYPE "odd.schema"."mood, or so" AS ENUM ('so "so"', 'all.right', 'fine DESC');
  CREATE TABLE "odd.schema"."my.table" (
    "the id" integer PRIMARY KEY, "due date" date, "a ""b"" c" integer, "x,y=1" text, "rank DESC" integer, "größe" integer NOT NULL DEFAULT 1,
    "Mood" "odd.schema"."mood, or so" NOT NULL DEFAULT 'all.right', "parent id" integer REFERENCES "odd.schema"."my.table");
  CREATE INDEX ON "odd.schema"."my.table" ("parent id");
  INSERT INTO "odd.schema"."my.table" VALUES
    (1, '2026-02-01', 10, 'x', 3, 1, 'so "so"', NULL), (2, '2026-01-15', 20, 'y', 1, 1, 'fine DESC', 1), (3, NULL, 30, 'z', 2, 1, 'all.right', 1);

  CREATE TABLE nulls (id integer PRIMARY KEY, value jsonb NOT NULL, loose jsonb, cells integer[] NOT NULL, tags text[], name text, other_id integer, a text, b text);
  INSERT INTO nulls VALUES
    (1, 'null', '1', '{1}', '{a}', 'n', 1, 'a', 'b'), (2, '"x"', 'null', '{1,NULL}', '{a,NULL}', NULL, 7, 'a', NULL), (3, '{"k":null}', NULL, '{}', NULL, 'n', NULL, NULL, NULL);
  CREATE TABLE guarded (id integer PRIMARY KEY, value jsonb NOT NULL CHECK (jsonb_typeof(value) <> 'null'), cells integer[] NOT NULL CHECK (array_position(cells, NULL) IS NULL),
    "odd cells" varchar(9)[] CHECK (array_position("odd cells", NULL) IS NULL), plain json CHECK (json_typeof(plain) <> 'null'),
    half integer[] CHECK (array_position(half, NULL) IS NULL OR id > 5), late integer[]);
  ALTER TABLE guarded ADD CHECK (array_position(late, NULL) IS NULL) NOT VALID;

  CREATE TABLE parents (id integer PRIMARY KEY);
  CREATE TABLE children (id integer PRIMARY KEY, parent_id integer NOT NULL REFERENCES parents);
  CREATE INDEX ON children (parent_id, id);
  INSERT INTO parents SELECT generate_series(1, 3);
  INSERT INTO children SELECT n, CASE WHEN n <= 5 THEN 1 WHEN n <= 11 THEN 2 ELSE 3 END FROM generate_series(1, 13) n;

  CREATE TABLE nodes (id integer PRIMARY KEY, name text NOT NULL, next_id integer UNIQUE REFERENCES nodes);
  INSERT INTO nodes VALUES (3, 'c', NULL), (2, 'b', 3), (1, 'a', 2);
  CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL);
  CREATE TABLE jobs (id integer PRIMARY KEY, assignee_id integer REFERENCES users, creator_id integer NOT NULL DEFAULT 2);
  CREATE INDEX ON jobs (assignee_id);
  CREATE INDEX ON jobs (creator_id);
  INSERT INTO users VALUES (1, 'Ann'), (2, 'Bo');
  INSERT INTO jobs VALUES (1, 1, 2);`;

const SDL = String.raw`
  type Query {
    odds(filter: OddFilter, orderBy: OddOrder, xy: String @column(name: "x,y=1"), first: Int): [Odd!]! @list(orderBy: ["\"due date\" DESC"])
    byRank: [Odd!]! @list(orderBy: ["\"rank DESC\" DESC"], limit: 9)
    odd(id: ID!): Odd
    pages(first: Int, after: String): OddConnection! @list(orderBy: ["\"a \"\"b\"\" c\""])
    null(id: ID!): Null
    made: Made
    parents: [Parent!]!
    children(first: Int): [Child!]!
    firstChildren(first: Int): [Child!]! @list(orderBy: ["id DESC"], limit: 4)
    parent(id: ID!): Parent
    node(id: ID!): Node
    user(id: ID!): User
    jobs(filter: JobFilter): [Job!]!
    guarded(id: ID!): Guarded
  }
  type Mutation {
    addOdd(input: OddInput!): OddPayload! @insert
    changeOdd(id: ID!, expectedVersion: Int, input: OddChange!): OddPayload! @update
    addJob(input: JobInput!): JobPayload! @insert
  }
  type Odd @entity(table: "\"odd.schema\".\"my.table\"", version: "größe") @conflict(policy: MERGE) @key(fields: "id") {
    id: ID! @column(name: "the id")
    due: Date @column(name: "due date")
    abc: Int @column(name: "\"a \"\"b\"\" c\"") @conflict(rule: ADD)
    xy: String @column(name: "x,y=1")
    mood: Mood! @column(name: "Mood")
    parent: Odd @relation(from: ["parent id"])
    children(first: Int): [Odd!]! @relation(to: ["\"parent id\""], orderBy: ["due"])
    childCount: Int! @count(of: "Odd", to: ["parent id"])
  }
  type OddConnection { edges: [OddEdge!]! pageInfo: PageInfo! }
  type OddEdge { node: Odd! cursor: String! }
  enum Mood { SO_SO @column(name: "so \"so\"") ALL_RIGHT @column(name: "all.right") FINE @column(name: "fine DESC") }
  enum OddOrder { ABC_DESC RANK_ASC @column(name: "rank DESC") }
  input OddFilter { abc: IntFilter parent: IDFilter mood: [Mood!] }
  input OddInput { id: ID! due: Date abc: Int xy: String parent: ID mood: Mood }
  input OddChange { abc: Int xy: String }
  type OddPayload { odd: Odd token: ConsistencyToken! }

  type Null @entity @key(fields: "id") {
    id: ID! value: JSON! loose: JSON! cells: [Int!]! tags: [String!]! name: String! other: Parent! @relation(from: ["other_id"])
    pair: Pair! @embedded(prefix: "")
    computed: String!
    list: [String!]!
  }
  type Pair { a: String! b: String! }
  type Made { name: String! }
  type Guarded @entity(table: "guarded") { id: ID! value: JSON! cells: [Int!]! oddCells: [String!] @column(name: "odd cells") plain: JSON half: [Int!] late: [Int!] }

  type Parent @entity @key(fields: "id") { id: ID! children: [Child!]! some(first: Int): [Child!]! few: [Child!]! @relation(limit: 2) n: Int! @count(of: "Child") }
  type Child @entity(table: "children") @key(fields: "id") { id: ID! parent: Parent! }
  type Node @entity @key(fields: "id") { id: ID! name: String! next: Node previous: Node @relation(from: ["id"], to: ["next_id"]) }
  type User @entity @key(fields: "id") { id: ID! name: String! createdJobs: [Job!]! @relation(to: ["creator_id"], limit: 9) createdCount: Int! @count(of: "Job", to: ["creator_id"]) }
  type Job @entity @key(fields: "id") { id: ID! creator: User @relation(from: ["creator_id"]) assignee: User }
  input JobFilter { creator: IDFilter }
  input JobInput { id: ID! creator: ID }
  type JobPayload { job: Job token: ConsistencyToken! }`;

const resolvers = { Null: { computed: () => null, list: () => ['a', null] }, Query: { made: () => ({ name: null }) } };
const MOST = 5;
const countedChildren = {
  target: 'Child',
  join: { from: ['id'], to: ['parent_id'] },
  where: null,
  filters: new Map(),
  caching: { off: null, ttlMs: null, maxVariants: null },
} as const;

describe('in an unusual schema', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({
      regions: [US],
      files: [{ name: 'app.graphql', body: SDL }],
      sql: SQL,
      settings: { maxPageSize: MOST, pageSize: MOST, auth: 'none' },
      server: { resolvers },
    });
  });
  after(async () => app[Symbol.asyncDispose]());

  const ask = <D = Record<string, unknown>>(query: string, token?: string): Promise<Answer<D>> =>
    app.gql<D>(US, query, token === undefined ? {} : { token });
  const read = async (query: string, token?: string): Promise<unknown> => {
    const { data, errors } = await ask(query, token);
    assert.deepEqual(errors, [], query);
    return data;
  };

  describe('columns and types with unusual names', () => {
    it('are used in orders, filters and results as any other', async () => {
      assert.deepEqual(await read('{ odds { id } }'), { odds: [{ id: '3' }, { id: '1' }, { id: '2' }] });
      assert.deepEqual(await read('{ byRank { id } }'), { byRank: [{ id: '1' }, { id: '3' }, { id: '2' }] });
      assert.deepEqual(await read('{ odds(orderBy: RANK_ASC) { id mood } }'), {
        odds: [
          { id: '2', mood: 'FINE' },
          { id: '3', mood: 'ALL_RIGHT' },
          { id: '1', mood: 'SO_SO' },
        ],
      });
      assert.deepEqual(
        await read('{ odds(orderBy: ABC_DESC, filter: { abc: { lt: 30 }, mood: [SO_SO, FINE] }) { id abc } }'),
        {
          odds: [
            { id: '2', abc: 20 },
            { id: '1', abc: 10 },
          ],
        },
      );
      assert.deepEqual(await read('{ odds(xy: "z") { id } }'), { odds: [{ id: '3' }] });
      assert.deepEqual(await read('{ odds(filter: { parent: { eq: 1 } }) { id parent { id xy } } }'), {
        odds: [
          { id: '3', parent: { id: '1', xy: 'x' } },
          { id: '2', parent: { id: '1', xy: 'x' } },
        ],
      });
      assert.deepEqual(await read('{ odd(id: 1) { children { id } childCount } }'), {
        odd: { children: [{ id: '2' }, { id: '3' }], childCount: 2 },
      });
      assert.deepEqual(
        await read('{ _entities(representations: [{ __typename: "Odd", id: 2 }]) { ... on Odd { xy } } }'),
        { _entities: [{ xy: 'y' }] },
      );
    });

    it('are used in pages with cursors', async () => {
      const page = '{ pages(first: 2) { edges { node { id } } pageInfo { endCursor hasNextPage } } }';
      const { pages } = (await read(page)) as {
        pages: { edges: unknown[]; pageInfo: { endCursor: string; hasNextPage: boolean } };
      };
      assert.deepEqual(
        [pages.edges, pages.pageInfo.hasNextPage],
        [[{ node: { id: '1' } }, { node: { id: '2' } }], true],
      );
      assert.deepEqual(
        await read(`{ pages(first: 2, after: ${JSON.stringify(pages.pageInfo.endCursor)}) { edges { node { id } } } }`),
        { pages: { edges: [{ node: { id: '3' } }] } },
      );
    });

    it('are written, merged, and invalidated in the cache', async () => {
      assert.deepEqual(await read('{ odd(id: 1) { childCount abc } }'), { odd: { childCount: 2, abc: 10 } });
      const { data, token, errors } = await ask(
        'mutation { addOdd(input: { id: 4, abc: 40, xy: "w", parent: 1, mood: FINE }) { odd { id mood parent { id } } } }',
      );
      assert.deepEqual([errors, data], [[], { addOdd: { odd: { id: '4', mood: 'FINE', parent: { id: '1' } } } }]);
      assert.deepEqual(await read('{ odd(id: 1) { childCount } }', token ?? ''), { odd: { childCount: 3 } });
      const change = (abc: number, seen: number) =>
        ask(`mutation { changeOdd(id: 1, expectedVersion: ${seen}, input: { abc: ${abc} }) { odd { abc } } }`);
      assert.deepEqual((await change(11, 1)).data, { changeOdd: { odd: { abc: 11 } } });
      const merged = await change(15, 1);
      assert.deepEqual([merged.errors, merged.data], [[], { changeOdd: { odd: { abc: 16 } } }]);
      assert.deepEqual(await read('{ odd(id: 1) { abc } }', merged.token ?? ''), { odd: { abc: 16 } });
      assert.deepEqual(
        await app.cluster.query(US, 'SELECT "größe" AS version FROM "odd.schema"."my.table" WHERE "the id" = 1'),
        [{ version: 3 }],
      );
    });
  });

  describe('a null in a non-null field', () => {
    const cases: readonly (readonly [
      query: string,
      where: string,
      why: RegExp,
      columns: readonly string[] | undefined,
    ])[] = [
      [
        '{ null(id: 1) { value } }',
        'Null.value',
        /the document in column "value" is JSON's null in this row\. The row has to get a value there, or the schema has to let the field be null\.$/,
        ['value'],
      ],
      [
        '{ null(id: 2) { loose } }',
        'Null.loose',
        /column "loose" is NULL in this row, or its document is JSON's null/,
        ['loose'],
      ],
      [
        '{ null(id: 3) { loose } }',
        'Null.loose',
        /column "loose" is NULL in this row, or its document is JSON's null/,
        ['loose'],
      ],
      [
        '{ null(id: 2) { cells } }',
        'an entry of Null.cells',
        /the array in column "cells" holds a NULL in this row\. .* or the schema has to let the entries be null\.$/,
        ['cells'],
      ],
      ['{ null(id: 2) { tags } }', 'an entry of Null.tags', /the array in column "tags" holds a NULL/, ['tags']],
      ['{ null(id: 3) { tags } }', 'Null.tags', /column "tags" is NULL/, ['tags']],
      ['{ null(id: 2) { name } }', 'Null.name', /column "name" is NULL/, ['name']],
      ['{ null(id: 3) { pair { a } } }', 'Null.pair', /columns "a", "b" are NULL/, ['a', 'b']],
      ['{ null(id: 2) { pair { b } } }', 'Pair.b', /the resolver or the column behind it gave null/, undefined],
      [
        '{ null(id: 1) { computed } }',
        'Null.computed',
        /the resolver or the column behind it gave null\. It has to give a value there/,
        undefined,
      ],
      ['{ null(id: 1) { list } }', 'an entry of Null.list', /gave a list with a null in it/, undefined],
      ['{ made { name } }', 'Made.name', /the resolver or the column behind it gave null/, undefined],
      ['{ alias: null(id: 1) { other: value } }', 'Null.value', /is JSON's null/, ['value']],
      [
        '{ _entities(representations: [{ __typename: "Null", id: 1 }]) { ... on Null { value } } }',
        'Null.value',
        /is JSON's null/,
        ['value'],
      ],
    ];
    for (const [query, where, why, columns] of cases) {
      it(`leads to an error that names ${where} for ${query}`, async () => {
        const { errors } = await ask(query);
        assert.equal(errors.length, 1);
        const [{ message, extensions }] = errors as [Answer['errors'][number]];
        assert.equal(extensions.code, 'NULL_VALUE');
        assert.ok(
          message.startsWith(`There is nothing to show as ${where}, which the schema declares non-null: `),
          message,
        );
        assert.match(message, why);
        const [, type, field] = /(\w+)\.(\w+)$/.exec(where) ?? [];
        assert.deepEqual(extensions['details'], { type, field, ...(columns ? { columns } : {}) });
      });
    }

    it('is reported as a missing row if a relation leads to none', async () => {
      for (const id of [2, 3]) {
        const { errors } = await ask(`{ null(id: ${id}) { other { id } } }`);
        assert.equal(errors[0]?.extensions.code, 'NOT_FOUND');
        assert.match(errors[0].message, /Null\.other/);
      }
    });

    it('is no error if the null is within a document', async () => {
      assert.deepEqual(await read('{ null(id: 3) { value cells } }'), { null: { value: { k: null }, cells: [] } });
      assert.deepEqual(await read('{ null(id: 1) { loose cells tags name other { id } pair { a b } } }'), {
        null: { loose: 1, cells: [1], tags: ['a'], name: 'n', other: { id: '1' }, pair: { a: 'a', b: 'b' } },
      });
    });

    it('leads to a warning at start, unless a CHECK of the column prevents it', async () => {
      const { compileModel } = await import('../../src/schema-compiler/compile.ts');
      const { readCatalog } = await import('../../src/postgres/types/catalog.ts');
      const catalog = await readCatalog((sql, values = []) => app.cluster.query(US, sql, values));
      const { warnings } = await compileModel({
        files: [{ name: 'app.graphql', body: SDL }],
        catalog,
        resolvers,
        pageSize: 20,
        maxPageSize: 200,
      });
      const about = (type: string) =>
        warnings.flatMap(({ message }) =>
          message.startsWith(`${type}.`) ? [message.slice(0, message.indexOf(', '))] : [],
        );
      assert.deepEqual(about('Guarded'), ['Guarded.half has non-null entries', 'Guarded.late has non-null entries']);
      assert.deepEqual(about('Null').sort(), [
        'Null.cells has non-null entries',
        'Null.loose is non-null',
        'Null.name is non-null',
        'Null.other is non-null',
        'Null.pair is non-null',
        'Null.pair.a is non-null',
        'Null.pair.b is non-null',
        'Null.tags has non-null entries',
        'Null.tags is non-null',
        'Null.value is non-null',
      ]);
    });
  });

  describe('a list with more rows than its limit', () => {
    it('is an error, and returns no row', async () => {
      const { data, errors } = await ask('{ children { id } }');
      assert.deepEqual(
        [data, errors.map(({ extensions, path }) => [extensions.code, extensions['details'], path])],
        [null, [['LIST_TOO_LONG', { limit: MOST }, ['children']]]],
      );
      assert.match(
        errors[0]?.message ?? '',
        /^This list has more than 5 rows of Child, which is the most that it shows: ask for the first of them with the argument first,/,
      );
    });

    it('is cut if the client or the schema names a smaller number', async () => {
      assert.deepEqual(await read('{ children(first: 5) { id } }'), {
        children: [1, 2, 3, 4, 5].map((id) => ({ id: String(id) })),
      });
      assert.deepEqual(await read('{ children(first: 0) { id } }'), { children: [] });
      assert.deepEqual(await read('{ firstChildren { id } }'), {
        firstChildren: [13, 12, 11, 10].map((id) => ({ id: String(id) })),
      });
      assert.deepEqual(await read('{ firstChildren(first: 2) { id } }'), {
        firstChildren: [{ id: '13' }, { id: '12' }],
      });
    });

    it('is refused before any read if the client asks for more rows than the limit', async () => {
      for (const [query, most] of [
        ['{ children(first: 6) { id } }', 5],
        ['{ firstChildren(first: 5) { id } }', 4],
        ['{ parent(id: 1) { some(first: 1000) { id } } }', 5],
      ] as const) {
        const { errors } = await ask(query);
        assert.equal(errors[0]?.extensions.code, 'BAD_USER_INPUT', query);
        assert.match(
          errors[0].message,
          new RegExp(
            `^"first" is \\d+, but this list has at most ${most} rows \\(its limit in the schema, or maxPageSize\\); ask for fewer\\.$`,
          ),
        );
      }
    });

    it('is an error for its own parent alone, also when it comes from the cache', async () => {
      for (let i = 0; i < 2; i += 1) {
        const { data, errors } = await ask(
          '{ a: parent(id: 1) { children { id } n } b: parent(id: 2) { children { id } n } c: parent(id: 3) { children { id } few { id } } }',
        );
        assert.deepEqual(
          errors.map(({ extensions, path }) => [extensions.code, path]),
          [['LIST_TOO_LONG', ['b', 'children']]],
        );
        assert.deepEqual(data, {
          a: { children: [1, 2, 3, 4, 5].map((id) => ({ id: String(id) })), n: 5 },
          b: null,
          c: { children: [{ id: '12' }, { id: '13' }], few: [{ id: '12' }, { id: '13' }] },
        });
      }
      assert.deepEqual(await read('{ parent(id: 2) { n few { id } some(first: 5) { id } } }'), {
        parent: { n: 6, few: [{ id: '6' }, { id: '7' }], some: [6, 7, 8, 9, 10].map((id) => ({ id: String(id) })) },
      });
    });

    it('is returned again as soon as rows are deleted, and an error again when they come back', async () => {
      const tokenOf = async (): Promise<string> =>
        (await ask('{ parent(id: 2) @consistent(level: STRONG) { id } }')).token ?? '';
      await app.cluster.query(US, 'DELETE FROM children WHERE id = 11');
      assert.deepEqual(await read('{ parent(id: 2) { children { id } } }', await tokenOf()), {
        parent: { children: [6, 7, 8, 9, 10].map((id) => ({ id: String(id) })) },
      });
      await app.cluster.query(US, 'INSERT INTO children VALUES (11, 2)');
      assert.equal(
        (await ask('{ parent(id: 2) { children { id } } }', await tokenOf())).errors[0]?.extensions.code,
        'LIST_TOO_LONG',
      );
    });

    it('is an error in the data layer, too', async () => {
      const { layer } = app.server(US);
      const bound = layer.loaders();
      const field = {
        ...countedChildren,
        kind: 'list',
        limit: MOST,
        cuts: false,
        orderBy: [{ column: 'id', descending: false }],
        orderArg: null,
      } as const;
      await assert.rejects(bound.loaders.list(field, [2]), (error) => isMeridianError(error, 'LIST_TOO_LONG'));
      assert.equal((await bound.loaders.list(field, [1])).length, 5);
      await bound.close();
    });
  });

  describe('relations with declared columns', () => {
    it('lead to a row and back', async () => {
      assert.deepEqual(await read('{ node(id: 2) { next { name } previous { name } } }'), {
        node: { next: { name: 'c' }, previous: { name: 'a' } },
      });
      assert.deepEqual(await read('{ node(id: 1) { previous { name } } }'), { node: { previous: null } });
    });

    it('filter, count and write their own column', async () => {
      assert.deepEqual(
        await read('{ user(id: 2) { createdJobs { id creator { name } assignee { name } } createdCount } }'),
        { user: { createdJobs: [{ id: '1', creator: { name: 'Bo' }, assignee: { name: 'Ann' } }], createdCount: 1 } },
      );
      assert.deepEqual(await read('{ jobs(filter: { creator: { eq: 2 } }) { id } }'), { jobs: [{ id: '1' }] });
      const { data } = await ask(
        'mutation { addJob(input: { id: 2, creator: 1 }) { job { creator { name } assignee { name } } } }',
      );
      assert.deepEqual(data, { addJob: { job: { creator: { name: 'Ann' }, assignee: null } } });
      assert.deepEqual(await app.cluster.query(US, 'SELECT assignee_id, creator_id FROM jobs WHERE id = 2'), [
        { assignee_id: null, creator_id: 1 },
      ]);
    });
  });
});
