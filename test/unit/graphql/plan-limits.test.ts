/**
 * Proves what plans are not: larger than their limit, of another request or operation, kept without end, or tried again
 * and again where they come to nothing.
 */
import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { execute, getOperationAST, getVariableValues, parse, type DocumentNode } from 'graphql';
import { respondByPlan } from '../../../src/graphql/plan/execute.ts';
import { Plans, PLAN_LIMITS, type Kept } from '../../../src/graphql/plan/plans.ts';
import { Run } from '../../../src/graphql/plan/run.ts';
import { Trials } from '../../../src/graphql/plan/trials.ts';
import { MemoryLoaders, plannedApp, type PlannedApp } from '../../support/planned-app.ts';

type Variables = Readonly<Record<string, unknown>>;

let app: PlannedApp;
before(async () => {
  app = await plannedApp();
});

function wantedOf(document: DocumentNode, variables: Variables, name?: string): Parameters<Plans['of']>[0] {
  const operation = getOperationAST(document, name);
  assert.ok(operation);
  const { coerced } = getVariableValues(app.schema, operation.variableDefinitions ?? [], variables);
  return { schema: app.schema, document, operation, variables: coerced ?? {} };
}

async function run(plans: Plans, document: DocumentNode, variables: Variables = {}, name?: string): Promise<unknown> {
  const wanted = wantedOf(document, variables, name);
  const plan = plans.of(wanted)?.plan;
  assert.ok(plan, 'there is no plan');
  return JSON.parse(
    JSON.stringify(
      await new Run({
        plan,
        schema: app.schema,
        loaders: new MemoryLoaders(app).loaders,
        variables: wanted.variables,
      }).data(),
    ),
  );
}

/** Fields of which each stands for twice as many as the one before. */
function doubling(depth: number): string {
  const fragments = Array.from(
    { length: depth },
    (_, i) => `fragment F${i} on Person { a: boss { ...F${i + 1} } b: boss { ...F${i + 1} } }`,
  );
  return `{ person(id: 1) { ...F0 } }\n${fragments.join('\n')}\nfragment F${depth} on Person { id }`;
}

