/**
 * Relations that no directive spells out: where names and foreign keys agree they are followed, where they do not the
 * schema is refused.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sketchCatalog, type TableSketch } from '../../support/catalog.ts';
import { compileSdl, problemsOf } from '../../support/compile.ts';

const USERS: TableSketch = { columns: ['id integer', 'name text'], primaryKey: ['id'] };
const USER = 'type User @entity @key(fields: "id") { id: ID! }';

/** Tasks with these columns beside the key, of which only those in `keys` refer to users. */
function tasks(columns: readonly string[], keys: readonly string[]) {
  return sketchCatalog({
    users: USERS,
    tasks: {
      columns: ['id integer', ...columns],
      primaryKey: ['id'],
      references: keys.map((key) => `${key} -> users.id`),
      indexes: keys.map((key) => [key]),
    },
  });
}

async function joinOf(sdl: string, catalog: ReturnType<typeof sketchCatalog>, type: string, field: string) {
  const { model } = await compileSdl(sdl, { catalog });
  const found = model.entities.get(type)?.fields.get(field);
  assert.ok(found && 'join' in found, `${type}.${field} must be a relation`);
  return [found.join.from, found.join.to];
}

describe('a relation to one row', () => {
  const clear: readonly (readonly [
    field: string,
    columns: readonly string[],
    keys: readonly string[],
    follows: string,
  ])[] = [
    ['creator', ['creator_id integer'], ['creator_id'], 'creator_id'],
    ['creator', ['creator integer'], ['creator'], 'creator'],
    ['creator', ['creatorId integer'], ['creatorId'], 'creatorId'],
    ['createdBy', ['created_by integer', 'updated_by integer'], ['created_by', 'updated_by'], 'created_by'],
    ['author', ['written_by integer'], ['written_by'], 'written_by'],
    ['author', ['written_by integer', 'author text'], ['written_by'], 'written_by'],
    ['manager', ['reports_to integer', 'priority integer', 'external_id integer'], ['reports_to'], 'reports_to'],
    ['creator', ['creator_id integer', 'creator integer'], ['creator_id'], 'creator_id'],
    [
      'creator',
      ['assignee_id integer', 'creator_id integer', 'creator_uuid uuid'],
      ['assignee_id', 'creator_id'],
      'creator_id',
    ],
  ];
  for (const [field, columns, keys, follows] of clear) {
    it(`called ${field} follows ${follows} where the columns are ${columns.join(', ')} and the keys ${keys.join(', ')}`, async () => {
      assert.deepEqual(
        await joinOf(`${USER} type Task @entity { id: ID! ${field}: User }`, tasks(columns, keys), 'Task', field),
        [[follows], ['id']],
      );
    });
  }

  const doubtful: readonly (readonly [field: string, columns: readonly string[], readings: string])[] = [
    [
      'creator',
      ['assignee_id integer', 'creator_id integer'],
      'by column creator_id of tasks, over which there is no foreign key to users; choose one: @relation(from: ["assignee_id"]) or @relation(from: ["creator_id"])',
    ],
    [
      'owner',
      ['assignee_id integer', 'owner integer'],
      'by column owner of tasks, over which there is no foreign key to users; choose one: @relation(from: ["assignee_id"]) or @relation(from: ["owner"])',
    ],
    [
      'creator',
      ['assignee_id integer', 'creatorId integer'],
      'by column creatorId of tasks, over which there is no foreign key to users; choose one: @relation(from: ["assignee_id"]) or @relation(from: ["creatorId"])',
    ],
    [
      'creator',
      ['assignee_id integer', 'fk_creator integer'],
      'by column fk_creator of tasks, over which there is no foreign key to users; choose one: @relation(from: ["assignee_id"]) or @relation(from: ["fk_creator"])',
    ],
    [
      'creator',
      ['assignee_id integer', 'created_by bigint'],
      'by column created_by of tasks, over which there is no foreign key to users; choose one: @relation(from: ["assignee_id"]) or @relation(from: ["created_by"])',
    ],
  ];
  for (const [field, columns, readings] of doubtful) {
    it(`called ${field} is refused where the only key is over ${columns[0] ?? ''} and ${columns[1] ?? ''} is there`, async () => {
      assert.deepEqual(
        await problemsOf(`${USER} type Task @entity { id: ID! ${field}: User }`, {
          catalog: tasks(columns, ['assignee_id']),
        }),
        [`app.graphql:1  Task.${field} can be read in 2 ways: by the foreign key over assignee_id; or ${readings}`],
      );
    });
  }

  it('is refused where the column of its name leads to another table', async () => {
    const catalog = sketchCatalog({
      users: USERS,
      teams: { columns: ['id integer'], primaryKey: ['id'] },
      tasks: {
        columns: ['id integer', 'owner_id integer', 'assignee_id integer'],
        primaryKey: ['id'],
        references: ['owner_id -> teams.id', 'assignee_id -> users.id'],
      },
    });
    assert.deepEqual(await problemsOf(`${USER} type Task @entity { id: ID! owner: User }`, { catalog }), [
      'app.graphql:1  Task.owner can be read in 2 ways: by the foreign key over assignee_id; or by column owner_id of tasks, whose foreign key leads to teams; choose one: @relation(from: ["assignee_id"]) or @relation(from: ["owner_id"])',
    ]);
  });

  it('without any foreign key is refused with the column that it could follow', async () => {
    assert.deepEqual(
      await problemsOf(`${USER} type Task @entity { id: ID! creator: User }`, {
        catalog: tasks(['creator_id integer'], []),
      }),
      [
        'app.graphql:1  Task.creator has no foreign key from tasks to users to follow; add one, or follow column creator_id with @relation(from: ["creator_id"])',
      ],
    );
  });

  it('follows the key that @relation chooses', async () => {
    const sdl = `${USER} type Task @entity { id: ID! creator: User @relation(from: ["creator_id"]) }`;
    assert.deepEqual(
      await joinOf(sdl, tasks(['assignee_id integer', 'creator_id integer'], ['assignee_id']), 'Task', 'creator'),
      [['creator_id'], ['id']],
    );
  });
});

