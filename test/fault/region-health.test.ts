/**
 * Proves that `regionHealth` over HTTP reports cut links within their time limit, and that reads survive the loss of a
 * replica.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stacksOf } from '../../src/app/layer.ts';
import { AP, EU, US } from '../support/app.ts';
import { until } from '../support/observe.ts';
import { isHealthy, startWatchedApp, type WatchedApp } from '../support/watched-app.ts';

describe('regionHealth', () => {
  let watched: WatchedApp;
  before(async () => {
    watched = await startWatchedApp();
  });
  after(() => watched[Symbol.asyncDispose]());

  it('reports a region behind a cut link within its time limit, and answers for the others without delay', async () => {
    await watched.allHealthy();
    await watched.app.cluster.cut(US, EU);
    await watched.app.cluster.cut(AP, EU);
    const cutAtMs = performance.now();
    try {
      const tookMs: number[] = [];
      const cutOff = async (from: string): Promise<void> => {
        const report = await until(`${from} reports EU`, async () => {
          const { ms, data } = await watched.asked(from);
          tookMs.push(ms);
          const found = data?.regionHealth.find(({ region }) => region === EU);
          // From the first failed probe on nothing is known, which is not zero.
          if (found?.error)
            assert.deepEqual(
              [
                found.role,
                found.replicationLagMs,
                found.replicationLagBytes,
                found.replayLsn,
                found.databaseHealthy && found.status === 'HEALTHY',
              ],
              [null, null, null, null, false],
            );
          return found?.status === 'UNREACHABLE' && found;
        });
        assert.ok(performance.now() - cutAtMs < 4_500, 'three probes, two of which open a connection first');
        assert.deepEqual(
          [report.databaseHealthy, report.rttMs, report.timeline, report.alerts.map(({ kind }) => kind)],
          [false, null, null, ['UNREACHABLE']],
        );
        assert.ok((report.error ?? '').length > 0);
        assert.ok(isHealthy(await watched.seen(from, from === US ? AP : US)));
      };
      await Promise.all([cutOff(US), cutOff(AP)]);
      // All three servers and this test share a machine, which may stumble now and then.
      const p90 = tookMs.sort((a, b) => a - b)[Math.floor(tookMs.length * 0.9)] ?? Number.POSITIVE_INFINITY;
      assert.ok(p90 < 200, `nine of ten answers took up to ${p90} ms`);

      // EU sees that it has heard nothing of the primary for as long.
      const alone = await until('EU knows that it is behind', async () => {
        const found = await watched.seen(EU, EU);
        return (found.replicationLagMs ?? 0) > 1_000 && found;
      });
      assert.ok((alone.replicationLagMs ?? 0) <= performance.now() - cutAtMs + 600);
      assert.deepEqual(
        [alone.status, alone.role, alone.alerts.map(({ kind }) => kind)],
        ['HEALTHY', 'REPLICA', ['LAG']],
      );
      const later = await until('its lag grows', async () => {
        const found = await watched.seen(EU, EU);
        return (found.replicationLagMs ?? 0) > (alone.replicationLagMs ?? 0) + 300 && found;
      });
      assert.ok(later.replicationLagMs !== null);
      assert.equal((await watched.seen(EU, US)).status, 'UNREACHABLE');
      // And it goes on serving what it has.
      assert.deepEqual((await watched.app.gql(EU, '{ user(id: 1) { id } }')).data, { user: { id: '1' } });
    } finally {
      await watched.app.cluster.heal(US, EU);
      await watched.app.cluster.heal(AP, EU);
    }
    await watched.allHealthy();
    assert.deepEqual(
      (await watched.app.gql(EU, 'mutation { updateUser(id: 2, input: { bio: "healed" }) { user { bio } } }')).data,
      { updateUser: { user: { bio: 'healed' } } },
    );
  });

  it('is available while reads move away from a killed replica and return when it is back', async () => {
    await watched.allHealthy();
    const stop = new AbortController();
    const tally = { reads: 0, slowestMs: 0, errors: [] as unknown[] };
    const localReads = async (): Promise<number> =>
      (await stacksOf(watched.app.server(AP).layer).telemetry.metrics.reads.get()).values
        .filter(({ labels }) => labels.region === AP && labels.served_by === 'replica')
        .reduce((sum, { value }) => sum + value, 0);
    const read = async (query: string, token: string | null, expected: string | null): Promise<void> => {
      const { data, errors, ms } = await watched.app.gql<{ user: { bio: string } }>(AP, query, { token });
      tally.reads += 1;
      tally.slowestMs = Math.max(tally.slowestMs, ms);
      if (errors.length > 0 || (expected !== null && data?.user.bio !== expected))
        tally.errors.push([token, expected, data, errors]);
    };
    const lanes = [
      async () =>
        read(
          '{ user(id: 3) { bio } organizations(first: 3) { nodes { users(first: 2) { nodes { name } } } } }',
          null,
          null,
        ),
      // Of one statement: between two of them another server could not show the same moment, and then the operation has
      // to fail.
      async () => read('query @consistent(level: SNAPSHOT) { user(id: 3) { bio } }', null, null),
      async () => {
        const bio = `written ${performance.now()}`;
        const { token, errors } = await watched.app.gql(
          US,
          'mutation($bio: String!) { updateUser(id: 4, input: { bio: $bio }) { token } }',
          { variables: { bio } },
        );
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
      await watched.app.cluster.killPostgres(AP);
      await until('AP is out', async () => (await watched.seen(US, AP)).status === 'UNREACHABLE');
      await until('reads have gone on elsewhere', () => tally.reads > before + 100, { withinMs: 20_000 });
      const away = await localReads();
      await watched.app.cluster.startPostgres(AP);
      await until('AP is read again', async () => (await localReads()) > away + 20, { withinMs: 20_000 });
    } finally {
      stop.abort();
      await Promise.all(lanes);
    }
    assert.deepEqual(tally.errors.slice(0, 3), [], `${tally.errors.length} of ${tally.reads} reads failed`);
    assert.ok(tally.slowestMs <= 8_000, `a read took ${tally.slowestMs} ms`);
    await watched.allHealthy();
  });
});
