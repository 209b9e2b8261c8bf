/**
 * Proves what stored outcomes require of a database: rights of the role of viewers' transactions, one round trip for a
 * write, and the removal of expired rows.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GraphQLError } from 'graphql';
import { isMeridianError } from '../../src/base/errors.ts';
import { checkDatabase } from '../../src/postgres/check/check.ts';
import { type DatabaseTarget } from '../../src/postgres/check/finding.ts';
import { prune, Pruner } from '../../src/postgres/setup/prune.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { Params, statement } from '../../src/read/sql/statement.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { claimStatement, settleSql, type IdempotentStep } from '../../src/write/idempotency/outcomes.ts';
import { runIdempotent } from '../../src/write/idempotency/run.ts';
import { idempotentTransaction } from '../../src/write/idempotency/transaction.ts';
import { type Committed } from '../../src/write/ports.ts';
import { startReader, type Reader } from '../support/readers.ts';
import { startReplicaSet, until, type ReplicaSet } from '../support/replica-set.ts';
import { TEST_OPTIONS } from '../support/tail.ts';

let set: ReplicaSet;
let us: Reader;
before(async () => {
  set = await startReplicaSet(0);
  await set.primary.query(
    'CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, who text NOT NULL DEFAULT current_user); CREATE ROLE app_user; GRANT SELECT, INSERT ON t TO app_user',
  );
  us = await startReader({ local: 'us', urls: { us: set.primary.url } });
});
after(async () => {
  for (const part of [us, set]) await part?.[Symbol.asyncDispose]();
});

const step = (key: string): IdempotentStep => ({
  scope: 's',
  key,
  fingerprint: 'f',
  step: 'write#0',
  keptMs: 60_000,
  maxBytes: 1_024,
});
const write = (key: string): Promise<Committed<unknown>> =>
  idempotentTransaction(us.writer, {
    idempotency: step(key),
    work: async (tx) => (await tx.query('INSERT INTO t DEFAULT VALUES RETURNING id::text, who')).rows[0],
    options: { settings: [{ name: 'role', value: 'app_user' }] },
  });

test('the role of viewers is named by check and given what it needs by setup', async () => {
  const target: DatabaseTarget = {
    regions: [{ name: 'us', databaseUrl: set.primary.url }],
    tables: [{ schema: 'public', name: 't' }],
    options: { ...TEST_OPTIONS, viewerSettings: 'role:app_user' },
  };
  const said = async (): Promise<readonly string[]> =>
    (await checkDatabase(target)).filter(({ what }) => /may not keep outcomes/.test(what)).map(({ fix }) => fix ?? '');
  await setupDatabase({ ...target, options: TEST_OPTIONS });
  assert.match((await said()).join(), /GRANT SELECT, INSERT, UPDATE ON meridian\.outcomes TO "app_user"/);
  await assert.rejects(write('refused'), (error) => isMeridianError(error, 'FORBIDDEN'));
  assert.ok((await setupDatabase(target)).steps.some(({ what, changed }) => changed && /Let app_user/.test(what)));
  assert.deepEqual([(await setupDatabase(target)).steps.filter(({ changed }) => changed), await said()], [[], []]);
  const { result } = await write('allowed');
  assert.deepEqual(
    [result, (await write('allowed')).result],
    [{ id: '1', who: 'app_user' }, result],
    'the refused one has written nothing, and nothing of it is kept',
  );
  assert.equal((await write('refused')).roundTrips > 0, true);
});

test('rounds of pruning wait neither for each other nor for a request that reuses its expired row', async () => {
  await set.primary.query(
    `INSERT INTO meridian.outcomes SELECT 's', 'old ' || i, 'f', '{}', now() - i * interval '1 s' FROM generate_series(1, 30) i`,
  );
  const limits = { historyMs: 1_000, conflictsMs: 1_000, pruneRows: 10 };
  let begin = (): void => undefined;
  const isBegun = new Promise<void>((resolve) => (begin = resolve));
  let end = (): void => undefined;
  const isOver = new Promise<void>((resolve) => (end = resolve));
  const taking = idempotentTransaction(us.writer, {
    idempotency: step('old 30'),
    work: async () => {
      begin();
      await isOver;
      return 'anew';
    },
  });
  await isBegun;
  const query = async (text: string, values: readonly unknown[]): Promise<{ rowCount: number }> => {
    const { result } = await us.writer.pipelined([{ name: '', text, values }]);
    return { rowCount: result[0]?.rowCount ?? 0 };
  };
  const client = { query } as unknown as Parameters<typeof prune>[0];
  const removed = await Promise.all([prune(client, limits), prune(client, limits)]);
  assert.deepEqual(removed[0], { 'meridian.outcomes': 10, 'meridian.history': 0, 'meridian.conflicts': 0 });
  const left = async (): Promise<readonly string[]> =>
    (
      await set.primary.query<{ key: string }>(
        `SELECT key FROM meridian.outcomes WHERE key LIKE 'old %' ORDER BY expires_at`,
      )
    ).map(({ key }) => key);
  assert.ok([10, 20].includes(30 - (await left()).length));
  for (let round = 0; round < 3; round += 1) await prune(client, limits);
  assert.deepEqual(await left(), ['old 30']);
  end();
  assert.equal((await taking).result, 'anew');
  await prune(client, limits);
  assert.deepEqual(await left(), ['old 30'], 'what was taken anew stays');
});

test('a write and its outcome are one statement, one round trip after the claim, and nothing is written where the claim finds an outcome', async () => {
  const pipelined = (key: string, maxBytes = 1_024): Promise<Committed<unknown>> => {
    const idempotency = { ...step(key), maxBytes };
    const params = new Params();
    const written = `WITH "$w" AS (INSERT INTO t (who) VALUES (${params.raw('text', key)}) RETURNING *), "$s" AS (${settleSql(idempotency, params, `(SELECT jsonb_build_object('kind', 'row', 'row', to_jsonb("$w")) FROM "$w")`)}) SELECT to_jsonb("$w") AS row FROM "$w"`;
    const attempt = async (): Promise<Committed<unknown>> => {
      const { result, ...rest } = await us.writer.pipelined([claimStatement(idempotency), statement(written, params)]);
      assert.equal(rest.roundTrips, 1);
      return { ...rest, result: result.at(-1)?.rows[0]?.['row'] };
    };
    return runIdempotent(us.writer, { idempotency, attempt, read: (outcome) => outcome['row'] });
  };
  const answers = await Promise.all(Array.from({ length: 8 }, () => pipelined('row')));
  assert.deepEqual(await set.primary.query(`SELECT to_jsonb(t) AS row FROM t WHERE who = 'row'`), [
    { row: answers[0]?.result },
  ]);
  for (const { result } of answers) assert.deepEqual(result, answers[0]?.result);
  await assert.rejects(pipelined('large', 10), (error) => isMeridianError(error, 'IDEMPOTENCY_OUTCOME_TOO_LARGE'));
  assert.deepEqual(await set.primary.query(`SELECT FROM t WHERE who = 'large'`), []);
});

test('a request takes place once at every isolation level, also while its expired row is removed', async () => {
  await set.primary.query(
    'CREATE TABLE counters (id int PRIMARY KEY, n int NOT NULL); INSERT INTO counters VALUES (1, 0)',
  );
  const limits = { historyMs: 1_000, conflictsMs: 1_000, pruneRows: 10 };
  const query = async (text: string, values: readonly unknown[]): Promise<{ rowCount: number }> => ({
    rowCount: (await us.writer.pipelined([{ name: '', text, values }])).result[0]?.rowCount ?? 0,
  });
  const client = { query } as unknown as Parameters<typeof prune>[0];
  let expected = 0;
  for (const isolation of ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'] as const) {
    for (const expired of [false, true]) {
      const key = `${isolation} ${expired}`;
      if (expired)
        await set.primary.query(
          `INSERT INTO meridian.outcomes VALUES ('s', '${key}', 'another', '{"write#0": {"kind": "value", "json": "-1"}}', now() - interval '1 s')`,
        );
      const count = (): Promise<Committed<number>> =>
        idempotentTransaction(us.writer, {
          idempotency: step(key),
          work: async (tx) =>
            Number((await tx.query('UPDATE counters SET n = n + 1 WHERE id = 1 RETURNING n')).rows[0]?.['n']),
          options: { isolation },
        });
      const [, ...answers] = await Promise.all([prune(client, limits), ...Array.from({ length: 12 }, count)]);
      expected += 1;
      assert.deepEqual([...new Set(answers.map(({ result }) => result))], [expected], key);
    }
  }
  assert.deepEqual(await set.primary.query('SELECT n FROM counters'), [{ n: expected }]);
});

test('a round of pruning removes everything that has expired, in batches', async () => {
  await set.primary.query(
    `INSERT INTO meridian.outcomes SELECT 's', 'due ' || i, 'f', '{}', now() - i * interval '1 s' FROM generate_series(1, 95) i; INSERT INTO meridian.outcomes VALUES ('s', 'not due', 'f', '{}', now() + interval '1 h')`,
  );
  const kept = async (): Promise<readonly string[]> =>
    (await set.primary.query<{ key: string }>(`SELECT key FROM meridian.outcomes WHERE key LIKE '%due%'`)).map(
      ({ key }) => key,
    );
  const stop = new AbortController();
  let rounds = 0;
  const isPrimary = (): boolean => {
    if ((rounds += 1) > 1) stop.abort();
    return true;
  };
  await new Pruner({
    databaseUrl: set.primary.url,
    isPrimary,
    log: createLog({ level: 'silent' }),
    options: {
      pruneMs: 1_000,
      pruneRows: 10,
      historyMs: 1_000,
      conflictsMs: 1_000,
      connectMs: 5_000,
      statementMs: 5_000,
    },
  }).run(stop.signal);
  assert.deepEqual(await kept(), ['not due']);
});

test('an error that is too large to be kept is answered and not stored', async () => {
  const failing = (message: string): Promise<unknown> =>
    idempotentTransaction(us.writer, {
      idempotency: { ...step(`error of ${message.length}`), maxBytes: 1_024 },
      work: async () => {
        throw new GraphQLError(message, { extensions: { code: 'NO_FUNDS' } });
      },
    }).catch((error: unknown) => (error as Error).message);
  for (const length of [100, 5_000]) assert.equal(await failing('x'.repeat(length)), 'x'.repeat(length));
  assert.deepEqual(
    (await set.primary.query<{ key: string }>(`SELECT key FROM meridian.outcomes WHERE key LIKE 'error of %'`)).map(
      ({ key }) => key,
    ),
    ['error of 100'],
  );
});

test('pruning that fails is logged once, and again when it succeeds', async () => {
  const lines: string[] = [];
  const log = createLog({
    level: 'info',
    destination: { write: (line) => void lines.push((JSON.parse(line) as { msg: string }).msg) },
  });
  const stop = new AbortController();
  let asked = 0;
  const isPrimary = (): boolean => (asked += 1) > 0;
  const pruner = new Pruner({
    databaseUrl: set.primary.url,
    isPrimary,
    log,
    options: {
      pruneMs: 100,
      pruneRows: 10,
      historyMs: 1_000,
      conflictsMs: 1_000,
      connectMs: 5_000,
      statementMs: 5_000,
    },
  });
  await set.primary.query('ALTER TABLE meridian.history RENAME TO gone');
  const running = pruner.run(stop.signal);
  await until('some rounds have failed', () => asked > 4);
  assert.deepEqual([lines.length, /`meridian setup`/.test(lines[0] ?? '')], [1, true]);
  await set.primary.query('ALTER TABLE meridian.gone RENAME TO history');
  await until('it is removed again', () => lines.length > 1);
  assert.match(lines[1] ?? '', /removed again/);
  stop.abort();
  await running;
  assert.equal(lines.length, 2);
});
