/** Proves the region monitor on real servers: roles, the meaning of lag, outages and a promotion. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { sleep } from '../../src/base/clock.ts';
import { PostgresProber } from '../../src/postgres/read/probe.ts';
import { RegionMonitor } from '../../src/region/monitor.ts';
import { type Alert, type RegionReport } from '../../src/region/view.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { startLink, type TestLink } from '../support/link.ts';
import { startReplicaSet, until, type ReplicaSet, type TestServer } from '../support/replica-set.ts';
import { beat, quiet } from '../support/tail.ts';

const OPTIONS = defaultOptions({ probeMs: 100, probeTimeoutMs: 300, connectMs: 300, lagAlertMs: 1_500 });
let set: ReplicaSet;
let eu: TestServer;
let ap: TestServer;
const open: AsyncDisposable[] = [];

beforeEach(async () => {
  set = await startReplicaSet(2);
  eu = set.replicas[0] ?? assert.fail('no replica');
  ap = set.replicas[1] ?? assert.fail('no second replica');
  open.push(set, beat(set.primary, 200));
});
afterEach(async () => {
  for (const one of open.splice(0).toReversed()) await one[Symbol.asyncDispose]();
});

interface Watching {
  readonly monitor: RegionMonitor;
  readonly alerts: string[];
}

/** A monitor in `local`; `urls` replaces the address under which it reaches a region. */
async function watch(local: string, urls: Record<string, string> = {}): Promise<Watching> {
  const alerts: string[] = [];
  const addresses = new Map(Object.entries({ us: set.primary.url, eu: eu.url, ap: ap.url, ...urls }));
  const monitor = new RegionMonitor({
    local,
    regions: [...addresses.keys()],
    prober: new PostgresProber(addresses, OPTIONS),
    options: OPTIONS,
    log: quiet,
    onAlert: (change, alert: Alert) => alerts.push(`${change} ${alert.region} ${alert.kind}`),
  });
  monitor.start();
  await monitor.refresh();
  open.push({ [Symbol.asyncDispose]: () => monitor.stop() });
  return { monitor, alerts };
}

async function linkTo(server: TestServer): Promise<TestLink & { url: string }> {
  const link = await startLink(server.port);
  open.push(link);
  return Object.assign(link, { url: `postgres://postgres@127.0.0.1:${link.port}/postgres` });
}

const reportOf = ({ monitor }: Watching, region: string): RegionReport =>
  monitor.reports().find((r) => r.region === region) ?? assert.fail(`no report of ${region}`);

test('the monitor discovers roles, timeline and cluster, and an idle primary has lag 0 everywhere', async () => {
  const watching = await watch('eu');
  const { monitor } = watching;
  assert.equal(monitor.primary, 'us');
  assert.equal(monitor.cluster?.length, 8);
  assert.deepEqual(monitor.history, { timeline: 1, switches: [] });
  assert.equal(monitor.readOrder()[0], 'eu');
  assert.deepEqual([...monitor.readOrder()].sort(), ['ap', 'eu', 'us']);
  await sleep(500);
  for (let i = 0; i < 40; i += 1) {
    await sleep(50);
    for (const report of monitor.reports()) {
      assert.equal(report.lagMs, 0, `${report.region} lags ${String(report.lagMs)} ms on an idle primary`);
      assert.equal(report.status, 'healthy');
      assert.equal(report.timeline, 1);
      assert.ok(report.rttMs !== null && report.rttMs < 200);
    }
    const staleness = monitor.stalenessMs();
    assert.ok(staleness !== null && staleness < 1_000);
  }
  assert.deepEqual(watching.alerts, []);
});

test('lag grows with the clock while replay is paused, raises an alert, and is gone when replay catches up', async () => {
  const watching = await watch('us');
  await sleep(400);
  await ap.query('SELECT pg_wal_replay_pause()');
  await until('the alert is raised', () => watching.alerts.includes('raised ap lag'));
  const first = reportOf(watching, 'ap').lagMs ?? 0;
  await sleep(600);
  const second = reportOf(watching, 'ap').lagMs ?? 0;
  assert.ok(second - first > 300 && second - first < 1_500, `${first} then ${second}`);
  assert.ok((reportOf(watching, 'ap').lagBytes ?? 0) > 0);
  assert.equal(reportOf(watching, 'eu').lagMs, 0);
  await ap.query('SELECT pg_wal_replay_resume()');
  await until('the alert is cleared', () => watching.alerts.includes('cleared ap lag'));
  await until('lag is 0 again', () => reportOf(watching, 'ap').lagMs === 0);
});

