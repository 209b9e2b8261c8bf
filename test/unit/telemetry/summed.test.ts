/** Owns the proof that what is added up is shown as prom-client would show it. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Counter, Histogram, Registry } from 'prom-client';
import { summedCounter, SummedHistogram } from '../../../src/telemetry/summed.ts';

const LABELS = ['route', 'status'] as const;
type Label = (typeof LABELS)[number];
const pick = <T>(from: readonly T[]): T => from[Math.floor(Math.random() * from.length)] as T;
const labels = (): Record<Label, string> => ({
  route: pick(['/graphql', 'other', 'a "quoted" one']),
  status: pick(['200', '400']),
});

describe('a summed counter', () => {
  it('shows the same as one of prom-client, at every reading', async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const settings = { name: 'x_total', help: 'Counts.', labelNames: LABELS };
    const [mine, plain] = [
      summedCounter<Label>({ ...settings, registers: [ours] }),
      new Counter<Label>({ ...settings, registers: [theirs] }),
    ];
    for (let reading = 0; reading < 5; reading += 1) {
      for (let i = 0; i < 200; i += 1) {
        const [by, value] = [labels(), pick([undefined, 0, 1, 2.5, 1_000])];
        for (const counter of [mine, plain]) counter.inc(by, value);
      }
      assert.equal(await ours.metrics(), await theirs.metrics());
      assert.deepEqual(await mine.get(), await plain.get());
    }
  });

  it('counts without labels, and from zero', async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const settings = { name: 'x_total', help: 'Counts.' };
    const [mine, plain] = [
      summedCounter({ ...settings, registers: [ours] }),
      new Counter({ ...settings, registers: [theirs] }),
    ];
    assert.equal(await ours.metrics(), await theirs.metrics());
    for (const counter of [mine, plain]) {
      counter.inc();
      counter.inc(4);
      counter.inc(undefined);
    }
    assert.equal(await ours.metrics(), await theirs.metrics());
    assert.equal((await mine.get()).values[0]?.value, 6);
  });

  it('refuses what is no count, and a label that it does not have', async () => {
    const counter = summedCounter<Label>({
      name: 'x_total',
      help: 'Counts.',
      labelNames: LABELS,
      registers: [new Registry()],
    });
    for (let i = 0; i < 2; i += 1) {
      for (const value of [-1, Infinity]) assert.throws(() => counter.inc({ route: 'a', status: 'b' }, value));
      assert.throws(() => counter.inc({ path: 'a' } as never));
      counter.inc({ route: 'a', status: 'b' });
    }
    assert.deepEqual((await counter.get()).values, [{ labels: { route: 'a', status: 'b' }, value: 2 }]);
  });

  it('loses nothing where there are more series than are added up', async () => {
    const counter = summedCounter({
      name: 'x_total',
      help: 'Counts.',
      labelNames: ['id'],
      registers: [new Registry()],
    });
    for (let round = 0; round < 3; round += 1) for (let id = 0; id < 1_200; id += 1) counter.inc({ id: String(id) });
    const { values } = await counter.get();
    assert.deepEqual([values.length, new Set(values.map(({ value }) => value))], [1_200, new Set([3])]);
  });
});

describe('a summed histogram', () => {
  for (const labelNames of [LABELS, []] as readonly (readonly Label[])[]) {
    it(`shows the same as one of prom-client, at every reading (labels: ${labelNames.join(', ') || 'none'})`, async () => {
      const [ours, theirs] = [new Registry(), new Registry()];
      const settings = { name: 'x_seconds', help: 'Durations.', labelNames, buckets: [0.1, 0.5, 1] };
      const [mine, plain] = [
        new SummedHistogram<Label>({ ...settings, registers: [ours] }),
        new Histogram<Label>({ ...settings, registers: [theirs] }),
      ];
      for (let reading = 0; reading < 4; reading += 1) {
        assert.equal(await ours.metrics(), await theirs.metrics());
        for (let i = 0; i < 100; i += 1) {
          const [by, value] = [labels(), pick([0, 0.1, 0.100001, 0.7, 1, 5])];
          for (const histogram of [mine, plain]) {
            if (labelNames.length === 0) histogram.observe(value);
            else histogram.observe(by, value);
          }
        }
      }
      const plainly = (values: readonly { labels: object; value: number; metricName?: string }[]): unknown =>
        values.map(({ labels: by, value, metricName }) => ({ labels: by, value, metricName }));
      assert.deepEqual(plainly((await mine.get()).values), plainly((await plain.get()).values));
    });
  }

  it('refuses what is no duration, and a label that it does not have', () => {
    const histogram = new SummedHistogram<Label>({
      name: 'x_seconds',
      help: 'Durations.',
      labelNames: LABELS,
      buckets: [1],
      registers: [new Registry()],
    });
    for (const value of [NaN, Infinity, undefined, '1'])
      assert.throws(() => histogram.observe({ route: 'a', status: 'b' }, value as number), TypeError);
    assert.throws(() => histogram.observe({ path: 'a' } as never, 1), /none of the metric's/);
  });

  it('counts under "other" what would be more series than are kept', async () => {
    const histogram = new SummedHistogram({
      name: 'x_seconds',
      help: 'Durations.',
      labelNames: ['id'],
      buckets: [1],
      registers: [new Registry()],
    });
    for (let round = 0; round < 2; round += 1)
      for (let id = 0; id < 1_100; id += 1) histogram.observe({ id: String(id) }, 0.5);
    const counts = (await histogram.get()).values.filter(({ metricName }) => metricName === 'x_seconds_count');
    assert.deepEqual(
      [counts.length, counts.reduce((sum, { value }) => sum + value, 0), counts.at(-1)],
      [1_001, 2_200, { labels: { id: 'other' }, value: 200, metricName: 'x_seconds_count' }],
    );
  });
});
