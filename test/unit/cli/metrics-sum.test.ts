/**
 * Owns the proof that the sum of the workers' metrics never goes down because one of them has ended or does not answer,
 * and that nothing is counted twice.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ProcessMetrics } from '../../../src/cli/workers/messages.ts';
import { MetricsSum, type Measured } from '../../../src/cli/workers/metrics-sum.ts';
import { createMetrics } from '../../../src/telemetry/metrics.ts';

class TestWorker implements Measured {
  isServing = true;
  readonly own = createMetrics();
  /** Instead of answering at once. */
  answer: () => Promise<ProcessMetrics | null> = async () => this.told();

  async told(): Promise<ProcessMetrics> {
    return JSON.parse(JSON.stringify(await this.own.registry.getMetricsAsJSON())) as ProcessMetrics;
  }

  metrics(): Promise<ProcessMetrics | null> {
    return this.answer();
  }
}

const QUERIES = 'meridian_graphql_operations_total{type="query"}';

function place(): {
  readonly workers: [TestWorker, TestWorker];
  readonly sum: MetricsSum;
  readonly valueOf: (series: string) => Promise<number>;
} {
  const workers: [TestWorker, TestWorker] = [new TestWorker(), new TestWorker()];
  const sum = new MetricsSum(() => workers.filter(({ isServing }) => isServing));
  for (const { own } of workers) {
    own.operations.inc({ type: 'query' }, 3);
    own.httpSeconds.observe({ method: 'POST', route: '/graphql' }, 0.002);
  }
  return {
    workers,
    sum,
    valueOf: async (series) =>
      Number(
        (await sum.text())
          .split('\n')
          .find((line) => line.startsWith(`${series} `))
          ?.slice(series.length + 1),
      ),
  };
}

describe('the metrics of several workers', () => {
  it("are sums of counters, histograms and what processes hold, and of the region's gauges the worst value", async () => {
    const {
      workers: [first, second],
      valueOf,
    } = place();
    first.own.cacheEntries.set(5);
    second.own.cacheEntries.set(7);
    for (const [worker, lag, on] of [
      [first, 0.5, 1],
      [second, 2, 0],
    ] as const) {
      worker.own.regionLagSeconds.set({ region: 'eu' }, lag);
      worker.own.cacheOn.set({ layer: 'local' }, on);
    }
    assert.equal(await valueOf(QUERIES), 6);
    assert.equal(
      await valueOf('meridian_http_request_duration_seconds_bucket{le="0.0025",method="POST",route="/graphql"}'),
      2,
    );
    assert.equal(await valueOf('meridian_http_request_duration_seconds_count{method="POST",route="/graphql"}'), 2);
    assert.equal(await valueOf('meridian_cache_entries'), 12);
    assert.equal(await valueOf('meridian_region_lag_seconds{region="eu"}'), 2);
    assert.equal(await valueOf('meridian_cache_on{layer="local"}'), 0);
    assert.equal(await valueOf('meridian_workers'), 2);
  });

  it('keep what a worker had counted that does not answer, and leave its gauges out', async () => {
    const {
      workers: [first, second],
      valueOf,
    } = place();
    second.own.cacheEntries.set(7);
    assert.equal(await valueOf(QUERIES), 6);
    first.own.operations.inc({ type: 'query' });
    second.answer = async () => null;
    assert.equal(await valueOf(QUERIES), 7);
    assert.equal(await valueOf('meridian_cache_entries'), 0);
    assert.equal(await valueOf('meridian_worker_metrics_missing_total'), 3);
  });

  it('keep what ended workers had counted', async () => {
    const {
      workers: [first, second],
      sum,
      valueOf,
    } = place();
    assert.equal(await valueOf(QUERIES), 6);
    for (const worker of [first, second]) {
      worker.isServing = false;
      sum.ended(worker);
    }
    assert.equal(await valueOf(QUERIES), 6);
    assert.equal(await valueOf('meridian_http_request_duration_seconds_count{method="POST",route="/graphql"}'), 2);
    assert.equal(await valueOf('meridian_workers'), 0);
  });

  it('count a worker once that ends while it is asked, whether or not it had answered', async () => {
    for (const answers of [true, false]) {
      const {
        workers: [first],
        sum,
        valueOf,
      } = place();
      assert.equal(await valueOf(QUERIES), 6);
      first.answer = async () => {
        const told = await first.told();
        first.isServing = false;
        sum.ended(first);
        return answers ? told : null;
      };
      assert.equal(await valueOf(QUERIES), 6);
      assert.equal(await valueOf(QUERIES), 6);
    }
  });
});
