/** Owns that what has died is started again, with growing waits, for as long as it takes. */
import { Backoff } from '../base/backoff.ts';
import { sleep } from '../base/clock.ts';

export interface Restartable {
  /** As it may begin a sentence. */
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
/** Deaths in a row that are told one by one; one that has lived for `STEADY_MS` counts anew. */
const TOLD = 10;
const STEADY_MS = 60_000;

/**
 * Starts something again whenever it has ended, until `stopping`, with growing waits up to a limit. It is never given
 * up, since what it lacks, such as its database, may come back at any time; but after some deaths in a row only its
 * return is told.
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
