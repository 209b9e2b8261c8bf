/** Owns the proof that errors inside GraphQL answer with 200 and a code, and that what is no GraphQL does not. */
import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { describe, it } from 'node:test';
import { MeridianError } from '../../../src/base/errors.ts';
import { startTestServer, type TestContext } from '../../support/server.ts';

const json = { 'content-type': 'application/json' };

describe('GraphQL over HTTP', () => {
  it('answers a query', async () => {
    await using server = await startTestServer();
    const { status, body } = await server.ask('{ hello }');
    assert.equal(status, 200);
    assert.deepEqual(body, { data: { hello: 'world' } });
  });

  it('gives an error of the context 200, its code, whether to repeat, and its details', async () => {
    const context = async (): Promise<TestContext> => {
      throw new MeridianError({
        code: 'CONSISTENCY_TOKEN_FORGED',
        message: 'The token is forged.',
        details: { header: 'consistency-token' },
      });
    };
    await using server = await startTestServer({ context });
    const { status, body } = await server.ask('{ hello }');
    assert.equal(status, 200);
    assert.deepEqual(body, {
      errors: [
        {
          message: 'The token is forged.',
          extensions: { code: 'CONSISTENCY_TOKEN_FORGED', retryable: false, details: { header: 'consistency-token' } },
        },
      ],
    });
    assert.match(
      await server.telemetry.metrics.registry.metrics(),
      /^meridian_token_errors_total\{code="CONSISTENCY_TOKEN_FORGED"\} 1$/m,
    );
  });

  it('masks an unexpected error of the context', async () => {
    await using server = await startTestServer({ context: () => Promise.reject(new Error('hunter2')) });
    const { status, body } = await server.ask('{ hello }');
    assert.equal(status, 200);
    assert.equal(body.errors?.[0]?.extensions['code'], 'INTERNAL_SERVER_ERROR');
    assert.doesNotMatch(JSON.stringify(body), /hunter2/);
  });

  it('answers documents that are not valid with 200 to JSON clients, and with 400 to clients of graphql-response+json', async () => {
    await using server = await startTestServer();
    for (const [query, code] of [
      ['{ hello', 'GRAPHQL_PARSE_FAILED'],
      ['{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
      ['query($v: Int!) { int(value: $v) }', 'BAD_USER_INPUT'],
      ['query A { hello } query B { hello }', 'OPERATION_RESOLUTION_FAILURE'],
    ] as const) {
      const loose = await server.ask(query);
      assert.equal(loose.status, 200, query);
      assert.equal(loose.body.errors?.[0]?.extensions['code'], code);
      assert.equal((await server.ask(query, { accept: 'application/graphql-response+json' })).status, 400, query);
    }
  });

  it("refuses a document above its limits by the client's own code, with the limit and the option that sets it", async () => {
    await using server = await startTestServer({ options: { maxQueryTokens: 20, maxQueryDepth: 2 } });
    const refusal = async (query: string, accept?: string): Promise<unknown[]> => {
      const { status, body } = await server.ask(query, accept === undefined ? {} : { accept });
      const [error] = body.errors ?? [];
      return [status, error?.extensions['code'], error?.message];
    };
    const long = `{ ${Array.from({ length: 20 }, (_, i) => `a${i}: hello`).join(' ')} }`;
    const tooLong =
      'The document has more than 20 lexical tokens, which is the limit; send values as variables, split the operation, or raise maxQueryTokens.';
    assert.deepEqual(await refusal(long), [200, 'BAD_USER_INPUT', tooLong]);
    assert.deepEqual(await refusal(long, 'application/graphql-response+json'), [400, 'BAD_USER_INPUT', tooLong]);
    const tooDeep = 'The operation is 3 fields deep and the limit is 2; ask for less at once, or raise maxQueryDepth.';
    assert.deepEqual(await refusal('{ node { child { id } } }'), [200, 'BAD_USER_INPUT', tooDeep]);
    assert.deepEqual(await refusal('{ node { child { id } } }', 'application/graphql-response+json'), [
      400,
      'BAD_USER_INPUT',
      tooDeep,
    ]);
    assert.match(
      await server.telemetry.metrics.registry.metrics(),
      /^meridian_graphql_errors_total\{code="BAD_USER_INPUT"\} 4$/m,
    );
  });

  it('says which limit a body is above', async () => {
    await using server = await startTestServer({ options: { maxRequestBytes: 2_000, maxRequestDepth: 20 } });
    const message = async (body: string): Promise<unknown> => {
      const response = await fetch(server.running.url, { method: 'POST', headers: json, body });
      const { errors } = (await response.json()) as { errors: { message: string }[] };
      return [response.status, errors[0]?.message];
    };
    assert.deepEqual(await message(JSON.stringify({ query: ' '.repeat(3_000) })), [
      413,
      "The request's body is larger than 2000 bytes, which is the limit; send less at once, or raise maxRequestBytes.",
    ]);
    assert.deepEqual(await message(`{"query":"{ hello }","variables":{"a":${'['.repeat(30)}${']'.repeat(30)}}}`), [
      400,
      "The request's JSON nests deeper than 20 levels, which is the limit (maxRequestDepth).",
    ]);
    const inAddress = (levels: number): Promise<Response> => {
      const variables = encodeURIComponent(`{"a":${'['.repeat(levels)}${']'.repeat(levels)}}`);
      return fetch(`${server.running.url}?query=%7Bhello%7D&variables=${variables}`, {
        headers: { 'apollo-require-preflight': 'yes' },
      });
    };
    assert.deepEqual(
      [(await inAddress(18)).status, (await inAddress(30)).status, (await inAddress(2_000)).status],
      [200, 400, 400],
    );
  });

  it('answers with 4xx only to what is no GraphQL request', async () => {
    await using server = await startTestServer({ options: { maxRequestBytes: 2_000 } });
    const status = async (init: RequestInit, path = ''): Promise<number> =>
      (await fetch(server.running.url + path, init)).status;
    assert.equal(await status({ method: 'POST', headers: json, body: '{ not json' }), 400);
    assert.equal(await status({ method: 'POST', headers: json, body: '{}' }), 400);
    assert.equal(await status({ method: 'POST', headers: json, body: '[{"query":"{ hello }"}]' }), 400);
    assert.equal(
      await status({ method: 'POST', headers: json, body: JSON.stringify({ query: ' '.repeat(3_000) }) }),
      413,
    );
    assert.equal(await status({ method: 'POST', headers: { 'content-type': 'application/xml' }, body: '<a/>' }), 415);
    assert.equal(await status({ headers: { 'apollo-require-preflight': 'yes' } }, '?query=mutation{touch}'), 405);
  });

  it('refuses requests that a browser may send without a preflight', async () => {
    await using server = await startTestServer();
    assert.equal((await fetch(`${server.running.url}?query={hello}`)).status, 400);
    for (const header of ['apollo-require-preflight', 'x-apollo-operation-name', 'consistency-token'])
      assert.equal(
        (await fetch(`${server.running.url}?query={hello}`, { headers: { [header]: 'x' } })).status,
        200,
        header,
      );
    assert.equal(
      (await fetch(`${server.running.url}?query={hello}`, { headers: { 'consistency-token': '' } })).status,
      400,
    );
    assert.equal(
      (
        await fetch(server.running.url, {
          method: 'POST',
          headers: { 'content-type': 'text/plain' },
          body: '{"query":"{ hello }"}',
        })
      ).status,
      400,
    );
  });

  it('says at which path GraphQL is served', async () => {
    await using server = await startTestServer();
    const response = await fetch(`${server.base}/`);
    assert.equal(response.status, 404);
    assert.match(await response.text(), /GraphQL is at \/graphql/);
  });

  it('shows the token header to browsers of the origins that are allowed, and of no others', async () => {
    await using server = await startTestServer({
      options: { corsOrigins: 'https://app.example.com, https://b.example.com' },
    });
    const allowed = await server.ask('{ hello }', { origin: 'https://app.example.com' });
    assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example.com');
    assert.equal(allowed.headers.get('access-control-expose-headers'), 'consistency-token');
    assert.equal(
      (await server.ask('{ hello }', { origin: 'https://evil.example.com' })).headers.get(
        'access-control-allow-origin',
      ),
      null,
    );
    const preflight = await fetch(server.running.url, {
      method: 'OPTIONS',
      headers: {
        origin: 'https://app.example.com',
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'consistency-token,content-type',
      },
    });
    assert.equal(preflight.headers.get('access-control-allow-headers'), 'consistency-token,content-type');
    await using closed = await startTestServer();
    assert.equal(
      (await closed.ask('{ hello }', { origin: 'https://app.example.com' })).headers.get('access-control-allow-origin'),
      null,
    );
  });

  it('lets browsers of the allowed origins send cookies along where that is switched on', async () => {
    const credentials = async (corsCredentials: boolean, origin: string): Promise<string | null> => {
      await using server = await startTestServer({
        options: { corsOrigins: 'https://app.example.com', corsCredentials },
      });
      return (await server.ask('{ hello }', { origin })).headers.get('access-control-allow-credentials');
    };
    assert.equal(await credentials(true, 'https://app.example.com'), 'true');
    assert.equal(await credentials(false, 'https://app.example.com'), null);
    await using server = await startTestServer({
      options: { corsOrigins: 'https://app.example.com', corsCredentials: true },
    });
    assert.equal(
      (await server.ask('{ hello }', { origin: 'https://evil.example.com' })).headers.get(
        'access-control-allow-origin',
      ),
      null,
      'which is what browsers go by',
    );
  });

  it('hides the schema when introspection is off', async () => {
    await using open = await startTestServer();
    assert.equal((await open.ask('{ __schema { queryType { name } } }')).body.errors, undefined);
    await using closed = await startTestServer({ options: { introspection: false } });
    assert.equal(
      (await closed.ask('{ __schema { queryType { name } } }')).body.errors?.[0]?.extensions['code'],
      'GRAPHQL_VALIDATION_FAILED',
    );
    assert.doesNotMatch(JSON.stringify((await closed.ask('{ helo }')).body), /Did you mean/);
  });

  it('says which port is in use', async () => {
    await using server = await startTestServer();
    await assert.rejects(startTestServer({ options: { port: server.running.port } }), {
      code: 'CONFIG_INVALID',
      message: `The server cannot listen: port ${server.running.port} on 127.0.0.1 is in use; stop what uses it, or choose another with --port.`,
    });
  });

  it('takes the version of a persisted query for a number, however it is spelled', async () => {
    await using server = await startTestServer();
    const query = '{ hello }';
    const body = `{"query":"${query}","extensions":{"persistedQuery":{"version":1.0,"sha256Hash":"${hash('sha256', query)}"}}}`;
    const answer = (await (await fetch(server.running.url, { method: 'POST', headers: json, body })).json()) as {
      errors?: unknown;
      data?: unknown;
    };
    assert.equal(answer.errors, undefined);
    assert.ok(answer.data);
  });

  it('refuses JSON that nests too deep, before anybody follows it down', async () => {
    await using server = await startTestServer();
    const post = async (levels: number): Promise<[number, string]> => {
      const response = await fetch(server.running.url, {
        method: 'POST',
        headers: json,
        body: `{"query":"{ hello }","variables":{"v":${'{"a":'.repeat(levels)}[]${'}'.repeat(levels)}}}`,
      });
      return [response.status, await response.text()];
    };
    assert.deepEqual((await post(500))[0], 200);
    for (const levels of [600, 5_000, 100_000]) {
      const [status, body] = await post(levels);
      assert.equal(status, 400);
      assert.match(body, /nests deeper than 600 levels/);
    }
    assert.deepEqual(
      server.logged.filter(({ level }) => level === 'error'),
      [],
    );
  });
});
