/** The author's notation for tags: what each text means, and what is refused instead of meaning nothing. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isMeridianError } from '../../../src/base/errors.ts';
import { TagScheme } from '../../../src/change/invalidation.ts';
import { anyRowTag, customTag, tableTag, tagOf, type Tag } from '../../../src/change/tags.ts';
import { TEAMS } from '../../support/catalog.ts';
import { compileSdl } from '../../support/compile.ts';

const { model } = await compileSdl(
  `
  type Team @entity @key(fields: "name") { id: ID! name: String! tasks: [Task!]! }
  type Task @entity { id: ID! title: String! team: Team! dueDate: Date token: UUID! urgent: Boolean! same: [Task!]! @relation(from: ["token"], to: ["token"]) pressing: [Task!]! @relation(from: ["urgent"], to: ["urgent"]) }
  type Seat @entity { room: String! number: Int! }
  type Load @entity(table: "team_load") @key(fields: "team") { team: ID! @column(name: "team_id") }`,
  { catalog: { ...TEAMS, searchPath: ['public', 'audit'] } },
);
const scheme = new TagScheme(model, { maxTags: 10 });
const table = (name: string, schema = 'public') => tableTag({ schema, name });
const UUID = '123e4567-e89b-12d3-a456-426614174000';

describe('the notation of tags', () => {
  const meanings: readonly (readonly [string, Tag])[] = [
    ['Task', anyRowTag(table('tasks'))],
    ['Task:42', tagOf(table('tasks'), ['id'], ['42'])],
    ['Task:+042', tagOf(table('tasks'), ['id'], ['42'])],
    ['Seat:A,3', tagOf(table('seats'), ['number', 'room'], ['3', 'A'])],
    ['Seat:["A,B",3]', tagOf(table('seats'), ['number', 'room'], ['3', 'A,B'])],
    ['Seat:[A,3', tagOf(table('seats'), ['number', 'room'], ['3', '[A'])],
    ['Task.teamId=7', tagOf(table('tasks'), ['team_id'], ['7'])],
    ['Task.team_id=7', tagOf(table('tasks'), ['team_id'], ['7'])],
    ['Task.team=7', tagOf(table('tasks'), ['team_id'], ['7'])],
    [`Task.token=${UUID.toUpperCase().replaceAll('-', '')}`, tagOf(table('tasks'), ['token'], [UUID])],
    ['Task.urgent=true', tagOf(table('tasks'), ['urgent'], ['t'])],
    ['Team.name=a=b, c', tagOf(table('teams'), ['name'], ['a=b, c'])],
    ['Team.name=', tagOf(table('teams'), ['name'], [''])],
    ['Task.title=x', anyRowTag(table('tasks'))],
    ['Task.dueDate=2026-01-31', anyRowTag(table('tasks'))],
    ['table:audit.log', anyRowTag(table('log', 'audit'))],
    ['stats', customTag('stats')],
    ['leaderboard:eu', customTag('leaderboard:eu')],
    ['7 days', customTag('7 days')],
  ];
  for (const [text, tag] of meanings) it(`reads ${text} as a tag`, () => assert.equal(scheme.dependencyTag(text), tag));

  it('names the tags that changes of just these rows name', () => {
    assert.equal(
      scheme.dependencyTag('Task:42'),
      scheme.tagFor(model.entities.get('Task') ?? assert.fail(), ['id'], ['42']),
    );
    assert.equal(
      scheme.dependencyTag('Task.urgent=f'),
      scheme.tagFor(model.entities.get('Task') ?? assert.fail(), ['urgent'], [false]),
    );
  });

  const mistakes: readonly (readonly [string, string])[] = [
    ['', 'The tag "" is no name; name an entity, a table or a tag of your own.'],
    ['\ud800', 'The tag "\\ud800" is no name; name an entity, a table or a tag of your own.'],
    ['Taks:42', 'The tag "Taks:42" names no @entity; did you mean "Task"? Begin tags of your own with a small letter.'],
    ['Stats', 'The tag "Stats" names no @entity; begin tags of your own with a small letter.'],
    ['Task 42', 'The tag "Task 42" names no @entity; begin tags of your own with a small letter.'],
    [
      'Task:abc',
      'The tag "Task:abc" has a value for column "id" that must be a whole number from -9223372036854775808 to 9223372036854775807; correct it.',
    ],
    [
      'Seat:A',
      'The tag "Seat:A" has 1 value for the key room, number of Seat; give one for each column, separated by commas, or a JSON array.',
    ],
    [
      'Seat:["A",null]',
      'The tag "Seat:[\\"A\\",null]" has null for column "number"; give a value, or name the entity alone.',
    ],
    [
      'Task.teem=7',
      'The tag "Task.teem=7" names "teem", which is no column of Task; did you mean "team"? Name a field that shows a column, or a column.',
    ],
    [
      'Task.same=7',
      'The tag "Task.same=7" names "same", which is no column of Task; name a field that shows a column, or a column.',
    ],
    ['Task.team', 'The tag "Task.team" gives no value; write Task.column=value.'],
    [
      'table:log',
      'The tag "table:log" names no table; write table:schema.name, as in table:public.tasks, a name with a dot or a quote in double quotes.',
    ],
  ];
  for (const [text, message] of mistakes) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(
        () => scheme.dependencyTag(text),
        (error: unknown) => {
          assert.ok(isMeridianError(error, 'BAD_USER_INPUT'));
          assert.equal(error.message, message);
          return true;
        },
      );
    });
  }
});

describe('a dependency on something whose changes are not streamed', () => {
  it('is reported by its tag', () => {
    assert.equal(scheme.whyUnseen(scheme.dependencyTag('Task:42')), null);
    assert.equal(scheme.whyUnseen(scheme.dependencyTag('table:audit.log')), null);
    assert.equal(scheme.whyUnseen(scheme.dependencyTag('stats')), null);
    assert.match(scheme.whyUnseen(scheme.dependencyTag('Load')) ?? '', /^it is a view/);
    assert.equal(scheme.whyUnseen(scheme.dependencyTag('table:audit.lgo')), 'it was not there when the server started');
  });
});
