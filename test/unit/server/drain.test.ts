/** Owns the proof that a server that closes finishes what it has begun, in bounded time. */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { startTestServer } from '../../support/server.ts';

const ready = async (base: string): Promise<number> => (await fetch(`${base}/health/ready`)).status;

describe('draining', () => {
  it('finishes the request in flight, refuses new connections, and closes', async () => {
    const server = await startTestServer();
    const inFlight = server.ask('{ slow }');
    await server.slow.begun;
    const closed = server.running.close();
    await pause(50);
    await assert.rejects(fetch(`${server.base}/health/live`, { headers: { connection: 'close' } }));
    server.slow.release();
    const { status, body, headers } = await inFlight;
    assert.equal(status, 200);
    assert.deepEqual(body, { data: { slow: 'done' } });
    assert.equal(headers.get('connection'), 'close');
    await closed;
    await server.running.close();
  });

  it('is seen by load balancers before connections are refused', async () => {
    const server = await startTestServer({ options: { drainDelayMs: 300 } });
    assert.equal(await ready(server.base), 200);
    const closed = server.running.close();
    assert.equal(await ready(server.base), 503);
    assert.deepEqual((await server.ask('{ hello }')).body, { data: { hello: 'world' } });
    await closed;
    await assert.rejects(ready(server.base));
  });

  it('cuts a request that does not finish within drainMs', async () => {
    const server = await startTestServer({ options: { drainMs: 100 } });
    const inFlight = assert.rejects(server.ask('{ slow }'));
    await server.slow.begun;
    const startedMs = performance.now();
    await server.running.close();
    assert.ok(performance.now() - startedMs < 2_000);
    await inFlight;
    server.slow.release();
  });

  it("aborts the context's signal when its client has gone", async () => {
    const gone = Promise.withResolvers<void>();
    await using server = await startTestServer({
      context: async (request) => {
        request.signal.addEventListener('abort', () => gone.resolve());
        return { viewer: null, request };
      },
    });
    const client = new AbortController();
    const asked = fetch(server.running.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ slow }"}',
      signal: client.signal,
    });
    await server.slow.begun;
    client.abort();
    await assert.rejects(asked);
    await gone.promise;
    server.slow.release();
  });
});
