/**
 * Owns the proof that a server which does not keep to the order of authentication is left, whatever it says, and that
 * nothing of it ends the process.
 */
import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { defaultOptions } from '../../../src/config/options.ts';
import { PostgresProber } from '../../../src/postgres/read/probe.ts';

const PASSWORD = 'hunter2';

const message = (type: string, body: Buffer | string): Buffer => {
  const head = Buffer.from(`${type}    `);
  head.writeInt32BE(Buffer.byteLength(body) + 4, 1);
  return Buffer.concat([head, Buffer.from(body)]);
};
const authentication = (code: number, more: Buffer | string = ''): Buffer =>
  message('R', Buffer.concat([Buffer.from([0, 0, 0, code]), Buffer.from(more)]));
const ADMITTED = authentication(0);
const CLEARTEXT = authentication(3);
const MD5 = authentication(5, 'salt');
const SCRAM = authentication(10, 'SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0');
const READY = message('Z', 'I');

/** A server that says these things to whoever connects, and keeps what it is told. */
async function startScript(parts: readonly Buffer[]) {
  let told = '';
  const server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      for (const part of parts) socket.write(part);
      socket.on('data', (data: Buffer) => (told += data.toString('latin1')));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: (parameters: string) => `postgres://me:${PASSWORD}@127.0.0.1:${port}/postgres?sslmode=disable${parameters}`,
    told: () => told,
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

/** What a probe of such a server fails with, and what the server was told after its greeting. */
async function probed(
  parts: readonly Buffer[],
  parameters = '',
): Promise<{ readonly why: string; readonly told: string }> {
  await using server = await startScript(parts);
  const prober = new PostgresProber(
    new Map([['eu', server.url(parameters)]]),
    defaultOptions({ connectMs: 500, probeTimeoutMs: 500 }),
  );
  const why = await prober.probe('eu', AbortSignal.timeout(5_000)).then(() => 'nothing', textOf);
  await prober.close();
  return { why, told: server.told() };
}

function textOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(textOf).join('; ');
  return error instanceof Error
    ? `${error.message}${error.cause === undefined ? '' : ` <- ${textOf(error.cause)}`}`
    : String(error);
}

describe('authentication', () => {
  it('accepts a server that lets everybody in, where no method is demanded', async () => {
    // It answers no statement: the probe gets so far, and no further.
    assert.match((await probed([ADMITTED, READY])).told, /^Q|^P/);
  });

  it('is finished before a session begins', async () => {
    for (const parameters of ['', '&require_auth=scram-sha-256', '&require_auth=none']) {
      const { why, told } = await probed([READY], parameters);
      assert.match(why, /begins the session before it has let the connection in/, parameters);
      assert.equal(told, '', parameters);
    }
  });

  it('demands that the server proves to know the password, where it was asked for by SCRAM', async () => {
    for (const parameters of ['', '&require_auth=scram-sha-256']) {
      const { why } = await probed([SCRAM, ADMITTED, READY], parameters);
      assert.match(why, /before it has proved that it knows the password/, parameters);
    }
  });

  it('tells no password to a server that asks for another method after SCRAM, or after it has let the connection in', async () => {
    for (const [parts, parameters, expected] of [
      [[SCRAM, CLEARTEXT], '&channel_binding=require', /channel_binding=require demands/],
      [[SCRAM, CLEARTEXT], '&require_auth=scram-sha-256', /require_auth refuses/],
      [[ADMITTED, CLEARTEXT], '', /after it has let the connection in/],
      [[ADMITTED, MD5], '', /after it has let the connection in/],
    ] as const) {
      const { why, told } = await probed(parts, parameters);
      assert.match(why, expected);
      assert.doesNotMatch(told, /hunter2|md5/);
    }
  });

  it('fails with a sentence where the server asks for an unknown method, and the process goes on', async () => {
    for (const code of [2, 7, 9, 99])
      assert.match((await probed([authentication(code)])).why, /not understood here, GSSAPI or SSPI/, String(code));
  });

  it("fails with a sentence, within a time limit, where the answer is not PostgreSQL's protocol", async () => {
    for (const parts of [
      [Buffer.from([0x45, 0, 0, 0, 4])],
      [message('E', 'Mno end')],
      [message('E', 'Mno end\0')],
      [message('N', 'Mno end\0'), ADMITTED],
      [Buffer.from([0x52, 0, 0, 0, 0])],
      [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
      [Buffer.from([0x45]), Buffer.from([0, 0, 0]), Buffer.from([4])],
    ])
      assert.match((await probed(parts)).why, /does not speak PostgreSQL's protocol/, parts.map(String).join());
    assert.match((await probed([message('E', 'SFATAL\0C28000\0Mnot you\0\0')])).why, /not you/);
  });
});
