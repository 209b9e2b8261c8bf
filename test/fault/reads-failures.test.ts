/**
 * Proves reads while servers stop, links are cut and the primary changes: no read fails without need, and none is
 * stale.
 */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { sleep } from '../../src/base/clock.ts';
import { isMeridianError } from '../../src/base/errors.ts';
import { type Positions } from '../../src/consistency/positions.ts';
import { startLink, type TestLink } from '../support/link.ts';
import { sql, startReader, tokenOf, type Reader } from '../support/readers.ts';
import { startReplicaSet, until, type ReplicaSet, type TestServer } from '../support/replica-set.ts';

const READ = 'SELECT v FROM t WHERE id = 1';
let set: ReplicaSet;
let euServer: TestServer;
let apServer: TestServer;
/** The way from the reader in eu to the primary's database. */
let wan: TestLink;
let us: Reader;
let eu: Reader;

async function write(value: string): Promise<Positions> {
  const { position } = await us.writer.pipelined([sql('UPDATE t SET v = $1 WHERE id = 1', [value])]);
  return tokenOf(position);
}

async function caughtUp(): Promise<void> {
  const lsn = await set.primary.position();
  await Promise.all(set.replicas.map((one) => one.caughtUp(lsn)));
}

describe('while servers and links fail,', () => {
  beforeEach(async () => {
    set = await startReplicaSet(2);
    [euServer, apServer] = set.replicas as [TestServer, TestServer];
    await set.primary.query(`CREATE TABLE t (id bigint PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'first')`);
    await caughtUp();
    wan = await startLink(set.primary.port);
    const far = `postgres://postgres@127.0.0.1:${wan.port}/postgres`;
    us = await startReader({ local: 'us', urls: { us: set.primary.url, eu: euServer.url, ap: apServer.url } });
    eu = await startReader({ local: 'eu', urls: { us: far, eu: euServer.url, ap: apServer.url } });
    await eu.read(READ);
  });
  afterEach(async () => {
    for (const part of [eu, us, wan, set]) await part?.[Symbol.asyncDispose]();
  });

  it('reads of a killed replica move to another region within a second without an error, and return when it is back', async () => {
    const token = await write('second');
    const failures: unknown[] = [];
    let slowestMs = 0;
    let going = true;
    const reads = Promise.all(
      [undefined, token, undefined, token].map(async (one) => {
        while (going) {
          const from = performance.now();
          try {
            const { rows } = await eu.read(READ, one ? { token: one } : {});
            if (one) assert.equal(rows[0]?.['v'], 'second');
          } catch (error) {
            failures.push(error);
          }
          slowestMs = Math.max(slowestMs, performance.now() - from);
          await sleep(5);
        }
      }),
    );
    await sleep(100);
    await euServer.stop('SIGQUIT');
    await sleep(700);
    const { report } = await eu.read(READ);
    assert.notEqual(report.servedBy[0]?.region, 'eu');
    await euServer.start();
    await until(
      'eu reads its own replica again',
      async () => (await eu.read(READ)).report.servedBy[0]?.region === 'eu',
      10_000,
    );
    going = false;
    await reads;
    assert.deepEqual(failures, []);
    assert.ok(slowestMs < 1_000, `the slowest read took ${Math.round(slowestMs)} ms`);
  });

  it('with an unreachable primary EVENTUAL reads succeed, STRONG reads fail at once and SESSION reads fail after a wait, each with a typed error', async () => {
    const token = await write('second');
    await caughtUp();
    wan.cut();
    await euServer.query('SELECT pg_wal_replay_pause()');
    const later = await write('third');
    assert.equal((await eu.read(READ)).rows[0]?.['v'], 'second');
    assert.equal(
      (await eu.read(READ, { token })).rows[0]?.['v'],
      'second',
      'what the region has is proved without the primary',
    );
    await until('the primary counts as unreachable', () => !eu.monitor.reachable('us'));
    let from = performance.now();
    await assert.rejects(eu.read(READ, { level: 'STRONG' }), (error) => isMeridianError(error, 'PRIMARY_UNAVAILABLE'));
    assert.ok(performance.now() - from < 1_000);
    await apServer.query('SELECT pg_wal_replay_pause()');
    const last = await write('fourth');
    from = performance.now();
    await assert.rejects(eu.read(READ, { token: last }), (error) => isMeridianError(error, 'CONSISTENCY_TIMEOUT'));
    const waitedMs = performance.now() - from;
    assert.ok(waitedMs > 1_000 && waitedMs < 3_500, `waited ${Math.round(waitedMs)} ms`);
    // Another region's replica that can prove the floor will do.
    await apServer.query('SELECT pg_wal_replay_resume()');
    await apServer.caughtUp(await set.primary.position());
    const other = await eu.read(READ, { token: later });
    assert.equal(other.rows[0]?.['v'], 'fourth');
    assert.equal(other.report.servedBy[0]?.region, 'ap');
    // A region that catches up while a read waits ends its wait.
    await apServer.query('SELECT pg_wal_replay_pause()');
    const final = await write('fifth');
    const waiting = eu.read(READ, { token: final });
    setTimeout(() => void euServer.query('SELECT pg_wal_replay_resume()'), 300);
    assert.equal((await waiting).rows[0]?.['v'], 'fifth');
    wan.heal();
    await until('STRONG works again', async () =>
      eu.read(READ, { level: 'STRONG' }).then(
        ({ rows }) => rows[0]?.['v'] === 'fifth',
        () => false,
      ),
    );
  });

  it('a read notices a link that is cut during its fallback, and is answered by a server that can be reached', async () => {
    await euServer.query('SELECT pg_wal_replay_pause()');
    const token = await write('second');
    await apServer.caughtUp(await set.primary.position());
    assert.equal((await eu.read(READ, { token })).report.servedBy[0]?.region, 'us');
    wan.cut();
    const from = performance.now();
    const { rows, report } = await eu.read(READ, { token });
    assert.equal(rows[0]?.['v'], 'second');
    assert.equal(report.servedBy[0]?.region, 'ap');
    assert.ok(performance.now() - from < 2_000);
    await euServer.query('SELECT pg_wal_replay_resume()');
  });

  it('a replica that restarts never shows less than it showed before', async () => {
    let written = 0;
    let going = true;
    const writing = (async () => {
      for (; going; await sleep(5)) {
        await set.primary.query('UPDATE t SET v = $1 WHERE id = 1', [String(written + 1)]);
        written += 1;
      }
    })();
    await until('something is written', () => written > 20);
    let highest = 0;
    let fromEu = 0;
    for (let restart = 0; restart < 3; restart += 1) {
      // Without its link it has to get on with what it has.
      for (let i = 0; i < 20; i += 1) highest = await notBelow(highest);
      await euServer.stop('SIGQUIT');
      const starting = euServer.start();
      for (let i = 0; i < 60; i += 1, await sleep(10)) highest = await notBelow(highest);
      await starting;
    }
    going = false;
    await writing;
    assert.ok(fromEu > 0);

    async function notBelow(before: number): Promise<number> {
      const answer = await eu.servers
        .get('eu')
        ?.query({ statement: sql(READ), floor: null })
        .catch(() => null);
      if (answer?.kind !== 'rows') return before;
      fromEu += 1;
      const shown = Number(answer.rows[0]?.['v']);
      assert.ok(!(shown < before), `${shown} after ${before}`);
      return Math.max(before, Number.isNaN(shown) ? 0 : shown);
    }
  });

  it('a token of a write that a failover has lost gets CONSISTENCY_LOST, and older and newer tokens stay valid', async () => {
    const kept = await write('kept');
    await caughtUp();
    for (const one of set.replicas) one.link?.cut();
    await sleep(50);
    const lost = await write('lost');
    await set.primary.stop('SIGQUIT');
    await apServer.query('SELECT pg_promote(true, 10)');
    await until('ap is the primary', () => eu.monitor.primary === 'ap', 15_000);
    await until('its history is known', () => (eu.monitor.history?.timeline ?? 1) > 1);
    for (const level of ['SESSION', 'STRONG', 'SNAPSHOT'] as const) {
      await assert.rejects(
        eu.read(READ, { token: lost, level }),
        (error) => isMeridianError(error, 'CONSISTENCY_LOST'),
        level,
      );
    }
    assert.equal((await eu.read(READ, { token: kept })).rows[0]?.['v'], 'kept');
    const { position } = await eu.writer.pipelined([sql('UPDATE t SET v = $1 WHERE id = 1', ['after'])]);
    assert.equal(position.timeline, 2);
    const after = await eu.read(READ, { token: tokenOf(position) });
    assert.equal(after.rows[0]?.['v'], 'after');
    assert.equal(
      after.report.servedBy[0]?.region,
      'ap',
      'eu still follows the old timeline and cannot prove a position of the new one',
    );
  });

  it('a statement that a replica cancels for replay is answered elsewhere, unless its snapshot is already in use', async () => {
    for (const one of set.replicas) {
      await one.query(`ALTER SYSTEM SET max_standby_streaming_delay = '20ms'`);
      await one.query('SELECT pg_reload_conf()');
    }
    await until(
      'the setting is in force',
      async () =>
        (await euServer.query<{ d: string }>(`SELECT current_setting('max_standby_streaming_delay') AS d`))[0]?.d ===
        '20ms',
    );
    const conflict = (): Promise<unknown> =>
      set.primary.query(
        'ALTER TABLE t ALTER COLUMN v SET STATISTICS 50; ALTER TABLE t ADD COLUMN extra int; ALTER TABLE t DROP COLUMN extra',
      );
    setTimeout(() => void conflict(), 100);
    const { rows, report } = await eu.read('SELECT v, pg_sleep(0.6) FROM t WHERE id = 1');
    assert.equal(rows[0]?.['v'], 'first');
    assert.notEqual(report.servedBy[0]?.region, 'eu');
    assert.ok(eu.monitor.reachable('eu'), 'the replica is alive');

    const fresh = eu.session();
    const opening = fresh.executor({ level: 'SNAPSHOT', floor: null, maxLagMs: null });
    setTimeout(() => void conflict(), 100);
    assert.equal((await opening.query(sql('SELECT v, pg_sleep(0.6) FROM t WHERE id = 1')))[0]?.['v'], 'first');
    await fresh.close();

    await caughtUp();
    const used = eu.session();
    const snapshot = used.executor({ level: 'SNAPSHOT', floor: null, maxLagMs: null });
    await snapshot.query(sql('SELECT 1 AS one'));
    assert.equal(used.report().servedBy[0]?.region, 'eu');
    setTimeout(() => void conflict(), 100);
    await assert.rejects(
      snapshot.query(sql('SELECT v, pg_sleep(0.6) FROM t WHERE id = 1')),
      (error) => isMeridianError(error) && ['TRANSACTION_CONFLICT', 'REGION_UNAVAILABLE'].includes(error.code),
    );
    await used.close();
    assert.equal((await eu.read(READ)).rows[0]?.['v'], 'first');
  });

  it("reads beyond the primary's limit are refused, and the others are answered", async () => {
    await euServer.query('SELECT pg_wal_replay_pause()');
    await apServer.query('SELECT pg_wal_replay_pause()');
    const token = await write('second');
    const small = await startReader({
      local: 'eu',
      urls: { us: set.primary.url, eu: euServer.url },
      options: { primaryReads: 1, poolQueue: 3, poolWaitMs: 300, poolSize: 20, maxWaitMs: 300 },
    });
    try {
      const results = await Promise.allSettled(
        Array.from({ length: 40 }, () => small.read('SELECT v, pg_sleep(0.1) FROM t WHERE id = 1', { token })),
      );
      const good = results.filter((one) => one.status === 'fulfilled');
      const refused = results.filter((one) => one.status === 'rejected').map((one) => one.reason as unknown);
      assert.ok(good.length >= 3, `${good.length} answered`);
      assert.ok(refused.length > 0);
      for (const error of refused) assert.ok(isMeridianError(error, 'OVERLOADED'), String(error));
    } finally {
      await small[Symbol.asyncDispose]();
      for (const one of set.replicas) await one.query('SELECT pg_wal_replay_resume()');
    }
  });
});
