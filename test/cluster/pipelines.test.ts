/**
 * Proves statements that are sent together on one connection: each gets its own answer, and all are abandoned when the
 * awaited one takes too long.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isMeridianError } from '../../src/base/errors.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { DatabasePool } from '../../src/postgres/connect/pool.ts';
import { type Outcome, type SqlText } from '../../src/postgres/connect/pool-connection.ts';
import { startReplicaSet, type ReplicaSet } from '../support/replica-set.ts';

const limits = { ...defaultOptions(), poolSize: 1, poolWarm: 0, connectMs: 2_000 };
let set: ReplicaSet;
let pool: DatabasePool;
const poolOf = (statementMs: number): DatabasePool =>
  new DatabasePool({
    region: 'us',
    databaseUrl: set.primary.url,
    applicationName: 'pipelines',
    readOnly: false,
    limits: { ...limits, statementMs },
    cluster: () => null,
  });
const sent = (statements: readonly SqlText[]): Promise<readonly Outcome[]> =>
  pool.use((connection) => connection.outcomes(statements));
const told = (outcome: Outcome | undefined): unknown =>
  outcome?.ok === true
    ? [outcome.result.command, outcome.result.rowCount, ...outcome.result.rows]
    : (outcome?.error as { code?: string } | undefined)?.code;
const rowsOf = (name: string, text: string, ...values: unknown[]): SqlText => ({ name, text, values });

describe('statements that are sent together on one connection', () => {
  before(async () => {
    set = await startReplicaSet(0);
    await set.primary.query("CREATE TABLE t (id int, note text); INSERT INTO t VALUES (1, 'one'), (2, 'two')");
    pool = poolOf(5_000);
  });
  after(async () => {
    await pool?.close();
    await set?.[Symbol.asyncDispose]();
  });

  it('get an answer each, the first time and when they are already prepared', async () => {
    const both = rowsOf('both', 'SELECT id, note FROM t WHERE id = ANY ($1) ORDER BY id', [1, 2]);
    const none = rowsOf('none', 'UPDATE t SET note = note WHERE id = $1', 9);
    const wanted = [
      ['SELECT', 2, { id: 1, note: 'one' }, { id: 2, note: 'two' }],
      ['UPDATE', 0],
      ['SELECT', 2, { id: 1, note: 'one' }, { id: 2, note: 'two' }],
      ['BEGIN', 0],
      ['COMMIT', 0],
      ['SELECT', 1, { b: 2 }],
    ];
    const statements = [
      both,
      none,
      both,
      { text: 'BEGIN' },
      { text: 'COMMIT' },
      { text: 'SELECT 1 AS a; SELECT 2 AS b' },
    ];
    for (let i = 0; i < 3; i += 1) assert.deepEqual((await sent(statements)).map(told), wanted);
  });

  it('keep their order after one that fails at the server or cannot be sent', async () => {
    const fails = rowsOf('fails', 'SELECT 1 / $1::int AS x', 0);
    const cannot = rowsOf('cannot', 'SELECT $1::text AS x', {
      toPostgres: () => {
        throw new TypeError('no text');
      },
    });
    const works = rowsOf('works', 'SELECT $1::int AS x', 7);
    for (let i = 0; i < 2; i += 1) {
      const outcomes = await sent([fails, works, cannot, works]);
      assert.deepEqual(
        [told(outcomes[0]), told(outcomes[1]), told(outcomes[3])],
        ['22012', ['SELECT', 1, { x: 7 }], ['SELECT', 1, { x: 7 }]],
      );
      assert.equal(outcomes[2]?.ok === false && (outcomes[2].error as Error).message, 'no text');
    }
    assert.deepEqual(told((await sent([rowsOf('cannot', 'SELECT $1::text AS x', 'a')]))[0]), ['SELECT', 1, { x: 'a' }]);
  });

  it('are refused by the server, and not decoded by the old description, when a prepared statement has other columns', async () => {
    const all = rowsOf('all', 'SELECT * FROM c WHERE $1::int = 1', 1);
    await set.primary.query('CREATE TABLE c (a int); INSERT INTO c VALUES (1)');
    assert.deepEqual(told((await sent([all]))[0]), ['SELECT', 1, { a: 1 }]);
    await set.primary.query('ALTER TABLE c RENAME a TO b');
    assert.equal(told((await sent([all]))[0]), '0A000');
    // The pool begins anew, with connections that have prepared nothing.
    assert.deepEqual(told((await sent([all]))[0]), ['SELECT', 1, { b: 1 }]);
    await set.primary.query('ALTER TABLE c ALTER b TYPE text');
    assert.equal(told((await sent([all]))[0]), '0A000');
    assert.deepEqual(told((await sent([all]))[0]), ['SELECT', 1, { b: '1' }]);
  });

  it('use the new plan of a function after a type has changed, although its only call before has failed', async () => {
    await set.primary.query(`CREATE TABLE f (id int, v int CHECK (v::text <> '0')); INSERT INTO f VALUES (1, 1);
      CREATE FUNCTION same() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN IF OLD.v IS NOT DISTINCT FROM NEW.v THEN RETURN NULL; END IF; RETURN NEW; END';
      CREATE TRIGGER same BEFORE UPDATE ON f FOR EACH ROW EXECUTE FUNCTION same()`);
    const fresh = poolOf(5_000);
    const update = async (v: string): Promise<unknown> =>
      told(
        (
          await fresh.use((connection) =>
            connection.outcomes([rowsOf('change', 'UPDATE f SET v = CAST($1::text AS int) WHERE id = 1', v)]),
          )
        )[0],
      );
    try {
      assert.equal(await update('0'), '23514');
      await set.primary.query('ALTER TABLE f ALTER v TYPE bigint');
      assert.equal(await update('2'), '42804');
      assert.deepEqual(await update('3'), ['UPDATE', 1]);
    } finally {
      await fresh.close();
    }
  });

  it('are abandoned together when the awaited one takes longer than its limit', async () => {
    const early = poolOf(0);
    try {
      const outcomes = early.use((connection) =>
        connection.outcomes([
          { text: 'SELECT 1 AS one' },
          { text: 'SELECT pg_sleep(30)', answerMs: 200 },
          { text: 'SELECT 2 AS two', answerMs: 20_000 },
        ]),
      );
      const [first, ...late] = await outcomes;
      assert.deepEqual(told(first), ['SELECT', 1, { one: 1 }]);
      for (const outcome of late) assert.match((outcome as { error: Error }).error.message, /timeout|terminated/);
      const again = await early.use((connection) => connection.pipeline([{ text: 'SELECT 3 AS three' }]));
      assert.deepEqual(again[0]?.rows, [{ three: 3 }]);
      await assert.rejects(
        early.use((connection) => connection.pipeline([{ text: 'SELECT pg_sleep(30)' }], { answerMs: 200 })),
        (error) => isMeridianError(error, 'REGION_UNAVAILABLE'),
      );
    } finally {
      await early.close();
    }
  });
});
