/** Owns how tests look at what is told of the caches, from any region. */
import assert from 'node:assert/strict';
import { type RegionHealth } from '../../src/graphql/generated/meridian.ts';
import { type Runtime } from '../../src/index.ts';
import { ask, type TestApp } from './app.ts';
import { until } from './observe.ts';

const HEALTH = '{ regionHealth { region cacheHealthy cache { servers caching localHitRatio sharedHitRatio invalidationLagMs invalidationLagP99Ms entries bytes } } }';
const USER = 'query($id: ID!) { user(id: $id) { id name } }';
export const PATIENT = { withinMs: 60_000 };
/** A busy machine is no Redis that does not answer. */
export const SETTINGS = { redisMs: 10_000, heartbeatMs: 100, redisStatsMs: 200, probeMs: 100, probeTimeoutMs: 500, slotRetryMs: 100, redisRetryMs: 100 };
export type Cache = NonNullable<RegionHealth['cache']>;

export async function healthOf(app: TestApp, server: Runtime, region: string): Promise<RegionHealth> {
  const { data, errors } = await ask<{ regionHealth: readonly RegionHealth[] }>(server.url, HEALTH, { headers: { authorization: `Bearer ${app.adminToken}` } });
  assert.deepEqual(errors, []);
  const found = data?.regionHealth.find((one) => one.region === region);
  assert.ok(found);
  return found;
}

/** What a server tells of a region's caches, as soon as it is so. */
export function told(app: TestApp, from: string, region: string, what: string, is: (cache: Cache) => boolean): Promise<Cache> {
  return until(`seen from ${from}, ${what}`, async () => {
    const { cache } = await healthOf(app, app.server(from), region);
    return cache && is(cache) ? cache : null;
  }, PATIENT);
}

export async function readUsers({ url }: Runtime, from: number, to: number): Promise<void> {
  for (let id = from; id <= to; id += 1) assert.deepEqual((await ask(url, USER, { variables: { id } })).errors, []);
}
