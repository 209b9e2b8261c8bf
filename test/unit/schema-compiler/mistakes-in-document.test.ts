/** Mistakes in the SDL itself: each is named with its place and its fix. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf } from '../../support/compile.ts';

describe('compiling an SDL with mistakes of its own', () => {
  it('reports a syntax error, with its line', async () => {
    const sdl = `
      type Team {
        id: ID!
        name String
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:4  Syntax Error: Expected ":", found Name "String"; correct the SDL there',
    ]);
  });

  it('reports an unknown type', async () => {
    const sdl = `
      type Team @entity {
        id: ID!
        owner: Persn
      }`;
    assert.deepEqual(await problemsOf(sdl), ['app.graphql:4  Unknown type "Persn"; correct the SDL there']);
  });

  it('reports an unknown directive', async () => {
    const sdl = 'type Team @entty { id: ID! }';
    assert.deepEqual(await problemsOf(sdl), ['app.graphql:1  Unknown directive "@entty"; correct the SDL there']);
  });

  it('reports an unknown argument of a directive', async () => {
    const sdl = 'type Team @entity(tabel: "x") { id: ID! }';
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:1  Unknown argument "tabel" on directive "@entity". Did you mean "table"? Correct the SDL there',
    ]);
  });

  it('reports an operation within the schema', async () => {
    const sdl = 'query { teams }';
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:1  this is an operation, not a part of a schema; keep operations out of the schema folder',
    ]);
  });

  it('reports a type that is defined twice', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Team { motto: String }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:2  There can be only one type named "Team"; correct the SDL there',
    ]);
  });

  it('reports an interface that is not implemented fully', async () => {
    const sdl = `
      interface Node { id: ID! }
      type X implements Node { x: Int }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:2  Interface field Node.id expected but X does not provide it; correct the SDL there',
    ]);
  });

  it('reports all mistakes at once, with those of the catalog, where the document can be read', async () => {
    const sdl = `
      interface Node { id: ID! }
      type Team implements Node @entity(tabel: "x") { id: String! name: Strng2 motto: Int }
      scalar Strng2
      type Person @entity(table: "people", version: 7) { id: ID! nik: String reviews: [Task!]! @relation(to: ["reviewer_id"]) }
      type Task @entity { id: ID! assignee: Person titel: String }
      type Query { tasks: [Task!]! @list(limit: "ten") }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:2  Interface field Node.id expects type ID! but Team.id is type String!; correct the SDL there',
      'app.graphql:3  Unknown argument "tabel" on directive "@entity". Did you mean "table"? Correct the SDL there',
      'app.graphql:3  Team.id: column "id" is bigint, which does not fit String; declare it ID',
      'app.graphql:3  Team.motto: column "motto" is text, which does not fit Int; declare it String',
      'app.graphql:5  @entity(version: 7) must be String; correct the SDL there',
      'app.graphql:5  Person.nik maps to column "nik", which table people does not have; did you mean "nick"? Name it with @column(name:)',
      'app.graphql:6  Task.titel maps to column "titel", which table tasks does not have; did you mean "title"? Name it with @column(name:)',
      'app.graphql:7  @list(limit: "ten") must be Int; correct the SDL there',
    ]);
  });

  it('reports a directive where it has no effect', async () => {
    const sdl = `
      type Task @entity { id: ID! title: String! @relation(from: ["title"]) }
      type Team @entity {
        id: ID!
        tasks: [Task!]! @column(name: "id")
        all: [Task!]! @list(limit: 3)
        n: Int! @count(of: "Task") @insert
      }
      type Plain { x: Int @column(name: "id") }
      type Query { team(id: ID!): Team @delete }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:2  Task.title is a column, where @relation has no meaning; use @column, or remove it',
      'app.graphql:5  Team.tasks is a relation, where @column has no meaning; use @relation, or remove it',
      'app.graphql:6  Team.all is a relation, where @list has no meaning; use @relation, or remove it',
      'app.graphql:7  Team.n is a count, where @insert has no meaning; use @count, or remove it',
      'app.graphql:9  Plain.x is no field of an @entity, where @column has no meaning; remove it',
      'app.graphql:10  Query.team is a field of Query, where @delete has no meaning; use @list or @count, or remove it',
    ]);
  });
});
