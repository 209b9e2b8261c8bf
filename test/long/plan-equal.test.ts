/**
 * Proves on real databases that a server that runs operations by plans gives the same bytes as a server that executes
 * all of them, with no more statements.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../src/config/load.ts';
import { readSdlFolder } from '../../src/schema-compiler/files.ts';
import { Plans, type Kept, type Wanted } from '../../src/graphql/plan/plans.ts';
import { startRuntime, type Runtime } from '../../src/app/start.ts';
import { silentTelemetry } from '../../src/telemetry/telemetry.ts';
import { startTestApp, US, type TestApp } from '../support/app.ts';
import { seeded } from '../support/random.ts';
import { randomOperation } from '../support/random-query.ts';

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = Number(process.env['ROUNDS'] ?? 600);

/** Tells how many operations had a plan. */
class CountedPlans extends Plans {
  planned = 0;

  override of(wanted: Wanted): Kept | null {
    const kept = super.of(wanted);
    if (kept?.plan) this.planned += 1;
    return kept;
  }
}

interface Call {
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

interface Told {
  readonly status: number;
  readonly text: string;
  readonly cacheControl: string | null;
  readonly statements: number;
}

interface Application {
  readonly name: string;
  readonly scale: number;
  readonly cases: readonly Call[];
  readonly values: Readonly<Record<string, readonly unknown[]>>;
}

const IDS = ['1', '2', 3, '7', '40', '999999'];
const people = Array.from({ length: 30 }, (_, i) => ({ __typename: 'User', id: String(1 + (i % 7)) }));

const APPLICATIONS: readonly Application[] = [
  {
    name: 'workspace',
    scale: 0.02,
    values: {
      ID: [...IDS, 'x'],
      first: [0, 1, 2, 5, 5, 5, 201],
      last: [1, 3],
      after: [null, 'nonsense'],
      before: [null],
      email: ['nobody', ''],
      priority: [1, 5],
      Int: [0, 1, 7],
      String: ['a', 'e', '%', ''],
      Decimal: ['1', '2.50', 'x'],
      Date: ['2026-01-31'],
      DateTime: ['2026-01-31T00:00:00Z'],
      _Any: [
        { __typename: 'Task', id: '1' },
        { __typename: 'Task', id: '2' },
        { __typename: 'User', id: '3' },
        { __typename: 'Project', id: 1 },
        { __typename: 'Organization', id: '77' },
      ],
    },
    cases: [
      {
        query:
          '{ dashboard(organizationId: 1) { openTasks doneTasks organization { id name } latestProjects { id name owner { name } } latestTasks { id title assignee { name } } } }',
      },
      {
        query:
          '{ organizations(first: 20) { totalCount nodes { name projects(first: 20) { nodes { name owner { name } tasks(first: 20) { nodes { id title status assignee { id name } } } } } } } }',
      },
      {
        query:
          'query ($p: Int!) { project(id: 1) { tasks(first: $p, orderBy: [PRIORITY_DESC, TITLE_ASC], filter: {status: [TODO, DOING], or: [{priority: {gt: 2}}, {title: {contains: "a"}}]}) { edges { cursor node { id labels estimate dueDate createdAt comments(last: 2) { totalCount nodes { body author { email } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } } } }',
        variables: { p: 10 },
      },
      {
        query:
          'query ($r: [_Any!]!) { _entities(representations: $r) { __typename ... on User { id name email organization { name } assignedTasks(first: 2) { nodes { title } } } ... on Task { title } } }',
        variables: { r: [...people, { __typename: 'Task', id: 4 }, { __typename: 'User', email: 'nobody' }] },
      },
      {
        query: 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on User { name } } }',
        variables: { r: [{ __typename: 'User', id: '1' }, { __typename: 'User' }, 7, { __typename: 'Nope', id: 1 }] },
      },
      { query: '{ task(id: "x") { id } project(id: 1) { name } }' },
      { query: '{ project(id: 1) { tasks(first: 1000) { nodes { id } } } task(id: 1) { title } }' },
      { query: 'query ($id: ID!) { task(id: $id) { title } }', variables: { id: 1 } },
      { query: 'query ($id: ID!) { task(id: $id) { title } }', variables: { id: '2' } },
      { query: 'query ($id: ID!) { task(id: $id) { title } }', variables: {} },
      { query: 'query ($id: ID!) { task(id: $id) { title } }', variables: { id: { a: 1 } } },
      { query: '{ task(id: 1) { title } }', headers: { 'apollo-federation-include-trace': 'ftv1' } },
      { query: '{ task(id: 1) { title @consistent(level: STRONG) } }' },
      { query: '{ task(id: 1) @consistent(level: STRONG) { title assignee { name } } }' },
      { query: '{ __typename a: __typename __schema { queryType { name } } }' },
      { query: '{ _service { sdl } regionHealth { region } }' },
      { query: 'query A { task(id: 1) { id } } query B { task(id: 2) { id } }' },
    ],
  },
  {
    name: 'music',
    scale: 1,
    values: {
      ID: ['1', '2', 3, '12', 'x'],
      first: [0, 1, 3, 3, 3],
      last: [1, 2],
      after: [null],
      before: [null],
      lineNo: [1, 2],
      Int: [0, 1, 100],
      Float: [0.5, 2],
      String: ['a', 'e', 'Live'],
      Decimal: ['0.99', '1'],
      BigInt: ['1', '9007199254740993'],
      Date: ['2020-01-01'],
      DateTime: ['2020-01-01T00:00:00Z'],
      UUID: ['00000000-0000-0000-0000-000000000001'],
      Time: ['00:03:00'],
      Boolean: [true, false],
      JSON: [{}],
      _Any: [
        { __typename: 'Track', id: '1' },
        { __typename: 'Artist', id: 2 },
        { __typename: 'Artist', name: 'x' },
      ],
    },
    cases: [
      {
        query:
          '{ tracks(first: 50) { totalCount nodes { __typename id title album { title artist { name genres albumCount } } } } topArtists { revenue } trackCount }',
      },
    ],
  },
];

