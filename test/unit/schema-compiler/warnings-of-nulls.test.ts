/**
 * Warnings of fields that the schema declares non-null although the catalog shows that there may be nothing to show,
 * and of lists that may grow too long.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sketchCatalog, type TableSketch } from '../../support/catalog.ts';
import { compileSdl, problemsOf, warningsOf } from '../../support/compile.ts';

const WHERE = 'app.graphql:1  ';

/** Warnings of one field over one column. */
async function warned(field: string, column: string, extra: Partial<TableSketch> = {}): Promise<string[]> {
  const catalog = sketchCatalog({ things: { columns: ['id integer', column], primaryKey: ['id'], ...extra } });
  return (await warningsOf(`type Thing @entity @key(fields: "id") { id: ID! ${field} }`, { catalog })).map((line) =>
    line.replace(WHERE, ''),
  );
}

describe('a non-null field', () => {
  const json = (add: string, type: string) =>
    `Thing.v is non-null, but a document in column "v" may be JSON's null, and such a row would be an error; add CHECK (${add}) or declare ${type}`;
  const nullable = (type: string) =>
    `Thing.v is non-null, but column "v" may be null, and such a row would be an error; make the column NOT NULL or declare ${type}`;
  const entries = (type: string) =>
    `Thing.v has non-null entries, but an array in column "v" may hold NULL, and such a row would be an error; add CHECK (array_position(v, NULL) IS NULL) or declare ${type}`;
  const cases: readonly (readonly [field: string, column: string, warnings: readonly string[]])[] = [
    ['v: JSON!', 'v jsonb', [json("jsonb_typeof(v) <> 'null'", 'JSON')]],
    ['v: JSON', 'v jsonb', []],
    ['v: JSON!', 'v jsonb null', [nullable('JSON')]],
    ['v: JSON', 'v jsonb null', []],
    ['v: [Int!]!', 'v integer[]', [entries('[Int]!')]],
    ['v: [Int]!', 'v integer[]', []],
    ['v: [Int!]', 'v integer[] null', [entries('[Int]')]],
    ['v: [Int!]!', 'v integer[] null', [nullable('[Int!]'), entries('[Int]!')]],
    ['v: [Int]', 'v integer[] null', []],
    ['v: [String!]!', 'v text[]', [entries('[String]!')]],
    ['v: Int!', 'v integer', []],
    ['v: Int!', 'v integer null', [nullable('Int')]],
    ['v: String!', 'v text null', [nullable('String')]],
  ];
  for (const [field, column, warnings] of cases) {
    it(`${field} over "${column}" is worth ${warnings.length === 0 ? 'no warning' : 'a line for each way to be null'}`, async () => {
      assert.deepEqual(await warned(field, column), warnings);
    });
  }

  it('over a document that is shown through an object type gives the same warning', async () => {
    const catalog = sketchCatalog({ things: { columns: ['id integer', 'v jsonb'], primaryKey: ['id'] } });
    const sdl = 'type Thing @entity { id: ID! v: Value! @column(name: "v") } type Value { size: Int }';
    assert.deepEqual(await warningsOf(sdl, { catalog }), [`${WHERE}${json("jsonb_typeof(v) <> 'null'", 'Value')}`]);
  });

  it('gives no warning where a CHECK of the column excludes null', async () => {
    const { tables, ...rest } = sketchCatalog({
      things: { columns: ['id integer', 'v jsonb', 'w integer[]'], primaryKey: ['id'] },
    });
    const things = tables.get('public.things');
    assert.ok(things);
    const columns = new Map([...things.columns].map(([name, column]) => [name, { ...column, keepsNullOut: true }]));
    const catalog = { ...rest, tables: new Map([['public.things', { ...things, columns }]]) };
    assert.deepEqual(await warningsOf('type Thing @entity { id: ID! v: JSON! w: [Int!]! }', { catalog }), []);
  });

  it('over a view gives no warning', async () => {
    assert.deepEqual(await warned('v: JSON!', 'v jsonb', { view: true }), []);
  });

  it('within an embedded object gives a warning where another column can make the object exist', async () => {
    const catalog = sketchCatalog({
      things: {
        columns: ['id integer', 'box_size text null', 'box_tags text[] null', 'lid_size text null'],
        primaryKey: ['id'],
      },
    });
    const sdl =
      'type Thing @entity { id: ID! box: Box @embedded lid: Lid @embedded } type Box { size: String! tags: [String] } type Lid { size: String! }';
    assert.deepEqual(await warningsOf(sdl, { catalog }), [
      `${WHERE}Thing.box.size is non-null, but column "box_size" may be null, and such a row would be an error; make the column NOT NULL or declare String`,
    ]);
  });
});