describe('the way back of a one-to-one relation', () => {
  const NODES = sketchCatalog({
    nodes: {
      columns: ['id integer', 'name text', 'next_id integer null'],
      primaryKey: ['id'],
      unique: [['next_id']],
      references: ['next_id -> nodes.id'],
    },
  });
  const READINGS =
    'can be read in 2 ways: by the foreign key over next_id; or by the foreign key over next_id of nodes, back to this row; choose one: @relation(from: ["next_id"]) or @relation(from: ["id"], to: ["next_id"])';

  it('is not taken to be the forward relation, and has to be named', async () => {
    assert.deepEqual(await problemsOf('type Node @entity { id: ID! next: Node previous: Node }', { catalog: NODES }), [
      `app.graphql:1  Node.previous ${READINGS}`,
    ]);
  });

  it('between two tables that refer to each other has to be named', async () => {
    const catalog = sketchCatalog({
      teams: {
        columns: ['id integer', 'owner_id integer null'],
        primaryKey: ['id'],
        unique: [['owner_id']],
        references: ['owner_id -> members.id'],
      },
      members: {
        columns: ['id integer', 'team_id integer'],
        primaryKey: ['id'],
        references: ['team_id -> teams.id'],
        indexes: [['team_id']],
      },
    });
    const sdl =
      'type Team @entity { id: ID! owner: Member members: [Member!]! @relation(limit: 9) } type Member @entity { id: ID! team: Team ownedTeam: Team }';
    assert.deepEqual(await problemsOf(sdl, { catalog }), [
      'app.graphql:1  Member.ownedTeam can be read in 2 ways: by the foreign key over team_id; or by the foreign key over owner_id of teams, back to this row; choose one: @relation(from: ["team_id"]) or @relation(from: ["id"], to: ["owner_id"])',
    ]);
    const chosen = sdl.replace('ownedTeam: Team', 'ownedTeam: Team @relation(from: ["id"], to: ["owner_id"])');
    assert.deepEqual(await joinOf(chosen, catalog, 'Member', 'ownedTeam'), [['id'], ['owner_id']]);
    assert.deepEqual(await joinOf(chosen, catalog, 'Member', 'team'), [['team_id'], ['id']]);
  });

  const CHOSEN =
    'type Node @entity { id: ID! next: Node previous: Node @relation(from: ["id"], to: ["next_id"]) } type NodePayload { node: Node }';
  const NAMED =
    "is named after Node.previous, which is found by columns of Node's rows and not of this one's; name a column with @column(name:)";
  const places: readonly (readonly [string, string, string])[] = [
    [
      'a filter',
      'type Query { nodes(filter: F): [Node!]! @list(limit: 9) } input F { previous: IDFilter }',
      'F.previous',
    ],
    ['an argument', 'type Query { nodes(previous: ID): [Node!]! @list(limit: 9) }', 'Query.nodes(previous:)'],
    ['a lookup', 'type Query { node(previous: ID!): Node }', 'Query.node(previous:)'],
    [
      'an order',
      'type Query { nodes(orderBy: O): [Node!]! @list(limit: 9) } enum O { PREVIOUS_ASC }',
      'O.PREVIOUS_ASC',
    ],
    [
      'an input',
      'type Mutation { add(input: I!): NodePayload @insert } input I { id: ID! name: String! previous: ID }',
      'I.previous',
    ],
    [
      'a change',
      'type Mutation { change(id: ID!, input: I!): NodePayload @update } input I { previous: ID }',
      'I.previous',
    ],
  ];
  for (const [what, sdl, place] of places) {
    it(`names no column in ${what}`, async () => {
      assert.deepEqual(await problemsOf(`${CHOSEN} ${sdl}`, { catalog: NODES }), [`app.graphql:1  ${place} ${NAMED}`]);
    });
  }

  it("names the key where the other row has this row's key as its own", async () => {
    const catalog = sketchCatalog({
      users: USERS,
      desks: {
        columns: ['user_id integer', 'room text'],
        primaryKey: ['user_id'],
        references: ['user_id -> users.id'],
      },
    });
    const { model } = await compileSdl(
      'type User @entity { id: ID! desk: Desk } type Desk @entity { room: String! user: User! } type Query { users(desk: ID): [User!]! @list(limit: 9) }',
      { catalog },
    );
    const users = model.queries.get('users');
    assert.ok(users?.kind === 'list');
    assert.deepEqual(users.filters.get('desk'), { kind: 'equals', column: 'id' });
  });
});