for (const { name, scale, cases, values } of APPLICATIONS) {
  describe(`the plans of ${name}`, { timeout: 300_000 }, () => {
    const plans = new CountedPlans();
    let app: TestApp;
    let byPlan: Runtime;
    let executing: Runtime;
    const telemetry = silentTelemetry();
    before(async () => {
      app = await startTestApp({ application: name, scale, regions: [US], server: { telemetry } });
      const start = (own: Plans | null): Promise<Runtime> =>
        startRuntime({
          config: loadConfig({
            settings: {
              region: US,
              regions: { [US]: { databaseUrl: app.cluster.dsnFor(US, US) } },
              port: 0,
              tokenSecret: 'a secret',
              auth: 'none',
              cache: false,
            },
            env: {},
            needs: ['regions', 'region'],
          }),
          files: readSdlFolder(fileURLToPath(new URL(`../../schema/${name}`, import.meta.url))),
          telemetry: silentTelemetry(),
          plans: own,
        });
      [byPlan, executing] = [await start(plans), await start(null)];
    });
    after(async () => {
      await Promise.allSettled([byPlan.close(), executing.close()]);
      await app[Symbol.asyncDispose]();
    });

    const told = async (
      runtime: Runtime,
      { query, variables = {}, headers = {} }: Call,
      blanks = '',
    ): Promise<Told> => {
      // The token asks for the report, which says how many statements there were.
      const response = await fetch(runtime.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'consistency-token': '', ...headers },
        body: JSON.stringify({ query, variables }) + blanks,
      });
      const text = await response.text();
      const statements = Number(/"primary":(\d+)/.exec(text)?.[1] ?? 0);
      return {
        status: response.status,
        text: comparable(text),
        cacheControl: response.headers.get('cache-control'),
        statements,
      };
    };
    const total = { byPlan: 0, executing: 0, failed: 0 };
    const same = async (call: Call): Promise<void> => {
      const [mine, right] = [await told(byPlan, call), await told(executing, call)];
      const what = JSON.stringify(call);
      // The document has to be known, and the rows have to be there; the same bytes would be answered by the answer
      // that is kept.
      for (const blanks of ['', ' ', '  ']) {
        const again = await told(app.server(US), call, blanks);
        if (right.text.startsWith('{"errors"')) sameFailure(again.text, right.text, what);
        else assert.equal(withoutReport(again.text), withoutReport(right.text), what);
        assert.deepEqual([again.status, again.cacheControl], [right.status, right.cacheControl], what);
      }
      if (right.text.startsWith('{"errors"')) sameFailure(mine.text, right.text, what);
      else assert.equal(mine.text, right.text, what);
      assert.deepEqual([mine.status, mine.cacheControl], [right.status, right.cacheControl], what);
      if (right.text.startsWith('{"errors"')) {
        // Reads that are under way when the answer is made are not in its report, so that their number says nothing
        // here.
        total.failed += 1;
      } else {
        total.byPlan += mine.statements;
        total.executing += right.statements;
      }
    };

    for (const one of cases)
      it(`return the same answer as execution: ${one.query} ${JSON.stringify(one.variables ?? {})}`, () => same(one));

    it(`return the same answers as execution for ${ROUNDS} random operations (SEED=${SEED})`, async () => {
      const random = seeded(SEED);
      const roots = Object.keys(byPlan.schema.getQueryType()?.getFields() ?? {}).filter(
        (field) => !['_service', 'regionHealth', 'conflicts'].includes(field),
      );
      const before = plans.planned;
      for (let i = 0; i < ROUNDS; i += 1) await same(randomOperation({ schema: byPlan.schema, random, roots, values }));
      assert.ok(plans.planned - before > ROUNDS / 2, `${plans.planned - before} had a plan`);
      const cached = (await telemetry.metrics.planRuns.get()).values.find(({ labels }) => labels.outcome === 'cached');
      assert.ok((cached?.value ?? 0) > ROUNDS / 2, `${cached?.value} had all their rows in the cache`);
      assert.ok(total.failed < ROUNDS / 2, `${total.failed} have failed`);
      // Whether two reads of one moment share a row is a matter of that moment.
      assert.ok(total.byPlan <= 1.02 * total.executing, JSON.stringify(total));
    });
  });
}

