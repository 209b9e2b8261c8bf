/** Mistakes in columns and their types: each is named with its place and its fix. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf } from '../../support/compile.ts';

describe('compiling a schema with mistakes in columns and their types', () => {
  it('reports columns that do not exist', async () => {
    const sdl = `
      type Task @entity {
        id: ID!
        assigne: ID
        ttle: String
        zzz: String
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:4  Task.assigne maps to column "assigne", which table tasks does not have; did you mean "assignee_id"? Name it with @column(name:)',
      'app.graphql:5  Task.ttle maps to column "ttle", which table tasks does not have; did you mean "title"? Name it with @column(name:)',
      'app.graphql:6  Task.zzz maps to column "zzz", which table tasks does not have; name it with @column(name:)',
    ]);
  });

  it('reports a column that @column misspells', async () => {
    const sdl = `
      type Task @entity {
        id: ID!
        assignee: ID @column(name: "asignee_id")
        other: ID @column(name: "zzz")
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:4  Task.assignee maps to column "asignee_id", which table tasks does not have; did you mean "assignee_id"?',
      'app.graphql:5  Task.other maps to column "zzz", which table tasks does not have; correct the name',
    ]);
  });

  it('reports types that do not fit', async () => {
    const sdl = `
      type Task @entity {
        id: Int!
        estimate: Float
        labels: String
        title: [String]
        urgent: Int
        points: DateTime
        token: Boolean
        address: Int
        dueDate: String
        createdAt: Date
        weight: Decimal
        status: Int
        extra: String
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Task.id: column "id" is bigint, which does not fit Int; declare it ID',
      'app.graphql:4  Task.estimate: column "estimate" is numeric, which does not fit Float; declare it Decimal',
      'app.graphql:5  Task.labels: column "labels" is text[], an array; declare it [String!]',
      'app.graphql:6  Task.title: column "title" is text, not an array; declare it String',
      'app.graphql:7  Task.urgent: column "urgent" is boolean, which does not fit Int; declare it Boolean',
      'app.graphql:8  Task.points: column "points" is integer, which does not fit DateTime; declare it Int',
      'app.graphql:9  Task.token: column "token" is uuid, which does not fit Boolean; declare it UUID',
      'app.graphql:10  Task.address: column "address" is inet, which does not fit Int; declare it String',
      'app.graphql:11  Task.dueDate: column "due_date" is date, which does not fit String; declare it Date',
      'app.graphql:12  Task.createdAt: column "created_at" is timestamptz, which does not fit Date; declare it DateTime',
      'app.graphql:13  Task.weight: column "weight" is double precision, which does not fit Decimal; declare it Float',
      'app.graphql:14  Task.status: column "status" is public.status, which does not fit Int; declare it an enum of its labels (TODO, DONE)',
      'app.graphql:15  Task.extra: column "extra" is jsonb, which does not fit String; declare it JSON',
    ]);
  });

  it('reports a type that GraphQL cannot carry', async () => {
    const sdl = 'type Person @entity(table: "people") { id: ID! photo: String }';
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:1  Person.photo: column "photo" is bytea, which no type of GraphQL carries; leave it out or write a resolver',
    ]);
  });

  it('reports an enum with a value that the database lacks', async () => {
    const sdl = `
      enum Status { TODO FINISHED }
      type Task @entity { id: ID! status: Status! }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Task.status: Status.FINISHED is no label of public.status (TODO, DONE); name the label with @column(name:) on the value',
    ]);
  });

  it('reports an enum that lacks a label', async () => {
    const sdl = `
      enum Status { TODO }
      type Task @entity { id: ID! status: Status! }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Task.status: Status lacks the label "DONE" of public.status; add a value for it',
    ]);
  });

  it('reports an enum for a column of numbers, and a list of one', async () => {
    const sdl = `
      enum Status { TODO DONE }
      type Task @entity {
        id: ID!
        points: Status
        status: [Status!]!
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:5  Task.points: column "points" is integer, which does not fit the enum Status; declare it Int',
      'app.graphql:6  Task.status: column "status" is public.status, not an array; declare it Status',
    ]);
  });

  it('reports an object that is no entity', async () => {
    const sdl = `
      type Extra { a: Int }
      type Task @entity { id: ID! extra: Extra }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Task.extra returns Extra, which is no @entity; map Extra with @entity, make it of columns of this row with @embedded, or write a resolver for Task.extra',
    ]);
  });

  it('reports an interface and a union', async () => {
    const sdl = `
      interface Thing { id: ID! }
      union Either = Team | Task
      type Task @entity { id: ID! thing: Thing either: Either }
      type Team @entity @key(fields: "id") { id: ID! name: String! }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:4  Task.thing returns Thing, which is an interface; write a resolver for Task.thing',
      'app.graphql:4  Task.either returns Either, which is a union; write a resolver for Task.either',
    ]);
  });

  it('reports arguments on a column and on a to-one relation', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Task @entity {
        id: ID!
        title(upper: Boolean): String
        team(old: Boolean): Team
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:5  Task.title takes arguments, which a column has no use for; remove them or write a resolver',
      'app.graphql:6  Task.team takes arguments, which a relation to one entity has no use for; remove them or write a resolver',
    ]);
  });
});
