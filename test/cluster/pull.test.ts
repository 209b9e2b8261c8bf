/**
 * Proves a graph that was pulled from a database with unusual objects: it starts unchanged, and edits are kept through
 * migrations.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { compileModel } from '../../src/schema-compiler/compile.ts';
import { formatProblem } from '../../src/schema-compiler/problems.ts';
import { meridian, type CommandResult } from '../support/command.ts';
import { filesOf, oddSql, pullFrom, readFrom, urlOf } from '../support/pull/pulled.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

let server: ScratchPostgres;
let client: pg.Client;
let url: string;
const folder = mkdtempSync(join(tmpdir(), 'meridian-pull-'));

before(async () => {
  server = await startScratchPostgres();
  client = await server.connect();
  await client.query(oddSql());
  url = urlOf(client);
});
after(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

const pull = (out: string, ...more: readonly string[]): Promise<CommandResult> =>
  meridian(['pull', '--database', url, '--out', join(folder, out), ...more]);
const read = (out: string, name: string): string => readFileSync(join(folder, out, name), 'utf8');
const change = (out: string, name: string, from: string, to: string): void => {
  const text = read(out, name);
  assert.ok(text.includes(from), text);
  writeFileSync(join(folder, out, name), text.replace(from, to));
};

describe('the SDL that meridian pull writes', () => {
  for (const mutations of [false, true]) {
    it(`fits the database without a line written by hand and without a warning, ${mutations ? 'with' : 'without'} mutations`, async () => {
      const { catalog } = await readFrom(client);
      const pulled = await pullFrom(client, { mutations });
      const compiled = await compileModel({ files: filesOf(pulled), catalog, pageSize: 20, maxPageSize: 200 });
      assert.deepEqual(compiled.warnings.map(formatProblem), []);
      assert.equal(compiled.model.entities.size, 19);
      assert.equal(compiled.model.mutations.size > 30, mutations);
      assert.deepEqual(filesOf(await pullFrom(client, { mutations })), filesOf(pulled));
    });
  }

  it('takes the key of a view from rows that its definition shows once, and comments a view out that may repeat them', async () => {
    const { files } = await pullFrom(client);
    assert.match(files.get('open_tasks.graphql') ?? '', /^type OpenTask @entity @key\(fields: "id"\) \{/);
    assert.match(files.get('task_counts.graphql') ?? '', /^type TaskCount @entity @key\(fields: "personId"\) \{/);
    for (const name of ['task_pairs', 'left_pairs', 'folded_pairs', 'all_names'])
      assert.match(files.get(`${name}.graphql`) ?? '', /^# View public\.\w+: its definition does not say/, name);
  });

  it('has the names of relations, enums, unusual names and name clashes, and reports what it omits', async () => {
    const { files, leftOut } = await pullFrom(client);
    const people = files.get('people.graphql') ?? '';
    for (const line of [
      '  manager: Person',
      '@relation(to: ["manager_id"])',
      '  profile: Profile @relation(from: ["id"], to: ["person_id"])',
      '  x: String @column(name: "__x")',
      '  dueDate: Date @column(name: "due date")',
      '  VERY_HAPPY @column(name: "very happy")',
      '  VALUE_5 @column(name: "+")',
      '  # Column photo is left out: bytea',
      '  personByMail(mail: String!): Person',
    ])
      assert.ok(people.includes(line), line);
    assert.match(files.get('tasks.graphql') ?? '', /^ {2}author: Person!\n {2}reviewer: Person$/m);
    assert.match(files.get('categories.graphql') ?? '', /^ {2}parent: Category\n {2}children\(/m);
    assert.match(files.get('users.graphql') ?? '', /^type User @entity @key/);
    assert.match(files.get('users2.graphql') ?? '', /^type PublicUser @entity\(table: "Users"\)/);
    assert.match(
      files.get('sales.orders.graphql') ?? '',
      /^type SalesOrder @entity\(table: "orders", schema: "sales"\)/,
    );
    assert.deepEqual(
      leftOut.filter((sentence) => sentence.startsWith('Table')),
      ['Table public.log is left out: it has neither a primary key nor a unique key over NOT NULL columns; add one.'],
    );
  });

  it('contains only the requested tables', async () => {
    const { files } = await pullFrom(client, { include: ['task*', 'sales.*'], exclude: ['task_filters', '*_pairs'] });
    assert.deepEqual(
      [...files.keys()].filter((name) => name !== 'schema.graphql'),
      ['sales.orders.graphql', 'task_counts.graphql', 'task_tags.graphql', 'tasks.graphql'],
    );
    assert.match(files.get('tasks.graphql') ?? '', /^ {2}authorId: ID!$/m);
  });
});

describe('meridian pull', () => {
  it("writes files, changes nothing in a second run, and keeps a person's edits through a migration", async () => {
    const first = await pull('kept');
    assert.equal(first.status, 0, first.stderr);
    const before = Object.fromEntries(
      readdirSync(join(folder, 'kept'))
        .filter((name) => name.endsWith('.graphql'))
        .map((name) => [name, read('kept', name)]),
    );
    assert.match((await pull('kept')).stdout, /nothing has changed in the database/);
    for (const [name, text] of Object.entries(before)) assert.equal(read('kept', name), text, name);
    assert.deepEqual(
      [(await pull('kept', '--check')).status, (await pull('kept', '--check')).stdout.trim()],
      [0, 'The SDL is as the database has it.'],
    );

    change(
      'kept',
      'tasks.graphql',
      '  title: String!',
      '  # What is to be done.\n  headline: String! @column(name: "title")',
    );
    change('kept', 'tasks.graphql', '  reviewer: Person\n', '');
    change('kept', 'tasks.graphql', '  price: Decimal!', '  price: Decimal');
    change('kept', 'people.graphql', 'type Person @entity(', 'type Person @cached(enabled: false) @entity(');
    change('kept', 'series.graphql', '  title: String', '  title: String @deprecated');
    await client.query(`ALTER TABLE tasks ADD notes text, ALTER price TYPE double precision, DROP COLUMN created_at;
      DROP TRIGGER stamp ON tasks;
      ALTER TABLE people ADD nick text UNIQUE; ALTER TYPE mood ADD VALUE 'calm' AFTER 'sad'; DROP TABLE series; DROP TABLE conflicts;
      CREATE TABLE comments (id integer PRIMARY KEY, task_id integer NOT NULL REFERENCES tasks, body text); CREATE INDEX ON comments (task_id);
      COMMENT ON COLUMN users.name IS 'As they call themselves.'`);
    const drifted = await pull('kept', '--check');
    assert.equal(drifted.status, 1);
    for (const words of [
      /new +tasks\.graphql +Task\.notes/,
      /new +comments\.graphql +Comment\.id/,
      /gone +tasks\.graphql +Task\.createdAt/,
      /yours, changed in the database +tasks\.graphql +Task\.price/,
    ])
      assert.match(drifted.stdout, words);
    assert.equal(read('kept', 'series.graphql').includes('# pull'), false, 'a check writes nothing');

    const again = await pull('kept');
    assert.equal(again.status, 0, again.stderr);
    assert.equal(
      read('kept', 'tasks.graphql').split('\n\n')[0],
      `type Task @entity @key(fields: "id") {
  id: ID! @column(name: "task_id")
  # What is to be done.
  headline: String! @column(name: "title")
  author: Person!
  category: Category
  level: Level!
  # pull: the database says now: price: Float
  price: Decimal
  notes: String
  comments(filter: CommentFilter, orderBy: [CommentOrder!], first: Int, after: String, last: Int, before: String): CommentConnection!
  taskTags(filter: TaskTagFilter, orderBy: [TaskTagOrder!], first: Int, after: String, last: Int, before: String): TaskTagConnection!
}`,
    );
    const people = read('kept', 'people.graphql');
    assert.match(people, /^type Person @cached\(enabled: false\) @entity\(table: "people"\) @key/m);
    assert.match(people, / {2}nick: String\n/);
    assert.match(people, / {2}SAD @column\(name: "sad"\)\n {2}CALM @column\(name: "calm"\)\n/);
    assert.match(people, / {2}personByNick\(nick: String!\): Person\n/);
    assert.match(read('kept', 'users.graphql'), / {2}"As they call themselves\."\n {2}name: String\n/);
    assert.match(read('kept', 'series.graphql'), /^# pull: what it shows is gone from the database\.\ntype Series/);
    assert.equal(readdirSync(join(folder, 'kept')).includes('conflicts.graphql'), false);
    assert.match((await pull('kept')).stdout, /nothing has changed in the database/);
    assert.equal((await pull('kept', '--check')).status, 0);
  });

  it('fails with one sentence and a code', async () => {
    await client.query('CREATE DATABASE bare; ').catch(() => undefined);
    await client.query(
      `CREATE ROLE stranger LOGIN; REVOKE ALL ON SCHEMA public FROM PUBLIC; REVOKE CONNECT ON DATABASE bare FROM PUBLIC`,
    );
    writeFileSync(join(folder, 'file.txt'), 'x');
    const as = (database: string, ...more: readonly string[]): Promise<CommandResult> =>
      meridian(['pull', '--database', database, '--out', join(folder, 'none'), ...more]);
    const stranger = url.replace('postgres@', 'stranger@');
    for (const [result, sentence] of [
      [
        await as('postgres://postgres@127.0.0.1:1/x'),
        /^The database cannot be reached \(.*\); start it, or correct .* \[REGION_UNAVAILABLE\]$/,
      ],
      [
        await as(urlOf(client, 'absent')),
        /^The database refuses the connection \(.*"absent" does not exist\).* \[FORBIDDEN\]$/,
      ],
      [
        await as(urlOf(client, 'bare').replace('postgres@', 'stranger@')),
        /^The database refuses the connection .* \[FORBIDDEN\]$/,
      ],
      [
        await as(urlOf(client, 'bare')),
        /^Database "bare" has no table that could become a type; .* \[DATABASE_NOT_READY\]$/,
      ],
      [await as(stranger), /^Database "postgres" has no table .* this role may not read it.* \[DATABASE_NOT_READY\]$/],
      [
        await as(url, '--schemas', 'public,nowhere'),
        /^--schemas names "nowhere", .*there are Odd schema, public, sales\. \[BAD_USER_INPUT\]$/,
      ],
      [await as(url, '--include', 'taks'), /^--include "taks" fits no table; .* \[BAD_USER_INPUT\]$/],
      [await as(url, '--check'), /^Nothing was pulled into .* so far.* \[CONFIG_INVALID\]$/],
      [
        await meridian(['pull', '--database', url, '--out', folder]),
        /^The folder .* is not empty .* \[CONFIG_INVALID\]$/,
      ],
    ] as const) {
      assert.equal(result.status, 1, result.stdout);
      assert.match(result.stderr.trim(), sentence);
    }
  });
});
