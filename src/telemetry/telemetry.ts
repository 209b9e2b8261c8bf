/** Owns the telemetry that modules report to: one log and one set of metrics. */
import { createLog, type Log, type LogOptions } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';

export interface Telemetry {
  readonly log: Log;
  readonly metrics: Metrics;
  /** The answer of `/metrics`, when it is more than this process's own metrics. */
  readonly exposed?: () => Promise<string>;
}

export interface TelemetryOptions extends LogOptions {
  /** Also collect metrics of this process. */
  readonly process?: boolean;
}

export function createTelemetry(options: TelemetryOptions): Telemetry {
  const metrics = createMetrics({ process: options.process ?? false });
  return { log: createLog({ onDropped: () => metrics.logDropped.inc(), ...options }), metrics };
}

/** Telemetry that logs nothing and whose metrics are not exposed. */
export function silentTelemetry(): Telemetry {
  return createTelemetry({ level: 'silent' });
}
