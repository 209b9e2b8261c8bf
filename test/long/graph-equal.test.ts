/**
 * Proves that the same operations have equal results through each of the two gateways: joins in both directions, nulls,
 * pages, errors and mutations.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Answer, type Call } from '../support/app.ts';
import { COMPOSER_NAMES } from '../support/compose.ts';
import { EU, GATEWAY_KINDS, startTestGraph, type TestGraph } from '../support/graph.ts';

interface Case {
  readonly what: string;
  readonly query: string;
  readonly variables?: NonNullable<Call['variables']>;
  readonly headers?: NonNullable<Call['headers']>;
  readonly token?: string;
  /** With the credentials of somebody who is no administrator. */
  readonly viewer?: true;
  /**
   * Hive goes by GraphQL's own rule: what comes after a mutation that failed where it may not be null is not run.
   * @apollo/gateway runs it.
   */
  readonly stops?: true;
  /** Codes of the errors, so that equal failures are no proof of equal results. */
  readonly codes?: readonly string[];
}

const CASES: readonly Case[] = [
  { what: 'one subgraph', query: '{ user(id: 1) { id name email bio organization { id name slug } } }' },
  {
    what: 'from accounts to work and back',
    query:
      '{ user(id: 1) { name assignedTasks(first: 5) { totalCount nodes { id title status labels estimate dueDate assignee { name email } project { name owner { name } } } pageInfo { hasNextPage } } } }',
  },
  {
    what: 'from work to accounts and back',
    query:
      '{ task(id: 3) { title priority organization { name projects(first: 2) { nodes { name owner { name assignedTasks(first: 1) { nodes { title } } } } } } comments(first: 3) { nodes { body author { name } } } } }',
  },
  {
    what: 'both in parallel, under aliases',
    query:
      'query Two($a: ID!, $b: ID!) { one: user(id: $a) { name } two: user(id: $b) { name tasks: assignedTasks(first: 1) { nodes { title } } } three: task(id: $a) { title } }',
    variables: { a: 1, b: 2 },
  },
  {
    what: 'pages of people with what they work on',
    query:
      '{ organization(id: 1) { name users(first: 3, orderBy: [NAME_ASC]) { totalCount edges { cursor node { name assignedTasks(status: TODO, first: 2) { totalCount nodes { title } } } } } } }',
  },
  {
    what: 'a dashboard',
    query:
      '{ dashboard(organizationId: 1) { organization { name slug } openTasks doneTasks latestTasks { title assignee { name } } latestProjects { name owner { email } } } }',
  },
  {
    what: 'what does not exist',
    query:
      '{ user(id: 999999) { name assignedTasks { nodes { title } } } task(id: 999999) { title assignee { name } } dashboard(organizationId: 999999) { openTasks } }',
  },
  { what: 'a task without an assignee', query: '{ task(id: 5) { title assignee { name } } }' },
  {
    what: 'fragments, types and what is left out',
    query:
      'query ($no: Boolean!) { user(id: 2) { __typename ...F name @skip(if: $no) assignedTasks(first: 1) @include(if: $no) { nodes { __typename title } } } } fragment F on User { email organization { __typename } }',
    variables: { no: true },
  },
  {
    what: 'levels',
    query:
      'query @consistent(level: STRONG) { user(id: 1) { name assignedTasks(first: 1) @consistent(level: BOUNDED, maxLagMs: 60000) { nodes { title assignee { name } } } } }',
  },
  {
    what: 'an id that is none, beside what is right',
    query: '{ user(id: "hello") { name } task(id: 1) { title } }',
    codes: ['BAD_USER_INPUT'],
  },
  {
    what: 'a page that is none',
    query: '{ organization(id: 1) { users(first: 100000) { nodes { name } } } task(id: 1) { title } }',
    codes: ['BAD_USER_INPUT'],
  },
  {
    what: 'a token that is none',
    query: '{ user(id: 1) { name } }',
    token: 'hello',
    codes: ['CONSISTENCY_TOKEN_MALFORMED'],
  },
  {
    what: 'credentials that do not hold',
    query: '{ user(id: 1) { name } }',
    headers: { authorization: 'Bearer a.b.c' },
    codes: ['UNAUTHENTICATED'],
  },
  {
    what: 'what administrators alone may see, asked by nobody',
    query: '{ regionHealth { region } }',
    codes: ['UNAUTHENTICATED'],
  },
  {
    what: 'what administrators alone may see',
    query: '{ regionHealth { region } }',
    viewer: true,
    codes: ['FORBIDDEN'],
  },
  {
    what: 'a level with an argument that it does not take',
    query: 'query @consistent(level: STRONG, maxLagMs: 5) { user(id: 1) { name } }',
    codes: ['BAD_USER_INPUT'],
  },
  {
    what: 'mutations in both',
    query:
      'mutation { a: updateUser(id: 3, input: { bio: "one" }) { user { bio assignedTasks(first: 1) { nodes { title } } } conflict { reason } } updateTask(id: 7, input: { title: "two", assigneeId: 3 }) { task { title assignee { bio } } } b: updateUser(id: 3, input: { bio: "three" }) { user { bio } } }',
  },
  {
    what: 'a conflict that the answer tells of',
    query:
      'mutation { updateUser(id: 4, expectedVersion: 900, input: { bio: "no" }) { user { bio } conflict { reason current { name } fields } } }',
  },
  {
    what: 'a mutation of what does not exist, and one after it',
    query:
      'mutation { updateUser(id: 999999, input: { bio: "no" }) { user { bio } } updateTask(id: 8, input: { title: "after" }) { task { title } } }',
    stops: true,
    codes: ['NOT_FOUND'],
  },
  {
    what: 'a key that is none',
    query: 'mutation { updateUser(id: 5, input: { bio: "no" }) { user { bio } } }',
    headers: { 'idempotency-key': 'a "quote' },
    codes: ['IDEMPOTENCY_KEY_INVALID'],
  },
  {
    what: 'a mutation that a constraint refuses',
    query: 'mutation { updateTask(id: 9, input: { priority: 77 }) { task { priority } } }',
    codes: ['CONSTRAINT_VIOLATION'],
  },
];

