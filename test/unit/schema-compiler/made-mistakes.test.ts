/** Types that are made in part, names that have two meanings, and what is said where a type cannot be made. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileSdl, problemsOf, warningsOf } from '../../support/compile.ts';
import { sketchCatalog } from '../../support/catalog.ts';
import { madeFor } from '../../support/made.ts';

const TEAM = 'type Team @entity @key(fields: "id") { id: ID! name: String! }';
const TASK = 'type Task @entity @key(fields: "id") { id: ID! team: Team! title: String! }';
const BOTH = `${TEAM}\n${TASK}`;
const query = (fields: string): string => `\ntype Query { ${fields} }`;
const mutation = (fields: string): string => `\ntype Mutation { ${fields} }`;
const MADE = /of an @entity Task, TaskConnection and TaskEdge are made as types of fields/i;

describe('what is extended', () => {
  it('has the fields of the extension, and the made ones beside them', async () => {
    const sdl = `${BOTH}${query('tasks(filter: TaskFilter, orderBy: TaskOrder, first: Int): [Task!]!')}
      extend input TaskFilter { title: [String!] due: DateFilter @column(name: "due_date") }
      extend enum TaskOrder { NEWEST_DESC @column(name: "created_at") }`;
    assert.deepEqual(madeFor(sdl), {
      TaskFilter: 'id: IDFilter, team: IDFilter, and: [TaskFilter!], or: [TaskFilter!], not: TaskFilter',
      TaskOrder: 'ID_ASC ID_DESC TITLE_ASC TITLE_DESC',
    });
    const tasks = (await compileSdl(sdl)).model.queries.get('tasks');
    assert.ok(tasks?.kind === 'list');
    assert.deepEqual(tasks.orderArg?.values.get('NEWEST_DESC'), { column: 'created_at', descending: true });
    const filter = tasks.filters.get('filter');
    assert.ok(filter?.kind === 'filter');
    assert.deepEqual([...filter.input.fields.keys()].sort(), ['and', 'due', 'id', 'not', 'or', 'team', 'title']);
    assert.equal(filter.input.fields.get('title')?.kind, 'equals');
  });

  it('may be an input whose key the database does not give, or a payload and a connection', async () => {
    const sdl = `${BOTH}${query('teams: TeamConnection!')}${mutation('createTeam(input: CreateTeamInput!): CreateTeamPayload! @insert')}
      extend input CreateTeamInput { id: ID! }
      extend type CreateTeamPayload { team: Team! }
      extend type TeamConnection { totalCount: Int }`;
    const made = madeFor(sdl);
    assert.equal(made['CreateTeamInput'], 'name: String!');
    assert.equal(made['CreateTeamPayload'], 'token: ConsistencyToken!');
    assert.equal(made['TeamConnection'], 'edges: [TeamEdge!]!, nodes: [Team!]!, pageInfo: PageInfo!');
  });
});

describe('what is written', () => {
  it('is taken as it is, with fewer fields, and its edges are made', () => {
    const sdl = `${BOTH}${query('tasks(first: Int): TaskConnection!')}\ntype TaskConnection { edges: [TaskEdge!]! }`;
    assert.deepEqual(madeFor(sdl), { TaskEdge: 'node: Task!, cursor: String!' });
  });

  it('asks for what it names: a payload its conflict, an input of its own nothing', () => {
    const sdl = `type Person @entity(table: "people", version: "version") @key(fields: "id") { id: ID! email: String! }
      ${mutation('updatePerson(id: ID!, input: PersonChange!): PersonAnswer! @update')}
      input PersonChange { email: String expectedVersion: Int }
      type PersonAnswer { person: Person conflict: PersonConflict }`;
    // No field shows the version.
    assert.deepEqual(madeFor(sdl), { PersonConflict: 'reason: ConflictReason!, current: Person, fields: [String!]!' });
  });
});

describe('what is left out', () => {
  it('by @omit is in no made type, or not in those that are named', () => {
    const sdl = `${TEAM}
      type Task @entity @key(fields: "id") { id: ID! team: Team! @omit(from: [CREATE, UPDATE]) title: String! full: String! @omit points: Int @omit(from: ORDER) }
      ${query('tasks(filter: TaskFilter, orderBy: [TaskOrder!], first: Int): [Task!]!')}
      ${mutation('createTask(input: CreateTaskInput!): TaskPayload! @insert updateTask(id: ID!, input: UpdateTaskInput!): TaskPayload! @update')}`;
    assert.deepEqual(madeFor(sdl), {
      TaskFilter:
        'id: IDFilter, team: IDFilter, title: StringFilter, points: IntFilter, and: [TaskFilter!], or: [TaskFilter!], not: TaskFilter',
      TaskOrder: 'ID_ASC ID_DESC TITLE_ASC TITLE_DESC',
      TaskPayload: 'task: Task, token: ConsistencyToken!',
      CreateTaskInput: 'title: String!, points: Int',
      UpdateTaskInput: 'title: String, points: Int',
    });
  });

  it('is what no client gives: the tenant, the version, what the database keeps, and what names the row', () => {
    const sdl = `${TEAM}
      type Person @entity(table: "people", version: "version") @tenant(column: "team_id") @key(fields: "id") {
        id: ID! email: String! nick: String team: Team! version: Int! createdAt: DateTime! updatedAt: DateTime!
      }
      ${mutation('addPerson(input: PersonInput!): PersonPayload! @insert updatePerson(email: String!, input: PersonUpdateInput!): PersonPayload! @update')}`;
    // The name has to end with the entity's.
    assert.throws(() => madeFor(sdl), /Unknown type "PersonUpdateInput".*no @entity goes by such a name/i);
    const made = madeFor(sdl.replaceAll('PersonUpdateInput', 'ChangePersonInput'));
    assert.equal(made['PersonInput'], 'email: String!, nick: String');
    assert.equal(made['ChangePersonInput'], 'nick: String');
  });

  it('is what the row does not hold: counts, lists, objects, other columns’ rows, and what others own', () => {
    const sdl = `type Person @entity(table: "people") @key(fields: "id") {
        id: ID! tasks(first: Int): [Task!]! @relation(to: ["assignee_id"]) open: Int! @count(of: "Task") desk: Desk @relation(to: ["person_id"])
        rank: Int @external size: Size @embedded nick: String
      }
      type Size { width: Int }
      type Desk @entity @key(fields: "room") { room: String! person: Person! }
      ${TASK}\n${TEAM}
      ${query('people(filter: PersonFilter, orderBy: [PersonOrder!]): PersonConnection!')}`;
    const made = madeFor(sdl);
    assert.equal(
      made['PersonFilter'],
      'id: IDFilter, nick: StringFilter, and: [PersonFilter!], or: [PersonFilter!], not: PersonFilter',
    );
    assert.equal(made['PersonOrder'], 'ID_ASC ID_DESC NICK_ASC NICK_DESC');
  });
});

describe('names of two meanings', () => {
  it('of a column called like what combines conditions: those keep the name, and a warning says so', async () => {
    const catalog = sketchCatalog({
      gates: { columns: ['id bigint readonly', 'and text null', 'x text'], primaryKey: ['id'] },
    });
    const sdl = `type Gate @entity @key(fields: "id") { id: ID! and: String x: String! }${query('gates(filter: GateFilter): GateConnection!')}`;
    assert.equal(
      madeFor(sdl)['GateFilter'],
      'id: IDFilter, x: StringFilter, and: [GateFilter!], or: [GateFilter!], not: GateFilter',
    );
    assert.match(
      (await warningsOf(sdl, { catalog })).join(),
      /GateFilter, which Query\.gates names, has no condition on Gate\.and, since `and` combines conditions there/,
    );
    assert.deepEqual(
      await warningsOf(sdl.replace('and: String', 'and: String @omit(from: [FILTER])'), { catalog }),
      [],
    );
  });

  it('of an entity called Page or Token are kept apart', () => {
    const page = `type Page @entity @key(fields: "id") { id: ID! text: String! }${query('pages(filter: PageFilter): PageConnection!')}`;
    assert.deepEqual(Object.keys(madeFor(page)), ['PageConnection', 'PageFilter', 'PageEdge']);
    const token = `type Token @entity @key(fields: "id") { id: ID! }${query('a: Int')}${mutation('addToken(text: String!): AddTokenPayload! @insert')}`;
    assert.throws(
      () => madeFor(token),
      /Unknown type "AddTokenPayload".*its field `token` would have two meanings; define it/,
    );
  });

  it('of entities called like the edge or the connection of another are not taken for these', () => {
    const edge = `${BOTH}\ntype TaskEdge @entity { id: ID! node: Int }${query('tasks(first: Int): TaskConnection!')}`;
    assert.throws(
      () => madeFor(edge),
      /Unknown type "TaskConnection".*it cannot be made, since its TaskEdge is defined at app\.graphql:3 and has another meaning there; define TaskConnection, too/,
    );
    const connection = `${BOTH}\ntype TaskConnection @entity @key(fields: "id") { id: ID! }${query('all: TaskConnectionConnection! one(id: ID!): TaskConnection')}`;
    assert.deepEqual(Object.keys(madeFor(connection)), ['TaskConnectionConnection', 'TaskConnectionEdge']);
  });

  it('of two entities that a name could end with mean the longer one, or the one that the directive names', () => {
    const sdl = `${BOTH}\ntype TeamTask @entity(table: "tasks") @key(fields: "id") { id: ID! points: Int }`;
    const made = madeFor(
      `${sdl}${mutation('a(input: AddTeamTaskInput!): AddTeamTaskPayload! @insert b(input: BigTeamTaskInput!): BigTeamTaskPayload! @insert(entity: "Task")')}`,
    );
    assert.deepEqual(made, {
      AddTeamTaskPayload: 'teamTask: TeamTask, token: ConsistencyToken!',
      AddTeamTaskInput: 'points: Int',
      BigTeamTaskPayload: 'task: Task, token: ConsistencyToken!',
      BigTeamTaskInput: 'teamId: ID!, title: String!',
    });
  });
});

describe('what cannot be made', () => {
  it('is told of all at once, each with its place and what could be made', async () => {
    const found = await problemsOf(`${BOTH}
type Query {
  a: DeskConnection
  b(filter: [DeskFilter!]): Int
  c: TaskFilter
  d: TaskList
  e(input: CreateTaskInput): Int
}
type Mutation {
  f(input: TaskInput!): TaskPayload! @insert
  g(id: ID!, input: TaskInput!): TaskPayload! @update
}
type Desk { room: String }`);
    assert.deepEqual(
      found.map((problem) => /^app\.graphql:(\d+) {2}Unknown type "(\w+)"/.exec(problem)?.slice(1).join(' ')),
      [
        '4 DeskConnection',
        '5 DeskFilter',
        '6 TaskFilter',
        '7 TaskList',
        '8 CreateTaskInput',
        '11 TaskInput',
        '12 TaskInput',
      ],
    );
    assert.match(found[0] ?? '', /no @entity goes by such a name/);
    assert.match(found[2] ?? '', /it is made only where it is named as the type of an argument of a field/);
    assert.match(found[4] ?? '', /it is made only where an argument of a mutation with @insert or @update names it/);
    assert.match(
      found[5] ?? '',
      /an @insert and an @update name it, which take different fields; name two, such as CreateTaskInput and UpdateTaskInput/,
    );
    for (const at of [0, 1, 2, 3, 4]) assert.match(found[at] ?? '', MADE);
  });

  it('says nothing of made types where a name is only mistyped', async () => {
    assert.deepEqual(await problemsOf(`${BOTH}${query('a: Strng')}`), [
      'app.graphql:3  Unknown type "Strng". Did you mean "String"? Correct the SDL there',
    ]);
  });

  it('says of a made field what to do where the table does not have it, at the place that names the type', async () => {
    const sdl = `${TEAM}
type Task @entity @key(fields: "id") { id: ID! team: Team! title: String! full: String! address: String }
type Query { tasks(filter: TaskFilter, first: Int): [Task!]! }`;
    const found = await problemsOf(sdl, { resolvers: { Task: { full: () => '' } } });
    assert.equal(found.length, 2);
    assert.match(
      found[0] ?? '',
      /^app\.graphql:3 {2}TaskFilter\.full maps to column "full", which table tasks does not have; .* \(TaskFilter is made, and has this from Task\.full: leave it out by @omit\(from: \[FILTER\]\) on Task\.full, give it otherwise in `extend input TaskFilter`, or define TaskFilter whole\)$/,
    );
    assert.match(
      found[1] ?? '',
      /TaskFilter\.address: StringFilter\.contains does not apply, since column "address" is inet, not text \(TaskFilter is made/,
    );
  });

  it('says what an input must not leave out, and what the database alone writes', async () => {
    const sdl = `${TEAM}\ntype Task @entity @key(fields: "id") { id: ID! title: String! }
      ${mutation('createTask(input: CreateTaskInput!): CreateTaskPayload! @insert createTeam(input: CreateTeamInput!): CreateTeamPayload! @insert')}`;
    const found = (await problemsOf(sdl)).join('\n');
    assert.match(found, /Mutation\.createTask leaves out column "team_id", which is NOT NULL without a default/);
    const log = `type Log @entity @key(fields: "number") { number: ID! @column(name: "id") line: String! }${mutation('log(input: LogInput!): LogPayload! @insert')}`;
    assert.match(
      (await problemsOf(log)).join('\n'),
      /LogInput\.number: column "id" is written by the database alone; remove the field \(LogInput is made, and has this from Log\.number: leave it out by @omit\(from: \[CREATE\]\)/,
    );
  });

  it('notices a default of the table that the SDL does not speak of', async () => {
    const sdl = `${TEAM}\nenum Status { TODO DONE }\ntype Task @entity @key(fields: "id") { id: ID! team: Team! title: String! status: Status! }
      ${mutation('createTask(input: CreateTaskInput!): CreateTaskPayload! @insert')}`;
    const notices = async (text: string): Promise<readonly string[]> =>
      (await compileSdl(text)).notices.map(({ message }) => message).filter((message) => message.includes('@default'));
    assert.deepEqual(await notices(sdl), [
      'CreateTaskInput.status must be given, although column "status" has a default; say @default on the field of Task that shows it, and clients may leave it out',
    ]);
    assert.deepEqual(await notices(sdl.replace('status: Status!', 'status: Status! @default')), []);
  });

  it('finds @omit and @default where they mean nothing', async () => {
    const found = await problemsOf(`${BOTH}
type Query { team(id: ID!): Team @omit }
extend type Team { tasks(first: Int): [Task!]! @default }`);
    assert.deepEqual(found, [
      'app.graphql:3  Query.team is no column and no relation to one entity, so no type that is made has it, and @omit has no meaning there; remove it',
      'app.graphql:4  Team.tasks is no column and no relation to one entity, so no type that is made has it, and @default has no meaning there; remove it',
    ]);
  });
});
