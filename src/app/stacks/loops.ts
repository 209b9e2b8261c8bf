/** Owns the loops that a stack runs in the background: they start together and stop together. */
import { type Log } from '../../telemetry/log.ts';

export class Loops {
  readonly #log: Log;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** `loop` resolves when the signal aborts. */
  run(loop: (signal: AbortSignal) => Promise<unknown>): void {
    this.#running.push(
      loop(this.#stop.signal).then(
        () => undefined,
        (error: unknown) => this.#log.error({ err: error }, 'a background loop of the region ended'),
      ),
    );
  }

  /** Resolves when every loop has ended. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
  }
}
