/**
 * Proves that connections with subscriptions harm nobody: whoever leaves, floods, does not read or lies about who asks,
 * the server goes on, and keeps nothing of it.
 */
import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { WebSocket } from 'ws';
import { sleep } from '../../../src/base/clock.ts';
import { EventWatcher, SocketWatcher } from '../../support/live.ts';
import { until } from '../../support/observe.ts';
import { startTestServer, type TestServer } from '../../support/server.ts';

const PROTOCOL = 'graphql-transport-ws';
const HANDSHAKE =
  'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\nsec-websocket-protocol: graphql-transport-ws\r\n';
const noTimers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;

function open({ running }: TestServer, headers: Record<string, string> = {}, protocol = PROTOCOL): WebSocket {
  return new WebSocket(running.url.replace('http', 'ws'), protocol, { headers });
}

interface Closing {
  readonly code: number;
  readonly messages: readonly string[];
}

/** Sends the messages one by one, and those behind the first when it was acknowledged; what came until the server closed it. */
function talk(socket: WebSocket, messages: readonly string[]): Promise<Closing> {
  const came: string[] = [];
  return new Promise((resolve, reject) => {
    const [first, ...others] = messages;
    socket.on('open', () => first !== undefined && socket.send(first));
    socket.on('message', (data: Buffer) => {
      came.push(data.toString());
      if (came.length === 1) for (const message of others) socket.send(message);
    });
    socket.on('error', reject);
    socket.on('close', (code) => resolve({ code, messages: came }));
  });
}

/** The status of a refused handshake, or what the client is known as. */
function asks(server: TestServer, headers: Record<string, string>): Promise<string> {
  const socket = open(server, headers);
  return new Promise((resolve) => {
    socket.on('unexpected-response', (_request, response) => {
      resolve(String(response.statusCode));
      socket.terminate();
    });
    socket.on('error', () => undefined);
    socket.on('open', () => socket.send('{"type":"connection_init"}'));
    socket.on('message', (data: Buffer) => {
      const { type, payload } = JSON.parse(data.toString()) as { type: string; payload?: { data?: { me: string } } };
      if (type === 'connection_ack') socket.send('{"id":"1","type":"subscribe","payload":{"query":"{ me }"}}');
      if (type !== 'next') return;
      resolve(String(payload?.data?.me));
      socket.close();
    });
  });
}