describe('a non-null relation to one row', () => {
  const CATALOG = sketchCatalog({
    users: { columns: ['id integer', 'code text'], primaryKey: ['id'], unique: [['code']] },
    desks: {
      columns: ['id integer', 'user_id integer'],
      primaryKey: ['id'],
      unique: [['user_id']],
      references: ['user_id -> users.id'],
    },
    tasks: {
      columns: ['id integer', 'owner_id integer', 'creator integer', 'checker_id integer null', 'user_code text'],
      primaryKey: ['id'],
      references: ['owner_id -> users.id', 'checker_id -> users.id', 'user_code -> users.code'],
    },
    loads: { view: true, columns: ['user_id integer null', 'tasks bigint null'] },
  });
  const TYPES =
    'type User @entity @key(fields: "id") { id: ID! USER } type Desk @entity { id: ID! } type Task @entity { id: ID! TASK } type Load @entity @key(fields: "userId") { userId: ID! tasks: BigInt user: User! @relation(from: ["user_id"]) } type Org @key(fields: "id") { id: ID! ORG }';
  const sdl = (given: { user?: string; task?: string; org?: string; load?: boolean }) =>
    TYPES.replace('USER', given.user ?? '')
      .replace('TASK', given.task ?? '')
      .replace('ORG', given.org ?? '')
      .replace(/type Load.*?\} (?=type Org)/, given.load ? '$&' : '');
  const missing = (place: string, type: string) =>
    `${WHERE}${place} is non-null, but no foreign key of its row makes sure that its ${type} is there, and an object without one would be an error; declare ${type}`;

  const cases: readonly (readonly [what: string, sdl: string, warnings: readonly string[]])[] = [
    ['over a foreign key gives no warning', sdl({ task: 'owner: User!' }), []],
    [
      'over a foreign key to another unique key gives no warning',
      sdl({ task: 'user: User! @relation(from: ["user_code"], to: ["code"])' }),
      [],
    ],
    [
      'over a foreign key that is named gives no warning',
      sdl({ task: 'boss: User! @relation(from: ["owner_id"])' }),
      [],
    ],
    ['to itself gives no warning', sdl({ user: 'self: User! @relation(from: ["id"], to: ["id"])' }), []],
    [
      'over a nullable key gives a warning',
      sdl({ task: 'checker: User!' }),
      [
        `${WHERE}Task.checker is non-null, but column "checker_id" may be null, and such a row would be an error; make the column NOT NULL or declare User`,
      ],
    ],
    [
      'without a foreign key gives a warning',
      sdl({ task: 'creator: User! @relation(from: ["creator"])' }),
      [missing('Task.creator', 'User')],
    ],
    ['back over a unique key gives a warning', sdl({ user: 'desk: Desk!' }), [missing('User.desk', 'Desk')]],
    ['of a view gives a warning', sdl({ load: true }), [missing('Load.user', 'User')]],
    [
      'of a type that another subgraph owns gives a warning',
      sdl({ org: 'boss: User! @relation(from: ["id"])' }),
      [missing('Org.boss', 'User')],
    ],
    [
      'that may be null gives no warning',
      sdl({
        task: 'creator: User @relation(from: ["creator"])',
        user: 'desk: Desk',
        org: 'boss: User @relation(from: ["id"])',
      }),
      [],
    ],
  ];
  for (const [what, text, warnings] of cases) {
    it(what, async () => {
      assert.deepEqual(await warningsOf(text, { catalog: CATALOG }), warnings);
    });
  }
});

describe('lists that may grow too long', () => {
  const CATALOG = sketchCatalog({
    users: { columns: ['id integer'], primaryKey: ['id'] },
    tasks: {
      columns: ['id integer', 'user_id integer'],
      primaryKey: ['id'],
      references: ['user_id -> users.id'],
      indexes: [['user_id']],
    },
  });

  it('give one warning for all of them', async () => {
    const sdl =
      'type User @entity { id: ID! tasks: [Task!]! } type Task @entity { id: ID! } type Query { users: [User!]! some(first: Int): [User!]! top: [User!]! @list(limit: 10) }';
    assert.deepEqual(await warningsOf(sdl, { catalog: CATALOG, maxPageSize: 50 }), [
      `${WHERE}2 lists (User.tasks, Query.users) take no argument first and declare no limit, so that each is an error (LIST_TOO_LONG) where there are more than 50 rows (option maxPageSize); add first: Int, declare with limit: in @list or @relation how many are enough, or return a connection`,
    ]);
  });

  it('give no warning where their author has declared a limit', async () => {
    const { model } = await compileSdl(
      'type User @entity { id: ID! tasks: [Task!]! few: [Task!]! @relation(limit: 3) } type Task @entity { id: ID! } type Query { users(first: Int): [User!]! top: [User!]! @list(limit: 500) }',
      { catalog: CATALOG },
    );
    const lists = [
      model.entities.get('User')?.fields.get('tasks'),
      model.entities.get('User')?.fields.get('few'),
      model.queries.get('users'),
      model.queries.get('top'),
    ];
    assert.deepEqual(
      lists.map((list) => list?.kind === 'list' && [list.limit, list.cuts]),
      [
        [200, false],
        [3, true],
        [200, false],
        [500, true],
      ],
    );
  });

  it('have no default limit above which every client would be refused', async () => {
    const CONNECTION = 'type UserConnection { edges: [UserEdge!]! } type UserEdge { node: User! }';
    const sdl = `type User @entity { id: ID! } ${CONNECTION} type Query { all(first: Int = 500): [User!]! top(first: Int = 4): [User!]! @list(limit: 3) page(first: Int = 201): UserConnection! good(first: Int = 200): [User!]! }`;
    const refused = (place: string, given: number, most: number) =>
      `${WHERE}${place}(first:) is ${given} unless a client says otherwise, but must be from 0 to ${most}; lower it, or raise the limit`;
    assert.deepEqual(await problemsOf(sdl, { catalog: CATALOG }), [
      refused('Query.all', 500, 200),
      refused('Query.top', 4, 3),
      refused('Query.page', 201, 200),
    ]);
  });
});