describe('a plan', () => {
  it('is not made for more fields than its limit, however short the text that stands for them', () => {
    const plans = new Plans();
    const began = performance.now();
    for (const depth of [12, 60]) assert.equal(plans.of(wantedOf(parse(doubling(depth)), {}))?.plan, null);
    assert.ok(performance.now() - began < 2_000);
    assert.ok(plans.of(wantedOf(parse(doubling(6)), {}))?.plan);
    assert.ok(plans.size.fields < PLAN_LIMITS.maxPlanFields);
  });

  it("is each request's: another request's variables, and those left out, are not in it", async () => {
    const plans = new Plans();
    const document = parse(
      'query ($id: ID!, $first: Int, $status: TaskStatus = TODO) { person(id: $id) { id tasks(first: $first, status: $status) { id } } taskCount(status: $status) }',
    );
    const all = [
      { id: 2, first: 1, status: 'DONE' },
      { id: 3 },
      { id: 2, first: 0, status: null },
      { id: 2, first: 1, status: 'DONE' },
      { id: 99, first: null },
    ];
    for (const variables of all) {
      const memory = new MemoryLoaders(app);
      const { data } = await execute({
        schema: app.schema,
        document,
        variableValues: variables,
        contextValue: { operation: { at: () => memory } },
      });
      assert.deepEqual(await run(plans, document, variables), JSON.parse(JSON.stringify(data)));
    }
    assert.equal(plans.size.plans, 1);
  });

  it('is made for each way in which @skip and @include may turn out, and for no value that is none', async () => {
    const plans = new Plans();
    const document = parse(
      'query ($a: Boolean!, $b: Boolean = true) { task(id: 1) { id @skip(if: $a) title @include(if: $b) status } }',
    );
    for (const [variables, names] of [
      [{ a: true }, 'title status'],
      [{ a: false }, 'id title status'],
      [{ a: true, b: false }, 'status'],
      [{ a: true }, 'title status'],
    ] as const) {
      const { task } = (await run(plans, document, variables)) as { task: object };
      assert.equal(Object.keys(task).join(' '), names);
    }
    assert.equal(plans.size.plans, 3);
    assert.equal(plans.of(wantedOf(document, { a: true, b: null })), null);
  });

  it('belongs to its operation: one of the same name in another document has its own, and so has another one of the document', async () => {
    const plans = new Plans();
    const [one, two] = [
      parse('query Q { task(id: 1) { id } } query R { task(id: 2) { id } }'),
      parse('query Q { person(id: 3) { id } }'),
    ];
    const anonymous = parse('{ task(id: 4) { id } }');
    for (let i = 0; i < 2; i += 1) {
      assert.deepEqual(await run(plans, one, {}, 'Q'), { task: { id: '1' } });
      assert.deepEqual(await run(plans, one, {}, 'R'), { task: { id: '2' } });
      assert.deepEqual(await run(plans, two, {}, 'Q'), { person: { id: '3' } });
      assert.deepEqual(await run(plans, anonymous), { task: { id: '4' } });
    }
    assert.equal(plans.size.plans, 4);
  });

  it('belongs to its schema: the same document asked of another server is another operation', async () => {
    const plans = new Plans();
    const document = parse('{ task(id: 1) { id } }');
    const first = plans.of(wantedOf(document, {}));
    const other = await plannedApp();
    assert.notEqual(plans.of({ ...wantedOf(document, {}), schema: other.schema }), first);
    assert.equal(plans.of(wantedOf(document, {})), first);
  });

  it('is given up for others when all have more fields than may be kept, and made anew when it is asked for', async () => {
    const plans = new Plans({ maxFields: 50 });
    const documents = Array.from({ length: 100 }, (_, i) => parse(`{ task(id: ${i + 1}) { id title status points } }`));
    for (const document of documents) {
      plans.of(wantedOf(document, {}));
      assert.ok(plans.size.fields <= 50);
    }
    assert.deepEqual(await run(plans, documents[0] as DocumentNode), {
      task: { id: '1', title: 'task 1', status: 'TODO', points: null },
    });
    // One operation may turn out in as many ways as it has conditions, and is bounded as all are.
    const names = Array.from({ length: 10 }, (_, i) => `v${i}`);
    const wide = parse(
      `query (${names.map((name) => `$${name}: Boolean!`).join(', ')}) { task(id: 1) { ${names.map((name) => `${name}: id @include(if: $${name})`).join(' ')} id } }`,
    );
    for (let i = 0; i < 1_024; i += 1)
      plans.of(wantedOf(wide, Object.fromEntries(names.map((name, at) => [name, ((i >> at) & 1) === 1]))));
    assert.ok(plans.size.fields <= 50);
  });
});