test('lag grows while a replication link is cut, as seen from the cut-off region and from a third one', async () => {
  // The whole link between us and ap is cut: replication, and the probes that ap sends to us.
  const apToUs = await linkTo(set.primary);
  const fromAp = await watch('ap', { us: apToUs.url });
  const fromEu = await watch('eu');
  await sleep(500);
  apToUs.cut();
  ap.link?.cut();
  await until('the cut-off region sees its lag', () => (reportOf(fromAp, 'ap').lagMs ?? 0) > 2_000);
  assert.equal(reportOf(fromAp, 'us').status, 'unreachable');
  assert.equal(reportOf(fromAp, 'us').lagMs, null);
  assert.ok((fromAp.monitor.stalenessMs() ?? 0) > 2_000);
  assert.ok((reportOf(fromEu, 'ap').lagMs ?? 0) > 1_500, String(reportOf(fromEu, 'ap').lagMs));
  assert.equal(reportOf(fromEu, 'eu').lagMs, 0);
  assert.equal(fromAp.monitor.primary, 'us', 'a primary that is merely unheard stays the primary');
  apToUs.heal();
  ap.link?.heal();
  await until('lag is 0 again in ap', () => reportOf(fromAp, 'ap').lagMs === 0);
  await until('lag is 0 again in eu', () => reportOf(fromEu, 'ap').lagMs === 0);
});

test('a region that cannot be reached has null lag, is skipped, and delays no other region', async () => {
  const toAp = await linkTo(ap);
  const watching = await watch('us', { ap: toAp.url });
  toAp.cut();
  await until('ap is unreachable', () => reportOf(watching, 'ap').status === 'unreachable');
  const report = reportOf(watching, 'ap');
  assert.equal(report.lagMs, null);
  assert.equal(report.databaseHealthy, false);
  assert.ok(report.error);
  assert.deepEqual([...watching.monitor.readOrder()].sort(), ['eu', 'us']);
  const before = reportOf(watching, 'eu').probedAtMs ?? 0;
  await sleep(450);
  assert.ok((reportOf(watching, 'eu').probedAtMs ?? 0) - before >= 200, 'eu is probed at its own pace');
  const began = performance.now();
  await watching.monitor.refresh();
  assert.ok(performance.now() - began < 2 * OPTIONS.probeTimeoutMs, 'a refresh is bounded');
  assert.ok(watching.alerts.includes('raised ap unreachable'));
  toAp.heal();
  await until('ap is back', () => watching.monitor.readOrder().includes('ap'));
  await until('the alert is cleared', () => watching.alerts.includes('cleared ap unreachable'));
});

test('a failed statement excludes its region at once, and successful probes include it again', async () => {
  const { monitor } = await watch('eu');
  monitor.reportFailure('eu', new Error('socket hang up'));
  assert.equal(monitor.reachable('eu'), false);
  assert.notEqual(monitor.readOrder()[0], 'eu');
  await until('eu is back', () => monitor.readOrder()[0] === 'eu', 3_000);
});

test('a replica that restarts below the position that it had shown is not used until it has caught up', async () => {
  const { monitor } = await watch('eu');
  const report = (): RegionReport => monitor.reports().find((r) => r.region === 'ap') ?? assert.fail('no report of ap');
  // Replay holds back what was committed in the last seconds, so that the moment after a crash lasts long enough to be
  // looked at.
  await ap.query(`ALTER SYSTEM SET recovery_min_apply_delay = '4s'`);
  await set.primary.query('CREATE TABLE t (i int)');
  const shown = await set.primary.position();
  await ap.caughtUp(shown);
  await monitor.refresh();
  await ap.stop('SIGQUIT');
  await until('ap is out', () => !monitor.readOrder().includes('ap'));
  await ap.start();
  await until('ap answers', () => report().status === 'healthy');
  assert.ok((await ap.position()) < shown, 'the replica shows less than it did, or this test shows nothing');
  assert.equal(monitor.readOrder().includes('ap'), false);
  await until('ap is back', () => monitor.readOrder().includes('ap'));
  assert.ok((await ap.position()) >= shown);
});

test('the monitor follows a promotion to the new primary and its history, and reports an old primary that returns', async () => {
  const watching = await watch('ap');
  await set.primary.query('CREATE TABLE t (i int)');
  const before = await set.primary.position();
  await eu.caughtUp(before);
  await set.primary.stop('SIGQUIT');
  await eu.query('SELECT pg_promote(true, 30)');
  await until('eu is the primary', () => watching.monitor.primary === 'eu');
  await until('its history is known', () => watching.monitor.history?.timeline === 2);
  assert.equal(watching.monitor.history?.switches[0]?.timeline, 1);
  assert.ok((watching.monitor.history?.switches[0]?.switchLsn ?? 0n) >= before);
  assert.equal(reportOf(watching, 'eu').timeline, 2);
  await set.primary.start();
  await until('the old primary is named', () => watching.alerts.includes('raised eu primary'));
  assert.equal(watching.monitor.primary, 'eu');
});

test('a region is probed without pg_monitor too, and only its timeline is unknown', async () => {
  await set.primary.query('CREATE ROLE clerk LOGIN');
  await ap.caughtUp(await set.primary.position());
  await eu.caughtUp(await set.primary.position());
  const asClerk = (server: TestServer): string => server.url.replace('postgres@', 'clerk@');
  const watching = await watch('eu', { us: asClerk(set.primary), eu: asClerk(eu), ap: asClerk(ap) });
  assert.equal(watching.monitor.primary, 'us');
  assert.equal(reportOf(watching, 'eu').timeline, null);
  assert.equal(reportOf(watching, 'us').timeline, 1);
  await until('lag is 0', () => reportOf(watching, 'eu').lagMs === 0);
  assert.deepEqual([...watching.monitor.readOrder()].sort(), ['ap', 'eu', 'us']);
});
