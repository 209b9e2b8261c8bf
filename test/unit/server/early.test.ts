/**
 * Proves what answers that are given before execution have in common with executed ones: headers, media types, and what
 * becomes of clients that leave. No database.
 */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { type TokenCookieRules } from '../../../src/server/token-cookies.ts';
import { until } from '../../support/observe.ts';
import { postOf, readAnswer, sendPieces, type RawAnswer } from '../../support/raw-http.ts';
import { startTestServer, type TestServer } from '../../support/server.ts';

const BODY = '{"query":"{ hello }"}';
/** The same operation, whose answer is kept. */
const KEPT_BODY = `${BODY} `;
const TOKEN = `m1.${'A'.repeat(24)}.${'B'.repeat(22)}`;

const keeping = (token: string | null = null) => ({
  answers: {
    answer: ({ body }: { readonly body: string }) =>
      body === KEPT_BODY
        ? { body: '{"data":{"hello":"world"}}\n', cacheControl: 'no-store', token: token as never }
        : null,
  },
});
const send = async (
  { running }: TestServer,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RawAnswer> => readAnswer(await sendPieces(running.port, [postOf(body, headers)]));

async function areEqual(server: TestServer, headers: Readonly<Record<string, string>>): Promise<void> {
  assert.deepEqual(await send(server, KEPT_BODY, headers), await send(server, BODY, headers), JSON.stringify(headers));
}

describe('an answer before execution', () => {
  it('is of the media type that execution chooses, and refused where execution refuses', async () => {
    await using server = await startTestServer(keeping());
    for (const accept of [
      'application/json',
      '*/*',
      'application/*',
      'text/html, */*;q=0.1',
      'application/json;q=0',
      'application/json;q=0, */*',
      'application/graphql-response+json, application/json',
      'application/json, application/graphql-response+json',
      'application/json; charset=utf-8',
      'application/json; charset="utf-8"',
      'application/json; charset=latin1',
      'application/json; charset=utf8',
      'application/json; version=2',
      'application/graphql-response+json; version=2, application/json',
      'application/json;q=0.5;version=2',
      '*/*; version=2',
      'multipart/mixed; deferSpec=20220824, application/json',
      '',
      ',',
      'text/plain',
    ])
      await areEqual(server, { accept });
  });

  for (const [corsOrigins, corsCredentials] of [
    ['*', false],
    ['https://one.example, https://two.example', true],
  ] as const) {
    it(`tells browsers what they may see as execution does (corsOrigins = ${corsOrigins})`, async () => {
      await using server = await startTestServer({ ...keeping(), options: { corsOrigins, corsCredentials } });
      for (const headers of [{}, { origin: 'https://one.example' }, { origin: 'https://other.example' }])
        await areEqual(server, headers);
    });
  }

  it('brings a cookie with its token to a client that has none', async () => {
    const settings = {
      name: 'seen',
      path: '/',
      domain: '',
      secure: true,
      sameSite: 'lax',
      maxAgeS: 600,
      maxCookies: 5,
      maxBytes: 4_096,
    } as const;
    const tokenCookies: TokenCookieRules = { settings, verifies: () => true, meant: () => [], withoutOwn: () => null };
    await using server = await startTestServer({ ...keeping(TOKEN), tokenCookies });
    const { headers } = await send(server, KEPT_BODY);
    assert.equal(
      headers['set-cookie'],
      `seen-${'B'.repeat(10)}=${TOKEN}; Max-Age=600; Path=/; HttpOnly; Secure; SameSite=Lax`,
    );
    assert.equal(headers['cache-control'], 'private, no-store');
    assert.equal(headers['consistency-token'], TOKEN);
  });

  it('and one that is executed after all take as long as the client waits, with the time in which a hook finds out who it is', async () => {
    const hookMs = 50;
    await using server = await startTestServer({ ...keeping(), hook: () => setTimeout(hookMs, null) });
    const { httpSeconds } = server.telemetry.metrics;
    const seconds = async (): Promise<number> =>
      (await httpSeconds.get()).values.find(({ metricName }) => metricName?.endsWith('_sum') === true)?.value ?? 0;
    for (const [i, body] of [KEPT_BODY, BODY].entries()) {
      await send(server, body);
      await until(`${body} is counted`, async () => (await seconds()) >= ((i + 1) * (hookMs - 1)) / 1_000, {
        withinMs: 1_000,
      });
    }
  });

  it('is counted as aborted where the client leaves while a hook finds out who it is, and nothing of its request stays behind', async () => {
    let isAsked = Promise.withResolvers<void>();
    let answer = Promise.withResolvers<null>();
    const hook = async (): Promise<null> => (isAsked.resolve(), answer.promise);
    await using server = await startTestServer({ ...keeping(), hook });
    const { httpInFlight, httpRequests } = server.telemetry.metrics;
    const areCounted = (...expected: readonly (readonly [string, number])[]): Promise<boolean> =>
      until(`counted are ${String(expected)}`, async () =>
        isDeepStrictEqual(
          (await httpRequests.get()).values.map(({ value, labels: { status } }) => [status, value]),
          expected,
        ),
      );
    for (const [i, body] of [BODY, KEPT_BODY].entries()) {
      [isAsked, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<null>()];
      const socket = connect({ port: server.running.port, host: '127.0.0.1' });
      socket.write(postOf(body));
      await isAsked.promise;
      socket.destroy();
      await areCounted(['aborted', i + 1]);
      answer.resolve(null);
      await setImmediate();
    }
    await areEqual(server, {});
    await areCounted(['aborted', 2], ['200', 2]);
    assert.equal((await httpInFlight.get()).values[0]?.value, 0);
  });
});