describe('a relation to many rows', () => {
  const UNKEYED = tasks(
    [
      'assignee_id integer',
      'creator_id integer',
      'owner integer',
      'project_id integer',
      'priority integer',
      'created_at timestamptz',
    ],
    ['assignee_id'],
  );
  const TASK = 'type Task @entity { id: ID! }';

  for (const field of ['tasks', 'assignedTasks', 'allTasks', 'recentTasks', 'priorityTasks', 'taskList', 'work']) {
    it(`called ${field} follows the only foreign key`, async () => {
      assert.deepEqual(
        await joinOf(
          `${TASK} type User @entity { id: ID! ${field}: [Task!]! @relation(limit: 9) }`,
          UNKEYED,
          'User',
          field,
        ),
        [['id'], ['assignee_id']],
      );
    });
  }

  for (const [field, column] of [
    ['createdTasks', 'creator_id'],
    ['tasksCreated', 'creator_id'],
    ['ownedTasks', 'owner'],
  ] as const) {
    it(`called ${field} is refused where column ${column} is there without a foreign key`, async () => {
      const readings = (directive: string) =>
        `can be read in 2 ways: by the foreign key over assignee_id of tasks; or by column ${column} of tasks, over which there is no foreign key to users; choose one: ${directive}(to: ["assignee_id"]) or ${directive}(to: ["${column}"])`;
      assert.deepEqual(
        await problemsOf(`${TASK} type User @entity { id: ID! ${field}: [Task!]! }`, { catalog: UNKEYED }),
        [`app.graphql:1  User.${field} ${readings('@relation')}`],
      );
      const count = field.replace('Tasks', 'Count').replace('tasks', 'count');
      assert.deepEqual(
        await problemsOf(`${TASK} type User @entity { id: ID! ${count}: Int! @count(of: "Task") }`, {
          catalog: UNKEYED,
        }),
        [`app.graphql:1  User.${count} ${readings('@count')}`],
      );
    });
  }

  it('is refused as a connection, too', async () => {
    const sdl = `${TASK} type TaskConnection { edges: [TaskEdge!]! } type TaskEdge { node: Task! } type User @entity { id: ID! createdTasks(first: Int): TaskConnection! }`;
    const [problem, ...more] = await problemsOf(sdl, { catalog: UNKEYED });
    assert.match(problem ?? '', /^app.graphql:1 {2}User.createdTasks can be read in 2 ways/);
    assert.deepEqual(more, []);
  });

  it('is refused where the other type has declared a further relation back', async () => {
    const sdl =
      'type Task @entity { id: ID! boss: User @relation(from: ["owner"]) } type User @entity { id: ID! work: [Task!]! }';
    assert.deepEqual(await problemsOf(sdl, { catalog: UNKEYED }), [
      'app.graphql:1  User.work can be read in 2 ways: by the foreign key over assignee_id of tasks; or by column owner of tasks, over which there is no foreign key to users; choose one: @relation(to: ["assignee_id"]) or @relation(to: ["owner"])',
    ]);
  });

  it('to the rows below this one follows the key to the row above', async () => {
    const catalog = sketchCatalog({
      folders: {
        columns: ['id integer', 'parent_id integer null'],
        primaryKey: ['id'],
        references: ['parent_id -> folders.id'],
        indexes: [['parent_id']],
      },
    });
    const sdl =
      'type Folder @entity { id: ID! parent: Folder children: [Folder!]! @relation(limit: 9) childCount: Int! @count(of: "Folder") self: Folder @relation(from: ["id"], to: ["id"]) }';
    assert.deepEqual(await joinOf(sdl, catalog, 'Folder', 'parent'), [['parent_id'], ['id']]);
    assert.deepEqual(await joinOf(sdl, catalog, 'Folder', 'children'), [['id'], ['parent_id']]);
    assert.deepEqual(await joinOf(sdl, catalog, 'Folder', 'childCount'), [['id'], ['parent_id']]);
  });

  it('of a type that another subgraph owns is refused where its name speaks of another column', async () => {
    const catalog = sketchCatalog({
      tasks: {
        columns: ['id integer', 'user_id integer', 'creator_id integer'],
        primaryKey: ['id'],
        indexes: [['user_id'], ['creator_id']],
      },
    });
    const sdl = (field: string) =>
      `type User @key(fields: "id") { id: ID! ${field}: [Task!]! @relation(limit: 9) } ${TASK}`;
    assert.deepEqual(await problemsOf(sdl('tasks'), { catalog }), []);
    assert.deepEqual(await problemsOf(sdl('createdTasks'), { catalog }), [
      'app.graphql:1  User.createdTasks could follow id to column user_id or creator_id of tasks; choose one: @relation(to: ["user_id"]) or @relation(to: ["creator_id"])',
    ]);
  });
});

