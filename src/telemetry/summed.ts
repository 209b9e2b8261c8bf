/**
 * Owns counters and histograms that are cheap to increment: they add up plain numbers per combination of label values,
 * and build series only when the metrics are read. prom-client builds a key from the labels and validates their names
 * on each call, which costs more than a cached read may.
 */
import {
  Counter,
  Histogram,
  type CounterConfiguration,
  type HistogramConfiguration,
  type LabelValues,
  type MetricObjectWithValues,
  type MetricType,
  type MetricValueWithName,
} from 'prom-client';

/**
 * Maximum number of series of one metric. Labels have few values, so it is not reached in practice; it bounds the
 * memory in any case.
 */
const MAX_SERIES = 1_000;
/** Separates label values, which never contain NUL. */
const SEPARATOR = '\u0000';

function seriesName(names: readonly string[], labels: Readonly<Record<string, string | number | undefined>>): string {
  let name = '';
  for (const label of names) name += `${labels[label]}${SEPARATOR}`;
  return name;
}

function isLabels<L extends string>(first: unknown): first is LabelValues<L> {
  return typeof first === 'object' && first !== null;
}

interface Sum<L extends string> {
  readonly labels: LabelValues<L>;
  /** The part that has not been added to the counter yet. */
  value: number;
}

/** A `Counter` without exemplars. */
export function summedCounter<L extends string>(settings: CounterConfiguration<L>): Counter<L> {
  const { labelNames = [] } = settings;
  const sums = new Map<string, Sum<L>>();
  const counter = new Counter<L>({
    ...settings,
    collect() {
      for (const sum of sums.values()) {
        const { value } = sum;
        sum.value = 0;
        if (value > 0) addNow(sum.labels, value);
      }
    },
  });
  const addNow = counter.inc.bind(counter) as (labels: LabelValues<L>, value: number) => void;
  counter.inc = (first?: unknown, second?: number): void => {
    const labels = isLabels<L>(first) ? first : ({} as LabelValues<L>);
    const value = (isLabels(first) ? second : (first as number | null | undefined)) ?? 1;
    const name = seriesName(labelNames, labels);
    const sum = sums.get(name);
    if (sum !== undefined && value >= 0 && value < Infinity) sum.value += value;
    else {
      // The first value of a series goes to prom-client, which refuses wrong labels at the caller; so does every
      // invalid value.
      addNow(labels, value);
      if (sums.size < MAX_SERIES) sums.set(name, { labels, value: 0 });
    }
  };
  return counter;
}

interface Buckets<L extends string> {
  readonly labels: LabelValues<L>;
  /** One count for each bound, and one for values above all bounds. */
  readonly counts: Float64Array;
  sum: number;
}

/** prom-client declares the enum but does not export it at run time. */
const TYPE = 'histogram' as unknown as MetricType.Histogram;

/** A `Histogram` without exemplars. */
export class SummedHistogram<L extends string> extends Histogram<L> {
  readonly #settings: HistogramConfiguration<L> & { readonly buckets: number[] };
  readonly #series = new Map<string, Buckets<L>>();

  constructor(settings: HistogramConfiguration<L> & { readonly buckets: number[] }) {
    super(settings);
    this.#settings = settings;
    // A histogram without labels has its only series from the start.
    if ((settings.labelNames ?? []).length === 0) this.#begin('', {});
    // prom-client assigns `observe` on each instance, which would hide a method of the class.
    this.observe = (first: unknown, second?: number): void =>
      this.#observe(isLabels<L>(first) ? first : {}, isLabels(first) ? second : (first as number));
  }

  override async get(): Promise<MetricObjectWithValues<MetricValueWithName<L>>> {
    const { name, help } = this.#settings;
    return {
      name,
      help,
      type: TYPE,
      aggregator: 'sum',
      collect: () => undefined,
      values: [...this.#series.values()].flatMap((series) => this.#valuesOf(series)),
    };
  }

  /** The registry calls this method, if a metric has it, for the Prometheus text format. */
  getForPromString(): Promise<MetricObjectWithValues<MetricValueWithName<L>>> {
    return this.get();
  }

  #observe(labels: LabelValues<L>, value: number | undefined): void {
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw new TypeError(`Value is not a valid number: ${value}`);
    const name = seriesName(this.#settings.labelNames ?? [], labels);
    const series = this.#series.get(name) ?? this.#begin(name, labels);
    const { buckets } = this.#settings;
    let at = 0;
    while (at < buckets.length && value > (buckets[at] as number)) at += 1;
    series.counts[at] = (series.counts[at] as number) + 1;
    series.sum += value;
  }

  #begin(name: string, labels: LabelValues<L>): Buckets<L> {
    const { labelNames = [], buckets } = this.#settings;
    const unknown = Object.keys(labels).find((label) => !(labelNames as readonly string[]).includes(label));
    if (unknown !== undefined)
      throw new Error(`the label "${unknown}" is none of the metric's: ${labelNames.join(', ')}`);
    const isFull = this.#series.size >= MAX_SERIES;
    const shown = isFull ? (Object.fromEntries(labelNames.map((label) => [label, 'other'])) as LabelValues<L>) : labels;
    const key = isFull ? seriesName(labelNames, shown) : name;
    const known = this.#series.get(key);
    if (known !== undefined) return known;
    const series = { labels: shown, counts: new Float64Array(buckets.length + 1), sum: 0 };
    this.#series.set(key, series);
    return series;
  }

  /** Prometheus buckets are cumulative: each one includes the counts of all lower ones. */
  #valuesOf({ labels, counts, sum }: Buckets<L>): MetricValueWithName<L>[] {
    const { name, buckets } = this.#settings;
    let count = 0;
    const bucketed = [...buckets, '+Inf'].map((le, i) => {
      count += counts[i] ?? 0;
      return { labels: { le, ...labels }, value: count, metricName: `${name}_bucket` };
    });
    return [
      ...bucketed,
      { labels: { ...labels }, value: sum, metricName: `${name}_sum` },
      { labels: { ...labels }, value: count, metricName: `${name}_count` },
    ];
  }
}
