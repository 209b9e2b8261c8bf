/**
 * Proves the promise through federation gateways: a client that wrote in two subgraphs, through the gateways of two
 * regions, reads both writes through the gateway of a third region, whichever replica is behind. Header propagation
 * alone does not keep that promise.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { TOKEN_SECRET } from '../support/app.ts';
import {
  AP,
  EU,
  GATEWAY_KINDS,
  startTestGraph,
  SUBGRAPHS,
  US,
  type GraphGatewayOptions,
  type SubgraphName,
  type TestGraph,
} from '../support/graph.ts';
import { GraphClient } from '../support/graph-client.ts';

const ROUNDS = 1_000;
/** Clients at once; each has a user and a task of its own. */
const LANES = 5;
/** In AP: which subgraph's replica stands still, in turn. */
const PHASES: readonly (SubgraphName | null)[] = ['accounts', 'work', null, 'accounts', 'work'];

const RENAME = 'mutation ($id: ID!, $name: String!) { updateUser(id: $id, input: { name: $name }) { user { name } } }';
const RETITLE =
  'mutation ($id: ID!, $user: ID!, $title: String!) { updateTask(id: $id, input: { title: $title, assigneeId: $user }) { task { title } } }';
const BOTH =
  'mutation ($user: ID!, $name: String!, $task: ID!, $title: String!) { updateUser(id: $user, input: { name: $name }) { user { name } } updateTask(id: $task, input: { title: $title, assigneeId: $user }) { task { title } } }';
/** In parallel from both, and from accounts to work and back again. */
const LOOK =
  'query ($user: ID!, $task: ID!) { user(id: $user) { name assignedTasks(first: 50) { nodes { id title assignee { name } } } } task(id: $task) { title assignee { name } } }';

interface Seen {
  readonly user: {
    readonly name: string;
    readonly assignedTasks: {
      readonly nodes: readonly {
        readonly id: string;
        readonly title: string;
        readonly assignee: { readonly name: string };
      }[];
    };
  };
  readonly task: { readonly title: string; readonly assignee: { readonly name: string } };
}

/** Whether everything in the answer is as it was written last, wherever it is shown. */
function isRight(seen: Seen | null, { task, name, title }: { task: number; name: string; title: string }): boolean {
  if (seen === null) return false;
  const listed = seen.user.assignedTasks.nodes.find(({ id }) => id === String(task));
  return (
    seen.user.name === name &&
    seen.task.title === title &&
    seen.task.assignee.name === name &&
    listed?.title === title &&
    seen.user.assignedTasks.nodes.every(({ assignee }) => assignee.name === name)
  );
}

