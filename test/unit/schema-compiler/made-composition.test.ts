/** Types that are made in several subgraphs of one graph: by both composers that teams use. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isEnumType, isInputObjectType, isObjectType, type GraphQLSchema } from 'graphql';
import { compileSdl } from '../../support/compile.ts';
import { COMPOSERS, servedSdl } from '../../support/compose.ts';

const LINK = 'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])';
const PEOPLE = 'filter: PersonFilter, orderBy: [PersonOrder!], first: Int, after: String';
const PERSON = '@entity(table: "people", version: "version") @key(fields: "id")';

/** Two subgraphs that show and page through one entity, each with columns of its own. */
const NAMES = `${LINK}
  type Query { byEmail(${PEOPLE}): PersonConnection! }
  type Mutation { changeEmail(id: ID!, expectedVersion: Int, input: EmailPersonInput!): EmailPersonPayload! @update }
  type Person ${PERSON} { id: ID! email: String! }`;
const AGES = `${LINK}
  type Query { byAge(${PEOPLE}): PersonConnection! }
  type Mutation { changeAge(id: ID!, expectedVersion: Int, input: AgePersonInput!): AgePersonPayload! @update }
  type Person ${PERSON} { id: ID! age: Int }`;

function namesOf(api: GraphQLSchema, type: string): readonly string[] {
  const found = api.getType(type);
  if (isEnumType(found)) return found.getValues().map(({ name }) => name);
  return isObjectType(found) || isInputObjectType(found) ? Object.keys(found.getFields()).sort() : [];
}

describe('two subgraphs that page through one entity', () => {
  for (const [name, compose] of Object.entries(COMPOSERS)) {
    it(`share what is made of it, by the composer of ${name}`, async () => {
      const [names, ages] = [await compileSdl(NAMES), await compileSdl(AGES)];
      const { api } = compose({ names: await servedSdl(names.typeDefs), ages: await servedSdl(ages.typeDefs) });
      assert.deepEqual(namesOf(api, 'PersonConnection'), ['edges', 'nodes', 'pageInfo', 'totalCount']);
      assert.deepEqual(namesOf(api, 'Person'), ['age', 'email', 'id']);
      assert.deepEqual(namesOf(api, 'PersonConflict'), ['current', 'fields', 'reason']);
      // Arguments take what both understand.
      assert.deepEqual(namesOf(api, 'PersonFilter'), ['and', 'id', 'not', 'or']);
      assert.deepEqual(namesOf(api, 'PersonOrder'), ['ID_ASC', 'ID_DESC']);
      assert.deepEqual(namesOf(api, 'AgePersonInput'), ['age']);
      assert.deepEqual(namesOf(api, 'EmailPersonPayload'), ['conflict', 'person', 'token']);
    });
  }
});
