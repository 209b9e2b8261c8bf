/** What of a schema is cached, for how long, and what is said of the rest. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Catalog, type CatalogTable } from '../../../src/model/catalog.ts';
import { type Caching } from '../../../src/model/model.ts';
import { formatProblem } from '../../../src/schema-compiler/problems.ts';
import { sketchCatalog, TEAMS, type TableSketch } from '../../support/catalog.ts';
import { compileSdl, problemsOf, warningsOf } from '../../support/compile.ts';

const TEAM =
  'type Team @entity { id: ID! name: String! tasks: [Task!]! @relation(limit: 9) open: Int! @count(of: "Task", where: "status <> \'DONE\'") }';
const TASK = 'type Task @entity { id: ID! title: String! }';
const DEFAULT: Caching = { off: null, ttlMs: null, maxVariants: null };

async function cachingOf(
  sdl: string,
  path: string,
  extra: Parameters<typeof compileSdl>[1] = {},
): Promise<Caching | undefined> {
  const { model } = await compileSdl(sdl, extra);
  const [type = '', field] = path.split('.');
  if (field === undefined) return model.entities.get(type)?.caching;
  const found = type === 'Query' ? model.queries.get(field) : model.entities.get(type)?.fields.get(field);
  return found && 'caching' in found ? found.caching : undefined;
}

const noticesOf = async (sdl: string, extra: Parameters<typeof compileSdl>[1] = {}): Promise<string[]> =>
  (await compileSdl(sdl, extra)).notices.map(formatProblem);

/** One table `tasks`, in whatever state. */
const tasks = (sketch: Partial<TableSketch>): Catalog =>
  sketchCatalog({
    tasks: {
      columns: [
        'id bigint',
        'title text',
        'team_id bigint',
        'zoned timetz null',
        'span tstzrange null',
        'shape public.shape null',
      ],
      primaryKey: ['id'],
      ...sketch,
    },
  });

describe('caching', () => {
  it('is on for every entity and every field over one', async () => {
    for (const path of ['Team', 'Task', 'Team.tasks', 'Team.open'])
      assert.deepEqual(await cachingOf(`${TEAM}\n${TASK}`, path), DEFAULT);
    assert.deepEqual(await noticesOf(`${TEAM}\n${TASK}`), []);
  });

  it('takes its limits from @cached, those of a field before those of its entity', async () => {
    const sdl = `${TEAM.replace('tasks: [Task!]!', 'tasks: [Task!]! @cached(ttlMs: 5)')}\n${TASK.replace('@entity', '@entity @cached(ttlMs: 1000, maxVariants: 7)')}`;
    assert.deepEqual(await cachingOf(sdl, 'Task'), { off: null, ttlMs: 1_000, maxVariants: 7 });
    assert.deepEqual(await cachingOf(sdl, 'Team.tasks'), { off: null, ttlMs: 5, maxVariants: 7 });
    assert.deepEqual(await cachingOf(sdl, 'Team'), DEFAULT);
  });

  it('is off where the author says so, for an entity with all fields over it, without a warning', async () => {
    const sdl = `${TEAM}\n${TASK.replace('@entity', '@entity @cached(enabled: false)')}`;
    assert.deepEqual(await cachingOf(sdl, 'Task'), { ...DEFAULT, off: 'Task says @cached(enabled: false)' });
    assert.deepEqual(await cachingOf(sdl, 'Team.open'), { ...DEFAULT, off: 'Task says @cached(enabled: false)' });
    assert.deepEqual(
      await cachingOf(
        `${TEAM.replace('tasks: [Task!]!', 'tasks: [Task!]! @cached(enabled: false)')}\n${TASK}`,
        'Team.tasks',
      ),
      { ...DEFAULT, off: 'Team.tasks says @cached(enabled: false)' },
    );
    assert.deepEqual(await noticesOf(sdl), []);
  });

  it('is off for conditions that depend on the clock, with one warning', async () => {
    const sdl = `${TEAM.replace("status <> 'DONE'", 'due_date < current_date')}\n${TASK}`;
    const off = 'its answer may change without a change of its rows: the condition depends on current_date';
    assert.deepEqual(await cachingOf(sdl, 'Team.open'), { ...DEFAULT, off });
    assert.deepEqual(await cachingOf(sdl, 'Team.tasks'), DEFAULT);
    assert.deepEqual(await noticesOf(sdl), [`app.graphql:1  Team.open is not cached: ${off}`]);
    assert.deepEqual(await warningsOf(sdl), []);
  });

  it('gives a warning where it is asked for and not possible', async () => {
    const sdl = `${TEAM.replace("status <> 'DONE'\")", 'due_date < current_date") @cached(ttlMs: 1000)')}\n${TASK}`;
    assert.deepEqual(await warningsOf(sdl), [
      'app.graphql:1  Team.open is @cached and cannot be: its answer may change without a change of its rows: the condition depends on current_date',
    ]);
    assert.deepEqual(await noticesOf(sdl), []);
  });

  it('is the same for root lists and counts as for others', async () => {
    const sdl = `${TASK}\ntype Query { tasks(first: Int): [Task!]! late: Int! @count(of: "Task", where: "due_date < now()") one(id: ID!): Task }`;
    assert.deepEqual(await cachingOf(sdl, 'Query.tasks'), DEFAULT);
    assert.match((await cachingOf(sdl, 'Query.late'))?.off ?? '', /calls now\(\)$/);
  });

  it('is off for a field where an argument compares values whose text may mean the current time', async () => {
    const sdl = (argument: string): string => `${TASK}\nscalar Shape\ntype Query { tasks(${argument}): [Task!]! }`;
    const catalog = tasks({});
    assert.deepEqual(
      await cachingOf(sdl('zoned: String, span: String'), 'Query.tasks', { catalog }),
      DEFAULT,
      'words for the moment are refused as values of these',
    );
    assert.match(
      (await cachingOf(sdl('shape: String'), 'Query.tasks', { catalog }))?.off ?? '',
      /^its argument shape compares values of the type public\.shape, /,
    );
  });
});

