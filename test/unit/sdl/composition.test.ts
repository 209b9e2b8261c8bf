/** Subgraphs of Meridian's in one graph, by both composers that teams use: nothing of Meridian's is in the way of another subgraph's. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isObjectType, type GraphQLSchema } from 'graphql';
import { compileSdl } from '../../support/compile.ts';
import { COMPOSERS, servedSdl, type Subgraphs } from '../../support/compose.ts';

const LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@external"])';
const TEAMS_SDL = `${LINK}
  type Query { team(id: ID!): Team person(email: String!): Person }
  type Team @entity @key(fields: "id") { id: ID! name: String! people(first: Int, after: String): PersonConnection! }
  type Person @entity(table: "people", version: "version") @conflict(policy: MERGE) @key(fields: "id") @key(fields: "email") { id: ID! email: String! age: Int team: Team! version: Int! }
  type PersonConnection { edges: [PersonEdge!]! pageInfo: PageInfo! totalCount: Int! } type PersonEdge { node: Person! cursor: String! }
  type Mutation { updatePerson(id: ID!, expectedVersion: Int, age: Int): PersonPayload! @update }
  type PersonPayload { person: Person conflict: PersonConflict token: ConsistencyToken! } type PersonConflict { reason: ConflictReason! current: Person }`;
const TASKS_SDL = `${LINK}
  type Query { task(id: ID!): Task }
  type Task @entity @key(fields: "id") { id: ID! title: String! dueDate: Date assignee: Person team: Team! }
  type Team @key(fields: "id") { id: ID! tasks(filter: TaskFilter, first: Int, after: String): TaskConnection! }
  type TaskConnection { edges: [TaskEdge!]! pageInfo: PageInfo! totalCount: Int! } type TaskEdge { node: Task! cursor: String! }
  input TaskFilter { title: StringFilter due: DateFilter @column(name: "due_date") }
  extend type Person @key(fields: "id") { id: ID! @external taskCount: Int! @count(of: "Task", to: ["assignee_id"]) }
  type Mutation { addTask(teamId: ID!, title: String!): TaskPayload! @insert }
  type TaskPayload { task: Task token: ConsistencyToken! }`;
/** A subgraph of another make. */
const OTHER = `${LINK}\ntype Query { news: String }\ntype Team @key(fields: "id") { id: ID! fans: Int }`;

async function meridians(): Promise<Subgraphs> {
  const served = async (sdl: string): Promise<string> => servedSdl((await compileSdl(sdl)).typeDefs);
  return { teams: await served(TEAMS_SDL), tasks: await served(TASKS_SDL) };
}

function fieldsOf(api: GraphQLSchema, name: string): readonly string[] {
  const type = api.getType(name);
  return isObjectType(type) ? Object.keys(type.getFields()).sort() : [];
}

for (const [composer, compose] of Object.entries(COMPOSERS)) {
  describe(`the composer of ${composer}`, () => {
    it('joins subgraphs of Meridian\'s: their fields, and once what each of them brings along', async () => {
      const { api, hints } = compose(await meridians());
      assert.deepEqual(fieldsOf(api, 'Query'), ['conflicts', 'person', 'regionHealth', 'task', 'team']);
      assert.deepEqual(fieldsOf(api, 'Team'), ['id', 'name', 'people', 'tasks']);
      assert.deepEqual(fieldsOf(api, 'Person'), ['age', 'email', 'id', 'taskCount', 'team', 'version']);
      for (const name of ['ConsistencyToken', 'RegionHealth', 'ConflictRecord', 'PageInfo', 'ConsistencyLevel', 'ConflictReason']) assert.ok(api.getType(name), name);
      for (const name of ['ConflictRule', 'Durability']) assert.equal(api.getType(name), undefined, name);
      assert.deepEqual(hints.filter((hint) => !hint.startsWith('UNUSED_ENUM_TYPE')), []);
    });

    it('keeps @consistent for clients, where every subgraph defines it', async () => {
      const { api, supergraphSdl } = compose(await meridians());
      const directive = api.getDirective('consistent');
      assert.deepEqual([directive?.locations.toSorted(), directive?.args.map(({ name, type }) => [name, String(type)])], [['FIELD', 'MUTATION', 'QUERY'], [['level', 'ConsistencyLevel'], ['maxLagMs', 'Int']]]);
      assert.match(supergraphSdl, /directive @consistent\(/);
      assert.deepEqual(api.getDirectives().map(({ name }) => name).filter((name) => ['entity', 'relation', 'cached', 'conflict'].includes(name)), []);
    });

    it('leaves @consistent out where one subgraph does not define it, unless that one copies its definition', async () => {
      const without = compose({ ...(await meridians()), other: OTHER });
      assert.equal(without.api.getDirective('consistent'), undefined);
      if (composer === 'Apollo') assert.ok(without.hints.some((hint) => /^INCONSISTENT_EXECUTABLE_DIRECTIVE_PRESENCE: .*"@consistent"/.test(hint)), without.hints.join('\n'));
      const copied = `${OTHER}
        directive @consistent(level: ConsistencyLevel, maxLagMs: Int) on QUERY | MUTATION | FIELD
        enum ConsistencyLevel { EVENTUAL BOUNDED SESSION STRONG SNAPSHOT }`;
      assert.ok(compose({ ...(await meridians()), other: copied }).api.getDirective('consistent'));
    });
  });
}
