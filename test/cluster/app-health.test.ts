/** Proves `regionHealth` and its alerts over HTTP: administrators only, true lag, and alerts in every region. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, EU, US } from '../support/app.ts';
import { startReceiver, type Receiver } from '../support/http.ts';
import { until } from '../support/observe.ts';
import { HEALTH, LAG_ALERT_MS, REGIONS, RTT, startWatchedApp, type WatchedApp } from '../support/watched-app.ts';

interface AlertPost {
  readonly event: 'raised' | 'cleared';
  readonly region: string;
  readonly kind: string;
  readonly message: string;
  readonly since: string;
  readonly at: string;
  readonly reportedBy: string;
}

describe('regionHealth', () => {
  let watched: WatchedApp;
  let receiver: Receiver;
  before(async () => {
    receiver = await startReceiver(() => ({}));
    watched = await startWatchedApp({ alertWebhook: `${receiver.url}/alerts` });
  });
  after(async () => {
    await watched[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
  });

  const posts = (): AlertPost[] => receiver.received.map(({ body }) => JSON.parse(body) as AlertPost);
  const metric = async (from: string, line: string): Promise<boolean> =>
    (await (await fetch(watched.app.server(from).url.replace('/graphql', '/metrics'))).text())
      .split('\n')
      .includes(line);

  it('is answered to administrators only', async () => {
    for (const from of REGIONS) {
      const anonymous = await watched.app.gql(from, HEALTH);
      assert.deepEqual(
        [anonymous.status, anonymous.data, anonymous.errors[0]?.extensions.code],
        [200, null, 'UNAUTHENTICATED'],
      );
      const headers = {
        authorization: `Bearer ${await watched.app.bearer({ id: 'bob', roles: ['user', 'administrator'] })}`,
      };
      assert.equal((await watched.app.gql(from, HEALTH, { headers })).errors[0]?.extensions.code, 'FORBIDDEN');
    }
  });

  it('shows every region from any region, or a single one, and refuses unknown names', async () => {
    await watched.allHealthy();
    const from = { [US]: await watched.health(US), [EU]: await watched.health(EU), [AP]: await watched.health(AP) };
    for (const [asking, reports] of Object.entries(from)) {
      assert.deepEqual(Object.keys(reports), [...REGIONS]);
      for (const report of Object.values(reports)) {
        assert.deepEqual(
          [report.role, report.databaseHealthy, report.cacheHealthy, report.timeline, report.error],
          [report.region === US ? 'PRIMARY' : 'REPLICA', true, null, 1, null],
        );
        assert.match(report.replayLsn ?? '', /^[0-9A-F]+\/[0-9A-F]+$/);
        assert.match(String(report.replicationLagBytes), /^\d+$/);
        const rttMs =
          asking === report.region
            ? 0
            : (Object.entries(RTT).find(([pair]) => pair.includes(asking) && pair.includes(report.region))?.[1] ?? 0);
        assert.ok(
          (report.rttMs ?? -1) >= rttMs && (report.rttMs ?? 0) < rttMs + 1_000,
          `${asking} → ${report.region}: ${report.rttMs} ms`,
        );
      }
    }
    assert.deepEqual(
      (await watched.asked(EU, AP)).data?.regionHealth.map(({ region }) => region),
      [AP],
    );
    const nowhere = await watched.asked(EU, 'nope');
    assert.deepEqual([nowhere.status, nowhere.data, nowhere.errors[0]?.extensions.code], [200, null, 'BAD_USER_INPUT']);
    assert.match(nowhere.errors[0]?.message ?? '', /no region "nope".*us-east-1, eu-west-1, ap-northeast-1/);
  });

  it('shows no lag for as long as the primary is idle', async () => {
    await watched.allHealthy();
    const samples: (number | null)[] = [];
    for (const end = performance.now() + 2_500; performance.now() < end;) {
      for (const reports of await Promise.all(REGIONS.map(watched.health)))
        samples.push(...Object.values(reports).map(({ replicationLagMs }) => replicationLagMs ?? null));
    }
    assert.ok(samples.length > 100);
    assert.deepEqual([...new Set(samples)], [0]);
  });

  it('shows lag that grows while replay is paused, raises an alert in every region, and clears it afterwards', async () => {
    await watched.allHealthy();
    const before = posts().length;
    await watched.app.cluster.pauseReplay(AP);
    const pausedAtMs = performance.now();
    try {
      let last = 0;
      while (last < 2 * LAG_ALERT_MS) {
        await watched.app.cluster.query(US, 'UPDATE users SET bio = $1 WHERE id = 1', [String(last)]);
        const { replicationLagMs, replicationLagBytes, status } = await watched.seen(US, AP);
        const elapsedMs = performance.now() - pausedAtMs;
        const lag = replicationLagMs ?? 0;
        assert.ok(lag >= last - 150, `lag fell from ${last} to ${lag} ms while replay stood still`);
        // What is shown may be as old as the heartbeat before the pause, and is judged as of the last probe.
        assert.ok(lag <= elapsedMs + 600, `${lag} ms of lag ${elapsedMs} ms after the pause`);
        assert.ok(elapsedMs < 5_000, `only ${lag} ms of lag ${elapsedMs} ms after the pause`);
        assert.equal(status, 'HEALTHY', 'a region that is behind is not broken');
        if (lag > 300) assert.ok(Number(replicationLagBytes) > 0);
        last = lag;
      }
      for (const from of REGIONS) {
        const report = await until(`${from} tells of the lag`, async () => {
          const found = await watched.seen(from, AP);
          return found.alerts.length > 0 && found;
        });
        assert.deepEqual(
          report.alerts.map(({ kind }) => kind),
          ['LAG'],
        );
        assert.match(report.alerts[0]?.message ?? '', /ap-northeast-1 is \d+ ms behind the primary \(limit 600 ms\)/);
        assert.ok(Math.abs(Date.parse(report.alerts[0]?.since ?? '') - Date.now()) < 10_000);
        assert.ok(await metric(from, `meridian_alerts_active{region="${AP}",kind="lag"} 1`));
        assert.equal((await watched.seen(from, EU)).alerts.length, 0);
      }
      const raised = await until('every server has posted the alert', () => {
        const found = posts()
          .slice(before)
          .filter(({ event }) => event === 'raised');
        return found.length >= REGIONS.length && found;
      });
      assert.deepEqual(new Set(raised.map(({ reportedBy }) => reportedBy)), new Set(REGIONS));
      for (const post of raised)
        assert.deepEqual([post.region, post.kind, Date.parse(post.at) >= Date.parse(post.since)], [AP, 'lag', true]);
    } finally {
      await watched.app.cluster.resumeReplay(AP);
    }
    await watched.allHealthy();
    for (const from of REGIONS) assert.ok(await metric(from, `meridian_alerts_active{region="${AP}",kind="lag"} 0`));
    const after = await until('every server has posted that the alert has cleared', () => {
      const found = posts().slice(before);
      return found.filter(({ event }) => event === 'cleared').length >= REGIONS.length && found;
    });
    for (const from of REGIONS)
      assert.deepEqual(
        after
          .filter(({ reportedBy }) => reportedBy === from)
          .map(({ event, region, kind }) => `${event} ${kind} ${region}`),
        [`raised lag ${AP}`, `cleared lag ${AP}`],
      );
  });
});
