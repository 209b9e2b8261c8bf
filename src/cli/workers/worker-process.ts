/** Owns one worker as the parent process sees it: it is started, awaited, asked, told to close, and killed. */
import cluster, { type Worker } from 'node:cluster';
import { within } from '../../base/clock.ts';
import { type Config } from '../../config/load.ts';
import { errorOf, messageFrom, type FromWorker, type ProcessMetrics, type ToWorker } from './messages.ts';

export interface WorkerEnd {
  /** Null where a signal ended it. */
  readonly status: number | null;
  readonly signal: string | null;
}

export class WorkerProcess {
  readonly number: number;
  /** The URL, once the worker serves; rejects with the reason why it does not. */
  readonly serving: Promise<string>;
  readonly ended: Promise<WorkerEnd>;
  /** Called when the worker wants the sum of all metrics; the answer carries the same number. */
  onSum: (id: number) => void = () => undefined;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, (metrics: ProcessMetrics) => void>();
  #isServing = false;
  #asked = 0;

  constructor(number: number, config: Config) {
    this.number = number;
    this.#worker = cluster.fork();
    const serving = Promise.withResolvers<string>();
    const ended = Promise.withResolvers<WorkerEnd>();
    this.serving = serving.promise;
    this.ended = ended.promise;
    // A caller that waits for it gets the error; if none does, it must not become an unhandled rejection.
    this.serving.catch(() => undefined);
    this.#worker.on('error', () => undefined);
    this.#worker.on('message', (received) => this.#take(messageFrom<FromWorker>(received), serving));
    this.#worker.once('exit', (status: number | null, signal: string | null) => {
      this.#isServing = false;
      const end = { status: signal === null ? status : null, signal };
      ended.resolve(end);
      serving.reject(new Error(`Worker ${number} ended with ${endText(end)} before it served requests.`));
    });
    this.send({ kind: 'start', number, config });
  }

  get isServing(): boolean {
    return this.#isServing;
  }

  get pid(): number | undefined {
    return this.#worker.process.pid;
  }

  /** A message that cannot be sent was meant for a worker that is ending; its end is reported separately. */
  send(message: ToWorker): void {
    if (this.#worker.isConnected()) this.#worker.send(message, () => undefined);
  }

  /** Its own metrics; null when it does not give them within the limit. */
  async metrics(limitMs: number): Promise<ProcessMetrics | null> {
    const id = (this.#asked += 1);
    const told = Promise.withResolvers<ProcessMetrics | null>();
    this.#waiting.set(id, told.resolve);
    this.send({ kind: 'metrics', id });
    try {
      return await within(Promise.race([told.promise, this.ended.then(() => null)]), limitMs, () => null);
    } finally {
      this.#waiting.delete(id);
    }
  }

  kill(): void {
    this.#worker.process.kill('SIGKILL');
  }

  #take(message: FromWorker | null, serving: PromiseWithResolvers<string>): void {
    switch (message?.kind) {
      case 'serving':
        this.#isServing = true;
        return serving.resolve(message.url);
      case 'failed':
        return serving.reject(errorOf(message.error));
      case 'metrics':
        return this.#waiting.get(message.id)?.(message.metrics);
      case 'sum':
        return this.onSum(message.id);
      default:
    }
  }
}

export function endText({ status, signal }: WorkerEnd): string {
  return signal === null ? `status ${status}` : `signal ${signal}`;
}
