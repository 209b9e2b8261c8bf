/** Owns that what has died is started again, with growing waits and not for ever. */
import { Backoff } from '../base/backoff.ts';
import { sleep } from '../base/clock.ts';

export interface Supervised {
  /** As it may begin a sentence. */
  readonly what: string;
  ended(): Promise<void>;
  start(): Promise<void>;
}

export interface SupervisionOptions {
  readonly onNotice: (sentence: string) => void;
  /** After every change of a process id. */
  readonly onChange: () => void;
  readonly stopping: AbortSignal;
}

const RESTART_FIRST_MS = 1_000;
const RESTART_MAX_MS = 15_000;
/** Deaths in a row; one that has lived this long counts anew. */
const RESTARTS = 10;
const STEADY_MS = 60_000;

/** Starts something again whenever it has ended, until `stopping`, with growing waits and not for ever. */
export async function supervise(subject: Supervised, { onNotice, onChange, stopping }: SupervisionOptions): Promise<void> {
  const backoff = new Backoff({ firstMs: RESTART_FIRST_MS, maxMs: RESTART_MAX_MS });
  while (!stopping.aborted) {
    const since = performance.now();
    await subject.ended();
    if (stopping.aborted) return;
    onChange();
    if (performance.now() - since > STEADY_MS) backoff.reset();
    if (backoff.tries >= RESTARTS) return onNotice(`${subject.what} has ended ${RESTARTS} times in a row and is not started again.`);
    const waitMs = backoff.nextMs();
    onNotice(`${subject.what} has ended; it is started again in ${(waitMs / 1_000).toFixed(1)} s.`);
    if (!(await sleep(waitMs, stopping))) return;
    try {
      await subject.start();
      onNotice(`${subject.what} is back.`);
    } catch (error) {
      if (!stopping.aborted) onNotice((error as Error).message);
    }
    onChange();
  }
}
