/**
 * Proves transactions at the primary: one round trip, all statements or none, and a true report of the outcome when a
 * connection breaks.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sleep } from '../../src/base/clock.ts';
import { isMeridianError, MeridianError } from '../../src/base/errors.ts';
import { type Row } from '../../src/model/model.ts';
import { PostgresWriter } from '../../src/postgres/write/writer.ts';
import { READER_OPTIONS, sql, startReader, tokenOf, type Reader } from '../support/readers.ts';
import { startReplicaSet, until, type ReplicaSet } from '../support/replica-set.ts';
import { startSlowLink } from '../support/slow-link.ts';

let set: ReplicaSet;
let us: Reader;
let eu: Reader;
const RTT_MS = 80;
const insert = (id: number, v = 'x') => sql('INSERT INTO t (id, v) VALUES ($1, $2) RETURNING id, v', [id, v]);
const rowsAt = (where: string): Promise<Row[]> => set.primary.query(`SELECT * FROM t WHERE ${where}`);
let id = 1_000;
const next = (): number => (id += 1);

describe('transactions', () => {
  before(async () => {
    set = await startReplicaSet(1);
    await set.primary
      .query(`CREATE TABLE t (id bigint PRIMARY KEY, v text UNIQUE NULLS DISTINCT, n int DEFAULT 0 CHECK (n >= 0), up bigint REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED);
      ALTER TABLE t DROP CONSTRAINT t_v_key; CREATE TABLE u (email text UNIQUE, name text NOT NULL); INSERT INTO t (id) VALUES (1), (2)`);
    await set.replicas[0]?.caughtUp(await set.primary.position());
    const urls = { us: set.primary.url, eu: set.replicas[0]?.url ?? '' };
    [us, eu] = await Promise.all([startReader({ local: 'us', urls }), startReader({ local: 'eu', urls })]);
  });
  after(async () => {
    for (const part of [us, eu, set]) await part?.[Symbol.asyncDispose]();
  });

  it('return rows in order and a position that every region can wait for', async () => {
    const [a, b] = [next(), next()];
    const { result, position, roundTrips } = await us.writer.pipelined([
      insert(a, 'one'),
      insert(b, 'two'),
      sql('UPDATE t SET n = n + 1 WHERE id = ANY ($1::bigint[])', [[a, b]]),
    ]);
    assert.deepEqual(
      result.map(({ rows, rowCount }) => ({ rows, rowCount })),
      [
        { rows: [{ id: String(a), v: 'one' }], rowCount: 1 },
        { rows: [{ id: String(b), v: 'two' }], rowCount: 1 },
        { rows: [], rowCount: 2 },
      ],
    );
    assert.equal(roundTrips, 1);
    assert.equal((await eu.read(`SELECT n FROM t WHERE id = ${b}`, { token: tokenOf(position) })).rows[0]?.['n'], 1);
  });

  it('return a position that covers them, although they alone commit without waiting for the disk', async () => {
    const setting = async (text: string): Promise<void> => {
      await set.primary.query(text);
      await set.primary.query('SELECT pg_reload_conf()');
    };
    await setting(`ALTER SYSTEM SET wal_writer_delay = '2s'`);
    try {
      const [a, b] = [next(), next()];
      const { position } = await us.writer.pipelined([
        sql(`SELECT set_config('synchronous_commit', 'off', true)`),
        insert(a),
      ]);
      assert.equal((await eu.read(`SELECT id FROM t WHERE id = ${a}`, { token: tokenOf(position) })).rows.length, 1);
      const done = await us.writer.transaction(async (tx) => {
        await tx.query('SET LOCAL synchronous_commit = off');
        await tx.query(insert(b));
      });
      assert.equal(
        (await eu.read(`SELECT id FROM t WHERE id = ${b}`, { token: tokenOf(done.position) })).rows.length,
        1,
      );
    } finally {
      await setting('ALTER SYSTEM RESET wal_writer_delay');
    }
  });

  it('take one round trip however many statements they have', async () => {
    const link = await startSlowLink(set.primary.port, RTT_MS);
    const far = await startReader({
      local: 'eu',
      urls: { us: `postgres://postgres@127.0.0.1:${link.port}/postgres`, eu: set.replicas[0]?.url ?? '' },
    });
    try {
      await far.writer.pipelined([insert(next())]);
      const times: number[] = [];
      for (let i = 0; i < 5; i += 1) {
        const from = performance.now();
        const { roundTrips } = await far.writer.pipelined(
          [insert(next()), insert(next()), insert(next()), sql('UPDATE t SET n = 1 WHERE id = 1')],
          { tags: ['Task:1'] },
        );
        times.push(performance.now() - from);
        assert.equal(roundTrips, 1);
      }
      const best = Math.min(...times);
      assert.ok(best >= RTT_MS - 2 && best < 2 * RTT_MS, `${times.map(Math.round).join(', ')} ms at ${RTT_MS} ms`);
      // Interactive: BEGIN rides with the first statement, message, COMMIT and position with each other.
      const from = performance.now();
      const { roundTrips } = await far.writer.transaction(async (tx) => {
        const { rows } = await tx.query('SELECT n FROM t WHERE id = $1', [1]);
        tx.tag('Task:1');
        await tx.query('UPDATE t SET n = $1 WHERE id = 1', [Number(rows[0]?.['n']) + 1]);
      });
      assert.equal(roundTrips, 3);
      assert.ok(performance.now() - from < 6 * RTT_MS);
      // So does a read at the primary with its proof and its position.
      await far.servers.get('us')?.query({ statement: sql('SELECT 1 AS one'), floor: null, asPrimary: true });
      const readFrom = performance.now();
      await far.servers.get('us')?.query({ statement: sql('SELECT 1 AS one'), floor: null, asPrimary: true });
      assert.ok(performance.now() - readFrom < 2 * RTT_MS);
    } finally {
      await far[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
    }
  });

  it('write all of their rows or none', async () => {
    const [a, b] = [next(), next()];
    await assert.rejects(us.writer.pipelined([insert(a), insert(1), insert(b)]), (error) => {
      assert.ok(isMeridianError(error, 'CONSTRAINT_VIOLATION'));
      assert.deepEqual(error.details, { sqlState: '23505', constraint: 't_pkey', table: 't', columns: ['id'] });
      assert.doesNotMatch(error.message, /\(1\)|INSERT/);
      return true;
    });
    assert.deepEqual(await rowsAt(`id IN (${a}, ${b})`), []);
  });

  it('name the constraint that refuses them', async () => {
    const refused = async (statement: ReturnType<typeof sql>, details: object): Promise<void> => {
      await assert.rejects(us.writer.pipelined([statement]), (error) => {
        assert.ok(isMeridianError(error, 'CONSTRAINT_VIOLATION'), String(error));
        assert.deepEqual({ ...error.details, ...details }, error.details);
        return true;
      });
    };
    await refused(sql('UPDATE t SET n = -1 WHERE id = 1'), { constraint: 't_n_check', table: 't' });
    await refused(sql(`INSERT INTO u (email) VALUES ('a@b.c')`), { table: 'u', columns: ['name'] });
    // Deferred to COMMIT, which then answers with the error.
    await refused(sql('UPDATE t SET up = 999999 WHERE id = 1'), {
      constraint: 't_up_fkey',
      table: 't',
      columns: ['up'],
    });
    await us.writer.pipelined([sql(`INSERT INTO u VALUES ('secret@b.c', 'n')`)]);
    await assert.rejects(
      us.writer.pipelined([sql(`INSERT INTO u VALUES ('secret@b.c', 'n')`)]),
      (error) => isMeridianError(error) && !JSON.stringify([error.message, error.details]).includes('secret'),
    );
    await assert.rejects(us.writer.pipelined([sql('UPDATE t SET n = 99999999999 WHERE id = 1')]), (error) =>
      isMeridianError(error, 'BAD_USER_INPUT'),
    );
    await assert.rejects(
      us.writer.pipelined([sql('UPDATE missing SET n = 1')]),
      (error) => isMeridianError(error, 'DATABASE_ERROR') && !/missing/.test(error.message),
    );
  });

  it('roll back when the callback throws, with the error of the callback', async () => {
    const a = next();
    const own = new Error('no');
    await assert.rejects(
      us.writer.transaction(async (tx) => {
        await tx.query(insert(a));
        throw own;
      }),
      own,
    );
    assert.deepEqual(await rowsAt(`id = ${a}`), []);
  });

  it('do not commit when the callback hides a failed statement', async () => {
    const a = next();
    await assert.rejects(
      us.writer.transaction(async (tx) => {
        await tx.query(insert(a));
        await tx.query(insert(1)).catch(() => null);
        return 'fine';
      }),
      (error) => isMeridianError(error, 'CONSTRAINT_VIOLATION'),
    );
    assert.deepEqual(await rowsAt(`id = ${a}`), []);
  });

  it('commit once when the callback has rolled back to its own savepoint', async () => {
    const a = next();
    let tries = 0;
    const saved = async (broken: string): Promise<unknown> =>
      (
        await us.writer.transaction(async (tx) => {
          tries += 1;
          await tx.query('INSERT INTO t (id, n) VALUES ($1, 1) ON CONFLICT (id) DO UPDATE SET n = t.n + 1', [a]);
          await tx.query('SAVEPOINT mine');
          await tx.query(broken).catch(() => tx.query('ROLLBACK TO SAVEPOINT mine'));
          return 'fine';
        })
      ).result;
    assert.equal(await saved('INSERT INTO t (id) VALUES (1)'), 'fine');
    assert.equal(await saved(`DO $$ BEGIN RAISE EXCEPTION 'as a deadlock' USING ERRCODE = '40P01'; END $$`), 'fine');
    assert.deepEqual([tries, (await rowsAt(`id = ${a}`))[0]?.['n']], [2, 2]);
  });

  it('are not reported as committed when the callback has ended them itself', async () => {
    const a = next();
    await assert.rejects(
      us.writer.transaction(async (tx) => {
        await tx.query(insert(a));
        await tx.query('ROLLBACK');
        await tx.query(insert(a)).catch(() => null);
      }),
      (error) => isMeridianError(error),
    );
    assert.deepEqual(await rowsAt(`id = ${a}`), []);
  });

  it('are tried again after a serialization failure, up to the limit', async () => {
    let tries = 0;
    const raise = (until: number) =>
      us.writer.transaction(
        async (tx) => {
          tries += 1;
          const { rows } = await tx.query('SELECT n FROM t WHERE id = 2');
          if (tries <= until) await set.primary.query('UPDATE t SET n = n + 1 WHERE id = 2');
          await tx.query('UPDATE t SET n = $1 WHERE id = 2', [Number(rows[0]?.['n']) + 10]);
        },
        { isolation: 'REPEATABLE READ' },
      );
    await set.primary.query('UPDATE t SET n = 0 WHERE id = 2');
    await raise(2);
    assert.equal(tries, 3);
    assert.equal((await rowsAt('id = 2'))[0]?.['n'], 12);
    tries = 0;
    await assert.rejects(raise(100), (error) => isMeridianError(error, 'TRANSACTION_CONFLICT'));
    assert.equal(tries, 4);
  });

  it('are tried again after a deadlock between two of them', async () => {
    await set.primary.query('UPDATE t SET n = 0 WHERE id IN (1, 2)');
    const both = Promise.withResolvers<void>();
    let first = 0;
    const crossing = (a: number, b: number) =>
      us.writer.transaction(async (tx) => {
        await tx.query('UPDATE t SET n = n + 1 WHERE id = $1', [a]);
        if ((first += 1) === 2) both.resolve();
        if (first <= 2) await both.promise;
        await tx.query('UPDATE t SET n = n + 1 WHERE id = $1', [b]);
      });
    await Promise.all([crossing(1, 2), crossing(2, 1)]);
    assert.deepEqual(
      (await rowsAt('id IN (1, 2)')).map((row) => row['n']),
      [2, 2],
    );
  });

  it('end at their time limit, and leave no lock behind', async () => {
    const short = await startReader({ local: 'us', urls: { us: set.primary.url }, options: { transactionMs: 200 } });
    try {
      const from = performance.now();
      await assert.rejects(
        short.writer.transaction(async (tx) => {
          await tx.query('UPDATE t SET n = 5 WHERE id = 1');
          await sleep(5_000);
        }),
        (error) => error instanceof MeridianError && error.details['timeout'] === true,
      );
      // In the middle of a statement, too.
      await assert.rejects(
        short.writer.transaction(async (tx) => {
          await tx.query('UPDATE t SET n = 5 WHERE id = 1');
          await tx.query('SELECT pg_sleep(3)');
        }),
        (error) => error instanceof MeridianError && error.details['timeout'] === true,
      );
      assert.ok(performance.now() - from < 1_500);
      await set.primary.query(`SET lock_timeout = '4s'`);
      await set.primary.query('UPDATE t SET n = 0 WHERE id = 1');
    } finally {
      await short[Symbol.asyncDispose]();
    }
  });

  it('refuse statements after they have ended', async () => {
    let kept: { query(text: string): Promise<unknown> } | undefined;
    await us.writer.transaction(async (tx) => {
      kept = tx;
      await tx.query('SELECT 1');
    });
    await assert.rejects(async () => kept?.query('DELETE FROM t'), /has ended/);
    assert.notEqual((await rowsAt('true')).length, 0);
  });

  it('carry their tags with the commit, and only with it', async () => {
    await set.primary
      .query(`SELECT pg_create_logical_replication_slot('peek', 'test_decoding')`)
      .catch(() => set.primary.query(`SELECT pg_create_logical_replication_slot('peek', 'pgoutput')`));
    const [slot] = await set.primary.query<{ plugin: string }>(
      `SELECT plugin FROM pg_replication_slots WHERE slot_name = 'peek'`,
    );
    if (slot?.plugin === 'pgoutput') await set.primary.query('CREATE PUBLICATION peek');
    await us.writer.pipelined([insert(next())], { tags: ['Task:kept', 'with "quotes"'] });
    await us.writer.transaction(async (tx) => {
      tx.tag('Task:also');
      await tx.query(insert(next()));
    });
    await assert.rejects(us.writer.pipelined([insert(1)], { tags: ['Task:dropped'] }));
    const decoded =
      slot?.plugin === 'pgoutput'
        ? await set.primary.query<{ data: string }>(
            `SELECT encode(data, 'escape') AS data FROM pg_logical_slot_peek_binary_changes('peek', NULL, NULL, 'proto_version', '1', 'publication_names', 'peek', 'messages', 'true')`,
          )
        : await set.primary.query<{ data: string }>(
            `SELECT data FROM pg_logical_slot_peek_changes('peek', NULL, NULL)`,
          );
    await set.primary.query(`SELECT pg_drop_replication_slot('peek')`);
    const text = decoded.map(({ data }) => data).join('\n');
    assert.match(text, /\{"tags":\["Task:kept","with \\+"quotes\\+""\]\}/);
    assert.match(text, /\{"tags":\["Task:also"\]\}/);
    assert.doesNotMatch(text, /Task:dropped/);
  });

  it('are reported as unknown when a lost connection hides their outcome', async () => {
    const link = await startSlowLink(set.primary.port, 4);
    const far = await startReader({
      local: 'eu',
      urls: { us: `postgres://postgres@127.0.0.1:${link.port}/postgres`, eu: set.replicas[0]?.url ?? '' },
      options: { failuresToUnreachable: 50 },
    });
    try {
      await far.writer.pipelined([insert(next())]);
      const a = next();
      link.swallowAnswers();
      await assert.rejects(far.writer.pipelined([insert(a)]), (error) =>
        isMeridianError(error, 'WRITE_OUTCOME_UNKNOWN'),
      );
      await until('it did happen, as it turns out', async () => (await rowsAt(`id = ${a}`)).length === 1);
      link.drop();
      await until('the link is good again', async () =>
        far.writer.pipelined([insert(next())]).then(
          () => true,
          () => false,
        ),
      );
      // Before COMMIT is sent there is nothing to doubt.
      const b = next();
      await assert.rejects(
        far.writer.transaction(async (tx) => {
          await tx.query(insert(b));
          link.drop();
          await tx.query('SELECT 1');
        }),
        (error) => isMeridianError(error, 'PRIMARY_UNAVAILABLE'),
      );
      assert.deepEqual(await rowsAt(`id = ${b}`), []);
    } finally {
      await far[Symbol.asyncDispose]();
      await link[Symbol.asyncDispose]();
    }
  });

  it('write nothing at a server that is not the primary, as single statements or otherwise', async () => {
    // As after a switchover that this process has not noticed.
    const wrong = await startReader({ local: 'us', urls: { us: set.replicas[0]?.url ?? '', eu: set.primary.url } });
    try {
      const writer = new PostgresWriter({
        view: { primary: 'us', reachable: () => true, reportFailure: () => undefined, refresh: async () => undefined },
        databaseUrls: new Map([['us', set.replicas[0]?.url ?? '']]),
        limits: READER_OPTIONS,
        cluster: () => null,
      });
      await assert.rejects(writer.pipelined([insert(next())]), (error) =>
        isMeridianError(error, 'PRIMARY_UNAVAILABLE'),
      );
      await assert.rejects(
        writer.transaction((tx) => tx.query(insert(next()))),
        (error) => isMeridianError(error, 'PRIMARY_UNAVAILABLE'),
      );
      await writer.close();
      // With a picture that is right, the write goes to the region that is writable.
      assert.equal((await wrong.writer.pipelined([insert(next())])).roundTrips, 1);
    } finally {
      await wrong[Symbol.asyncDispose]();
    }
    await assert.rejects(us.read('UPDATE t SET n = 1 WHERE id = 1'), (error) =>
      isMeridianError(error, 'DATABASE_ERROR'),
    );
    await set.primary.query('UPDATE t SET n = 0 WHERE id = 1');
  });

  it('do not commit statement by statement when BEGIN is refused', async () => {
    const a = next();
    await assert.rejects(us.writer.pipelined([insert(a)], { isolation: 'NONE SUCH' as 'SERIALIZABLE' }), (error) =>
      isMeridianError(error),
    );
    assert.deepEqual(await rowsAt(`id = ${a}`), []);
  });
});
