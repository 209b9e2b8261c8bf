/**
 * Proves that an operation has the same answer, to the byte, and the same batches of reads by its plan as by
 * graphql-js.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import {
  execute,
  getOperationAST,
  getVariableValues,
  parse,
  validate,
  type DocumentNode,
  type ExecutionResult,
} from 'graphql';
import { type Kept } from '../../../src/graphql/plan/plans.ts';
import { Plans } from '../../../src/graphql/plan/plans.ts';
import { Run } from '../../../src/graphql/plan/run.ts';
import { NotHere } from '../../../src/read/loaders/reads-now.ts';
import { MemoryLoaders, plannedApp, type PlannedApp } from '../../support/planned-app.ts';
import { seeded } from '../../support/random.ts';
import { randomOperation } from '../../support/random-query.ts';

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = Number(process.env['ROUNDS'] ?? 1_000);

type Variables = Readonly<Record<string, unknown>>;

interface Ran {
  readonly text: string;
  readonly hasErrors: boolean;
  readonly batches: readonly string[];
}

/**
 * Each key that was asked for, once, whatever its batch: rows of one list go on together, where graphql-js lets each go
 * on alone.
 */
function keysOf(batches: readonly string[]): string[] {
  return batches
    .flatMap((batch) => {
      const [name = '', keys = ''] = batch.split(/: (?!.*: )/);
      return keys.split(' ').map((key) => `${name} ${key}`);
    })
    .sort();
}

