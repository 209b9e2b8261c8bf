/**
 * Proves the writes of tenants, and rows that move to another tenant: mutations in one round trip, triggers, cached
 * rows and the library.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stacksOf } from '../../src/app/layer.ts';
import { createDataLayer, type DataLayer, type Viewer } from '../../src/index.ts';
import { silentTelemetry } from '../../src/telemetry/telemetry.ts';
import { EU, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';
import { until } from '../support/observe.ts';
import { tenantFiles, tenantResolvers, tenantSql } from '../support/tenants.ts';

const CREATE =
  'mutation($input: CreateProjectInput!) { createProject(input: $input) { project { id name organization { id } } token } }';
const CHANGE =
  'mutation($id: ID!, $input: UpdateProjectInput!) { updateProject(id: $id, input: $input) { project { id name organization { id } } } }';

interface Created {
  readonly createProject: { readonly project: { readonly id: string; readonly organization: { readonly id: string } } };
}

describe('tenants', () => {
  let app: TestApp;
  let one: string;
  let two: string;
  let owner: string;
  let project: string;
  const headers = (bearer: string): { authorization: string } => ({ authorization: `Bearer ${bearer}` });
  const ask = <D>(
    bearer: string,
    query: string,
    variables: Readonly<Record<string, unknown>> = {},
    region = EU,
  ): Promise<Answer<D>> => app.gql<D>(region, query, { variables, token: '', headers: headers(bearer) });
  const counted = async (what: string): Promise<number> =>
    (await app.cluster.query<{ n: number }>(US, `SELECT count(*)::int AS n FROM ${what}`))[0]?.n ?? 0;

  before(async () => {
    app = await startTestApp({
      scale: 0.05,
      files: tenantFiles(),
      sql: tenantSql(),
      server: { resolvers: tenantResolvers },
    });
    [one, two] = (await Promise.all(['1', '2'].map((tenant) => app.bearer({ id: `of ${tenant}`, tenant })))) as [
      string,
      string,
    ];
    owner =
      (
        await app.cluster.query<{ id: string }>(US, 'SELECT min(id)::text AS id FROM users WHERE organization_id = 1')
      )[0]?.id ?? '';
    project =
      (
        await app.cluster.query<{ id: string }>(
          US,
          'SELECT min(id)::text AS id FROM projects WHERE organization_id = 1',
        )
      )[0]?.id ?? '';
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it('own the rows that they insert, with or without the tenant in the input', async () => {
    for (const organizationId of [undefined, '1', '01', '+1']) {
      const { data, errors } = await ask<Created>(one, CREATE, {
        input: { ownerId: owner, name: 'own', organizationId },
      });
      assert.deepEqual(errors, []);
      assert.equal(data?.createProject.project.organization.id, '1');
    }
    // Below a trigger that fills the tenant itself.
    const { data, errors } = await ask<{ createTask: { task: { organization: { id: string } } } }>(
      one,
      'mutation($id: ID!) { createTask(input: { projectId: $id, title: "own" }) { task { organization { id } } } }',
      { id: project },
    );
    assert.deepEqual([data?.createTask.task.organization.id, errors], ['1', []]);
    const bookmark = await ask<{ addBookmark: { bookmark: { name: string } } }>(
      one,
      'mutation($id: ID) { addBookmark(name: "x", projectId: $id) { bookmark { name } } }',
      { id: project },
    );
    assert.deepEqual([bookmark.data?.addBookmark.bookmark.name, bookmark.errors], ['x', []]);
  });

  it('may write their tenant in every spelling of its type', async () => {
    for (const tenant of ['01', '+1', ' 1'])
      assert.deepEqual((await ask(await app.bearer({ id: 'x', tenant }), '{ organization(id: 1) { id } }')).data, {
        organization: { id: '1' },
      });
    for (const tenant of ['1.0', '1e0', '1 1', '', '9223372036854775808'])
      assert.deepEqual(
        (await ask(await app.bearer({ id: 'x', tenant }), '{ organization(id: 1) { id } taskCount taskList { id } }'))
          .data,
        { organization: null, taskCount: 0, taskList: [] },
        tenant,
      );
  });

  it('keep a row that a trigger would give to another tenant, and nothing is written then', async () => {
    const earlier = [await counted('projects'), await counted('projects WHERE organization_id = 1')];
    for (const [bearer, query, variables] of [
      [one, CREATE, { input: { ownerId: owner, name: 'gone', description: 'stolen:2' } }],
      [one, CHANGE, { id: project, input: { description: 'stolen:2' } }],
      [one, CREATE, { input: { ownerId: owner, name: 'gone', description: 'stolen:' } }],
    ] as const) {
      const { errors } = await ask(bearer, query, variables);
      // The trigger itself fails there, whatever made it fail.
      const code = variables.input.description === 'stolen:' ? 'DATABASE_ERROR' : 'FORBIDDEN';
      assert.deepEqual(
        errors.map(({ extensions }) => extensions.code),
        [code],
        JSON.stringify(errors),
      );
      if (code === 'FORBIDDEN')
        assert.equal(
          errors[0]?.message,
          "The Project would belong to another tenant than the viewer's; nothing was written.",
        );
    }
    assert.deepEqual([await counted('projects'), await counted('projects WHERE organization_id = 1')], earlier);
    assert.deepEqual(
      (await ask(one, CHANGE, { id: project, input: { description: 'stolen:1' } })).errors,
      [],
      'what stays may change',
    );
  });

  it('cannot insert tenants', async () => {
    const earlier = await counted('organizations');
    const create = 'mutation { createOrganization(input: { name: "new", slug: "new" }) { organization { id } } }';
    for (const bearer of [one, await app.bearer({ id: 'x' })])
      assert.equal((await ask(bearer, create)).errors[0]?.extensions.code, 'FORBIDDEN');
    assert.equal(await counted('organizations'), earlier);
  });

  it('learn that a key exists, and not which tenant has it', async () => {
    const [other] = await app.cluster.query<{ id: string; email: string; name: string }>(
      US,
      'SELECT id::text, email, name FROM users WHERE organization_id = 2 LIMIT 1',
    );
    const { errors } = await ask(
      one,
      'mutation($id: ID!, $email: String!) { updateUser(id: $id, input: { email: $email }) { user { id } } }',
      { id: owner, email: other?.email },
    );
    assert.equal(errors[0]?.message, 'A row with this key exists already (email).');
    assert.deepEqual(errors[0]?.extensions['details'], { sqlState: '23505', columns: ['email'] });
  });

  it('need no further round trip', async () => {
    const { metrics } = stacksOf(app.server(EU).layer).telemetry;
    const taken = async (): Promise<{ sum: number; count: number }> => {
      const { values } = await metrics.writeRoundTrips.get();
      const of = (name: string): number => values.find(({ metricName }) => metricName?.endsWith(name))?.value ?? 0;
      return { sum: of('_sum'), count: of('_count') };
    };
    const earlier = await taken();
    const { errors } = await ask(
      one,
      'mutation($p: ID!, $u: ID!) { createTask(input: { projectId: $p, assigneeId: $u, title: "checked" }) { task { id } } }',
      { p: project, u: owner },
    );
    const later = await taken();
    assert.deepEqual([errors, later.count - earlier.count, later.sum - earlier.sum], [[], 1, 1]);
  });

  it('lose and gain rows that move to another tenant, also from the cache', async () => {
    const [task] = await app.cluster.query<{ id: string }>(
      US,
      `INSERT INTO tasks (project_id, title) VALUES ($1, 'wanders') RETURNING id::text`,
      [project],
    );
    const [theirs] = await app.cluster.query<{ id: string }>(
      US,
      'SELECT min(id)::text AS id FROM projects WHERE organization_id = 2',
    );
    const seen = async (bearer: string, region: string): Promise<unknown> =>
      (await ask<{ task: unknown }>(bearer, 'query($id: ID!) { task(id: $id) { title } }', { id: task?.id }, region))
        .data?.task ?? null;
    const both = (region: string): Promise<readonly unknown[]> => Promise.all([seen(one, region), seen(two, region)]);
    for (const [to, expected] of [
      [project, [{ title: 'wanders' }, null]],
      [theirs?.id, [null, { title: 'wanders' }]],
      [project, [{ title: 'wanders' }, null]],
    ] as const) {
      await app.cluster.query(US, 'UPDATE tasks SET project_id = $2 WHERE id = $1', [task?.id, to]);
      for (const region of [US, EU]) {
        await until(
          `the task in ${region}`,
          async () => JSON.stringify(await both(region)) === JSON.stringify(expected),
          { withinMs: 30_000 },
        );
        for (let i = 0; i < 3; i += 1) assert.deepEqual(await both(region), expected);
      }
    }
  });

  it('are separated in the library, too', async () => {
    const regions = Object.fromEntries(
      app.cluster.regions.map(({ name }) => [name, { databaseUrl: app.cluster.dsnFor(EU, name) }]),
    );
    const layer: DataLayer = await createDataLayer({
      settings: { region: EU, regions, tokenSecret: 'another secret for tests' },
      schema: tenantFiles().map((file) => ({ ...file, body: file.body.replace(/"Custom.*\n.*\n/g, '') })),
      telemetry: silentTelemetry(),
    });
    try {
      const viewer = (tenant: string | null): Viewer => ({ id: 'x', tenant, roles: [] });
      const name = async (options: Parameters<DataLayer['loaders']>[0]): Promise<unknown> => {
        const bound = layer.loaders(options);
        const row = await bound.loaders.one('Organization', ['id'], ['1']);
        await bound.close();
        return row?.['id'] ?? null;
      };
      assert.equal(await name({ viewer: viewer('1') }), '1');
      assert.equal(await name({ viewer: viewer('2') }), null);
      assert.equal(await name({ viewer: viewer(null) }), null);
      assert.equal(await name({ viewer: null }), null);
      assert.equal(await name({ allTenants: true }), '1');
      await assert.rejects(name({}), { code: 'BAD_USER_INPUT', message: /does not say for whom it reads/ });
      const sql = 'SELECT * FROM organizations ORDER BY id LIMIT 3';
      assert.deepEqual(
        (await layer.read(sql, [], { entity: 'Organization', viewer: viewer('2') })).rows.map((row) => row['id']),
        ['2'],
      );
      assert.deepEqual(
        (await layer.read(sql, [], { entity: 'Organization', allTenants: true })).rows.map((row) => row['id']),
        ['1', '2', '3'],
      );
      assert.equal((await layer.read(sql)).rows.length, 3, "SQL that names no entity is the caller's own");
      await assert.rejects(layer.read(sql, [], { entity: 'Organization' }), { code: 'BAD_USER_INPUT' });
    } finally {
      await layer.close();
    }
  });
});
