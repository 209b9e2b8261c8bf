/**
 * Owns the proof of conditional GET requests: what has an ETag, when the answer is 304, and what caches on the way are
 * told.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startTestServer, type TestServer } from '../../support/server.ts';

const PREFLIGHT = { 'apollo-require-preflight': 'yes' };

function get({ running }: TestServer, query: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${running.url}?query=${encodeURIComponent(query)}`, { headers: { ...PREFLIGHT, ...headers } });
}

const etagOf = (response: Response): string => response.headers.get('etag') ?? '';
const keptOf = (response: Response): string => response.headers.get('cache-control') ?? '';

describe('a query by GET', () => {
  it('has a strong ETag of its bytes and media type', async () => {
    await using server = await startTestServer();
    const [first, again, other, typed] = [
      await get(server, '{ hello }'),
      await get(server, '{  hello }'),
      await get(server, '{ it: hello }'),
      await get(server, '{ hello }', { accept: 'application/graphql-response+json' }),
    ];
    assert.match(etagOf(first), /^"[\w-]{43}"$/);
    assert.equal(etagOf(again), etagOf(first));
    assert.notEqual(etagOf(other), etagOf(first));
    assert.notEqual(etagOf(typed), etagOf(first));
  });

  it('is answered with 304 and no body where the client has the same bytes, and with 200 where it has others', async () => {
    await using server = await startTestServer();
    const etag = etagOf(await get(server, '{ hello }'));
    for (const header of [etag, `W/${etag}`, `"other", ${etag}`]) {
      const same = await get(server, '{ hello }', { 'if-none-match': header });
      assert.deepEqual(
        [same.status, await same.text(), etagOf(same), keptOf(same)],
        [304, '', etag, 'no-store'],
        header,
      );
      assert.equal(same.headers.get('content-type'), null);
    }
    for (const header of ['"other"', '*', '']) {
      const sent = await get(server, '{ hello }', { 'if-none-match': header });
      assert.deepEqual([sent.status, await sent.json()], [200, { data: { hello: 'world' } }], header);
    }
  });

  it('is executed anew each time, and sent where its answer has changed', async () => {
    let asked = 0;
    await using server = await startTestServer({
      context: async (request) => ({ request, viewer: { id: String((asked += 1)), tenant: null, roles: [] } }),
    });
    const etag = etagOf(await get(server, '{ me }'));
    const changed = await get(server, '{ me }', { 'if-none-match': etag });
    assert.equal(changed.status, 200);
    assert.deepEqual(await changed.json(), { data: { me: '2/null/' } });
  });

  it('has no ETag and may not be kept where it has errors, whatever the option says', async () => {
    await using server = await startTestServer({ options: { cacheControl: 'max-age=60' } });
    for (const query of ['{ hello fail(how: "custom") }', '{ nothing }', '{', 'mutation { touch }']) {
      const refused = await get(server, query, { 'if-none-match': '*' });
      assert.notEqual(refused.status, 304, query);
      assert.deepEqual([etagOf(refused), keptOf(refused)], ['', 'no-store'], query);
      await refused.text();
    }
  });

  it('may be kept as the option says, and queries and mutations by POST may not', async () => {
    await using server = await startTestServer({ options: { cacheControl: 'no-cache' } });
    const kept = await get(server, '{ hello }');
    assert.equal(keptOf(kept), 'no-cache');
    assert.equal(keptOf(await get(server, '{ hello }', { 'if-none-match': etagOf(kept) })), 'no-cache');
    for (const query of ['{ hello }', 'mutation { touch }']) {
      const { headers } = await server.ask(query, { 'if-none-match': etagOf(kept) });
      assert.deepEqual([headers.get('cache-control'), headers.get('etag')], ['no-store', null]);
    }
  });

  it('tells caches which headers change the answer: the token above all, and any of them where a hook finds the viewer', async () => {
    await using server = await startTestServer({ options: { corsOrigins: 'https://app.example.com' } });
    assert.equal(
      (await get(server, '{ hello }')).headers.get('vary'),
      'Origin, accept, authorization, consistency-token, consistency-floor, consistency-level, apollo-federation-include-trace',
    );
    await using hooked = await startTestServer({ hook: () => null });
    assert.equal((await get(hooked, '{ hello }')).headers.get('vary'), '*');
  });
});
