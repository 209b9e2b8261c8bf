/** Owns the proof that `meridian schema` prints the whole graph, and tells what a change of it means to clients. */
import assert from 'node:assert/strict';
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { buildSchema, parse } from 'graphql';
import { meridian } from '../../support/command.ts';

const folder = mkdtempSync(join(tmpdir(), 'meridian-schema-'));
after(() => rmSync(folder, { recursive: true }));

const QUERY = 'type Query { tasks(filter: TaskFilter, orderBy: [TaskOrder!], first: Int): TaskConnection! }';
const TASK = 'type Task @entity @key(fields: "id") { id: ID! title: String! @column(name: "headline") note: String }';

/** A folder of SDL files by name. */
function schemaOf(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const [file, body] of Object.entries(files)) writeFileSync(join(path, file), body);
  return path;
}

const first = schemaOf('first', { 'a.graphql': QUERY, 'b.graphql': TASK });

async function printed(...args: readonly string[]): Promise<string> {
  const { status, stdout, stderr } = await meridian(['schema', ...args]);
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return stdout;
}

describe('meridian schema --print', () => {
  it('prints what clients see, made types included, whatever files it is in, without a database', async () => {
    const text = await printed('--print', '--schema', first);
    const schema = buildSchema(text);
    assert.ok(schema.getType('TaskConnection') && schema.getType('TaskEdge') && schema.getType('PageInfo'));
    assert.match(text, /^enum TaskOrder \{\n {2}ID_ASC\n {2}ID_DESC\n {2}NOTE_ASC/m);
    assert.ok(schema.getDirective('consistent'));
    for (const hidden of ['@entity', '@column', '@key', '@shareable', '@link', '_Any', 'MadeType'])
      assert.ok(!text.includes(hidden), hidden);
    const other = schemaOf('other', { 'x.graphql': `${TASK}\n${QUERY}` });
    assert.equal(await printed('--print', '--schema', other), text);
  });

  it('prints what composers see with --federated, and what is made alone with --made', async () => {
    const federated = await printed('--print', '--federated', '--schema', first);
    assert.match(
      federated,
      /^type TaskConnection$|^type TaskConnection\b.*@shareable|type TaskConnection\n {2}@shareable/m,
    );
    assert.match(federated, /@key\(fields: "id"/);
    assert.ok(!federated.includes('@entity'));
    const made = await printed('--made', '--schema', first);
    assert.deepEqual(
      parse(made).definitions.map((node) => ('name' in node ? node.name?.value : '')),
      ['TaskConnection', 'TaskFilter', 'TaskOrder', 'TaskEdge'],
    );
  });

  it('says what is wrong with the SDL, and asks for something to do', async () => {
    const broken = schemaOf('broken', { 'a.graphql': `${TASK}\ntype Query { tasks: TeamConnection }` });
    const { status, stderr } = await meridian(['schema', '--print', '--schema', broken]);
    assert.equal(status, 1);
    assert.match(stderr, /a\.graphql:2 {2}Unknown type "TeamConnection".*no @entity goes by such a name/i);
    assert.match((await meridian(['schema'])).stderr, /error: name what to do: --print or --diff <file>/);
    assert.match(
      (await meridian(['schema', '--print', '--diff', 'x'])).stderr,
      /error: --print and --diff are two things; name one/,
    );
  });
});

describe('meridian schema --diff', () => {
  const saved = join(folder, 'saved.graphql');

  it('ends well where nothing has changed for clients, also since a graph for composers', async () => {
    for (const how of ['--print', '--federated']) {
      writeFileSync(saved, await printed(how, '--schema', first));
      assert.equal(await printed('--diff', saved, '--schema', first), 'Nothing has changed for clients.\n');
    }
    const directives = schemaOf('directives', { 'a.graphql': `${QUERY}\n${TASK.replace('"headline"', '"caption"')}` });
    assert.equal(await printed('--diff', saved, '--schema', directives), 'Nothing has changed for clients.\n');
  });

  it('tells what breaks clients first, then what may and what does not, and ends with status 1', async () => {
    writeFileSync(saved, await printed('--print', '--schema', first));
    const changed = schemaOf('changed', {
      'a.graphql': QUERY.replace('first: Int', 'first: Int = 5'),
      'b.graphql': TASK.replace('note: String', 'remark: String'),
    });
    const { status, stdout } = await meridian(['schema', '--diff', saved, '--schema', changed]);
    assert.equal(status, 1);
    const levels = stdout.split('\n').map((line) => line.split(' ')[0]);
    assert.deepEqual(
      [...new Set(levels)].filter((level) => level !== '' && level !== 'Changes:'),
      ['breaking', 'dangerous', 'safe'],
    );
    assert.match(stdout, /^breaking {2,}Task\.note +Field 'note' was removed from object type 'Task'$/m);
    assert.match(stdout, /^breaking {2,}TaskOrder\.NOTE_ASC /m);
    assert.match(stdout, /^safe {2,}Task\.remark /m);
    assert.match(stdout, /^Changes: \d+ breaking, \d+ dangerous, \d+ safe\.$/m);
    const json = await meridian(['schema', '--diff', saved, '--schema', changed, '--json']);
    assert.equal(json.status, 1);
    const changes = JSON.parse(json.stdout) as { level: string; path: string }[];
    assert.ok(changes.some(({ level, path }) => level === 'breaking' && path === 'Task.note'));
  });

  it('ends well where all that has changed is safe', async () => {
    writeFileSync(saved, await printed('--print', '--schema', first));
    const more = schemaOf('more', { 'a.graphql': `${QUERY}\n${TASK.replace('note', 'more: Int @omit note')}` });
    assert.equal(
      await printed('--diff', saved, '--schema', more),
      "safe  Task.more  Field 'more' was added to object type 'Task'\n\nChanges: 0 breaking, 0 dangerous, 1 safe.\n",
    );
  });

  it('says so where the file is none', async () => {
    const { status, stderr } = await meridian(['schema', '--diff', join(folder, 'none.graphql'), '--schema', first]);
    assert.equal(status, 1);
    assert.match(
      stderr,
      /The graph in .*none\.graphql cannot be read \(ENOENT.*\); name a file that `meridian schema --print` has written\. \[SCHEMA_INVALID\]/,
    );
  });
});
