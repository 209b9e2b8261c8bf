/**
 * Owns the proof that the development gateway takes what it should and no more, passes on what subgraphs say, and
 * drains.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { parse } from 'graphql';
import { composeSupergraph } from '../../../src/dev/federation/compose.ts';
import { startGateway, type RunningGateway } from '../../../src/dev/gateway/app.ts';
import { freePort } from '../../support/ports.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { type ClusterId } from '../../../src/base/lineage.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { TokenCodec } from '../../../src/consistency/token.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';

const ORIGIN = 'https://app.example.com';
const MAX_BYTES = 2_000;
const SECRET = 'a secret for tests that is long enough';
const CLUSTER = 'AAAAAAAA' as ClusterId;
const TOKEN =
  new TokenCodec({ secrets: [SECRET], maxTokenBytes: 4_096 }).encode(
    new Map([[CLUSTER, { cluster: CLUSTER, timeline: 1, lsn: toLsn(5n) }]]),
  ) ?? '';

describe('the development gateway', { timeout: 60_000 }, () => {
  let subgraph: Server;
  let gateway: RunningGateway;
  let url: string;
  const asked: IncomingHttpHeaders[] = [];
  let held: PromiseWithResolvers<void> | null = null;

  before(async () => {
    subgraph = createServer((request, response) => {
      asked.push(request.headers);
      request
        .resume()
        .once(
          'end',
          () =>
            void (held?.promise ?? Promise.resolve()).then(() =>
              response
                .setHeader('content-type', 'application/json')
                .setHeader('consistency-token', TOKEN)
                .end('{"data":{"hello":"you"}}'),
            ),
        );
    }).listen(0, '127.0.0.1');
    await once(subgraph, 'listening');
    const supergraph = composeSupergraph([
      {
        name: 'one',
        url: `http://127.0.0.1:${(subgraph.address() as AddressInfo).port}/graphql`,
        typeDefs: parse(
          'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\ntype Query { hello: String }',
        ),
      },
    ]);
    const port = await freePort();
    const { options } = loadConfig({
      env: {},
      settings: {
        port,
        tokenSecret: SECRET,
        tokenCookie: 'meridian',
        tokenCookiePath: '/',
        tokenCookieSecure: false,
        corsOrigins: ORIGIN,
        maxRequestBytes: MAX_BYTES,
        logLevel: 'silent',
        drainMs: 5_000,
      },
    });
    gateway = await startGateway({ supergraph, options, telemetry: silentTelemetry() });
    url = `http://127.0.0.1:${port}`;
  });
  after(async () => {
    held?.resolve();
    await gateway.close();
    subgraph.closeAllConnections();
    subgraph.close();
  });

  const post = (body: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> =>
    fetch(`${url}/graphql`, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body });
  const HELLO = JSON.stringify({ query: '{ hello }' });

  it("passes operations on with the viewer's credentials, by POST and GET", async () => {
    const response = await post(HELLO, { authorization: 'Bearer somebody', cookie: 'private=1' });
    assert.deepEqual(await response.json(), { data: { hello: 'you' } });
    assert.equal(asked.at(-1)?.authorization, 'Bearer somebody');
    assert.equal(asked.at(-1)?.cookie, undefined);
    const got = await fetch(`${url}/graphql?query=${encodeURIComponent('{ hello }')}`, {
      headers: { accept: 'application/json' },
    });
    assert.deepEqual(await got.json(), { data: { hello: 'you' } });
  });

  it('keeps tokens in cookies where its options name them', async () => {
    const first = await post(HELLO);
    const [cookie = '', ...others] = first.headers.getSetCookie();
    assert.deepEqual(
      [cookie.replace(/-[\w-]{10}=/, '='), others, first.headers.get('cache-control')],
      [`meridian=${TOKEN}; Max-Age=86400; Path=/; HttpOnly; SameSite=Strict`, [], 'private, no-store'],
    );
    const next = await post(HELLO, { cookie: cookie.split(';', 1)[0] ?? '' });
    assert.deepEqual([asked.at(-1)?.['consistency-token'], next.headers.getSetCookie()], [TOKEN, []]);
  });

  it('takes JSON only, and no more of it than it should', async () => {
    const before = asked.length;
    assert.equal((await post(HELLO, { 'content-type': 'text/plain' })).status, 415);
    assert.equal((await post(HELLO, { 'content-type': 'application/x-www-form-urlencoded' })).status, 415);
    assert.equal((await post(JSON.stringify({ query: '{ hello }', padding: 'x'.repeat(MAX_BYTES) }))).status, 413);
    assert.equal((await post('{')).status, 400);
    assert.equal(asked.length, before, 'no subgraph was asked');
  });

  it('lets the pages of its origins read the token, and others not', async () => {
    const own = await post(HELLO, { origin: ORIGIN });
    assert.deepEqual(
      [
        own.headers.get('access-control-allow-origin'),
        own.headers.get('access-control-expose-headers')?.includes('consistency-token'),
      ],
      [ORIGIN, true],
    );
    const other = await post(HELLO, { origin: 'https://evil.example.com' });
    assert.notEqual(other.headers.get('access-control-allow-origin'), 'https://evil.example.com');
  });

  it('says that it is alive and ready, and finishes what is under way when it is closed', async () => {
    for (const path of ['live', 'ready']) assert.equal((await fetch(`${url}/health/${path}`)).status, 200);
    held = Promise.withResolvers<void>();
    const before = asked.length;
    const slow = post(HELLO);
    while (asked.length === before) await new Promise((resolve) => setTimeout(resolve, 5));
    const closing = gateway.close();
    held.resolve();
    assert.deepEqual(await (await slow).json(), { data: { hello: 'you' } });
    await closing;
    await assert.rejects(fetch(`${url}/health/live`), /fetch failed/);
  });
});
