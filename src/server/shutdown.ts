/** Owns the end of the process: it drains on a signal and ends immediately on a second one. */
import { messageOf } from '../base/errors.ts';
import { type Log } from '../telemetry/log.ts';
import { flushed } from '../telemetry/output.ts';

export interface ShutdownSettings {
  /** Drains the server, then closes what it used. */
  readonly close: () => Promise<void>;
  /** Time limit of `close`, in milliseconds; when it is exceeded, the process ends with status 1. */
  readonly limitMs: number;
  /** How long the process waits until its last log lines have been written, in milliseconds. */
  readonly flushMs: number;
  readonly log: Log;
  /** The parent process also tells this one to close. Signals reach both processes, so a second one is ignored here. */
  readonly isWorker?: boolean;
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
const EXIT_BY_SECOND_SIGNAL = 130;

/** Handles SIGTERM and SIGINT. Returns a function that closes as on a signal. */
export function closeOnSignals(settings: ShutdownSettings): (signal: string) => void {
  const { log } = settings;
  let closing = false;
  const onSignal = (signal: string): void => {
    if (closing && settings.isWorker) return;
    if (closing) {
      log.warn({ signal }, 'second signal: ending at once');
      process.exit(EXIT_BY_SECOND_SIGNAL);
    }
    closing = true;
    log.info({ signal }, 'closing');
    void end(settings);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  return onSignal;
}

async function end({ close, limitMs, flushMs, log }: ShutdownSettings): Promise<void> {
  const leave = async (status: number): Promise<void> => {
    await flushed(process.stdout, flushMs);
    process.exit(status);
  };
  setTimeout(() => {
    log.error({ limitMs }, 'closing took too long: ending anyway');
    void leave(1);
  }, limitMs).unref();
  try {
    await close();
    await leave(0);
  } catch (error) {
    log.error({ err: error }, `closing failed: ${messageOf(error)}`);
    await leave(1);
  }
}