/**
 * What has to be equal: everything but figures, tokens, and the gateways' own additions to errors. Where a subgraph
 * refuses a whole request its error has no path, and Hive gives it that of the field.
 */
function shown({ status, data, errors, consistency }: Answer<unknown>, { stops }: Case): unknown {
  return {
    status,
    data,
    errors: errors
      .map(({ message, path, extensions: { code, retryable, details } }) => ({
        message,
        path: REQUESTS.has(code) ? null : path,
        code,
        retryable,
        details,
      }))
      .sort((a, b) => JSON.stringify(a).localeCompare(JSON.stringify(b))),
    consistency: consistency &&
      stops !== true && { level: consistency.level, region: consistency.region, writes: consistency.writes },
  };
}

const REQUESTS: ReadonlySet<string> = new Set([
  'CONSISTENCY_TOKEN_MALFORMED',
  'UNAUTHENTICATED',
  'BAD_USER_INPUT',
  'IDEMPOTENCY_KEY_INVALID',
]);

describe('each of the two gateways', { timeout: 300_000 }, () => {
  let graph: TestGraph;
  before(async () => {
    graph = await startTestGraph();
    await graph.apps.work.cluster.query('us-east-1', 'UPDATE tasks SET assignee_id = NULL WHERE id = 5');
  });
  after(async () => graph[Symbol.asyncDispose]());

  for (const composer of COMPOSER_NAMES) {
    for (const one of CASES) {
      const { what, query, codes = [], viewer, token, variables } = one;
      const call: Call = { ...(token === undefined ? {} : { token }), ...(variables ? { variables } : {}) };
      it(`has equal results for ${what} (composed by ${composer})`, async () => {
        const results: unknown[] = [];
        const headers = viewer ? { authorization: `Bearer ${await graph.bearer({ id: 'somebody' })}` } : one.headers;
        // So that both find what it leaves behind.
        if (query.startsWith('mutation'))
          await graph.gql({ kind: 'hive', region: EU, composer }, query, { ...call, ...(headers ? { headers } : {}) });
        for (const kind of GATEWAY_KINDS) {
          const answer = await graph.gql<unknown>({ kind, region: EU, composer }, query, {
            ...call,
            ...(headers ? { headers } : {}),
          });
          assert.deepEqual(
            [...new Set(answer.errors.map(({ extensions }) => extensions.code))],
            codes,
            `${kind}: ${JSON.stringify(answer)}`,
          );
          if (codes.length === 0) assert.ok(answer.data, kind);
          results.push(shown(answer, one));
        }
        assert.deepEqual(results[1], results[0]);
      });
    }
  }
});
