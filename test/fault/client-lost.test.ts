/**
 * Proves with a real failover what every client does when a failover lost a write of its user: the user can go on, and
 * the client reports the loss to the application.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTokenStore, type Loss, type TokenStore } from '../../src/client/index.ts';
import { EU, startTestApp, US, type TestApp } from '../support/app.ts';
import { NAME, RENAME } from '../support/client-scenarios.ts';
import { CLIENTS, makeClient, type TestClient } from '../support/clients.ts';
import { until } from '../support/observe.ts';

type Named = { readonly user: { readonly name: string } };

describe('after a failover that has lost a write,', () => {
  let app: TestApp;
  let lost = '';

  before(async () => {
    app = await startTestApp({ scale: 0.05, settings: { heartbeatMs: 200, maxWaitMs: 500, connectMs: 600 } });
    await app.cluster.caughtUp();
    await app.cluster.cut(US, EU, 'replication');
    const store = createTokenStore();
    const { codes } = await makeClient('fetch', { url: app.server(US).url, store }).mutate(RENAME, {
      id: '2',
      name: 'lost',
    });
    assert.deepEqual(codes, []);
    lost = store.dehydrate();
    await app.cluster.killPostgres(US);
    await app.cluster.promote(EU);
    await until(
      'EU tells the loss',
      async () =>
        (await app.gql(EU, NAME, { variables: { id: '2' }, token: lost })).errors[0]?.extensions.code ===
        'CONSISTENCY_LOST',
      { withinMs: 30_000 },
    );
    await until(
      'EU writes',
      async () => (await app.gql(EU, RENAME, { variables: { id: '3', name: 'after' } })).errors.length === 0,
      { withinMs: 30_000 },
    );
  });
  after(async () => app?.[Symbol.asyncDispose]());

  const begun = (
    client: (typeof CLIENTS)[number],
  ): { readonly asking: TestClient; readonly store: TokenStore; readonly losses: Loss[] } => {
    const losses: Loss[] = [];
    const store = createTokenStore({ initial: lost, onLost: (loss) => losses.push(loss) });
    return { store, losses, asking: makeClient(client, { url: app.server(EU).url, store, idempotencyKeys: true }) };
  };

  for (const client of CLIENTS) {
    it(`${client} is refused by the server as long as it sends the lost token`, async () => {
      const stubborn = createTokenStore({ initial: lost, repeatRefused: false });
      const { codes } = await makeClient(client, { url: app.server(EU).url, store: stubborn }).query(NAME, {
        id: '2',
      });
      // Relay keeps errors to itself where there is data, if only `{ user: null }`.
      assert.deepEqual(codes, client === 'Relay' ? [] : ['CONSISTENCY_LOST']);
      assert.deepEqual(stubborn.tokens(), []);
    });

    it(`${client} reads what the database has now, and reports the loss to the application`, async () => {
      const { asking, store, losses } = begun(client);
      const { data, codes } = await asking.query<Named>(NAME, { id: '2' });
      assert.deepEqual(codes, []);
      assert.ok(data?.user.name, 'no name');
      assert.notEqual(data.user.name, 'lost');
      assert.deepEqual(
        losses.map(({ code, operation }) => [code, operation.kind, operation.name]),
        [['CONSISTENCY_LOST', 'query', 'Name']],
      );
      assert.equal(store.tokens().length, 1);
      assert.notEqual(store.dehydrate(), lost);
      assert.deepEqual((await asking.query<Named>(NAME, { id: '2' })).data?.user.name, data.user.name);
      assert.equal(losses.length, 1, 'it was told again');
    });

    it(`${client} reports a refused mutation, which writes nothing, to the application, and the next attempt is written`, async () => {
      const { asking, losses } = begun(client);
      const first = await asking.mutate(RENAME, { id: '4', name: `${client} first` });
      assert.deepEqual(
        [first.codes, losses.map(({ operation }) => operation.name)],
        [['CONSISTENCY_LOST'], ['Rename']],
      );
      const stored = async (): Promise<string | undefined> =>
        (await app.cluster.query<{ name: string }>(EU, 'SELECT name FROM users WHERE id = 4'))[0]?.name;
      assert.notEqual(await stored(), `${client} first`);
      assert.deepEqual((await asking.mutate(RENAME, { id: '4', name: `${client} second` })).codes, []);
      assert.equal(await stored(), `${client} second`);
      assert.equal((await asking.query<Named>(NAME, { id: '4' })).data?.user.name, `${client} second`);
    });
  }
});
