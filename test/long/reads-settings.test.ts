/**
 * Proves what a read does besides its statement: it proves the position with which its rows can be cached, and makes
 * settings for its own statement only.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isMeridianError } from '../../src/base/errors.ts';
import { PostgresServer } from '../../src/postgres/read/server.ts';
import { type ServerAnswer, type Setting } from '../../src/read/ports.ts';
import { READER_OPTIONS, sql, startReader, type Reader } from '../support/readers.ts';
import { startReplicaSet, type ReplicaSet, type TestServer } from '../support/replica-set.ts';
import { startSlowLink } from '../support/slow-link.ts';

let set: ReplicaSet;
let eu: Reader;
const replica = (): TestServer => set.replicas[0] as TestServer;
const server = (region: 'us' | 'eu'): PostgresServer => eu.servers.get(region) as PostgresServer;
const as = (tenant: string): Setting[] => [
  { name: 'app.tenant', value: tenant },
  { name: 'role', value: 'app_user' },
];
const VISIBLE = sql('SELECT v FROM kept ORDER BY v');
const SESSION = sql(
  `SELECT coalesce(nullif(current_setting('app.tenant', true), ''), 'none') AS tenant, current_user::text AS role`,
);
const OWN = { tenant: 'none', role: 'postgres' };

function rowsOf(answer: ServerAnswer): Extract<ServerAnswer, { kind: 'rows' }> {
  assert.equal(answer.kind, 'rows');
  return answer;
}

/** What the pool's one connection is left with. */
async function leftBehind(region: 'us' | 'eu' = 'eu'): Promise<unknown> {
  return rowsOf(await server(region).query({ floor: null, statement: SESSION })).rows[0];
}