describe("a client's token in a federated graph", { timeout: 900_000 }, () => {
  let graph: TestGraph;
  before(async () => {
    graph = await startTestGraph();
  });
  afterEach(async () => {
    for (const name of SUBGRAPHS) await graph.apps[name].cluster.resumeReplay(AP);
  });
  after(async () => graph[Symbol.asyncDispose]());

  const inPhases = async (rounds: number, round: (i: number) => Promise<void>): Promise<void> => {
    for (const [phase, paused] of PHASES.entries()) {
      if (paused !== null) await graph.apps[paused].cluster.pauseReplay(AP);
      const per = rounds / PHASES.length;
      await Promise.all(
        Array.from({ length: LANES }, async (_, lane) => {
          for (let i = phase * per + lane; i < (phase + 1) * per; i += LANES) await round(i);
        }),
      );
      if (paused !== null) {
        await graph.apps[paused].cluster.resumeReplay(AP);
        await graph.apps[paused].cluster.caughtUp(AP);
      }
    }
  };

  for (const kind of GATEWAY_KINDS) {
    for (const [tokenSecret, rounds] of [
      [true, ROUNDS],
      [false, ROUNDS / 5],
    ] as const) {
      it(`through ${kind}, ${tokenSecret ? 'which merges tokens' : 'without the secret'}, shows both writes in ${rounds} of ${rounds} rounds`, async () => {
        const through: Omit<GraphGatewayOptions, 'region'> = {
          kind,
          options: tokenSecret ? { tokenSecret: TOKEN_SECRET } : {},
        };
        const clients = Array.from({ length: LANES }, () => new GraphClient(graph, through));
        const wrong: unknown[] = [];
        let longest = 0;
        await inPhases(rounds, async (i) => {
          const lane = i % LANES;
          const client = clients[lane] as GraphClient;
          const [user, task] = [1 + lane, 1 + lane];
          const [name, title] = [`${kind} name ${i}`, `${kind} title ${i}`];
          await client.insist(EU, RENAME, { variables: { id: user, name } });
          await client.insist(US, RETITLE, { variables: { id: task, user, title } });
          longest = Math.max(longest, client.held.join(',').length);
          const { data, errors } = await client.insist<Seen>(AP, LOOK, { variables: { user, task } });
          if (!isRight(data, { task, name, title })) wrong.push({ i, data, errors });
        });
        assert.deepEqual(wrong, []);
        assert.ok(longest < 300, `the client's tokens took ${longest} bytes`);
      });
    }

    it(`through ${kind} covers both writes of one operation that writes in both subgraphs and reads them back`, async () => {
      const clients = Array.from({ length: LANES }, () => new GraphClient(graph, { kind }));
      const wrong: unknown[] = [];
      await inPhases(200, async (i) => {
        const lane = i % LANES;
        const client = clients[lane] as GraphClient;
        // Nothing is held from before: what the operation has seen so far is all that its fetches have.
        client.forget();
        const [user, task] = [1 + lane, 1 + lane];
        const [name, title] = [`${kind} both ${i}`, `${kind} both ${i}`];
        const written = await client.insist<{ updateTask: { task: { title: string; assignee: { name: string } } } }>(
          AP,
          BOTH.replace('task { title }', 'task { title assignee { name } }'),
          { variables: { user, name, task, title } },
        );
        if (written.data?.updateTask.task.assignee.name !== name) wrong.push({ i, written });
        const { data, errors } = await client.insist<Seen>(AP, LOOK, { variables: { user, task } });
        if (!isRight(data, { task, name, title })) wrong.push({ i, data, errors });
      });
      assert.deepEqual(wrong, []);
    });
  }

  describe('with header propagation alone', () => {
    /** Each gateway's usual recipe: the client gets the header that came last. */
    const lastOnly: Readonly<Record<(typeof GATEWAY_KINDS)[number], Omit<GraphGatewayOptions, 'region'>>> = {
      hive: { kind: 'hive', mode: 'headers', lastHeaderOnly: true },
      apollo: { kind: 'apollo', mode: 'headers' },
    };

    for (const kind of GATEWAY_KINDS) {
      it(`through ${kind} is lost where only the last header counts, and the client sees data older than its write`, async () => {
        await graph.apps.accounts.cluster.caughtUp(AP);
        await graph.apps.accounts.cluster.pauseReplay(AP);
        const client = new GraphClient(graph, lastOnly[kind]);
        const variables = { user: 11, name: `${kind} unseen`, task: 11, title: `${kind} unseen` };
        const { errors } = await client.ask(EU, BOTH, { variables });
        assert.deepEqual(errors, []);
        const { data } = await client.ask<Seen>(AP, LOOK, { variables });
        assert.deepEqual([data?.task.title, data?.user.name === variables.name], [variables.title, false]);
      });

      it(`through ${kind} is not sent on within the operation, which shows data older than its own write`, async () => {
        await graph.apps.accounts.cluster.caughtUp(AP);
        await graph.apps.accounts.cluster.pauseReplay(AP);
        const client = new GraphClient(graph, { kind, mode: 'headers' });
        const variables = { user: 12, name: `${kind} behind`, task: 12, title: `${kind} behind` };
        const { data } = await client.ask<{
          updateUser: { user: { name: string } };
          updateTask: { task: { title: string; assignee: { name: string } } };
        }>(AP, BOTH.replace('task { title }', 'task { title assignee { name } }'), { variables });
        assert.deepEqual(
          [data?.updateUser.user.name, data?.updateTask.task.assignee.name === variables.name],
          [variables.name, false],
        );
      });
    }
  });
});
