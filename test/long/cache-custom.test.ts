/**
 * Proves custom reads with declared dependencies: they are cached, invalidated by every program that writes, not cached
 * when a dependency changed during the read, and cached separately for each set of settings.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isMeridianError } from '../../src/base/errors.ts';
import { findRedis } from '../../src/dev/redis/program.ts';
import { type CustomReadOptions, type ResolverContext } from '../../src/index.ts';
import { type DataLayer, type ReadOptions, type ReadResult } from '../../src/app/layer.ts';
import { readSdlFolder } from '../../src/schema-compiler/files.ts';
import { EU, startTestApp, US, type TestApp } from '../support/app.ts';
import { until } from '../support/observe.ts';

const SDL = 'extend type Query { urgent(project: ID!): [Task!]! }';
const URGENT = 'SELECT t.*, 1 AS extra FROM tasks t WHERE project_id = $1 ORDER BY priority DESC, id LIMIT 3';
const PATIENCE = { withinMs: 20_000 };

type Options = ReadOptions & CustomReadOptions;

describe('custom reads', () => {
  let app: TestApp;
  const eu = (): DataLayer => app.server(EU).layer;
  const psql = (sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> =>
    app.cluster.query(US, sql, values);

  before(async () => {
    app = await startTestApp({
      scale: 0.05,
      redis: findRedis() !== null,
      files: [...readSdlFolder('schema/workspace'), { name: 'urgent.graphql', body: SDL }],
      settings: { heartbeatMs: 200, cacheLagMs: 60_000 },
      server: {
        resolvers: {
          Query: {
            urgent: (_parent: unknown, { project }: { project: string }, ctx: ResolverContext) =>
              ctx.read(URGENT, [project], { dependsOn: [`Task.projectId=${project}`], entity: 'Task' }),
          },
        },
      },
    });
    await app.cluster.caughtUp();
  });
  after(async () => app?.[Symbol.asyncDispose]());

  const byCache = ({ servedBy }: ReadResult): boolean =>
    servedBy.length > 0 && servedBy.every(({ by }) => by === 'cache');
  const read = (sql: string, values: readonly unknown[], options: Options): Promise<ReadResult> =>
    eu().read(sql, values, options);

  /** Reads until the cache answers. */
  const warm = (sql: string, values: readonly unknown[], options: Options): Promise<ReadResult> =>
    until(
      'the cache answers',
      async () => {
        const result = await read(sql, values, options);
        return byCache(result) ? result : null;
      },
      PATIENCE,
    );

  /** What the primary shows now, as one who looked there knows it. */
  async function now(): Promise<string> {
    const { token } = await app.server(US).layer.read('SELECT 1', [], { level: 'STRONG' });
    assert.ok(token);
    return token;
  }

  it('are cached by their dependencies, and invalidated as soon as one of them changes', async () => {
    const sql =
      'SELECT t.title, u.name, t.estimate::float8 AS estimate FROM tasks t, users u WHERE t.id = $1 AND u.id = $2';
    const options = { dependsOn: ['Task:1', 'User:2'] };
    const {
      rows: [first],
    } = await warm(sql, ['1', 2], options);
    for (const [table, column, id] of [
      ['tasks', 'title', 1],
      ['users', 'name', 2],
      ['tasks', 'title', 1],
    ] as const) {
      const text = `${column} ${Math.random()}`;
      await psql(`UPDATE ${table} SET ${column} = $1 WHERE id = $2`, [text, id]);
      const { rows } = await read(sql, ['1', 2], { ...options, token: await now() });
      assert.equal(rows[0]?.[column], text);
      await warm(sql, ['1', 2], options);
    }
    assert.deepEqual(Object.keys(first ?? {}), ['title', 'name', 'estimate']);
    // Of the same tables, and nothing that it depends on.
    const kept = await warm(sql, ['1', 2], options);
    await psql('UPDATE tasks SET title = $1 WHERE id = 3', ['another']);
    const again = await read(sql, ['1', 2], { ...options, token: await now() });
    await until(
      'its cache has come as far',
      async () => byCache(await read(sql, ['1', 2], { ...options, token: again.token })),
      PATIENCE,
    );
    assert.deepEqual(again.rows, kept.rows);
  });

  it("are invalidated by the application's own tags, which any transaction may commit", async () => {
    const sql = 'SELECT count(*)::int AS n FROM tasks WHERE priority > 3';
    const options = { dependsOn: ['board:7'] };
    await warm(sql, [], options);
    const { token } = await app
      .server(US)
      .layer.transaction((tx) => tx.query('UPDATE tasks SET priority = 9 WHERE id = 4'), { tags: ['board:7'] });
    const [expected] = await psql(sql);
    const { rows, servedBy } = await read(sql, [], { ...options, token });
    assert.deepEqual([rows[0], servedBy.some(({ by }) => by === 'cache')], [expected, false]);
  });

  it('are not cached when a dependency changed during the read', async () => {
    for (const id of [5, 6]) {
      const sql = `SELECT title, pg_sleep(1.2)::text AS slept FROM tasks WHERE id = ${id}`;
      const options = { dependsOn: [`Task:${id}`] };
      const title = `overtaken ${id}`;
      const slow = read(sql, [], { ...options, ttlMs: 600_000 });
      await until(
        'the slow statement has its snapshot',
        async () =>
          (
            await app.cluster.query(
              EU,
              "SELECT FROM pg_stat_activity WHERE state = 'active' AND wait_event = 'PgSleep'",
            )
          ).length > 0,
        PATIENCE,
      );
      await psql('UPDATE tasks SET title = $1 WHERE id = $2', [title, id]);
      const token = await now();
      // Its region's cache has come as far as the change: that its server shows it says nothing of the cache.
      await until(
        'EU has heard of it',
        async () => byCache(await read('SELECT title FROM tasks WHERE id = $1', [id], { ...options, token })),
        PATIENCE,
      );
      const old = await slow;
      assert.notEqual(old.rows[0]?.['title'], title, 'the statement saw what was there before');
      for (let again = 0; again < 2; again += 1)
        assert.equal((await read(sql, [], options)).rows[0]?.['title'], title, 'what it saw was not kept');
    }
  });

  it('are cached separately for each set of parameters and settings', async () => {
    const sql = `SELECT $1::text AS given, current_setting('app.user', true) AS who`;
    const of = (who: string): Options => ({ dependsOn: ['apart'], settings: [{ name: 'app.user', value: who }] });
    for (let round = 0; round < 3; round += 1) {
      for (const who of ['ann', 'bob']) {
        for (const given of ['x', 'y', null]) {
          const { rows } = round < 2 ? await read(sql, [given], of(who)) : await warm(sql, [given], of(who));
          assert.deepEqual(rows, [{ given, who }]);
        }
      }
    }
    assert.deepEqual((await read(sql, ['x'], { dependsOn: ['apart'] })).rows[0]?.['given'], 'x');
  });

  it('return values that JSON cannot represent, and do not cache them', async () => {
    const sql = `SELECT 'NaN'::float8 AS nan, '-0'::float8 AS zero, 'Infinity'::float8 AS much`;
    for (let i = 0; i < 3; i += 1) {
      const result = await read(sql, [], { dependsOn: ['odd'] });
      assert.deepEqual(result.rows, [{ nan: Number.NaN, zero: -0, much: Number.POSITIVE_INFINITY }]);
      assert.equal(byCache(result), false);
    }
  });

  it('are not cached without dependencies, nor with dependencies whose changes are not published', async () => {
    await psql('CREATE UNLOGGED TABLE unseen (v int)');
    await app.cluster.caughtUp();
    for (const options of [{}, { dependsOn: [] }, { dependsOn: ['table:public.unseen'] }]) {
      for (let i = 0; i < 3; i += 1)
        assert.equal(
          byCache(await read('SELECT count(*)::int AS n FROM tasks', [], options)),
          false,
          JSON.stringify(options),
        );
    }
  });

  it('return rows of the entity that they name', async () => {
    const query =
      'query($project: ID!) { urgent(project: $project) { id title priority createdAt project { id } assignee { name } } }';
    const ask = async (token?: string): Promise<{ id: string; title: string }[]> => {
      const { data, errors } = await app.gql<{ urgent: { id: string; title: string }[] }>(EU, query, {
        variables: { project: '1' },
        token: token ?? '',
      });
      assert.deepEqual(errors, []);
      return data?.urgent ?? [];
    };
    const first = await ask();
    for (let i = 0; i < 5; i += 1) assert.deepEqual(await ask(), first);
    await psql('UPDATE tasks SET title = $2 WHERE id = $1', [first[0]?.id, 'most urgent']);
    assert.equal((await ask(await now()))[0]?.title, 'most urgent');
    const [row] = (await read(URGENT, ['1'], { entity: 'Task' })).rows;
    assert.equal(row?.['extra'], 1, 'what else is selected comes along');
    assert.match(String(row?.['created_at']), /^\d{4}-.*Z$/);
  });

  it('refuse contradictory options', async () => {
    for (const [options, says] of [
      [{ dependsOn: ['Tsk:1'] }, /Tsk/],
      [{ dependsOn: ['Task:x'] }, /id/],
      [{ entity: 'Tsk' }, /Tsk/],
      [{ entity: 'Task' }, /does not select/],
      [{ dependsOn: ['a'], ttlMs: 0 }, /ttlMs/],
    ] as const)
      await assert.rejects(
        read('SELECT 1 AS one', [], options),
        (error: unknown) => isMeridianError(error, 'BAD_USER_INPUT') && says.test(error.message),
        JSON.stringify(options),
      );
  });
});
