/** Owns restarting processes that have ended, with growing waits. */
import { Backoff } from '../base/backoff.ts';
import { sleep } from '../base/clock.ts';

export interface Restartable {
  /** As the beginning of a sentence. */
  readonly what: string;
  ended(): Promise<void>;
  start(): Promise<void>;
}

export interface RestartOptions {
  readonly onNotice: (sentence: string) => void;
  /** After every change of a process id. */
  readonly onChange: () => void;
  readonly stopping: AbortSignal;
  /** Waits before a start, milliseconds: the first and the longest. */
  readonly restart?: { readonly firstMs: number; readonly maxMs: number };
}

const RESTART = { firstMs: 1_000, maxMs: 15_000 };
/** Number of consecutive ends that are reported one by one; a process that has run for `STEADY_MS` resets the count. */
const TOLD = 10;
const STEADY_MS = 60_000;

/**
 * Restarts the subject whenever it has ended, until `stopping`, with growing waits up to a limit. It never gives up,
 * since what the subject needs, such as its database, may come back at any time; after several consecutive ends only
 * the restart is reported.
 */
export async function keepRunning(
  subject: Restartable,
  { onNotice, onChange, stopping, restart = RESTART }: RestartOptions,
): Promise<void> {
  const backoff = new Backoff(restart);
  let quiet = false;
  while (!stopping.aborted) {
    const since = performance.now();
    await subject.ended();
    if (stopping.aborted) return;
    onChange();
    if (performance.now() - since > STEADY_MS) backoff.reset();
    const waitMs = backoff.nextMs();
    if (!quiet && backoff.tries <= TOLD)
      onNotice(`${subject.what} has ended; it is started again in ${seconds(waitMs)} s.`);
    else if (!quiet) {
      quiet = true;
      onNotice(
        `${subject.what} has ended ${backoff.tries} times in a row; it is tried again at least every ${seconds(restart.maxMs)} s, and this says when it is back.`,
      );
    }
    if (!(await sleep(waitMs, stopping))) return;
    try {
      await subject.start();
      quiet = false;
      onNotice(`${subject.what} is back.`);
    } catch (error) {
      if (!stopping.aborted && !quiet) onNotice((error as Error).message);
    }
    onChange();
  }
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
