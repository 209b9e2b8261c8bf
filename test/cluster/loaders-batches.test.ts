/** Proves loaders on a real server: how many statements they send, what they remember, and which plans they get. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { isMeridianError, MeridianError } from '../../src/base/errors.ts';
import { defaultOptions, type Options } from '../../src/config/options.ts';
import { type Model } from '../../src/model/model.ts';
import { EntityLoaders } from '../../src/read/loaders/entity-loaders.ts';
import { type Executor, type Statement } from '../../src/read/ports.ts';
import { Tenancy } from '../../src/read/sql/tenant.ts';
import { connectionField, countField, CountingExecutor, listField, plainModel } from '../support/plain-model.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

const SCHEMA = `
  CREATE TYPE kind AS ENUM ('A', 'B');
  CREATE TABLE projects (id bigint PRIMARY KEY, slug text NOT NULL UNIQUE, lead int);
  CREATE TABLE tasks (id bigint PRIMARY KEY, project_id bigint NOT NULL, status text NOT NULL, due date, created_at timestamptz NOT NULL, title text NOT NULL);
  CREATE TABLE members (org int, name text, kind kind, note text, PRIMARY KEY (org, name, kind));
  CREATE TABLE hosts (address inet PRIMARY KEY, price numeric NOT NULL UNIQUE);
  INSERT INTO projects SELECT i, 'slug-' || i, nullif(i % 3, 0) FROM generate_series(1, 20000) i;
  INSERT INTO tasks SELECT i, 1 + i % 450, (ARRAY['TODO', 'DOING', 'DONE'])[1 + i / 450 % 3], date '2026-01-01' + i % 60, '2026-01-01Z'::timestamptz + i % 977 * interval '1 minute', repeat('x', 80)
    FROM generate_series(1, 40000) i;
  INSERT INTO members SELECT i % 7, 'name ' || i % 5, (ARRAY['A', 'B']::kind[])[1 + i % 2], 'note ' || i FROM generate_series(1, 70) i ON CONFLICT DO NOTHING;
  INSERT INTO hosts VALUES ('10.0.0.1', 1.50), ('10.0.0.2', 2);
  CREATE INDEX tasks_of_project ON tasks (project_id, created_at, id);
  CREATE INDEX tasks_by_creation ON tasks (created_at, id);
  ANALYZE`;

function refusal(error: unknown): string {
  assert.ok(isMeridianError(error, 'BAD_USER_INPUT'), String(error));
  return error.message;
}

describe('loaders', () => {
  let server: ScratchPostgres;
  let client: pg.Client;
  let model: Model;

  const fresh = (overrides: Partial<Options> = {}): { loaders: EntityLoaders; executor: CountingExecutor } => {
    const executor = new CountingExecutor(client);
    return {
      loaders: new EntityLoaders({ model, executor, limits: defaultOptions(overrides), tenancy: Tenancy.all }),
      executor,
    };
  };
  const latest = [
    { column: 'created_at', descending: true },
    { column: 'id', descending: true },
  ];
  const ofProject = { from: ['id'], to: ['project_id'] };

  before(async () => {
    server = await startScratchPostgres();
    client = await server.connect();
    await client.query(SCHEMA);
    model = await plainModel(client);
  });
  after(() => server[Symbol.asyncDispose]());

  it('send one statement per relation and depth, whatever the number of parents', async () => {
    const tasks = listField({ target: 'tasks', orderBy: latest, join: ofProject, limit: 10 });
    for (const parents of [1, 20, 400]) {
      const { loaders, executor } = fresh();
      const projects = await loaders.list(
        listField({ target: 'projects', orderBy: [{ column: 'id', descending: false }], limit: parents }),
        null,
      );
      assert.equal(projects.length, parents);
      const lists = await Promise.all(projects.map((project) => loaders.list(tasks, [project['id']])));
      const back = await Promise.all(lists.flat().map((task) => loaders.one('projects', ['id'], [task['project_id']])));
      assert.equal(lists.flat().length, parents * 10);
      assert.deepEqual(
        back.map((project) => project?.['id']),
        lists.flat().map((task) => task['project_id']),
      );
      assert.equal(executor.taken(), 2, 'the way back needs none: the projects are known');
    }
  });

  it('split a batch at maxBatch, and share keys that are requested twice', async () => {
    const { loaders, executor } = fresh({ maxBatch: 100 });
    const ids = Array.from({ length: 250 }, (_, i) => i + 1);
    const rows = await Promise.all([...ids, ...ids].map((id) => loaders.one('projects', ['id'], [id])));
    assert.deepEqual(
      rows.map((row) => Number(row?.['id'])),
      [...ids, ...ids],
    );
    assert.equal(executor.taken(), 3);
    const counts = await Promise.all(
      ids.map((id) => loaders.count(countField({ target: 'tasks', join: ofProject }), [id])),
    );
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      Number((await client.query<{ n: string }>('SELECT count(*) AS n FROM tasks WHERE project_id <= 250')).rows[0]?.n),
    );
    assert.equal(executor.taken(), 3);
  });

  it('find a row by all its unique keys after it was read by one of them', async () => {
    const { loaders, executor } = fresh();
    const row = await loaders.one('projects', ['id'], ['7']);
    assert.equal(row, await loaders.one('projects', ['slug'], ['slug-7']));
    assert.equal(row, await loaders.one('projects', ['id'], ['007']), 'and by another spelling of it');
    assert.equal(executor.taken(), 1);
    loaders.prime('projects', { id: '900', slug: 'given', lead: null });
    assert.equal((await loaders.one('projects', ['slug'], ['given']))?.['id'], '900');
    assert.equal(executor.taken(), 0);
  });

  it('refuse an invalid key, return null for a missing row, and find the others', async () => {
    const { loaders, executor } = fresh();
    const tried = async (column: string, key: unknown): Promise<unknown> =>
      loaders.one('projects', [column], [key]).then((row) => row && [row['id'], row['slug']], refusal);
    const found = await Promise.all(['3', null, undefined, 4, 5n, '499999', ' 6', '+7'].map((key) => tried('id', key)));
    assert.deepEqual(found, [
      ['3', 'slug-3'],
      null,
      null,
      ['4', 'slug-4'],
      ['5', 'slug-5'],
      null,
      ['6', 'slug-6'],
      ['7', 'slug-7'],
    ]);
    const wrong = await Promise.all(
      ['abc', '9223372036854775808', '1e3', '', '4\u0000', {}, [], '__proto__', '5; DROP TABLE projects'].map((key) =>
        tried('id', key),
      ),
    );
    const wanted = 'send a whole number from -9223372036854775808 to 9223372036854775807.';
    assert.deepEqual(
      wrong,
      [
        '"abc"',
        '"9223372036854775808"',
        '"1e3"',
        '""',
        '"4\\u0000"',
        'an object',
        'a list',
        '"__proto__"',
        '"5; DROP TABLE projects"',
      ].map((shown) => `The key "id" of projects cannot be ${shown}; ${wanted}`),
    );
    const slugs = await Promise.all(
      ["slug-1' OR 1=1", 'slug-2', '__proto__', '{"a"}', 'NULL', 'slug-1"'].map((slug) => tried('slug', slug)),
    );
    assert.deepEqual(slugs, [null, ['2', 'slug-2'], null, null, null, null]);
    assert.match(
      String(await tried('slug', '\ud800')),
      /^The key "slug" of projects cannot be "\\ud800"; send text without NUL/,
    );
    assert.match(
      String(await tried('slug', `${'x'.repeat(100_000)}\u0000`)),
      /^The key "slug" of projects cannot be "x{60}…"; send/,
    );
    assert.equal(executor.taken(), 2);
  });

  it('look up compound keys, in any order of columns, also with a value that the enum does not have', async () => {
    const { loaders, executor } = fresh();
    const keys = [
      [1, 'name 1', 'A'],
      [1, 'name 1', 'C'],
      [2, 'name 2', 'B'],
      [1, null, 'A'],
      [1, 'name 99', 'A'],
      ['x', 'name 1', 'A'],
      [1, 'name 1', "A'"],
    ];
    const rows = await Promise.all(
      keys.map((key) => loaders.one('members', ['org', 'name', 'kind'], key).catch(refusal)),
    );
    const found = rows.map((row) =>
      typeof row === 'string' || row === null ? row : [row['org'], row['name'], row['kind']],
    );
    assert.deepEqual(found, [
      [1, 'name 1', 'A'],
      'The key "kind" of members cannot be "C"; send one of the labels of its type.',
      [2, 'name 2', 'B'],
      null,
      null,
      'The key "org" of members cannot be "x"; send a whole number from -2147483648 to 2147483647.',
      'The key "kind" of members cannot be "A\'"; send one of the labels of its type.',
    ]);
    const { loaders: others, executor: spent } = fresh();
    const sound = await Promise.all(
      [keys[0], keys[2], keys[4]].map((key) => others.one('members', ['org', 'name', 'kind'], key ?? [])),
    );
    assert.deepEqual([sound, spent.taken()], [[rows[0], rows[2], null], 1]);
    executor.taken();
    const turned = await loaders.one('members', ['kind', 'org', 'name'], ['A', 1, 'name 1']);
    assert.deepEqual(turned, rows[0]);
    const notes = await loaders.list(
      listField({
        target: 'members',
        orderBy: [{ column: 'note', descending: false }],
        join: { from: ['a', 'b'], to: ['org', 'name'] },
      }),
      [1, 'name 1'],
    );
    assert.deepEqual(notes.map((row) => row['kind']).sort(), ['A', 'B']);
  });

  it('match keys as the server does if one value has several spellings, and answer the other keys if the server refuses one', async () => {
    const { loaders, executor } = fresh();
    const prices = await Promise.all(
      ['1.5', '1.500', '+1.50', '15e-1', '3'].map((price) => loaders.one('hosts', ['price'], [price])),
    );
    assert.deepEqual(
      prices.map((row) => row?.['address'] ?? null),
      ['10.0.0.1', '10.0.0.1', '10.0.0.1', '10.0.0.1', null],
    );
    assert.equal(executor.taken(), 1);
    const find = (address: string): Promise<unknown> =>
      loaders.one('hosts', ['address'], [address]).then((row) => row?.['price'] ?? null, refusal);
    const no = (address: string): string =>
      `The key "address" of hosts cannot be "${address}"; send a value of type inet such as 192.168.0.1.`;
    const hosts = await Promise.all(
      ['10.0.0.1', 'no address', '10.0.0.2', '10.0.0.300', '10.0.0.1/32', '10.0.0.9'].map(find),
    );
    assert.deepEqual(hosts, ['1.50', no('no address'), '2', no('10.0.0.300'), '1.50', null]);
    executor.taken();
    assert.equal(await find('no address'), no('no address'));
    assert.equal(executor.taken(), 1, 'what was refused is not remembered');
  });

  it('count several fields over one relation in one statement, with zero for no row', async () => {
    const { loaders, executor } = fresh();
    const status = new Map([['status', { kind: 'equals', column: 'status' } as const]]);
    const open = countField({ target: 'tasks', join: ofProject, where: "status <> 'DONE'" });
    const late = countField({ target: 'tasks', join: ofProject, where: "status <> 'DONE' AND due < '2026-01-20'" });
    const any = countField({ target: 'tasks', join: ofProject, filters: status });
    const paged = connectionField({ target: 'tasks', orderBy: latest, join: ofProject, filters: status });
    const parents = [1, 2, 3, 460, 470];
    const asked = parents.map((id) =>
      Promise.all([
        loaders.count(open, [id]),
        loaders.count(late, [id]),
        loaders.count(any, [id]),
        loaders.count(any, [id], { status: 'TODO' }),
        loaders.totalCount(paged, [id], { status: 'TODO', first: 5 }),
        loaders.totalCount(paged, [id], { first: 5 }),
      ]),
    );
    const got = await Promise.all(asked);
    assert.equal(executor.statements.length, 1);
    assert.equal(executor.statements[0]?.text.match(/count\(\*\)/g)?.length, 4, 'the same count is made once');
    const want = await client.query<{ open: number; late: number; all: number; todo: number }>(
      `SELECT count(t.id) FILTER (WHERE status <> 'DONE')::int AS open, count(t.id) FILTER (WHERE status <> 'DONE' AND due < '2026-01-20')::int AS late, count(t.id)::int AS all, count(t.id) FILTER (WHERE status = 'TODO')::int AS todo
       FROM unnest($1::bigint[]) p LEFT JOIN tasks t ON t.project_id = p GROUP BY p ORDER BY p`,
      [parents],
    );
    assert.deepEqual(
      got,
      want.rows.map((row) => [row.open, row.late, row.all, row.todo, row.todo, row.all]),
    );
    assert.ok((got[0]?.[0] ?? 0) > 0);
    assert.deepEqual(got[4], [0, 0, 0, 0, 0, 0]);

    executor.taken();
    const root = { ...any, join: { from: [], to: [] } };
    const whole = await client.query<{ done: number; undone: number }>(
      "SELECT count(*) FILTER (WHERE status = 'DONE')::int AS done, count(*) FILTER (WHERE status <> 'DONE')::int AS undone FROM tasks",
    );
    const asWhole = [
      loaders.count(root, null),
      loaders.count(root, null, { status: 'DONE' }),
      loaders.count(root, null, { status: ['DOING', 'TODO'] }),
    ];
    assert.deepEqual(await Promise.all(asWhole), [40_000, whole.rows[0]?.done, whole.rows[0]?.undone]);
    assert.equal(executor.taken(), 1);
  });

  it('split counts that are too many for one statement', async () => {
    const { loaders, executor } = fresh();
    const filters = new Map([['due', { kind: 'equals', column: 'due' } as const]]);
    const field = countField({ target: 'tasks', filters });
    const days = Array.from({ length: 150 }, (_, i) => new Date(Date.UTC(2026, 0, 1 + i)).toISOString().slice(0, 10));
    const counts = await Promise.all(days.map((due) => loaders.count(field, null, { due })));
    assert.equal(
      counts.reduce((sum, count) => sum + count),
      40_000,
    );
    assert.equal(executor.taken(), 2);
  });

  it('forget an error at once, so that the next read tries again', async () => {
    let failing = true;
    const real = new CountingExecutor(client);
    const executor: Executor = {
      query: (statement: Statement) =>
        failing
          ? Promise.reject(new MeridianError({ code: 'CONSISTENCY_TIMEOUT', message: 'The region is behind.' }))
          : real.query(statement),
    };
    const loaders = new EntityLoaders({ model, executor, limits: defaultOptions(), tenancy: Tenancy.all });
    const list = listField({ target: 'tasks', orderBy: latest, join: ofProject, limit: 3 });
    const reads = [
      async () => (await loaders.one('projects', ['id'], [1]))?.['slug'],
      async () => (await loaders.list(list, [1])).length,
      async () =>
        (await loaders.page(connectionField({ target: 'tasks', orderBy: latest, join: ofProject }), [1], { first: 2 }))
          .nodes.length,
      () => loaders.count(countField({ target: 'tasks', join: ofProject }), [460]),
    ];
    for (const read of reads) await assert.rejects(read(), (error) => isMeridianError(error, 'CONSISTENCY_TIMEOUT'));
    failing = false;
    assert.deepEqual(await Promise.all(reads.map((read) => read())), ['slug-1', 3, 2, 0]);
  });

  it('read one field with other arguments by another statement, up to a limit', async () => {
    const { loaders, executor } = fresh({ maxLoaders: 3 });
    const field = listField({
      target: 'tasks',
      orderBy: latest,
      join: ofProject,
      filters: new Map([['status', { kind: 'equals', column: 'status' } as const]]),
      limit: 5,
    });
    const lists = await Promise.all(
      [{ status: 'TODO' }, { status: 'DONE', first: 2 }, { first: 2, status: 'DONE' }, { first: 5 }].map((args) =>
        loaders.list(field, [1], args),
      ),
    );
    assert.deepEqual(
      lists.map((rows) => rows.length),
      [5, 2, 2, 5],
    );
    assert.equal(executor.taken(), 3);
    await assert.rejects(
      loaders.list(field, [1], { status: 'DOING' }),
      (error) => isMeridianError(error, 'BAD_USER_INPUT') && /more than 3 different relations/.test(error.message),
    );
    await assert.rejects(fresh().loaders.list(field, [1], { first: -1 }), /"first" must be a whole number/);
  });

  it('give each statement text one name that is short enough for PostgreSQL', async () => {
    const { loaders, executor } = fresh();
    const page = connectionField({ target: 'tasks', orderBy: latest, join: ofProject });
    const first = await loaders.page(page, [1], { first: 3 });
    await loaders.page(page, [1], { first: 4, after: first.pageInfo.endCursor });
    await loaders.page(page, [2], { first: 5, after: first.edges[0]?.cursor });
    await Promise.all([1, 2, 3].map((id) => loaders.one('projects', ['id'], [id])));
    await loaders.one('projects', ['id'], [4]);
    const names = executor.statements.map(({ name }) => name);
    assert.equal(
      new Set(executor.statements.map(({ text }) => text)).size,
      3,
      'sizes, cursors and numbers of keys are parameters',
    );
    assert.equal(new Set(names).size, 3);
    for (const name of names) assert.match(name, /^[\w-]{8,63}$/);
  });

  it('are served by indexes, so that no table is read or sorted as a whole for a page of each parent', async () => {
    const { loaders, executor } = fresh();
    const paged = connectionField({ target: 'tasks', orderBy: latest, join: ofProject });
    const root = connectionField({ target: 'tasks', orderBy: latest });
    const parents = Array.from({ length: 20 }, (_, i) => i + 1);
    const first = await loaders.page(paged, [1], { first: 5 });
    await Promise.all(parents.map((id) => loaders.page(paged, [id], { first: 5 })));
    await Promise.all(parents.map((id) => loaders.page(paged, [id], { first: 5, after: first.pageInfo.endCursor })));
    await Promise.all(parents.map((id) => loaders.page(paged, [id], { last: 5, before: first.pageInfo.endCursor })));
    const top = await loaders.page(root, null, { first: 5 });
    await loaders.page(root, null, { first: 5, after: top.pageInfo.endCursor });
    await Promise.all(
      parents.map((id) =>
        loaders.count(countField({ target: 'tasks', join: ofProject, where: "status = 'DONE'" }), [id]),
      ),
    );
    await Promise.all(parents.map((id) => loaders.one('projects', ['id'], [id])));
    await Promise.all(parents.map((id) => loaders.one('projects', ['slug'], [`slug-${id + 100}`])));
    assert.equal(executor.statements.length, 9);
    for (const { text, values } of executor.statements) {
      const plan = (
        await client.query<Record<'QUERY PLAN', string>>(
          `EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF, SUMMARY OFF, BUFFERS OFF) ${text}`,
          [...values],
        )
      ).rows
        .map((row) => row['QUERY PLAN'])
        .join('\n');
      assert.match(plan, /Index/, plan);
      assert.doesNotMatch(plan, /Seq Scan/, plan);
      // The slices of all parents together may be put in order; a parent's own rows never have to be.
      if (text.includes('LATERAL') && text.includes('LIMIT'))
        assert.match(plan, /Limit[\s\S]*Index .*tasks_of_project/, plan);
      const sorted = [...plan.matchAll(/Sort.*\(actual rows=([\d.]+)/g)].map((match) => Number(match[1]));
      for (const rows of sorted) assert.ok(rows <= 20 * 6, plan);
      const read = [...plan.matchAll(/Index.*Scan.*\(actual rows=([\d.]+) loops=(\d+)/g)].map(
        (match) => Number(match[1]) * Number(match[2]),
      );
      if (text.includes('LIMIT')) for (const rows of read) assert.ok(rows <= 20 * 6, plan);
    }
  });
});
