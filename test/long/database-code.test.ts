/**
 * Proves writes that triggers, rules and changes of tables affect: the client learns what was written, with the
 * messages that the database's functions raise, in every region and with an idempotency key.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ResolverContext, type UserResolvers } from '../../src/index.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { EU, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';
import { SDL, SQL } from '../support/database-code.ts';

const resolvers: UserResolvers = {
  Mutation: {
    byHand: (_parent: unknown, { sql, value }: { sql: string; value?: string }, ctx: ResolverContext) =>
      ctx.transaction(async (tx) => JSON.stringify((await tx.query(sql, value === undefined ? [] : [value])).rows)),
    bump: (_parent: unknown, _args: unknown, ctx: ResolverContext) =>
      ctx.transaction(async (tx) =>
        JSON.stringify((await tx.query('UPDATE tasks SET points = points + $1 WHERE id = 1 RETURNING *', [1])).rows[0]),
      ),
  },
};

let app: TestApp;
const lines: { level: string; msg: string }[] = [];
let keys = 0;
before(async () => {
  const telemetry = createTelemetry({
    level: 'info',
    destination: { write: (line) => void lines.push(JSON.parse(line) as { level: string; msg: string }) },
  });
  app = await startTestApp({
    regions: [US, EU],
    files: [{ name: 'code.graphql', body: SDL }],
    sql: SQL,
    forwarding: true,
    server: { resolvers, telemetry },
    settings: { poolWaitMs: 20_000, connectMs: 10_000 },
  });
});
after(() => app[Symbol.asyncDispose]());

const ways: readonly (readonly [string, string, () => Record<string, string>])[] = [
  ['at the primary', US, () => ({})],
  ['forwarded', EU, () => ({})],
  ['with a key', US, () => ({ 'idempotency-key': `code ${(keys += 1)}` })],
];
const outcome = ({ data, errors }: Answer<Record<string, unknown>>): unknown =>
  errors[0] === undefined ? data : [errors[0].extensions.code, errors[0].message, errors[0].extensions['details']];

describe('an error that a database function raises', () => {
  const update = (
    region: string,
    input: Record<string, unknown>,
    headers = {},
  ): Promise<Answer<Record<string, unknown>>> =>
    app.gql(region, 'mutation ($input: StockInput!) { updateStock(id: 1, input: $input) { stock { qty } } }', {
      variables: { input },
      headers,
    });

  for (const [way, region, headers] of ways) {
    it(`reaches the client with its own message and a stable code, ${way}`, async () => {
      const said = { detail: 'One is left.', hint: 'Order less.' };
      for (const state of [
        'P0001',
        'P0002',
        'AB123',
        'PT402',
        '0A000',
        '25006',
        '08006',
        '57P01',
        '57P03',
        '57014',
        '53300',
        '55P03',
        '22012',
        '42P01',
        '26000',
      ]) {
        assert.deepEqual(
          outcome(await update(region, { qty: -1, state }, headers())),
          ['RAISED_BY_DATABASE', 'Stock exhausted', { sqlState: state, ...said }],
          state,
        );
      }
      assert.deepEqual(outcome(await update(region, { qty: -1, state: '23514' }, headers())), [
        'CONSTRAINT_VIOLATION',
        'Stock exhausted',
        { sqlState: '23514', ...said, columns: [] },
      ]);
      assert.deepEqual(outcome(await update(region, { qty: -1, state: '42501' }, headers())), [
        'FORBIDDEN',
        'Stock exhausted',
        { sqlState: '42501', ...said },
      ]);
      assert.deepEqual(outcome(await update(region, { qty: -1, state: 'assert' }, headers())), [
        'RAISED_BY_DATABASE',
        'Stock must be there.',
        { sqlState: 'P0004' },
      ]);
    });
  }

  it('reaches the client also from a deferred trigger at the end of the transaction', async () => {
    for (const state of ['57P01', '08006', '0A000', 'P0001']) {
      assert.deepEqual(
        outcome(await app.gql(US, `mutation { byHand(sql: "INSERT INTO later VALUES (1, '${state}')") }`)),
        ['RAISED_BY_DATABASE', 'Too late', { sqlState: state }],
        state,
      );
    }
  });

  it("is the client's error and not logged as an error of the server", () => {
    assert.deepEqual(
      lines.filter(({ level }) => level === 'error'),
      [],
    );
  });

  it('is distinguished from a failure of the function itself, whose message is hidden', async () => {
    assert.deepEqual(outcome(await update(US, { state: 'strict' })), [
      'RAISED_BY_DATABASE',
      "The database's own code refuses this with SQLSTATE P0002.",
      { sqlState: 'P0002' },
    ]);
    assert.deepEqual(outcome(await update(US, { state: 'divide' })), [
      'DATABASE_ERROR',
      'A function or trigger of the database failed in region us-east-1 with SQLSTATE 22012.',
      { region: US, sqlState: '22012' },
    ]);
    assert.equal(lines.filter(({ level }) => level === 'error').length, 1);
  });

  it('allows another attempt if its SQLSTATE is 40001, as for any conflict', async () => {
    const { errors } = await update(US, { qty: -1, state: '40001' });
    assert.deepEqual([errors[0]?.extensions.code, errors[0]?.extensions['retryable']], ['TRANSACTION_CONFLICT', true]);
  });
});

describe('a write that the database turns into another one', () => {
  const run = async (region: string, query: string, headers: Record<string, string>): Promise<unknown> =>
    outcome(await app.gql(region, `mutation { ${query} }`, { headers }));
  const rows = (sql: string): Promise<unknown[]> => app.cluster.query(US, sql);

  for (const [way, region, headers] of ways) {
    it(`is reported as the database did it, ${way}`, async () => {
      const before = (await rows('SELECT FROM elsewhere')).length;
      assert.deepEqual(await run(region, 'createFront(input: { v: 1 }) { front { id } }', headers()), {
        createFront: { front: null },
      });
      assert.equal((await rows('SELECT FROM elsewhere')).length, before + 1);
      const refused = await run(region, 'forceFront(input: { v: 1 }) { front { id } }', headers());
      assert.match(
        JSON.stringify(refused),
        /^\["CONFIG_INVALID","A trigger or a rule of the database leaves no Front to be shown by \\"front\\", which must not be null; nothing was written/,
      );
      assert.equal((await rows('SELECT FROM elsewhere')).length, before + 1);
      const [{ id }] = (await rows('INSERT INTO front (v) VALUES (0) RETURNING id')) as [{ id: string }];
      assert.deepEqual(await run(region, `updateFront(id: ${id}, input: { v: 3 }) { front { id v } }`, headers()), {
        updateFront: { front: { id, v: 0 } },
      });
      assert.deepEqual(
        await run(region, `createFront(input: { id: ${Number(id) + 500}, v: 0 }) { front { v } }`, headers()),
        { createFront: { front: { v: 0 } } },
      );
    });

    it(`is not reported as a missing row if a trigger has left the row unchanged, ${way}`, async () => {
      assert.deepEqual(
        await run(region, 'updateProfile(id: 1, input: { bio: "same" }) { profile { bio version } }', headers()),
        { updateProfile: { profile: { bio: 'same', version: 1 } } },
      );
      assert.deepEqual(
        await run(
          region,
          'updateProfile(id: 1, expectedVersion: 1, input: { bio: "same" }) { profile { bio version } }',
          headers(),
        ),
        { updateProfile: { profile: { bio: 'same', version: 1 } } },
      );
      assert.deepEqual(await run(region, 'deleteProfile(id: 2, expectedVersion: 1) { profile { bio } }', headers()), {
        deleteProfile: { profile: { bio: 'kept' } },
      });
      assert.deepEqual(await run(region, 'updateProfile(id: 9, input: { bio: "x" }) { profile { bio } }', headers()), [
        'NOT_FOUND',
        'There is no Profile with id "9" to update; nothing was changed.',
        { entity: 'Profile', key: { id: '9' } },
      ]);
      const soft = ways.findIndex(([name]) => name === way) + 1;
      assert.deepEqual(await run(region, `deleteSoft(id: ${soft}) { soft { id gone } }`, headers()), {
        deleteSoft: { soft: { id: String(soft), gone: true } },
      });
      assert.deepEqual(await run(region, 'deleteSoft(id: 99) { soft { id } }', headers()), [
        'NOT_FOUND',
        'There is no Soft with id "99" to delete; nothing was changed.',
        { entity: 'Soft', key: { id: '99' } },
      ]);
    });

    it(`returns the row as it is committed, whatever triggers change afterwards, ${way}`, async () => {
      const selection = '{ post { id title slug shout version comments { post { slug version } } } }';
      const created = (await run(region, `createPost(input: { title: "Hi" }) ${selection}`, headers())) as {
        createPost: { post: { id: string } };
      };
      const { id } = created.createPost.post;
      assert.deepEqual(created.createPost.post, {
        id,
        title: 'Hi',
        slug: 'hi',
        shout: 'HI',
        version: 2,
        comments: [{ post: { slug: 'hi', version: 2 } }],
      });
      const updated = await run(
        region,
        `updatePost(id: ${id}, expectedVersion: 2, input: { title: "Ho" }) ${selection}`,
        headers(),
      );
      assert.deepEqual(updated, {
        updatePost: {
          post: {
            id,
            title: 'Ho',
            slug: 'ho',
            shout: 'HO',
            version: 4,
            comments: [{ post: { slug: 'ho', version: 4 } }],
          },
        },
      });
      assert.deepEqual(await run(region, 'createPost(input: { title: "vanish" }) { post { id } }', headers()), {
        createPost: { post: null },
      });
      assert.deepEqual(
        await run(region, `updatePost(id: ${id}, input: { title: "vanish" }) { post { id } }`, headers()),
        { updatePost: { post: null } },
      );
    });

    it(`may be done by an INSTEAD OF trigger or by a rule, ${way}`, async () => {
      const id = 100 + ways.findIndex(([name]) => name === way);
      for (const [one, updated, deleted] of [
        ['Card', 'LOUD', 'LOUD'],
        ['Event', 'a', 'gone'],
      ] as const) {
        const field = one.toLowerCase();
        assert.deepEqual(
          await run(region, `create${one}(input: { id: ${id}, label: "a" }) { ${field} { id label } }`, headers()),
          { [`create${one}`]: { [field]: { id: String(id), label: 'a' } } },
        );
        assert.deepEqual(
          await run(region, `update${one}(id: ${id}, input: { label: "loud" }) { ${field} { label } }`, headers()),
          { [`update${one}`]: { [field]: { label: updated } } },
        );
        assert.deepEqual(await run(region, `delete${one}(id: ${id}) { ${field} { id label } }`, headers()), {
          [`delete${one}`]: { [field]: { id: String(id), label: deleted } },
        });
        assert.deepEqual(
          await run(region, `update${one}(id: 7777, input: { label: "x" }) { ${field} { label } }`, headers()),
          [
            'NOT_FOUND',
            `There is no ${one} with id "7777" to update; nothing was changed.`,
            { entity: one, key: { id: '7777' } },
          ],
        );
        assert.equal(
          ((await run(region, `delete${one}(id: 7777) { ${field} { label } }`, headers())) as string[])[0],
          'NOT_FOUND',
        );
      }
      assert.match(
        JSON.stringify(
          await run(region, 'createEvent(input: { label: "numbered" }) { event { id label } }', headers()),
        ),
        /"id":"\d+","label":"numbered"/,
      );
    });
  }

  it('returns the same answer when its request is repeated', async () => {
    for (const query of [
      'createFront(input: { v: 1 }) { front { id } }',
      'updateProfile(id: 1, input: { bio: "same" }) { profile { bio version } }',
      'deleteSoft(id: 10) { soft { gone } }',
      'createPost(input: { title: "Twice" }) { post { id slug version } }',
      'deleteEvent(id: 1) { event { label } }',
    ]) {
      const key = { 'idempotency-key': `again ${query.length}` };
      const first = await run(US, query, key);
      assert.deepEqual(await run(EU, query, key), first, query);
      assert.doesNotMatch(JSON.stringify(first), /untouched|absent|refused/);
    }
  });
});

describe('rows with values that json cannot represent', () => {
  const update = async (id: number, name: string, version: number | null, headers = {}): Promise<unknown> =>
    outcome(
      await app.gql(
        US,
        'mutation ($id: ID!, $v: Int, $name: String!) { updateProduct(id: $id, expectedVersion: $v, input: { name: $name }) { product { id name attrs raw mood version } } }',
        { variables: { id, v: version, name }, headers },
      ),
    );
  // Everything of a row but its name and version, as the table's own text.
  const shown = async (id: number): Promise<unknown> =>
    (
      await app.cluster.query(
        US,
        `SELECT p::text AS row, p.jb::text AS jb FROM (SELECT * FROM products WHERE id = $1) AS p`,
        [id],
      )
    )[0];

  before(async () => {
    await app.cluster.query(
      US,
      `INSERT INTO products (id, name, attrs, raw, jb, arr, many, domained, duo, zero, price, at, span, bin, host, fixed, words, flag, mixed, empty) SELECT n, 'a', 'k=>v, "x y"=>NULL',
      '{"b": 1,  "a": 2, "a": 3, "s": "x\\u0000y"}', 'null', '[0:1]={1,2}', ARRAY['a=>1'::hstore, NULL], 'd=>1', ROW('a=>"b,c"'::hstore, 'q"\\( '::text)::pair, '-0', 1.500, '2026-01-31 12:00:00.123456+05:30', '-1 year +3 days', '\\x00ff', '10.0.0.1/32', 'ab',
      E' "quoted" \\\\ back, (paren)\\n', false, ARRAY['NULL', NULL, '', 'a,b', '{}'], '' FROM generate_series(1, 9) AS n`,
    );
  });

  it('can be changed and deleted by any program, in a session with any settings', async () => {
    await app.cluster.query(
      US,
      `BEGIN; SET LOCAL datestyle = 'German'; SET LOCAL timezone = 'Asia/Kolkata'; SET LOCAL intervalstyle = 'sql_standard'; SET LOCAL extra_float_digits = 0; SET LOCAL bytea_output = 'escape'; UPDATE products SET version = version + 1 WHERE id = 1; COMMIT`,
    );
    await app.cluster.query(US, 'UPDATE products SET version = version + 1 WHERE id = 2');
    assert.equal(
      (
        await app.cluster.query(US, 'SELECT FROM meridian.history WHERE version = 1 AND relation = $1', [
          'public.products',
        ])
      ).length,
      2,
    );
  });

  it('are replayed, merged and restored exactly', async () => {
    const key = { 'idempotency-key': 'product' };
    const first = await update(3, 'keyed', null, key);
    assert.match(JSON.stringify(first), /"attrs":"\\"k\\"=>\\"v\\", \\"x y\\"=>NULL"/);
    assert.deepEqual(await update(3, 'keyed', null, key), first);
    await update(4, 'once', null);
    assert.deepEqual(
      ((await update(4, 'merged', 1)) as { updateProduct: { product: { name: string; version: number } } })
        .updateProduct.product.version,
      3,
    );
    for (const id of [5, 1]) {
      const before = (await shown(id)) as { row: string };
      await app.cluster.query(US, 'DELETE FROM products WHERE id = $1', [id]);
      const { updateProduct } = (await update(id, 'a', 1)) as { updateProduct: { product: { version: number } } };
      await app.cluster.query(US, 'UPDATE products SET version = $2 WHERE id = $1', [id, id === 1 ? 2 : 1]);
      assert.ok(updateProduct.product.version > 1);
      assert.deepEqual(await shown(id), before);
    }
  });

  it('can be merged and restored after their columns have changed', async () => {
    for (const id of [6, 7]) await update(id, 'changed', null);
    await app.cluster.query(
      US,
      `ALTER TABLE products ADD COLUMN added text DEFAULT 'new', DROP COLUMN zero, ALTER COLUMN price TYPE text, ALTER COLUMN words TYPE varchar(100)`,
    );
    assert.match(JSON.stringify(await update(6, 'merged', 1)), /"name":"merged"/);
    await app.cluster.query(US, 'DELETE FROM products WHERE id = 7');
    assert.match(JSON.stringify(await update(7, 'restored', 1)), /"name":"restored"/);
    assert.deepEqual(await app.cluster.query(US, 'SELECT added, price, jb::text FROM products WHERE id = 7'), [
      { added: 'new', price: '1.500', jb: 'null' },
    ]);
    // A column that the trigger goes by has another name: the version is not kept, and the write goes on.
    await app.cluster.query(US, 'ALTER TABLE products RENAME COLUMN version TO revision');
    await app.cluster.query(
      US,
      'UPDATE products SET revision = revision + 1 WHERE id = 8; DELETE FROM products WHERE id = 9',
    );
    await app.cluster.query(US, 'ALTER TABLE products RENAME COLUMN revision TO version');
  });

  it('are found by a key of fixed length in every spelling', async () => {
    const edit = async (label: string, version: number): Promise<unknown> =>
      outcome(
        await app.gql(
          US,
          'mutation ($v: Int, $input: CodeInput!) { updateCode(code: "ab", expectedVersion: $v, input: $input) { code { code label version } } }',
          { variables: { v: version, input: { label } } },
        ),
      );
    assert.deepEqual(await edit('second', 1), { updateCode: { code: { code: 'ab  ', label: 'second', version: 2 } } });
    assert.deepEqual(await edit('merged', 1), { updateCode: { code: { code: 'ab  ', label: 'merged', version: 3 } } });
    await app.cluster.query(US, 'DELETE FROM codes');
    assert.deepEqual(await edit('restored', 3), {
      updateCode: { code: { code: 'ab  ', label: 'restored', version: 4 } },
    });
  });

  it('are reported as written if the stored outcome no longer fits their columns', async () => {
    const key = { 'idempotency-key': 'before the change' };
    assert.match(JSON.stringify(await update(2, 'kept', null, key)), /"name":"kept"/);
    await app.cluster.query(US, `ALTER TYPE mood RENAME VALUE 'sad' TO 'blue'`);
    const message =
      'The request with this idempotency-key was carried out before, but what is kept of updateProduct#0 does not fit the columns any more, which have changed since; read the row instead of repeating it.';
    assert.deepEqual(await update(2, 'kept', null, key), ['WRITE_OUTCOME_UNKNOWN', message, { committed: true }]);
  });

  it('are read as an earlier version of Meridian has stored them', async () => {
    await app.cluster.query(
      US,
      `INSERT INTO meridian.history (relation, key, version, row_then, deleted) VALUES
      ('public.products', '{"id": 20}', 3, '{"id": 20, "name": "old", "version": 3, "jb": {}, "arr": [1, 2], "flag": true}', true)`,
    );
    assert.match(JSON.stringify(await update(20, 'back', 3)), /"name":"back".*"version":4/);
    assert.deepEqual(await app.cluster.query(US, 'SELECT arr::text, flag FROM products WHERE id = 20'), [
      { arr: '{1,2}', flag: true },
    ]);
  });
});

describe('a write that a table refuses', () => {
  it('names the column of the broken rule, for every kind of rule', async () => {
    const create = (input: Record<string, unknown>): Promise<Answer<Record<string, unknown>>> =>
      app.gql(US, 'mutation ($input: LinkInput!) { createLink(input: $input) { link { id } } }', {
        variables: { input },
      });
    assert.deepEqual(outcome(await create({ url: 'a', rank: 0 })), [
      'CONSTRAINT_VIOLATION',
      'A value breaks a rule of the table (rank).',
      { sqlState: '23514', columns: ['rank'] },
    ]);
    assert.deepEqual(outcome(await create({ url: 'a', mail: 'nobody' })), [
      'CONSTRAINT_VIOLATION',
      'A value breaks a rule of the table (mail).',
      { sqlState: '23514', columns: ['mail'] },
    ]);
    assert.deepEqual(outcome(await create({ url: 'a', at: '2031-01-01' })), [
      'CONSTRAINT_VIOLATION',
      'No partition of the table takes the row (at).',
      { sqlState: '23514', columns: ['at'] },
    ]);
    const long = Array.from({ length: 5_000 }, () => Math.trunc(Math.random() * 36).toString(36)).join('');
    assert.deepEqual(outcome(await create({ url: long })), [
      'BAD_USER_INPUT',
      'A value is too large for its table, or for an index of it (url, at); send a shorter one.',
      { region: US, sqlState: '54000', columns: ['url', 'at'] },
    ]);
    assert.equal((await create({ url: 'b' })).errors.length, 0);
    assert.deepEqual(outcome(await create({ url: 'b' })), [
      'CONSTRAINT_VIOLATION',
      'A row with this key exists already (url, at).',
      { sqlState: '23505', columns: ['url', 'at'] },
    ]);
  });
});

describe('the error of a refused write', () => {
  const update = async (input: Record<string, unknown>): Promise<unknown> =>
    outcome(
      await app.gql(US, 'mutation ($input: MemberInput!) { updateMember(id: 1, input: $input) { member { id } } }', {
        variables: { input },
      }),
    );

  it('names columns and no value of the row, whatever the row contains', async () => {
    assert.deepEqual(await update({ bio: ')=(', rank: 0 }), [
      'CONSTRAINT_VIOLATION',
      'A value breaks a rule of the table (rank).',
      { sqlState: '23514', columns: ['rank'] },
    ]);
    const values = `UPDATE members SET bio = ')=(', rank = NULL WHERE id = 1`;
    assert.deepEqual(outcome(await app.gql(US, `mutation { byHand(sql: "${values}") }`)), [
      'CONSTRAINT_VIOLATION',
      'A required value is missing (rank).',
      { sqlState: '23502', columns: ['rank'] },
    ]);
    const viewed = `UPDATE steady SET bio = ')=(', rank = 100 WHERE id = 1`;
    assert.deepEqual(outcome(await app.gql(US, `mutation { byHand(sql: "${viewed}") }`)), [
      'CONSTRAINT_VIOLATION',
      'The row is not one that the view shows.',
      { sqlState: '44000', columns: [] },
    ]);
  });

  it('contains no expression of an index', async () => {
    assert.deepEqual(await update({ mail: 'B@example.com' }), [
      'CONSTRAINT_VIOLATION',
      'A row with this key exists already.',
      { sqlState: '23505', columns: [] },
    ]);
  });
});

describe("a transaction of an application's own SQL", () => {
  const byHand = async (sql: string, value?: string): Promise<unknown> =>
    outcome(
      await app.gql(US, 'mutation ($sql: String!, $value: String) { byHand(sql: $sql, value: $value) }', {
        variables: { sql, value },
      }),
    );

  it('returns the rows of the last one of several statements in one text', async () => {
    assert.deepEqual(await byHand('SELECT 1 AS one; SELECT 2 AS two'), { byHand: '[{"two":2}]' });
    assert.deepEqual(await byHand('SELECT 1 AS one; SELECT $1::text AS two', 'x'), [
      'DATABASE_ERROR',
      'A statement failed in region us-east-1 with SQLSTATE 42601.',
      { region: US, sqlState: '42601' },
    ]);
  });

  it('leaves no setting that it, or a function that it calls, has made for its session to the next transaction', async () => {
    const now = `SELECT current_date::text ~ '^2' AS iso, current_user, current_setting('search_path') AS path`;
    const before = await byHand(now);
    for (let i = 0; i < 3; i += 1) {
      await byHand('SET datestyle = German; SET search_path = pg_catalog; SET ROLE pg_monitor');
      assert.deepEqual(await byHand(now), before);
      await byHand('SELECT stray()');
      assert.deepEqual(await byHand(now), before);
    }
  });
});

describe('a change of a table with prepared statements', () => {
  const read = (region: string, level: string): Promise<Answer<Record<string, unknown>>> =>
    app.gql(region, `query @consistent(level: ${level}) { task(id: 1) { title } }`);
  const write = (region: string): Promise<Answer<Record<string, unknown>>> =>
    app.gql(region, 'mutation { updateTask(id: 1, input: { points: 1 }) { task { title } } }');
  const bump = (region: string): Promise<Answer<Record<string, unknown>>> => app.gql(region, 'mutation { bump }');
  const all = async (): Promise<void> => {
    // Enough at once for every connection of the pools to have the plans.
    const answers = await Promise.all(
      Array.from({ length: 12 }, () => [
        read(US, 'STRONG'),
        read(EU, 'STRONG'),
        read(US, 'SNAPSHOT'),
        read(EU, 'SNAPSHOT'),
        write(US),
        write(EU),
        bump(US),
        bump(EU),
      ]).flat(),
    );
    for (const { errors } of answers) assert.deepEqual(errors, []);
  };

  it('makes no read and no write fail, in any region, whatever is changed', async () => {
    await all();
    await all();
    for (const sql of [
      'ALTER TABLE tasks ALTER title TYPE varchar(200)',
      'ALTER TABLE tasks ADD COLUMN extra text',
      'ALTER TABLE tasks DROP COLUMN extra',
      'ALTER TABLE tasks ALTER title TYPE text',
    ]) {
      await app.cluster.query(US, sql);
      await all();
    }
    const [row] = await app.cluster.query<{ points: number }>(US, 'SELECT points FROM tasks WHERE id = 1');
    assert.ok(row && row.points > 0);
    assert.match(String((await bump(EU)).data?.['bump']), /"title"/);
  });

  it('does not make connections restart repeatedly when a function of the database fails permanently', async () => {
    // Takes rows of two types by turns, which PL/pgSQL refuses in every session.
    await app.cluster.query(
      US,
      `CREATE FUNCTION mixed() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE r record; BEGIN
      FOR i IN 1..2 LOOP IF i = 1 THEN SELECT 1 AS x INTO r; ELSE SELECT 'one'::text AS x INTO r; END IF; PERFORM r.x; END LOOP; RETURN NEW; END $$;
      CREATE TRIGGER mixed BEFORE UPDATE ON stocks FOR EACH ROW EXECUTE FUNCTION mixed()`,
    );
    // Those of an older generation go one by one.
    await app.cluster.query(
      US,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meridian write'`,
    );
    const pids = async (): Promise<number[]> =>
      (
        await app.cluster.query<{ pid: number }>(
          US,
          `SELECT pid FROM pg_stat_activity WHERE application_name = 'meridian write'`,
        )
      ).map(({ pid }) => pid);
    const failed = async (): Promise<unknown> =>
      outcome(await app.gql(US, 'mutation { updateStock(id: 1, input: { qty: 5 }) { stock { qty } } }'));
    const error = [
      'DATABASE_ERROR',
      'A function or trigger of the database failed in region us-east-1 with SQLSTATE 42804.',
      { region: US, sqlState: '42804' },
    ];
    await write(US);
    for (let i = 0; i < 3; i += 1) assert.deepEqual(await failed(), error);
    await write(US);
    const before = await pids();
    for (let i = 0; i < 5; i += 1) {
      assert.deepEqual(await failed(), error);
      assert.deepEqual((await write(US)).errors, []);
    }
    const after = await pids();
    assert.ok(
      before.length > 0 && before.every((pid) => after.includes(pid)),
      `${before.join()} became ${after.join()}`,
    );
    await app.cluster.query(US, 'DROP TRIGGER mixed ON stocks');
  });
});
