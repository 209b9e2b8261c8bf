/** Alerts: raised once, kept, cleared with hysteresis. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextAlerts, type AlertInput } from '../../../src/region/alerts.ts';
import { type Alert } from '../../../src/region/view.ts';

const LIMITS = { lagAlertMs: 5_000 };
const CALM: AlertInput = {
  region: 'ap',
  status: 'healthy',
  lagMs: 0,
  error: null,
  tailProblem: null,
  rivalPrimaries: [],
};

function run(inputs: readonly Partial<AlertInput>[]): { log: string[]; alerts: readonly Alert[] } {
  let alerts: readonly Alert[] = [];
  const log: string[] = [];
  inputs.forEach((input, i) => {
    const change = nextAlerts({ current: alerts, input: { ...CALM, ...input }, limits: LIMITS, nowMs: i });
    alerts = change.alerts;
    for (const alert of change.raised) log.push(`${i}+${alert.kind}`);
    for (const alert of change.cleared) log.push(`${i}-${alert.kind}`);
  });
  return { log, alerts };
}

test('an alert about lag is raised once above the limit and cleared well below it', () => {
  const lags = [0, 5_000, 5_001, 9_000, 4_000, 2_600, 2_500, 4_900, 5_001];
  assert.deepEqual(run(lags.map((lagMs) => ({ lagMs }))).log, ['2+lag', '6-lag', '8+lag']);
});

test('unknown lag neither raises nor clears an alert', () => {
  assert.deepEqual(run([{ lagMs: null }, { lagMs: 6_000 }, { lagMs: null }, { lagMs: 0 }]).log, ['1+lag', '3-lag']);
});

test('an alert keeps the time at which it was raised', () => {
  assert.equal(run([{ lagMs: 6_000 }, { lagMs: 7_000 }, { lagMs: 8_000 }]).alerts[0]?.sinceMs, 0);
});

test('the alert about an unreachable region stays until the region is healthy again', () => {
  const statuses = ['healthy', 'degraded', 'unreachable', 'degraded', 'healthy'] as const;
  assert.deepEqual(run(statuses.map((status) => ({ status }))).log, ['2+unreachable', '4-unreachable']);
});

test('a tail that is down and a second primary raise alerts', () => {
  assert.deepEqual(run([{ tailProblem: 'no publication' }, { rivalPrimaries: ['eu'] }, {}]).log, [
    '0+tail',
    '1+primary',
    '1-tail',
    '2-primary',
  ]);
});
