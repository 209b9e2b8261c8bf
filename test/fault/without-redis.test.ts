/** Owns what test/cluster proves with Redis, once more without: each process caches for itself alone. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AP, EU, startTestApp } from '../support/app.ts';
import { healthOf, readUsers, SETTINGS, told } from '../support/cache-figures.ts';
import { provesCachedReads } from '../support/cached-reads.ts';
import { keepsTenantsApart } from '../support/tenants-crossing.ts';

provesCachedReads({ redis: false });
keepsTenantsApart({ redis: false });

describe('figures of caches without Redis', () => {
  it('are known of the own region, and of no other', async () => {
    await using app = await startTestApp({ scale: 0.05, settings: SETTINGS });
    await told(app, EU, EU, 'it caches', ({ caching }) => caching === 1);
    await readUsers(app.server(EU), 1, 3);
    const { cache, cacheHealthy } = await healthOf(app, app.server(EU), EU);
    assert.deepEqual([cacheHealthy, cache?.servers, cache?.entries, cache?.sharedHitRatio], [null, 1, '3', null]);
    assert.equal((await healthOf(app, app.server(AP), EU)).cache, null);
    // A second server of the region hears of no changes, and so keeps nothing.
    const first = app.server(EU);
    await app.startServer(EU);
    await readUsers(app.server(EU), 1, 3);
    assert.deepEqual((await healthOf(app, app.server(EU), EU)).cache?.caching, 0);
    assert.equal((await healthOf(app, app.server(EU), EU)).cache?.entries, '0');
    await first.close();
    await told(app, EU, EU, 'it has taken over', ({ caching }) => caching === 1);
  });
});