/**
 * Of errors that null the same place, only those that came before that are told: which ones did, reads that have come
 * already may change.
 */
function sameFailure(mine: string, right: string, what: string): void {
  const [left, wanted] = [JSON.parse(mine), JSON.parse(right)] as {
    readonly data?: unknown;
    readonly errors?: readonly unknown[];
  }[];
  assert.deepEqual(left?.data, wanted?.data, what);
  const texts = (left?.errors ?? []).map((error) => JSON.stringify(error));
  assert.ok(
    wanted?.errors?.some((error) => texts.includes(JSON.stringify(error))),
    `${what}: ${mine} ${right}`,
  );
}

/** Where the reads were answered, is another matter with a cache. */
function withoutReport(text: string): string {
  return text.replace(/"servedBy":\{[^}]*\}/, '"servedBy":{}');
}

/**
 * What differs from one answer to the next: ids of errors, tokens, times, traces, and the number of statements, which
 * is looked at alone.
 */
function comparable(text: string): string {
  return text
    .replaceAll(/under [0-9a-f-]{36}/g, 'under …')
    .replaceAll(/"errorId":"[^"]+"/g, '"errorId":"…"')
    .replaceAll(/"token":"[^"]*"/g, '"token":"…"')
    .replaceAll(/"ftv1":"[^"]+"/g, '"ftv1":"…"')
    .replaceAll(/"(staleness|waitedMs|primary)":[^,}]*/g, '"$1":0');
}