describe('a plan that comes to nothing', () => {
  const LIMITS = { maxFailures: 3, pauseMs: 1_000, maxPauseMs: 4_000 };

  it('is left alone after a few failures in a row, each time for longer, up to a limit', () => {
    let nowMs = 0;
    const trials = new Trials(LIMITS, () => nowMs);
    for (let i = 0; i < 3; i += 1) trials.begin()?.failed();
    for (const pauseMs of [1_000, 2_000, 4_000, 4_000]) {
      nowMs += pauseMs - 1;
      assert.equal(trials.begin(), null);
      nowMs += 1;
      trials.begin()?.failed();
    }
    nowMs += 4_000;
    trials.begin()?.succeeded();
    trials.begin()?.failed();
    assert.ok(trials.begin());
  });

  it('counts failures of runs that were under way at once as one', () => {
    let nowMs = 0;
    const trials = new Trials(LIMITS, () => nowMs);
    for (let i = 0; i < 2; i += 1) {
      const together = Array.from({ length: 100 }, () => trials.begin());
      for (const trial of together) trial?.failed();
      assert.ok(trials.begin());
    }
    const last = Array.from({ length: 100 }, () => trials.begin());
    for (const trial of last) trial?.failed();
    nowMs += 999;
    assert.equal(trials.begin(), null);
    nowMs += 1;
    assert.ok(trials.begin());
    // An older run that succeeds at last says nothing of what has come since.
    last[0]?.succeeded();
    trials.begin()?.failed();
    nowMs += 1_999;
    assert.equal(trials.begin(), null);
  });

  const request = (query: string, memory: MemoryLoaders, signal?: AbortSignal): Parameters<typeof respondByPlan>[1] => {
    const document = typeof query === 'string' ? parse(query) : query;
    const operation = {
      root: { loaders: memory.loaders },
      now: () => null,
      at: () => ({ loaders: memory.loaders }),
    };
    return {
      schema: app.schema,
      document,
      operation: getOperationAST(document),
      contextValue: { started: true, operation, signal, at: () => ({ loaders: memory.loaders }) },
      request: {},
      metrics: {},
    } as never;
  };
  const executed = async ({ document, contextValue }: ReturnType<typeof request>) =>
    execute({ schema: app.schema, document: document as DocumentNode, contextValue });

  it('leaves the operation to graphql-js, which reads again what has failed, and nothing else', async () => {
    const plans = new Plans();
    const memory = new MemoryLoaders(app);
    memory.failing.push('list Task by assignee_id');
    const asked = request(
      '{ person(id: 2) { id owned { nodes { id } } tasks { id } taskCount boss { owned { totalCount } tasks { id } } } tasks { title } }',
      memory,
    );
    assert.equal(await respondByPlan(plans, asked), null);
    const { errors, data } = await executed(asked);
    assert.deepEqual(
      [errors?.map(({ path }) => path?.join('.')), data?.['person'], (data?.['tasks'] as unknown[]).length],
      [['person.tasks'], null, 3],
    );
    const times = Map.groupBy(memory.batches, (batch) => batch);
    const again = [...times]
      .filter(([, all]) => all.length > 1)
      .map(([batch, all]) => [batch.startsWith('list Task by assignee_id'), all.length]);
    assert.ok(again.length > 0);
    assert.deepEqual(
      again,
      again.map(() => [true, 2]),
    );
  });

  it('is not tried again at once, and then costs nothing more than without it', async () => {
    const outcomes: string[] = [];
    const plans = new Plans({}, undefined, (outcome) => outcomes.push(outcome));
    const document = '{ person(id: 2) { tasks { id } } }';
    const shared = request(document, new MemoryLoaders(app));
    const batches = async (): Promise<number> => {
      const memory = new MemoryLoaders(app);
      memory.failing.push('list Task');
      const asked = {
        ...request(document, memory),
        document: shared.document,
        operation: shared.operation,
      } as ReturnType<typeof request>;
      assert.equal(await respondByPlan(plans, asked), null);
      await executed(asked);
      return memory.batches.filter((batch) => batch.startsWith('list')).length;
    };
    const counts: number[] = [];
    for (let i = 0; i < 6; i += 1) counts.push(await batches());
    assert.deepEqual(counts, [2, 2, 2, 1, 1, 1]);
    assert.ok(await respondByPlan(plans, request('{ person(id: 2) { id } }', new MemoryLoaders(app))));
    assert.deepEqual(outcomes, ['repeated', 'repeated', 'repeated', 'answered']);
  });

  it('is not carried out once more for a client that has left', async () => {
    const plans = new Plans();
    const memory = new MemoryLoaders(app);
    memory.failing.push('one Task');
    const left = new AbortController();
    const asked = request('{ task(id: 1) { id } }', memory, left.signal);
    const answer = respondByPlan(plans, asked);
    left.abort();
    const { body } = (await answer) ?? {};
    assert.equal(body?.kind === 'single' && body.singleResult.data, undefined);
    assert.equal(memory.batches.length, 1);
    const kept = plans.of(wantedOf(asked.document as DocumentNode, {})) as Kept;
    for (let i = 0; i < 2; i += 1) kept.trials.begin()?.failed();
    assert.ok(kept.trials.begin(), 'the one that left was counted as a failure');
  });

  it('leaves no rejection unhandled, and begins nothing more', async () => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    try {
      const memory = new MemoryLoaders(app);
      memory.failing.push('page Task', 'list Task', 'count Task');
      const query =
        '{ person(id: 1) { owned { totalCount nodes { id owner { boss { id } } } } tasks { id } taskCount boss { tasks { id } } } task(id: "none") { id } people(first: -1) { nodes { id } totalCount } _entities(representations: [{__typename: "Person", id: 1}, {__typename: "Task"}]) { ... on Person { tasks { id } } } }';
      assert.equal(await respondByPlan(new Plans(), request(query, memory)), null);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.deepEqual(unhandled, []);
      assert.ok(memory.batches.length <= 3, memory.batches.join('\n'));
    } finally {
      process.off('unhandledRejection', note);
    }
  });
});
