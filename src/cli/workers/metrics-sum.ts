/** Owns the sum of the workers' metrics: all workers are asked at once, and the counts of ended workers are added. */
import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import { type ProcessMetrics } from './messages.ts';

/** How long a worker may take to return its metrics, milliseconds; shorter than the limit of those who read the sum. */
export const METRICS_MS = 1_000;
/** These metrics only grow: a sum without those of an ended worker would look like a restart of all. */
const GROWING: ReadonlySet<unknown> = new Set(['counter', 'histogram']);

/** What the sum needs of a worker. */
export interface Measured {
  readonly isServing: boolean;
  /** Null if the worker does not answer within the limit. */
  metrics(limitMs: number): Promise<ProcessMetrics | null>;
}

export class MetricsSum {
  readonly #serving: () => readonly Measured[];
  readonly #own = new Registry();
  readonly #workers: Gauge;
  readonly #restarts: Counter;
  readonly #unanswered: Counter;
  /** Counts of each running worker at its last answer. */
  readonly #last = new Map<Measured, ProcessMetrics>();
  /** Counts of ended workers at their last answer. */
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
    // Copied before the question: the counts of a worker that ends meanwhile must not be added twice.
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
    // The counts of a worker that has ended meanwhile are already kept.
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
