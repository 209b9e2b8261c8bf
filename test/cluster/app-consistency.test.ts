/**
 * Proves the promise over HTTP: a client with a token reads its write in every region; without a token it does not
 * always.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stacksOf } from '../../src/app/layer.ts';
import { AP, EU, US, type TestApp } from '../support/app.ts';
import { NAME, RENAME, rename, startPromiseApp, writesSeen, type Named, type Renamed } from '../support/promise.ts';

describe('an application over HTTP', () => {
  let app: TestApp;
  before(async () => {
    app = await startPromiseApp();
  });
  after(async () => app[Symbol.asyncDispose]());

  it('shows the anomaly without a token', async () => {
    // Otherwise it would be a race, which replication wins on a busy machine.
    await app.cluster.pauseReplay(AP);
    try {
      assert.equal((await writesSeen(app, { count: 40, withToken: false })).seen, 0);
    } finally {
      await app.cluster.resumeReplay(AP);
    }
    await app.cluster.caughtUp(AP);
  });

  it('shows 200 of 200 writes with their token', async () => {
    assert.equal((await writesSeen(app, { count: 200, withToken: true })).seen, 200);
  });

  it("shows every write from the primary while the region's replay is paused", async () => {
    await app.cluster.pauseReplay(AP);
    try {
      const { seen, primary } = await writesSeen(app, { count: 100, withToken: true });
      assert.equal(seen, 100);
      assert.equal(primary, 100);
    } finally {
      await app.cluster.resumeReplay(AP);
    }
    await app.cluster.caughtUp(AP);
  });

  it('returns tokens with reads, so that a client that changes its region never sees an older state', async () => {
    await app.cluster.pauseReplay(AP);
    try {
      await rename(app, US, { id: 50, name: 'seen in US' });
      const inUs = await app.gql<Named>(US, NAME, { variables: { id: 50 } });
      assert.equal(inUs.data?.user.name, 'seen in US');
      assert.notEqual(
        (await app.gql<Named>(AP, NAME, { variables: { id: 50 } })).data?.user.name,
        'seen in US',
        'AP shows the write although its replay is paused',
      );
      const inAp = await app.gql<Named>(AP, NAME, { variables: { id: 50 }, token: inUs.token });
      assert.equal(inAp.data?.user.name, 'seen in US');
    } finally {
      await app.cluster.resumeReplay(AP);
    }
  });

  it('merges tokens that a gateway has joined with commas', async () => {
    const old = await rename(app, EU, { id: 60, name: 'first' });
    const young = await rename(app, EU, { id: 61, name: 'second' });
    for (const token of [`${old},${young}`, `${young} , ${old}`]) {
      const answer = await app.gql<{ a: { name: string }; b: { name: string } }>(
        AP,
        '{ a: user(id: 60) { name } b: user(id: 61) { name } }',
        { token },
      );
      assert.deepEqual(answer.data, { a: { name: 'first' }, b: { name: 'second' } });
    }
  });

  it("shows a mutation's write in the reads below it and after it, in whatever region it runs", async () => {
    const answer = await app.gql<{
      createTask: { task: { id: string; project: { tasks: { nodes: { title: string }[] } } } };
      addComment: { comment: { task: { comments: { totalCount: number } } } };
    }>(
      AP,
      `mutation { createTask(input: { projectId: 7, title: "fresh" }) { task { id project { tasks(first: 1, orderBy: CREATED_AT_DESC) { nodes { title } } } } token }
        addComment(input: { taskId: 3, authorId: 1, body: "hello" }) { comment { task { comments { totalCount } } } token } }`,
    );
    assert.deepEqual(answer.errors, []);
    assert.equal(answer.data?.createTask.task.project.tasks.nodes[0]?.title, 'fresh');
    const [row] = await app.cluster.query<{ n: number }>(
      US,
      'SELECT count(*)::int AS n FROM comments WHERE task_id = 3',
    );
    assert.equal(answer.data?.addComment.comment.task.comments.totalCount, row?.n);
  });

  it("sends a mutation to the primary's region in one round trip", async () => {
    const before = await roundTrips(app);
    const answer = await app.gql<Renamed>(AP, RENAME, { variables: { id: 70, name: 'quick' } });
    assert.deepEqual(answer.errors, []);
    const after = await roundTrips(app);
    assert.deepEqual({ count: after.count - before.count, sum: after.sum - before.sum }, { count: 1, sum: 1 });
    assert.ok(answer.ms >= 149, `took ${answer.ms} ms over a round trip of 150 ms`);
  });
});

async function roundTrips(app: TestApp): Promise<{ count: number; sum: number }> {
  const { values } = await stacksOf(app.server(AP).layer).telemetry.metrics.writeRoundTrips.get();
  const of = (suffix: string): number => values.find(({ metricName }) => metricName?.endsWith(suffix))?.value ?? 0;
  return { count: of('_count'), sum: of('_sum') };
}
