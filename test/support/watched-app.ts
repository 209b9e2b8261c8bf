/** Owns applications whose regions' health a test watches, with short time limits and simulated WAN links. */
import assert from 'node:assert/strict';
import { type RegionHealth } from '../../src/graphql/generated/meridian.ts';
import { AP, EU, startTestApp, US, type Answer, type TestApp } from './app.ts';
import { until } from './observe.ts';

export const REGIONS = [US, EU, AP] as const;
export const HEALTH =
  'query($region: String) { regionHealth(region: $region) { region role status databaseHealthy cacheHealthy replicationLagMs replicationLagBytes replayLsn timeline rttMs alerts { kind message since } error } }';
export const RTT = { 'us-east-1/eu-west-1': 20, 'us-east-1/ap-northeast-1': 40, 'eu-west-1/ap-northeast-1': 60 };
export const LAG_ALERT_MS = 600;

export interface WatchedApp extends AsyncDisposable {
  readonly app: TestApp;
  readonly asked: (from: string, region?: string) => Promise<Answer<{ regionHealth: readonly RegionHealth[] }>>;
  /** Every region's health by its name, as seen from a region. */
  readonly health: (from: string) => Promise<Record<string, RegionHealth>>;
  readonly seen: (from: string, of: string) => Promise<RegionHealth>;
  /** Resolves when every region is healthy as seen from every region. */
  readonly allHealthy: () => Promise<unknown>;
}

export function isHealthy({ status, replicationLagMs, alerts }: RegionHealth): boolean {
  return status === 'HEALTHY' && replicationLagMs === 0 && alerts.length === 0;
}

/** `alertWebhook`: where servers post alerts; default nowhere. */
export async function startWatchedApp({ alertWebhook }: { readonly alertWebhook?: string } = {}): Promise<WatchedApp> {
  const settings = { probeMs: 100, probeTimeoutMs: 400, connectMs: 1_000, heartbeatMs: 200, lagAlertMs: LAG_ALERT_MS };
  const app = await startTestApp({
    scale: 0.05,
    wan: RTT,
    settings: { ...settings, ...(alertWebhook === undefined ? {} : { alertWebhook }) },
  });
  const asked: WatchedApp['asked'] = async (from, region) =>
    app.gql(from, HEALTH, { variables: { region }, headers: { authorization: `Bearer ${app.adminToken}` } });
  const health: WatchedApp['health'] = async (from) => {
    const { data, errors } = await asked(from);
    assert.deepEqual(errors, []);
    return Object.fromEntries((data?.regionHealth ?? []).map((one) => [one.region, one]));
  };
  return {
    app,
    asked,
    health,
    seen: async (from, of) => (await health(from))[of] as RegionHealth,
    allHealthy: () =>
      until(
        'every region is healthy as seen from every region',
        async () =>
          (await Promise.all(REGIONS.map(health))).every((reports) => Object.values(reports).every(isHealthy)),
        { withinMs: 30_000 },
      ),
    [Symbol.asyncDispose]: () => app[Symbol.asyncDispose](),
  };
}