describe('schemas of other projects that are not ambiguous', () => {
  it('include a shop with names in capitals', async () => {
    const catalog = sketchCatalog({
      Artist: { columns: ['ArtistId integer', 'Name text'], primaryKey: ['ArtistId'] },
      Album: {
        columns: ['AlbumId integer', 'Title text', 'ArtistId integer'],
        primaryKey: ['AlbumId'],
        references: ['ArtistId -> Artist.ArtistId'],
        indexes: [['ArtistId']],
      },
      Employee: {
        columns: ['EmployeeId integer', 'ReportsTo integer null', 'Title text'],
        primaryKey: ['EmployeeId'],
        references: ['ReportsTo -> Employee.EmployeeId'],
        indexes: [['ReportsTo']],
      },
      Customer: {
        columns: ['CustomerId integer', 'SupportRepId integer null'],
        primaryKey: ['CustomerId'],
        references: ['SupportRepId -> Employee.EmployeeId'],
        indexes: [['SupportRepId']],
      },
    });
    const sdl = `
      type Artist @entity(table: "Artist") { id: ID! @column(name: "ArtistId") albums: [Album!]! @relation(orderBy: ["Title DESC"], limit: 9) }
      type Album @entity(table: "Album") { id: ID! @column(name: "AlbumId") artist: Artist! }
      type Employee @entity(table: "Employee") { id: ID! @column(name: "EmployeeId") manager: Employee reports: [Employee!]! @relation(limit: 9) customers: [Customer!]! @relation(limit: 9) }
      type Customer @entity(table: "Customer") { id: ID! @column(name: "CustomerId") supportRep: Employee }`;
    assert.deepEqual(await problemsOf(sdl, { catalog }), []);
    assert.deepEqual(await joinOf(sdl, catalog, 'Employee', 'manager'), [['ReportsTo'], ['EmployeeId']]);
    assert.deepEqual(await joinOf(sdl, catalog, 'Employee', 'reports'), [['EmployeeId'], ['ReportsTo']]);
  });

  it('include a rental shop with two keys between stores and their staff', async () => {
    const catalog = sketchCatalog({
      store: {
        columns: ['store_id integer', 'manager_staff_id integer'],
        primaryKey: ['store_id'],
        unique: [['manager_staff_id']],
        references: ['manager_staff_id -> staff.staff_id'],
      },
      staff: {
        columns: ['staff_id integer', 'store_id integer'],
        primaryKey: ['staff_id'],
        references: ['store_id -> store.store_id'],
        indexes: [['store_id']],
      },
      language: { columns: ['language_id integer', 'name text'], primaryKey: ['language_id'] },
      film: {
        columns: ['film_id integer', 'language_id integer', 'original_language_id integer null'],
        primaryKey: ['film_id'],
        references: ['language_id -> language.language_id', 'original_language_id -> language.language_id'],
      },
    });
    const sdl = `
      type Store @entity(table: "store") { id: ID! @column(name: "store_id") manager: Staff! staff: [Staff!]! @relation(limit: 9) }
      type Staff @entity(table: "staff") { id: ID! @column(name: "staff_id") store: Store! }
      type Language @entity(table: "language") { id: ID! @column(name: "language_id") name: String! }
      type Film @entity(table: "film") { id: ID! @column(name: "film_id") language: Language! originalLanguage: Language }`;
    assert.deepEqual(await problemsOf(sdl, { catalog }), []);
    assert.deepEqual(await joinOf(sdl, catalog, 'Store', 'manager'), [['manager_staff_id'], ['staff_id']]);
    assert.deepEqual(await joinOf(sdl, catalog, 'Film', 'language'), [['language_id'], ['language_id']]);
    assert.deepEqual(await joinOf(sdl, catalog, 'Film', 'originalLanguage'), [
      ['original_language_id'],
      ['language_id'],
    ]);
  });
});

