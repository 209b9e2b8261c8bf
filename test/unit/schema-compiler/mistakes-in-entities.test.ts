/** Mistakes in entities, their tables and keys: each is named with its place and its fix. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf } from '../../support/compile.ts';

describe('compiling a schema with mistakes in entities, their tables and keys', () => {
  it('reports a table that does not exist, when its name follows from the type', async () => {
    const sdl = 'type Tem @entity { id: ID! }';
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:1  Tem maps to table "tems" or "tem", which none of the schemas public, audit has; did you mean "teams"? Name it with @entity(table: "teams")',
    ]);
  });

  it('reports a table that does not exist, when it is named', async () => {
    const sdl = 'type Team @entity(table: "taems") { id: ID! }';
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:1  Team maps to table "taems", which none of the schemas public, audit has; did you mean "teams"?',
    ]);
  });

  it('reports a table of which no other table has a similar name', async () => {
    const sdl = `
      type Xylophone @entity { id: ID! }
      type Zither @entity(table: "zither") { id: ID! }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:2  Xylophone maps to table "xylophones" or "xylophone", which none of the schemas public, audit has; create it or name another with @entity(table:)',
      'app.graphql:3  Zither maps to table "zither", which none of the schemas public, audit has; create it or correct the name',
    ]);
  });

  it('reports a table of another schema', async () => {
    const sdl = 'type Log @entity(table: "log", schema: "public") { id: ID! }';
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:1  Log maps to table "log", which schema public does not have; schema audit has one of that name',
    ]);
  });

  it('reports a table without any key', async () => {
    const sdl = 'type Note @entity { text: String }';
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:1  Note maps to table notes, which has neither a primary key nor a unique key over NOT NULL columns; add one',
    ]);
  });

  it('reports a view without @key', async () => {
    const sdl = 'type TeamLoad @entity(table: "team_load") { teamId: ID! openTasks: BigInt }';
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:1  TeamLoad shows view team_load, which has no primary key of its own; say with @key(fields:) which fields tell its rows apart',
    ]);
  });

  it('reports a version that is no column, no number, or may be null', async () => {
    const sdl = `
      type Team @entity(version: "nmae") { id: ID! }
      type Person @entity(table: "people", version: "email") { id: ID! }
      type Task @entity(version: "points") { id: ID! }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:2  Team counts its version in column "nmae", which table teams does not have; did you mean "name"?',
      'app.graphql:3  Person counts its version in column "email", which is text; use an integer or bigint column that is NOT NULL',
      'app.graphql:4  Task counts its version in column "points", which is integer and may be null; use an integer or bigint column that is NOT NULL',
    ]);
  });

  it('reports keys that name nothing, are not unique, nest, or show no column', async () => {
    const sdl = `
      type Person @entity(table: "people")
        @key(fields: "emial")
        @key(fields: "age")
        @key(fields: "team { id }")
        @key(fields: "team") {
        id: ID!
        age: Int
        email: String!
        team: Team
      }
      type Team @entity @key(fields: "id") { id: ID! name: String! }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  @key(fields: "emial") of Person names "emial", which is no field of Person; did you mean "email"?',
      'app.graphql:4  @key(fields: "age") of Person is not unique: table people has no unique key over age; add one or choose another key',
      'app.graphql:5  @key(fields: "team { id }") of Person is not unique: table people has no unique key over team_id; add one or choose another key',
      'app.graphql:6  @key(fields: "team") of Person names "team", which is an object; say in braces which of its fields are meant',
    ]);
  });
});
