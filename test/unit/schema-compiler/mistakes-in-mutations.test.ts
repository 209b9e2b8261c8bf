/** Mistakes in mutations: each is named with its place and its fix. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileSdl, problemsOf } from '../../support/compile.ts';

describe('compiling a schema with mistakes in mutations', () => {
  it('reports a mutation with nothing that serves it, or with two directives', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Pay { team: Team token: ConsistencyToken! }
      input I { name: String! }
      type Mutation {
        none(id: ID!): Pay!
        both(input: I!): Pay! @insert @update
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:6  Mutation.none has nothing behind it; add @insert, @update or @delete, or write a resolver',
      'app.graphql:7  Mutation.both carries @insert and @update; keep one',
    ]);
  });

  it('reports payloads that cannot be filled', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Task @entity { id: ID! title: String! }
      type Pay { team: Team token: ConsistencyToken! }
      input I { name: String! }
      type Bare { token: ConsistencyToken! }
      type Mixed { team: Team task: Task }
      type Extra {
        team: Team
        ok: Boolean!
      }
      type Mutation {
        entity(input: I!): Team! @insert
        bare(input: I!): Bare @insert
        mixed(input: I!): Mixed @insert
        extra(input: I!): Extra @insert
        misspelt(input: I!): Pay @insert(entity: "Tem")
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:10  Extra.ok is neither the Team that Mutation.extra writes nor its ConsistencyToken, nor of a type that tells of a conflict (with reason: ConflictReason!); remove it or write a resolver',
      'app.graphql:13  Mutation.entity must return a payload type, with a field for the entity and `token: ConsistencyToken!`, not Team!',
      'app.graphql:14  Mutation.bare does not say what it writes: Bare shows no entity; name it with @insert(entity:)',
      'app.graphql:15  Mutation.mixed does not say what it writes: Mixed shows Team and Task; name it with @insert(entity:)',
      'app.graphql:17  Mutation.misspelt writes "Tem", which is no @entity; did you mean "Team"?',
    ]);
  });

  it('reports inputs that cannot be used', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Pay { team: Team token: ConsistencyToken! }
      input I { name: String! }
      type Mutation {
        optional(input: I): Pay @insert
        two(a: I!, b: I!): Pay @insert
        many(input: [I!]!): Pay @insert
        removed(id: ID!, input: I!): Pay @delete
        nothing(id: ID!): Pay @update
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:6  Mutation.optional(input:) may be left out; declare it I!',
      'app.graphql:7  Mutation.two takes 2 input objects; keep one',
      'app.graphql:8  Mutation.many(input:) is a list; write one row with each field, or write a resolver',
      'app.graphql:9  Mutation.removed(input:) has no meaning on a delete; name the row with plain arguments',
      'app.graphql:10  Mutation.nothing changes nothing; give it an input object with the fields to change',
    ]);
  });

  it('reports values that cannot be written', async () => {
    const sdl = `
      type Person @entity(table: "people", version: "version") { id: ID! email: String! team: Team }
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type PP { person: Person }
      input PI {
        id: ID
        version: Int
        email: String
        mail: String @column(name: "email")
        age: String
        nobody: Int
      }
      type Mutation { update(id: ID!, input: PI!): PP @update(entity: "Person") }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:6  PI.id: column "id" is written by the database alone; remove the field',
      'app.graphql:7  PI.version: column "version" is the version, which Meridian counts; remove the field',
      'app.graphql:9  PI.mail sets column "email" a second time; remove one of the two',
      'app.graphql:10  PI.age: column "age" is integer, which does not fit String; declare it Int',
      'app.graphql:11  PI.nobody maps to column "nobody", which table people does not have; name it with @column(name:)',
    ]);
  });

  it('reports a key that is also set', async () => {
    const sdl = `
      type Person @entity(table: "people") { id: ID! email: String! team: Team }
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type PP { person: Person }
      input PI { email: String! }
      type Mutation { update(email: String!, input: PI!): PP @update(entity: "Person") }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:5  PI.email sets column "email", by which Mutation.update names its row; remove one of the two',
    ]);
  });

  it('reports rows that are not named by a unique key', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Pay { team: Team token: ConsistencyToken! }
      input I { name: String! }
      type Mutation {
        byMotto(motto: String!): Pay @delete
        unnamed(input: I!): Pay @update
        optional(id: ID): Pay @delete
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:6  Mutation.byMotto removes one Team but names its row by motto, which is not unique in table teams; use a unique key (id; name)',
      'app.graphql:7  Mutation.unnamed changes one Team but takes no argument that names the row; use a unique key (id; name)',
      'app.graphql:8  Mutation.optional(id:) may be left out, and then nothing says which Team is meant; declare it ID!',
    ]);
  });

  it('reports inserts that leave out a required column', async () => {
    const sdl = `
      type Person @entity(table: "people") { id: ID! email: String! team: Team }
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type PP { person: Person }
      input PI { email: String }
      type Mutation {
        add(input: PI!): PP @insert(entity: "Person")
        plain(teamId: ID!): PP @insert(entity: "Person")
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:7  Mutation.add leaves out column "team_id", which is NOT NULL without a default in table people; add an input field for it, or give the column a default',
      'app.graphql:7  Mutation.add may leave out column "email", which is NOT NULL without a default in table people; make the input field non-null, or give the column a default',
      'app.graphql:8  Mutation.plain leaves out column "email", which is NOT NULL without a default in table people; add an input field for it, or give the column a default',
    ]);
  });
});

describe('@idempotent', () => {
  const SDL = `
    type Team @entity @key(fields: "id") { id: ID! name: String! @idempotent }
    type Pay { team: Team token: ConsistencyToken! @idempotent }
    input I { name: String! }
    type Query { teams: [Team!]! @list @idempotent, own: Int @idempotent }
    type Mutation {
      add(input: I!): Pay! @insert @idempotent
      write(input: I!): Pay! @insert
      custom: Int @idempotent
    }`;
  const resolvers = { Query: { own: () => 1 }, Mutation: { custom: () => 1 } };

  it('is accepted on every mutation, and nowhere else', async () => {
    const fix = 'is no mutation, so @idempotent has no meaning there; remove it, or say it on the field of Mutation';
    assert.deepEqual(
      await problemsOf(SDL, { resolvers }),
      ['2  Team.name', '3  Pay.token', '5  Query.teams', '5  Query.own'].map((place) => `app.graphql:${place} ${fix}`),
    );
  });

  it('is read by mutations that directives declare', async () => {
    const { model } = await compileSdl(
      SDL.replaceAll(/(name: String!|token: ConsistencyToken!|@list|own: Int) @idempotent/g, '$1'),
      { resolvers },
    );
    assert.deepEqual(
      [...model.mutations].map(([name, { idempotent }]) => [name, idempotent]),
      [
        ['add', true],
        ['write', false],
      ],
    );
  });
});
