/** Proves with real clients that what a user has saved in one region is there when they look in another, whose replica has stopped; and that without tokens it is not. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTokenKeeper } from '../../src/client/index.ts';
import { AP, EU, startTestApp, US, type TestApp } from '../support/app.ts';
import { readOwnWrites, userScenario } from '../support/client-scenarios.ts';
import { CLIENTS, makeClient } from '../support/clients.ts';
import { MemoryStorage } from '../support/client-tokens.ts';

/** test/fault/client-reads.test.ts does it a hundred times. */
const ROUNDS = 5;
const ORIGIN = 'https://app.example';

describe('clients that write in EU and read in AP, where replay is paused', () => {
  let app: TestApp;

  before(async () => {
    app = await startTestApp({ scale: 0.05, settings: { corsOrigins: ORIGIN } });
    await app.cluster.caughtUp();
    await app.cluster.pauseReplay(AP);
  });
  after(async () => {
    await app?.cluster.resumeReplay(AP);
    await app?.[Symbol.asyncDispose]();
  });

  for (const client of CLIENTS) {
    const visit = (keeper: ReturnType<typeof createTokenKeeper> | null): ReturnType<typeof userScenario> => userScenario({ client, keeper, writeAt: app.server(EU).url, readAt: app.server(AP).url }, String(1 + CLIENTS.indexOf(client)));

    it(`${client} alone sees none of ${ROUNDS} writes`, async () => {
      assert.deepEqual(await readOwnWrites(visit(null), ROUNDS, `${client} alone`), { right: 0, stale: ROUNDS });
    });

    it(`${client} with tokens sees ${ROUNDS} of ${ROUNDS}, with one token`, async () => {
      const keeper = createTokenKeeper();
      assert.deepEqual(await readOwnWrites(visit(keeper), ROUNDS, `${client} with tokens`), { right: ROUNDS, stale: 0 });
      assert.equal(keeper.tokens().length, 1);
    });

    it(`${client} sees it after a reload, and in another tab`, async () => {
      const storage = new MemoryStorage();
      const fresh = (): ReturnType<typeof visit> => visit(createTokenKeeper({ storage }));
      const tab = fresh();
      await fresh().write(`${client} before the reload`);
      assert.deepEqual(await fresh().read(), [`${client} before the reload`]);
      assert.deepEqual(await tab.read(), [`${client} before the reload`]);
    });
  }

  it('a token that is no token is forgotten, and the query answered without it', async () => {
    for (const client of CLIENTS) {
      const losses: string[] = [];
      const keeper = createTokenKeeper({ initial: 'hello', onLost: ({ code, message }) => losses.push(code, message) });
      const { data, codes } = await makeClient(client, { url: app.server(US).url, keeper }).query<{ user: { id: string } }>('query Name { user(id: 1) { id } }');
      assert.deepEqual([data?.user.id, codes], ['1', []]);
      assert.equal(losses[0], 'CONSISTENCY_TOKEN_MALFORMED');
      assert.match(losses[1] ?? '', /cannot be read/);
      assert.match(keeper.dehydrate(), /^m1\./, 'a real one is learned from the answer');
    }
  });

  it('a write takes place once where its answer is lost on the way and the client sends it again', async () => {
    for (const client of CLIENTS) {
      let sendings = 0;
      const lossy: typeof fetch = async (input, init) => {
        const response = await fetch(input, init);
        sendings += 1;
        if (sendings > 1) return response;
        await response.body?.cancel();
        return lossy(input, init);
      };
      const writer = makeClient(client, { url: app.server(US).url, keeper: createTokenKeeper(), idempotencyKeys: true, fetch: lossy });
      const before = await comments();
      const { codes } = await writer.mutate('mutation Say { addComment(input: { taskId: 1, authorId: 1, body: "once" }) { comment { id } } }');
      assert.deepEqual([codes, sendings, (await comments()) - before], [[], 2, 1], client);
    }
  });

  it('browsers of the origins that may call are allowed both headers, and see the token', async () => {
    const preflight = await fetch(app.server(US).url, { method: 'OPTIONS', headers: { origin: ORIGIN, 'access-control-request-method': 'POST', 'access-control-request-headers': 'consistency-token,content-type,idempotency-key' } });
    const allowed = (preflight.headers.get('access-control-allow-headers') ?? '').split(/, */);
    assert.deepEqual(['consistency-token', 'content-type', 'idempotency-key'].filter((name) => !allowed.includes(name)), []);
    const answer = await fetch(app.server(US).url, { method: 'POST', headers: { origin: ORIGIN, 'content-type': 'application/json' }, body: '{"query":"{ __typename }"}' });
    assert.deepEqual([answer.headers.get('access-control-allow-origin'), answer.headers.get('access-control-expose-headers')], [ORIGIN, 'consistency-token']);
  });

  const comments = async (): Promise<number> => Number((await app.cluster.query<{ count: string }>(US, 'SELECT count(*) FROM comments'))[0]?.count);
});
