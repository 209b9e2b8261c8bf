/** Owns the proof that machines can tell how a server is. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { startTestServer, type TestServer } from '../../support/server.ts';

async function get(server: TestServer, path: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(server.base + path);
  return { status: response.status, body: await response.json() };
}

describe('/health', () => {
  it('says that it is live and ready', async () => {
    await using server = await startTestServer();
    assert.deepEqual(await get(server, '/health/live'), { status: 200, body: { status: 'live' } });
    assert.deepEqual(await get(server, '/health/ready'), { status: 200, body: { status: 'ready' } });
  });

  it('says why it is not ready, yet is live', async () => {
    await using server = await startTestServer({
      ready: async () => ({ ok: false, why: 'No database of any region is reachable.' }),
    });
    assert.deepEqual(await get(server, '/health/ready'), {
      status: 503,
      body: { status: 'not ready', why: 'No database of any region is reachable.' },
    });
    assert.equal((await get(server, '/health/live')).status, 200);
  });

  it('is not ready when the checks fail or take too long', async () => {
    await using failing = await startTestServer({ ready: () => Promise.reject(new Error('no catalog')) });
    assert.deepEqual(await get(failing, '/health/ready'), {
      status: 503,
      body: { status: 'not ready', why: 'The checks failed: no catalog' },
    });
    await using slow = await startTestServer({
      options: { readyMs: 50 },
      ready: () => pause(5_000, { ok: true }, { ref: false }),
    });
    assert.deepEqual(await get(slow, '/health/ready'), {
      status: 503,
      body: { status: 'not ready', why: 'The checks took longer than 50 ms.' },
    });
  });
});

describe('/metrics', () => {
  it('is Prometheus text with what was asked, by route and type', async () => {
    await using server = await startTestServer();
    await server.ask('{ hello }');
    await server.ask('{ nothing }');
    await server.ask('mutation { touch }');
    await fetch(`${server.base}/wp-admin/${Math.random()}`);
    const response = await fetch(`${server.base}/metrics`);
    assert.match(response.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    for (const line of samples)
      assert.match(line, /^[a-z_]+(\{([a-z_]+="[^"]*",?)*\})? (NaN|[+-]?Inf|-?\d+(\.\d+)?(e[+-]?\d+)?)$/, line);
    for (const type of ['query', 'invalid', 'mutation'])
      assert.ok(samples.includes(`meridian_graphql_operations_total{type="${type}"} 1`), type);
    assert.ok(samples.includes('meridian_http_requests_total{method="POST",route="/graphql",status="200"} 3'));
    assert.ok(samples.includes('meridian_http_requests_total{method="any",route="unmatched",status="404"} 1'));
    // The request for the metrics itself.
    assert.ok(samples.includes('meridian_http_requests_in_flight 1'));
  });
});
