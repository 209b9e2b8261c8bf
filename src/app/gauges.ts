/** Owns the gauges that follow the regions' state: lag, round trips, status and pool use, at each probe interval. */
import { type PostgresServer } from '../postgres/read/server.ts';
import { type RegionMonitor } from '../region/monitor.ts';
import { setOrRemove } from '../telemetry/metrics.ts';
import { type Ground } from './stacks/ground.ts';

type Published = Pick<Ground, 'config' | 'telemetry'>;

const STATUSES = ['healthy', 'degraded', 'unreachable'] as const;

/** Begins to publish how the regions are; returns how to stop. */
export function publishRegions(monitor: RegionMonitor, { config, telemetry: { metrics } }: Published): () => void {
  return each(config, () => {
    for (const { region, lagMs, lagBytes, rttMs, status } of monitor.reports()) {
      setOrRemove(metrics.regionLagSeconds, { region }, lagMs === null ? null : lagMs / 1_000);
      setOrRemove(metrics.regionLagBytes, { region }, lagBytes);
      setOrRemove(metrics.regionRttSeconds, { region }, rttMs === null ? null : rttMs / 1_000);
      for (const name of STATUSES) metrics.regionStatus.set({ region, status: name }, name === status ? 1 : 0);
    }
  });
}

/** Begins to publish how the connections for reading are used; returns how to stop. */
export function publishPools(
  servers: ReadonlyMap<string, PostgresServer>,
  { config, telemetry: { metrics } }: Published,
): () => void {
  return each(config, () => {
    for (const [region, { pool }] of servers) {
      metrics.poolConnections.set({ region, state: 'busy' }, pool.busy);
      metrics.poolConnections.set({ region, state: 'idle' }, pool.idle);
      metrics.poolConnections.set({ region, state: 'waiting' }, pool.waiting);
    }
  });
}

function each({ options }: Ground['config'], publish: () => void): () => void {
  const timer = setInterval(publish, options.probeMs);
  return () => clearInterval(timer);
}
