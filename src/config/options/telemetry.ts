/** Owns the options of logs, metrics and traces. */
import { choice, count, milliseconds, option } from '../option.ts';

export const TELEMETRY_OPTIONS = {
  logLevel: option(choice(['trace', 'debug', 'info', 'warn', 'error', 'silent']), {
    default: 'info',
    group: 'telemetry',
    help: 'Least severity that is logged.',
  }),
  maxErrorLogs: option(count(), {
    default: 20,
    group: 'telemetry',
    help: 'Lines that errors of one code, which their cause explains, may write to the log in a second; more are only counted in the metrics.',
  }),
  logBufferBytes: option(count(1_024, 1 << 30), {
    default: 1 << 20,
    group: 'telemetry',
    help: 'Bytes of log lines that may wait for whoever reads standard output; more are dropped and counted (meridian_log_dropped_total), and the log says how many.',
  }),
  logFlushMs: option(milliseconds(0), {
    default: 1_000,
    group: 'telemetry',
    help: 'How long a process that ends waits for its last log lines to be read.',
  }),
};