describe('a table whose changes are not streamed', () => {
  const cases: readonly (readonly [string, Partial<TableSketch>, RegExp])[] = [
    ['a materialized view', { view: true, relation: 'materialized' }, /it is a materialized view/],
    ['a foreign table', { relation: 'foreign' }, /it is a foreign table/],
    ['a partitioned table', { relation: 'partitioned' }, /partitions is truncated$/],
    ['an unlogged table', { isLogged: false }, /not in the WAL$/],
    ['a table with children', { isInherited: true }, /inherit from it/],
    [
      'a table outside of the publication',
      { publishing: null },
      /the publication meridian does not have it; meridian setup adds it$/,
    ],
    ['a publication without truncate', { publishing: { omits: ['truncate'], filtered: false } }, /leaves out truncate/],
    ['a publication with a filter', { publishing: { omits: [], filtered: true } }, /only some of its rows or columns/],
  ];
  for (const [what, sketch, why] of cases) {
    it(`is not cached, as of ${what}`, async () => {
      const catalog = tasks(sketch);
      const sdl = `${TASK.replace('@entity', '@entity @key(fields: "id")')}\ntype Query { tasks: [Task!]! }`;
      assert.match((await cachingOf(sdl, 'Task', { catalog }))?.off ?? '', why);
      assert.match((await cachingOf(sdl, 'Query.tasks', { catalog }))?.off ?? '', why);
      const notices = await noticesOf(sdl, { catalog });
      assert.equal(notices.length, 1, 'once, however many fields');
      assert.match(
        notices[0] ?? '',
        /^app\.graphql:1 {2}Task is not cached: it shows (table|view) tasks, of which not every change can be seen: /,
      );
      assert.match((await compileSdl(sdl, { catalog })).model.unseen.get('public.tasks') ?? '', why);
    });
  }

  it('gives no warning before the database is set up', async () => {
    const catalog: Catalog = {
      ...TEAMS,
      tables: new Map(
        [...TEAMS.tables].map(([name, table]): [string, CatalogTable] => [name, { ...table, publishing: null }]),
      ),
      publication: { name: 'meridian', exists: false },
    };
    assert.match(
      (await cachingOf(TASK, 'Task', { catalog }))?.off ?? '',
      /there is no publication meridian; meridian setup creates it$/,
    );
    assert.deepEqual(await noticesOf(TASK, { catalog }), []);
    assert.deepEqual(await noticesOf(TASK, { catalog: { ...catalog, publication: null } }), []);
  });

  it('is cached where only its old rows are incomplete, with a warning about the cost', async () => {
    const catalog = tasks({ keepsOldRows: false });
    assert.deepEqual(await cachingOf(TASK, 'Task', { catalog }), DEFAULT);
    assert.match(
      (await noticesOf(TASK, { catalog })).join(),
      /every update and delete in table tasks empties all that is cached of it/,
    );
  });
});