describe('names that could mean two columns', () => {
  const AUTHORS = sketchCatalog({
    users: USERS,
    tasks: {
      columns: ['id text', 'written_by text', 'author text null', 'createdAt date null', 'created_at date null'],
      primaryKey: ['id'],
      references: ['written_by -> people.code'],
    },
    people: { columns: ['code text'], primaryKey: ['code'] },
  });
  const TYPES =
    'type Person @entity(table: "people") { code: ID! } type Task @entity { id: ID! author: Person @relation(from: ["written_by"]) } type TaskPayload { task: Task }';

  it('are refused as fields, filters and inputs alike', async () => {
    const sdl =
      'type Task @entity { id: ID! createdAt: Date } input F { createdAt: DateFilter } type Query { tasks(filter: F): [Task!]! @list(limit: 9) }';
    const doubt = 'could mean column "created_at" or column "createdAt"; say which is meant with @column(name:)';
    assert.deepEqual(await problemsOf(sdl, { catalog: AUTHORS }), [
      `app.graphql:1  Task.createdAt ${doubt}`,
      `app.graphql:1  F.createdAt ${doubt}`,
    ]);
    assert.deepEqual(
      await problemsOf(sdl.replaceAll(/createdAt: (\w+)/g, 'createdAt: $1 @column(name: "createdAt")'), {
        catalog: AUTHORS,
      }),
      [],
    );
  });

  it('mean the field where its author has named the column', async () => {
    const { model } = await compileSdl(
      `${TYPES} type Mutation { add(input: I!): TaskPayload @insert } input I { id: ID! author: ID! }`,
      { catalog: AUTHORS },
    );
    assert.deepEqual(
      model.mutations.get('add')?.values,
      new Map([
        ['id', 'id'],
        ['author', 'written_by'],
      ]),
    );
  });

  it('never let an insert write another column than the one that is named', async () => {
    const catalog = sketchCatalog({
      people: { columns: ['id integer'], primaryKey: ['id'] },
      tasks: {
        columns: ['id integer', 'written_by integer', 'author text null'],
        primaryKey: ['id'],
        references: ['written_by -> people.id'],
      },
    });
    const sdl =
      'type Person @entity(table: "people") { id: ID! } type Task @entity { id: ID! author: Person } type TaskPayload { task: Task } type Mutation { add(input: I!): TaskPayload @insert } input I { id: ID! author: ID!, writtenBy: ID! }';
    assert.deepEqual(await problemsOf(sdl, { catalog }), [
      'app.graphql:1  I.author could mean column "author", or column "written_by", by which Task.author finds its Person; say which is meant with @column(name:)',
    ]);
    assert.deepEqual(
      await problemsOf(sdl.replace('author: ID!,', 'author: ID! @column(name: "author")'), { catalog }),
      [],
    );
  });
});
