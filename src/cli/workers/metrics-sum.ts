/** Owns the sum of the workers' metrics: asked of all of them at once, with what ended workers had counted. */
import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import { type ProcessMetrics } from './messages.ts';

/** How long a worker may take to give its metrics, milliseconds; shorter than those who read metrics wait. */
export const METRICS_MS = 1_000;
/** They only grow: a sum that lost those of a worker would look like a restart of all. */
const GROWING: ReadonlySet<unknown> = new Set(['counter', 'histogram']);

/** A worker, as far as it is measured. */
export interface Measured {
  readonly isServing: boolean;
  /** Null when it does not give them within the limit. */
  metrics(limitMs: number): Promise<ProcessMetrics | null>;
}

export class MetricsSum {
  readonly #serving: () => readonly Measured[];
  readonly #own = new Registry();
  readonly #workers: Gauge;
  readonly #restarts: Counter;
  readonly #unanswered: Counter;
  /** What each running worker had counted when it was last asked. */
  readonly #last = new Map<Measured, ProcessMetrics>();
  /** What ended workers had counted when they were last asked. */
  #ended: ProcessMetrics = [];

  constructor(serving: () => readonly Measured[]) {
    this.#serving = serving;
    const registers = [this.#own];
    this.#workers = new Gauge({ name: 'meridian_workers', help: 'Workers that serve.', registers });
    this.#restarts = new Counter({
      name: 'meridian_worker_restarts_total',
      help: 'Times that a worker ended and was started again.',
      registers,
    });
    this.#unanswered = new Counter({
      name: 'meridian_worker_metrics_missing_total',
      help: 'Times that a worker did not give its metrics in time: its gauges were left out, and of what it counts the last known was taken.',
      registers,
    });
  }

  restarted(): void {
    this.#restarts.inc();
  }

  /** Keeps what the worker had counted. */
  ended(worker: Measured): void {
    const counted = this.#last.get(worker);
    this.#last.delete(worker);
    if (counted !== undefined)
      this.#ended = aggregated([this.#ended, counted]).getMetricsAsArray() as unknown as ProcessMetrics;
  }

  /** As Prometheus reads it. */
  async text(): Promise<string> {
    // From before the question: what a worker that ends meanwhile has counted must not be in it twice.
    const ended = this.#ended;
    const told = await Promise.all(this.#serving().map(async (worker) => this.#ask(worker)));
    this.#workers.set(this.#serving().length);
    const own = (await this.#own.getMetricsAsJSON()) as ProcessMetrics;
    return aggregated([own, ...told, ended]).metrics();
  }

  async #ask(worker: Measured): Promise<ProcessMetrics> {
    const last = this.#last.get(worker) ?? [];
    const metrics = await worker.metrics(METRICS_MS);
    if (metrics === null) {
      this.#unanswered.inc();
      return last;
    }
    // Of a worker that has ended meanwhile, what it had counted is kept already.
    if (worker.isServing)
      this.#last.set(
        worker,
        metrics.filter(({ type }) => GROWING.has(type)),
      );
    return metrics;
  }
}

function aggregated(all: readonly ProcessMetrics[]): Registry {
  return AggregatorRegistry.aggregate(all.map((one) => [...one]));
}
