/** Mistakes in relations: each is named with its place and its fix. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf } from '../../support/compile.ts';

describe('compiling a schema with mistakes in relations', () => {
  it('reports a to-one relation without a foreign key', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Log @entity { id: ID! team: Team }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Log.team has no foreign key from audit.log to teams to follow; add one, or name the columns with @relation(from: [...], to: [...])',
    ]);
  });

  it('reports a to-many relation without a foreign key', async () => {
    const sdl = `
      type Log @entity { id: ID! }
      type Team @entity { id: ID! logs: [Log!]! lines: Int! @count(of: "Log") }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Team.logs has no foreign key from audit.log to teams to follow; add one, or name the columns with @relation(from: [...], to: [...])',
      'app.graphql:3  Team.lines has no foreign key from audit.log to teams to follow; add one, or name the columns with @count(from: [...], to: [...])',
    ]);
  });

  it('reports a to-one relation with two foreign keys', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Person @entity(table: "people") { id: ID! email: String! team: Team }
      type Task @entity { id: ID! person: Person }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:4  Task.person could follow 2 foreign keys between tasks and people; choose one: @relation(from: ["assignee_id"]) or @relation(from: ["reviewer_id"])',
    ]);
  });

  it('reports a to-many relation with two foreign keys', async () => {
    const sdl = `
      type Person @entity(table: "people") {
        id: ID!
        tasks: [Task!]!
        taskCount: Int! @count(of: "Task")
      }
      type Task @entity { id: ID! title: String! }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:4  Person.tasks could follow 2 foreign keys between people and tasks; choose one: @relation(to: ["assignee_id"]) or @relation(to: ["reviewer_id"])',
      'app.graphql:5  Person.taskCount could follow 2 foreign keys between people and tasks; choose one: @count(to: ["assignee_id"]) or @count(to: ["reviewer_id"])',
    ]);
  });

  it('reports columns that do not exist', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Task @entity { id: ID! team: Team @relation(from: ["tem_id"]) }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Task.team names column "tem_id", which table tasks does not have; did you mean "team_id"?',
    ]);
  });

  it('reports sides of different length', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Task @entity { id: ID! team: Team @relation(from: ["team_id", "title"]) }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Task.team joins 2 columns (team_id, title) with 1 (id); name as many on either side',
    ]);
  });

  it('reports columns that cannot be compared', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Task @entity { id: ID! team: Team @relation(from: ["title"]) }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Task.team joins "title" (text) with "id" (bigint), which do not compare; join columns of one type',
    ]);
  });

  it('reports a missing side', async () => {
    const sdl = `
      type Person @entity(table: "people") { id: ID! tasks: [Task!]! @relation(from: ["id"]) }
      type Task @entity { id: ID! title: String! }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:2  Person.tasks says only one side of its relation; add to: [...] to @relation',
    ]);
  });

  it('reports a to-one relation that may match several rows', async () => {
    const sdl = `
      type Task @entity { id: ID! title: String! }
      type Person @entity(table: "people") { id: ID! task: Task @relation(from: ["id"], to: ["assignee_id"]) }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Person.task may match several rows: table tasks has no unique key over assignee_id; add one, or return a list',
    ]);
  });

  it('reports conditions on a to-one relation', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Task @entity { id: ID! team: Team @relation(where: "true", limit: 3) }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Task.team leads to one Team, so where, orderBy and limit have no meaning there; remove them',
    ]);
  });

  it('reports orders that are not valid', async () => {
    const sdl = `
      type Task @entity { id: ID! title: String! }
      type Team @entity { id: ID! tasks: [Task!]! @relation(orderBy: ["created DESC", "a b c"]) }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Team.tasks is ordered by "created DESC", which is no column of tasks; did you mean "created_at"?',
      'app.graphql:3  Team.tasks is ordered by "a b c", which is no column of tasks; name a column, in double quotes where its name is odd ("\\"due date\\" DESC"), or the field that shows it, with an optional " DESC"',
    ]);
  });

  it('reports a limit of no rows', async () => {
    const sdl = `
      type Task @entity { id: ID! title: String! }
      type Team @entity { id: ID! tasks: [Task!]! @relation(limit: 0) }`;
    assert.deepEqual(await problemsOf(sdl), ['app.graphql:3  Team.tasks has a limit of 0; give at least 1']);
  });

  it('reports counts of unknown fields, and counts that are no numbers', async () => {
    const sdl = `
      type Task @entity { id: ID! title: String! }
      type Team @entity {
        id: ID!
        n: String @count(of: "Task")
        m: Int! @count(of: "Tusk")
        o(first: Int): Int! @count(of: "Task")
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:5  Team.n counts rows and must be Int!, not String',
      'app.graphql:6  Team.m counts "Tusk", which is no @entity; did you mean "Task"?',
      'app.graphql:7  Team.o(first:) has no meaning on a count; remove it',
    ]);
  });
});
