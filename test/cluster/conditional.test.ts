/**
 * Proves conditional queries by GET on a real server: 304 only for the present answer, and no stored answer that
 * depends on a token, a viewer or a level.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { SignJWT } from 'jose';
import { redisOrSkip } from '../support/redis.ts';
import { until } from '../support/replica-set.ts';
import { send, startWorkers, startWorkersPlace, type WorkersPlace, type WorkersServer } from '../support/workers.ts';

const { program, skip } = redisOrSkip();
const JWT_SECRET = 'j'.repeat(32);
const ROUNDS = 60;

suite('conditional queries by GET', { skip }, () => {
  let place: WorkersPlace;
  let server: WorkersServer;
  const ask = ({ url }: WorkersServer, query: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${url}?query=${encodeURIComponent(query)}`, { headers: { 'apollo-require-preflight': 'yes', ...headers } });
  const get = (query: string, headers?: Record<string, string>): Promise<Response> => ask(server, query, headers);
  const edit = async (id: number, note: string): Promise<string> =>
    String(
      (await send(server.url, `mutation { editItem(id: ${id}, note: "${note}") { item { note } } }`)).headers[
        'consistency-token'
      ],
    );
  const header = (response: Response, name: string): string => response.headers.get(name) ?? '';
  before(async () => {
    place = await startWorkersPlace(program);
    server = await startWorkers(place, {
      MERIDIAN_WORKERS: '1',
      MERIDIAN_AUTH: 'jwt',
      MERIDIAN_JWT_SECRET: JWT_SECRET,
      MERIDIAN_CACHE_CONTROL: 'max-age=60',
    });
  });
  after(async () => {
    server.process.kill('SIGKILL');
    await place[Symbol.asyncDispose]();
  });

  test('an unchanged answer is 304 with the token of the new answer', async () => {
    const first = await get('{ item(id: 1) { note } }');
    assert.deepEqual([first.status, await first.json()], [200, { data: { item: { note: 'note 0' } } }]);
    const again = await get('{ item(id: 1) { note } }', { 'if-none-match': header(first, 'etag') });
    assert.deepEqual([again.status, await again.text(), header(again, 'etag')], [304, '', header(first, 'etag')]);
    assert.match(header(again, 'consistency-token'), /^m1\./);
    assert.equal(header(again, 'cache-control'), 'max-age=60');
  });

  test('a request with the token of a write gets no 304 for an older answer, under continuous writes', async () => {
    await Promise.all(
      [2, 3, 4].map(async (id) => {
        let etag = header(await get(`{ item(id: ${id}) { note } }`), 'etag');
        for (let round = 1; round <= ROUNDS; round += 1) {
          const token = await edit(id, `note ${round}`);
          const read = await get(`{ item(id: ${id}) { note } }`, { 'if-none-match': etag, 'consistency-token': token });
          assert.equal(read.status, 200);
          assert.equal(((await read.json()) as { data: { item: { note: string } } }).data.item.note, `note ${round}`);
          assert.equal(header(read, 'cache-control'), 'no-store');
          etag = header(read, 'etag');
        }
      }),
    );
  });

  test('an answer without a token changes as soon as the region has the change', async () => {
    const etag = header(await get('{ item(id: 5) { note } }'), 'etag');
    await edit(5, 'changed');
    await until(
      'it is 200 again',
      async () => (await get('{ item(id: 5) { note } }', { 'if-none-match': etag })).status === 200,
    );
  });

  test('an answer for a viewer, with a token or of a level is not stored by caches, and its headers name what it depends on', async () => {
    const bearer = await new SignJWT({ roles: [] })
      .setProtectedHeader({ alg: 'HS256' })
      .setSubject('ann')
      .setExpirationTime('5m')
      .sign(Buffer.from(JWT_SECRET));
    const token = await edit(6, 'note 1');
    for (const headers of [
      { authorization: `Bearer ${bearer}` },
      { 'consistency-token': token },
      { 'consistency-token': '' },
      { 'consistency-floor': token },
      { 'consistency-level': 'STRONG' },
    ]) {
      const { status, headers: answered } = await get('{ item(id: 6) { note } }', headers);
      assert.deepEqual([status, answered.get('cache-control')], [200, 'no-store'], JSON.stringify(headers));
      assert.match(
        answered.get('vary') ?? '',
        /authorization, consistency-token, consistency-floor, consistency-level/,
      );
    }
    assert.equal(header(await get('{ item(id: 6) { nothing } }'), 'cache-control'), 'no-store');
  });

  test('an answer that sets a token cookie is private to its client, with 304 as with 200', async () => {
    const own = await startWorkers(place, {
      MERIDIAN_WORKERS: '1',
      MERIDIAN_CACHE_CONTROL: 'max-age=60',
      MERIDIAN_TOKEN_COOKIE: 'token',
      MERIDIAN_TOKEN_COOKIE_SECURE: 'false',
    });
    try {
      const first = await ask(own, '{ item(id: 7) { note } }');
      const [cookie = ''] = header(first, 'set-cookie').split(';');
      assert.match(cookie, /^token-/);
      assert.equal(header(first, 'cache-control'), 'private, no-store');
      assert.match(header(first, 'vary'), /cookie/);
      const again = await ask(own, '{ item(id: 7) { note } }', { 'if-none-match': header(first, 'etag') });
      assert.deepEqual([again.status, header(again, 'cache-control')], [304, 'private, no-store']);
      assert.match(header(again, 'set-cookie'), /^token-/);
      assert.match(header(await ask(own, '{ item(id: 7) { note } }', { cookie }), 'cache-control'), /no-store/);
    } finally {
      own.process.kill('SIGTERM');
      await own.ended;
    }
  });
});
