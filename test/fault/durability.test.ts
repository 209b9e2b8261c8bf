/**
 * Proves what each durability level waits for, that a level that the cluster cannot provide is refused, and that every
 * wait has a limit.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { sleep } from '../../src/base/clock.ts';
import { isMeridianError, type MeridianError } from '../../src/base/errors.ts';
import { type Position } from '../../src/base/lineage.ts';
import { type Durability } from '../../src/model/model.ts';
import { checkDurability } from '../../src/postgres/check/durability.ts';
import { PostgresWriter } from '../../src/postgres/write/writer.ts';
import { READER_OPTIONS, sql, startReader, tokenOf, type Reader } from '../support/readers.ts';
import { startReplicaSet, until, type ReplicaSet, type TestServer } from '../support/replica-set.ts';

const DURABILITY_MS = 600;
/** How much longer than its limit a wait may take here: a cancel is a connection of its own, on a busy machine. */
const SLACK_MS = 2_000;

let set: ReplicaSet;
let us: Reader;
let first: TestServer;
let second: TestServer;
let id = 0;
const next = (): number => (id += 1);
const insert = (row: number) => sql('INSERT INTO t (id) VALUES ($1)', [row]);
const isThere = async (server: TestServer, row: number): Promise<boolean> =>
  (await server.query('SELECT FROM t WHERE id = $1', [row])).length === 1;

/** What the primary runs with now. */
const current = new Map<string, string>([['synchronous_commit', 'on']]);

async function configured(settings: Readonly<Record<string, string>>): Promise<void> {
  const changed = Object.entries(settings).filter(([name, value]) => current.get(name) !== value);
  if (changed.length === 0) return;
  for (const [name, value] of changed) {
    await set.primary.query(`ALTER SYSTEM SET ${name} = '${value.replaceAll("'", "''")}'`);
    current.set(name, value);
  }
  await set.primary.query('SELECT pg_reload_conf()');
  // Every process of the server reads it for itself.
  await sleep(200);
}
const streaming = (count: number): Promise<void> =>
  until(
    `${count} standbys stream`,
    async () => (await set.primary.query(`SELECT FROM pg_stat_replication WHERE state = 'streaming'`)).length === count,
  );
const pause = async (server: TestServer): Promise<void> => {
  await server.query('SELECT pg_wal_replay_pause()');
  await until(
    'replay is paused',
    async () =>
      (await server.query<{ state: string }>('SELECT pg_get_wal_replay_pause_state() AS state'))[0]?.state === 'paused',
  );
};
const resume = (server: TestServer): Promise<unknown> => server.query('SELECT pg_wal_replay_resume()');
const waiting = async (count: number): Promise<{ pid: number }[]> => {
  const found = (): Promise<{ pid: number }[]> =>
    set.primary.query<{ pid: number }>(`SELECT pid FROM pg_stat_activity WHERE wait_event = 'SyncRep'`);
  await until(`${count} commits wait for a standby`, async () => (await found()).length === count);
  return found();
};
const write = (row: number, durability?: Durability | null): Promise<unknown> =>
  us.writer.pipelined([insert(row)], durability === undefined ? {} : { durability });
const writeInteractive = (row: number, durability: Durability, reader = us): Promise<unknown> =>
  reader.writer.transaction((tx) => tx.query(insert(row)), { durability });

interface Failure {
  readonly error: MeridianError;
  readonly ms: number;
  readonly position: Position | null;
}

/** How it failed, and what was told of the primary's position. */
async function failure(work: (onRefused: (position: Position) => void) => Promise<unknown>): Promise<Failure> {
  const from = performance.now();
  let position: Position | null = null;
  try {
    await work((at) => (position = at));
  } catch (error) {
    assert.ok(isMeridianError(error), String(error));
    return { error, ms: performance.now() - from, position };
  }
  throw new Error('it did not fail');
}

function assertUnconfirmed({ error, ms, position }: Failure, why: string): Position {
  assert.deepEqual(
    [error.code, error.details['committed'], error.details['why']],
    ['DURABILITY_UNCONFIRMED', true, why],
    error.message,
  );
  assert.ok(ms < DURABILITY_MS + SLACK_MS, `it took ${ms} ms`);
  assert.ok(position !== null, 'nobody was told where it was committed');
  return position;
}

