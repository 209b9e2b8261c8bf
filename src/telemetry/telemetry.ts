/** Owns what rooms receive to tell how they fare: one log and one set of metrics. */
import { createLog, type Log, type LogOptions } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';

export interface Telemetry {
  readonly log: Log;
  readonly metrics: Metrics;
  /** What `/metrics` answers, where that is not this process's own metrics alone. */
  readonly exposed?: () => Promise<string>;
}

export interface TelemetryOptions extends LogOptions {
  /** Also measure this process itself. */
  readonly process?: boolean;
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const metrics = createMetrics({ process: options.process ?? false });
  return { log: createLog({ onDropped: () => metrics.logDropped.inc(), ...options }), metrics };
}

/** Telemetry that logs nothing and whose metrics nobody reads. */
export function silentTelemetry(): Telemetry {
  return createTelemetry({ level: 'silent' });
}
