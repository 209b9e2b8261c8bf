/**
 * Every notation of the SDL that names columns or tables can name all of them: with blanks, quotes, commas, dots,
 * capitals, or a direction at the end.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { quoteIdentifier } from '../../../src/base/sql-text.ts';
import { findTable, tableKey } from '../../../src/model/catalog.ts';
import { tableOfKey } from '../../../src/model/sql-names.ts';
import { sketchCatalog } from '../../support/catalog.ts';
import { compileSdl, problemsOf, warningsOf } from '../../support/compile.ts';

const ODD = [
  'due date',
  'Total',
  'a "b" c',
  'a,b',
  'a.b',
  'rank DESC',
  'größe',
  'select',
  ' padded ',
  'order desc asc',
  'x=1',
  '"quoted"',
];

const catalogWith = (name: string, type = 'integer') =>
  sketchCatalog({
    users: { columns: ['id integer', `${quoteIdentifier(name)} ${type}`], primaryKey: ['id'], unique: [[name]] },
    tasks: {
      columns: ['id integer', 'parent integer null', `${quoteIdentifier(name)} ${type}`],
      primaryKey: ['id'],
      unique: [['id', name]],
    },
  });

/** The text within a string of the SDL. */
const inSdl = (text: string): string => JSON.stringify(text);

for (const name of ODD) {
  describe(`a column called ${name}`, () => {
    const field = `odd: Int! @column(name: ${inSdl(name)})`;
    const quotedField = `odd: Int! @column(name: ${inSdl(quoteIdentifier(name))})`;
    const USER = `type User @entity { id: ID! ${field} }`;

    async function orderOf(terms: readonly string[]) {
      const sdl = `type Task @entity { id: ID! ${field} } type Query { tasks: [Task!]! @list(orderBy: [${terms.map(inSdl).join(', ')}], limit: 9) }`;
      const { model } = await compileSdl(sdl, { catalog: catalogWith(name) });
      const tasks = model.queries.get('tasks');
      assert.ok(tasks?.kind === 'list');
      return tasks.orderBy;
    }

    it('orders in double quotes, with or without a direction, and as the field that shows it', async () => {
      for (const [term, descending] of [
        [quoteIdentifier(name), false],
        [`${quoteIdentifier(name)} DESC`, true],
        [`  ${quoteIdentifier(name)}   asc `, false],
        ['odd desc', true],
        ['odd', false],
      ] as const) {
        assert.deepEqual(
          await orderOf([term]),
          [
            { column: name, descending },
            { column: 'id', descending },
          ],
          term,
        );
      }
    });

    it('is shown by @column, as it is and in double quotes', async () => {
      for (const shown of [field, quotedField]) {
        const { model } = await compileSdl(`type Task @entity @key(fields: "id odd") { id: ID! ${shown} }`, {
          catalog: catalogWith(name),
        });
        assert.deepEqual(model.entities.get('Task')?.fields.get('odd'), { kind: 'column', column: name });
        assert.deepEqual(model.entities.get('Task')?.federationKeys, [['id', name]]);
      }
    });

    it('is joined by @relation and counted by @count', async () => {
      for (const spelled of [name, quoteIdentifier(name)]) {
        const side = inSdl(spelled);
        const sdl = `type User @entity { id: ID! tasks: [Task!]! @relation(from: ["id"], to: [${side}], limit: 9) n: Int! @count(of: "Task", from: ["id"], to: [${side}]) } type Task @entity { id: ID! user: User @relation(from: [${side}]) }`;
        const { model } = await compileSdl(sdl, { catalog: catalogWith(name) });
        const [tasks, n, user] = [
          model.entities.get('User')?.fields.get('tasks'),
          model.entities.get('User')?.fields.get('n'),
          model.entities.get('Task')?.fields.get('user'),
        ];
        for (const found of [tasks, n])
          assert.deepEqual(found && 'join' in found && found.join, { from: ['id'], to: [name] });
        assert.deepEqual(user && 'join' in user && user.join, { from: [name], to: ['id'] });
      }
    });

    it('works as tenant, in filters, in orders by an enum, in look-ups and in writes', async () => {
      for (const spelled of [name, quoteIdentifier(name)]) {
        const column = `@column(name: ${inSdl(spelled)})`;
        const sdl = `${USER.replace('@entity', `@entity @tenant(column: ${inSdl(spelled)})`)} type UserPayload { user: User }
          input F { n: IntFilter ${column} } input I { id: ID! n: Int! ${column} } enum O { N_DESC ${column} }
          type Query { user(n: ID! ${column}): User users(n: Int ${column}, filter: F, orderBy: O): [User!]! @list(limit: 9) }
          type Mutation { add(input: I!): UserPayload @insert }`;
        const { model } = await compileSdl(sdl, { catalog: catalogWith(name) });
        const users = model.queries.get('users');
        assert.ok(users?.kind === 'list');
        const filter = users.filters.get('filter');
        const read = filter?.kind === 'filter' ? filter.input.fields.get('n') : undefined;
        assert.ok(read?.kind === 'operators');
        assert.deepEqual(
          [users.filters.get('n'), read.column, users.orderArg?.values.get('N_DESC')?.column],
          [{ kind: 'equals', column: name }, name, name],
        );
        assert.deepEqual(model.queries.get('user'), {
          kind: 'lookup',
          target: 'User',
          arguments: new Map([['n', name]]),
        });
        assert.deepEqual(
          model.mutations.get('add')?.values,
          new Map([
            ['id', 'id'],
            ['n', name],
          ]),
        );
        assert.equal(model.entities.get('User')?.tenant, name);
      }
    });

    it('works as a version', async () => {
      for (const spelled of [name, quoteIdentifier(name)]) {
        const { model } = await compileSdl(`type Task @entity(version: ${inSdl(spelled)}) { id: ID! }`, {
          catalog: catalogWith(name),
        });
        assert.equal(model.entities.get('Task')?.version, name);
      }
    });

    it('is quoted in the statement that makes its index', async () => {
      const sdl = `type User @entity { id: ID! tasks: [Task!]! @relation(from: ["id"], to: [${inSdl(name)}], limit: 9) } type Task @entity { id: ID! }`;
      const [warning] = await warningsOf(sdl, { catalog: catalogWith(name) });
      const spelled = /^[a-z]+$/.test(name) ? name : quoteIdentifier(name);
      assert.ok(warning?.endsWith(`CREATE INDEX ON tasks (${spelled})`), warning);
    });
  });
}

