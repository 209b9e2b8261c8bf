/**
 * Proves mutations through gateways on real databases: several mutations in several subgraphs with one key each run
 * exactly once, however often the client sends them.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EU, GATEWAY_KINDS, startTestGraph, US, type TestGraph } from '../support/graph.ts';

const QUERY = `mutation ($task: ID!, $text: String!) {
  a: addComment(input: { taskId: $task, authorId: 1, body: $text }) { comment { body author { name } } }
  rename: updateUser(id: 1, input: { bio: $text }) { user { bio version } }
  b: addComment(input: { taskId: $task, authorId: 1, body: $text }) { comment { body } }
  again: updateUser(id: 2, input: { bio: $text }) { user { bio version } }
  task: updateTask(id: $task, input: { title: $text }) { task { title version } }
}`;

describe('mutations through a gateway', { timeout: 300_000 }, () => {
  let graph: TestGraph;
  before(async () => {
    // Forwarded over the simulated WAN's links, which have no delay here: what a gateway sends has to come along.
    graph = await startTestGraph({ forwarding: true });
  });
  after(async () => graph[Symbol.asyncDispose]());

  const count = async (text: string): Promise<number> =>
    Number(
      (
        await graph.apps.work.cluster.query<{ n: string }>(US, 'SELECT count(*) AS n FROM comments WHERE body = $1', [
          text,
        ])
      )[0]?.n,
    );

  for (const kind of GATEWAY_KINDS) {
    it(`run once through ${kind}, and get the same answer for every repeated request`, async () => {
      const text = `${kind} once`;
      const call = { variables: { task: 21, text }, headers: { 'idempotency-key': `${kind}-${'k'.repeat(240)}` } };
      const first = await graph.gql<unknown>({ kind, region: EU }, QUERY, call);
      assert.deepEqual(
        [first.errors, first.consistency && 'replayed' in first.consistency, first.consistency?.writes],
        [[], false, 'forwarded'],
      );
      for (const region of [EU, US, EU]) {
        const retry = await graph.gql<unknown>({ kind, region }, QUERY, call);
        assert.deepEqual(
          [retry.errors, retry.data, (retry.consistency as { replayed?: boolean } | null)?.replayed],
          [[], first.data, true],
          region,
        );
      }
      assert.equal(await count(text), 2);
    });

    it(`run once through ${kind} when the attempts are simultaneous`, async () => {
      const text = `${kind} at once`;
      const call = { variables: { task: 22, text }, headers: { 'idempotency-key': `${kind} at once` } };
      const answers = await Promise.all(
        [EU, US, EU, US].map((region) => graph.gql<unknown>({ kind, region }, QUERY, call)),
      );
      assert.deepEqual(
        answers.map(({ errors, data }) => [errors, data]),
        answers.map(() => [[], answers[0]?.data]),
      );
      assert.equal(await count(text), 2);
    });

    it(`are each refused through ${kind} when their key comes with another request`, async () => {
      const call = (text: string): object => ({
        variables: { task: 23, text },
        headers: { 'idempotency-key': `${kind} reused` },
      });
      await graph.gql({ kind, region: EU }, QUERY, call(`${kind} this`));
      const { errors } = await graph.gql({ kind, region: EU }, QUERY, call(`${kind} that`));
      assert.ok(errors.length > 0);
      assert.deepEqual(
        new Set(errors.map(({ extensions: { code, retryable } }) => `${code} ${String(retryable)}`)),
        new Set(['IDEMPOTENCY_KEY_REUSED false']),
      );
      assert.equal(await count(`${kind} that`), 0);
    });

    it(`run every time through ${kind} without a key`, async () => {
      const text = `${kind} twice`;
      for (let i = 0; i < 2; i += 1) await graph.gql({ kind, region: EU }, QUERY, { variables: { task: 24, text } });
      assert.equal(await count(text), 4);
    });
  }

  it('run once with header propagation alone if a subgraph has one of them, and several of one subgraph are refused', async () => {
    for (const kind of GATEWAY_KINDS) {
      const through = { kind, region: EU, mode: 'headers' } as const;
      const one = { variables: { task: 25, text: `${kind} alone` }, headers: { 'idempotency-key': `${kind} alone` } };
      const single =
        'mutation ($task: ID!, $text: String!) { addComment(input: { taskId: $task, authorId: 1, body: $text }) { comment { body } } }';
      const answers = [await graph.gql(through, single, one), await graph.gql(through, single, one)];
      assert.deepEqual(
        answers.map(({ errors }) => errors),
        [[], []],
      );
      assert.equal(await count(`${kind} alone`), 1);
      const { errors } = await graph.gql(through, QUERY, {
        variables: { task: 25, text: `${kind} several` },
        headers: { 'idempotency-key': `${kind} several` },
      });
      assert.deepEqual([...new Set(errors.map(({ extensions }) => extensions.code))], ['IDEMPOTENCY_KEY_REUSED']);
    }
  });
});
