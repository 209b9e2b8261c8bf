/** Proves pages on a real server, forwards and backwards, against the one ORDER BY that they divide. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { isMeridianError } from '../../src/base/errors.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { type ConnectionField, type Model, type OrderTerm } from '../../src/model/model.ts';
import { EntityLoaders, type Page } from '../../src/read/loaders/entity-loaders.ts';
import { Tenancy } from '../../src/read/sql/tenant.ts';
import { connectionField, CountingExecutor, plainModel } from '../support/plain-model.ts';
import { seeded } from '../support/random.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

const SEED = Number(process.env['SEED'] ?? 20_260_131);
const SCHEMA = `
  CREATE TYPE mood AS ENUM ('SAD', 'OK', 'HAPPY');
  CREATE TABLE items (
    id bigint PRIMARY KEY, owner bigint, a int, b text NOT NULL, c timestamptz, d numeric(20,6), e boolean NOT NULL, f float8, g mood, h date NOT NULL
  );
  INSERT INTO items SELECT i,
    nullif(i % 6, 0), nullif(i * 7 % 5, 0), chr(97 + i * 11 % 4),
    CASE WHEN i % 7 > 1 THEN '2026-01-31 12:00:00.123456Z'::timestamptz + (i % 4) * interval '1 microsecond' END,
    CASE WHEN i % 4 > 0 THEN (ARRAY[0.1, 12345678901234.000001, 12345678901234.000002])[i % 4] END,
    i % 3 = 0, CASE WHEN i % 6 > 0 THEN (ARRAY[0.1, 1e300, 'NaN', '-Infinity', 0.30000000000000004]::float8[])[i % 6] END,
    (ARRAY['SAD', 'OK', 'HAPPY', NULL]::mood[])[1 + i % 4], date '2026-01-01' + i % 3
  FROM generate_series(1, 240) i;
  CREATE TABLE letters (id bigint PRIMARY KEY, body text);
  INSERT INTO letters SELECT i, CASE i % 5 WHEN 0 THEN NULL WHEN 1 THEN repeat('x', 60000) || i WHEN 2 THEN repeat(E'"\n\\1"', 20000) WHEN 3 THEN 'short' ELSE repeat('é', 60000) END FROM generate_series(1, 10) i;
  CREATE TABLE titles (title text PRIMARY KEY);
  INSERT INTO titles SELECT repeat(chr(96 + i), 100000) FROM generate_series(1, 4) i`;
const COLUMNS = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'] as const;

describe('pages', () => {
  let server: ScratchPostgres;
  let client: pg.Client;
  let model: Model;

  const fresh = (): { loaders: EntityLoaders; executor: CountingExecutor } => {
    const executor = new CountingExecutor(client);
    return {
      loaders: new EntityLoaders({ model, executor, limits: defaultOptions(), tenancy: Tenancy.all }),
      executor,
    };
  };
  const page = (
    field: ConnectionField,
    parent: readonly unknown[] | null,
    args: Record<string, unknown>,
  ): Promise<Page> => fresh().loaders.page(field, parent, args);
  const ids = ({ nodes }: Page): number[] => nodes.map((row) => Number(row['id']));
  /** What `SELECT` gives with PostgreSQL's own defaults for NULLs. */
  const expected = async (order: readonly OrderTerm[], owner: number | null): Promise<number[]> => {
    const spelled = order.map(({ column, descending }) => `${column}${descending ? ' DESC' : ''}`).join(', ');
    const { rows } = await client.query<{ id: string }>(
      `SELECT id FROM items WHERE $1::bigint IS NULL OR owner = $1 ORDER BY ${spelled}`,
      [owner],
    );
    return rows.map((row) => Number(row.id));
  };

  before(async () => {
    server = await startScratchPostgres();
    client = await server.connect();
    await client.query(SCHEMA);
    model = await plainModel(client);
  });
  after(() => server[Symbol.asyncDispose]());

  it(`walked in random steps and orders, with duplicates and NULLs, give each row once and in order (SEED=${SEED})`, async () => {
    const random = seeded(SEED);
    for (let round = 0; round < 60; round += 1) {
      const columns = random.shuffled(COLUMNS).slice(0, random.below(4));
      const oneWay = random.below(3) === 0;
      const way = random.below(2) === 0;
      const orderBy = [...columns, 'id'].map((column) => ({
        column,
        descending: oneWay ? way : random.below(2) === 0,
      }));
      const owner = random.below(2) === 0 ? null : 1 + random.below(5);
      const join = owner === null ? { from: [], to: [] } : { from: ['id'], to: ['owner'] };
      const field = connectionField({ target: 'items', orderBy, join });
      const parent = owner === null ? null : [owner];
      const all = await expected(orderBy, owner);
      const name = `${JSON.stringify(orderBy)} owner ${owner}`;

      const forward: number[] = [];
      for (let cursor: string | null = null; ;) {
        const got: Page = await page(field, parent, { first: 1 + random.below(40), after: cursor });
        forward.push(...ids(got));
        assert.equal(got.pageInfo.hasNextPage, forward.length < all.length, name);
        assert.equal(got.pageInfo.hasPreviousPage, cursor !== null, name);
        if (!got.pageInfo.hasNextPage) break;
        cursor = got.pageInfo.endCursor;
      }
      assert.deepEqual(forward, all, name);

      const backward: number[] = [];
      for (let cursor: string | null = null; ;) {
        const got: Page = await page(field, parent, { last: 1 + random.below(40), before: cursor });
        backward.unshift(...ids(got));
        assert.equal(got.pageInfo.hasPreviousPage, backward.length < all.length, name);
        assert.equal(got.pageInfo.hasNextPage, cursor !== null, name);
        if (!got.pageInfo.hasPreviousPage) break;
        cursor = got.pageInfo.startCursor;
      }
      assert.deepEqual(backward, all, name);
    }
  });

  it('between two cursors hold the rows between them, from either end', async () => {
    const orderBy = [
      { column: 'a', descending: true },
      { column: 'c', descending: false },
      { column: 'id', descending: false },
    ];
    const field = connectionField({ target: 'items', orderBy, maxPageSize: 500 });
    const all = await expected(orderBy, null);
    const { edges } = await page(field, null, { first: 500 });
    const bounds = { after: edges[50]?.cursor, before: edges[100]?.cursor };
    assert.deepEqual(ids(await page(field, null, { ...bounds, first: 500 })), all.slice(51, 100));
    assert.deepEqual(ids(await page(field, null, { ...bounds, first: 5 })), all.slice(51, 56));
    assert.deepEqual(ids(await page(field, null, { ...bounds, last: 5 })), all.slice(95, 100));
    assert.deepEqual(
      ids(await page(field, null, { before: bounds.before })),
      all.slice(80, 100),
      'before alone is the page that ends there',
    );
  });

  it('of a hundred parents take one statement, each with its own rows and its own next page', async () => {
    const orderBy = [
      { column: 'b', descending: true },
      { column: 'id', descending: true },
    ];
    const field = connectionField({ target: 'items', orderBy, join: { from: ['id'], to: ['owner'] } });
    const { loaders, executor } = fresh();
    // Parents 6 to 100 have no rows.
    const pages = await Promise.all(
      Array.from({ length: 100 }, (_, i) => loaders.page(field, [String(i + 1)], { first: 7 })),
    );
    assert.equal(executor.taken(), 1);
    for (const [i, got] of pages.entries()) {
      assert.deepEqual(ids(got), (await expected(orderBy, i + 1)).slice(0, 7));
      assert.equal(got.pageInfo.hasNextPage, i < 5);
    }
    const counts = await Promise.all(pages.map((got) => got.totalCount()));
    assert.deepEqual(
      counts,
      pages.map((_, i) => (i < 5 ? 40 : 0)),
    );
    assert.equal(executor.taken(), 1, 'and so are their totals');
  });

  it('without rows have no cursors, and first: 0 reports only whether there are rows', async () => {
    const field = connectionField({
      target: 'items',
      orderBy: [{ column: 'id', descending: false }],
      join: { from: ['id'], to: ['owner'] },
    });
    const none = { hasNextPage: false, hasPreviousPage: false, startCursor: null, endCursor: null };
    assert.deepEqual({ ...(await page(field, [1], { first: 0 })).pageInfo }, { ...none, hasNextPage: true });
    assert.deepEqual({ ...(await page(field, [77], { first: 0 })).pageInfo }, none);
    const { loaders, executor } = fresh();
    const got = await loaders.page(field, [null], {});
    assert.deepEqual([got.edges, { ...got.pageInfo }, await got.totalCount()], [[], none, 0]);
    for (const parent of ['no number', '99999999999999999999', '1\u0000'])
      await assert.rejects(loaders.page(field, [parent], {}), { code: 'BAD_USER_INPUT' });
    assert.equal(executor.taken(), 0, 'a parent without a value costs no statement');
  });

  it('refuse invalid arguments and name them', async () => {
    const byId = connectionField({ target: 'items', orderBy: [{ column: 'id', descending: false }] });
    const byMood = connectionField({
      target: 'items',
      orderBy: [
        { column: 'g', descending: false },
        { column: 'id', descending: false },
      ],
    });
    const refused = (field: ConnectionField, args: Record<string, unknown>, message: RegExp): Promise<void> =>
      assert.rejects(
        page(field, null, args),
        (error) => isMeridianError(error, 'BAD_USER_INPUT') && message.test(error.message),
      );
    await refused(byId, { first: 1, last: 1 }, /"first" and "last"/);
    await refused(byId, { first: -1 }, /"first" must be a whole number from 0 to 200/);
    await refused(byId, { last: 1.5 }, /"last" must be/);
    await refused(byId, { first: 201 }, /"first" is 201, but a page of this field has at most 200/);

    const cursor = (await page(byId, null, { first: 1 })).pageInfo.endCursor as string;
    await refused(byMood, { after: cursor }, /"after" is not a cursor of this list and order/);
    await refused(
      { ...byId, orderBy: [{ column: 'id', descending: true }] },
      { before: cursor },
      /"before" is not a cursor/,
    );
    const [version, signature] = JSON.parse(Buffer.from(cursor, 'base64url').toString()) as [number, string];
    const forge = (...parts: unknown[]): string => Buffer.from(JSON.stringify(parts)).toString('base64url');
    const hostile = [
      '',
      'x',
      cursor.slice(0, -3),
      forge(),
      forge(version, signature),
      forge(version, signature, null),
      forge(version, signature, '1); DROP TABLE items; --'),
      forge(version, signature, '9223372036854775808'),
      forge(version, signature, { toString: 1 }),
      forge(version, signature, ['1']),
      forge(version + 2, signature, '1'),
      forge(2, signature),
      forge(2, signature, 'x'),
      forge(2, signature, null),
      forge(2, signature, '1', '1'),
      forge(2, 'other!', '1'),
      forge(version, 'other!', '1'),
      forge(version, signature, '1', '2'),
      forge('__proto__', signature, 1),
      Buffer.from('{"0":1}').toString('base64url'),
      'A'.repeat(70_000),
      7,
      {},
      [],
    ];
    for (const after of hostile) await refused(byId, { after }, /"after" is not a cursor/);

    const ofMood = (await page(byMood, null, { first: 1 })).pageInfo.endCursor as string;
    const parts = JSON.parse(Buffer.from(ofMood, 'base64url').toString()) as unknown[];
    await refused(byMood, { after: forge(parts[0], parts[1], 'FURIOUS', '1') }, /does not fit its column/);
  });

  it('in an order that the client chose end with the primary key, and their cursors are valid in that order only', async () => {
    const orderArg = {
      argument: 'orderBy',
      values: new Map([
        ['A_DESC', { column: 'a', descending: true }],
        ['B_ASC', { column: 'b', descending: false }],
      ]),
    };
    const field = connectionField({ target: 'items', orderBy: [{ column: 'id', descending: false }], orderArg });
    const id = { column: 'id', descending: false };
    const [byA, byB] = [
      { column: 'a', descending: true },
      { column: 'b', descending: false },
    ];
    assert.deepEqual(
      ids(await page(field, null, { first: 200, orderBy: 'A_DESC' })),
      (await expected([byA, { ...id, descending: true }], null)).slice(0, 200),
    );
    assert.deepEqual(
      ids(await page(field, null, { first: 200, orderBy: ['A_DESC', 'B_ASC'] })),
      (await expected([byA, byB, id], null)).slice(0, 200),
    );
    assert.deepEqual(
      ids(await page(field, null, { first: 200, orderBy: null })),
      (await expected([id], null)).slice(0, 200),
    );
    const { endCursor } = (await page(field, null, { first: 3, orderBy: 'B_ASC' })).pageInfo;
    await assert.rejects(page(field, null, { after: endCursor, orderBy: 'A_DESC' }), /"after" is not a cursor/);
    await assert.rejects(page(field, null, { orderBy: '__proto__' }), /"orderBy" must be one of A_DESC, B_ASC/);
  });

  describe('over long values', () => {
    const walk = async (field: ConnectionField, way: 'first' | 'last'): Promise<unknown[]> => {
      const found: unknown[] = [];
      let cursor: string | null = null;
      do {
        const got: Page = await page(field, null, {
          [way]: 1,
          ...(cursor === null ? {} : { [way === 'first' ? 'after' : 'before']: cursor }),
        });
        found.push(...got.nodes.map((row) => row['id'] ?? row['title']));
        cursor = (way === 'first' ? got.pageInfo.hasNextPage : got.pageInfo.hasPreviousPage)
          ? got.pageInfo.endCursor
          : null;
        assert.ok((cursor ?? '').length < 6_000, 'a cursor that any request can carry');
      } while (cursor !== null && found.length < 20);
      return way === 'first' ? found : found.toReversed();
    };
    const letters = (descending: boolean): ConnectionField =>
      connectionField({
        target: 'letters',
        orderBy: [
          { column: 'body', descending },
          { column: 'id', descending: false },
        ],
      });
    const titles = connectionField({ target: 'titles', orderBy: [{ column: 'title', descending: false }] });

    it('continue from every cursor that they returned, forwards and backwards', async () => {
      for (const descending of [false, true]) {
        const { rows } = await client.query<{ id: string }>(
          `SELECT id FROM letters ORDER BY body ${descending ? 'DESC' : 'ASC'}, id`,
        );
        for (const way of ['first', 'last'] as const)
          assert.deepEqual(
            await walk(letters(descending), way),
            rows.map(({ id }) => id),
            `${way} ${descending}`,
          );
      }
      for (const way of ['first', 'last'] as const)
        assert.deepEqual(
          await walk(titles, way),
          ['a', 'b', 'c', 'd'].map((letter) => letter.repeat(100_000)),
        );
    });

    it('continue at the new place of a moved row, report a deleted row, and need no row if the order is the key itself', async () => {
      const [first, title] = [await page(letters(false), null, { first: 1 }), await page(titles, null, { first: 2 })];
      const again = (): Promise<Page> => page(letters(false), null, { first: 1, after: first.pageInfo.endCursor });
      const next = ids(await again());
      assert.notDeepEqual(next, ids(first));
      await client.query('BEGIN');
      await client.query('UPDATE letters SET body = NULL WHERE id = $1', [ids(first)[0]]);
      assert.deepEqual(ids(await again()), [5], 'the row is the first of those without a body now');
      await client.query('DELETE FROM letters WHERE id = $1', [ids(first)[0]]);
      const gone =
        /^The row that "after" names is gone, and with it its place in the order; go on from the cursor of another row, or begin anew\.$/;
      for (const answer of [
        again(),
        fresh().loaders.totalCount(letters(false), null, { after: first.pageInfo.endCursor }),
      ]) {
        await assert.rejects(answer, (error) => isMeridianError(error, 'BAD_USER_INPUT') && gone.test(error.message));
      }
      await client.query('DELETE FROM titles WHERE title LIKE $1', ['b%']);
      assert.deepEqual((await page(titles, null, { first: 1, after: title.pageInfo.endCursor })).nodes, [
        { title: 'c'.repeat(100_000) },
      ]);
      await client.query('ROLLBACK');
    });
  });
});
