/**
 * Tests the bound on an operation: what its answer could hold, and that reckoning it stays cheap for whatever a client
 * sends.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  buildASTSchema,
  getIntrospectionQuery,
  Kind,
  parse,
  type GraphQLSchema,
  type OperationDefinitionNode,
} from 'graphql';
import { isMeridianError } from '../../../src/base/errors.ts';
import { limitCost } from '../../../src/graphql/cost.ts';
import { type Model } from '../../../src/model/model.ts';
import { compileSdl } from '../../support/compile.ts';

const SDL = `
  type Query { team(id: ID!): Team teams(first: Int, after: String): TeamConnection! recent: [Team!]! @list(limit: 7) own: [Team!]! many(first: Int = 30): [Team!]! }
  type Mutation { updateTeam(id: ID!, input: UpdateTeam!): UpdateTeamPayload! @update }
  type Team @entity { id: ID! name: String! tasks(first: Int, last: Int, after: String, before: String): TaskConnection! }
  type Task @entity { id: ID! team: Team! }
  type TeamConnection { edges: [TeamEdge!]! nodes: [Team!]! pageInfo: PageInfo! totalCount: Int! }
  type TeamEdge { node: Team! cursor: String! }
  type TaskConnection { edges: [TaskEdge!]! nodes: [Task!]! pageInfo: PageInfo! totalCount: Int! }
  type TaskEdge { node: Task! cursor: String! }
  type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }
  input UpdateTeam { name: String }
  type UpdateTeamPayload { team: Team! }
`;

describe('the bound on an operation', () => {
  let schema: GraphQLSchema;
  let model: Model;
  before(async () => {
    const compiled = await compileSdl(SDL, { resolvers: { Query: { own: () => [], many: () => [] } } });
    schema = buildASTSchema(compiled.typeDefs, { assumeValid: true });
    model = compiled.model;
  });

  const allows = (
    maxAnswerValues: number,
    query: string,
    variables: Readonly<Record<string, unknown>> = {},
    maxMutations = 50,
  ): boolean => {
    const document = parse(query);
    const operation = document.definitions.find(
      (it): it is OperationDefinitionNode => it.kind === Kind.OPERATION_DEFINITION,
    ) as OperationDefinitionNode;
    try {
      limitCost({
        schema,
        model,
        document,
        operation,
        variables,
        limits: { maxAnswerValues, maxMutations, pageSize: 20 },
      });
      return true;
    } catch (error) {
      assert.ok(isMeridianError(error, 'BAD_USER_INPUT'), String(error));
      return false;
    }
  };
  /** The smallest limit that lets the operation pass. */
  const costs = (query: string, variables: Readonly<Record<string, unknown>> = {}): number => {
    let [low, high] = [0, 1 << 24];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (allows(middle, query, variables)) high = middle;
      else low = middle + 1;
    }
    return low;
  };

  it('counts each field once where nothing is repeated', () => {
    assert.equal(costs('{ team(id: 1) { id name __typename } }'), 4);
  });

  it('multiplies page sizes along the path', () => {
    // teams, nodes; 10 × (tasks, nodes); 10 × 200 × id
    assert.equal(costs('{ teams(first: 10) { nodes { tasks(first: 200) { nodes { id } } } } }'), 2 + 10 * 2 + 10 * 200);
    assert.equal(costs('{ teams(first: 10) { edges { node { id } } } }'), 2 + 10 + 10);
  });

  it("takes the page that will be read: by default, by variable, by a variable's default, never above the largest", () => {
    const query = 'query($n: Int) { teams(first: $n) { nodes { id } } }';
    assert.equal(costs('{ teams { nodes { id } } }'), 22);
    assert.equal(costs(query, { n: 50 }), 52);
    assert.equal(costs(query, { n: null }), 22);
    assert.equal(costs('query($n: Int = 9) { teams(first: $n) { nodes { id } } }'), 11);
    assert.equal(costs(query, { n: 2_000_000_000 }), 202);
    assert.equal(costs('{ team(id: 1) { tasks(last: 5) { nodes { id } } } }'), 8);
  });

  it('counts lists by their limit, and those of custom resolvers as what was asked for or a page', () => {
    assert.equal(costs('{ recent { id } }'), 1 + 7);
    assert.equal(costs('{ own { id } }'), 1 + 20);
    assert.equal(costs('{ many { id } }'), 1 + 30);
    assert.equal(costs('{ many(first: 3) { id } }'), 1 + 3);
  });

  it('counts each alias, and repeated fields once as execution does, apart from the nodes themselves', () => {
    assert.equal(costs('{ a: teams { nodes { id } } b: teams { nodes { id } } }'), 44);
    assert.equal(costs('{ teams { nodes { id } } teams { nodes { id } } }'), 22 + 3);
    assert.equal(costs('{ teams { nodes { ...A ...A } } } fragment A on Team { id }'), 22 + 2);
  });

  it('leaves out what @skip and @include leave out', () => {
    const query = 'query($s: Boolean!) { teams(first: 200) @skip(if: $s) { nodes { id } } team(id: 1) { id } }';
    assert.equal(costs(query, { s: true }), 3);
    assert.equal(costs(query, { s: false }), 204);
  });

  it('allows the introspection that tools send, but not many in one operation', () => {
    assert.ok(allows(250_000, getIntrospectionQuery()));
    const many = Array.from(
      { length: 200 },
      (_, i) => `a${i}: __schema { types { fields { args { type { name } } } } }`,
    ).join(' ');
    assert.ok(!allows(250_000, `{ ${many} }`));
  });

  it('is counted within a time limit, however fragments multiply, pages are empty or fields are repeated', () => {
    const letters = [...'ABCDEFGHIJ'];
    const chain = (page: number): string =>
      letters
        .map(
          (name, i) =>
            `fragment ${name} on Team { ${Array.from({ length: 9 }, (_, k) => `a${k}: tasks(first: ${page}) { nodes { team { ${i < 9 ? `...${letters[i + 1]}` : 'id'} } } }`).join(' ')} }`,
        )
        .join(' ');
    const began = performance.now();
    for (const page of [0, 1, 200]) assert.ok(!allows(250_000, `{ team(id: 1) { ...A } } ${chain(page)}`));
    const repeated = `{ ${Array.from({ length: 400 }, (_, i) => `a${i}: teams { nodes { ...A } }`).join(' ')} } fragment A on Team { ${'id '.repeat(5_000)} }`;
    assert.ok(!allows(250_000, repeated));
    // Followed without a bound it would take years.
    assert.ok(performance.now() - began < 60_000);
  });

  it('gives the same verdict as the first time for the same document, whatever variables it came with before', () => {
    const document = parse(
      'query($n: Int = 3, $m: Int, $skip: Boolean = false, $id: ID!) { team(id: $id) { id } teams(first: $n) @skip(if: $skip) { nodes { id tasks(first: $m) { nodes { id } } } } }',
    );
    const operation = document.definitions[0] as OperationDefinitionNode;
    const limits = { maxAnswerValues: 60, maxMutations: 50, pageSize: 20 };
    const verdict = (
      of: { document: typeof document; operation: OperationDefinitionNode },
      variables: Record<string, unknown>,
      asked = limits,
    ): string | null => {
      try {
        limitCost({ schema, model, ...of, variables, limits: asked });
        return null;
      } catch (error) {
        return (error as Error).message;
      }
    };
    const fresh = (variables: Record<string, unknown>, asked = limits): string | null => {
      const copy = parse(
        'query($n: Int = 3, $m: Int, $skip: Boolean = false, $id: ID!) { team(id: $id) { id } teams(first: $n) @skip(if: $skip) { nodes { id tasks(first: $m) { nodes { id } } } } }',
      );
      return verdict({ document: copy, operation: copy.definitions[0] as OperationDefinitionNode }, variables, asked);
    };
    const values = {
      n: [undefined, null, 0, 1, 2, 50, '2'],
      m: [undefined, null, 0, 3, 40, [3]],
      skip: [undefined, true, false],
      id: ['1', '2'],
    };
    const pick = (from: readonly unknown[]): unknown => from[Math.floor(Math.random() * from.length)];
    const seen = new Set<string | null>();
    for (let i = 0; i < 2_000; i += 1) {
      const variables = Object.fromEntries(
        Object.entries(values)
          .map(([name, from]) => [name, pick(from)] as const)
          .filter(([, value]) => value !== undefined),
      );
      const found = verdict({ document, operation }, variables);
      assert.equal(found, fresh(variables), JSON.stringify(variables));
      seen.add(found);
    }
    assert.equal(seen.size, 2, 'some fit, some do not');
    const tighter = { ...limits, maxAnswerValues: 4 };
    assert.equal(verdict({ document, operation }, { n: 1, id: '1' }), null);
    assert.match(verdict({ document, operation }, { n: 1, id: '1' }, tighter) ?? '', /more than 4 values/);
  });

  it('limits mutations, which run one after the other', () => {
    const mutations = (n: number): string =>
      `mutation { ${Array.from({ length: n }, (_, i) => `a${i}: updateTeam(id: 1, input: {}) { team { id } }`).join(' ')} }`;
    assert.ok(allows(1_000, mutations(3), {}, 3));
    assert.ok(!allows(1_000, mutations(4), {}, 3));
  });
});
