/** Proves live queries: the answer at once, and again whenever something that it shows has changed, in every region. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, EU, startTestApp, US, type TestApp } from '../support/app.ts';
import { EventWatcher, SocketWatcher, type Watcher } from '../support/live.ts';
import { until } from '../support/observe.ts';
import { sleep } from '../../src/base/clock.ts';

const TASK = 'subscription ($id: ID!) { task(id: $id) { id title assignee { name } project { name } } }';
const PROJECT = 'subscription ($id: ID!) { project(id: $id) { name tasks(first: 3) { totalCount nodes { title } } } }';

describe('a live query', () => {
  let app: TestApp;

  before(async () => {
    app = await startTestApp({ scale: 0.05, redis: true, settings: { heartbeatMs: 200, probeMs: 100 } });
  });
  after(async () => app[Symbol.asyncDispose]());

  const watch = {
    SSE: (region: string, query: string, id: string, headers = {}) =>
      new EventWatcher(app.server(region).url, { query, variables: { id }, headers }),
    WebSocket: (region: string, query: string, id: string, headers = {}) =>
      new SocketWatcher(app.server(region).url, { query, variables: { id }, headers }),
  };
  const shown = (watcher: Watcher): readonly string[] =>
    watcher.messages.map(({ data }) => JSON.stringify(data).match(/"title":"([^"]*)"/)?.[1] ?? '');

  for (const [transport, open] of Object.entries(watch)) {
    it(`sends its answer over ${transport} at once, and again when its row or a related row has changed`, async () => {
      await using watcher = open(AP, TASK, '2');
      const first = await watcher.message(0);
      assert.equal((first.data?.['task'] as { id: string }).id, '2');
      assert.ok(first.extensions?.consistency?.token, 'each message has a token');
      await app.cluster.query(US, `UPDATE tasks SET title = 'one ${transport}' WHERE id = 2`);
      assert.equal(((await watcher.message(1)).data?.['task'] as { title: string }).title, `one ${transport}`);
      await app.cluster.query(
        US,
        `UPDATE projects SET name = 'p ${transport}' WHERE id = (SELECT project_id FROM tasks WHERE id = 2)`,
      );
      assert.match(JSON.stringify((await watcher.message(2)).data), new RegExp(`p ${transport}`));
    });
  }

  it('sends nothing for changes of other rows, nor for writes that change no value', async () => {
    await using watcher = watch.SSE(EU, TASK, '3');
    await watcher.message(0);
    await app.cluster.query(US, "UPDATE tasks SET title = 'other' WHERE id = 4");
    await app.cluster.query(US, 'UPDATE tasks SET title = title WHERE id = 3');
    await app.cluster.caughtUp();
    await sleep(500);
    assert.equal(watcher.messages.length, 1);
  });

  it('reports rows that enter or leave a list', async () => {
    await using watcher = watch.WebSocket(EU, PROJECT, '1');
    const total = (n: number): number =>
      (watcher.messages[n]?.data?.['project'] as { tasks: { totalCount: number } }).tasks.totalCount;
    await watcher.message(0);
    const [row] = await app.cluster.query(US, "INSERT INTO tasks (project_id, title) SELECT 1, 'new' RETURNING id");
    await watcher.message(1);
    assert.equal(total(1), total(0) + 1);
    await app.cluster.query(US, 'DELETE FROM tasks WHERE id = $1', [row?.['id']]);
    await watcher.message(2);
    assert.equal(total(2), total(0));
  });

  it('shares one execution among all clients with the same query', async () => {
    const metric = async (name: string): Promise<number> => {
      const text = await (await fetch(app.server(EU).url.replace('/graphql', '/metrics'))).text();
      return Number(new RegExp(`^meridian_${name} (\\S+)`, 'm').exec(text)?.[1] ?? 0);
    };
    const watchers = Array.from({ length: 20 }, () => watch.SSE(EU, TASK, '5'));
    await Promise.all(watchers.map((watcher) => watcher.message(0)));
    assert.equal(await metric('live_queries'), 1);
    assert.equal(await metric('live_subscribers'), 20);
    const before = await metric('live_executions_total');
    await app.cluster.query(US, "UPDATE tasks SET title = 'shared' WHERE id = 5");
    await Promise.all(watchers.map((watcher) => watcher.message(1)));
    assert.equal((await metric('live_executions_total')) - before, 1);
    await Promise.all(watchers.map((watcher) => watcher[Symbol.asyncDispose]()));
    await until('nobody subscribes any more', async () => (await metric('live_subscribers')) === 0);
    assert.equal(await metric('live_queries'), 0);
  });

  it('waits until its answer is not older than the token that a client sends', async () => {
    await app.cluster.caughtUp();
    await app.cluster.pauseReplay(AP);
    try {
      const written = await app.gql(
        US,
        'mutation { updateTask(id: 6, input: { title: "after the pause" }) { task { title } } }',
        { token: '' },
      );
      assert.deepEqual(written.errors, []);
      await using without = watch.SSE(AP, TASK, '6');
      await without.message(0);
      assert.notEqual(shown(without)[0], 'after the pause', 'without a token the region shows what it has');
      await using watcher = watch.SSE(AP, TASK, '6', { 'consistency-token': written.token ?? '' });
      await watcher.message(0);
      assert.equal(shown(watcher)[0], 'after the pause');
    } finally {
      await app.cluster.resumeReplay(AP);
    }
  });

  it('ends for a client with a refused operation, with the errors of a query', async () => {
    await using events = new EventWatcher(app.server(EU).url, { query: 'subscription { nothing }' });
    assert.match((await events.message(0)).errors?.[0]?.message ?? '', /nothing/);
    await until('the stream has ended', () => events.hasEnded);
    assert.equal(events.isComplete, true);
    await using socket = new SocketWatcher(app.server(EU).url, { query: 'subscription { nothing }' });
    await until('the subscription has ended', () => socket.hasEnded);
    assert.match(JSON.stringify(socket.error), /GRAPHQL_VALIDATION_FAILED/);
  });

  it('is refused with an error over a transport for a single answer', async () => {
    const answer = await app.gql(EU, 'subscription { task(id: 1) { id } }');
    assert.equal(answer.errors[0]?.extensions.code, 'OPERATION_RESOLUTION_FAILURE');
    assert.match(answer.errors[0]?.message ?? '', /WebSocket/);
  });
});
