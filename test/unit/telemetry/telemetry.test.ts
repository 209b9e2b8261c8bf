/**
 * Owns the proof that log lines are structured and keep credentials out, and that metrics stay few and never claim zero
 * for unknown.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { boundedLabel, createMetrics, setOrRemove } from '../../../src/telemetry/metrics.ts';
import { createTelemetry } from '../../../src/telemetry/telemetry.ts';

function logInto(level: string): {
  lines: () => Record<string, unknown>[];
  telemetry: ReturnType<typeof createTelemetry>;
} {
  const written: string[] = [];
  return {
    telemetry: createTelemetry({
      level,
      fields: { region: 'eu-west-1' },
      destination: { write: (line) => void written.push(line) },
    }),
    lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

describe('the log', () => {
  it('is one JSON object per line, from its level up', () => {
    const { telemetry, lines } = logInto('info');
    telemetry.log.debug('unseen');
    telemetry.log.child({ part: 'tail' }).info({ lagMs: 5 }, 'seen');
    const [line, ...others] = lines();
    assert.deepEqual(others, []);
    assert.deepEqual(
      { ...line, time: '' },
      { level: 'info', time: '', region: 'eu-west-1', part: 'tail', lagMs: 5, msg: 'seen' },
    );
    assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT.*Z$/);
  });

  it('has no key twice in a line, whatever a line says of another region', () => {
    const written: string[] = [];
    const { log } = createTelemetry({
      level: 'info',
      fields: { region: 'eu-west-1' },
      destination: { write: (line) => void written.push(line) },
    });
    log.warn({ region: 'us-east-1', level: 3, lagMs: 5 }, 'cannot be reached');
    log.child({ part: 'tail' }).warn({ region: 'us-east-1' }, 'cannot be reached');
    for (const line of written) {
      const keys = [...line.matchAll(/"(\w+)":/g)].map(([, key]) => key);
      assert.equal(new Set(keys).size, keys.length, line);
    }
    const [first, second] = written.map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      { ...first, time: '' },
      {
        level: 'warn',
        time: '',
        region: 'eu-west-1',
        aboutRegion: 'us-east-1',
        aboutLevel: 3,
        lagMs: 5,
        msg: 'cannot be reached',
      },
    );
    assert.deepEqual(
      [second?.['region'], second?.['aboutRegion'], second?.['part']],
      ['eu-west-1', 'us-east-1', 'tail'],
    );
  });

  it("keeps an error's cause and leaves credentials out", () => {
    const { telemetry, lines } = logInto('info');
    telemetry.log.error(
      {
        err: new Error('outer', { cause: new Error('inner') }),
        headers: { authorization: 'Bearer hunter2', accept: '*/*' },
      },
      'failed',
    );
    const text = JSON.stringify(lines());
    assert.match(text, /outer/);
    assert.match(text, /inner/);
    assert.doesNotMatch(text, /hunter2/);
  });
});

describe('metrics', () => {
  it('are in a registry of their own, with help, under one prefix', async () => {
    const [first, second] = [createMetrics(), createMetrics()];
    first.operations.inc({ type: 'query' });
    assert.match(await first.registry.metrics(), /meridian_graphql_operations_total\{type="query"\} 1/);
    assert.doesNotMatch(await second.registry.metrics(), /type="query"/);
    for (const { name, help } of await first.registry.getMetricsAsJSON()) {
      assert.match(name, /^meridian_[a-z_]+$/);
      assert.match(help, /\.$/, name);
    }
  });

  it('count the process only where asked', async () => {
    const own = createMetrics({ process: true }).registry;
    assert.match(await own.metrics(), /^process_cpu_seconds_total \d/m);
    own.clear();
  });

  it('have no value, and not zero, for what is unknown', async () => {
    const { regionLagSeconds, registry } = createMetrics();
    setOrRemove(regionLagSeconds, { region: 'a' }, 1.5);
    assert.match(await registry.metrics(), /^meridian_region_lag_seconds\{region="a"\} 1\.5$/m);
    setOrRemove(regionLagSeconds, { region: 'a' }, null);
    assert.doesNotMatch(await registry.metrics(), /^meridian_region_lag_seconds\{/m);
  });

  it('have no free text in labels', () => {
    const label = boundedLabel(2);
    assert.deepEqual(['a', 'b', 'c', 'a', 'd'].map(label), ['a', 'b', 'other', 'a', 'other']);
  });
});
