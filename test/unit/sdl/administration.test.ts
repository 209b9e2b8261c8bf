/** What Meridian adds to every subgraph composes, by both composers, to one set of queries for administrators. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { composeServices } from '@apollo/composition';
import { parse, type GraphQLSchema } from 'graphql';
import { compileSdl } from '../../support/compile.ts';
import { composeByGuild, servedSdl } from '../../support/compose.ts';

const ONE = 'type Query { team(id: ID!): Team } type Team @entity @key(fields: "id") { id: ID! name: String! }';
const TWO = 'type Query { task(id: ID!): Task } type Task @entity @key(fields: "id") { id: ID! title: String! }';

describe('two Meridian subgraphs', () => {
  it('compose by either composer, and keep regionHealth and conflicts with all of their arguments and fields', async () => {
    const [one, two] = await Promise.all([ONE, TWO].map(async (sdl) => servedSdl((await compileSdl(sdl)).typeDefs)));
    assert.ok(one && two);
    const { supergraphSdl, hints, errors } = composeServices([{ name: 'one', url: 'http://one/', typeDefs: parse(one) }, { name: 'two', url: 'http://two/', typeDefs: parse(two) }]);
    assert.deepEqual(errors?.map(({ message }) => message) ?? [], []);
    assert.deepEqual(hints?.map(({ definition }) => definition.code), []);
    assert.match(supergraphSdl ?? '', /conflicts\(subgraph: String,/);
    const { api } = composeByGuild({ one, two });
    const argumentsOf = (schema: GraphQLSchema, field: string): string[] => schema.getQueryType()?.getFields()[field]?.args.map(({ name, type }) => `${name}: ${String(type)}`) ?? [];
    assert.deepEqual(argumentsOf(api, 'regionHealth'), ['region: String']);
    assert.deepEqual(argumentsOf(api, 'conflicts'), ['subgraph: String', 'entity: String', 'id: ID', 'since: DateTime', 'before: ID', 'first: Int']);
    for (const type of ['RegionHealth', 'ConflictRecord']) assert.match(supergraphSdl ?? '', new RegExp(`type ${type}[^}]*\\n  subgraph: String\\n`), type);
  });
});
