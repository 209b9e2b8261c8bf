/**
 * Proves the data layer without GraphQL: the same levels, tokens, transactions, loaders and health, for jobs and REST
 * handlers.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stacksOf } from '../../src/app/layer.ts';
import {
  createDataLayer,
  isMeridianError,
  type DataLayer,
  type ErrorCode,
  type ReadOptions,
  type Settings,
  type Viewer,
  type WriteResult,
} from '../../src/index.ts';
import { METADATA_SQL } from '../../src/postgres/setup/metadata.ts';
import { silentTelemetry } from '../../src/telemetry/telemetry.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { until } from '../support/observe.ts';

const [US, EU, AP] = ['us-east-1', 'eu-west-1', 'ap-northeast-1'] as const;
const SCHEMA = fileURLToPath(new URL('../../schema/workspace', import.meta.url));
const NAME = 'SELECT name FROM users WHERE id = $1';
const PROCESS = fileURLToPath(new URL('../support/layer-process.ts', import.meta.url));

describe('a data layer', () => {
  let cluster: TestCluster;
  const layers = new Map<string, DataLayer>();
  const layer = (region: string): DataLayer => layers.get(region) as DataLayer;
  const settingsOf = (region: string): Settings => ({
    region,
    regions: Object.fromEntries(
      cluster.regions.map(({ name }) => [name, { databaseUrl: cluster.dsnFor(region, name) }]),
    ),
    tokenSecret: 'a secret of layers',
    heartbeatMs: 200,
  });

  before(async () => {
    cluster = await startTestCluster({
      sql: [
        "SET meridian.scale = '0.05'",
        `${SCHEMA}/001_schema.sql`,
        `${SCHEMA}/002_data.sql`,
        'CREATE PUBLICATION meridian FOR ALL TABLES',
      ],
    });
    await Promise.all(
      [US, EU, AP].map(async (region) =>
        layers.set(
          region,
          await createDataLayer({ settings: settingsOf(region), schema: SCHEMA, telemetry: silentTelemetry() }),
        ),
      ),
    );
  });
  after(async () => {
    await Promise.all([...layers.values()].map((one) => one.close()));
    await cluster.stop();
  });

  const nameOf = async (region: string, id: number, options?: ReadOptions): Promise<unknown> =>
    (await layer(region).read(NAME, [id], options)).rows[0]?.['name'];
  const rename = async (region: string, id: number, name: string): Promise<string> =>
    (await layer(region).transaction((tx) => tx.query('UPDATE users SET name = $2 WHERE id = $1', [id, name]))).token;
  const code =
    (expected: ErrorCode) =>
    (error: unknown): boolean =>
      isMeridianError(error, expected);
  const paused = async (work: () => Promise<void>): Promise<void> => {
    await cluster.caughtUp();
    await cluster.pauseReplay(AP);
    try {
      await work();
    } finally {
      await cluster.resumeReplay(AP);
      await cluster.caughtUp(AP);
    }
  };

  it('keeps the promise of every level while replay is paused in its region, and shows old rows without a token', async () => {
    const before = await layer(AP).read(NAME, [1]);
    await paused(async () => {
      const token = await rename(EU, 1, 'fresh');
      assert.notEqual(await nameOf(AP, 1), 'fresh', 'AP shows the write although its replay is paused');
      assert.equal(await nameOf(AP, 1, { token }), 'fresh');
      assert.equal(await nameOf(AP, 1, { level: 'STRONG' }), 'fresh');
      assert.equal(await nameOf(AP, 1, { level: 'SNAPSHOT' }), 'fresh');
      assert.equal(await nameOf(AP, 1, { level: 'SNAPSHOT', token }), 'fresh');
      assert.notEqual(await nameOf(AP, 1, { level: 'EVENTUAL', token }), 'fresh');
      // Several tokens count as their highest positions.
      assert.equal(await nameOf(AP, 1, { token: `${before.token},${token}` }), 'fresh');
      await until('AP is half a second behind', () => (stacksOf(layer(AP)).health.monitor.stalenessMs() ?? 0) > 500);
      assert.equal(await nameOf(AP, 1, { level: 'BOUNDED', maxLagMs: 500 }), 'fresh');
      assert.notEqual(await nameOf(AP, 1, { level: 'BOUNDED', maxLagMs: 60_000 }), 'fresh');
    });
  });

  it('reports which server answered a read, how stale it may be, and its token', async () => {
    const local = await layer(AP).read(NAME, [2]);
    assert.deepEqual([local.servedBy, local.waitedMs], [[{ region: AP, by: 'replica', count: 1 }], 0]);
    assert.ok(local.stalenessMs !== null && local.stalenessMs >= 0);
    assert.match(local.token ?? '', /^m1\./);
    await paused(async () => {
      const { servedBy, stalenessMs } = await layer(AP).read(NAME, [2], { token: await rename(AP, 2, 'moved') });
      assert.deepEqual([servedBy, stalenessMs], [[{ region: US, by: 'primary', count: 1 }], 0]);
    });
  });

  it('commits a transaction as a whole, and returns its result and a token that covers it', async () => {
    const { result, token } = await layer(EU).transaction(async (tx) => {
      const { rows } = await tx.query(
        'INSERT INTO projects (organization_id, owner_id, name) VALUES (1, 1, $1) RETURNING id',
        ['made by a job'],
      );
      const id = rows[0]?.['id'];
      for (const title of ['one', 'two'])
        await tx.query('INSERT INTO tasks (project_id, title) VALUES ($1, $2)', [id, title]);
      return id;
    });
    const { rows } = await layer(AP).read('SELECT count(*)::int AS n FROM tasks WHERE project_id = $1', [result], {
      token,
    });
    assert.deepEqual(rows, [{ n: 2 }]);
    await assert.rejects(
      layer(EU).transaction(async (tx) => {
        await tx.query('UPDATE users SET name = $1 WHERE id = 3', ['never']);
        throw new RangeError('changed my mind');
      }),
      RangeError,
    );
    assert.notEqual(await nameOf(US, 3), 'never');
    const later = await layer(AP).transaction((tx) => tx.query('SELECT 1'), { token });
    assert.notEqual(await nameOf(EU, 3, { token: later.token }), undefined);
  });

  it('commits a transaction with a key once, from any region, and for the same request and viewer only', async () => {
    await cluster.query(US, METADATA_SQL);
    const add = (region: string, request: unknown, viewer: Viewer | null = null): Promise<WriteResult<unknown>> =>
      layer(region).transaction(
        async (tx) =>
          (
            await tx.query('INSERT INTO projects (organization_id, owner_id, name) VALUES (1, 1, $1) RETURNING id', [
              'made once',
            ])
          ).rows[0]?.['id'],
        { idempotency: { key: 'job 1', request }, viewer },
      );
    const first = await add(EU, { name: 'made once', of: 1 });
    const again = await add(AP, { of: 1, name: 'made once' });
    assert.deepEqual([again.result, first.replayed, again.replayed], [first.result, false, true]);
    assert.deepEqual(
      (
        await layer(AP).read('SELECT count(*)::int AS n FROM projects WHERE name = $1', ['made once'], {
          token: again.token,
        })
      ).rows,
      [{ n: 1 }],
    );
    await assert.rejects(add(US, { name: 'another' }), code('IDEMPOTENCY_KEY_REUSED'));
    assert.notEqual(
      (await add(US, { name: 'made once', of: 1 }, { id: '7', tenant: null, roles: [] })).result,
      first.result,
    );
    await assert.rejects(
      layer(US).transaction(async () => 1, { idempotency: { key: '' } }),
      code('IDEMPOTENCY_KEY_INVALID'),
    );
  });

  it('loads entities in batches under one requirement', async () => {
    await paused(async () => {
      const token = await rename(US, 4, 'fresh');
      const bound = layer(AP).loaders({ token });
      const { loaders } = bound;
      const statements = async (): Promise<number> =>
        (await stacksOf(layer(AP)).telemetry.metrics.statements.get()).values
          .filter(({ labels }) => labels.kind === 'read')
          .reduce((sum, { value }) => sum + value, 0);
      const before = await statements();
      const users = await Promise.all(Array.from({ length: 100 }, (_, i) => loaders.one('User', ['id'], [i + 1])));
      assert.deepEqual(
        users.map((user) => user?.['id']),
        Array.from({ length: 100 }, (_, i) => String(i + 1)),
      );
      assert.equal(users[3]?.['name'], 'fresh');
      // At the region's replica first, which refuses; then at the primary.
      assert.ok((await statements()) - before <= 2);
      assert.match(bound.token() ?? '', /^m1\./);
      await bound.close();
      const old = layer(AP).loaders();
      assert.notEqual((await old.loaders.one('User', ['email'], [users[3]?.['email']]))?.['name'], 'fresh');
      assert.equal(await old.loaders.one('User', ['id'], [999_999]), null);
    });
    const bare = await createDataLayer({ settings: settingsOf(EU), telemetry: silentTelemetry() });
    try {
      assert.throws(() => bare.loaders(), code('CONFIG_INVALID'));
      assert.equal((await bare.read('SELECT 1 AS one')).rows[0]?.['one'], 1);
    } finally {
      await bare.close();
    }
  });

  it('reports the state of the regions', async () => {
    const reports = layer(EU).regionHealth();
    assert.deepEqual(
      reports.map(({ region, role, status }) => [region, role, status]),
      [
        [US, 'primary', 'healthy'],
        [EU, 'replica', 'healthy'],
        [AP, 'replica', 'healthy'],
      ],
    );
  });

  it('refuses contradicting options, with a code', async () => {
    const cases: readonly (readonly [() => Promise<unknown>, ErrorCode])[] = [
      [() => layer(AP).read(NAME, [1], { token: 'hello' }), 'CONSISTENCY_TOKEN_MALFORMED'],
      [() => layer(AP).transaction((tx) => tx.query('SELECT 1'), { token: 'hello' }), 'CONSISTENCY_TOKEN_MALFORMED'],
      [() => layer(AP).read('UPDATE users SET name = name'), 'DATABASE_ERROR'],
      [() => layer(AP).read('SELECT nothing FROM nowhere'), 'DATABASE_ERROR'],
      [() => layer(AP).read(NAME, ['abc']), 'BAD_USER_INPUT'],
      [() => layer(AP).read(NAME, [1], { level: 'strong' as 'STRONG' }), 'BAD_USER_INPUT'],
      [() => layer(AP).read(NAME, [1], { level: 'STRONG', maxLagMs: 5 }), 'BAD_USER_INPUT'],
      [() => layer(AP).read(NAME, [1], { level: 'BOUNDED', maxLagMs: -5 }), 'BAD_USER_INPUT'],
      [() => createDataLayer({ settings: { ...settingsOf(AP), region: 'mars' } }), 'CONFIG_INVALID'],
      [() => createDataLayer({ settings: { ...settingsOf(AP), tokenSecret: '' } }), 'CONFIG_INVALID'],
      [() => createDataLayer({ settings: { ...settingsOf(AP), poolSiz: 3 } }), 'CONFIG_INVALID'],
      [
        () => createDataLayer({ settings: settingsOf(AP), schema: '/nowhere', telemetry: silentTelemetry() }),
        'SCHEMA_INVALID',
      ],
    ];
    for (const [i, [attempt, expected]] of cases.entries())
      await assert.rejects(attempt, code(expected), `case ${i}: ${expected}`);
  });

  it('stops a read whose caller has aborted it', async () => {
    const gone = new AbortController();
    const read = layer(AP).read('SELECT pg_sleep(3)', [], { signal: gone.signal });
    setTimeout(() => gone.abort(new Error('gone')), 50);
    const began = performance.now();
    await assert.rejects(read, /gone/);
    assert.ok(performance.now() - began < 2_900);
  });

  it('leaves no handle open that would keep its process running', async () => {
    const child = spawn(process.execPath, [PROCESS, JSON.stringify({ settings: settingsOf(AP), schema: SCHEMA })], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
    const killed = setTimeout(() => child.kill('SIGKILL'), 15_000);
    const [status, signal] = await new Promise<[number | null, string | null]>((resolve) =>
      child.once('close', (...how) => resolve(how)),
    );
    clearTimeout(killed);
    assert.deepEqual(
      [status, signal, output],
      [0, null, '["from a process","from a process"]\n'],
      'the process had to be killed',
    );
  });

  it('can be closed twice, and refuses every call afterwards', async () => {
    const short = await createDataLayer({ settings: settingsOf(EU), telemetry: silentTelemetry() });
    await Promise.all([short.close(), short.close()]);
    await short.close();
    await assert.rejects(short.read('SELECT 1'), isMeridianError);
    await assert.rejects(
      short.transaction((tx) => tx.query('SELECT 1')),
      isMeridianError,
    );
  });
});
