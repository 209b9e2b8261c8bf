/** Proves filters on a real server: each operator against the equivalent plain SQL. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { isMeridianError } from '../../src/base/errors.ts';
import { defaultOptions } from '../../src/config/options.ts';
import {
  type FilterArg,
  type FilterField,
  type FilterInput,
  type FilterOperator,
  type ListField,
  type Model,
} from '../../src/model/model.ts';
import { EntityLoaders } from '../../src/read/loaders/entity-loaders.ts';
import { Tenancy } from '../../src/read/sql/tenant.ts';
import { CountingExecutor, listField, plainModel } from '../support/plain-model.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

const SCHEMA = `
  CREATE TYPE stage AS ENUM ('NEW', 'OPEN', 'DONE');
  CREATE TABLE facts (
    id bigint PRIMARY KEY, n int, big bigint, price numeric(12,4), name text, code varchar(4), stage stage, at timestamptz, due date,
    flag boolean, uid uuid, tags text[], stages stage[], doc jsonb, plain json, "Odd ""name" text
  );
  INSERT INTO facts SELECT i, nullif(i % 5, 0), 9007199254740993 + i % 3, (i % 7) / 4.0,
    (ARRAY['plain', '100%', '100_', 'back\\slash', 'it''s', 'ünïcode 🙂', NULL])[1 + i % 7], (ARRAY['ab', 'abcd', NULL])[1 + i % 3],
    (ARRAY['NEW', 'OPEN', 'DONE', NULL]::stage[])[1 + i % 4], '2026-01-31 12:00:00.123456Z'::timestamptz + i % 3 * interval '1 microsecond',
    date '2024-02-28' + i % 3, nullif(i % 3, 0) = 1, ('00000000-0000-0000-0000-00000000000' || i % 10)::uuid,
    (ARRAY['{}', '{red}', '{red,green}', '{"a,b","c\\"d",NULL}', NULL]::text[])[1 + i % 5]::text[], (ARRAY['{NEW}', '{NEW,DONE}', NULL]::text[])[1 + i % 3]::stage[],
    (ARRAY['{"a": 1}', '{"a": 2, "b": [1]}', NULL])[1 + i % 3]::jsonb, '{"b":1, "a":2}'::json, 'x' || i % 2
  FROM generate_series(1, 120) i`;

const OPERATORS: readonly FilterOperator[] = [
  'eq',
  'ne',
  'in',
  'notIn',
  'lt',
  'lte',
  'gt',
  'gte',
  'isNull',
  'contains',
  'startsWith',
  'endsWith',
  'has',
  'hasAny',
  'hasAll',
];

describe('filters', () => {
  let server: ScratchPostgres;
  let client: pg.Client;
  let model: Model;
  let field: ListField;

  before(async () => {
    server = await startScratchPostgres();
    client = await server.connect();
    await client.query(SCHEMA);
    model = await plainModel(client);
    const columns = [...(model.entities.get('facts')?.columns.keys() ?? [])];
    const operators = new Map(OPERATORS.map((name) => [name, name]));
    const fields: [string, FilterField][] = [
      ...columns.map((column): [string, FilterField] => [column, { kind: 'operators', column, operators }]),
      ['nIs', { kind: 'equals', column: 'n' }],
      ['and', { kind: 'and' }],
      ['or', { kind: 'or' }],
      ['not', { kind: 'not' }],
    ];
    const input: FilterInput = { name: 'FactFilter', fields: new Map(fields) };
    const equals = columns.map((column): [string, FilterArg] => [column, { kind: 'equals', column }]);
    field = listField({
      target: 'facts',
      orderBy: [{ column: 'id', descending: false }],
      filters: new Map([...equals, ['filter', { kind: 'filter', input }]]),
    });
  });
  after(() => server[Symbol.asyncDispose]());

  const loaders = (): EntityLoaders =>
    new EntityLoaders({
      model,
      executor: new CountingExecutor(client),
      limits: defaultOptions(),
      tenancy: Tenancy.all,
    });
  const found = async (args: Record<string, unknown>): Promise<string[]> =>
    (await loaders().list(field, null, args)).map((row) => String(row['id']));
  const bySql = async (where: string): Promise<string[]> =>
    (await client.query<{ id: string }>(`SELECT id FROM facts WHERE ${where} ORDER BY id`)).rows.map((row) => row.id);
  /** The filter finds what the SQL finds; the SQL finds some rows and not all, or the comparison would show little. */
  const same = async (filter: unknown, where: string, some = true): Promise<void> => {
    const want = await bySql(where);
    if (some) assert.ok(want.length > 0 && want.length < 120, `${where} finds ${want.length} of 120`);
    assert.deepEqual(await found({ filter }), want, `${JSON.stringify(filter)} as ${where}`);
    assert.equal(await loaders().count(field, null, { filter }), want.length);
  };

  it('compare each type as SQL does', async () => {
    await same({ n: { eq: 3 } }, 'n = 3');
    await same({ n: { eq: '003' } }, 'n = 3');
    await same({ big: { eq: '9007199254740994' } }, 'big = 9007199254740994');
    await same(
      { big: { gt: '9007199254740993', lte: '9007199254740994' } },
      'big > 9007199254740993 AND big <= 9007199254740994',
    );
    await same({ price: { eq: '0.75' } }, 'price = 0.75');
    await same({ price: { lt: '0.7500000001', gte: 0.25 } }, 'price < 0.7500000001 AND price >= 0.25');
    await same({ price: { eq: '0.7500001' } }, 'price = 0.7500001', false);
    await same({ code: { eq: 'abcd' } }, "code = 'abcd'");
    await same({ code: { eq: 'abcde' } }, 'false', false);
    await same({ stage: { gte: 'OPEN' } }, "stage >= 'OPEN'");
    await same({ at: { eq: '2026-01-31T17:30:00.123457+05:30' } }, "at = '2026-01-31 12:00:00.123457Z'");
    await same({ at: { lt: '2026-01-31T12:00:00.123457Z' } }, "at < '2026-01-31 12:00:00.123457Z'");
    await same({ due: { eq: '2024-02-29' } }, "due = '2024-02-29'");
    await same({ flag: { eq: true } }, 'flag');
    await same(
      { uid: { in: ['00000000-0000-0000-0000-000000000003', '00000000000000000000000000000004'] } },
      "uid::text ~ '[34]$'",
    );
    await same({ doc: { eq: { b: [1], a: 2 } } }, `doc = '{"a": 2, "b": [1]}'`);
    await same({ plain: { eq: { a: 2, b: 1 } } }, `plain::jsonb = '{"a":2,"b":1}'`, false);
    await same({ 'Odd "name': { eq: 'x1' } }, '"Odd ""name" = \'x1\'');
  });

  it('treat NULL as a value: ne and notIn include it, not is the complement, and null means IS NULL', async () => {
    await same({ n: { ne: 3 } }, 'n IS DISTINCT FROM 3');
    await same({ n: { eq: null } }, 'n IS NULL');
    await same({ n: { ne: null } }, 'n IS NOT NULL');
    await same({ nIs: null }, 'n IS NULL');
    await same({ nIs: [1, null] }, 'n = 1 OR n IS NULL');
    await same({ n: { isNull: true } }, 'n IS NULL');
    await same({ n: { isNull: false } }, 'n IS NOT NULL');
    await same({ n: { in: [1, 2, null] } }, 'n IN (1, 2) OR n IS NULL');
    await same({ n: { in: [null] } }, 'n IS NULL');
    await same({ n: { notIn: [1, 2] } }, 'n NOT IN (1, 2) OR n IS NULL');
    await same({ n: { notIn: [1, null] } }, 'n <> 1');
    await same({ n: { in: [] } }, 'false', false);
    await same({ n: { notIn: [] } }, 'true', false);
    await same({ not: { n: { lt: 3 } } }, 'n >= 3 OR n IS NULL');
    await same({ not: { not: { n: { lt: 3 } } } }, 'n < 3');
  });

  it('match parts of text, and take wildcards and quotes literally', async () => {
    for (const part of ['100%', '100_', '%', '_', '\\', "it's", '🙂', 'lain', 'b"; DROP TABLE facts; --']) {
      const literal = `'${part.replaceAll("'", "''")}'`;
      await same({ name: { contains: part } }, `strpos(name, ${literal}) > 0`, !part.includes('DROP'));
    }
    await same({ name: { startsWith: '100_' } }, "starts_with(name, '100_')");
    await same({ name: { endsWith: '%' } }, "right(name, 1) = '%'");
    await same({ name: { contains: '' } }, 'name IS NOT NULL');
    await same({ n: { contains: '3' } }, 'n = 3');
  });

  it('match entries of arrays', async () => {
    await same({ tags: { has: 'red' } }, "'red' = ANY(tags)");
    await same({ tags: { has: 'a,b' } }, "'a,b' = ANY(tags)");
    await same({ tags: { hasAny: ['green', 'c"d'] } }, `tags && '{green,"c\\"d"}'`);
    await same({ tags: { hasAll: ['green', 'red'] } }, "tags @> '{green,red}'");
    await same({ tags: { hasAny: [] } }, 'false', false);
    await same({ tags: { hasAll: [] } }, 'tags IS NOT NULL');
    await same({ tags: { eq: ['a,b', 'c"d', null] } }, `tags = '{"a,b","c\\"d",NULL}'`);
    await same({ tags: { in: [['red'], []] } }, "tags IN ('{red}', '{}')");
    await same({ stages: { has: 'DONE' } }, "'DONE' = ANY(stages)");
    await same({ stages: { eq: ['NEW'] } }, "stages = '{NEW}'");
  });

  it('can be combined with and, or and not', async () => {
    await same({ n: { gt: 1 }, stage: { eq: 'NEW' } }, "n > 1 AND stage = 'NEW'");
    await same(
      { or: [{ n: { eq: 1 } }, { stage: { eq: 'NEW' }, n: { eq: 2 } }] },
      "n = 1 OR (stage = 'NEW' AND n = 2)",
    );
    await same(
      { n: { eq: 1 }, or: [{ stage: { eq: 'NEW' } }, { stage: { eq: 'OPEN' } }] },
      "n = 1 AND stage IN ('NEW', 'OPEN')",
    );
    await same({ and: [{ n: { gt: 1 } }, { not: { n: { eq: 3 } } }] }, 'n > 1 AND n <> 3');
    await same({ and: { n: { eq: 1 } } }, 'n = 1');
    await same({ or: [] }, 'false', false);
    for (const all of [{ and: [] }, {}, { n: {} }, { n: undefined }]) await same(all, 'true', false);
    assert.deepEqual(
      await found({ n: 1, stage: ['NEW', 'OPEN'], filter: { due: { eq: '2024-02-29' } } }),
      await bySql("n = 1 AND stage IN ('NEW', 'OPEN') AND due = '2024-02-29'"),
    );
    assert.equal(
      (await found({ n: null, stage: undefined, filter: null })).length,
      120,
      'an argument that is null or left out narrows nothing',
    );
    assert.deepEqual(await found({ tags: ['red'] }), await bySql("tags = '{red}'"));
  });

  it('are added to the condition of the schema, whatever text that ends with', async () => {
    const open = { ...field, where: "stage <> 'DONE' OR facts.flag -- not done" };
    const rows = await loaders().list(open, null, { n: [1, 2] });
    assert.deepEqual(
      rows.map((row) => row['id']),
      await bySql("(stage <> 'DONE' OR flag) AND n IN (1, 2)"),
    );
    assert.equal(await loaders().count(open, null, { n: [1, 2] }), rows.length);
  });

  it('are refused if they are invalid, with the names that the client used', async () => {
    const refused = (args: Record<string, unknown>, message: RegExp): Promise<void> =>
      assert.rejects(
        found(args),
        (error) => isMeridianError(error, 'BAD_USER_INPUT') && message.test(error.message),
        JSON.stringify(args),
      );
    await refused({ n: 'x' }, /^"n" must be a whole number from -2147483648/);
    await refused({ n: [1, 2 ** 31] }, /^"n\[1\]" must be a whole number/);
    await refused({ big: { $gt: 1 } }, /^"big" must be/);
    await refused(
      { filter: { big: { eq: 2 ** 53 } } },
      /^"filter.big.eq" must be text, or a bigint: the JavaScript number 9007199254740992 may have lost digits/,
    );
    await refused({ filter: { big: { in: ['1', '9223372036854775808'] } } }, /^"filter.big.in\[1\]" must be/);
    await refused({ filter: { due: { eq: '2025-02-29' } } }, /^"filter.due.eq" must be a date/);
    await refused(
      { filter: { at: { eq: '2025-02-28T00:00:00' } } },
      /^"filter.at.eq" must be a timestamp with a time zone/,
    );
    await refused({ filter: { name: { contains: 'a\u0000' } } }, /^"filter.name.contains" must be text without NUL/);
    await refused({ filter: { name: { eq: '\ud800' } } }, /^"filter.name.eq" must be text/);
    await refused({ filter: { n: { lt: null } } }, /^"filter.n.lt" must not be null/);
    await refused({ filter: { n: null } }, /^"filter.n" must be an object.*isNull/);
    await refused({ filter: { n: { isNull: 1 } } }, /^"filter.n.isNull" must be true or false/);
    await refused({ filter: { n: { in: 1 } } }, /^"filter.n.in" must be a list/);
    await refused({ filter: { n: { has: 1 } } }, /^"filter.n.has" asks for entries of a column that is no list/);
    await refused({ filter: { tags: { has: null } } }, /^"filter.tags.has" must not be null/);
    await refused(
      { filter: JSON.parse('{"__proto__": {"eq": 1}}') as unknown },
      /^"filter.__proto__" is not a field of FactFilter/,
    );
    await refused({ filter: { constructor: 1 } }, /^"filter.constructor" is not a field/);
    await refused(
      { filter: { n: { toString: 1 } } },
      /^"filter.n.toString" is not an operator here; use one of eq, ne/,
    );
    await refused({ filter: [] }, /^"filter" must be an object/);
    await refused({ stage: 'LOST' }, /does not fit its column/);
    let deep: unknown = { n: { eq: 1 } };
    for (let i = 0; i < 6; i += 1) deep = { not: deep };
    await refused({ filter: deep }, /nested deeper than 5 levels/);
    await refused({ filter: { or: Array.from({ length: 60 }, () => ({ n: { eq: 1 } })) } }, /above 50 conditions/);
    await refused(
      { filter: { n: { in: Array.from({ length: 1_001 }, (_, i) => i) } } },
      /holds 1001 values; at most 1000/,
    );
  });

  it('are not prepared, since clients can compose any number of them', async () => {
    const executor = new CountingExecutor(client);
    const all = new EntityLoaders({ model, executor, limits: defaultOptions(), tenancy: Tenancy.all });
    await all.list(field, null, { n: 1, stage: 'NEW' });
    await all.list(field, null, { filter: { n: { eq: 1 } } });
    await all.list(field, null, { filter: { n: { gt: 1, lt: 5 } } });
    await all.count(field, null, { filter: { or: [{ n: { eq: 1 } }] } });
    assert.deepEqual(
      executor.statements.map(({ name }) => name !== ''),
      [true, true, false, false],
    );
  });
});
