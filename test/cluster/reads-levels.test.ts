/**
 * Proves every consistency level on real replicas: a user reads what they have written and never an older state than
 * they have seen.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isMeridianError } from '../../src/base/errors.ts';
import { toLsn } from '../../src/base/lsn.ts';
import { type Positions } from '../../src/consistency/positions.ts';
import { ReadEngine } from '../../src/read/session/engine.ts';
import { overlaid, READER_OPTIONS, sql, startReader, tokenOf, type Reader } from '../support/readers.ts';
import { startReplicaSet, until, type ReplicaSet, type TestServer } from '../support/replica-set.ts';

let set: ReplicaSet;
let us: Reader;
let eu: Reader;
let ap: Reader;
const replica = (n: number): TestServer => set.replicas[n] as TestServer;

async function write(value: string, reader: Reader = us): Promise<Positions> {
  const { position, result } = await reader.writer.pipelined([sql('UPDATE t SET v = $1 WHERE id = 1', [value])]);
  assert.equal(result[0]?.rowCount, 1);
  return tokenOf(position);
}

async function caughtUp(): Promise<void> {
  const lsn = await set.primary.position();
  await Promise.all(set.replicas.map((one) => one.caughtUp(lsn)));
}

async function pause(server: TestServer): Promise<void> {
  await server.query('SELECT pg_wal_replay_pause()');
  await until(
    'replay is paused',
    async () =>
      (await server.query<{ state: string }>('SELECT pg_get_wal_replay_pause_state() AS state'))[0]?.state === 'paused',
  );
}

const resume = (server: TestServer): Promise<unknown> => server.query('SELECT pg_wal_replay_resume()');
const READ = 'SELECT v FROM t WHERE id = 1';
const EVENTUAL = { level: 'EVENTUAL', floor: null, maxLagMs: null } as const;
let count = 0;
const fresh = (): string => `value ${(count += 1)}`;

describe('on real replicas,', () => {
  before(async () => {
    set = await startReplicaSet(2);
    await set.primary.query(`CREATE TABLE t (id bigint PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'first')`);
    await caughtUp();
    const urls = { us: set.primary.url, eu: replica(0).url, ap: replica(1).url };
    [us, eu, ap] = await Promise.all([
      startReader({ local: 'us', urls }),
      startReader({ local: 'eu', urls }),
      startReader({ local: 'ap', urls }),
    ]);
  });
  after(async () => {
    await Promise.all([us, eu, ap].map((reader) => reader?.[Symbol.asyncDispose]()));
    await set?.[Symbol.asyncDispose]();
  });

  it("EVENTUAL is answered by the region's own server, and the report names that server", async () => {
    for (const reader of [us, eu, ap]) {
      const { rows, report } = await reader.read(READ);
      assert.deepEqual(rows, [{ v: 'first' }]);
      assert.deepEqual(report.servedBy, [
        { region: reader.region, by: reader === us ? 'primary' : 'replica', count: 1 },
      ]);
      assert.equal(report.positions.size, 1);
      assert.equal(report.waitedMs, 0);
    }
  });

  it('an operation of many statements waits for its own statements, however few connections there are, and takes no connection from others', async () => {
    const limits = { poolSize: 2, poolWaitMs: 150, poolQueue: 4, connectMs: 3_000 };
    await using reader = await startReader({ local: 'us', urls: { us: set.primary.url }, options: limits });
    const statements = Array.from({ length: 30 }, (_, i) => sql(`SELECT ${i} AS n FROM pg_sleep(0.02)`));
    const apart = await Promise.allSettled(
      statements.map(async (one) => reader.session().executor(EVENTUAL).query(one)),
    );
    assert.ok(
      apart.some((one) => one.status === 'rejected' && isMeridianError(one.reason, 'OVERLOADED')),
      'as many operations are more than the queue takes',
    );
    const one = reader.session().executor(EVENTUAL);
    const rows = await Promise.all(statements.map((statement) => one.query(statement)));
    assert.deepEqual(
      rows.map(([row]) => row?.['n']),
      statements.map((_, i) => i),
    );
  });

  it('the wait of an operation for its own statements has a limit', async () => {
    await using reader = await startReader({
      local: 'us',
      urls: { us: set.primary.url },
      options: { operationStatements: 1, operationWaitMs: 100, connectMs: 3_000 },
    });
    const one = reader.session().executor(EVENTUAL);
    const [first, second] = await Promise.allSettled([
      one.query(sql('SELECT pg_sleep(0.5)')),
      one.query(sql('SELECT 1')),
    ]);
    assert.equal(first.status, 'fulfilled');
    assert.ok(second.status === 'rejected' && isMeridianError(second.reason, 'OVERLOADED'));
    assert.match(
      second.reason.message,
      /^Too many statements of one operation \(operationStatements, operationWaitMs\): 1 run at once and none became free within 100 ms/,
    );
  });

  it('SESSION shows each of 200 writes in every region', async () => {
    for (let i = 0; i < 200; i += 1) {
      const value = fresh();
      const token = await write(value, [us, eu, ap][i % 3]);
      const answers = await Promise.all([us, eu, ap].map((reader) => reader.read(READ, { token })));
      assert.deepEqual(
        answers.map(({ rows }) => rows[0]?.['v']),
        [value, value, value],
      );
    }
  });

  it('a read while replay is paused shows old rows without a token, and the current ones from the primary with it', async () => {
    const old = fresh();
    await write(old);
    await caughtUp();
    await pause(replica(1));
    try {
      const value = fresh();
      const token = await write(value);
      assert.equal(
        (await ap.read(READ)).rows[0]?.['v'],
        old,
        'without a token the old value is shown: this is the anomaly',
      );
      const { rows, report } = await ap.read(READ, { token });
      assert.equal(rows[0]?.['v'], value);
      assert.deepEqual(report.servedBy, [{ region: 'us', by: 'primary', count: 1 }]);
      // The wait has shown that nothing arrives: the next read does not wait again.
      const again = await ap.read(READ, { token });
      assert.equal(again.rows[0]?.['v'], value);
      assert.equal(again.report.waitedMs, 0);
      const strong = await ap.read(READ, { level: 'STRONG' });
      assert.equal(strong.rows[0]?.['v'], value);
    } finally {
      await resume(replica(1));
    }
    await caughtUp();
    await until(
      'ap reads its own replica again',
      async () =>
        (await ap.read(READ, { token: tokenOf(await ap.servers.get('us')!.position()) })).report.servedBy[0]?.region ===
        'ap',
    );
  });

  it('SESSION waits for replay instead of reading at the primary, if that is quicker', async () => {
    await pause(replica(0));
    try {
      const value = fresh();
      const token = await write(value);
      setTimeout(() => void resume(replica(0)), 20);
      // Simulates the round-trip time to a primary in a distant region.
      const view = overlaid(eu.monitor, { rttMs: () => 300 });
      const session = new ReadEngine({
        view,
        replayed: eu.replayed,
        servers: eu.servers,
        limits: READER_OPTIONS,
      }).session({ token });
      const rows = await session.executor({ level: 'SESSION', floor: session.floor, maxLagMs: null }).query(sql(READ));
      assert.equal(rows[0]?.['v'], value);
      const { servedBy, waitedMs } = session.report();
      assert.deepEqual(servedBy, [{ region: 'eu', by: 'replica', count: 1 }]);
      assert.ok(waitedMs > 5 && waitedMs < 250, `waited ${waitedMs} ms`);
    } finally {
      await resume(replica(0));
    }
  });

  it("STRONG shows the writes of others without a token, from the region's own replica", async () => {
    for (let i = 0; i < 20; i += 1) {
      const value = fresh();
      await write(value);
      const { rows } = await eu.read(READ, { level: 'STRONG' });
      assert.equal(rows[0]?.['v'], value);
    }
    await caughtUp();
    const { report } = await eu.read(READ, { level: 'STRONG' });
    assert.deepEqual(report.servedBy, [{ region: 'eu', by: 'replica', count: 1 }]);
  });

  it("STRONG asks for the primary's position once per operation", async () => {
    const primary = eu.servers.get('us');
    assert.ok(primary);
    let asked = 0;
    const counting = new Map(eu.servers).set(
      'us',
      overlaid(primary, { position: () => ((asked += 1), primary.position()) }),
    );
    const engine = new ReadEngine({
      view: eu.monitor,
      replayed: eu.replayed,
      servers: counting,
      limits: READER_OPTIONS,
    });
    const session = engine.session();
    const executor = session.executor({ level: 'STRONG', floor: null, maxLagMs: null });
    await Promise.all(Array.from({ length: 10 }, () => executor.query(sql(READ))));
    assert.equal(asked, 1);
  });

  it('BOUNDED is answered by the replica within its bound and by the primary beyond it', async () => {
    await write(fresh());
    await caughtUp();
    await until('eu knows its staleness', () => eu.monitor.stalenessMs() !== null);
    const near = await eu.read(READ, { level: 'BOUNDED', maxLagMs: 60_000 });
    assert.equal(near.report.servedBy[0]?.region, 'eu');
    await pause(replica(0));
    try {
      const value = fresh();
      await write(value);
      await until('eu is stale', () => (eu.monitor.stalenessMs() ?? 0) > 300);
      const { rows, report } = await eu.read(READ, { level: 'BOUNDED', maxLagMs: 200 });
      assert.equal(rows[0]?.['v'], value);
      assert.equal(report.servedBy[0]?.region, 'us');
    } finally {
      await resume(replica(0));
    }
  });

  it('SNAPSHOT reads one state under concurrent writes', async () => {
    const value = fresh();
    const token = await write(value);
    const session = eu.session(token);
    const executor = session.executor({ level: 'SNAPSHOT', floor: session.floor, maxLagMs: null });
    assert.equal((await executor.query(sql(READ)))[0]?.['v'], value);
    await write(fresh());
    await caughtUp();
    assert.equal((await executor.query(sql(READ)))[0]?.['v'], value);
    // Another executor with the same requirement shares the transaction.
    assert.equal(
      (await session.executor({ level: 'SNAPSHOT', floor: session.floor, maxLagMs: null }).query(sql(READ)))[0]?.['v'],
      value,
    );
    await session.close();
    assert.equal(session.report().servedBy[0]?.count, 1);
    assert.equal(eu.servers.get('eu')?.pool.busy, 0);
  });

  it('SNAPSHOT without a token is not older than its request', async () => {
    await pause(replica(0));
    try {
      const value = fresh();
      await write(value);
      assert.equal((await eu.read(READ, { level: 'SNAPSHOT' })).rows[0]?.['v'], value);
    } finally {
      await resume(replica(0));
    }
  });

  it('a statement that fails breaks neither its snapshot nor its connection', async () => {
    const session = eu.session();
    const executor = session.executor({ level: 'SNAPSHOT', floor: null, maxLagMs: null });
    const good = executor.query(sql(READ));
    const bad = executor.query(sql('SELECT 1 / 0 AS x'));
    const next = executor.query(sql(READ));
    await assert.rejects(bad, (error) => isMeridianError(error, 'BAD_USER_INPUT'));
    assert.deepEqual(await next, await good);
    await session.close();
    await assert.rejects(
      eu.read('SELECT nothing FROM nowhere'),
      (error) => isMeridianError(error, 'DATABASE_ERROR') && !/nowhere/.test(error.message),
    );
    assert.equal((await eu.read(READ)).rows.length, 1);
  });

  it('the reads of a user who moves to another region never show an older state', async () => {
    const old = fresh();
    await write(old);
    await caughtUp();
    await pause(replica(1));
    try {
      const value = fresh();
      await write(value);
      await replica(0).caughtUp(await set.primary.position());
      const seen = await eu.read(READ);
      assert.equal(seen.rows[0]?.['v'], value);
      assert.equal(
        (await ap.read(READ)).rows[0]?.['v'],
        old,
        "without the read's token the user goes back in time: this is the anomaly",
      );
      assert.equal((await ap.read(READ, { token: seen.token })).rows[0]?.['v'], value);
    } finally {
      await resume(replica(1));
    }
  });

  it('reads after a write of the same operation see it', async () => {
    await pause(replica(0));
    try {
      const session = eu.session();
      const executor = session.executor({ level: 'SESSION', floor: null, maxLagMs: null });
      await executor.query(sql(READ));
      const value = fresh();
      const { position } = await eu.writer.pipelined([sql('UPDATE t SET v = $1 WHERE id = 1', [value])]);
      await session.raise(position);
      assert.equal((await executor.query(sql(READ)))[0]?.['v'], value);
      const seen = session.report().positions.get(position.cluster);
      assert.ok(seen && seen.lsn >= position.lsn);
    } finally {
      await resume(replica(0));
    }
  });

  it("a token from the future is refused in a replica's region and in the primary's", async () => {
    const now = await us.servers.get('us')?.position();
    assert.ok(now);
    const later = tokenOf({ ...now, lsn: toLsn(now.lsn + (1n << 40n)) });
    const newer = tokenOf({ ...now, timeline: now.timeline + 5 });
    for (const reader of [us, eu]) {
      for (const level of ['SESSION', 'STRONG', 'SNAPSHOT'] as const) {
        await assert.rejects(
          reader.read(READ, { token: later, level }),
          (error) => isMeridianError(error, 'CONSISTENCY_TOKEN_FUTURE'),
          `${reader.region} ${level}`,
        );
      }
      await assert.rejects(
        reader.read(READ, { token: newer }),
        (error) => isMeridianError(error, 'CONSISTENCY_TOKEN_FUTURE'),
        reader.region,
      );
    }
  });

  it('a read that is aborted frees its connection', async () => {
    const stop = new AbortController();
    const session = eu.engine.session({ signal: stop.signal });
    const slow = session.executor({ level: 'EVENTUAL', floor: null, maxLagMs: null }).query(sql('SELECT pg_sleep(2)'));
    setTimeout(() => stop.abort(new Error('gone')), 50);
    const from = performance.now();
    await assert.rejects(slow, /gone/);
    assert.ok(performance.now() - from < 1_500);
    await until('the connection is free', () => eu.servers.get('eu')?.pool.busy === 0);
  });
});
