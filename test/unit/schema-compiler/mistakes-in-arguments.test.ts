/** Mistakes in arguments: each is named with its place and its fix. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf } from '../../support/compile.ts';

describe('compiling a schema with mistakes in arguments', () => {
  it('reports wrong paging arguments of a list', async () => {
    const sdl = `
      type Task @entity { id: ID! title: String! }
      type Team @entity { id: ID! tasks(first: String, after: String): [Task!]! }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:3  Team.tasks(first:) must be Int, not String',
      'app.graphql:3  Team.tasks(after:) has no meaning on a list; return a connection, or page with first alone',
    ]);
  });

  it('reports wrong fields and operators of filter inputs', async () => {
    const sdl = `
      type Task @entity { id: ID! }
      type Query { tasks(filter: F): [Task!]! }
      input F {
        titel: String
        title: IntFilter
        labels: StringFilter
        points: StringFilter
        urgent: Range
        extra: Range
        and: F
        nope: [F]
        weight: Odd
        status: StringListFilter
        id: Int
        token: Listed
      }
      input Range { lt: Boolean }
      input Odd { equals: Float }
      input Listed { in: UUID contains: String }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:5  F.titel maps to column "titel", which table tasks does not have; did you mean "title"? Name it with @column(name:)',
      'app.graphql:6  F.title: IntFilter.eq does not apply, since column "title" is text, which does not fit Int; declare it String',
      'app.graphql:7  F.labels: StringFilter.eq does not apply, since column "labels" is text[], an array; use StringListFilter, IntListFilter or an input of your own with has, hasAny and hasAll',
      'app.graphql:8  F.points: StringFilter.eq does not apply, since column "points" is integer, which does not fit String; declare it Int',
      'app.graphql:9  F.urgent: Range.lt does not apply, since values of boolean have no order',
      'app.graphql:10  F.extra: Range.lt does not apply, since values of jsonb have no order',
      'app.graphql:11  F.and combines conditions, which only `and: [F!]`, `or: [F!]` and `not: F` do; rename it or change its type',
      'app.graphql:12  F.nope combines conditions, which only `and: [F!]`, `or: [F!]` and `not: F` do; rename it or change its type',
      'app.graphql:14  F.status: StringListFilter.eq does not apply, since its operand must be one value, not a list',
      'app.graphql:15  F.id: column "id" is bigint, which does not fit Int; declare it ID',
      'app.graphql:16  F.token: Listed.in does not apply, since its operand must be a list',
      'app.graphql:19  Odd.equals is no operator; the operators are eq, ne, in, notIn, lt, lte, gt, gte, isNull, contains, startsWith, endsWith, has, hasAny, hasAll',
    ]);
  });

  it('reports arguments that cannot filter', async () => {
    const sdl = `
      type Task @entity { id: ID! }
      input F { title: String }
      type Query {
        tasks(
          filters: [F!]
          title: [Int!]
          labels: [[String!]]
          status: Boolean
          nobody: ID
        ): [Task!]!
      }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:6  Query.tasks(filters:) is a list of F; take one, whose `and` or `or` combine conditions',
      'app.graphql:7  Query.tasks(title:): column "title" is text, which does not fit Int; declare it String',
      'app.graphql:8  Query.tasks(labels:): column "labels" is text[], an array; declare it [String!]',
      'app.graphql:9  Query.tasks(status:): column "status" is public.status, which does not fit Boolean; declare it an enum of its labels (TODO, DONE)',
      'app.graphql:10  Query.tasks(nobody:) maps to column "nobody", which table tasks does not have; name it with @column(name:)',
    ]);
  });

  it('reports orders that cannot be used', async () => {
    const sdl = `
      type Task @entity { id: ID! }
      enum O {
        ID_ASC
        EXTRA_ASC
        TITEL_DESC
        LABELS_ASC
        X @column(name: "nope")
      }
      type Query { tasks(orderBy: O): [Task!]! others(orderBy: String): [Task!]! }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:5  O.EXTRA_ASC orders tasks by "extra", which is jsonb and has no useful order; remove it',
      'app.graphql:6  O.TITEL_DESC maps to column "titel", which table tasks does not have; did you mean "title"? Name it with @column(name:)',
      'app.graphql:7  O.LABELS_ASC orders tasks by "labels", which is text[] and has no useful order; remove it',
      'app.graphql:8  O.X maps to column "nope", which table tasks does not have; correct the name',
      'app.graphql:10  Query.others(orderBy:) must be an enum whose values are columns with _ASC or _DESC, such as CREATED_AT_DESC, or a list of it',
    ]);
  });
});
