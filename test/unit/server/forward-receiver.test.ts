/**
 * Proves what the endpoint for forwarded mutations costs those who have no business there, and that this server's own
 * limits hold for those who have.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { request } from 'undici';
import { SIGNATURE_HEADER } from '../../../src/protocol/headers.ts';
import { ForwardGate, forwardKeys, sign } from '../../../src/forwarding/signature.ts';
import { type ForwardSettings } from '../../../src/server/forward-receiver.ts';
import { startTestServer, type TestServer, type TestServerSettings } from '../../support/server.ts';

const [KEY] = forwardKeys(['secret']);
assert.ok(KEY);
const key = KEY;

interface Envelope {
  readonly query?: unknown;
  readonly variables?: unknown;
  readonly extensions?: unknown;
  readonly viewer?: unknown;
}
const envelope = (parts: Envelope = {}): string =>
  JSON.stringify({
    query: 'mutation { touch }',
    operationName: null,
    variables: {},
    extensions: {},
    viewer: null,
    headers: {},
    ...parts,
  });
const signed = (body: string): Record<string, string> => ({
  [SIGNATURE_HEADER]: sign({ key, body, from: 'ap', to: 'us' }),
});

interface Forwarding extends TestServer {
  readonly post: (
    body: string,
    headers?: Record<string, string>,
  ) => Promise<{
    status: number;
    answered: string | undefined;
    body: { data?: unknown; errors?: { message: string; extensions: { code: string } }[] };
  }>;
}

async function start(settings: TestServerSettings = {}, maxNonces = 100): Promise<Forwarding> {
  const forward: ForwardSettings = {
    gate: new ForwardGate({ keys: [key], region: 'us', windowMs: 10_000, maxNonces }),
    isPrimary: () => true,
    onMistaken: () => undefined,
  };
  const server = await startTestServer({ ...settings, forward });
  const post: Forwarding['post'] = async (body, headers = signed(body)) => {
    const response = await request(`${server.base}/forward`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
    const answered = response.headers['meridian-answered'];
    return {
      status: response.statusCode,
      answered: typeof answered === 'string' ? answered : undefined,
      body: (await response.body.json()) as Awaited<ReturnType<Forwarding['post']>>['body'],
    };
  };
  return { ...server, post, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

describe('the endpoint for forwarded mutations', () => {
  it('answers an unsigned request before its body is sent', async () => {
    await using server = await start();
    const port = Number(new URL(server.base).port);
    const heard = await new Promise<string>((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () =>
        socket.write(
          'POST /forward HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n',
        ),
      );
      socket
        .once('data', (data) => {
          resolve(data.toString());
          socket.destroy();
        })
        .once('error', reject);
    });
    assert.match(heard, /^HTTP\/1\.1 401 /);
  });

  it('waits for a body no longer than receiveMs, whoever sends it, as all of the server does', async () => {
    await using server = await start({ options: { receiveMs: 300 } });
    for (const path of ['/forward', '/graphql']) {
      const began = performance.now();
      const heard = await new Promise<string>((resolve, reject) => {
        const head = `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n${SIGNATURE_HEADER}: v1 ${Date.now()} ${'A'.repeat(22)} ap us ${'A'.repeat(43)}\r\ncontent-length: 1000\r\n\r\n{`;
        const socket = connect(Number(new URL(server.base).port), '127.0.0.1', () => socket.write(head));
        let text = '';
        socket
          .on('data', (data) => (text += data.toString()))
          .once('close', () => resolve(text))
          .once('error', reject);
      });
      assert.match(heard, /^HTTP\/1\.1 408 /, path);
      assert.ok(performance.now() - began < 3_000, `${path}: ${performance.now() - began} ms`);
    }
  });

  it('remembers no forged request, and logs only some of them', async () => {
    await using server = await start({ options: { maxErrorLogs: 3 } }, 2);
    for (let i = 0; i < 20; i += 1)
      assert.equal(
        (
          await server.post(envelope(), {
            [SIGNATURE_HEADER]: `v1 ${Date.now()} ${String(i).padStart(22, 'A')} ap us ${'A'.repeat(43)}`,
          })
        ).status,
        401,
      );
    assert.deepEqual(
      [
        (await server.post(envelope())).status,
        (await server.post(envelope())).status,
        (await server.post(envelope())).status,
      ],
      [200, 200, 429],
    );
    const lines = server.logged.filter(({ msg }) => String(msg).startsWith('A forwarded mutation was refused'));
    assert.ok(lines.length >= 3 && lines.length <= 12, String(lines.length));
    assert.doesNotMatch(JSON.stringify(lines), /AAAAAAA/);
  });

  it('accepts no body above twice the largest request with its headers and viewer', async () => {
    await using server = await start({ options: { maxRequestBytes: 1_000 } });
    assert.equal((await server.post(envelope({ variables: { a: 'x'.repeat(1_900) } }))).status, 200);
    assert.equal((await server.post(envelope({ variables: { a: 'x'.repeat(70_000) } }))).status, 413);
  });

  it('applies the limits of its own clients to forwarded mutations', async () => {
    await using server = await start({ options: { maxRequestDepth: 20, maxQueryDepth: 3, maxQueryTokens: 30 } });
    const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth));
    assert.equal((await server.post(envelope({ variables: { a: nested(10) } }))).answered, '200');
    for (const parts of [{ variables: { a: nested(30) } }, { extensions: { a: nested(30) } }]) {
      const { status, answered, body } = await server.post(envelope(parts));
      const own = await request(server.running.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: 'mutation { touch }', ...parts }),
      });
      assert.deepEqual([status, answered, body], [200, String(own.statusCode), await own.body.json()]);
    }
    for (const query of ['{ node { child { child { child { id } } } } }', `mutation { ${'touch '.repeat(40)} }`]) {
      assert.equal((await server.post(envelope({ query }))).body.data, undefined, query);
    }
  });

  it('checks the form of a signed body too', async () => {
    await using server = await start();
    const viewer = { id: '1', tenant: null, roles: [] };
    for (const body of [
      '',
      'null',
      '[]',
      '{',
      '"text"',
      envelope({ query: 1 }),
      envelope({ variables: [] }),
      envelope({ variables: null }),
      envelope({ extensions: 'text' }),
      envelope({ viewer: { ...viewer, id: 1 } }),
      envelope({ viewer: { ...viewer, roles: [1] } }),
      envelope({ viewer: { ...viewer, roles: 'admin' } }),
      envelope({ viewer: [] }),
      `[${envelope()}]`,
    ]) {
      const {
        status,
        body: { errors },
      } = await server.post(body);
      assert.deepEqual([status, typeof errors?.[0]?.message], [400, 'string'], body);
    }
    assert.equal((await server.post(envelope(), { ...signed(envelope()), 'content-type': 'text/plain' })).status, 415);
  });

  it("goes on in the trace that the other region's server has passed on", async () => {
    await using server = await start();
    const body = envelope({ query: 'mutation { untouched }' });
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    await server.post(body, { ...signed(body), traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    assert.deepEqual(
      server.logged.filter((line) => line['traceId'] === traceId).map(({ msg }) => msg),
      ['answered'],
    );
  });
});
