/**
 * Proves, a hundred times for each client, that a write in EU is visible in AP although replay is paused there, and
 * that it never is without tokens.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { createTokenStore, type TokenStore } from '../../src/client/index.ts';
import { AP, EU, startTestApp, type TestApp } from '../support/app.ts';
import { readOwnWrites, userScenario, type Tally } from '../support/client-scenarios.ts';
import { CLIENTS } from '../support/clients.ts';

const ROUNDS = 100;

describe('with clients that write in EU and read in AP, where replay is paused,', () => {
  let app: TestApp;

  before(async () => {
    app = await startTestApp({ scale: 0.05 });
    await app.cluster.caughtUp();
    await app.cluster.pauseReplay(AP);
  });
  after(async () => {
    await app?.cluster.resumeReplay(AP);
    await app?.[Symbol.asyncDispose]();
  });

  for (const client of CLIENTS) {
    const rounds = (store: TokenStore | null): Promise<Tally> =>
      readOwnWrites(
        userScenario({ client, store, writeAt: app.server(EU).url, readAt: app.server(AP).url }),
        ROUNDS,
        `${client} ${store === null ? 'alone' : 'with tokens'}`,
      );

    it(`${client} without tokens sees none of ${ROUNDS} writes`, async () => {
      assert.deepEqual(await rounds(null), { right: 0, stale: ROUNDS });
    });
    it(`${client} with tokens sees ${ROUNDS} of ${ROUNDS} writes`, async () => {
      assert.deepEqual(await rounds(createTokenStore()), { right: ROUNDS, stale: 0 });
    });
  }
});
