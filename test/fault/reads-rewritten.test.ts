/**
 * Proves snapshots during which tables change in ways that MVCC does not cover: a table that PostgreSQL shows as empty
 * is read again, or the read is refused.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { isMeridianError } from '../../src/base/errors.ts';
import { REWRITTEN } from '../../src/postgres/read/rewritten.ts';
import { sql, startReader, type Reader } from '../support/readers.ts';
import { startReplicaSet, until, type ReplicaSet, type TestServer } from '../support/replica-set.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

interface Case {
  readonly what: string;
  readonly before: string;
  /** What somebody else does once the snapshot is taken. */
  readonly then: string;
  readonly read: string;
  /** What the snapshot shows; there it had one row. */
  readonly shows: number;
  readonly refused: boolean;
}

const CASES: readonly Case[] = [
  {
    what: 'a table to which nothing happened',
    before: 'CREATE TABLE a1 AS SELECT 1 AS id',
    then: 'SELECT 1',
    read: 'TABLE a1',
    shows: 1,
    refused: false,
  },
  {
    what: 'a table with a name that needs quotes',
    before: 'CREATE SCHEMA "S ä"; CREATE TABLE "S ä"."T ""x" AS SELECT 1 AS id',
    then: 'SELECT 1',
    read: 'TABLE "S ä"."T ""x"',
    shows: 1,
    refused: false,
  },
  {
    what: 'a table that others write to',
    before: 'CREATE TABLE a2 AS SELECT 1 AS id',
    then: 'INSERT INTO a2 VALUES (2); DELETE FROM a2 WHERE id = 1',
    read: 'TABLE a2',
    shows: 1,
    refused: false,
  },
  {
    what: 'a table with a new column and a new index',
    before: 'CREATE TABLE a3 AS SELECT i AS id FROM generate_series(1, 9999) AS i',
    then: 'ALTER TABLE a3 ADD COLUMN x text; CREATE INDEX ON a3 (id)',
    read: 'SELECT FROM a3 WHERE id = 3',
    shows: 1,
    refused: false,
  },
  {
    what: 'partitions of partitions to which nothing happened',
    before:
      'CREATE TABLE a4 (id int, x int) PARTITION BY LIST (id); CREATE TABLE a4a PARTITION OF a4 FOR VALUES IN (1) PARTITION BY LIST (x); CREATE TABLE a4b PARTITION OF a4a FOR VALUES IN (2); INSERT INTO a4 VALUES (1, 2)',
    then: 'TRUNCATE a1',
    read: 'TABLE a4',
    shows: 1,
    refused: false,
  },
  {
    what: 'children of a table to which nothing happened',
    before: 'CREATE TABLE a5 (id int); CREATE TABLE a5a () INHERITS (a5); INSERT INTO a5a VALUES (1)',
    then: 'TRUNCATE a1',
    read: 'TABLE a5',
    shows: 1,
    refused: false,
  },
  {
    what: 'a table that was truncated',
    before: 'CREATE TABLE b1 AS SELECT 1 AS id',
    then: 'TRUNCATE b1',
    read: 'TABLE b1',
    shows: 0,
    refused: true,
  },
  {
    what: 'a table that was truncated and filled again',
    before: 'CREATE TABLE b2 AS SELECT 1 AS id',
    then: 'BEGIN; TRUNCATE b2; INSERT INTO b2 VALUES (1); COMMIT',
    read: 'TABLE b2',
    shows: 0,
    refused: true,
  },
  {
    what: 'a table that was rewritten',
    before: 'CREATE TABLE b3 AS SELECT 1 AS id',
    then: 'ALTER TABLE b3 ALTER id TYPE bigint',
    read: 'TABLE b3',
    shows: 0,
    refused: true,
  },
  {
    what: 'a table that another one took the name of',
    before: 'CREATE TABLE b4 AS SELECT 1 AS id; CREATE TABLE b4n (id int)',
    then: 'BEGIN; INSERT INTO b4n TABLE b4; ALTER TABLE b4 RENAME TO b4o; ALTER TABLE b4n RENAME TO b4; COMMIT',
    read: 'TABLE b4',
    shows: 0,
    refused: true,
  },
  {
    what: 'a table that was dropped and created again',
    before: 'CREATE TABLE b5 AS SELECT 1 AS id',
    then: 'BEGIN; DROP TABLE b5; CREATE TABLE b5 AS SELECT 1 AS id; COMMIT',
    read: 'TABLE b5',
    shows: 0,
    refused: true,
  },
  {
    what: 'a table that came from another schema',
    before: 'CREATE TABLE b6 AS SELECT 1 AS id; CREATE SCHEMA s6; CREATE TABLE s6.b6 (id int)',
    then: 'BEGIN; INSERT INTO s6.b6 TABLE public.b6; DROP TABLE public.b6; ALTER TABLE s6.b6 SET SCHEMA public; COMMIT',
    read: 'TABLE b6',
    shows: 0,
    refused: true,
  },
  {
    what: 'a table in a schema that another one took the name of',
    before: 'CREATE SCHEMA s7; CREATE TABLE s7.t AS SELECT 1 AS id; CREATE SCHEMA s7n; CREATE TABLE s7n.t (id int)',
    then: 'BEGIN; INSERT INTO s7n.t TABLE s7.t; ALTER SCHEMA s7 RENAME TO s7o; ALTER SCHEMA s7n RENAME TO s7; COMMIT',
    read: 'TABLE s7.t',
    shows: 0,
    refused: true,
  },
  {
    what: 'a view over a table that was truncated',
    before: 'CREATE TABLE b8 AS SELECT 1 AS id; CREATE VIEW b8v AS TABLE b8',
    then: 'TRUNCATE b8',
    read: 'TABLE b8v',
    shows: 0,
    refused: true,
  },
  {
    what: 'a function over a table that was truncated',
    before:
      'CREATE TABLE b9 AS SELECT 1 AS id; CREATE FUNCTION b9f() RETURNS SETOF b9 LANGUAGE plpgsql STABLE AS $$ BEGIN RETURN QUERY TABLE b9; END $$',
    then: 'TRUNCATE b9',
    read: 'SELECT * FROM b9f()',
    shows: 0,
    refused: true,
  },
  {
    what: 'a partition that was truncated',
    before:
      'CREATE TABLE c1 (id int) PARTITION BY LIST (id); CREATE TABLE c1a PARTITION OF c1 FOR VALUES IN (1); INSERT INTO c1 VALUES (1)',
    then: 'TRUNCATE c1a',
    read: 'TABLE c1',
    shows: 0,
    refused: true,
  },
  {
    what: 'a partition that was dropped',
    before:
      'CREATE TABLE c2 (id int) PARTITION BY LIST (id); CREATE TABLE c2a PARTITION OF c2 FOR VALUES IN (1); INSERT INTO c2 VALUES (1)',
    then: 'DROP TABLE c2a',
    read: 'TABLE c2',
    shows: 0,
    refused: true,
  },
  {
    what: 'a partition that was detached',
    before:
      'CREATE TABLE c3 (id int) PARTITION BY LIST (id); CREATE TABLE c3a PARTITION OF c3 FOR VALUES IN (1); INSERT INTO c3 VALUES (1)',
    then: 'ALTER TABLE c3 DETACH PARTITION c3a',
    read: 'TABLE c3',
    shows: 0,
    refused: true,
  },
  {
    what: 'a partition of a partition that was detached',
    before:
      'CREATE TABLE c4 (id int, x int) PARTITION BY LIST (id); CREATE TABLE c4a PARTITION OF c4 FOR VALUES IN (1) PARTITION BY LIST (x); CREATE TABLE c4b PARTITION OF c4a FOR VALUES IN (2); INSERT INTO c4 VALUES (1, 2)',
    then: 'ALTER TABLE c4a DETACH PARTITION c4b',
    read: 'TABLE c4',
    shows: 0,
    refused: true,
  },
  {
    what: 'a partition that was attached',
    before:
      'CREATE TABLE c5 (id int) PARTITION BY LIST (id); CREATE TABLE c5a PARTITION OF c5 FOR VALUES IN (1); INSERT INTO c5 VALUES (1); CREATE TABLE c5b (id int); INSERT INTO c5b VALUES (2)',
    then: 'ALTER TABLE c5 ATTACH PARTITION c5b FOR VALUES IN (2)',
    read: 'TABLE c5',
    shows: 2,
    refused: true,
  },
  {
    what: 'a child of a table that was dropped',
    before: 'CREATE TABLE c6 (id int); CREATE TABLE c6a () INHERITS (c6); INSERT INTO c6a VALUES (1)',
    then: 'DROP TABLE c6a',
    read: 'TABLE c6',
    shows: 0,
    refused: true,
  },
];

