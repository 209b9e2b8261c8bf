/** Owns the workers of one server: they are started, restarted when one ends, and closed together. */
import cluster from 'node:cluster';
import { createServer, type AddressInfo } from 'node:net';
import { Backoff } from '../../base/backoff.ts';
import { sleep } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { type Config } from '../../config/load.ts';
import { type Log } from '../../telemetry/log.ts';
import { MetricsSum } from './metrics-sum.ts';
import { endText, WorkerProcess } from './worker-process.ts';

/** Between the end of a worker and its next start. */
const RESTART = { firstMs: 200, maxMs: 10_000 };
/** A worker that has run this long is restarted with the shortest wait again. */
const STEADY_MS = 30_000;
/** Added to the time that a worker takes to close: for the message to it, and for other work of the processor. */
const KILL_MARGIN_MS = 2_000;

/** Milliseconds after which a worker that was told to close is killed. */
export function closeLimitMs({ drainDelayMs, drainMs, closeMs, logFlushMs }: Config['options']): number {
  return drainDelayMs + drainMs + closeMs + logFlushMs + KILL_MARGIN_MS;
}

export class Workers {
  readonly #log: Log;
  readonly #sum: MetricsSum;
  readonly #workers = new Map<number, WorkerProcess>();
  readonly #stop = new AbortController();
  #config: Config;
  #kept: Promise<void>[] = [];

  constructor(config: Config, log: Log) {
    this.#config = config;
    this.#log = log;
    this.#sum = new MetricsSum(() => [...this.#workers.values()].filter(({ isServing }) => isServing));
  }

  /**
   * Starts every worker: one first, so that a configuration error is reported once, then the others. Throws the error
   * of a worker that cannot serve; none is left running then. Null: it was closed meanwhile.
   */
  async start(): Promise<string | null> {
    // Each worker accepts connections itself. A connection that Node's parent process hands to a worker which ends just
    // then would stay open and never be answered.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    const { options } = this.#config;
    if (options.port === 0)
      this.#config = { ...this.#config, options: { ...options, port: await freePort(options.host) } };
    try {
      const first = this.#begin(1);
      const url = await first.serving;
      const others = Array.from({ length: options.workers - 1 }, (_, i) => this.#begin(i + 2));
      await Promise.all(others.map(({ serving }) => serving));
      this.#kept = [first, ...others].map((worker) => this.#keep(worker));
      return url;
    } catch (error) {
      // Workers that are told to close end by themselves, and `close` waits for them.
      if (this.#stop.signal.aborted) return null;
      const workers = [...this.#workers.values()];
      for (const worker of workers) worker.kill();
      await Promise.all(workers.map(({ ended }) => ended));
      throw error;
    }
  }

  /** Drains all workers at once; throws if one of them did not end well, after all have ended. */
  async close(): Promise<void> {
    this.#stop.abort();
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.send({ kind: 'close' });
    const limitMs = closeLimitMs(this.#config.options);
    const timer = setTimeout(() => this.#killLate(limitMs), limitMs);
    const ends = await Promise.all(workers.map(async ({ number, ended }) => ({ number, end: await ended })));
    await Promise.all(this.#kept);
    clearTimeout(timer);
    const failed = ends
      .filter(({ end }) => end.status !== 0)
      .map(({ number, end }) => `worker ${number} ended with ${endText(end)}`);
    if (failed.length > 0) throw new Error(failed.join('; '));
  }

  #begin(number: number): WorkerProcess {
    const worker = new WorkerProcess(number, this.#config);
    worker.onSum = (id) => {
      this.#sum.text().then(
        (text) => worker.send({ kind: 'sum', id, text }),
        (error: unknown) => this.#log.error({ err: error }, 'the metrics of the workers could not be added up'),
      );
    };
    this.#workers.set(number, worker);
    // A worker that ended before the close is not counted as one that failed to close.
    void worker.ended.then(() => this.#stop.signal.aborted || this.#workers.delete(number));
    return worker;
  }

  /** Restarts the worker each time that it ends, until all workers are to close. */
  async #keep(first: WorkerProcess): Promise<void> {
    const backoff = new Backoff(RESTART);
    for (let worker = first; ; worker = this.#begin(worker.number)) {
      const { number } = worker;
      const startedMs = performance.now();
      if (worker !== first) this.#tellOfStart(worker);
      const end = await worker.ended;
      this.#sum.ended(worker);
      if (this.#stop.signal.aborted) return;
      if (performance.now() - startedMs > STEADY_MS) backoff.reset();
      const waitMs = Math.round(backoff.nextMs());
      this.#log.error(
        { worker: number, ...end, waitMs },
        `worker ${number} ended with ${endText(end)}; it is started again in ${waitMs} ms`,
      );
      await sleep(waitMs, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      this.#sum.restarted();
    }
  }

  #tellOfStart({ number, pid, serving }: WorkerProcess): void {
    serving.then(
      () => this.#log.info({ worker: number, pid }, `worker ${number} serves again`),
      (error: unknown) =>
        this.#stop.signal.aborted ||
        this.#log.error({ worker: number, err: error }, `worker ${number} could not start: ${messageOf(error)}`),
    );
  }

  #killLate(limitMs: number): void {
    this.#log.error({ limitMs }, 'workers did not end in time; they are killed');
    for (const worker of this.#workers.values()) worker.kill();
  }
}

/** Chosen once for all workers, so that a restarted worker serves at the same URL even if no other runs. */
async function freePort(host: string): Promise<number> {
  const server = createServer();
  const listening = Promise.withResolvers<void>();
  // The host is not available: the first worker reports the error.
  server.once('error', () => listening.resolve()).listen({ port: 0, host }, listening.resolve);
  await listening.promise;
  const port = (server.address() as AddressInfo | null)?.port ?? 0;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
