/**
 * Proves that a client that disconnects while other clients wait for the same read does not make the others read one by
 * one.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { startTestApp, US } from '../support/app.ts';
import { until } from '../support/observe.ts';

describe('a client that disconnects while other clients wait for the same read', () => {
  const TASKS = 'query($id: ID!) { project(id: $id) { tasks(first: 5) { nodes { id } } } }';
  const SLOW = { withinMs: 30_000 };

  it('leaves one shared read to the others, so that they do not read one by one', { timeout: 120_000 }, async () => {
    await using app = await startTestApp({ scale: 0.05 });
    const { url } = app.server(US);
    const inFlight = async (): Promise<number> =>
      Number(
        /http_requests_in_flight(?:\{.*\})? (\d+)/.exec(
          await (await fetch(url.replace('/graphql', '/metrics'))).text(),
        )?.[1],
      );
    const ask = (id: number) =>
      app.gql<{ project: { tasks: { nodes: unknown[] } } }>(US, TASKS, { variables: { id }, token: '' });
    await until('the cache answers', async () => (await ask(1)).consistency?.servedBy.cache === 2, SLOW);
    const db = new pg.Client({ connectionString: app.cluster.primary.dsn });
    await db.connect();
    try {
      // What nobody has asked for has to be read, which nobody can before the lock is gone.
      const expected = (await db.query('SELECT FROM tasks WHERE project_id = 2 LIMIT 5')).rowCount;
      await db.query('BEGIN');
      await db.query('LOCK TABLE tasks');
      const waiting = async (): Promise<number> =>
        (
          await db.query<{ n: number }>(
            "SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted AND relation = 'tasks'::regclass",
          )
        ).rows[0]?.n ?? 0;
      const leaving = new AbortController();
      const left = fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: TASKS, variables: { id: 2 } }),
        signal: leaving.signal,
      });
      await until('it reads', async () => (await waiting()) > 0, SLOW);
      const before = await waiting();
      const staying = Array.from({ length: 30 }, () => ask(2));
      // The one who asks for the figures is answered, too. From here to where they wait it is a matter of the process's
      // own.
      await until('all are there', async () => (await inFlight()) >= 32, SLOW);
      await sleep(200);
      leaving.abort();
      await assert.rejects(left, { name: 'AbortError' });
      await until('another one reads', async () => (await waiting()) > before, SLOW);
      await db.query('COMMIT');
      const answers = await Promise.all(staying);
      assert.deepEqual(new Set(answers.map(({ data }) => data?.project.tasks.nodes.length)), new Set([expected]));
      const readers = answers.filter(({ consistency }) => (consistency?.servedBy.primary ?? 0) > 0).length;
      assert.ok(readers <= 3, `${readers} of them read for themselves`);
    } finally {
      await db.end();
    }
  });
});
