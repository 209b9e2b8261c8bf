/**
 * Proves every type of a column with every operation that a schema can ask of it: an operation that the database does
 * not have is named at start, and every other one answers as plain SQL does, even if the operators of its type are not
 * on the connection's search path.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { defaultOptions } from '../../src/config/options.ts';
import { type Catalog } from '../../src/model/catalog.ts';
import { type ConnectionField, type Entity, type ListField, type Model, type Row } from '../../src/model/model.ts';
import { readCatalog } from '../../src/postgres/types/catalog.ts';
import { EntityLoaders } from '../../src/read/loaders/entity-loaders.ts';
import { readRow } from '../../src/read/sql/columns.ts';
import { Tenancy } from '../../src/read/sql/tenant.ts';
import { writeStatements } from '../support/plain-write.ts';
import { plainQuery } from '../support/apps.ts';
import { compileSdl, problemsOf } from '../support/compile.ts';
import { CountingExecutor } from '../support/plain-model.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

const TYPES_SQL = `
  CREATE SCHEMA extensions;
  CREATE EXTENSION citext SCHEMA extensions;
  CREATE EXTENSION hstore SCHEMA extensions;
  CREATE TYPE mood AS ENUM ('glad', 'sad');
  CREATE DOMAIN public_mood AS mood;
  CREATE DOMAIN shown_mood AS public_mood;
  CREATE DOMAIN address AS extensions.citext;
  CREATE DOMAIN amount AS integer CHECK (VALUE > 0);
  CREATE DOMAIN spot AS point;
  CREATE DOMAIN labels AS text[];
  CREATE TYPE span AS (low integer, high integer);
  CREATE TYPE place AS (name text, at point);
  CREATE TYPE floats AS RANGE (subtype = float8);
  CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);`;

/** Type → two values of it, as SQL literals, the second one with a spelling of the first where it has another. */
const TYPES: readonly (readonly [type: string, one: string, other: string, again?: string])[] = [
  ['smallint', '1', '2'],
  ['integer', '-1', '2'],
  ['bigint', '1', '9007199254740993'],
  ['numeric', '1.0', '2', '1.00'],
  ['numeric(6,2)', '1.5', '2'],
  ['real', '0.1', '2.5'],
  ['float8', '0.1', '2.5'],
  ['money', '1', '2'],
  ['text', 'ANN', 'bo'],
  ['varchar(9)', 'ANN', 'bo'],
  ['char(5)', 'ANN', 'bo'],
  ['name', 'ANN', 'bo'],
  ['"char"', 'a', 'b'],
  ['text COLLATE folding', 'ANN', 'bo', 'ann'],
  ['extensions.citext', 'ANN', 'bo', 'ann'],
  ['address', 'ANN', 'bo', 'ann'],
  ['boolean', 't', 'f'],
  ['uuid', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b'],
  ['date', '2026-01-31', '2026-02-01'],
  ['time', '10:00:00', '11:00:00'],
  ['timetz', '10:00:00+00', '11:00:00+00'],
  ['timestamp', '2026-01-31 10:00', '2026-02-01 10:00'],
  ['timestamptz', '2026-01-31 10:00Z', '2026-02-01 10:00Z'],
  ['interval', '1 day', '2 days', '24 hours'],
  ['bit(3)', '101', '110'],
  ['varbit', '101', '11'],
  ['bytea', '\\x01', '\\x02'],
  ['inet', '10.0.0.1', '10.0.0.2'],
  ['cidr', '10.0.0.0/8', '11.0.0.0/8'],
  ['macaddr', '08:00:2b:01:02:03', '08:00:2b:01:02:04'],
  ['macaddr8', '08:00:2b:01:02:03:04:05', '08:00:2b:01:02:03:04:06'],
  ['oid', '1', '2'],
  ['regtype', 'integer', 'text'],
  ['xid', '1', '2'],
  ['xid8', '1', '2'],
  ['cid', '1', '2'],
  ['tid', '(0,1)', '(0,2)'],
  ['pg_lsn', '0/1', '0/2'],
  ['tsvector', 'a', 'b'],
  ['tsquery', 'a', 'b'],
  ['xml', '<a/>', '<b/>'],
  ['jsonpath', '$.a', '$.b'],
  ['json', '{"a":1}', '{"a":2}', '{"a": 1}'],
  ['jsonb', '{"a":1}', '{"a":2}'],
  ['point', '(1,2)', '(0,0)'],
  ['polygon', '((0,0),(1,1))', '((0,0),(2,2))'],
  ['box', '(1,1),(0,0)', '(2,2),(0,0)'],
  ['circle', '<(0,0),1>', '<(0,0),2>'],
  ['line', '{1,2,3}', '{1,2,4}'],
  ['lseg', '[(0,0),(1,1)]', '[(0,0),(2,2)]'],
  ['path', '[(0,0),(1,1)]', '[(0,0),(2,2)]'],
  ['int4range', '[1,3)', '[2,4)'],
  ['int4multirange', '{[1,3)}', '{[2,4)}'],
  ['floats', '[1,3)', '[2,4)'],
  ['extensions.hstore', 'a=>1', 'b=>2'],
  ['mood', 'glad', 'sad'],
  ['public_mood', 'glad', 'sad'],
  ['shown_mood', 'glad', 'sad'],
  ['amount', '1', '2'],
  ['spot', '(1,2)', '(0,0)'],
  ['span', '(1,2)', '(2,3)'],
  ['place', '(a,"(1,2)")', '(b,"(0,0)")'],
  ['integer[]', '{1,2}', '{2}'],
  ['text[]', '{a,b}', '{c,NULL}'],
  ['labels', '{a,b}', '{c}'],
  ['json[]', '{"{\\"a\\":1}"}', '{}'],
  ['jsonb[]', '{"{\\"a\\":1}"}', '{}'],
  ['point[]', '{"(1,2)"}', '{}'],
  ['mood[]', '{glad}', '{sad}'],
  ['public_mood[]', '{glad}', '{sad}'],
  ['amount[]', '{1}', '{2,3}'],
  ['address[]', '{ANN}', '{bo}', '{ann}'],
  ['extensions.citext[]', '{ANN}', '{bo}', '{ann}'],
  ['span[]', '{"(1,2)"}', '{}'],
  ['place[]', '{"(a,\\"(1,2)\\")"}', '{}'],
  ['xml[]', '{<a/>}', '{}'],
  ['spot[]', '{"(1,2)"}', '{}'],
];

const SCALARS = 'scalar Value\n';
/** What can be asked of column `v`; each as a schema of its own, so that each is refused or not by itself. */
const PLACES = {
  equals: (n: number) => `type Query { rows(v: Value): [Row!]! } ${row(n)}`,
  equality: (n: number) => `${filtered(n, 'eq: Value ne: Value', 'in: [Value!] notIn: [Value!]')}`,
  range: (n: number) => filtered(n, 'lt: Value lte: Value gt: Value gte: Value'),
  pattern: (n: number) => filtered(n, 'contains: String startsWith: String endsWith: String'),
  entries: (n: number) => filtered(n, 'has: Value hasAny: [Value!] hasAll: [Value!]'),
  orderArgument: (n: number) =>
    `type Query { rows(orderBy: RowOrder): [Row!]! } enum RowOrder { V_ASC V_DESC } ${row(n)}`,
  orderList: (n: number) => `type Query { rows: [Row!]! @list(orderBy: ["v DESC"]) } ${row(n)}`,
  viewKey: (n: number, array: boolean) =>
    `type Query { rows: [Row!]! } type Row @entity(table: "w${n}") @key(fields: "v") { v: ${array ? '[Value]' : 'Value'} }`,
  relation: (n: number) =>
    `type Query { rows: [Row!]! } type Row @entity(table: "t${n}") @key(fields: "id") { id: ID! same: [Row!]! @relation(from: ["v"], to: ["v"]) same_count: Int! @count(of: "Row", from: ["v"], to: ["v"]) }`,
} as const;
type Place = keyof typeof PLACES;

function row(n: number): string {
  return `type Row @entity(table: "t${n}") @key(fields: "id") { id: ID! }`;
}

function filtered(n: number, values: string, lists = ''): string {
  return `type Query { rows(filter: Filter): [Row!]! } input Ops { ${values} ${lists} } input Filter { v: Ops } ${row(n)}`;
}

describe('operators', () => {
  let server: ScratchPostgres;
  /** As the server connects: without the schema of the extensions. */
  let client: pg.Client;
  /** As `psql` would be set up to compare the answers with. */
  let judge: pg.Client;
  let catalog: Catalog;

  before(async () => {
    server = await startScratchPostgres();
    client = await server.connect();
    judge = await server.connect();
    await client.query(TYPES_SQL);
    for (const [n, [type, one, other]] of TYPES.entries()) {
      await client.query(`CREATE TABLE t${n} (id integer PRIMARY KEY, v ${type})`);
      for (const [id, value] of [one, other, null, one].entries())
        await client.query(
          `INSERT INTO t${n} VALUES (${id + 1}, ${value === null ? 'NULL' : `'${value.replaceAll("'", "''")}'`})`,
        );
      await client.query(`CREATE VIEW w${n} AS SELECT id, v FROM t${n}`);
    }
    await judge.query('SET search_path = public, extensions');
    catalog = await readCatalog(plainQuery(client));
  });
  after(() => server[Symbol.asyncDispose]());

  const refused = async (place: Place, n: number): Promise<readonly string[]> => {
    const lists =
      column(n).type.array && place === 'equality'
        ? PLACES.equality(n)
            .replace('eq: Value ne: Value', 'eq: [Value] ne: [Value]')
            .replace('in: [Value!] notIn: [Value!]', '')
        : null;
    const arrays =
      column(n).type.array && place === 'equals' ? PLACES.equals(n).replace('v: Value', 'v: [Value]') : null;
    return problemsOf(SCALARS + (lists ?? arrays ?? PLACES[place](n, column(n).type.array)), { catalog });
  };
  const column = (n: number) => catalog.tables.get(`public.t${n}`)?.columns.get('v') ?? assert.fail(`table ${n}`);
  const runs = async (sql: string): Promise<boolean> =>
    judge.query(sql).then(
      () => true,
      () => false,
    );

  /** What the database itself says, by trial. */
  const possible = async (place: Place, n: number): Promise<boolean> => {
    const { kind, array } = column(n).type;
    const isEqual = await runs(`SELECT count(*) FROM (SELECT v FROM t${n} GROUP BY v) AS g`);
    const isOrdered = await runs(`SELECT v FROM t${n} ORDER BY v`);
    switch (place) {
      case 'equals':
      case 'equality':
        return isEqual || kind === 'json';
      case 'relation':
        return isEqual;
      case 'range':
        // Bytes and booleans have an order that nobody asks for; lists are compared by their entries.
        return (
          isOrdered &&
          !array &&
          !['json', 'bytea', 'bool'].includes(kind) &&
          (await runs(`SELECT v::${column(n).type.sql} < v::${column(n).type.sql} FROM t${n}`))
        );
      case 'pattern':
        return kind === 'text' && !array;
      case 'entries':
        return array && isEqual;
      case 'orderArgument':
        return isOrdered && !array && !['json', 'bytea'].includes(kind);
      case 'orderList':
      case 'viewKey':
        return isOrdered;
    }
  };

  for (const place of Object.keys(PLACES) as Place[]) {
    it(`are offered for ${place} exactly if the database has them, and are refused with file and line otherwise`, async () => {
      for (const [n, [type]] of TYPES.entries()) {
        const problems = await refused(place, n);
        assert.equal(
          problems.length === 0,
          await possible(place, n),
          `${place} of ${type}: ${problems.join(' | ') || 'accepted'}`,
        );
        for (const problem of problems)
          assert.match(
            problem,
            /^app\.graphql:\d+ {2}.+ (?:for which PostgreSQL has no (?:equality|order)|have no (?:order|equality)|no useful order|not text|not an array|an array)/,
            `${place} of ${type}`,
          );
      }
    });
  }

  /** Model of all that one type can be asked for. */
  const modelOf = async (n: number): Promise<Model> => {
    const { type } = column(n);
    const can = async (place: Place): Promise<boolean> => possible(place, n);
    const operators = [
      ...((await can('equality'))
        ? type.array
          ? ['eq: [Value]', 'ne: [Value]']
          : ['eq: Value', 'ne: Value', 'in: [Value!]', 'notIn: [Value!]']
        : []),
      ...((await can('range')) ? ['lt: Value', 'lte: Value', 'gt: Value', 'gte: Value'] : []),
      ...((await can('pattern')) ? ['contains: String', 'startsWith: String', 'endsWith: String'] : []),
      ...((await can('entries')) ? ['has: Value', 'hasAny: [Value!]', 'hasAll: [Value!]'] : []),
      'isNull: Boolean',
    ];
    const ordered = await can('orderArgument');
    const relation = (await can('relation'))
      ? 'same: [Row!]! @relation(from: ["v"], to: ["v"]) n: Int! @count(of: "Row", from: ["v"], to: ["v"])'
      : '';
    const { model } = await compileSdl(
      `${SCALARS}
      type Query { rows(filter: Filter): [Row!]! paged(${ordered ? 'orderBy: RowOrder, ' : ''}first: Int, after: String, last: Int, before: String): RowPage! }
      type Row @entity(table: "t${n}") @key(fields: "id") { id: ID! v: ${type.array ? '[Value]' : 'Value'} ${relation} }
      type RowPage { edges: [RowEdge!]! pageInfo: PageInfo! } type RowEdge { node: Row! cursor: String! } type PageInfo { hasNextPage: Boolean! endCursor: String }
      ${ordered ? 'enum RowOrder { V_ASC V_DESC }' : ''} input Ops { ${operators.join(' ')} } input Filter { v: Ops }`,
      { catalog },
    );
    return model;
  };
  const loadersOf = (model: Model): EntityLoaders =>
    new EntityLoaders({
      model,
      executor: new CountingExecutor(client),
      limits: defaultOptions(),
      tenancy: Tenancy.all,
    });
  const idsOf = (rows: readonly Row[]): number[] => rows.map(({ id }) => Number(id)).sort((a, b) => a - b);
  const judged = async (sql: string): Promise<number[]> =>
    (await judge.query<{ id: number }>(sql)).rows.map(({ id }) => id);

  it('compare in filters, relations and counts as plain SQL does', async () => {
    let asked = 0;
    for (const [n, [name, one, other, again = one]] of TYPES.entries()) {
      const model = await modelOf(n);
      const list = model.queries.get('rows') as ListField;
      const offered = list.filters.get('filter');
      const ops = offered?.kind === 'filter' ? offered.input.fields.get('v') : undefined;
      const has = (operator: string): boolean => ops?.kind === 'operators' && ops.operators.has(operator);
      const { type } = column(n);
      const sql = type.kind === 'json' ? `jsonb${type.array ? '[]' : ''}` : type.sql;
      const literal = (text: string): string =>
        `'${text.replaceAll("'", "''")}'::${sql}${name.includes('COLLATE') ? ' COLLATE folding' : ''}`;
      const v = `v::${sql}`;
      const value = async (text: string): Promise<unknown> =>
        type.array
          ? (await client.query<{ v: unknown }>(`SELECT to_jsonb(${literal(text)}::text[]) AS v`)).rows[0]?.v
          : type.kind === 'json'
            ? JSON.parse(text)
            : text.includes(' 10:00')
              ? text.replace(' ', 'T')
              : text;
      const entries = async (text: string): Promise<unknown[]> =>
        type.kind === 'json'
          ? ((await client.query<{ v: unknown[] }>(`SELECT to_jsonb(${literal(text)}) AS v`)).rows[0]?.v ?? [])
          : ((await value(text)) as unknown[]);
      const check = async (operator: string, operand: unknown, where: string): Promise<void> => {
        if (!has(operator)) return;
        const rows = await loadersOf(model)
          .list(list, null, { filter: { v: { [operator]: operand } } })
          .catch((error: unknown) => assert.fail(`${name} ${operator}: ${String(error)}`));
        assert.deepEqual(
          idsOf(rows),
          await judged(`SELECT id FROM t${n} WHERE ${where} ORDER BY id`),
          `${name} ${operator} ${JSON.stringify(operand)}`,
        );
        asked += 1;
      };
      const whole = type.array && type.kind === 'json' ? await entries(again) : await value(again);
      await check('eq', whole, `${v} = ${literal(again)}`);
      await check('ne', whole, `${v} IS DISTINCT FROM ${literal(again)}`);
      await check('in', [await value(again), await value(other)], `v IS NOT NULL`);
      await check('notIn', [await value(again)], `${v} IS DISTINCT FROM ${literal(again)}`);
      for (const [operator, symbol] of [
        ['lt', '<'],
        ['lte', '<='],
        ['gt', '>'],
        ['gte', '>='],
      ] as const)
        await check(operator, whole, `${v} ${symbol} ${literal(again)}`);
      for (const [operator, pattern] of [
        ['contains', '%n%'],
        ['startsWith', 'an%'],
        ['endsWith', '%NN'],
      ] as const)
        await check(operator, pattern.replaceAll('%', ''), `v LIKE '${pattern}'`);
      if (has('has')) {
        const [entry] = await entries(again);
        await check('has', entry, `${v} @> (${literal(again)})[1:1]`);
        await check('hasAny', await entries(again), `${v} && ${literal(again)}`);
        await check('hasAll', await entries(again), `${v} @> ${literal(again)}`);
      }
      const entity = model.entities.get('Row') as Entity;
      const same = entity.fields.get('same') as ListField | undefined;
      const count = entity.fields.get('n');
      if (!same || count?.kind !== 'count') continue;
      const loaders = loadersOf(model);
      const all = await loaders.list(list, null);
      for (const parent of all) {
        const expected = await judged(
          `SELECT c.id FROM t${n} AS p JOIN t${n} AS c ON c.${v} = p.${v} WHERE p.id = ${Number(parent['id'])} ORDER BY c.id`,
        );
        assert.deepEqual(idsOf(await loaders.list(same, [parent['v']])), expected, `relation over ${name}`);
        assert.equal(await loaders.count(count, [parent['v']]), expected.length, `count over ${name}`);
        asked += 2;
      }
    }
    assert.ok(asked > 700, `${asked} answers compared`);
  });

  it('sort pages as ORDER BY does, and no page omits or repeats a row', async () => {
    for (const [n, [name]] of TYPES.entries()) {
      if (!(await possible('orderArgument', n))) continue;
      const model = await modelOf(n);
      const paged = model.queries.get('paged') as ConnectionField;
      for (const direction of ['ASC', 'DESC'] as const) {
        const expected = await judged(`SELECT id FROM t${n} ORDER BY v ${direction}, id ${direction}`);
        for (const way of ['first', 'last'] as const) {
          const found: number[] = [];
          let cursor: string | null = null;
          do {
            const page = await loadersOf(model).page(paged, null, {
              orderBy: `V_${direction}`,
              [way]: 1,
              ...(cursor === null ? {} : { [way === 'first' ? 'after' : 'before']: cursor }),
            });
            found.push(...page.nodes.map(({ id }) => Number(id)));
            cursor = (way === 'first' ? page.pageInfo.hasNextPage : page.pageInfo.hasPreviousPage)
              ? way === 'first'
                ? page.pageInfo.endCursor
                : page.pageInfo.startCursor
              : null;
          } while (cursor !== null && found.length < 9);
          assert.deepEqual(way === 'first' ? found : found.toReversed(), expected, `${name} ${direction} by ${way}`);
        }
      }
    }
  });

  it('find rows by unique keys, for reads, references, updates and deletes', async () => {
    const KEYED = [
      ['extensions.citext', 'ANN', 'ann'],
      ['address', 'ANN', 'ann'],
      ['public_mood', 'glad', 'glad'],
      ['text COLLATE folding', 'ANN', 'ann'],
      ['char(5)', 'ANN', 'ANN  '],
      ['numeric', '1.0', '1.00'],
      ['extensions.hstore', 'a=>1, b=>2', 'b=>2, a=>1'],
      ['interval', '1 day', '24 hours'],
      ['text[]', '{a,"b\\"c",NULL}', ['a', 'b"c', null]],
      ['public_mood[]', '{glad,sad}', ['glad', 'sad']],
      ['address[]', '{ANN}', ['ann']],
      ['amount', '1', '1'],
    ] as const;
    for (const [n, [type, stored, asked]] of KEYED.entries()) {
      await client.query(
        `CREATE TABLE k${n} (id integer PRIMARY KEY, v ${type} NOT NULL UNIQUE, note text, version integer NOT NULL DEFAULT 1)`,
      );
      await client.query(`INSERT INTO k${n} VALUES (1, '${stored}', 'old')`);
      const list = Array.isArray(asked) ? '[Value]!' : 'Value!';
      const { model } = await compileSdl(
        `${SCALARS}
        type Query { one(v: ${list}): Row } type Mutation { change(v: ${list}, input: RowInput!): RowPayload! @update remove(v: ${list}, expectedVersion: Int): RowPayload! @delete }
        type Row @entity(table: "k${n}", version: "version") @key(fields: "id") @key(fields: "v") { id: ID! v: ${list} note: String version: Int! } input RowInput { note: String } type RowPayload { row: Row }`,
        { catalog: await readCatalog(plainQuery(client)) },
      );
      const entity = model.entities.get('Row') as Entity;
      assert.equal((await loadersOf(model).one('Row', ['v'], [asked]))?.['id'], 1, `lookup by ${type}`);
      const executor = new CountingExecutor(client);
      for (const [name, args] of [
        ['change', { v: asked, input: { note: 'new' } }],
        ['remove', { v: asked }],
      ] as const) {
        const field = model.mutations.get(name) ?? assert.fail(name);
        const [statement] = writeStatements({ entity, field, args, tenancy: Tenancy.all });
        const [written] = await executor.query(statement ?? assert.fail(name));
        assert.equal(written && readRow(entity, written)['note'], 'new', `${name} by ${type}`);
      }
    }
  });
});
