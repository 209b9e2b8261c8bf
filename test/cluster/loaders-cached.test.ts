/**
 * Proves loaders with a cache on a real server: what they ask the database for, which values they keep apart, and that
 * answers equal those without a cache.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import type pg from 'pg';
import { isMeridianError } from '../../src/base/errors.ts';
import { tableTag } from '../../src/change/tags.ts';
import { type Caching, type Entity, type Model } from '../../src/model/model.ts';
import { type EntityLoaders } from '../../src/read/loaders/entity-loaders.ts';
import { CachedLoaders, type LoaderOptions } from '../support/cached-loaders.ts';
import { connectionField, countField, listField, plainModel, type CountingExecutor } from '../support/plain-model.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

const SCHEMA = `
  CREATE TABLE projects (id bigint PRIMARY KEY, slug text NOT NULL UNIQUE);
  CREATE TABLE tasks (id bigint PRIMARY KEY, project_id bigint NOT NULL, status text NOT NULL, title text NOT NULL);
  CREATE TABLE hosts (address inet PRIMARY KEY, price numeric NOT NULL UNIQUE, place numeric NOT NULL UNIQUE);
  INSERT INTO projects SELECT i, 'slug-' || i FROM generate_series(1, 50) i;
  INSERT INTO tasks SELECT i, 1 + i % 50, (ARRAY['TODO', 'DONE'])[1 + i / 50 % 2], 'title ' || i FROM generate_series(1, 500) i;
  INSERT INTO hosts VALUES ('10.0.0.1', 1.50, 2), ('10.0.0.2', 2, 1.5)`;

const OFF: Caching = { off: 'the test says so', ttlMs: null, maxVariants: null };
const ofProject = { from: ['id'], to: ['project_id'] };
const byId = [{ column: 'id', descending: false }];
const byStatus = new Map([['status', { kind: 'equals', column: 'status' }]] as const);
const tasksOf = listField({ target: 'tasks', orderBy: byId, join: ofProject, filters: byStatus });
const pagesOf = connectionField({ target: 'tasks', orderBy: byId, join: ofProject });
const countOf = countField({ target: 'tasks', join: ofProject });
const doneOf = countField({ target: 'tasks', join: ofProject, where: "status = 'DONE'" });
const uncachedOf = countField({ target: 'tasks', join: ofProject, where: "title <> ''", caching: OFF });
const some = <T>(count: number, make: (i: number) => Promise<T>, from = 1): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, i) => make(from + i)));

describe('loaders through a cache', () => {
  let server: ScratchPostgres;
  let client: pg.Client;
  let model: Model;
  let cached: CachedLoaders;

  before(async () => {
    server = await startScratchPostgres();
    client = await server.connect();
    await client.query(SCHEMA);
    const plain = await plainModel(client);
    // Relations are what values are cached by.
    const projects = plain.entities.get('projects') as Entity;
    model = {
      ...plain,
      entities: new Map([
        ...plain.entities,
        ['projects', { ...projects, fields: new Map([...projects.fields, ['tasks', tasksOf]]) }],
      ]),
    };
  });
  after(() => server[Symbol.asyncDispose]());
  beforeEach(() => {
    cached = new CachedLoaders(client, model);
  });

  /** What `work` comes to with the loaders of a request of its own, and how many statements it took. */
  async function spent<T>(
    work: (loaders: EntityLoaders) => Promise<T>,
    options: LoaderOptions = {},
  ): Promise<{ readonly value: T; readonly statements: number }> {
    const { loaders, executor } = cached.fresh(options);
    const value = await work(loaders);
    return { value, statements: executor.taken() };
  }

  /** Cold and warm: the same, and the second time without a statement. */
  async function keeps<T>(work: (loaders: EntityLoaders) => Promise<T>, cold: number): Promise<T> {
    const [first, second] = [await spent(work), await spent(work)];
    assert.deepEqual([first.statements, second.statements], [cold, 0]);
    assert.deepEqual(second.value, first.value);
    return second.value;
  }

  it('return rows, missing rows, lists, pages and counts as the database did', async () => {
    await keeps((loaders) => some(20, (i) => loaders.one('tasks', ['id'], [i * 37])), 1);
    await keeps((loaders) => some(20, (i) => loaders.list(tasksOf, [i], { status: 'DONE' })), 1);
    await keeps(
      (loaders) => some(20, async (i) => ({ ...(await loaders.page(pagesOf, [i], { first: 3 })), totalCount: null })),
      1,
    );
    await keeps((loaders) => some(20, (i) => loaders.count(countOf, [i])), 1);
    await keeps((loaders) => loaders.list(listField({ target: 'projects', orderBy: byId, limit: 7 }), null), 1);
    await keeps((loaders) => loaders.count(countField({ target: 'projects' }), null), 1);
  });

  it('query the database only for missing values', async () => {
    await spent((loaders) => some(10, (i) => loaders.one('tasks', ['id'], [i])));
    const { loaders, executor } = cached.fresh();
    await some(20, (i) => loaders.one('tasks', ['id'], [i]));
    assert.deepEqual(
      executor.statements.map(({ values }) => values),
      [[Array.from({ length: 10 }, (_, i) => String(i + 11))]],
    );
    await spent((all) => some(5, (i) => all.list(tasksOf, [i])));
    const lists = cached.fresh();
    await some(8, (i) => lists.loaders.list(tasksOf, [i]));
    assert.deepEqual(
      lists.executor.statements.map(({ values }) => values[0]),
      [['6', '7', '8']],
    );
  });

  it('distinguish values under the same tag by arguments, sizes, orders and kinds', async () => {
    const ways: readonly ((loaders: EntityLoaders) => Promise<unknown>)[] = [
      (loaders) => loaders.list(tasksOf, [3]),
      (loaders) => loaders.list(tasksOf, [3], { first: 2 }),
      (loaders) => loaders.list(tasksOf, [3], { status: 'DONE' }),
      (loaders) => loaders.list(tasksOf, [3], { status: 'TODO' }),
      (loaders) => loaders.list({ ...tasksOf, orderBy: [{ column: 'id', descending: true }] }, [3]),
      (loaders) => loaders.list({ ...tasksOf, where: "title LIKE '%3%'" }, [3]),
      (loaders) => loaders.count(countOf, [3]),
      (loaders) => loaders.count(doneOf, [3]),
      async (loaders) => (await loaders.page(pagesOf, [3], { first: 4 })).nodes,
      async (loaders) => (await loaders.page(pagesOf, [3], { last: 4 })).nodes,
    ];
    cached.demand = null;
    const direct: unknown[] = [];
    for (const way of ways) direct.push((await spent(way)).value);
    cached.demand = { floor: null, notBelow: null };
    for (let round = 0; round < 2; round += 1)
      for (const [i, way] of ways.entries()) assert.deepEqual((await spent(way)).value, direct[i]);
  });

  it('distinguish keys whose columns have no tag', async () => {
    const load = (loaders: EntityLoaders): Promise<unknown[]> =>
      Promise.all(
        ['10.0.0.1', '10.0.0.2', '10.0.0.3'].map(
          async (address) => (await loaders.one('hosts', ['address'], [address]))?.['price'],
        ),
      );
    assert.deepEqual((await spent(load)).value, ['1.50', '2', undefined]);
    assert.deepEqual(await keeps(load, 0), ['1.50', '2', undefined]);
    const by =
      (column: string, value: string) =>
      async (loaders: EntityLoaders): Promise<unknown> =>
        (await loaders.one('hosts', [column], [value]))?.['address'];
    for (const [value, price, place] of [
      ['1.5', '10.0.0.1', '10.0.0.2'],
      ['2', '10.0.0.2', '10.0.0.1'],
      ['2.00', '10.0.0.2', '10.0.0.1'],
      ['3', undefined, undefined],
    ] as const) {
      assert.equal(await keeps(by('price', value), 1), price);
      assert.equal(await keeps(by('place', value), 1), place);
    }
  });

  it('refuse an invalid key, cache nothing of it, and find the others', async () => {
    const find = (loaders: EntityLoaders, address: string): Promise<unknown> =>
      loaders.one('hosts', ['address'], [address]).then(
        (row) => row?.['price'] ?? null,
        (error: unknown) => isMeridianError(error) && error.code,
      );
    for (let round = 0; round < 2; round += 1) {
      const { value } = await spent((loaders) =>
        Promise.all(['10.0.0.1', 'no address', '10.0.0.2', '10.0.0.77'].map((address) => find(loaders, address))),
      );
      assert.deepEqual(value, ['1.50', 'BAD_USER_INPUT', '2', null]);
      const alone = await spent((loaders) => find(loaders, 'no address'));
      assert.deepEqual([alone.value, alone.statements > 0], ['BAD_USER_INPUT', true]);
    }
  });

  it('send one statement for counts, cached or not', async () => {
    const dashboard = (loaders: EntityLoaders): Promise<number[][]> =>
      some(10, (i) =>
        Promise.all([loaders.count(countOf, [i]), loaders.count(uncachedOf, [i]), loaders.count(doneOf, [i])]),
      );
    const [cold, warm] = [await spent(dashboard), await spent(dashboard)];
    assert.deepEqual([cold.statements, warm.statements], [1, 1]);
    assert.deepEqual(warm.value, cold.value);
    const more = await spent((loaders) =>
      some(12, (i) => Promise.all([loaders.count(countOf, [i]), loaders.count(uncachedOf, [i])])),
    );
    assert.equal(more.statements, 1, 'two parents were missing');
    assert.deepEqual(
      more.value.slice(0, 10),
      cold.value.map(([all, uncached]) => [all, uncached]),
    );
    const otherwise = { ...doneOf, caching: { off: null, ttlMs: 5, maxVariants: null } };
    const mixed = await spent((loaders) =>
      some(3, (i) =>
        Promise.all([
          loaders.count(countOf, [i]),
          loaders.count({ ...otherwise, where: 'TRUE' }, [i]),
          loaders.count(uncachedOf, [i]),
        ]),
      ),
    );
    assert.deepEqual(
      mixed.value.map(([a, b]) => a === b),
      [true, true, true],
    );
  });

  it('cache nothing if caching is off', async () => {
    const off = { ...tasksOf, caching: OFF };
    for (let i = 0; i < 2; i += 1) assert.equal((await spent((loaders) => loaders.list(off, [1]))).statements, 1);
    const uncached = new CachedLoaders(client, {
      ...model,
      entities: new Map([...model.entities].map(([name, entity]) => [name, { ...entity, caching: OFF }])),
    });
    for (let i = 0; i < 2; i += 1) {
      const { loaders, executor } = uncached.fresh();
      await loaders.one('tasks', ['id'], [1]);
      assert.equal(executor.taken(), 1);
    }
  });

  it('are invalidated by the tags of what they show', async () => {
    const [tasks, projects] = ['tasks', 'projects'].map((name) => model.entities.get(name) as Entity) as [
      Entity,
      Entity,
    ];
    const loads: Readonly<Record<string, (loaders: EntityLoaders) => Promise<unknown>>> = {
      row: (loaders) => loaders.one('tasks', ['id'], [7]),
      list: (loaders) => loaders.list(tasksOf, [8]),
      count: (loaders) => loaders.count(countOf, [8]),
      project: (loaders) => loaders.one('projects', ['slug'], ['slug-8']),
      root: (loaders) => loaders.list(listField({ target: 'projects', orderBy: byId }), null),
    };
    const gone = async (invalidate: () => void): Promise<string[]> => {
      for (const load of Object.values(loads)) await spent(load);
      invalidate();
      const missing: string[] = [];
      for (const [name, load] of Object.entries(loads)) if ((await spent(load)).statements > 0) missing.push(name);
      return missing;
    };
    const { tags } = cached;
    assert.deepEqual(await gone(() => cached.invalidate([tags.tagFor(tasks, ['id'], ['7'])])), ['row']);
    assert.deepEqual(await gone(() => cached.invalidate([tags.tagFor(tasks, ['project_id'], ['8'])])), [
      'list',
      'count',
    ]);
    assert.deepEqual(
      await gone(() =>
        cached.invalidate([tags.tagFor(tasks, ['project_id'], ['9']), tags.tagFor(projects, ['id'], ['8'])]),
      ),
      [],
    );
    assert.deepEqual(
      await gone(() => cached.invalidate([tags.tagFor(projects, ['slug'], ['slug-8']), tags.tagFor(projects, [], [])])),
      ['project', 'root'],
    );
    assert.deepEqual(await gone(() => cached.invalidate([], [tableTag(tasks.table)])), ['row', 'list', 'count']);
  });

  it('cache values separately for each set of database settings', async () => {
    const load = (loaders: EntityLoaders): Promise<unknown> => loaders.one('tasks', ['id'], [1]);
    const as = (value: string): LoaderOptions => ({ settings: [{ name: 'app.user', value }] });
    const statements: number[] = [];
    for (const options of [as('ann'), as('ann'), as('bob'), {}, as('bob'), {}])
      statements.push((await spent(load, options)).statements);
    assert.deepEqual(statements, [1, 0, 1, 1, 0, 0]);
  });

  it('find the rows of a cached list by their keys', async () => {
    const both = async (loaders: EntityLoaders): Promise<unknown> => {
      const rows = await loaders.list(tasksOf, [4]);
      return Promise.all(rows.map((row) => loaders.one('tasks', ['id'], [row['id']])));
    };
    await keeps(both, 1);
  });

  it('use the row that a mutation returned in its own request only', async () => {
    await spent((loaders) => loaders.one('tasks', ['id'], [2]));
    const { loaders } = cached.fresh();
    const row = { id: '2', project_id: '3', status: 'DONE', title: 'written just now' };
    loaders.prime('tasks', row);
    assert.equal((await loaders.one('tasks', ['id'], [2]))?.['title'], 'written just now');
    assert.equal((await spent((others) => others.one('tasks', ['id'], [2]))).value?.['title'], 'title 2');
  });

  it('read the database if no cache may answer, or if its position is below the required one', async () => {
    const load = (loaders: EntityLoaders): Promise<unknown> => loaders.one('tasks', ['id'], [5]);
    const { value } = await spent(load);
    cached.mayShow = false;
    assert.deepEqual(await spent(load), { value, statements: 1 });
    cached.mayShow = true;
    cached.demand = null;
    assert.deepEqual(await spent(load), { value, statements: 1 });
    cached.demand = { floor: { ...cached.position, lsn: (cached.position.lsn + 1n) as never }, notBelow: null };
    assert.deepEqual(await spent(load), { value, statements: 1 });
    cached.demand = { floor: cached.position, notBelow: null };
    assert.deepEqual(await spent(load), { value, statements: 0 });
  });

  it("cache no error, and report the client's mistakes as without a cache", async () => {
    const broken = { ...tasksOf, where: '1 / (project_id - project_id) > 0' };
    const failing = async (executor: CountingExecutor, loaders: EntityLoaders): Promise<number> => {
      await assert.rejects(loaders.list(broken, [1]), (error: unknown) => isMeridianError(error, 'BAD_USER_INPUT'));
      return executor.taken();
    };
    for (let i = 0; i < 2; i += 1) {
      const { loaders, executor } = cached.fresh();
      assert.equal(await failing(executor, loaders), 1);
    }
  });
});
