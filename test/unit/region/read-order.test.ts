/**
 * Owns the proof that the order of reads, which the monitor keeps between two looks, follows every fact that it is made
 * of at once.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { defaultOptions } from '../../../src/config/options.ts';
import { clusterIdOf } from '../../../src/base/lineage.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { RegionMonitor } from '../../../src/region/monitor.ts';
import { type Probe, type Prober } from '../../../src/region/prober.ts';
import { silentTelemetry } from '../../../src/telemetry/telemetry.ts';

const OPTIONS = defaultOptions({
  probeMs: 3_600_000,
  probeTimeoutMs: 200,
  connectMs: 200,
  failuresToUnreachable: 1,
  successesToHealthy: 1,
});

function probeOf(role: Probe['role'], { timeline = 1, lsn = 100n, rttMs = 1 } = {}): Probe {
  return {
    role,
    systemIdentifier: '7',
    timeline,
    lsn: toLsn(lsn),
    covered: [],
    serverTimeMs: Date.now(),
    lastReplayedMs: null,
    rttMs,
    serverVersion: 180_000,
  };
}

class FakeProber implements Prober {
  readonly answers = new Map<string, Probe | Error>();
  readonly switches = [{ timeline: 1, next: 2, switchLsn: toLsn(50n) }];

  async probe(region: string): Promise<Probe> {
    const answer = this.answers.get(region) ?? new Error('nobody answers');
    if (answer instanceof Error) throw answer;
    return answer;
  }

  connected(): boolean {
    return true;
  }

  async history(_region: string, timeline: number): ReturnType<Prober['history']> {
    return { timeline, switches: this.switches };
  }

  async close(): Promise<void> {}
}

describe('the order of reads', () => {
  let prober: FakeProber;
  let monitor: RegionMonitor;
  const look = async (answers: Record<string, Probe | Error>): Promise<readonly string[]> => {
    for (const [region, answer] of Object.entries(answers)) prober.answers.set(region, answer);
    await monitor.refresh();
    return monitor.readOrder();
  };

  beforeEach(() => {
    prober = new FakeProber();
    monitor = new RegionMonitor({
      local: 'eu',
      regions: ['us', 'eu', 'ap'],
      prober,
      options: OPTIONS,
      log: silentTelemetry().log,
    });
  });
  afterEach(() => monitor.stop());

  it('is empty before the first look, and the same list while nothing changes', async () => {
    assert.deepEqual([monitor.readOrder(), monitor.cluster], [[], null]);
    const order = await look({
      us: probeOf('primary', { rttMs: 5 }),
      eu: probeOf('replica'),
      ap: probeOf('replica', { rttMs: 9 }),
    });
    assert.deepEqual(order, ['eu', 'us', 'ap']);
    assert.equal(monitor.readOrder(), order);
    assert.equal(monitor.cluster, clusterIdOf('7'));
  });

  it('leaves a region out at once when a statement or a probe cannot reach it, and includes it again when it answers', async () => {
    const all = { us: probeOf('primary', { rttMs: 5 }), eu: probeOf('replica'), ap: probeOf('replica', { rttMs: 9 }) };
    await look(all);
    monitor.reportFailure('eu', new Error('broken'));
    assert.deepEqual(monitor.readOrder(), ['us', 'ap']);
    assert.deepEqual(await look(all), ['eu', 'us', 'ap']);
    assert.deepEqual(await look({ us: new Error('gone') }), ['eu', 'ap']);
  });

  it('follows measured round trips', async () => {
    await look({ us: probeOf('primary', { rttMs: 5 }), eu: probeOf('replica'), ap: probeOf('replica', { rttMs: 9 }) });
    assert.deepEqual(await look({ us: probeOf('primary', { rttMs: 900 }) }), ['eu', 'ap', 'us']);
  });

  it('leaves out a replica that shows less than before, and a rival of the primary', async () => {
    await look({ us: probeOf('primary', { rttMs: 5 }), eu: probeOf('replica'), ap: probeOf('replica', { rttMs: 9 }) });
    assert.deepEqual(await look({ eu: probeOf('replica', { lsn: 90n }) }), ['us', 'ap']);
    assert.deepEqual(await look({ eu: probeOf('replica', { lsn: 100n }), ap: probeOf('primary', { rttMs: 9 }) }), [
      'eu',
      'us',
    ]);
  });

  it('leaves out a replica that has replayed what a failover undid, as soon as the history is known', async () => {
    await look({
      us: probeOf('primary', { rttMs: 5 }),
      eu: probeOf('replica'),
      ap: probeOf('replica', { rttMs: 9, lsn: 40n }),
    });
    assert.deepEqual(await look({ us: probeOf('primary', { rttMs: 5, timeline: 2, lsn: 60n }) }), ['us', 'ap']);
  });
});
