/**
 * Proves that `regionHealth` covers every cluster of the graph, and `conflicts` the named subgraph, at any server: two
 * subgraphs, each with a database cluster of its own.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stacksOf } from '../../src/app/layer.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { ask, EU, startTestApp, TOKEN_SECRET, US, type Answer, type TestApp } from '../support/app.ts';
import { startReceiver, type Receiver, type Reply } from '../support/http.ts';
import { freePort } from '../support/ports.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { note(id: ID!): Note }
  type Mutation { editNote(id: ID!, expectedVersion: Int, title: String): NotePayload! @update }
  type Note @entity(version: "version") @key(fields: "id") @conflict(policy: LAST_WRITE_WINS) { id: ID! title: String! version: Int! }
  type NotePayload { note: Note token: ConsistencyToken! }`;
const SQL =
  "CREATE TABLE notes (id bigint PRIMARY KEY, title text NOT NULL, version int NOT NULL DEFAULT 1); INSERT INTO notes (id, title) SELECT i, 'note ' || i FROM generate_series(1, 20) i;";
const HEALTH =
  'query($region: String) { regionHealth(region: $region) { region subgraph cluster role status databaseHealthy serverHealthy replicationLagMs alerts { kind message since } error } }';
const CONFLICTS =
  'query($subgraph: String, $before: ID, $first: Int) { conflicts(subgraph: $subgraph, before: $before, first: $first) { id subgraph entity rowId outcome incoming at } }';
const LIMIT_MS = 600;

interface Health {
  readonly region: string;
  readonly subgraph: string | null;
  readonly cluster: string | null;
  readonly role: string | null;
  readonly status: string;
  readonly databaseHealthy: boolean;
  readonly replicationLagMs: number | null;
  readonly alerts: readonly { readonly kind: string; readonly message: string; readonly since: string }[];
  readonly error: string | null;
}
interface Conflict {
  readonly id: string;
  readonly subgraph: string | null;
  readonly rowId: string;
  readonly incoming: Readonly<Record<string, unknown>>;
}

describe('regionHealth and conflicts in a graph of several clusters', () => {
  /** Accounts runs in one region, work in two. */
  let accounts: TestApp;
  let work: TestApp;
  /** Another server that both are told is a subgraph's. */
  let other: Receiver;
  let reply: Reply = { body: 'no GraphQL' };
  const of = { accounts: {} as Record<string, unknown>, work: {} as Record<string, unknown> };

  before(async () => {
    other = await startReceiver(() => reply);
    const port = await freePort();
    const common = { siblingMs: LIMIT_MS, readyMs: 2_000 };
    Object.assign(of.work, common, { subgraph: 'work', siblings: { accounts: `http://127.0.0.1:${port}/graphql` } });
    Object.assign(of.accounts, common, { subgraph: 'accounts', port });
    [accounts, work] = await Promise.all([
      startTestApp({
        files: [{ name: 'accounts.graphql', body: SDL }],
        sql: SQL,
        regions: [US],
        settings: of.accounts,
      }),
      startTestApp({ files: [{ name: 'work.graphql', body: SDL }], sql: SQL, regions: [US, EU], settings: of.work }),
    ]);
    await know({ work: work.server(US).url, accounts: 'http://127.0.0.1:1/this-server-itself' });
  });
  after(async () => {
    await Promise.allSettled([accounts[Symbol.asyncDispose](), work[Symbol.asyncDispose]()]);
    await other[Symbol.asyncDispose]();
  });

  /** Starts the server of accounts anew, with these siblings. */
  async function know(siblings: Readonly<Record<string, string>>): Promise<void> {
    of.accounts['siblings'] = siblings;
    await accounts.stopServer(US);
    await accounts.startServer(US);
  }
  const headers = (): Record<string, string> => ({ authorization: `Bearer ${accounts.adminToken}` });
  const health = async (app: TestApp, region: string, asked?: string): Promise<readonly Health[]> => {
    const answer = await app.gql<{ regionHealth: readonly Health[] }>(region, HEALTH, {
      variables: { region: asked },
      headers: headers(),
    });
    assert.deepEqual(answer.errors, []);
    return answer.data?.regionHealth ?? [];
  };
  const places = (all: readonly Health[]): string[] =>
    all.map(({ subgraph, region, status }) => `${subgraph} ${region} ${status}`);
  const clusterOf = async (app: TestApp): Promise<string> => {
    const { token } = await app.gql(US, '{ note(id: 1) { title } }');
    const [cluster] = new TokenCodec({ secrets: [TOKEN_SECRET], maxTokenBytes: 4_096 }).decode(token ?? '').keys();
    return cluster ?? '';
  };
  /** GraphQL requests that a server has answered. */
  const requests = async (app: TestApp): Promise<number> => {
    const { values } = await stacksOf(app.server(US).layer).telemetry.metrics.httpRequests.get();
    return values.filter(({ labels }) => labels.route === '/graphql').reduce((sum, { value }) => sum + value, 0);
  };

  it('cover the whole graph at any server, with each cluster under the name that tokens give it', async () => {
    const all = await health(accounts, US);
    assert.deepEqual(places(all), [`accounts ${US} HEALTHY`, `work ${US} HEALTHY`, `work ${EU} HEALTHY`]);
    const [own, theirs] = [await clusterOf(accounts), await clusterOf(work)];
    assert.notEqual(own, theirs);
    assert.deepEqual(
      all.map(({ cluster }) => cluster),
      [own, theirs, theirs],
    );
    assert.deepEqual(
      all.map(({ role }) => role),
      ['PRIMARY', 'PRIMARY', 'REPLICA'],
    );
    for (const region of [US, EU])
      assert.deepEqual(
        places(await health(work, region)),
        [`work ${US} HEALTHY`, `work ${EU} HEALTHY`, `accounts ${US} HEALTHY`],
        region,
      );
    assert.deepEqual(places(await health(accounts, US, EU)), [`work ${EU} HEALTHY`]);
    const nowhere = await accounts.gql(US, HEALTH, { variables: { region: 'nope' }, headers: headers() });
    assert.equal(nowhere.errors[0]?.message, 'There is no region "nope"; this graph runs in us-east-1, eu-west-1.');
  });

  it('ask each sibling once and never their own server, although the servers know each other', async () => {
    const before = [await requests(accounts), await requests(work)] as const;
    await health(accounts, US);
    await health(work, US);
    assert.deepEqual([(await requests(accounts)) - before[0], (await requests(work)) - before[1]], [2, 2]);
  });

  it('are answered to administrators only, and ask no sibling for any other viewer', async () => {
    await know({ work: work.server(US).url, other: other.url });
    const before = [await requests(work), other.received.length] as const;
    for (const authorization of [undefined, `Bearer ${await accounts.bearer({ id: 'bob', roles: ['user'] })}`]) {
      for (const query of ['{ regionHealth { region } }', '{ conflicts(subgraph: "work") { id } }']) {
        const answer = await accounts.gql(US, query, authorization === undefined ? {} : { headers: { authorization } });
        assert.equal(answer.errors[0]?.extensions.code, authorization === undefined ? 'UNAUTHENTICATED' : 'FORBIDDEN');
      }
    }
    assert.deepEqual([await requests(work), other.received.length], before);
    // Here the administrator is one; where the sibling would not have it so, it says so.
    reply = {
      body: JSON.stringify({
        errors: [{ message: 'regionHealth is for administrators.', extensions: { code: 'FORBIDDEN' } }],
      }),
    };
    assert.equal(
      (await health(accounts, US)).at(-1)?.error,
      'The server of subgraph other refused: regionHealth is for administrators.; how its regions are is not known.',
    );
    assert.equal(other.received.at(-1)?.headers.authorization, headers()['authorization']);
  });

  it('report the reason for a subgraph whose server is dead, hangs or returns garbage, and answer for the others', async () => {
    const faults: readonly (readonly [Record<string, string>, Reply, RegExp])[] = [
      [
        { other: 'http://127.0.0.1:1/graphql' },
        {},
        /^The server of subgraph other cannot be reached; how its regions are is not known\.$/,
      ],
      [{ other: other.url }, { body: '<html>hello</html>' }, /answered what no server of this version answers/],
      [{ other: other.url }, { body: '{}', afterMs: 3_000 }, /did not answer within 600 ms/],
      [{ other: accounts.server(US).url }, {}, /says that it is subgraph "accounts": correct siblings/],
    ];
    for (const [siblings, fault, why] of faults) {
      reply = fault;
      await know({ ...siblings, work: work.server(US).url });
      const began = performance.now();
      const all = await health(accounts, US);
      const tookMs = performance.now() - began;
      assert.deepEqual(places(all), [
        `accounts ${US} HEALTHY`,
        `work ${US} HEALTHY`,
        `work ${EU} HEALTHY`,
        `other ${US} UNREACHABLE`,
      ]);
      assert.ok(tookMs < LIMIT_MS + 1_500, `took ${tookMs} ms`);
      const silent = all.at(-1);
      assert.match(silent?.error ?? '', why);
      assert.deepEqual(
        [
          silent?.cluster,
          silent?.databaseHealthy,
          silent?.replicationLagMs,
          silent?.alerts.map(({ kind, message }) => [kind, message]),
        ],
        [null, false, null, [['UNREACHABLE', silent?.error]]],
      );
      assert.ok(Math.abs(Date.parse(silent?.alerts[0]?.since ?? '') - Date.now()) < 10_000);
      // Nothing is known of its other regions either, and that is not passed over.
      assert.deepEqual(places(await health(accounts, US, EU)), [`work ${EU} HEALTHY`, `other ${EU} UNREACHABLE`]);
    }
    assert.equal(
      (await fetch(accounts.server(US).url.replace('/graphql', '/health/ready'))).status,
      200,
      "it is this server's own health",
    );
  });

  it('return the conflicts of the named subgraph only, page by page', async () => {
    await know({ work: work.server(US).url, other: 'http://127.0.0.1:1/graphql' });
    const meet = async (app: TestApp, id: number, title: string): Promise<Answer> => {
      for (const text of ['first', title])
        assert.deepEqual(
          (
            await app.gql(
              US,
              'mutation($id: ID!, $title: String) { editNote(id: $id, expectedVersion: 1, title: $title) { token } }',
              { variables: { id, title: text } },
            )
          ).errors,
          [],
        );
      return app.gql(US, '{ note(id: 1) { title } }');
    };
    await meet(accounts, 1, 'of accounts');
    for (const id of [2, 3, 4]) await meet(work, id, `of work ${id}`);
    const conflicts = (
      variables: Record<string, unknown>,
      app = accounts,
    ): Promise<Answer<{ conflicts: readonly Conflict[] }>> =>
      app.gql(US, CONFLICTS, { variables, headers: headers(), token: '' });

    const unnamed = await conflicts({});
    assert.deepEqual(
      [unnamed.data, unnamed.errors[0]?.extensions.code, unnamed.errors[0]?.message],
      [
        null,
        'BAD_USER_INPUT',
        'Each subgraph of this graph keeps its own conflicts; name one: "subgraph" is accounts or work or other.',
      ],
    );
    const own = await conflicts({ subgraph: 'accounts' });
    assert.deepEqual(
      own.data?.conflicts.map(({ subgraph, rowId, incoming }) => [subgraph, rowId, incoming]),
      [['accounts', '1', { title: 'of accounts' }]],
    );
    const theirs = await conflicts({ subgraph: 'work', first: 2 });
    assert.deepEqual(
      theirs.data?.conflicts.map(({ subgraph, rowId, incoming }) => [subgraph, rowId, incoming]),
      [
        ['work', '4', { title: 'of work 4' }],
        ['work', '3', { title: 'of work 3' }],
      ],
    );
    const rest = await conflicts({ subgraph: 'work', first: 2, before: theirs.data?.conflicts.at(-1)?.id });
    assert.deepEqual(
      rest.data?.conflicts.map(({ rowId }) => rowId),
      ['2'],
    );
    assert.deepEqual(
      (await conflicts({ subgraph: 'work', first: 2 }, work)).data,
      theirs.data,
      'the same whoever is asked',
    );
    // The token covers what the other cluster has shown.
    const codec = new TokenCodec({ secrets: [TOKEN_SECRET], maxTokenBytes: 4_096 });
    assert.ok(codec.decode(theirs.token ?? '').has((await clusterOf(work)) as never));

    const nobody = await conflicts({ subgraph: 'nobody' });
    assert.equal(
      nobody.errors[0]?.message,
      'There is no subgraph "nobody" known to this server; it knows accounts, work, other.',
    );
    const dead = await conflicts({ subgraph: 'other' });
    assert.deepEqual(
      [dead.errors[0]?.extensions.code, dead.errors[0]?.message],
      [
        'REGION_UNAVAILABLE',
        'The conflicts of subgraph other cannot be shown: its server cannot be reached. Try again, or ask that server itself.',
      ],
    );
    // What one server of the graph asks another is answered by that one alone.
    const asked = await ask<{ conflicts: readonly Conflict[] }>(
      work.server(US).url,
      '{ conflicts(first: 1) { rowId } }',
      { headers: { ...headers(), 'meridian-sibling': 'accounts' } },
    );
    assert.deepEqual(asked.data, { conflicts: [{ rowId: '4' }] });
  });
});