describe('a snapshot during which tables change', () => {
  let scratch: ScratchPostgres;
  before(async () => {
    scratch = await startScratchPostgres();
  });
  after(() => scratch?.[Symbol.asyncDispose]());

  for (const { what, before: setup, then, read, shows, refused } of CASES) {
    it(`${refused ? 'is refused' : 'is accepted'} when it reads ${what}`, async () => {
      const [reader, other] = [await scratch.connect(), await scratch.connect()];
      await other.query(setup);
      await reader.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SELECT 1 FROM pg_class LIMIT 1');
      await other.query(then);
      assert.equal((await reader.query(read)).rowCount, shows);
      assert.equal((await reader.query(REWRITTEN.text)).rowCount, refused ? 1 : 0);
      await reader.query('ROLLBACK');
    });
  }
});

describe('an operation whose snapshot meets a rewritten table', () => {
  let set: ReplicaSet;
  let us: Reader;
  let eu: Reader;
  const replica = (): TestServer => set.replicas[0] as TestServer;
  const caughtUp = async (): Promise<void> => replica().caughtUp(await set.primary.position());
  before(async () => {
    set = await startReplicaSet(1);
    await set.primary.query('CREATE TABLE t AS SELECT 1 AS id; CREATE TABLE rest AS SELECT 1 AS id');
    await caughtUp();
    const urls = { us: set.primary.url, eu: replica().url };
    [us, eu] = await Promise.all([startReader({ local: 'us', urls }), startReader({ local: 'eu', urls })]);
  });
  after(async () => {
    await Promise.all([us, eu].map((reader) => reader?.[Symbol.asyncDispose]()));
    await set?.[Symbol.asyncDispose]();
  });

  it('reads again if it has returned no row yet', async () => {
    const other = new pg.Client({ connectionString: set.primary.url });
    await other.connect();
    await other.query('BEGIN; TRUNCATE t; INSERT INTO t VALUES (2)');
    const session = us.session();
    const rows = session.executor({ level: 'SNAPSHOT', floor: null, maxLagMs: null }).query(sql('SELECT id FROM t'));
    await until(
      'the statement waits for the table',
      async () =>
        (await set.primary.query(`SELECT 1 FROM pg_locks WHERE relation = 't'::regclass AND NOT granted`)).length > 0,
    );
    await other.query('COMMIT');
    await other.end();
    assert.deepEqual(await rows, [{ id: 2 }]);
    await session.close();
    assert.equal(us.servers.get('us')?.pool.busy, 0);
  });

  for (const [where, reader] of [
    ['at the primary', () => us],
    ['at a replica', () => eu],
  ] as const) {
    it(`fails ${where} with an error that asks for another attempt if it has already returned rows of the older state`, async () => {
      const session = reader().session();
      const executor = session.executor({ level: 'SNAPSHOT', floor: null, maxLagMs: null });
      assert.deepEqual(await executor.query(sql('SELECT id FROM rest')), [{ id: 1 }]);
      await set.primary.query('ALTER TABLE t ALTER id TYPE bigint; ALTER TABLE t ALTER id TYPE integer');
      await caughtUp();
      const isTold = (error: unknown): boolean =>
        isMeridianError(error, 'TRANSACTION_CONFLICT') && /try again/.test(error.message);
      await assert.rejects(executor.query(sql('SELECT id FROM t')), isTold);
      // What it has read of that table does not become right by asking for it once more.
      await assert.rejects(executor.query(sql('SELECT id FROM t')), isTold);
      await session.close();
      assert.equal((await reader().read('SELECT id FROM t', { level: 'SNAPSHOT' })).rows.length, 1);
    });
  }
});
