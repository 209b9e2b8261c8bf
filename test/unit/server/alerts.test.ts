/** Owns the proof that alerts reach log, metrics and webhook, and that a broken webhook harms nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultOptions, type Options } from '../../../src/config/options.ts';
import { type Alert } from '../../../src/region/view.ts';
import { createAlertSink, type AlertSink } from '../../../src/server/alerts.ts';
import { createTelemetry, type Telemetry } from '../../../src/telemetry/telemetry.ts';
import { startReceiver } from '../../support/http.ts';

const alert = (message = 'Region eu-west-1 is 6000 ms behind.'): Alert => ({
  region: 'eu-west-1',
  kind: 'lag',
  message,
  sinceMs: Date.UTC(2026, 0, 2),
});

function sinkTo(
  url: string,
  overrides: Partial<Options> = {},
): { sink: AlertSink; telemetry: Telemetry; lines: string[] } {
  const lines: string[] = [];
  const telemetry = createTelemetry({ level: 'info', destination: { write: (line) => void lines.push(line) } });
  return {
    sink: createAlertSink({
      region: 'us-east-1',
      options: defaultOptions({ alertWebhook: url, ...overrides }),
      telemetry,
    }),
    telemetry,
    lines,
  };
}

async function outcome(telemetry: Telemetry, name: string): Promise<number> {
  const { values } = await telemetry.metrics.alertPosts.get();
  return values.find(({ labels }) => labels.outcome === name)?.value ?? 0;
}

async function untilOutcome(telemetry: Telemetry, name: string, count: number): Promise<void> {
  const deadlineMs = Date.now() + 5_000;
  while ((await outcome(telemetry, name)) < count) {
    assert.ok(Date.now() < deadlineMs, `${count} posts ${name} within 5 s`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('alerts', () => {
  it('are logged, counted and posted, raised before cleared', async () => {
    await using receiver = await startReceiver((_request, index) => ({ afterMs: index === 0 ? 100 : 0 }));
    const { sink, telemetry, lines } = sinkTo(receiver.url);
    sink.raised(alert());
    sink.cleared(alert());
    await receiver.until(2);
    const [raised, cleared] = receiver.received.map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    assert.equal(typeof raised?.['at'], 'string');
    assert.deepEqual(
      { ...raised, at: '' },
      {
        event: 'raised',
        region: 'eu-west-1',
        kind: 'lag',
        message: alert().message,
        since: '2026-01-02T00:00:00.000Z',
        at: '',
        reportedBy: 'us-east-1',
      },
    );
    assert.equal(cleared?.['event'], 'cleared');
    assert.match(lines.join(''), /alert raised: Region eu-west-1 is 6000 ms behind/);
    const metrics = await telemetry.metrics.registry.metrics();
    assert.match(metrics, /^meridian_alerts_total\{region="eu-west-1",kind="lag"\} 1$/m);
    assert.match(metrics, /^meridian_alerts_active\{region="eu-west-1",kind="lag"\} 0$/m);
    await sink.close();
  });

  it('are posted again until the webhook takes them', async () => {
    await using receiver = await startReceiver((_request, index) => ({ status: index === 0 ? 503 : 200 }));
    const { sink, telemetry } = sinkTo(receiver.url);
    sink.raised(alert());
    await untilOutcome(telemetry, 'sent', 1);
    assert.equal(receiver.received.length, 2);
    await sink.close();
  });

  it('give up a webhook that is silent or gone, without naming its URL', async () => {
    await using receiver = await startReceiver(() => ({ afterMs: 20_000 }));
    const silent = sinkTo(`${receiver.url}/hook-secret`, { alertWebhookMs: 50, alertWebhookTries: 1 });
    silent.sink.raised(alert());
    await untilOutcome(silent.telemetry, 'failed', 1);
    const gone = sinkTo('http://127.0.0.1:1/hook-secret', { alertWebhookTries: 1 });
    gone.sink.raised(alert());
    await untilOutcome(gone.telemetry, 'failed', 1);
    assert.match(gone.lines.join(''), /alertWebhook did not take an alert/);
    assert.doesNotMatch([...silent.lines, ...gone.lines].join(''), /hook-secret/);
    await silent.sink.close();
    await gone.sink.close();
  });

  it('drop the oldest when too many wait, and stop at once on close', async () => {
    await using receiver = await startReceiver(() => ({ afterMs: 20_000 }));
    const { sink, telemetry } = sinkTo(receiver.url, { alertQueue: 2 });
    for (let i = 0; i < 5; i += 1) sink.raised(alert(`number ${i}`));
    assert.equal(await outcome(telemetry, 'dropped'), 2);
    const startedMs = performance.now();
    await sink.close();
    assert.ok(performance.now() - startedMs < 10_000);
  });
});