describe('a read', () => {
  before(async () => {
    set = await startReplicaSet(1);
    await set.primary
      .query(`CREATE ROLE app_user; CREATE TABLE kept (tenant text, v int); INSERT INTO kept VALUES ('a', 1), ('b', 2), ('a', 3);
      ALTER TABLE kept ENABLE ROW LEVEL SECURITY; CREATE POLICY own ON kept USING (tenant = current_setting('app.tenant', true)); GRANT SELECT ON kept TO app_user`);
    await replica().caughtUp(await set.primary.position());
    // One connection, so that whatever a statement leaves behind, the next one meets.
    eu = await startReader({
      local: 'eu',
      urls: { us: set.primary.url, eu: replica().url },
      options: { poolSize: 1, poolWarm: 1 },
    });
  });
  after(async () => {
    await eu?.[Symbol.asyncDispose]();
    await set?.[Symbol.asyncDispose]();
  });

  it('proves a position that is not above the position of its rows, and not below what was replayed before', async () => {
    for (let round = 0; round < 20; round += 1) {
      await set.primary.query(`INSERT INTO kept VALUES ('c', ${round})`);
      const before = await replica().position();
      const { provedAt, seen, role } = rowsOf(
        await server('eu').query({ floor: null, statement: VISIBLE, prove: true }),
      );
      assert.equal(role, 'replica');
      assert.ok(
        provedAt !== null && provedAt.lsn >= before && provedAt.lsn <= seen.lsn,
        'proved before the statement, on its own connection',
      );
      assert.equal(provedAt.cluster, seen.cluster);
    }
    await set.primary.query(`DELETE FROM kept WHERE tenant = 'c'`);
    await replica().caughtUp(await set.primary.position());
  });

  it('proves no position unasked, and none at the primary, whose position may be ahead of what it shows', async () => {
    assert.equal(rowsOf(await server('eu').query({ floor: null, statement: VISIBLE })).provedAt, null);
    assert.equal(rowsOf(await server('us').query({ floor: null, statement: VISIBLE, prove: true })).provedAt, null);
  });

  for (const region of ['eu', 'us'] as const) {
    it(`runs a statement under its settings and leaves none of them behind (${region})`, async () => {
      for (const [tenant, expected] of [
        ['a', [1, 3]],
        ['b', [2]],
        ['nobody', []],
      ] as const) {
        const { rows, provedAt, seen } = rowsOf(
          await server(region).query({ floor: null, statement: VISIBLE, settings: as(tenant), prove: true }),
        );
        assert.deepEqual(
          rows.map(({ v }) => v),
          expected,
        );
        assert.equal(provedAt === null, region === 'us');
        assert.ok(seen.lsn > 0n);
        assert.deepEqual(await leftBehind(region), OWN);
      }
    });
  }

  it('takes one round trip for settings, statement, proof and position', async () => {
    const rttMs = 300;
    await using link = await startSlowLink(replica().port, rttMs);
    const url = replica().url.replace(`:${replica().port}/`, `:${link.port}/`);
    const far = new PostgresServer({
      region: 'eu',
      databaseUrl: url,
      limits: { ...READER_OPTIONS, connectMs: 20_000, poolSize: 1 },
      cluster: () => null,
    });
    try {
      const read = (): Promise<ServerAnswer> =>
        far.query({ floor: null, statement: SESSION, settings: as('a'), prove: true });
      await read();
      const spentMs: number[] = [];
      for (let i = 0; i < 5; i += 1) {
        const from = performance.now();
        assert.deepEqual(rowsOf(await read()).rows[0], { tenant: 'a', role: 'app_user' });
        spentMs.push(performance.now() - from);
      }
      assert.ok(
        Math.min(...spentMs) < 2 * rttMs,
        `the quickest of ${spentMs.map(Math.round).join(', ')} ms took more than a round trip of ${rttMs} ms`,
      );
    } finally {
      await far.close();
    }
  });

  it('leaves a usable connection behind a statement that fails', async () => {
    const backend = sql('SELECT pg_backend_pid() AS pid');
    const {
      rows: [first],
    } = rowsOf(await server('eu').query({ floor: null, statement: backend }));
    for (const text of ['SELECT 1 / 0', 'SELECT no_such_column FROM kept', 'INSERT INTO kept VALUES (1, 2)']) {
      await assert.rejects(
        server('eu').query({ floor: null, statement: sql(text), settings: as('a') }),
        (error: unknown) => isMeridianError(error),
        text,
      );
      assert.deepEqual(
        rowsOf(await server('eu').query({ floor: null, statement: backend })).rows[0],
        first,
        'the connection was not thrown away',
      );
    }
    assert.deepEqual(((await leftBehind()) as { tenant: string }).tenant, 'none');
  });

  it('returns no rows if its settings cannot be made', async () => {
    const settings = [{ name: 'role', value: 'no_such_role' }];
    const refused = (error: unknown): boolean =>
      isMeridianError(error, 'CONFIG_INVALID') && /viewerSettings/.test(error.message);
    await assert.rejects(server('eu').query({ floor: null, statement: VISIBLE, settings }), refused);
    await assert.rejects(server('eu').snapshot({ floor: null, settings }), refused);
    assert.deepEqual(((await leftBehind()) as { tenant: string }).tenant, 'none');
  });

  it('opens snapshots under its settings, also after a statement that failed in them', async () => {
    const answer = await server('eu').snapshot({ floor: null, settings: as('a') });
    assert.equal(answer.kind, 'open');
    const { session } = answer;
    await assert.rejects(session.query(sql('SELECT 1 / 0')));
    assert.deepEqual(
      (await session.query(VISIBLE)).map(({ v }) => v),
      [1, 3],
    );
    await session.close();
    assert.deepEqual(((await leftBehind()) as { tenant: string }).tenant, 'none');
  });

  it("applies a session's settings to every statement of it, at every level", async () => {
    const session = eu.engine.session({ settings: as('b') });
    for (const level of ['EVENTUAL', 'STRONG', 'SNAPSHOT'] as const) {
      const executor = session.executor({ level, floor: null, maxLagMs: null });
      assert.deepEqual(
        (await executor.query(VISIBLE)).map(({ v }) => v),
        [2],
        level,
      );
      if (executor.caching)
        assert.deepEqual(
          (await executor.caching.answer(VISIBLE)).rows.map(({ v }) => v),
          [2],
          level,
        );
      // The pool has one connection, which the snapshot holds.
      if (level === 'SNAPSHOT') await session.close();
    }
    assert.deepEqual(((await leftBehind()) as { tenant: string }).tenant, 'none');
  });
});
