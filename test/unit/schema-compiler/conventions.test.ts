/**
 * What a schema means without a word of explanation: tables, columns, relations, lookups, filters and orders by
 * convention.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sketchCatalog, TEAMS } from '../../support/catalog.ts';
import { compileSdl, problemsOf, warningsOf } from '../../support/compile.ts';

const TEAM = 'type Team @entity @key(fields: "id") { id: ID! name: String! }';
const PERSON =
  'type Person @entity(table: "people", version: "version") { id: ID! email: String! team: Team! desk: Desk }';
const DESK = 'type Desk @entity { room: String! person: Person! }';
const TASK =
  'type Task @entity { id: ID! title: String! dueDate: Date labels: [String!]! assignee: Person @relation(from: ["assignee_id"]) }';
const CONNECTION =
  'type TaskConnection { edges: [TaskEdge!]! pageInfo: PageInfo! totalCount: Int! nodes: [Task!]! } type TaskEdge { node: Task! cursor: String! }';
const ALL = [TEAM, PERSON, DESK, TASK, CONNECTION].join('\n');

describe('entities', () => {
  it('take the table of their plural or singular name, in any schema', async () => {
    const { model } = await compileSdl(`${ALL}\ntype Log @entity { id: ID! line: String! }`);
    assert.deepEqual(
      [...model.entities.values()].map(({ name, table }) => [name, `${table.schema}.${table.name}`]),
      [
        ['Team', 'public.teams'],
        ['Person', 'public.people'],
        ['Desk', 'public.desks'],
        ['Task', 'public.tasks'],
        ['Log', 'audit.log'],
      ],
    );
  });

  it("select the columns that something uses, keys and joins included, in the table's order", async () => {
    const { model } = await compileSdl(ALL);
    assert.deepEqual([...(model.entities.get('Person')?.columns.keys() ?? [])], ['id', 'team_id', 'email', 'version']);
    assert.deepEqual([...(model.entities.get('Desk')?.columns.keys() ?? [])], ['person_id', 'room']);
  });

  it('know their keys: primary first, unique without nulls only', async () => {
    const { model } = await compileSdl(
      `${TEAM.replace('@key(fields: "id")', '@key(fields: "id") @key(fields: "name")')}\n${PERSON.replace('email', 'nick: String teamId: ID! email')}\n${DESK}`,
    );
    assert.deepEqual(model.entities.get('Team')?.federationKeys, [['id'], ['name']]);
    assert.deepEqual(model.entities.get('Person')?.uniqueKeys, [['id'], ['email']]);
    assert.equal(model.entities.get('Person')?.version, 'version');
    assert.deepEqual(model.entities.get('Desk')?.primaryKey, ['person_id']);
  });

  it('over a view take their row key from @key, and give no warning about its nulls', async () => {
    const sdl =
      'type TeamLoad @entity(table: "team_load") @key(fields: "team") { team: ID! @column(name: "team_id") openTasks: BigInt! }\ntype Query { load(team: ID!): TeamLoad }';
    const { model, warnings } = await compileSdl(sdl);
    assert.deepEqual(model.entities.get('TeamLoad')?.primaryKey, ['team_id']);
    assert.deepEqual(model.entities.get('TeamLoad')?.federationKeys, [['team_id']]);
    assert.deepEqual(model.queries.get('load'), {
      kind: 'lookup',
      target: 'TeamLoad',
      arguments: new Map([['team', 'team_id']]),
    });
    assert.deepEqual(warnings, []);
  });

  it('may have compound keys', async () => {
    const { model } = await compileSdl(
      'type Seat @entity @key(fields: "number room") { room: String! number: Int! }\ntype Query { seat(room: String!, number: Int!): Seat }',
    );
    assert.deepEqual(model.entities.get('Seat')?.federationKeys, [['number', 'room']]);
    assert.deepEqual(model.queries.get('seat'), {
      kind: 'lookup',
      target: 'Seat',
      arguments: new Map([
        ['room', 'room'],
        ['number', 'number'],
      ]),
    });
  });

  it('that show the same table can all be joined through its foreign keys', async () => {
    const { model } = await compileSdl(
      `${ALL}\ntype TeamPage @entity(table: "teams") { open: Int! @count(of: "Task", where: "status <> 'DONE'") latest: [Task!]! @relation(orderBy: ["created_at DESC"], limit: 10) }\ntype Query { page(teamId: ID! @column(name: "id")): TeamPage }`,
    );
    const page = model.entities.get('TeamPage');
    assert.deepEqual(page?.fields.get('open'), {
      kind: 'count',
      target: 'Task',
      join: { from: ['id'], to: ['team_id'] },
      where: "status <> 'DONE'",
      filters: new Map(),
      caching: { off: null, ttlMs: null, maxVariants: null },
    });
    const latest = page?.fields.get('latest');
    assert.ok(latest?.kind === 'list');
    assert.deepEqual(
      [latest.limit, latest.orderBy],
      [
        10,
        [
          { column: 'created_at', descending: true },
          { column: 'id', descending: true },
        ],
      ],
    );
    assert.deepEqual(model.queries.get('page'), {
      kind: 'lookup',
      target: 'TeamPage',
      arguments: new Map([['teamId', 'id']]),
    });
  });
});

describe('relations', () => {
  it('follow the one foreign key there is, either way, and one-to-one backwards', async () => {
    const { model } = await compileSdl(`${ALL}`);
    const person = model.entities.get('Person');
    assert.deepEqual(person?.fields.get('team'), {
      kind: 'toOne',
      target: 'Team',
      join: { from: ['team_id'], to: ['id'] },
    });
    assert.deepEqual(person?.fields.get('desk'), {
      kind: 'toOne',
      target: 'Desk',
      join: { from: ['id'], to: ['person_id'] },
    });
    assert.deepEqual(model.entities.get('Desk')?.fields.get('person'), {
      kind: 'toOne',
      target: 'Person',
      join: { from: ['person_id'], to: ['id'] },
    });
  });

  it("choose among several foreign keys by the field's name", async () => {
    const { model } = await compileSdl(
      `${TEAM}\n${PERSON}\n${DESK}\ntype Task @entity { id: ID! assignee: Person reviewer: Person }`,
    );
    assert.deepEqual(model.entities.get('Task')?.fields.get('reviewer'), {
      kind: 'toOne',
      target: 'Person',
      join: { from: ['reviewer_id'], to: ['id'] },
    });
  });

  it('complete what @relation leaves out with the primary key', async () => {
    const { model } = await compileSdl(
      `${TEAM}\n${DESK}\n${TASK}\n${PERSON.replace('desk: Desk', 'reviews: [Task!]! @relation(to: ["reviewer_id"])')}`,
    );
    const reviews = model.entities.get('Person')?.fields.get('reviews');
    assert.ok(reviews?.kind === 'list');
    assert.deepEqual(reviews.join, { from: ['id'], to: ['reviewer_id'] });
    assert.equal(reviews.limit, 200);
  });

  it('page as connections, with the page sizes of the options', async () => {
    const { model } = await compileSdl(
      `${ALL.replace('name: String!', 'name: String! tasks(first: Int, after: String, last: Int, before: String): TaskConnection! some: TaskConnection @relation(limit: 5)')}`,
    );
    const { fields } = model.entities.get('Team') ?? {};
    const [tasks, some] = [fields?.get('tasks'), fields?.get('some')];
    assert.ok(tasks?.kind === 'connection' && some?.kind === 'connection');
    assert.deepEqual(
      [tasks.target, tasks.defaultPageSize, tasks.maxPageSize, some.defaultPageSize],
      ['Task', 20, 200, 5],
    );
    assert.deepEqual(tasks.orderBy, [{ column: 'id', descending: false }]);
  });
});

describe('arguments', () => {
  const FILTER = `
    input TaskFilter { title: StringFilter status: [Status!] assignee: IDFilter labels: StringListFilter due: DateFilter @column(name: "due_date") and: [TaskFilter!] or: [TaskFilter!] not: TaskFilter }
    enum Status { TODO DONE }
    enum TaskOrder { DUE_DATE_ASC TITLE_DESC NEWEST_DESC @column(name: "created_at") }`;

  it('filter by fields, columns and relations, and take lists as "one of"', async () => {
    const { model } = await compileSdl(
      `${ALL}${FILTER}\ntype Query { tasks(status: [Status!], assignee: ID, teamId: ID, tag: String @column(name: "title"), filter: TaskFilter, orderBy: [TaskOrder!]): [Task!]! }`,
    );
    const tasks = model.queries.get('tasks');
    assert.ok(tasks?.kind === 'list');
    const equals = (column: string) => ({ kind: 'equals', column });
    assert.deepEqual(
      [...tasks.filters].filter(([name]) => name !== 'filter'),
      [
        ['status', equals('status')],
        ['assignee', equals('assignee_id')],
        ['teamId', equals('team_id')],
        ['tag', equals('title')],
      ],
    );
    const filter = tasks.filters.get('filter');
    assert.ok(filter?.kind === 'filter');
    assert.equal(filter.input.name, 'TaskFilter');
    assert.deepEqual(filter.input.fields.get('status'), equals('status'));
    assert.deepEqual(filter.input.fields.get('and'), { kind: 'and' });
    assert.deepEqual(filter.input.fields.get('not'), { kind: 'not' });
    const [assignee, due, labels] = ['assignee', 'due', 'labels'].map((name) => filter.input.fields.get(name));
    assert.ok(assignee?.kind === 'operators' && due?.kind === 'operators' && labels?.kind === 'operators');
    assert.deepEqual([assignee.column, due.column, labels.column], ['assignee_id', 'due_date', 'labels']);
    assert.deepEqual([...labels.operators.values()], ['eq', 'has', 'hasAny', 'hasAll', 'isNull']);
  });

  it('order by columns', async () => {
    const { model } = await compileSdl(
      `${ALL}${FILTER}\ntype Query { tasks(orderBy: [TaskOrder!]): [Task!]! @list(where: "NOT urgent", orderBy: ["dueDate DESC"], limit: 7) }`,
    );
    const tasks = model.queries.get('tasks');
    assert.ok(tasks?.kind === 'list');
    assert.deepEqual(tasks.orderArg, {
      argument: 'orderBy',
      values: new Map([
        ['DUE_DATE_ASC', { column: 'due_date', descending: false }],
        ['TITLE_DESC', { column: 'title', descending: true }],
        ['NEWEST_DESC', { column: 'created_at', descending: true }],
      ]),
    });
    assert.deepEqual(
      [tasks.where, tasks.limit, tasks.join, tasks.orderBy],
      [
        'NOT urgent',
        7,
        { from: [], to: [] },
        [
          { column: 'due_date', descending: true },
          { column: 'id', descending: true },
        ],
      ],
    );
    assert.ok(
      model.entities.get('Task')?.columns.has('created_at'),
      'a column that orders must be selected for cursors',
    );
  });

  it('count with filters', async () => {
    const { model } = await compileSdl(
      `${ALL}${FILTER}\ntype Query { open(status: Status, filter: TaskFilter): Int! @count(of: "Task") }`,
    );
    const open = model.queries.get('open');
    assert.ok(open?.kind === 'count');
    assert.deepEqual([open.target, [...open.filters.keys()]], ['Task', ['status', 'filter']]);
  });
});

describe('mutations', () => {
  const PAYLOAD = 'type PersonPayload { person: Person token: ConsistencyToken! }';

  it('insert, update and delete what their payload shows', async () => {
    const { model } = await compileSdl(`${ALL}\n${PAYLOAD}
      input NewPerson { teamId: ID! email: String! age: Int }
      input PersonChange { email: String nickname: String @column(name: "nick") }
      type Mutation {
        addPerson(input: NewPerson!): PersonPayload! @insert
        changePerson(id: ID!, input: PersonChange!): PersonPayload! @update
        removePerson(email: String!): PersonPayload! @delete
      }`);
    const rest = {
      references: [],
      expectedVersion: null,
      idempotent: false,
      durability: null,
      payload: { entityField: 'person', tokenField: 'token', conflict: null },
    };
    assert.deepEqual(
      [...model.mutations],
      [
        [
          'addPerson',
          {
            kind: 'insert',
            target: 'Person',
            keyArguments: new Map(),
            inputArgument: 'input',
            values: new Map([
              ['teamId', 'team_id'],
              ['email', 'email'],
              ['age', 'age'],
            ]),
            ...rest,
          },
        ],
        [
          'changePerson',
          {
            kind: 'update',
            target: 'Person',
            keyArguments: new Map([['id', 'id']]),
            inputArgument: 'input',
            values: new Map([
              ['email', 'email'],
              ['nickname', 'nick'],
            ]),
            ...rest,
          },
        ],
        [
          'removePerson',
          {
            kind: 'delete',
            target: 'Person',
            keyArguments: new Map([['email', 'email']]),
            inputArgument: null,
            values: new Map(),
            ...rest,
          },
        ],
      ],
    );
  });

  it('take values as plain arguments, of which the key names the row', async () => {
    const { model } = await compileSdl(
      `${ALL}\n${PAYLOAD}\ntype Mutation { age(id: ID!, email: String!, age: Int): PersonPayload @update add(teamId: ID!, email: String!): PersonPayload @insert }`,
    );
    const age = model.mutations.get('age');
    assert.deepEqual(
      [age?.keyArguments, age?.values, age?.inputArgument],
      [
        new Map([['id', 'id']]),
        new Map([
          ['email', 'email'],
          ['age', 'age'],
        ]),
        null,
      ],
    );
    assert.deepEqual(
      model.mutations.get('add')?.values,
      new Map([
        ['teamId', 'team_id'],
        ['email', 'email'],
      ]),
    );
  });

  it('need not set the version of a new row', async () => {
    const sdl =
      'type Doc @entity(version: "version") { id: ID! } type DocPayload { doc: Doc } input NewDoc { title: String! } type Mutation { add(input: NewDoc!): DocPayload @insert }';
    assert.deepEqual(
      await problemsOf(sdl, {
        catalog: sketchCatalog({
          docs: { columns: ['id bigint readonly', 'title text', 'version integer'], primaryKey: ['id'] },
        }),
      }),
      [],
    );
  });

  it('may leave a required column to a trigger', async () => {
    const people = TEAMS.tables.get('public.people');
    assert.ok(people);
    const sdl = `${ALL}\n${PAYLOAD}\ninput NewPerson { email: String! }\ntype Mutation { addPerson(input: NewPerson!): PersonPayload! @insert }`;
    assert.equal((await problemsOf(sdl)).length, 1);
    assert.deepEqual(
      await problemsOf(sdl, {
        catalog: {
          ...TEAMS,
          tables: new Map([...TEAMS.tables, ['public.people', { ...people, fillsOnInsert: true }]]),
        },
      }),
      [],
    );
  });
});

describe('warnings', () => {
  it('name what may not be meant, or will be slow', async () => {
    const sdl = `
      type Team @entity { id: ID! motto: String! }
      type Person @entity(table: "people") { id: ID! assigned: [Task!]! @relation(to: ["assignee_id"]) }
      type Task @entity { id: ID! dueDate: Date! assignee: Person! }
      type Query { team(id: ID!): Team! }`;
    assert.deepEqual(await warningsOf(sdl), [
      'app.graphql:2  Team.motto is non-null, but column "motto" may be null, and such a row would be an error; make the column NOT NULL or declare String',
      'app.graphql:3  Person.assigned reads table tasks by assignee_id, on which it has no index; CREATE INDEX ON tasks (assignee_id)',
      'app.graphql:3  Person.assigned takes no argument first and declares no limit, so that it is an error (LIST_TOO_LONG) where there are more than 200 rows (option maxPageSize); add first: Int, declare with limit: in @list or @relation how many are enough, or return a connection',
      'app.graphql:4  Task.dueDate is non-null, but column "due_date" may be null, and such a row would be an error; make the column NOT NULL or declare Date',
      'app.graphql:4  Task.assignee is non-null, but column "assignee_id" may be null, and such a row would be an error; make the column NOT NULL or declare Person',
      'app.graphql:5  Query.team is non-null, so looking for a row that does not exist is an error; declare Team to answer null',
    ]);
  });
});
