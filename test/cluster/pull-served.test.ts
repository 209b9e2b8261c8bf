/** Proves a pulled graph, served in three regions: every list, lookup and relation has the rows of plain SQL. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { compileModel } from '../../src/schema-compiler/compile.ts';
import { type Entity, type Model } from '../../src/model/model.ts';
import { quoteIdentifier } from '../../src/base/sql-text.ts';
import { EU, startTestApp, US, type TestApp } from '../support/app.ts';
import { filesOf, ODD_SQL, oddSql, pullFrom, readFrom } from '../support/pull/pulled.ts';
import { startScratchPostgres } from '../support/scratch-postgres.ts';

let app: TestApp;
let model: Model;

before(async () => {
  await using server = await startScratchPostgres();
  const client = await server.connect();
  await client.query(oddSql());
  const files = filesOf(await pullFrom(client, { mutations: true }));
  ({ model } = await compileModel({
    files,
    catalog: (await readFrom(client)).catalog,
    pageSize: 20,
    maxPageSize: 200,
  }));
  app = await startTestApp({ sql: [ODD_SQL], files });
});
after(() => app[Symbol.asyncDispose]());

/** Field → column, of columns whose text is one and the same in JSON of both. */
const plainFields = ({ fields, columns }: Entity): readonly (readonly [string, string])[] =>
  [...fields].flatMap(([name, field]) => {
    const kind = field.kind === 'column' ? columns.get(field.column)?.type : undefined;
    return field.kind === 'column' &&
      kind &&
      !kind.array &&
      ['int', 'bigint', 'text', 'numeric', 'bool', 'date', 'uuid', 'other'].includes(kind.kind)
      ? [[name, field.column] as const]
      : [];
  });
const from = ({ table }: Entity): string => `${quoteIdentifier(table.schema)}.${quoteIdentifier(table.name)}`;
const selected = (entity: Entity): string =>
  plainFields(entity)
    .map(([name]) => name)
    .join(' ');
const columns = (entity: Entity): string =>
  plainFields(entity)
    .map(
      ([name, column]) =>
        `CASE WHEN ${quoteIdentifier(column)} IS NOT NULL THEN format('%s', ${quoteIdentifier(column)}) END AS ${quoteIdentifier(name)}`,
    )
    .join(', ');
const order = ({ primaryKey }: Entity): string => primaryKey.map((column) => `s.${quoteIdentifier(column)}`).join(', ');

type Row = Record<string, unknown>;
const text = (value: unknown): string | null =>
  value === null ? null : typeof value === 'string' ? value : JSON.stringify(value);
const asText = (rows: readonly Row[]): unknown =>
  rows.map((row) => Object.fromEntries(Object.entries(row).map(([name, value]) => [name, text(value)])));

async function ask(query: string): Promise<Record<string, unknown>> {
  const { data, errors } = await app.gql<Record<string, unknown>>(EU, query);
  assert.deepEqual(errors ?? [], [], query);
  return data as Record<string, unknown>;
}
const sql = (text: string): Promise<readonly Row[]> => app.cluster.query(US, text);

