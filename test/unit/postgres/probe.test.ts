import assert from 'node:assert/strict';
import { createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { isMeridianError } from '../../../src/base/errors.ts';
import { defaultOptions } from '../../../src/config/options.ts';
import { DatabasePool } from '../../../src/postgres/connect/pool.ts';
import { PostgresProber } from '../../../src/postgres/read/probe.ts';

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.from(`${type}    `);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const WELCOME = message('R', Buffer.from([0, 0, 0, 0]));
const READY = message('Z', Buffer.from('I'));
const ENDED = message('E', Buffer.from('SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'));

/** Takes a connection and ends it in the same packet. */
async function startEndingServer(): Promise<{ readonly url: string; close(): Promise<unknown> }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => socket.end(Buffer.concat([WELCOME, READY, ENDED])));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `postgres://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/postgres?sslmode=disable`;
  return { url, close: () => new Promise((resolve) => server.close(resolve)) };
}

const LIMITS = { connectMs: 1_000, probeTimeoutMs: 1_000 };

test('a server that ends a connection in the moment in which it is open fails the probe, and nothing else', async () => {
  const server = await startEndingServer();
  const prober = new PostgresProber(new Map([['eu', server.url]]), defaultOptions(LIMITS));
  await assert.rejects(prober.probe('eu', AbortSignal.timeout(5_000)), /terminating connection/);
  await prober.close();
  await server.close();
});

test('such a server fails the requests that wait for a connection of the pool, and not the process', async () => {
  const server = await startEndingServer();
  const pool = new DatabasePool({
    region: 'eu',
    databaseUrl: server.url,
    applicationName: 'test',
    readOnly: true,
    limits: defaultOptions(LIMITS),
    cluster: () => null,
  });
  await pool.warm();
  await assert.rejects(
    pool.use(async () => undefined),
    (error: unknown) => isMeridianError(error, 'REGION_UNAVAILABLE'),
  );
  await pool.close();
  await server.close();
});
