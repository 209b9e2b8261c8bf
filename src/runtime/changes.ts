/** Owns what a region does with its changes: the watermarks move, the monitor learns, gaps begin anew. */
import { type ChangeHandlers } from '../change/ports.ts';
import { type Watermark } from '../change/watermark.ts';
import { type RegionMonitor } from '../region/monitor.ts';
import { type Telemetry } from '../telemetry/telemetry.ts';

export interface ChangeParts {
  /** What every consumer of the region has applied. */
  readonly applied: Watermark;
  /** What the region's server is known to show. */
  readonly replayed: Watermark;
  readonly monitor: RegionMonitor;
  readonly telemetry: Telemetry;
}

/** A change is delivered only after the server shows it (R2), so that both watermarks may move with it. */
export function changeHandlers({ applied, replayed, monitor, telemetry }: ChangeParts): ChangeHandlers {
  const { metrics } = telemetry;
  const reached = (lsn: Parameters<Watermark['advance']>[0]): void => {
    applied.advance(lsn);
    replayed.advance(lsn);
    metrics.tailWatermarkBytes.set(Number(lsn));
  };
  return {
    onStart({ lsn }) {
      applied.advance(lsn);
      monitor.streamBegan();
    },
    onTransaction(transaction) {
      metrics.tailTransactions.inc();
      metrics.tailChanges.inc(transaction.changes.length);
      reached(transaction.commitLsn);
      monitor.observeTransaction(transaction);
    },
    onHeartbeat(heartbeat) {
      reached(heartbeat.lsn);
      monitor.observeHeartbeat(heartbeat);
    },
    onProgress: reached,
    onGap(reason) {
      metrics.tailGaps.inc();
      applied.reset(reason);
    },
  };
}
