/** Mistakes in queries: each is named with its place and its fix. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf } from '../../support/compile.ts';

describe('compiling a schema with mistakes in queries', () => {
  it('reports fields that nothing serves', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Box { team: Team }
      type Query {
        number: Int
        box: Box
      }
      type Subscription { teamChanged: Team }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:5  Query.number returns Int, which no table stands behind; return an @entity, a list or connection of one, or a number with @count, or write a resolver',
      'app.graphql:6  Query.box returns Box, which no table stands behind; return an @entity, a list or connection of one, or a number with @count, or write a resolver',
      'app.graphql:8  Subscription.teamChanged has nothing that says when it sends a message; add @live, so that it sends one whenever what it shows has changed',
    ]);
  });

  it('reports @live where no subscription is, and live fields that nothing serves', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! @live name: String! }
      type Query { team(id: ID!): Team @live }
      type Subscription { number: Int @live team(id: ID!): Team @live }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:2  Team.id is no field of Subscription, so @live has no meaning there; remove it, or declare the field on Subscription',
      'app.graphql:3  Query.team is no field of Subscription, so @live has no meaning there; remove it, or declare the field on Subscription',
      'app.graphql:4  Subscription.number returns Int, which no table stands behind; return an @entity, a list or connection of one, or a number with @count, or write a resolver',
    ]);
  });

  it('reports look-ups that may find several rows, or name none', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type Query {
        optional(id: ID): Team
        none: Team
        byMotto(motto: String!): Team
        tooMuch(id: ID!, name: String!): Team
        misspelt(naem: String!): Team
        mistyped(id: Boolean!): Team
        directed(id: ID!): Team @list(limit: 3)
        related: [Team!]! @relation(limit: 3)
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:4  Query.optional(id:) may be left out, and then nothing says which Team is meant; declare it ID!',
      'app.graphql:5  Query.none returns one Team and needs arguments that name it, such as (id); add them, or return a list or a connection',
      'app.graphql:6  Query.byMotto finds Team by motto, which is not unique in table teams; use a unique key (id; name), or return a list',
      'app.graphql:7  Query.tooMuch finds Team by id, name, which is not unique in table teams; use a unique key (id; name), or return a list',
      'app.graphql:8  Query.misspelt(naem:) maps to column "naem", which table teams does not have; did you mean "name"? Name it with @column(name:)',
      'app.graphql:9  Query.mistyped(id:): column "id" is bigint, which does not fit Boolean; declare it ID',
      'app.graphql:10  Query.directed returns one Team, so @list has no meaning there; remove it',
      'app.graphql:11  Query.related is a field of Query, where @relation has no meaning; use @list or @count, or remove it',
    ]);
  });

  it('reports connections of an unknown shape', async () => {
    const sdl = `
      type Team @entity @key(fields: "id") { id: ID! name: String! }
      type TC {
        edges: [TE!]!
        pageInfo: String!
        totalCount: String
        nodes: [String]
        extra: Int
      }
      type TE {
        node: Team!
        cursor: String!
        weight: Int
      }
      type Query { teams(first: Int, last: String, orderBy: String): TC! @list(limit: 500) }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:5  TC.pageInfo must be PageInfo!, with no fields but hasNextPage, hasPreviousPage, startCursor, endCursor',
      'app.graphql:6  TC.totalCount must be Int!, the number of all rows',
      'app.graphql:7  TC.nodes must be [Team!]!, the rows of the page',
      'app.graphql:8  TC.extra is no part of a connection (edges, nodes, pageInfo, totalCount); remove it or write a resolver',
      'app.graphql:13  TE.weight is no part of an edge (node, cursor); remove it or write a resolver',
      'app.graphql:15  Query.teams has pages of 500 rows, above the largest page of 200; lower the limit or raise the option maxPageSize',
      'app.graphql:15  Query.teams(last:) must be Int, not String',
      'app.graphql:15  Query.teams(orderBy:) must be an enum whose values are columns with _ASC or _DESC, such as CREATED_AT_DESC, or a list of it',
    ]);
  });
});
