/**
 * Owns a worker's request for the metrics of all workers: the parent process adds them up; if no sum arrives, the
 * worker returns its own.
 */
import { within } from '../../base/clock.ts';
import { type Log } from '../../telemetry/log.ts';
import { METRICS_MS } from './metrics-sum.ts';

/** The parent process itself waits up to `METRICS_MS` for workers. */
const SUM_MS = METRICS_MS + 500;

export interface SumOfWorkersSettings {
  /** Asks the parent process, which answers with the same number. */
  readonly ask: (id: number) => void;
  /** This process's own metrics. */
  readonly own: () => Promise<string>;
  readonly log: Log;
}

export class SumOfWorkers {
  readonly #settings: SumOfWorkersSettings;
  readonly #waiting = new Map<number, (text: string) => void>();
  #asked = 0;

  constructor(settings: SumOfWorkersSettings) {
    this.#settings = settings;
  }

  told(id: number, text: string): void {
    this.#waiting.get(id)?.(text);
  }

  async text(): Promise<string> {
    const { ask, own, log } = this.#settings;
    const id = (this.#asked += 1);
    const told = Promise.withResolvers<string | null>();
    this.#waiting.set(id, told.resolve);
    ask(id);
    const sum = await within(told.promise, SUM_MS, () => null);
    this.#waiting.delete(id);
    if (sum !== null) return sum;
    log.warn(
      { limitMs: SUM_MS },
      "the first process did not add up the workers' metrics in time; this worker gives its own alone",
    );
    return own();
  }
}
