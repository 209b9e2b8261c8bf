/**
 * Proves the promise through federation gateways in the short form: a client writes in two subgraphs through two
 * regions and reads through a third one, while replay in one region is paused.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, EU, GATEWAY_KINDS, startTestGraph, SUBGRAPHS, US, type TestGraph } from '../support/graph.ts';
import { GraphClient } from '../support/graph-client.ts';

const LOOK =
  '{ user(id: 1) { name assignedTasks(first: 50) { nodes { id title assignee { name } } } } task(id: 1) { title assignee { name } } }';

describe('a federated graph with one token for all subgraphs', { timeout: 120_000 }, () => {
  let graph: TestGraph;
  before(async () => {
    graph = await startTestGraph();
  });
  after(async () => graph[Symbol.asyncDispose]());

  for (const kind of GATEWAY_KINDS) {
    for (const paused of SUBGRAPHS) {
      it(`shows every write through ${kind} while replay in ${paused} is paused`, async () => {
        const { cluster } = graph.apps[paused];
        await cluster.pauseReplay(AP);
        try {
          const client = new GraphClient(graph, { kind });
          const text = `${kind} ${paused}`;
          await client.insist(
            EU,
            'mutation ($name: String!) { updateUser(id: 1, input: { name: $name }) { user { name } } }',
            { variables: { name: text } },
          );
          await client.insist(
            US,
            'mutation ($title: String!) { updateTask(id: 1, input: { title: $title, assigneeId: 1 }) { task { title } } }',
            { variables: { title: text } },
          );
          const { data, token } = await client.insist<{
            user: {
              name: string;
              assignedTasks: { nodes: { id: string; title: string; assignee: { name: string } }[] };
            };
            task: { title: string; assignee: { name: string } };
          }>(AP, LOOK);
          assert.deepEqual([data?.user.name, data?.task], [text, { title: text, assignee: { name: text } }]);
          const nodes = data?.user.assignedTasks.nodes ?? [];
          assert.equal(nodes.find(({ id }) => id === '1')?.title, text);
          assert.ok(nodes.every(({ assignee }) => assignee.name === text));
          assert.ok(token);
        } finally {
          await cluster.resumeReplay(AP);
          await cluster.caughtUp(AP);
        }
      });
    }
  }
});
