/**
 * Proves what the client of forwarded mutations knows for certain: whether anything was sent, over connections that are
 * kept and bounded.
 */
import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { describe, it } from 'node:test';
import { sleep } from '../../../src/base/clock.ts';
import { defaultOptions, type Options } from '../../../src/config/options.ts';
import { MutationSender } from '../../../src/forwarding/sender.ts';
import { type ForwardedMutation } from '../../../src/forwarding/envelope.ts';
import { SIGNATURE_HEADER } from '../../../src/protocol/headers.ts';
import { ForwardGate, forwardKeys } from '../../../src/forwarding/signature.ts';
import { until } from '../../support/observe.ts';

const KEYS = forwardKeys(['secret']);
const [KEY] = KEYS;
assert.ok(KEY);
const MUTATION: ForwardedMutation = {
  query: 'mutation { touch }',
  operationName: null,
  variables: { a: 1 },
  extensions: {},
  viewer: null,
  headers: { traceparent: '00-1-2-01', 'consistency-token': 'm1.a.b' },
};
/** After this a process knows that a connection on its own machine has ended. */
const NOTICED_MS = 50;
const OK = { 'meridian-answered': '200', 'consistency-token': 'm1.c.d' };

interface Far extends AsyncDisposable {
  readonly url: string;
  readonly posts: { readonly headers: IncomingMessage['headers']; readonly body: string }[];
  readonly connections: () => number;
  readonly cut: () => void;
}

const listening = (server: Server): Promise<string> =>
  new Promise((resolve) =>
    server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)),
  );

