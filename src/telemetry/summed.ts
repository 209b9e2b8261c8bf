/**
 * Owns counters and histograms that are cheap to count with: what happens is added up by the values of its labels, in
 * plain numbers, and becomes series when somebody reads them. prom-client makes a text of the labels, and checks their
 * names, each time, which costs more than a cached read may.
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
 * Series of one metric that are added up. Labels have few values, so that there are no more; if there were, they would
 * not fill the memory.
 */
const MAX_SERIES = 1_000;
/** Between the values of labels, which have no such character. */
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
  /** Not yet told to the counter. */
  value: number;
}

/** As a `Counter`, without exemplars. */
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
      // The first of its series, so that a wrong label is refused where it is used, and a wrong value each time.
      addNow(labels, value);
      if (sums.size < MAX_SERIES) sums.set(name, { labels, value: 0 });
    }
  };
  return counter;
}

interface Buckets<L extends string> {
  readonly labels: LabelValues<L>;
  /** Of each bound, and one for what is above them all. */
  readonly counts: Float64Array;
  sum: number;
}

/** prom-client declares the enum and does not export it at run time. */
const TYPE = 'histogram' as unknown as MetricType.Histogram;

/** As a `Histogram`, without exemplars. */
export class SummedHistogram<L extends string> extends Histogram<L> {
  readonly #settings: HistogramConfiguration<L> & { readonly buckets: number[] };
  readonly #series = new Map<string, Buckets<L>>();

  constructor(settings: HistogramConfiguration<L> & { readonly buckets: number[] }) {
    super(settings);
    this.#settings = settings;
    // A histogram without labels has its one series from the beginning.
    if ((settings.labelNames ?? []).length === 0) this.#begin('', {});
    // prom-client sets its own on each object, so that a method would not be seen.
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

  /** What the registry takes, where a metric has it, for the text that Prometheus reads. */
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

  /** Cumulative, as Prometheus has them: each bucket counts what is in the ones below it, too. */
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
