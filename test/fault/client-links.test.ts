/**
 * Proves with real clients that a user who has written in one region sees the write in another region whose replay is
 * paused, and that the user does not see it without tokens.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Position } from '../../src/base/lineage.ts';
import { toLsn } from '../../src/base/lsn.ts';
import { createTokenStore } from '../../src/client/index.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { AP, EU, startTestApp, TOKEN_SECRET, US, type TestApp } from '../support/app.ts';
import { NAME, readOwnWrites, userScenario } from '../support/client-scenarios.ts';
import { CLIENTS, makeClient } from '../support/clients.ts';
import { MemoryStorage } from '../support/client-tokens.ts';

/** test/fault/client-reads.test.ts does it a hundred times. */
const ROUNDS = 5;
const ORIGIN = 'https://app.example';
const codecOf = (secret: string): TokenCodec => new TokenCodec({ secrets: [secret], maxTokenBytes: 4_096 });

describe('with clients that write in EU and read in AP, where replay is paused,', () => {
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
    const visit = (store: ReturnType<typeof createTokenStore> | null): ReturnType<typeof userScenario> =>
      userScenario(
        { client, store, writeAt: app.server(EU).url, readAt: app.server(AP).url },
        String(1 + CLIENTS.indexOf(client)),
      );

    it(`${client} without tokens sees none of ${ROUNDS} writes`, async () => {
      assert.deepEqual(await readOwnWrites(visit(null), ROUNDS, `${client} alone`), { right: 0, stale: ROUNDS });
    });

    it(`${client} with tokens sees ${ROUNDS} of ${ROUNDS} writes, and holds one token`, async () => {
      const store = createTokenStore();
      assert.deepEqual(await readOwnWrites(visit(store), ROUNDS, `${client} with tokens`), {
        right: ROUNDS,
        stale: 0,
      });
      assert.equal(store.tokens().length, 1);
    });

    it(`${client} sees its write after a reload, and in another tab`, async () => {
      const storage = new MemoryStorage();
      const fresh = (): ReturnType<typeof visit> => visit(createTokenStore({ storage }));
      const tab = fresh();
      await fresh().write(`${client} before the reload`);
      assert.deepEqual(await fresh().read(), [`${client} before the reload`]);
      assert.deepEqual(await tab.read(), [`${client} before the reload`]);
    });
  }

  it('the client drops tokens that the server refuses, and the query is answered without them', async () => {
    const store = createTokenStore();
    await makeClient('fetch', { url: app.server(US).url, store }).query(NAME, { id: '1' });
    const [position] = [...codecOf(TOKEN_SECRET).decode(store.dehydrate()).values()] as [Position];
    const refused = {
      CONSISTENCY_TOKEN_MALFORMED: 'hello',
      CONSISTENCY_TOKEN_FORGED: codecOf('another').encode(new Map([[position.cluster, position]])) ?? '',
      CONSISTENCY_TOKEN_FUTURE:
        codecOf(TOKEN_SECRET).encode(
          new Map([[position.cluster, { ...position, lsn: toLsn(position.lsn + (1n << 40n)) }]]),
        ) ?? '',
    };
    for (const client of CLIENTS) {
      for (const [code, initial] of Object.entries(refused)) {
        const losses: string[] = [];
        const own = createTokenStore({ initial, futureMs: 50, onLost: (loss) => losses.push(loss.code) });
        const { data, codes } = await makeClient(client, { url: app.server(US).url, store: own }).query<{
          user: { id: string };
        }>(NAME, { id: '1' });
        assert.deepEqual([data?.user.id, codes, losses], ['1', [], [code]], client);
        assert.ok(own.tokens().length === 1 && own.dehydrate() !== initial, 'no real one is learned from the answer');
      }
    }
  });

  it('a write takes place once when its answer is lost and the client sends the request again', async () => {
    for (const client of CLIENTS) {
      let sendings = 0;
      const lossy: typeof fetch = async (input, init) => {
        const response = await fetch(input, init);
        sendings += 1;
        if (sendings > 1) return response;
        await response.body?.cancel();
        return lossy(input, init);
      };
      const writer = makeClient(client, {
        url: app.server(US).url,
        store: createTokenStore(),
        idempotencyKeys: true,
        fetch: lossy,
      });
      const before = await comments();
      const { codes } = await writer.mutate(
        'mutation Say { addComment(input: { taskId: 1, authorId: 1, body: "once" }) { comment { id } } }',
      );
      assert.deepEqual([codes, sendings, (await comments()) - before], [[], 2, 1], client);
    }
  });

  it('browsers at allowed origins may send both headers and read the token', async () => {
    const preflight = await fetch(app.server(US).url, {
      method: 'OPTIONS',
      headers: {
        origin: ORIGIN,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'consistency-token,content-type,idempotency-key',
      },
    });
    const allowed = (preflight.headers.get('access-control-allow-headers') ?? '').split(/, */);
    assert.deepEqual(
      ['consistency-token', 'content-type', 'idempotency-key'].filter((name) => !allowed.includes(name)),
      [],
    );
    const answer = await fetch(app.server(US).url, {
      method: 'POST',
      headers: { origin: ORIGIN, 'content-type': 'application/json' },
      body: '{"query":"{ __typename }"}',
    });
    assert.deepEqual(
      [answer.headers.get('access-control-allow-origin'), answer.headers.get('access-control-expose-headers')],
      [ORIGIN, 'consistency-token'],
    );
  });

  const comments = async (): Promise<number> =>
    Number((await app.cluster.query<{ count: string }>(US, 'SELECT count(*) FROM comments'))[0]?.count);
});
