/** Proves that a cache that no longer receives changes stops answering. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EU, startTestApp, US, type TestApp } from '../support/app.ts';
import { until } from '../support/observe.ts';

/** What a busy machine may take until a region follows. */
const PATIENCE = { withinMs: 20_000 };

describe('a cache that no longer receives changes', () => {
  let app: TestApp;

  before(async () => {
    app = await startTestApp({ scale: 0.05, settings: { heartbeatMs: 200, probeMs: 100, cacheLagMs: 500 } });
    await app.cluster.caughtUp();
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it('does not go on showing its old values while the database server of its region is stopped and other regions have newer ones', async () => {
    const title = async (): Promise<readonly [string | undefined, number]> => {
      const { data, consistency } = await app.gql<{ task: { title: string } }>(EU, '{ task(id: 1) { title } }', {
        token: '',
      });
      return [data?.task.title, consistency?.servedBy.cache ?? 0];
    };
    await until('EU answers from its cache', async () => (await title())[1] > 0, PATIENCE);
    await app.cluster.killPostgres(EU);
    await app.cluster.query(US, "UPDATE tasks SET title = 'while EU was out' WHERE id = 1");
    await until('EU shows what others have', async () => (await title())[0] === 'while EU was out', PATIENCE);
    for (let i = 0; i < 5; i += 1) assert.equal((await title())[0], 'while EU was out');
    await app.cluster.startPostgres(EU);
    await until('EU answers from its cache again', async () => (await title())[1] > 0, PATIENCE);
    assert.equal((await title())[0], 'while EU was out');
  });
});
