/** Which types are made where the SDL names them and nobody defines them: what each of them holds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileSdl, problemsOf } from '../../support/compile.ts';
import { madeFor } from '../../support/made.ts';

const TEAM = 'type Team @entity @key(fields: "id") { id: ID! name: String! }';
const PERSON =
  'type Person @entity(table: "people", version: "version") @key(fields: "id") { id: ID! email: String! team: Team! age: Int version: Int! }';
const STATUS = 'enum Status { TODO DONE }';
const TASK = `type Task @entity @key(fields: "id") {
  id: ID!
  team: Team!
  assignee: Person @relation(from: ["assignee_id"])
  reviewer: Person @relation(from: ["reviewer_id"])
  title: String!
  "How far it is."
  status: Status! @default
  points: Int
  estimate: Decimal
  labels: [String!]! @default
  dueDate: Date
  extra: JSON
  weight: Float
  urgent: Boolean! @default
  token: UUID! @default
  createdAt: DateTime!
}`;
const ALL = [TEAM, PERSON, STATUS, TASK].join('\n');

describe('types that are made', () => {
  it('are a connection and its edges', () => {
    assert.deepEqual(madeFor(`${ALL}\ntype Query { tasks(first: Int): TaskConnection! }`), {
      TaskConnection: 'edges: [TaskEdge!]!, nodes: [Task!]!, pageInfo: PageInfo!, totalCount: Int!',
      TaskEdge: 'node: Task!, cursor: String!',
    });
  });

  it('are a filter over all columns that can be compared, and over relations by their key', () => {
    const { TaskFilter } = madeFor(`${ALL}\ntype Query { tasks(filter: TaskFilter, first: Int): [Task!]! }`);
    assert.equal(
      TaskFilter,
      'id: IDFilter, team: IDFilter, assignee: IDFilter, reviewer: IDFilter, title: StringFilter, status: [Status!], points: IntFilter, ' +
        'estimate: DecimalFilter, labels: StringListFilter, dueDate: DateFilter, weight: FloatFilter, urgent: BooleanFilter, token: UUIDFilter, ' +
        'createdAt: DateTimeFilter, and: [TaskFilter!], or: [TaskFilter!], not: TaskFilter',
    );
  });

  it('are an order by each column that can be sorted, both ways', () => {
    const { TaskOrder } = madeFor(`${ALL}\ntype Query { tasks(orderBy: [TaskOrder!], first: Int): [Task!]! }`);
    const constants = [
      'ID',
      'TITLE',
      'STATUS',
      'POINTS',
      'ESTIMATE',
      'DUE_DATE',
      'WEIGHT',
      'URGENT',
      'TOKEN',
      'CREATED_AT',
    ];
    assert.equal(TaskOrder, constants.flatMap((name) => [`${name}_ASC`, `${name}_DESC`]).join(' '));
  });

  it('are inputs: what a new row needs, and what may change of one', () => {
    const made = madeFor(
      `${ALL}\ntype Mutation { createTask(input: CreateTaskInput!): CreateTaskPayload! @insert updateTask(id: ID!, input: UpdateTaskInput!): UpdateTaskPayload! @update }`,
    );
    assert.equal(
      made['CreateTaskInput'],
      'teamId: ID!, assigneeId: ID, reviewerId: ID, title: String!, status: Status, points: Int, estimate: Decimal, labels: [String!], ' +
        'dueDate: Date, extra: JSON, weight: Float, urgent: Boolean, token: UUID',
    );
    assert.equal(made['UpdateTaskInput'], made['CreateTaskInput'].replaceAll('!,', ','));
    assert.equal(made['CreateTaskPayload'], 'task: Task, token: ConsistencyToken!');
    assert.equal(made['UpdateTaskPayload'], 'task: Task, token: ConsistencyToken!');
  });

  it('are payloads that tell of a conflict where the mutation asks for a version', () => {
    const made = madeFor(
      `${ALL}\ntype Mutation {
        addPerson(input: AddPersonInput!): AddPersonPayload! @insert
        updatePerson(id: ID!, expectedVersion: Int, input: UpdatePersonInput!): UpdatePersonPayload! @update
        deletePerson(email: String!, expectedVersion: Int): PersonPayload! @delete
      }`,
    );
    assert.deepEqual(made, {
      AddPersonPayload: 'person: Person, token: ConsistencyToken!',
      AddPersonInput: 'email: String!, teamId: ID!, age: Int',
      UpdatePersonPayload: 'person: Person, conflict: PersonConflict, token: ConsistencyToken!',
      UpdatePersonInput: 'email: String, teamId: ID, age: Int',
      PersonPayload: 'person: Person, conflict: PersonConflict, token: ConsistencyToken!',
      PersonConflict: 'reason: ConflictReason!, current: Person, version: Int, fields: [String!]!',
    });
  });

  it('compile as if they were written', async () => {
    const sdl = `${ALL}\ntype Query { tasks(filter: TaskFilter, orderBy: [TaskOrder!], first: Int, after: String): TaskConnection! }
      type Mutation {
        createTask(input: CreateTaskInput!): CreateTaskPayload! @insert
        updateTask(id: ID!, input: UpdateTaskInput!): UpdateTaskPayload! @update
        updatePerson(email: String!, expectedVersion: Int, input: UpdatePersonInput!): UpdatePersonPayload! @update
      }`;
    const { model } = await compileSdl(sdl);
    const tasks = model.queries.get('tasks');
    assert.ok(tasks?.kind === 'connection');
    const filter = tasks.filters.get('filter');
    assert.ok(filter?.kind === 'filter');
    const assignee = filter.input.fields.get('assignee');
    assert.ok(assignee?.kind === 'operators');
    assert.equal(assignee.column, 'assignee_id');
    assert.deepEqual(tasks.orderArg?.values.get('DUE_DATE_DESC'), { column: 'due_date', descending: true });
    assert.equal(model.mutations.get('createTask')?.values.get('reviewerId'), 'reviewer_id');
    assert.deepEqual(
      [...(model.mutations.get('updatePerson')?.values ?? [])],
      [
        ['teamId', 'team_id'],
        ['age', 'age'],
      ],
    );
    assert.equal(model.mutations.get('updatePerson')?.payload.conflict?.version, 'version');
    assert.deepEqual(await problemsOf(sdl), []);
  });
});