/** A server that answers the proof with `proof`, and posts as told. */
async function far(answer: (response: ServerResponse, index: number) => void, proof = 204): Promise<Far> {
  const posts: { headers: IncomingMessage['headers']; body: string }[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    if (request.method === 'GET') return response.writeHead(proof).end();
    let body = '';
    return request
      .setEncoding('utf8')
      .on('data', (chunk: string) => (body += chunk))
      .on('end', () => answer(response, posts.push({ headers: request.headers, body }) - 1));
  });
  server.on('connection', () => (connections += 1));
  return {
    url: await listening(server),
    posts,
    connections: () => connections,
    cut: () => server.closeAllConnections(),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function sender(url: string, options: Partial<Options> = {}): MutationSender & AsyncDisposable {
  const made = new MutationSender({
    local: 'eu',
    serverUrls: new Map([['us', url]]),
    key: KEY as NonNullable<typeof KEY>,
    limits: defaultOptions({ forwardMs: 10_000, forwardConnectMs: 10_000, ...options }),
  });
  return Object.assign(made, { [Symbol.asyncDispose]: () => made.close() });
}

const good = (response: ServerResponse): unknown => response.writeHead(200, OK).end('{"data":{"touch":"done"}}');
const outcome = async (to: MutationSender, mutation = MUTATION): Promise<string> => {
  const sent = await to.send('us', mutation);
  return sent.kind === 'answered' ? 'answered' : sent.failure;
};

describe('the client of forwarded mutations', () => {
  it('sends the whole mutation, signed, and gives back status, token and body', async () => {
    await using us = await far((response) =>
      response.writeHead(200, { ...OK, 'meridian-answered': '400' }).end('{"errors":[]}'),
    );
    await using to = sender(us.url);
    assert.deepEqual(await to.send('us', MUTATION), {
      kind: 'answered',
      answer: { status: 400, token: 'm1.c.d', body: { errors: [] } },
    });
    const [post] = us.posts;
    assert.deepEqual([JSON.parse(post?.body ?? ''), post?.headers['traceparent']], [MUTATION, '00-1-2-01']);
    const gate = new ForwardGate({ keys: KEYS, region: 'us', windowMs: 10_000, maxNonces: 10 });
    assert.deepEqual(gate.admit(post?.headers[SIGNATURE_HEADER], post?.body ?? ''), { ok: true, from: 'eu' });
  });

  it('keeps its connections, which are opened ahead of need', async () => {
    await using us = await far(good);
    await using to = sender(us.url, { poolWarm: 2 });
    await to.warm('us');
    assert.equal(us.connections(), 2);
    for (let i = 0; i < 5; i += 1) assert.equal(await outcome(to), 'answered');
    await Promise.all([outcome(to), outcome(to)]);
    await to.warm('us');
    assert.equal(us.connections(), 2);
    us.cut();
    await until('the lost connections are opened anew', async () => (await to.warm('us'), us.connections() === 4));
    assert.equal(await outcome(to), 'answered');
  });

  it('reports that nothing was sent where no server answers', async () => {
    const us = await far(good);
    await using to = sender(us.url);
    assert.equal(await outcome(to), 'answered');
    await us[Symbol.asyncDispose]();
    await sleep(NOTICED_MS);
    assert.equal(await outcome(to), 'unreachable');
    assert.equal(us.posts.length, 1);
    await using unknown = sender(us.url);
    assert.equal((await unknown.send('ap', MUTATION)).kind, 'failed');
  });

  it('does not take an open connection as proof of a server behind it', async () => {
    // As a balancer or a tunnel does: it takes the connection and bytes, and hangs up, or never says anything.
    const bytes: number[] = [];
    const swallow = createTcpServer((socket) =>
      socket.on('error', () => undefined).on('data', (chunk) => bytes.push(chunk.length) && socket.destroy()),
    );
    const silent = createTcpServer((socket) => socket.on('error', () => undefined).resume());
    try {
      await using first = sender(await listening(swallow));
      assert.equal(await outcome(first), 'unreachable');
      await using second = sender(await listening(silent), { forwardConnectMs: 300 });
      const began = performance.now();
      assert.equal(await outcome(second), 'unreachable');
      assert.ok(performance.now() - began < 5_000);
      assert.equal(bytes.length, 1, 'more was sent than the question whether somebody is there');
    } finally {
      for (const server of [swallow, silent]) server.close();
    }
  });

  it('sends nothing over a connection that was lost meanwhile', async () => {
    await using us = await far(good);
    // The link reconnects the client by itself, to nobody: what had been proven is so no more.
    let forward = true;
    const link = createTcpServer((near) => {
      near.on('error', () => undefined);
      if (!forward) return near.once('data', () => near.destroy());
      const behind = connect(Number(new URL(us.url).port), '127.0.0.1').on('error', () => undefined);
      near.pipe(behind).pipe(near);
      return undefined;
    });
    await using to = sender(await listening(link));
    assert.equal(await outcome(to), 'answered');
    forward = false;
    us.cut();
    await sleep(NOTICED_MS);
    assert.equal(await outcome(to), 'unreachable');
    assert.equal(us.posts.length, 1);
    link.close();
  });

  it('reports that something may have run once a byte was sent', async () => {
    await using us = await far((response, index) =>
      index === 0
        ? response.destroy()
        : index === 1
          ? undefined
          : index === 2
            ? response.writeHead(200, OK).write('{"data":') && response.destroy()
            : good(response),
    );
    await using to = sender(us.url, { forwardMs: 1_000 });
    assert.deepEqual(
      [await outcome(to), await outcome(to), await outcome(to), await outcome(to)],
      ['broken', 'late', 'broken', 'answered'],
    );
  });

  it('tells answers of Meridian servers from all others', async () => {
    const answers: readonly (readonly [number, Record<string, string>, string])[] = [
      [421, {}, ''],
      [404, {}, ''],
      [401, {}, '{"errors":[{"message":"Who are you?"}]}'],
      [413, {}, ''],
      [429, {}, ''],
      [500, {}, ''],
      [502, {}, 'bad gateway'],
      [200, {}, '{"data":{}}'],
      [200, OK, 'no json'],
      [200, OK, '[]'],
      [200, OK, JSON.stringify({ data: 'x'.repeat(2_000) })],
      [200, { ...OK, 'meridian-answered': '99999' }, '{}'],
      [200, { ...OK, 'meridian-answered': '' }, '{}'],
    ];
    await using us = await far((response, index) =>
      response.writeHead(answers[index]?.[0] ?? 500, answers[index]?.[1]).end(answers[index]?.[2]),
    );
    await using to = sender(us.url, { forwardAnswerBytes: 1_024 });
    const said: string[] = [];
    for (let i = 0; i < answers.length; i += 1) said.push(await outcome(to));
    assert.deepEqual(said, [
      'not primary',
      'unknown',
      'refused',
      'too large',
      'busy',
      ...Array.from({ length: 8 }, () => 'unreadable'),
    ]);
    await using old = await far(good, 404);
    await using toOld = sender(old.url);
    assert.deepEqual([await outcome(toOld), old.posts.length], ['unknown', 0]);
    await using stranger = await far(good, 200);
    await using toStranger = sender(stranger.url);
    assert.deepEqual([await outcome(toStranger), stranger.posts.length], ['unknown', 0]);
  });

  it('has limits: connections, a queue, and a wait in it', async () => {
    const held: ServerResponse[] = [];
    await using us = await far((response) => void held.push(response));
    await using to = sender(us.url, {
      forwardConnections: 2,
      forwardQueue: 1,
      forwardWaitMs: 100,
      forwardMs: 2_000,
    });
    const first = [outcome(to), outcome(to)];
    await until('both are under way', () => held.length === 2);
    const waiting = outcome(to);
    assert.equal(await outcome(to), 'busy');
    assert.equal(await waiting, 'busy');
    for (const response of held) good(response);
    assert.deepEqual([await Promise.all(first), us.connections()], [['answered', 'answered'], 2]);
  });

  it("tells addresses and other servers' texts to the log only, and shortens them", async () => {
    await using us = await far((response, index) =>
      index === 0
        ? response.destroy()
        : response
            .writeHead(403)
            .end(
              index === 1
                ? JSON.stringify({ errors: { message: 'no list' } })
                : JSON.stringify({ errors: [{ message: 'secret '.repeat(1_000) }] }),
            ),
    );
    await using to = sender(us.url);
    assert.deepEqual(await to.send('us', MUTATION), {
      kind: 'failed',
      failure: 'broken',
      why: 'the connection broke',
      detail: 'other side closed',
    });
    assert.deepEqual(await to.send('us', MUTATION), {
      kind: 'failed',
      failure: 'refused',
      why: 'its server refused it with status 403',
      detail: '{"errors":{"message":"no list"}}',
    });
    assert.deepEqual(await to.send('us', MUTATION), {
      kind: 'failed',
      failure: 'refused',
      why: 'its server refused it with status 403',
      detail: 'secret '.repeat(1_000).slice(0, 300),
    });
    await using nobody = sender('http://127.0.0.1:1');
    const { port } = new URL(us.url);
    const sent = (await nobody.send('us', MUTATION)) as { readonly why: string; readonly detail: string };
    assert.match(sent.detail, /ECONNREFUSED 127\.0\.0\.1:1/);
    assert.doesNotMatch(sent.why, new RegExp(`127\\.|ECONN|${port}`));
  });

  it('sends nothing once it is closed, and leaves no connection open', async () => {
    await using us = await far(() => undefined);
    await using to = sender(us.url, { forwardConnections: 1, forwardMs: 5_000 });
    const sent = [outcome(to), outcome(to), outcome(to)];
    await until('the first one has arrived', () => us.posts.length === 1);
    await to.close();
    assert.deepEqual(await Promise.all(sent), ['broken', 'unreachable', 'unreachable']);
    assert.equal(await outcome(to), 'unreachable');
    await to.warm('us');
    await sleep(NOTICED_MS);
    assert.deepEqual([us.posts.length, us.connections()], [1, 1]);
  });

  it('does not send a viewer that cannot be written down', async () => {
    await using us = await far(good);
    await using to = sender(us.url);
    const viewer = { id: '1', tenant: null, roles: [], balance: 1n };
    assert.deepEqual([await outcome(to, { ...MUTATION, viewer }), us.posts.length], ['refused', 0]);
  });
});
