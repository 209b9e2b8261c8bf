/** Owns the gauges that follow the regions' state: lag, round trips, status and pool use, at each probe interval. */
import { setOrRemove } from '../telemetry/metrics.ts';
import { type Parts } from './parts.ts';

const STATUSES = ['healthy', 'degraded', 'unreachable'] as const;

/** Begins to publish; returns how to stop. */
export function publishGauges(parts: Parts): () => void {
  const timer = setInterval(() => publish(parts), parts.config.options.probeMs);
  return () => clearInterval(timer);
}

function publish({ monitor, servers, telemetry }: Parts): void {
  const { metrics } = telemetry;
  for (const { region, lagMs, lagBytes, rttMs, status } of monitor.reports()) {
    setOrRemove(metrics.regionLagSeconds, { region }, lagMs === null ? null : lagMs / 1_000);
    setOrRemove(metrics.regionLagBytes, { region }, lagBytes);
    setOrRemove(metrics.regionRttSeconds, { region }, rttMs === null ? null : rttMs / 1_000);
    for (const name of STATUSES) metrics.regionStatus.set({ region, status: name }, name === status ? 1 : 0);
  }
  for (const [region, { pool }] of servers) {
    metrics.poolConnections.set({ region, state: 'busy' }, pool.busy);
    metrics.poolConnections.set({ region, state: 'idle' }, pool.idle);
    metrics.poolConnections.set({ region, state: 'waiting' }, pool.waiting);
  }
}