describe('the durability level', () => {
  before(async () => {
    set = await startReplicaSet(2);
    [first, second] = set.replicas as [TestServer, TestServer];
    await set.primary.query('CREATE TABLE t (id bigint PRIMARY KEY)');
    us = await startReader({
      local: 'us',
      urls: { us: set.primary.url, eu: first.url },
      options: { durabilityMs: DURABILITY_MS },
    });
    await configured({ synchronous_standby_names: 'ANY 2 (*)' });
  });
  after(async () => {
    for (const part of [us, set]) await part?.[Symbol.asyncDispose]();
  });
  /** As every test finds it: both standbys stream and replay, both are waited for. */
  afterEach(async () => {
    for (const server of set.replicas) {
      // Starting one that runs would lose hold of it.
      if (
        !(await server.query('SELECT').then(
          () => true,
          () => false,
        ))
      )
        await server.start();
      await resume(server);
    }
    await configured({ synchronous_standby_names: 'ANY 2 (*)', synchronous_commit: 'on' });
    await streaming(2);
  });

  it('LOCAL waits for no replica, and a replica may not show the write yet', async () => {
    for (const server of set.replicas) await pause(server);
    for (let i = 0; i < 20; i += 1) {
      const row = next();
      await (i % 2 === 0 ? write(row, 'LOCAL') : writeInteractive(row, 'LOCAL'));
      assert.ok(!(await isThere(first, row)), 'a replica whose replay is paused shows what was written since');
    }
  });

  it('REMOTE_APPLY is acknowledged when the synchronous replicas show it', async () => {
    for (let i = 0; i < 200; i += 1) {
      const row = next();
      await (i % 2 === 0 ? write(row, 'REMOTE_APPLY') : writeInteractive(row, 'REMOTE_APPLY'));
      for (const server of set.replicas)
        assert.ok(await isThere(server, row), `write ${i} was acknowledged and is not visible`);
    }
    await pause(second);
    const row = next();
    let isDone = false;
    const written = write(row, 'REMOTE_APPLY').finally(() => (isDone = true));
    await waiting(1);
    await sleep(DURABILITY_MS / 3);
    assert.ok(!isDone, 'it was acknowledged before a replica that it had to wait for showed it');
    await resume(second);
    await written;
    assert.ok(await isThere(second, row));
  });

  it('REMOTE_WRITE needs the replicas to have received the write, not to show it', async () => {
    for (const server of set.replicas) await pause(server);
    const row = next();
    await write(row, 'REMOTE_WRITE');
    await writeInteractive(next(), 'REMOTE_WRITE');
    assert.ok(!(await isThere(first, row)));
    // The WAL is there: it outlives the primary.
    await set.primary.stop('SIGQUIT');
    await resume(first);
    await until('the replica shows it', () => isThere(first, row));
    await set.primary.start();
    await until('the primary is found again', () =>
      us.writer.pipelined([insert(next())], { durability: 'LOCAL' }).then(
        () => true,
        () => false,
      ),
    );
  });

  it('takes one round trip, whichever level is asked for', async () => {
    for (const durability of ['LOCAL', 'REMOTE_WRITE', 'REMOTE_APPLY'] as const)
      assert.equal((await us.writer.pipelined([insert(next())], { durability })).roundTrips, 1);
  });

  it("LOCAL waits for the disk also where the server's own setting does not", async () => {
    await configured({ synchronous_commit: 'off' });
    const shown = sql(`SELECT current_setting('synchronous_commit') AS level`);
    const level = async (durability: Durability | null): Promise<unknown> =>
      (await us.writer.pipelined([shown], { durability })).result[0]?.rows[0]?.['level'];
    assert.deepEqual(
      [
        await level(null),
        await level('LOCAL'),
        await level('REMOTE_WRITE'),
        await level('REMOTE_APPLY'),
        await level(null),
      ],
      ['off', 'local', 'remote_write', 'remote_apply', 'off'],
    );
  });

  it('is refused before anything is written where the server waits for no standby', async () => {
    await configured({ synchronous_standby_names: '' });
    const row = next();
    // As PostgreSQL alone has it: no wait, and not a word.
    await set.primary.query(
      `BEGIN; SET LOCAL synchronous_commit = remote_apply; INSERT INTO t VALUES (${next()}); COMMIT`,
    );
    for (const durability of ['REMOTE_WRITE', 'REMOTE_APPLY'] as const) {
      const refused = [
        await failure((onRefused) => us.writer.pipelined([insert(row)], { durability, onRefused })),
        await failure((onRefused) => us.writer.transaction((tx) => tx.query(insert(row)), { durability, onRefused })),
      ];
      for (const { error, position } of refused) {
        assert.equal(error.code, 'DURABILITY_UNAVAILABLE');
        assert.deepEqual([error.retryable, error.details], [true, { region: 'us', durability, reason: 'unset' }]);
        assert.match(error.message, /ALTER SYSTEM SET synchronous_standby_names/);
        assert.ok(position !== null);
      }
      // Whose work hides that its statements failed is refused at its COMMIT.
      const hidden = await failure(() =>
        us.writer.transaction((tx) => tx.query(insert(row)).catch(() => null), { durability }),
      );
      assert.equal(hidden.error.code, 'DURABILITY_UNAVAILABLE');
    }
    assert.ok(!(await isThere(set.primary, row)));
    await write(row, 'LOCAL');
  });

  it('counts standbys as the server counts them, in every spelling of their names', async () => {
    await second.stop();
    await streaming(1);
    const given = [
      'replica_1',
      '"replica_1"',
      '*',
      'replica_9, replica_1',
      'ANY 1 (replica_1, replica_9)',
      'first 1 (*)',
      '1 (replica_1)',
      '"any 2 (x)", replica_1',
      '2, replica_1',
      '  any 1(*)',
    ];
    const lacking = [
      'ANY 2 (*)',
      'FIRST 2 (replica_1, replica_9)',
      '2 (replica_1, replica_9)',
      'any  2(replica_1,replica_9)',
      'First\t2 ("replica_1", *)',
      'replica_9',
      '"any 1 (x)"',
    ];
    for (const names of [...given, ...lacking]) {
      await configured({ synchronous_standby_names: names });
      const row = next();
      const outcome = await write(row, 'REMOTE_APPLY').then(
        () => 'given',
        (error: unknown) => (isMeridianError(error) ? error.code : String(error)),
      );
      assert.deepEqual(
        [names, outcome, await isThere(set.primary, row)],
        given.includes(names) ? [names, 'given', true] : [names, 'DURABILITY_UNAVAILABLE', false],
      );
    }
  });

  it('reports a commit as unconfirmed when a standby is lost during the wait', async () => {
    for (const interactive of [false, true]) {
      await pause(second);
      const row = next();
      const failed = failure((onRefused) => {
        const options = { durability: 'REMOTE_APPLY', onRefused } as const;
        return interactive
          ? us.writer.transaction((tx) => tx.query(insert(row)), options)
          : us.writer.pipelined([insert(row)], options);
      });
      await waiting(1);
      await second.stop('SIGQUIT');
      const position = assertUnconfirmed(await failed, 'late');
      const seen = await us.read(`SELECT FROM t WHERE id = ${row}`, { token: tokenOf(position) });
      assert.equal(seen.rows.length, 1, 'the token does not cover it');
      assert.ok(await isThere(set.primary, row));
      // With one of two gone, the next one is refused before anything is written.
      await streaming(1);
      assert.equal((await failure(() => write(next(), 'REMOTE_APPLY'))).error.code, 'DURABILITY_UNAVAILABLE');
      await second.start();
      await streaming(2);
    }
  });

  it('reports a commit as unconfirmed also when a role, a transaction or a trigger suppresses warnings', async () => {
    await set.primary.query(`CREATE TABLE quiet (id bigint PRIMARY KEY);
      CREATE FUNCTION hush() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('client_min_messages', 'error', true); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER hush AFTER INSERT ON quiet DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION hush();
      ALTER ROLE postgres SET client_min_messages = 'error'`);
    await using other = await startReader({
      local: 'us',
      urls: { us: set.primary.url },
      options: { durabilityMs: DURABILITY_MS },
    });
    await set.primary.query('ALTER ROLE postgres RESET client_min_messages');
    await pause(second);
    for (const told of await Promise.all([
      failure((onRefused) => other.writer.pipelined([insert(next())], { durability: 'REMOTE_APPLY', onRefused })),
      failure((onRefused) =>
        us.writer.pipelined([sql('INSERT INTO quiet VALUES ($1)', [next()])], {
          durability: 'REMOTE_APPLY',
          onRefused,
        }),
      ),
      failure((onRefused) =>
        us.writer.transaction(
          async (tx) => {
            await tx.query('SET LOCAL client_min_messages = error');
            await tx.query(insert(next()));
          },
          { durability: 'REMOTE_APPLY', onRefused },
        ),
      ),
    ]))
      assertUnconfirmed(told, 'late');
  });

  it('ends every wait at its limit, also when every connection waits', async () => {
    await pause(second);
    const rows = Array.from({ length: READER_OPTIONS.poolSize }, next);
    const failures = Promise.all(
      rows.map((row) =>
        failure((onRefused) => us.writer.pipelined([insert(row)], { durability: 'REMOTE_APPLY', onRefused })),
      ),
    );
    await waiting(rows.length);
    for (const one of await failures) assertUnconfirmed(one, 'late');
    for (const row of rows) assert.ok(await isThere(set.primary, row));
    assert.deepEqual(await waiting(0), []);
    assert.equal(
      (
        await set.primary.query(
          `SELECT FROM pg_stat_activity WHERE application_name = 'meridian cancel' AND state = 'active'`,
        )
      ).length,
      0,
    );
    // The connections are good for what comes next, and what comes next is not taken for unconfirmed.
    await Promise.all(rows.map(() => write(next(), 'REMOTE_WRITE')));
  });

  it('reports a commit as unconfirmed when its session is terminated during the wait', async () => {
    await pause(second);
    const row = next();
    const failed = failure((onRefused) =>
      us.writer.pipelined([insert(row)], { durability: 'REMOTE_APPLY', onRefused }),
    );
    const [session] = await waiting(1);
    await set.primary.query('SELECT pg_terminate_backend($1)', [session?.pid]);
    const position = assertUnconfirmed(await failed, 'ended');
    assert.equal((await us.read(`SELECT FROM t WHERE id = ${row}`, { token: tokenOf(position) })).rows.length, 1);
  });

  it('reports a commit as unconfirmed when the server ends the wait because no standby is configured any more', async () => {
    await pause(second);
    const row = next();
    const failed = failure((onRefused) =>
      us.writer.pipelined([insert(row)], { durability: 'REMOTE_APPLY', onRefused }),
    );
    await waiting(1);
    await configured({ synchronous_standby_names: '' });
    assertUnconfirmed(await failed, 'renamed');
    assert.ok((await isThere(set.primary, row)) && !(await isThere(second, row)));
  });

  it("is not reported as reached when the server's own setting caused the wait", async () => {
    second.link?.cut();
    try {
      for (const row of [next(), next()]) {
        assertUnconfirmed(await failure((onRefused) => us.writer.pipelined([insert(row)], { onRefused })), 'late');
        assert.ok(await isThere(set.primary, row));
      }
      await write(next(), 'LOCAL');
    } finally {
      second.link?.heal();
    }
  });

  it('follows the option unless the transaction names another level', async () => {
    await configured({ synchronous_standby_names: '' });
    const strict = await startReader({
      local: 'us',
      urls: { us: set.primary.url },
      options: { durability: 'REMOTE_APPLY' },
    });
    try {
      const row = next();
      assert.equal((await failure(() => strict.writer.pipelined([insert(row)]))).error.code, 'DURABILITY_UNAVAILABLE');
      assert.equal(
        (await failure(() => strict.writer.transaction((tx) => tx.query(insert(row)), { durability: null }))).error
          .code,
        'DURABILITY_UNAVAILABLE',
      );
      await strict.writer.pipelined([insert(row)], { durability: 'LOCAL' });
      await writeInteractive(next(), 'LOCAL', strict);
      await configured({ synchronous_standby_names: 'ANY 2 (*)' });
      const shown = await strict.writer.pipelined([
        insert(next()),
        sql(`SELECT current_setting('synchronous_commit') AS level`),
      ]);
      assert.equal(shown.result[1]?.rows[0]?.['level'], 'remote_apply');
    } finally {
      await strict[Symbol.asyncDispose]();
    }
  });

  it('is refused when its name is unknown', async () => {
    const row = next();
    for (const word of ['REMOTE', 'remote_apply', 'default', 'toString', '']) {
      const durability = word as Durability;
      for (const work of [() => write(row, durability), () => writeInteractive(row, durability)])
        assert.equal((await failure(work)).error.code, 'BAD_USER_INPUT', word);
    }
    assert.ok(!(await isThere(set.primary, row)));
  });

  it('is refused to a role that cannot see standbys, and accepted where that role takes on one that can', async () => {
    await set.primary.query(
      'CREATE ROLE app LOGIN; CREATE ROLE viewer; GRANT viewer TO app; GRANT SELECT, INSERT ON t TO app, viewer',
    );
    const region = {
      view: { primary: 'us', reachable: () => true, reportFailure: () => undefined, refresh: async () => undefined },
      limits: { ...READER_OPTIONS, durabilityMs: DURABILITY_MS },
      cluster: () => null,
    };
    const writer = new PostgresWriter({
      ...region,
      databaseUrls: new Map([['us', set.primary.url.replace('postgres@', 'app@')]]),
    });
    try {
      const row = next();
      const { error } = await failure(() => writer.pipelined([insert(row)], { durability: 'REMOTE_WRITE' }));
      assert.deepEqual([error.code, error.details['reason']], ['DURABILITY_UNAVAILABLE', 'unseen']);
      await set.primary.query('GRANT pg_monitor TO app');
      await writer.pipelined([insert(row)], {
        durability: 'REMOTE_WRITE',
        settings: [{ name: 'role', value: 'viewer' }],
      });
      // It can also end its own waits.
      await pause(second);
      assertUnconfirmed(
        await failure((onRefused) =>
          writer.pipelined([insert(next())], {
            durability: 'REMOTE_APPLY',
            onRefused,
            settings: [{ name: 'role', value: 'viewer' }],
          }),
        ),
        'late',
      );
      // What is wrong with a setting is still said as such.
      assert.equal(
        (
          await failure(() =>
            writer.pipelined([insert(next())], {
              durability: 'REMOTE_WRITE',
              settings: [{ name: 'role', value: 'nobody' }],
            }),
          )
        ).error.code,
        'CONFIG_INVALID',
      );
    } finally {
      await writer.close();
    }
  });

  it('is checked against what the primary can provide', async () => {
    const found = async (names: string, asked: readonly Durability[]): Promise<string[]> => {
      await configured({ synchronous_standby_names: names });
      const said: string[] = [];
      await checkDurability(
        { databaseUrl: set.primary.url, connectMs: 1_000, statementMs: 1_000 },
        new Set(asked),
        (severity, what, fix) => said.push(`${severity} ${what} ${fix ?? ''}`),
      );
      return said;
    };
    assert.deepEqual(await found('', ['LOCAL']), []);
    assert.match(
      (await found('', ['LOCAL', 'REMOTE_APPLY'])).join('\n'),
      /^warn synchronous_standby_names is empty.* REMOTE_APPLY .*pg_reload_conf/,
    );
    assert.match((await found('ANY 3 (*)', ['REMOTE_WRITE'])).join('\n'), /^warn .*demands 3, of which 2 stream,/);
    assert.match(
      (await found('ANY 2 (*)', ['REMOTE_WRITE'])).join('\n'),
      /^ok .*\nwarn Not one synchronous standby may be lost/,
    );
    assert.match(
      (await found('ANY 1 (*)', ['REMOTE_WRITE', 'REMOTE_APPLY'])).join('\n'),
      /^ok REMOTE_WRITE and REMOTE_APPLY can be given: 2 of the 1[^\n]*$/,
    );
  });
});