describe('an order', () => {
  const catalog = sketchCatalog({
    tasks: { columns: ['id integer', 'rank integer', '"rank DESC" integer', '"due date" date'], primaryKey: ['id'] },
  });
  const sdl = (term: string) =>
    `type Task @entity { id: ID! } type Query { tasks: [Task!]! @list(orderBy: [${inSdl(term)}], limit: 9) }`;

  it('takes a name with blanks without quotes where it is clear', async () => {
    assert.deepEqual(await problemsOf(sdl('due date DESC'), { catalog }), []);
    assert.deepEqual(await problemsOf(sdl('due date'), { catalog }), []);
  });

  it('that could be a column or its direction is refused with the way to choose', async () => {
    assert.deepEqual(await problemsOf(sdl('rank DESC'), { catalog }), [
      'app.graphql:1  Query.tasks is ordered by "rank DESC", which could mean column "rank DESC", or column "rank" and its direction; put the name in double quotes: "\\"rank DESC\\""',
    ]);
    assert.deepEqual(await problemsOf(sdl('"rank DESC"'), { catalog }), []);
    assert.deepEqual(await problemsOf(sdl('"rank" DESC'), { catalog }), []);
  });

  it('of a quoted name is of just that column', async () => {
    const [problem] = await problemsOf(sdl('"Rank" DESC'), { catalog });
    assert.equal(
      problem,
      'app.graphql:1  Query.tasks is ordered by "\\"Rank\\" DESC", which is no column of tasks; did you mean "rank"?',
    );
  });
});

describe('tables of odd names', () => {
  const log = { columns: ['id integer', 'line text'], primaryKey: ['id'] };
  const catalog = sketchCatalog({ 'odd.table': { ...log, schema: 'odd schema' }, 'Order Lines': log, 'a "b"': log });
  const at = (args: string) =>
    compileSdl(`type Log @entity(${args}) { id: ID! }`, { catalog }).then(
      ({ model }) => model.entities.get('Log')?.table,
    );

  it('are named as they are, in double quotes, and with their schema as in SQL', async () => {
    for (const args of [
      'table: "odd.table"',
      'table: "odd.table", schema: "odd schema"',
      'table: "\\"odd.table\\""',
      'table: "\\"odd schema\\".\\"odd.table\\""',
      'table: "odd schema.\\"odd.table\\""',
      'table: "\\"odd.table\\"", schema: "\\"odd schema\\""',
    ]) {
      assert.deepEqual(await at(args), { schema: 'odd schema', name: 'odd.table' }, args);
    }
    assert.deepEqual(await at('table: "Order Lines"'), { schema: 'public', name: 'Order Lines' });
    assert.deepEqual(await at('table: "public.\\"a \\"\\"b\\"\\"\\""'), { schema: 'public', name: 'a "b"' });
  });

  it('have keys that no other table has', () => {
    const tables = [
      { schema: 'a.b', name: 'c' },
      { schema: 'a', name: 'b.c' },
      { schema: '"a"', name: 'b' },
      { schema: 'a', name: '"b"' },
      { schema: 'public', name: 'tasks' },
    ];
    assert.equal(new Set(tables.map(tableKey)).size, tables.length);
    assert.deepEqual(
      tables.map((table) => tableOfKey(tableKey(table))),
      tables,
    );
    assert.equal(findTable(sketchCatalog({ c: { ...log, schema: 'a.b' } }), 'c', 'a.b')?.name, 'c');
  });
});

describe('labels of odd names', () => {
  it('are named by @column as the database has them, quotes included', async () => {
    const catalog = sketchCatalog({
      tasks: { columns: ['id integer', 'state state(in work,"quoted",a.b,done DESC)'], primaryKey: ['id'] },
    });
    const { enums } = await compileSdl(
      'enum State { A @column(name: "in work") B @column(name: "\\"quoted\\"") C @column(name: "a.b") D @column(name: "done DESC") } type Task @entity { id: ID! state: State! }',
      { catalog },
    );
    assert.deepEqual(enums, { State: { A: 'in work', B: '"quoted"', C: 'a.b', D: 'done DESC' } });
  });
});
