/** The health state machine, state by state and event by event. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nextHealth, UNPROVEN, type HealthEvent, type HealthState } from '../../../src/region/health.ts';

const LIMITS = { failuresToUnreachable: 3, successesToHealthy: 2 };
const walk = (events: readonly HealthEvent[], from: HealthState = UNPROVEN): HealthState =>
  events.reduce((state, event) => nextHealth(state, event, LIMITS), from);
const brief = (s: HealthState): string => `${s.status}${s.usable ? ' in' : ' out'}`;

const TABLE: readonly [string, readonly HealthEvent[], string][] = [
  ['nothing is known at first', [], 'degraded out'],
  ['one good probe is enough at the start to be healthy', ['ok'], 'healthy in'],
  ['the first failure degrades and keeps it in use', ['ok', 'failed'], 'degraded in'],
  ['one success after that is not yet healthy', ['ok', 'failed', 'ok'], 'degraded in'],
  ['two successes after a failure are healthy again', ['ok', 'failed', 'ok', 'ok'], 'healthy in'],
  ['failures count only in a row', ['ok', 'failed', 'failed', 'ok', 'failed', 'failed'], 'degraded in'],
  ['three failures in a row make a region unreachable', ['ok', 'failed', 'failed', 'failed'], 'unreachable out'],
  [
    'a region that was out is not used after one good probe',
    ['ok', 'failed', 'failed', 'failed', 'ok'],
    'degraded out',
  ],
  [
    'a failure while a region comes back makes it begin again',
    ['ok', 'failed', 'failed', 'failed', 'ok', 'failed', 'ok'],
    'degraded out',
  ],
  ['two good probes bring a region back', ['ok', 'failed', 'failed', 'failed', 'ok', 'ok'], 'healthy in'],
  ['a broken statement takes it out at once', ['ok', 'broken'], 'degraded out'],
  ['one good probe does not bring a region back after a broken statement', ['ok', 'broken', 'ok'], 'degraded out'],
  ['two good probes bring a region back after a broken statement', ['ok', 'broken', 'ok', 'ok'], 'healthy in'],
  ['a broken statement counts as a failure', ['ok', 'broken', 'failed', 'failed'], 'unreachable out'],
  ['a region that never answered becomes unreachable', ['failed', 'failed', 'failed'], 'unreachable out'],
  [
    'a region that never answered stays unreachable',
    ['failed', 'failed', 'failed', 'failed', 'broken'],
    'unreachable out',
  ],
];

for (const [name, events, expected] of TABLE) {
  test(name, () => assert.equal(brief(walk(events)), expected));
}

test('every reachable state answers every event, within bounds', () => {
  const seen = new Map<string, HealthState>([[JSON.stringify(UNPROVEN), UNPROVEN]]);
  const open = [UNPROVEN];
  for (let state = open.pop(); state !== undefined; state = open.pop()) {
    for (const event of ['ok', 'failed', 'broken'] as const) {
      const next = nextHealth(state, event, LIMITS);
      assert.ok(next.failures >= 0 && next.failures <= LIMITS.failuresToUnreachable);
      assert.ok(next.proving >= 0 && next.proving <= LIMITS.successesToHealthy);
      if (next.status === 'healthy') assert.ok(next.usable && next.proving === 0 && next.failures === 0);
      if (next.status === 'unreachable') assert.ok(!next.usable);
      if (event === 'broken') assert.ok(!next.usable);
      const key = JSON.stringify(next);
      if (!seen.has(key)) {
        seen.set(key, next);
        open.push(next);
      }
    }
  }
  assert.ok(seen.size >= 8 && seen.size <= 24, `${seen.size} states`);
});
