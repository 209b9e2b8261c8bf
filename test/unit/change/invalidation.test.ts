/** Which tags a change names, and that a read of what changed was kept under one of them. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { toLsn } from '../../../src/base/lsn.ts';
import { TagScheme } from '../../../src/change/invalidation.ts';
import { type Change, type CommittedTransaction, type RowChange } from '../../../src/change/ports.ts';
import { anyRowTag, customTag, tableTag, tagOf } from '../../../src/change/tags.ts';
import { type Entity, type Model, type Row } from '../../../src/model/model.ts';
import { compileSdl } from '../../support/compile.ts';
import { seeded } from '../../support/random.ts';

const SDL = `
  type Team @entity @key(fields: "id") @key(fields: "name") { id: ID! name: String! tasks: [Task!]! people: [Person!]! }
  type Person @entity(table: "people") { id: ID! email: String! nick: String team: Team! reviews: [Task!]! @relation(to: ["reviewer_id"]) estimated: Int! @count(of: "Task", from: ["id", "age"], to: ["assignee_id", "estimate"]) }
  type Task @entity { id: ID! title: String! assignee: Person @relation(from: ["assignee_id"]) urgent: Boolean! }
  type TaskPage @entity(table: "tasks") { same: [Task!]! @relation(from: ["token"], to: ["token"]) }
  type Seat @entity { room: String! number: Int! }
  type Query { seat(number: Int!, room: String!): Seat  personByEmail(email: String!): Person tasks: [Task!]! }`;

const { model } = await compileSdl(SDL);
const scheme = new TagScheme(model, { maxTags: 100 });
const entity = (name: string): Entity => model.entities.get(name) ?? assert.fail(name);

const TASKS = tableTag({ schema: 'public', name: 'tasks' });
const SEATS = tableTag({ schema: 'public', name: 'seats' });
const task = (over: Row = {}): Row => ({
  id: '1',
  team_id: '7',
  assignee_id: '3',
  reviewer_id: null,
  title: 'Write',
  estimate: '1.50',
  urgent: 'f',
  token: 'aaaaaaaa-0000-0000-0000-000000000000',
  ...over,
});
const without = (column: string, row: Row): Row =>
  Object.fromEntries(Object.entries(row).filter(([name]) => name !== column));
const change = (rest: Partial<RowChange> & Pick<RowChange, 'kind'>): RowChange => ({
  schema: 'public',
  table: 'tasks',
  before: null,
  after: null,
  beforeIsWhole: true,
  ...rest,
});
const transaction = (changes: readonly Change[], messages: readonly string[] = []): CommittedTransaction => ({
  commitLsn: toLsn(77n),
  committedAtMs: 0,
  changes,
  messages,
});
const named = (changes: readonly Change[], messages: readonly string[] = [], by = scheme) => {
  const { lsn, tags, ...rest } = by.invalidationOf(transaction(changes, messages));
  assert.equal(lsn, 77n);
  assert.equal(new Set(tags).size, tags.length, 'each once');
  return { tags: [...tags].sort(), ...rest };
};
const tags = (...list: string[]): string[] => list.sort();
const NOTHING = { tags: [], tables: [], everything: false };

describe('the tags of a change', () => {
  it('are one for each key and relation, and the one for any row', () => {
    assert.deepEqual(named([change({ kind: 'insert', after: task() })]), {
      ...NOTHING,
      tags: tags(
        anyRowTag(TASKS),
        tagOf(TASKS, ['id'], ['1']),
        tagOf(TASKS, ['team_id'], ['7']),
        tagOf(TASKS, ['assignee_id'], ['3']),
        tagOf(TASKS, ['token'], ['aaaaaaaa-0000-0000-0000-000000000000']),
      ),
    });
  });

  it('are of the old and of the new values', () => {
    const { tags: found } = named([
      change({ kind: 'update', before: task(), after: task({ team_id: '8', reviewer_id: '5', assignee_id: null }) }),
    ]);
    for (const tag of [
      tagOf(TASKS, ['team_id'], ['7']),
      tagOf(TASKS, ['team_id'], ['8']),
      tagOf(TASKS, ['reviewer_id'], ['5']),
      tagOf(TASKS, ['assignee_id'], ['3']),
    ])
      assert.ok(found.includes(tag), tag);
    assert.deepEqual(
      found.filter((tag) => tag.includes('|id|')),
      [tagOf(TASKS, ['id'], ['1'])],
    );
    assert.deepEqual(
      named([change({ kind: 'delete', before: task({ id: '9' }) })]).tags.filter((tag) => tag.includes('|id|')),
      [tagOf(TASKS, ['id'], ['9'])],
    );
  });

  it('take a large value that was not sent again from the old row', () => {
    const { tags: found } = named([
      change({ kind: 'update', before: task(), after: without('token', task({ title: 'New' })) }),
    ]);
    assert.ok(found.includes(tagOf(TASKS, ['token'], ['aaaaaaaa-0000-0000-0000-000000000000'])));
  });

  it('leave out columns whose equal values differ in text, and sets that hold a NULL', () => {
    const found = named([change({ kind: 'insert', after: task({ estimate: null, team_id: null }) })]).tags;
    assert.ok(found.includes(tagOf(TASKS, ['assignee_id'], ['3'])), 'numeric drops out of (assignee_id, estimate)');
    assert.ok(!found.some((tag) => tag.includes('team_id') || tag.includes('estimate')));
  });

  it('of compound keys are in one order, whatever the order of the key', () => {
    const tag = tagOf(SEATS, ['number', 'room'], ['3', 'A,|%']);
    assert.deepEqual(
      named([change({ kind: 'insert', table: 'seats', after: { room: 'A,|%', number: '3', person_id: null } })]).tags,
      tags(anyRowTag(SEATS), tag),
    );
    assert.equal(scheme.tagFor(entity('Seat'), ['room', 'number'], ['A,|%', 3]), tag);
    assert.equal(scheme.tagFor(entity('Seat'), ['number', 'room'], [3, 'A,|%']), tag);
  });

  it('are the whole table where any value could have been there', () => {
    const whole = { ...NOTHING, tables: [TASKS] };
    assert.deepEqual(named([{ kind: 'truncate', schema: 'public', table: 'tasks' }]), whole);
    assert.deepEqual(
      named([change({ kind: 'update', before: { id: '1' }, after: task(), beforeIsWhole: false })]),
      whole,
    );
    assert.deepEqual(named([change({ kind: 'update', before: null, after: task(), beforeIsWhole: false })]), whole);
    assert.deepEqual(named([change({ kind: 'delete', before: null })]), whole);
    assert.deepEqual(
      named([
        change({ kind: 'insert', after: task() }),
        change({ kind: 'delete', before: { id: '1' }, beforeIsWhole: false }),
        change({ kind: 'insert', after: task({ id: '2' }) }),
      ]),
      whole,
      'and nothing but it',
    );
    assert.deepEqual(
      named([change({ kind: 'insert', after: without('team_id', task()) })]),
      whole,
      'a column that is gone',
    );
  });

  it('are the whole table beyond maxTags, table by table', () => {
    const small = new TagScheme(model, { maxTags: 10 });
    const many = Array.from({ length: 7 }, (_, i) => change({ kind: 'insert', after: task({ id: String(i) }) }));
    assert.deepEqual(named(many.slice(0, 6), [], small).tables, []);
    const seat = change({ kind: 'insert', table: 'seats', after: { room: 'A', number: '3', person_id: null } });
    assert.deepEqual(named([...many, seat], [], small), {
      ...NOTHING,
      tables: [TASKS],
      tags: tags(anyRowTag(SEATS), tagOf(SEATS, ['number', 'room'], ['3', 'A'])),
    });
  });

  it('of a table that no entity shows are the one for any row of it', () => {
    const other = tableTag({ schema: 'audit', name: 'log' });
    assert.deepEqual(
      named([change({ kind: 'update', schema: 'audit', table: 'log', beforeIsWhole: false, after: { line: 'x' } })]),
      { ...NOTHING, tags: [anyRowTag(other)] },
    );
    assert.deepEqual(named([{ kind: 'truncate', schema: 'audit', table: 'log' }]), { ...NOTHING, tables: [other] });
  });
});

describe('messages', () => {
  it("carry tags in the author's notation", () => {
    assert.deepEqual(named([], ['{"tags":["Task:42","stats",7,"Taks:1","Task.nothing=1","\\ud800"]}']), {
      ...NOTHING,
      tags: tags(tagOf(TASKS, ['id'], ['42']), customTag('stats')),
    });
  });

  it('carry the tables that DDL changed, or everything', () => {
    assert.deepEqual(named([], ['{"ddl":{"tables":["public.tasks","audit.log"]}}']), {
      ...NOTHING,
      tables: [TASKS, tableTag({ schema: 'audit', name: 'log' })],
    });
    for (const ddl of [
      '{"all":true}',
      '{"tables":["public.tasks"],"all":true}',
      '{}',
      'null',
      '[]',
      '"public.tasks"',
      '{"tables":"public.tasks"}',
      '{"tables":["tasks"]}',
      '{"tables":["a.b.c"]}',
      '{"tables":["public.\\"Odd\\""]}',
      '{"tables":[3]}',
      '{"tables":[".x"]}',
      '{"all":"yes","tables":[]}',
    ]) {
      assert.equal(named([], [`{"ddl":${ddl}}`]).everything, true, ddl);
    }
    assert.deepEqual(named([], ['{"ddl":{"tables":[],"all":false}}']), NOTHING);
    assert.equal(named([], ['{"ddl":{"tables":["public.ta']).everything, true, 'cut off');
  });

  it('of other applications are ignored', () => {
    for (const content of [
      '',
      'hello',
      '{',
      'null',
      '[]',
      '3',
      '{"tags":3}',
      '{"tags":[null,{}]}',
      '{"tags":[""]}',
      '\u0000',
      '{"__proto__":{"ddl":1}}',
    ])
      assert.deepEqual(named([], [content]), NOTHING, content);
  });
});

describe('a read', () => {
  it('by columns that no key or relation is made of depends on any row', () => {
    assert.equal(scheme.tagFor(entity('Task'), ['title'], ['Write']), anyRowTag(TASKS));
    assert.equal(scheme.tagFor(entity('Task'), ['id', 'title'], ['1', 'Write']), anyRowTag(TASKS));
    assert.equal(scheme.tagFor(entity('Task'), [], []), anyRowTag(TASKS));
    assert.equal(scheme.tagFor(entity('Task'), ['id'], [null]), anyRowTag(TASKS));
  });

  it('through any entity of one table has the same tags', () => {
    assert.equal(scheme.tagFor(entity('TaskPage'), ['team_id'], ['7']), tagOf(TASKS, ['team_id'], ['7']));
    assert.equal(scheme.tagFor(entity('Task'), ['token'], ['x']), tagOf(TASKS, ['token'], ['x']));
  });
});

describe('the fingerprint', () => {
  const fingerprint = async (sdl: string): Promise<string> =>
    new TagScheme((await compileSdl(sdl)).model, { maxTags: 1 }).fingerprint;

  it('is the same where the same tags are named, and another where a relation is new', async () => {
    const before = await fingerprint('type Team @entity { id: ID! tasks: [Task!]! } type Task @entity { id: ID! }');
    assert.match(before, /^[\w-]{10}$/);
    assert.equal(
      await fingerprint(
        'type Task @entity { id: ID! title: String } type Team @entity { motto: String id: ID! tasks: [Task!]! again: [Task!]! }',
      ),
      before,
    );
    assert.notEqual(
      await fingerprint(
        'type Team @entity { id: ID! tasks: [Task!]! } type Task @entity { id: ID! others: [Task!]! @relation(to: ["assignee_id"]) }',
      ),
      before,
    );
  });
});

describe('whatever row changes in whatever way', () => {
  it('every tag under which the old or the new row was kept is named', () => {
    const random = seeded(20_261_124);
    const values: Readonly<Record<string, readonly (string | null)[]>> = {
      id: ['1', '2', '-9223372036854775808'],
      team_id: ['7', '8'],
      assignee_id: ['3', '4', null],
      reviewer_id: [null, '3'],
      title: ['a', 'b,|%', ''],
      estimate: ['1.50', '1.5', null],
      urgent: ['t', 'f'],
      token: ['aaaaaaaa-0000-0000-0000-000000000000', 'bbbbbbbb-0000-0000-0000-000000000000'],
    };
    const anyRow = (): Row =>
      Object.fromEntries(Object.entries(values).map(([column, choices]) => [column, random.pick(choices)]));
    for (let i = 0; i < 3_000; i += 1) {
      const [before, after] = [anyRow(), anyRow()];
      const kind = random.pick(['insert', 'update', 'delete'] as const);
      const rows = kind === 'insert' ? [after] : kind === 'delete' ? [before] : [before, after];
      const sent =
        kind === 'delete'
          ? null
          : Object.fromEntries(
              Object.entries(after).filter(
                ([column, value]) => kind === 'insert' || before[column] !== value || random.below(2) === 0,
              ),
            );
      const found = new Set(
        scheme.invalidationOf(transaction([change({ kind, before: kind === 'insert' ? null : before, after: sent })]))
          .tags,
      );
      for (const row of rows)
        for (const tag of keptUnder(model, row))
          assert.ok(found.has(tag), `${kind} ${JSON.stringify({ before, after, tag })}`);
    }
  });

  /** Reads as loaders make them: by every key of every entity, and by every join that leads to one. */
  function* keptUnder({ entities, queries }: Model, row: Row) {
    const shown = [...entities.values()].filter(({ table }) => table.name === 'tasks');
    const asked = [...entities.values()]
      .flatMap(({ fields }) => [...fields.values()])
      .flatMap((field) =>
        'join' in field && entities.get(field.target)?.table.name === 'tasks' ? [field.join.to] : [],
      );
    assert.ok(queries.has('tasks') && asked.length >= 4);
    for (const one of shown) {
      for (const columns of [[], ...one.uniqueKeys, ...one.federationKeys, ...asked]) {
        if (columns.some((column) => row[column] === null)) continue;
        yield scheme.tagFor(
          one,
          columns,
          columns.map((column) => row[column]),
        );
      }
    }
  }
});
