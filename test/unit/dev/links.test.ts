import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { pairsOf } from '../../../src/dev/wan/topology.ts';
import { Wan } from '../../../src/dev/wan/wan.ts';

const RTT_MS = 60;

describe('links with delay between regions', { timeout: 60_000 }, () => {
  let echo: Server;
  let wan: Wan;
  const open: Socket[] = [];

  before(async () => {
    echo = createServer((socket) => socket.on('error', () => undefined).pipe(socket)).listen(0, '127.0.0.1');
    await once(echo, 'listening');
    const { port } = echo.address() as AddressInfo;
    const target = { postgres: port, http: port };
    wan = await Wan.start({
      pairs: pairsOf(['a', 'b', 'c'], { 'a/b': { rttMs: RTT_MS } }),
      targets: { '': { a: target, b: target, c: target } },
    });
  });

  after(async () => {
    for (const socket of open) socket.destroy();
    echo.close();
    await wan.stop();
  });

  async function cross(from: string, to: string, kind: 'postgres' | 'http' = 'postgres'): Promise<Socket> {
    const socket = connect({ port: wan.port(from, to, kind), host: '127.0.0.1', noDelay: true });
    // Resets are part of the game; who expects one listens for it.
    open.push(socket.on('error', () => undefined));
    await once(socket, 'connect');
    return socket;
  }

  async function roundTripMs(socket: Socket): Promise<number> {
    const sent = performance.now();
    socket.write('x');
    await once(socket, 'data');
    return performance.now() - sent;
  }

  async function medianMs(socket: Socket, count = 11): Promise<number> {
    const times: number[] = [];
    for (let i = 0; i < count; i += 1) times.push(await roundTripMs(socket));
    return times.sort((x, y) => x - y)[Math.floor(count / 2)] ?? Number.NaN;
  }

  const silent = async (socket: Socket, ms: number): Promise<boolean> => {
    let heard = false;
    const onEvent = (): void => void (heard = true);
    socket.on('data', onEvent).on('close', onEvent);
    await new Promise((resolve) => setTimeout(resolve, ms));
    socket.off('data', onEvent).off('close', onEvent);
    return !heard;
  };

  it('delays each way, never less than it should and little more', async () => {
    const from = performance.now();
    const socket = await cross('a', 'b');
    await roundTripMs(socket);
    assert.ok(performance.now() - from >= 2 * RTT_MS - 1, 'opening a connection costs a round trip too');
    const median = await medianMs(socket);
    assert.ok(median >= RTT_MS - 0.2 && median < 2 * RTT_MS, `round trip ${median} ms`);
  });

  it('changes the delay of open connections, both ways round', async () => {
    const socket = await cross('a', 'c');
    await wan.set('c', 'a', { rttMs: 10 });
    await roundTripMs(socket);
    const median = await medianMs(socket);
    assert.ok(median >= 9.8 && median < RTT_MS, `round trip ${median} ms`);
  });

  it('keeps the order of bytes whatever the jitter, and passes bulk', async () => {
    await wan.set('b', 'c', { rttMs: 20, jitterMs: 18 });
    const socket = await cross('b', 'c');
    const numbers = new Uint32Array(3_000_000).map((_, i) => i);
    const sent = Buffer.from(numbers.buffer);
    const chunks: Buffer[] = [];
    let length = 0;
    const all = new Promise<void>((resolve) =>
      socket.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        length += chunk.length;
        if (length >= sent.length) resolve();
      }),
    );
    for (let at = 0; at < sent.length; at += 100_000)
      if (!socket.write(sent.subarray(at, at + 100_000))) await once(socket, 'drain');
    await all;
    assert.ok(Buffer.concat(chunks).equals(sent));
  });

  it('lets nothing pass while cut, and resets stalled connections when healed', async () => {
    await wan.set('a', 'b', { rttMs: 2 });
    const before = await cross('a', 'b');
    await roundTripMs(before);
    await wan.cut('a', 'b');
    before.write('lost');
    const during = await cross('b', 'a');
    during.write('lost');
    assert.ok((await silent(before, 150)) && (await silent(during, 10)), 'stalled, not told');
    const resets = [before, during].map(async (socket) => {
      const [error] = (await once(socket, 'error')) as [NodeJS.ErrnoException];
      return error.code;
    });
    await wan.heal('b', 'a');
    assert.deepEqual(await Promise.all(resets), ['ECONNRESET', 'ECONNRESET']);
    assert.ok((await roundTripMs(await cross('a', 'b'))) < 100, 'new connections pass');
  });

  it('cuts one kind alone', async () => {
    const [http, postgres] = [await cross('a', 'b', 'http'), await cross('a', 'b')];
    await Promise.all([roundTripMs(http), roundTripMs(postgres)]);
    const changed = await wan.cut('a', 'b', 'http');
    assert.deepEqual(
      changed.map(({ from, to, kind, state }) => `${from} ${to} ${kind} ${state}`),
      ['a b http cut', 'b a http cut'],
    );
    http.write('lost');
    assert.ok(await silent(http, 60));
    await roundTripMs(postgres);
    await wan.heal('a', 'b', 'http');
  });

  it('tells the end of a connection to the other side', async () => {
    const socket = await cross('a', 'b');
    socket.end('last words');
    const [data] = (await once(socket, 'data')) as [Buffer];
    assert.equal(data.toString(), 'last words');
    await once(socket, 'end');
  });

  it('answers wrong calls with what is wrong', async () => {
    await assert.rejects(wan.cut('a', 'moon'), /no link between "a" and "moon"; there are a\/b/);
    await assert.rejects(wan.set('a', 'b', { rttMs: -5 }), /rttMs: Too small/);
    const call = async (method: string, path: string, body?: string): Promise<[number, unknown]> => {
      const response = await fetch(`${wan.control}${path}`, {
        method,
        ...(body === undefined ? {} : { body, headers: { 'content-type': 'application/json' } }),
      });
      return [response.status, await response.json()];
    };
    assert.deepEqual(await call('PATCH', '/links/a/b', '{}'), [
      400,
      { error: 'The body is wrong: give rttMs, jitterMs or both.' },
    ]);
    assert.equal((await call('POST', '/links/a/b/cut', '{"kind":"pigeon"}'))[0], 400);
    assert.equal((await call('POST', '/links/a/b/cut', '{'))[0], 400);
    assert.equal((await call('GET', '/nothing'))[0], 404);
    assert.equal((await call('POST', '/links/a/b', '{"jitterMs":1}'))[0], 200);
  });
});