function post(socket: Socket, query: string, headers: readonly string[] = []): void {
  const body = JSON.stringify({ query });
  const lines = ['host: test', 'content-type: application/json', `content-length: ${body.length}`, ...headers];
  socket.write(`POST /graphql HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
}

const EVENTS = 'accept: text/event-stream';
const isEmpty = ({ queries }: TestServer): boolean => queries.figures.subscribers + queries.figures.queries === 0;

describe('a server with subscriptions', { timeout: 90_000 }, () => {
  it('answers queries and mutations as usual to clients that would take events as well', async () => {
    await using server = await startTestServer({ live: true });
    // As urql sends it with every query.
    const accept =
      'application/graphql-response+json, application/graphql+json, application/json, text/event-stream, multipart/mixed';
    const { headers, body } = await server.ask('{ hello }', { accept });
    assert.match(headers.get('content-type') ?? '', /json/);
    assert.deepEqual(body, { data: { hello: 'world' } });
  });

  it('answers a request that offers HTTP/2 beside', async () => {
    await using server = await startTestServer({ live: true });
    const socket = connect(server.running.port, '127.0.0.1');
    post(socket, '{ hello }', [
      'connection: upgrade, http2-settings, close',
      'upgrade: h2c',
      'http2-settings: AAMAAABkAAQAoAAAAAIAAAAA',
    ]);
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    assert.match(text, /^HTTP\/1.1 200 [^]*"hello":"world"/);
  });

  it('is not harmed by a handshake that it refuses, and does not keep its connection', async () => {
    await using server = await startTestServer({ live: true });
    for (const path of ['/elsewhere', '/graphql']) {
      // It does not close its side: what it writes is refused once nobody has the other one.
      const socket = connect({ port: server.running.port, host: '127.0.0.1', allowHalfOpen: true });
      let isRefused = false;
      socket.on('error', () => (isRefused = true));
      socket.resume();
      socket.write(`GET ${path} HTTP/1.1\r\nhost: test\r\norigin: https://evil.example\r\n${HANDSHAKE}\r\n`);
      await new Promise((resolve) => socket.once('end', resolve));
      const more = setInterval(() => socket.write('more'), 20);
      await until('the server has closed the connection', () => isRefused, { withinMs: 3_000 });
      clearInterval(more);
      for (let i = 0; i < 50; i += 1) {
        const socket = connect(server.running.port, '127.0.0.1');
        socket.on('error', () => undefined);
        socket.write(`GET ${path} HTTP/1.1\r\nhost: test\r\norigin: https://evil.example\r\n${HANDSHAKE}\r\n`);
        setTimeout(() => socket.resetAndDestroy(), i % 5);
      }
    }
    await sleep(100);
    assert.deepEqual((await server.ask('{ hello }')).body, { data: { hello: 'world' } });
  });

  it('refuses sockets of other pages, and gives those that may none of the credentials that browsers send', async () => {
    const hook = ({ headers }: { readonly headers: Readonly<Record<string, string | undefined>> }) =>
      headers['cookie'] === undefined ? null : { id: headers['cookie'], tenant: null, roles: [] };
    await using closed = await startTestServer({ live: true, hook });
    const cookie = 'ann';
    const own = `http://127.0.0.1:${closed.running.port}`;
    const host = `127.0.0.1:${closed.running.port}`;
    assert.equal(await asks(closed, { cookie, origin: own, host }), 'ann/null/');
    for (const origin of ['https://evil.example', 'null', `${own}, https://evil.example`, `${own}.evil.example`, ''])
      assert.equal(await asks(closed, { cookie, origin, host }), '403', origin);
    await using all = await startTestServer({ live: true, hook, options: { corsOrigins: '*' } });
    assert.equal(await asks(all, { cookie, origin: 'https://evil.example' }), 'null');
    await using some = await startTestServer({
      live: true,
      hook,
      options: { corsOrigins: 'https://app.example', corsCredentials: true },
    });
    assert.equal(await asks(some, { cookie, origin: 'https://app.example' }), 'ann/null/');
    assert.equal(await asks(some, { cookie, origin: 'https://evil.example' }), '403');
  });

  it('closes a socket that breaks the protocol, with the code of the protocol', async () => {
    await using server = await startTestServer({ live: true, options: { receiveMs: 300, maxRequestBytes: 5_000 } });
    const init = '{"type":"connection_init"}';
    const subscribe = '{"id":"1","type":"subscribe","payload":{"query":"subscription { slow }"}}';
    const wrong: readonly (readonly [number, readonly string[]])[] = [
      [4400, ['no json']],
      [4400, [init, '{"type":"nothing"}']],
      [4400, [init, '{"id":"1","type":"subscribe","payload":{}}']],
      [4400, [init, '{"id":"1","type":"subscribe","payload":{"query":1.50}}']],
      [4401, [subscribe]],
      [4408, []],
      [4409, [init, subscribe, subscribe]],
      [4429, [init, init]],
      [
        1009,
        [init, JSON.stringify({ id: '1', type: 'subscribe', payload: { query: `{ hello }${' '.repeat(6_000)}` } })],
      ],
    ];
    for (const [code, messages] of wrong) {
      const closing = await talk(open(server), messages);
      assert.equal(closing.code, code, messages.join());
    }
    const socket = new WebSocket(server.running.url.replace('http', 'ws'));
    assert.equal((await talk(socket, [])).code, 4406);
    await until('nothing is left', () => isEmpty(server));
  });

  it('says what is wrong with an operation as a query is told', async () => {
    await using server = await startTestServer({
      live: true,
      options: { maxRequestDepth: 20, maxQueryDepth: 4, maxQueryTokens: 30 },
    });
    const nested = JSON.parse(`${'{"a":'.repeat(30)}1${'}'.repeat(30)}`) as Record<string, unknown>;
    const wrong: readonly (readonly [RegExp, string, Record<string, unknown>?])[] = [
      [/Syntax Error/, 'subscription {'],
      [/nothing/, 'subscription { nothing }'],
      [/nests deeper than 20/, 'subscription { hello }', nested],
      [/deep/, 'subscription { node { child { child { child { id } } } } }'],
      [/tokens/, `subscription { ${'hello '.repeat(40)} }`],
      [/one top level|only one/i, 'subscription { hello me }'],
      [/itself/, 'subscription { node { ...A } } fragment A on Node { ...A }'],
      [/Unknown fragment/, 'subscription { ...A }'],
      [/operation/i, 'subscription A { hello } subscription B { hello }'],
      [/defer/, 'subscription { node { ... @defer { id } } }'],
    ];
    for (const [message, query, variables = {}] of wrong) {
      await using watcher = new SocketWatcher(server.running.url, { query, variables });
      await until(query, () => watcher.hasEnded);
      assert.match(JSON.stringify(watcher.error), message, query);
      await using events = new EventWatcher(server.running.url, { query, variables });
      await until(query, () => events.hasEnded);
      if (variables !== nested) assert.match(JSON.stringify(events.messages), message, query);
    }
    await until('nothing is left', () => isEmpty(server));
  });

  it('keeps nothing of those who leave, at whatever moment', async () => {
    await using server = await startTestServer({ live: true, options: { livePollMs: 50, livePingMs: 1_000 } });
    await server.ask('{ hello }');
    await sleep(100);
    const timers = noTimers();
    const leavers: Promise<unknown>[] = [];
    for (let i = 0; i < 60; i += 1) {
      const query =
        ['subscription { slow }', 'subscription { hello }', 'subscription { long(bytes: 3000000) }'][i % 3] ?? '';
      if (i % 2 === 0) {
        const socket = connect(server.running.port, '127.0.0.1');
        socket.on('error', () => undefined);
        post(socket, query, [EVENTS]);
        // A second one on the same connection waits for the first, which does not end.
        if (i % 4 === 0) post(socket, query, [EVENTS]);
        leavers.push(sleep(i * 3).then(() => socket.resetAndDestroy()));
      } else {
        const socket = open(server);
        socket.on('error', () => undefined);
        socket.on('open', () => socket.send('{"type":"connection_init"}'));
        socket.once('message', () => {
          socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query } }));
          if (i % 4 === 1) socket.send('{"id":"1","type":"complete"}');
        });
        leavers.push(sleep(i * 3).then(() => socket.terminate()));
      }
    }
    await Promise.all(leavers);
    server.slow.release();
    await until('nobody subscribes', () => isEmpty(server));
    await until('no timer is left', () => noTimers() <= timers, { withinMs: 5_000 });
  });

  it('reads no more of a client that does not read', async () => {
    await using server = await startTestServer({ live: true });
    const socket = open(server);
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send('{"type":"connection_init"}');
    await new Promise((resolve) => socket.once('message', resolve));
    socket.pause();
    const payload = 'x'.repeat(50_000);
    let sent = 0;
    const before = process.memoryUsage().external;
    for (let i = 0; i < 600; i += 1) {
      socket.send(JSON.stringify({ type: 'ping', payload: { payload } }));
      sent += payload.length;
      if (i % 20 === 0) await sleep(5);
    }
    await sleep(500);
    const unsent = socket.bufferedAmount;
    assert.ok(
      unsent > sent / 2,
      `the server took ${sent - unsent} of ${sent} bytes, whose answers nobody reads (${process.memoryUsage().external - before})`,
    );
    // It goes on as soon as they are read.
    socket.resume();
    await until('the server reads again', () => socket.bufferedAmount === 0);
    socket.terminate();
  });

  it('ends its streams when it drains, and says of none that it is complete', async () => {
    const server = await startTestServer({ live: true, options: { drainMs: 3_000 } });
    const early = new EventWatcher(server.running.url, { query: 'subscription { hello }' });
    await early.message(0);
    // It waits for the answer that its token asks for.
    const waiting = new EventWatcher(server.running.url, {
      query: 'subscription { slow }',
      headers: { 'consistency-floor': 'x', 'consistency-token': 'x' },
    });
    await server.slow.begun;
    const closed = server.running.close();
    await until('the first has ended', () => early.hasEnded);
    server.slow.release();
    await until('the second has ended', () => waiting.hasEnded);
    await closed;
    for (const watcher of [early, waiting]) assert.equal(watcher.isComplete, false);
    assert.ok(isEmpty(server));
  });
});