describe('a plan', () => {
  let app: PlannedApp;
  const total = { planned: 0, executed: 0, notAtOnce: 0 };
  before(async () => {
    app = await plannedApp();
  });

  const executed = async (document: DocumentNode, variables: Variables): Promise<Ran> => {
    const memory = new MemoryLoaders(app);
    const operation = { root: { loaders: memory.loaders }, at: () => ({ loaders: memory.loaders }) };
    const contextValue = { operation, at: () => ({ loaders: memory.loaders }) };
    const result: ExecutionResult = await execute({
      schema: app.schema,
      document,
      variableValues: variables,
      contextValue,
    });
    return { text: JSON.stringify(result.data), hasErrors: result.errors !== undefined, batches: memory.batches };
  };
  const keptOf = (
    plans: Plans,
    document: DocumentNode,
    variables: Variables,
    name?: string,
  ): { readonly kept: Kept | null; readonly coerced: Variables } | null => {
    const operation = getOperationAST(document, name);
    assert.ok(operation);
    const { coerced } = getVariableValues(app.schema, operation.variableDefinitions ?? [], variables);
    return coerced
      ? { kept: plans.of({ schema: app.schema, document, operation, variables: coerced }), coerced }
      : null;
  };
  /** Null where there is no plan; an error where it has come to nothing. */
  const planned = async (plans: Plans, document: DocumentNode, variables: Variables): Promise<Ran | Error | null> => {
    const found = keptOf(plans, document, variables);
    if (!found?.kept?.plan) return null;
    const memory = new MemoryLoaders(app);
    try {
      const data = await new Run({
        plan: found.kept.plan,
        schema: app.schema,
        loaders: memory.loaders,
        variables: found.coerced,
      }).data();
      return { text: JSON.stringify(data), hasErrors: false, batches: memory.batches };
    } catch (error) {
      return error as Error;
    }
  };
  /** The same with rows that are all there. */
  const plannedNow = (plans: Plans, document: DocumentNode, variables: Variables): string | Error | null => {
    const found = keptOf(plans, document, variables);
    if (!found?.kept?.plan) return null;
    const loaders = new MemoryLoaders(app).now;
    try {
      const run = new Run({ plan: found.kept.plan, schema: app.schema, loaders, variables: found.coerced });
      return JSON.stringify(run.dataNow(loaders));
    } catch (error) {
      return error as Error;
    }
  };
  const same = async (
    query: string,
    variables: Variables = {},
    plans = new Plans(),
  ): Promise<'planned' | 'failed' | 'not planned'> => {
    const document = parse(query);
    assert.deepEqual(validate(app.schema, document), [], query);
    const [right, mine] = [await executed(document, variables), await planned(plans, document, variables)];
    const what = `${query}\n${JSON.stringify(variables)}`;
    if (mine === null) return 'not planned';
    const atOnce = plannedNow(plans, document, variables);
    if (atOnce instanceof NotHere) total.notAtOnce += 1;
    else if (atOnce instanceof Error || right.hasErrors)
      assert.ok(atOnce instanceof Error && right.hasErrors, `${what}\nat once: ${String(atOnce)}`);
    else assert.equal(atOnce, right.text, what);
    if (mine instanceof Error) {
      assert.ok(right.hasErrors, `${what}\ncame to nothing by its plan: ${mine.stack}`);
      return 'failed';
    }
    assert.equal(right.hasErrors, false, `${what}\nhas errors, which its plan has not met`);
    assert.equal(mine.text, right.text, what);
    assert.deepEqual(keysOf(mine.batches), keysOf(right.batches), what);
    total.planned += mine.batches.length;
    total.executed += right.batches.length;
    return 'planned';
  };

  const CASES: readonly (readonly [string, string, Variables?])[] = [
    [
      'columns of every type',
      '{ tasks(first: 12) { __typename id title status points estimate labels extra weight urgent dueDate cells mood } }',
    ],
    [
      'rows by key, present and missing',
      '{ a: task(id: 1) { id } b: task(id: 99) { id } byEmail(email: "p2@x") { name } }',
    ],
    [
      'relations, with and without a row',
      '{ tasks(first: 12) { id assignee { name boss { name boss { id } } } owner { id } } }',
    ],
    [
      'lists, counts and pages',
      '{ person(id: 2) { tasks { id } taskCount owned(first: 2) { totalCount nodes { id } edges { cursor node { title } } pageInfo { hasNextPage startCursor endCursor hasPreviousPage } __typename } } }',
    ],
    [
      'pages of pages',
      '{ people(first: 4) { nodes { owned { edges { node { owner { owned(first: 1) { nodes { id assignee { id } } } } } } } } totalCount } }',
    ],
    ['a total alone', '{ people { n: totalCount totalCount __typename } }'],
    ['a connection of which only the type is asked', '{ people { __typename } }'],
    [
      'embedded objects',
      '{ people(first: 6) { nodes { home { street zip __typename } maker { id people(first: 1) { id } } } } }',
    ],
    ['null in lists that may hold it', '{ loose { id } tasks { cells } }'],
    ['counts with a default', '{ taskCount all: taskCount(status: null) todo: taskCount(status: TODO) }'],
    [
      'fragments and merged fields',
      '{ task(id: 2) { ...A ...B owner { id } } } fragment A on Task { owner { name } id } fragment B on Task { owner { email ...C } } fragment C on Named { called }',
    ],
    [
      'the default of the type and not of its interface',
      '{ _entities(representations: [{__typename: "Person", id: "2"}, {__typename: "Desk", id: "1"}]) { ... on Named { called tasks { id } } ... on Desk { id } } }',
    ],
    [
      'references by each key, and to nothing',
      '{ _entities(representations: [{__typename: "Person", email: "p3@x"}, {__typename: "Task", id: 4}, {__typename: "Task", id: 99}, {__typename: "Person", id: "1"}]) { __typename ... on Person { name } ... on Task { title owner { name } } } }',
    ],
    [
      'references to interfaces',
      '{ _entities(representations: [{__typename: "Named", id: "6"}]) { __typename ... on Named { id called } } }',
    ],
    [
      'references to types of other subgraphs, with what they bring',
      '{ _entities(representations: [{__typename: "Maker", id: "7", size: 3}, {__typename: "Person", id: "1", reports: 4}]) { ... on Maker { id size people(first: 9) { id } } ... on Person { reports name } } }',
    ],
    [
      'names that every object has',
      '{ constructor: task(id: 1) { toString: id hasOwnProperty: title valueOf: __typename } people { constructor: nodes { id } toString: __typename } }',
    ],
  ];
  for (const [what, query, variables] of CASES) {
    it(`answers ${what} as graphql-js does`, async () => {
      const before = { ...total };
      assert.equal(await same(query, variables), 'planned');
      assert.equal(total.planned - before.planned, total.executed - before.executed);
    });
  }

  const FAILING: readonly (readonly [string, string, Variables?])[] = [
    ['a null where the schema has none', '{ sure(id: 99) { id } }'],
    ['a key that is none, beside what is right', '{ task(id: "none") { id } tasks { id } }'],
    ['a page that is none', '{ people(first: -1) { totalCount nodes { id } } }'],
    ['one list among siblings', '{ person(id: 1) { tasks(first: -1) { id } owned { nodes { id } } } }'],
    ['a number that no Float can show', '{ task(id: 13) { weight } }'],
    ['a list within a list that has none', '{ task(id: 13) { id cells } }'],
    ['an item that is missing where none may be', '{ task(id: 13) { labels } }'],
    [
      'a reference without a key',
      '{ _entities(representations: [{__typename: "Task", id: "1"}, {__typename: "Task"}]) { ... on Task { id } } }',
    ],
    [
      'a reference that names nothing',
      '{ _entities(representations: [{__typename: "Task", id: "1"}, 7]) { ... on Task { id } } }',
    ],
  ];
  for (const [what, query, variables] of FAILING)
    it(`comes to nothing at ${what}, which graphql-js then tells of`, async () =>
      assert.equal(await same(query, variables), 'failed'));

  const OTHERS: readonly (readonly [string, string])[] = [
    ['a resolver of the application', '{ own task(id: 1) { id } }'],
    ['one on a field within', '{ task(id: 1) { owner { shout } } }'],
    ['one that returns an entity', '{ ownTask { id } }'],
    ['introspection', '{ __schema { queryType { name } } task(id: 1) { id } }'],
    ['the SDL of the subgraph', '{ _service { sdl } }'],
    ['a level of consistency on a field', '{ task(id: 1) @consistent(level: STRONG) { id } }'],
    ['a level of consistency on the operation', 'query @consistent { task(id: 1) { id } }'],
    ['a name that would be a prototype', '{ task(id: 1) { __proto__: title } }'],
  ];
  for (const [what, query] of OTHERS)
    it(`is not made for an operation with ${what}`, async () => assert.equal(await same(query), 'not planned'));

  it(`answers ${ROUNDS} random operations as graphql-js does (SEED=${SEED})`, async () => {
    const random = seeded(SEED);
    const plans = new Plans();
    const counts = { planned: 0, failed: 0, 'not planned': 0 };
    const representations = [
      { __typename: 'Person', id: '2' },
      { __typename: 'Person', email: 'p1@x', reports: 2 },
      { __typename: 'Task', id: 3 },
      { __typename: 'Maker', id: '7', size: 1 },
      { __typename: 'Named', id: '1' },
      { __typename: 'Desk', id: '2' },
      { __typename: 'Desk', id: '9' },
    ];
    for (let i = 0; i < ROUNDS; i += 1) {
      const { query, variables } = randomOperation({
        schema: app.schema,
        random,
        roots: [
          'task',
          'person',
          'byEmail',
          'tasks',
          'loose',
          'people',
          'taskCount',
          '_entities',
          ...(random.below(20) === 0 ? ['own', 'sure'] : []),
        ],
        values: {
          ID: ['1', '2', 3, '4', '99'],
          email: ['p1@x', 'p3@x', 'nobody'],
          first: [0, 1, 2, 3, 9, ...(random.below(20) === 0 ? [-1] : [])],
          last: [1, 2],
          Int: [1, 2],
          String: ['a'],
          after: [null],
          before: [null],
          representations,
          _Any: representations,
        },
      });
      counts[await same(query, variables, plans)] += 1;
    }
    assert.ok(counts.planned > ROUNDS / 2, JSON.stringify(counts));
    assert.ok(total.planned <= total.executed, `${total.planned} batches by plans, and ${total.executed} without`);
  });
});