describe('a graph that was pulled', () => {
  it('answers every list, lookup and relation as plain SQL does', async () => {
    let compared = 0;
    for (const [field, root] of model.queries) {
      const entity = root.kind === 'lookup' || root.kind === 'connection' ? model.entities.get(root.target) : undefined;
      if (!entity) continue;
      const rows = await sql(`SELECT ${columns(entity)} FROM ${from(entity)} s ORDER BY ${order(entity)} LIMIT 50`);
      if (root.kind === 'connection') {
        const answer = (await ask(`{ ${field}(first: 50) { nodes { ${selected(entity)} } totalCount } }`))[field] as {
          nodes: Row[];
          totalCount: number;
        };
        const [total] = await sql(`SELECT count(*)::integer AS total FROM ${from(entity)}`);
        assert.deepEqual(
          [asText(answer.nodes), answer.totalCount],
          [asText(rows.map((row) => ({ ...row, ...booleans(entity, row) }))), total?.['total']],
          field,
        );
        compared += 1;
      } else if (root.kind === 'lookup') {
        const key = [...root.arguments];
        const names = new Map(plainFields(entity).map(([name, column]) => [column, name]));
        const found = rows.find((row) => key.every(([, column]) => row[names.get(column) ?? ''] != null));
        if (!found) continue;
        const given = key.map(([name, column]) => {
          const value = found[names.get(column) ?? ''];
          return `${name}: ${entity.columns.get(column)?.type.kind === 'int' ? String(value) : JSON.stringify(value)}`;
        });
        const answer = (await ask(`{ ${field}(${given.join(', ')}) { ${selected(entity)} } }`))[field] as Row;
        assert.deepEqual(asText([answer]), asText([{ ...found, ...booleans(entity, found) }]), field);
        compared += 1;
      }
    }
    for (const entity of model.entities.values()) compared += await compareRelations(entity);
    assert.ok(compared >= 60, `${compared} compared`);
  });

  it('shows enums with unusual labels, arrays, documents and times', async () => {
    const { person } = await ask(
      '{ person(id: 3) { feeling feelings tags scores home details seen wakes ratio big words: mail } }',
    );
    assert.deepEqual(person, {
      feeling: 'VALUE_2ND',
      feelings: ['SAD', 'VALUE_5'],
      tags: ['a', 't3'],
      scores: [3, null],
      home: '(Main,3)',
      details: { i: 3 },
      seen: '2026-01-01T13:00:00.123Z',
      wakes: '09:30:00',
      ratio: 0.75,
      big: '9007199254740996',
      words: 'p3@x',
    });
  });

  it('filters, sorts and writes rows', async () => {
    const { tasks } = await ask(
      '{ tasks(filter: { author: { eq: 3 }, level: [LOW] }, orderBy: [PRICE_DESC], first: 5) { nodes { id price } } }',
    );
    assert.deepEqual(tasks, {
      nodes: (
        await sql(
          `SELECT task_id::text AS id, price::text FROM tasks WHERE author_id = 3 AND level = 'LOW' ORDER BY tasks.price DESC, task_id`,
        )
      ).map((row) => ({ ...row })),
    });
    const made = await ask(
      'mutation { createTask(input: { title: "new", authorId: 2, price: "3.5" }) { task { id title level author { mail } } } }',
    );
    const { id } = (made['createTask'] as { task: { id: string } }).task;
    assert.deepEqual(made['createTask'], { task: { id, title: 'new', level: 'LOW', author: { mail: 'p2@x' } } });
    await ask(`mutation { updateTask(id: ${id}, input: { level: HIGH, reviewerId: 4 }) { task { id } } }`);
    assert.deepEqual(
      (await sql(`SELECT level::text, reviewer_id::text, price::text FROM tasks WHERE task_id = ${id}`)).map((row) => ({
        ...row,
      })),
      [{ level: 'HIGH', reviewer_id: '4', price: '3.50' }],
    );
    await ask(`mutation { deleteTask(id: ${id}) { token } }`);
    assert.deepEqual((await sql(`SELECT FROM tasks WHERE task_id = ${id}`)).length, 0);
  });
});

/** PostgreSQL writes `t` and `f`. */
function booleans({ columns: all, fields }: Entity, row: Row): Row {
  return Object.fromEntries(
    [...fields].flatMap(([name, field]) =>
      field.kind === 'column' && all.get(field.column)?.type.kind === 'bool' && row[name] != null
        ? [[name, row[name] === 't']]
        : [],
    ),
  );
}

/** Which rows each relation of each row leads to, by their keys. */
async function compareRelations(entity: Entity): Promise<number> {
  let compared = 0;
  const list = [...model.queries].find(([, root]) => root.kind === 'connection' && root.target === entity.name)?.[0];
  const keyOf = (one: Entity): readonly (readonly [string, string])[] =>
    plainFields(one).filter(([, column]) => one.primaryKey.includes(column));
  for (const [name, field] of entity.fields) {
    if (field.kind !== 'toOne' && field.kind !== 'connection') continue;
    const target = model.entities.get(field.target);
    if (!target || list === undefined) continue;
    const keys = keyOf(target);
    const inner =
      field.kind === 'toOne'
        ? `${name} { ${keys.map(([key]) => key).join(' ')} }`
        : `${name}(first: 50) { nodes { ${keys.map(([key]) => key).join(' ')} } }`;
    const answer = (await ask(`{ ${list}(first: 50) { nodes { ${inner} } } }`))[list] as {
      nodes: Record<string, unknown>[];
    };
    const shown = answer.nodes.map((node) => {
      const value = node[name] as Row | { nodes: Row[] } | null;
      const rows = field.kind === 'toOne' ? (value === null ? [] : [value as Row]) : (value as { nodes: Row[] }).nodes;
      return rows.map((row) => keys.map(([key]) => String(row[key])));
    });
    const on = field.join.from
      .map((column, i) => `o.${quoteIdentifier(field.join.to[i] ?? '')} = s.${quoteIdentifier(column)}`)
      .join(' AND ');
    const key = keys.map(([, column]) => `o.${quoteIdentifier(column)}::text`).join(', ');
    const expected = await sql(
      `SELECT (SELECT coalesce(json_agg(json_build_array(${key}) ORDER BY ${target.primaryKey.map((column) => `o.${quoteIdentifier(column)}`).join(', ')}), '[]') FROM ${from(target)} o WHERE ${on})::text AS rows FROM ${from(entity)} s ORDER BY ${entity.primaryKey.map((column) => `s.${quoteIdentifier(column)}`).join(', ')} LIMIT 50`,
    );
    assert.deepEqual(
      shown,
      expected.map(({ rows }) => JSON.parse(String(rows)) as unknown),
      `${entity.name}.${name}`,
    );
    compared += 1;
  }
  return compared;
}
