/**
 * Owns what a region does with its changes: the caches apply them, then the watermarks and the monitor advance; after a
 * gap all of them start again.
 */
import { type ChangeHandlers } from '../change/ports.ts';
import { type Watermark } from '../change/watermark.ts';
import { type RegionMonitor } from '../region/monitor.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';
import { type Caching } from './caching.ts';

export interface ChangeParts {
  /** What every consumer of the region has applied. */
  readonly applied: Watermark;
  /** What the region's server is known to show. */
  readonly replayed: Watermark;
  readonly caching: Caching;
  readonly monitor: RegionMonitor;
  readonly telemetry: Telemetry;
}

/**
 * A change is delivered only after the server shows it (R2), so both watermarks may advance once the caches have
 * applied it.
 */
export function changeHandlers({ applied, replayed, caching, monitor, telemetry }: ChangeParts): ChangeHandlers {
  const { metrics } = telemetry;
  const { feed } = caching;
  const reached = (lsn: Parameters<Watermark['advance']>[0]): void => {
    applied.advance(lsn);
    replayed.advance(lsn);
    metrics.tailWatermarkBytes.set(Number(lsn));
  };
  return {
    async onStart(start) {
      await feed?.onStart(start);
      applied.advance(start.lsn);
      monitor.streamBegan();
    },
    async onTransaction(transaction) {
      await feed?.onTransaction(transaction);
      metrics.tailTransactions.inc();
      metrics.tailChanges.inc(transaction.changes.length);
      reached(transaction.commitLsn);
      monitor.observeTransaction(transaction);
      caching.applied(monitor.sinceMs(transaction.committedAtMs));
    },
    onHeartbeat(heartbeat) {
      feed?.onHeartbeat(heartbeat);
      reached(heartbeat.lsn);
      monitor.observeHeartbeat(heartbeat);
      caching.applied(monitor.sinceMs(heartbeat.primaryTimeMs));
    },
    onProgress(lsn) {
      feed?.onProgress(lsn);
      reached(lsn);
    },
    async onGap(reason) {
      metrics.tailGaps.inc();
      applied.reset(reason);
      await feed?.onGap(reason);
    },
  };
}
