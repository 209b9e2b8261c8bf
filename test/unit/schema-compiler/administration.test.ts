/** What Meridian adds to every subgraph composes, by both composers, to one set of queries for administrators. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { composeServices } from '@apollo/composition';
import { parse, type GraphQLSchema } from 'graphql';
import { compileSdl, problemsOf } from '../../support/compile.ts';
import { composeByGuild, servedSdl } from '../../support/compose.ts';

const ONE = 'type Query { team(id: ID!): Team } type Team @entity @key(fields: "id") { id: ID! name: String! }';
const TWO = 'type Query { task(id: ID!): Task } type Task @entity @key(fields: "id") { id: ID! title: String! }';

describe("fields of the application that are called as Meridian's own", () => {
  const OWN =
    'type Query { conflicts(first: Int): [Team!]! } extend type Query { regionHealth: [Team!]! @list(limit: 3) } type Team @entity { id: ID! }';
  const also = (name: string) =>
    `app.graphql:1  Query.${name} is also what Meridian adds for administrators; give Meridian's another name with the option ${name}Field, or an empty one to leave it out`;

  it('are refused with the ways to resolve it', async () => {
    assert.deepEqual(await problemsOf(OWN), [also('regionHealth'), also('conflicts')]);
    assert.deepEqual(await problemsOf(OWN, { adminFields: { regionHealth: 'health', conflicts: 'conflicts' } }), [
      also('conflicts'),
    ]);
  });

  it("are served once Meridian's have other names or are left out", async () => {
    const { model, typeDefs } = await compileSdl(OWN, {
      adminFields: { regionHealth: 'meridianHealth', conflicts: '' },
    });
    assert.deepEqual([...model.queries.keys()], ['conflicts', 'regionHealth']);
    const served = await servedSdl(typeDefs);
    assert.match(served, /meridianHealth\(region: String\): \[RegionHealth!\]!/);
    assert.doesNotMatch(served, /ConflictRecord/);
    const none = await servedSdl(
      (await compileSdl(OWN, { adminFields: { regionHealth: '', conflicts: '' } })).typeDefs,
    );
    assert.doesNotMatch(none, /ConflictRecord|RegionHealth/);
  });

  it('cannot both have one name', async () => {
    const [first] = await problemsOf(ONE, { adminFields: { regionHealth: 'admin', conflicts: 'admin' } });
    assert.equal(
      first,
      'schema:1  the options regionHealthField and conflictsField give two fields of Query one name, admin; change one',
    );
  });
});

describe("directives of the application that are called as Meridian's own", () => {
  const team = (uses = '') => `type Team @entity ${uses} { id: ID! } type Query { team(id: ID!): Team }`;

  it("are refused, since Meridian's would have no effect and nobody would notice", async () => {
    const mistakes = await problemsOf(
      `directive @cached(seconds: Int) on OBJECT directive @tenant(name: String!) on OBJECT ${team('@cached(seconds: 3)')}`,
    );
    const about = (name: string) =>
      `app.graphql:1  @${name} is a directive of Meridian's, which this definition would replace; take the definition out, or call yours otherwise`;
    assert.deepEqual(
      mistakes.filter((line) => line.includes('is a directive of')),
      [about('cached'), about('tenant')],
    );
  });

  it('are accepted as copies, and under other names', async () => {
    const copy =
      'enum ConsistencyLevel { EVENTUAL BOUNDED SESSION STRONG SNAPSHOT } "As everywhere." directive @consistent(maxLagMs: Int, level: ConsistencyLevel) on FIELD | QUERY | MUTATION | SUBSCRIPTION directive @tenant("Whose." column: String!) on OBJECT';
    assert.deepEqual(
      await problemsOf(`${copy} directive @ttl(seconds: Int) on OBJECT ${team('@ttl(seconds: 3)')}`),
      [],
    );
  });
});

describe('two Meridian subgraphs', () => {
  it('compose by either composer, and keep regionHealth and conflicts with all of their arguments and fields', async () => {
    const [one, two] = await Promise.all([ONE, TWO].map(async (sdl) => servedSdl((await compileSdl(sdl)).typeDefs)));
    assert.ok(one && two);
    const { supergraphSdl, hints, errors } = composeServices([
      { name: 'one', url: 'http://one/', typeDefs: parse(one) },
      { name: 'two', url: 'http://two/', typeDefs: parse(two) },
    ]);
    assert.deepEqual(errors?.map(({ message }) => message) ?? [], []);
    assert.deepEqual(
      hints?.map(({ definition }) => definition.code),
      [],
    );
    assert.match(supergraphSdl ?? '', /conflicts\(subgraph: String,/);
    const { api } = composeByGuild({ one, two });
    const fieldsOf = (schema: GraphQLSchema) => schema.getQueryType()?.getFields() ?? {};
    const argumentsOf = (schema: GraphQLSchema, field: string): string[] =>
      fieldsOf(schema)[field]?.args.map(({ name, type }) => `${name}: ${String(type)}`) ?? [];
    assert.deepEqual(argumentsOf(api, 'regionHealth'), ['region: String']);
    assert.deepEqual(argumentsOf(api, 'conflicts'), [
      'subgraph: String',
      'entity: String',
      'id: ID',
      'since: DateTime',
      'before: ID',
      'first: Int',
    ]);
    for (const type of ['RegionHealth', 'ConflictRecord'])
      assert.match(supergraphSdl ?? '', new RegExp(`type ${type}[^}]*\\n  subgraph: String\\n`), type);
  });
});