describe('row-level security', () => {
  const policies = [{ name: 'own', condition: "(tenant_id = (current_setting('app.tenant_id'::text))::bigint)" }];
  const catalog = tasks({ columns: ['id bigint', 'title text', 'tenant_id bigint'], policies });

  it('keeps a table cached whose policies depend on the row and on viewerSettings only', async () => {
    assert.deepEqual(await cachingOf(TASK, 'Task', { catalog, viewerSettings: ['App.tenant_id'] }), DEFAULT);
    assert.deepEqual(
      await cachingOf(TASK, 'Task', { catalog: tasks({ policies: [] }) }),
      DEFAULT,
      'nobody sees anything',
    );
  });

  it('switches caching off for tables with other policies', async () => {
    assert.equal(
      (await cachingOf(TASK, 'Task', { catalog }))?.off,
      'what a viewer sees of table tasks depends on more than its rows and viewerSettings: the policy own reads the setting app.tenant_id, which viewerSettings does not carry',
    );
    const computed = tasks({ policies: [{ name: 'own', condition: '(title = who())' }] });
    assert.match((await cachingOf(TASK, 'Task', { catalog: computed }))?.off ?? '', /the policy own calls who\(\)$/);
    assert.match((await noticesOf(TASK, { catalog: computed })).join(), /^app\.graphql:1 {2}Task is not cached: /);
  });
});

describe('@cached and @tenant where they mean nothing', () => {
  it('are errors', async () => {
    const sdl = `type Team @entity { id: ID! @cached name: String! lead: Person @relation(from: ["lead_id"]) @cached(ttlMs: 1) people: [Person!]! @cached(ttlMs: 0) }
type Person @entity(table: "people") { id: ID! }
type Query { team(id: ID!): Team @cached teams: [Team!]! @cached(maxVariants: -1) }
type Box @cached @tenant(column: "id") { id: ID! }
type Task @entity @tenant(column: "teem_id") { id: ID! }
type Desk @entity @tenant(column: "photo") { room: String! }`;
    assert.deepEqual(await problemsOf(sdl), [
      'app.graphql:1  Team.people is @cached with ttlMs: 0; give at least 1, or say enabled: false',
      'app.graphql:1  Team.id is no list, connection or count of rows, so @cached has no meaning there; remove it',
      'app.graphql:1  Team.lead is no list, connection or count of rows, so @cached has no meaning there; say it on Person',
      'app.graphql:3  Query.teams is @cached with maxVariants: -1; give at least 1, or say enabled: false',
      'app.graphql:3  Query.team is no list, connection or count of rows, so @cached has no meaning there; say it on Team',
      'app.graphql:4  Box is no @entity, so @cached has no meaning there; remove it',
      'app.graphql:4  Box is no @entity, so @tenant has no meaning there; remove it',
      'app.graphql:5  Task holds its tenant in column "teem_id", which table tasks does not have; did you mean "team_id"?',
      'app.graphql:6  Desk holds its tenant in column "photo", which table desks does not have',
    ]);
  });
});

describe('@tenant', () => {
  it('names a column that every statement then selects', async () => {
    const { model } = await compileSdl('type Task @entity @tenant(column: "team_id") { id: ID! }');
    const task = model.entities.get('Task');
    assert.equal(task?.tenant, 'team_id');
    assert.deepEqual([...(task?.columns.keys() ?? [])], ['id', 'team_id']);
  });

  it("must be a value that a viewer's tenant can equal", async () => {
    assert.match(
      (await problemsOf('type Task @entity @tenant(column: "labels") { id: ID! }')).join(),
      /holds its tenant in column "labels", which is text\[\]/,
    );
  });

  it('gives a warning where one type of a table has it and another has not', async () => {
    assert.deepEqual(
      await warningsOf(
        'type Team @entity @tenant(column: "id") { id: ID! }\ntype Page @entity(table: "teams") { name: String! }',
      ),
      ['app.graphql:2  Page shows the rows of Team to every tenant; give it @tenant(column: "id"), too'],
    );
  });
});
