/** Proves `regionHealth` and its alerts over HTTP: true lag, cut links told within their time limit, and reads that survive a replica's death. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type RegionHealth } from '../../src/graphql/generated/meridian.ts';
import { AP, EU, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';
import { startReceiver, type Receiver } from '../support/http.ts';
import { until } from '../support/observe.ts';

const REGIONS = [US, EU, AP] as const;
const HEALTH = 'query($region: String) { regionHealth(region: $region) { region role status databaseHealthy cacheHealthy replicationLagMs replicationLagBytes replayLsn timeline rttMs alerts { kind message since } error } }';
const RTT = { 'us-east-1/eu-west-1': 20, 'us-east-1/ap-northeast-1': 40, 'eu-west-1/ap-northeast-1': 60 };
const LAG_ALERT_MS = 600;

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
  let app: TestApp;
  let receiver: Receiver;
  before(async () => {
    receiver = await startReceiver(() => ({}));
    app = await startTestApp({
      scale: 0.1,
      wan: RTT,
      settings: { probeMs: 100, probeTimeoutMs: 400, connectMs: 1_000, heartbeatMs: 200, lagAlertMs: LAG_ALERT_MS, alertWebhook: `${receiver.url}/alerts` },
    });
  });
  after(async () => {
    await app[Symbol.asyncDispose]();
    await receiver[Symbol.asyncDispose]();
  });

  const asked = async (from: string, region?: string): Promise<Answer<{ regionHealth: readonly RegionHealth[] }>> =>
    app.gql(from, HEALTH, { variables: { region }, headers: { authorization: `Bearer ${app.adminToken}` } });
  const health = async (from: string): Promise<Record<string, RegionHealth>> => {
    const { data, errors } = await asked(from);
    assert.deepEqual(errors, []);
    return Object.fromEntries((data?.regionHealth ?? []).map((one) => [one.region, one]));
  };
  const seen = async (from: string, of: string): Promise<RegionHealth> => (await health(from))[of] as RegionHealth;
  const healthy = ({ status, replicationLagMs, alerts }: RegionHealth): boolean => status === 'HEALTHY' && replicationLagMs === 0 && alerts.length === 0;
  const allHealthy = (): Promise<unknown> =>
    until('every region is healthy as seen from every region', async () => (await Promise.all(REGIONS.map(health))).every((reports) => Object.values(reports).every(healthy)), { withinMs: 15_000 });
  const posts = (): AlertPost[] => receiver.received.map(({ body }) => JSON.parse(body) as AlertPost);
  const metric = async (from: string, line: string): Promise<boolean> => (await (await fetch(app.server(from).url.replace('/graphql', '/metrics'))).text()).split('\n').includes(line);

  it('is for administrators', async () => {
    for (const from of REGIONS) {
      const anonymous = await app.gql(from, HEALTH);
      assert.deepEqual([anonymous.status, anonymous.data, anonymous.errors[0]?.extensions.code], [200, null, 'UNAUTHENTICATED']);
      const headers = { authorization: `Bearer ${await app.bearer({ id: 'bob', roles: ['user', 'administrator'] })}` };
      assert.equal((await app.gql(from, HEALTH, { headers })).errors[0]?.extensions.code, 'FORBIDDEN');
    }
  });

  it('tells of every region from any region, or of one; and knows no others', async () => {
    await allHealthy();
    const from = { [US]: await health(US), [EU]: await health(EU), [AP]: await health(AP) };
    for (const [asking, reports] of Object.entries(from)) {
      assert.deepEqual(Object.keys(reports), [...REGIONS]);
      for (const report of Object.values(reports)) {
        assert.deepEqual([report.role, report.databaseHealthy, report.cacheHealthy, report.timeline, report.error], [report.region === US ? 'PRIMARY' : 'REPLICA', true, null, 1, null]);
        assert.match(report.replayLsn ?? '', /^[0-9A-F]+\/[0-9A-F]+$/);
        assert.match(String(report.replicationLagBytes), /^\d+$/);
        const rttMs = asking === report.region ? 0 : (Object.entries(RTT).find(([pair]) => pair.includes(asking) && pair.includes(report.region))?.[1] ?? 0);
        assert.ok((report.rttMs ?? -1) >= rttMs && (report.rttMs ?? 0) < rttMs + 1_000, `${asking} → ${report.region}: ${report.rttMs} ms`);
      }
    }
    assert.deepEqual((await asked(EU, AP)).data?.regionHealth.map(({ region }) => region), [AP]);
    const nowhere = await asked(EU, 'nope');
    assert.deepEqual([nowhere.status, nowhere.data, nowhere.errors[0]?.extensions.code], [200, null, 'BAD_USER_INPUT']);
    assert.match(nowhere.errors[0]?.message ?? '', /no region "nope".*us-east-1, eu-west-1, ap-northeast-1/);
  });

  it('shows no lag for as long as the primary is idle', async () => {
    await allHealthy();
    const samples: (number | null)[] = [];
    for (const end = performance.now() + 2_500; performance.now() < end; ) {
      for (const reports of await Promise.all(REGIONS.map(health))) samples.push(...Object.values(reports).map(({ replicationLagMs }) => replicationLagMs ?? null));
    }
    assert.ok(samples.length > 100);
    assert.deepEqual([...new Set(samples)], [0]);
  });

  it('shows true lag that grows while replay stands still, raises an alert everywhere, and clears it', async () => {
    await allHealthy();
    const before = posts().length;
    await app.cluster.pauseReplay(AP);
    const pausedAtMs = performance.now();
    try {
      let last = 0;
      while (last < 2 * LAG_ALERT_MS) {
        await app.cluster.query(US, 'UPDATE users SET bio = $1 WHERE id = 1', [String(last)]);
        const { replicationLagMs, replicationLagBytes, status } = await seen(US, AP);
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
          const found = await seen(from, AP);
          return found.alerts.length > 0 && found;
        });
        assert.deepEqual(report.alerts.map(({ kind }) => kind), ['LAG']);
        assert.match(report.alerts[0]?.message ?? '', /ap-northeast-1 is \d+ ms behind the primary \(limit 600 ms\)/);
        assert.ok(Math.abs(Date.parse(report.alerts[0]?.since ?? '') - Date.now()) < 10_000);
        assert.ok(await metric(from, `meridian_alerts_active{region="${AP}",kind="lag"} 1`));
        assert.equal((await seen(from, EU)).alerts.length, 0);
      }
      const raised = await until('every server has posted the alert', () => {
        const found = posts().slice(before).filter(({ event }) => event === 'raised');
        return found.length >= REGIONS.length && found;
      });
      assert.deepEqual(new Set(raised.map(({ reportedBy }) => reportedBy)), new Set(REGIONS));
      for (const post of raised) assert.deepEqual([post.region, post.kind, Date.parse(post.at) >= Date.parse(post.since)], [AP, 'lag', true]);
    } finally {
      await app.cluster.resumeReplay(AP);
    }
    await allHealthy();
    for (const from of REGIONS) assert.ok(await metric(from, `meridian_alerts_active{region="${AP}",kind="lag"} 0`));
    const after = await until('every server has posted that the alert has cleared', () => {
      const found = posts().slice(before);
      return found.filter(({ event }) => event === 'cleared').length >= REGIONS.length && found;
    });
    for (const from of REGIONS) assert.deepEqual(after.filter(({ reportedBy }) => reportedBy === from).map(({ event, region, kind }) => `${event} ${kind} ${region}`), [`raised lag ${AP}`, `cleared lag ${AP}`]);
  });

  it('reports a region behind a cut link within its time limit, and is slowed down by none', async () => {
    await allHealthy();
    await app.cluster.cut(US, EU);
    await app.cluster.cut(AP, EU);
    const cutAtMs = performance.now();
    try {
      const tookMs: number[] = [];
      const cutOff = async (from: string): Promise<void> => {
        const report = await until(`${from} reports EU`, async () => {
          const { ms, data } = await asked(from);
          tookMs.push(ms);
          const found = data?.regionHealth.find(({ region }) => region === EU);
          // From the first failed probe on nothing is known, which is not zero.
          if (found?.error) assert.deepEqual([found.replicationLagMs, found.replicationLagBytes, found.replayLsn, found.databaseHealthy && found.status === 'HEALTHY'], [null, null, null, false]);
          return found?.status === 'UNREACHABLE' && found;
        });
        assert.ok(performance.now() - cutAtMs < 4_500, 'three probes, two of which open a connection first');
        assert.deepEqual([report.databaseHealthy, report.rttMs, report.timeline, report.alerts.map(({ kind }) => kind)], [false, null, null, ['UNREACHABLE']]);
        assert.ok((report.error ?? '').length > 0);
        assert.ok(healthy(await seen(from, from === US ? AP : US)));
      };
      await Promise.all([cutOff(US), cutOff(AP)]);
      // All three servers and this test share a machine, which may stumble now and then.
      const p90 = tookMs.sort((a, b) => a - b)[Math.floor(tookMs.length * 0.9)] ?? Number.POSITIVE_INFINITY;
      assert.ok(p90 < 200, `nine of ten answers took up to ${p90} ms`);

      // EU sees that it has heard nothing of the primary for as long.
      const alone = await until('EU knows that it is behind', async () => {
        const found = await seen(EU, EU);
        return (found.replicationLagMs ?? 0) > 1_000 && found;
      });
      assert.ok((alone.replicationLagMs ?? 0) <= performance.now() - cutAtMs + 600);
      assert.deepEqual([alone.status, alone.role, alone.alerts.map(({ kind }) => kind)], ['HEALTHY', 'REPLICA', ['LAG']]);
      const later = await until('its lag grows', async () => {
        const found = await seen(EU, EU);
        return (found.replicationLagMs ?? 0) > (alone.replicationLagMs ?? 0) + 300 && found;
      });
      assert.ok(later.replicationLagMs !== null);
      assert.equal((await seen(EU, US)).status, 'UNREACHABLE');
      // And it goes on serving what it has.
      assert.deepEqual((await app.gql(EU, '{ user(id: 1) { id } }')).data, { user: { id: '1' } });
    } finally {
      await app.cluster.heal(US, EU);
      await app.cluster.heal(AP, EU);
    }
    await allHealthy();
    assert.deepEqual((await app.gql(EU, 'mutation { updateUser(id: 2, input: { bio: "healed" }) { user { bio } } }')).data, { updateUser: { user: { bio: 'healed' } } });
  });

  it('stands by while reads survive the death of their region\'s replica, and come home when it is back', async () => {
    await allHealthy();
    const stop = new AbortController();
    const tally = { reads: 0, slowestMs: 0, errors: [] as unknown[] };
    const localReads = async (): Promise<number> =>
      (await app.server(AP).layer.parts.telemetry.metrics.reads.get()).values.filter(({ labels }) => labels.region === AP && labels.served_by === 'replica').reduce((sum, { value }) => sum + value, 0);
    const read = async (query: string, token: string | null, expected: string | null): Promise<void> => {
      const { data, errors, ms } = await app.gql<{ user: { bio: string } }>(AP, query, { token });
      tally.reads += 1;
      tally.slowestMs = Math.max(tally.slowestMs, ms);
      if (errors.length > 0 || (expected !== null && data?.user.bio !== expected)) tally.errors.push([token, expected, data, errors]);
    };
    const lanes = [
      async () => read('{ user(id: 3) { bio } organizations(first: 3) { nodes { users(first: 2) { nodes { name } } } } }', null, null),
      // Of one statement: between two of them another server could not show the same moment, and then the operation has to fail.
      async () => read('query @consistent(level: SNAPSHOT) { user(id: 3) { bio } }', null, null),
      async () => {
        const bio = `written ${performance.now()}`;
        const { token, errors } = await app.gql(US, 'mutation($bio: String!) { updateUser(id: 4, input: { bio: $bio }) { token } }', { variables: { bio } });
        if (errors.length > 0) tally.errors.push(errors);
        await read('{ user(id: 4) { bio } }', token, bio);
      },
    ].map(async (lane) => {
      while (!stop.signal.aborted) await lane();
    });
    try {
      await until('reads are under way', () => tally.reads > 50, { withinMs: 20_000 });
      assert.ok((await localReads()) > 0);
      tally.slowestMs = 0;
      const before = tally.reads;
      await app.cluster.killPostgres(AP);
      await until('AP is out', async () => (await seen(US, AP)).status === 'UNREACHABLE');
      await until('reads have gone on elsewhere', () => tally.reads > before + 100, { withinMs: 20_000 });
      const away = await localReads();
      await app.cluster.startPostgres(AP);
      await until('AP is read again', async () => (await localReads()) > away + 20, { withinMs: 20_000 });
    } finally {
      stop.abort();
      await Promise.all(lanes);
    }
    assert.deepEqual(tally.errors.slice(0, 3), [], `${tally.errors.length} of ${tally.reads} reads failed`);
    assert.ok(tally.slowestMs <= 8_000, `a read took ${tally.slowestMs} ms`);
    await allHealthy();
  });
});
