/** Proves on a real server that the SDL of the example applications compiles without an unexpected warning. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { buildSubgraphSchema } from '@apollo/subgraph';
import type pg from 'pg';
import { formatProblem } from '../../src/schema-compiler/problems.ts';
import { compileApp, loadApp, plainQuery } from '../support/apps.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

let server: ScratchPostgres;
let client: pg.Client;
before(async () => {
  server = await startScratchPostgres();
  client = await server.connect();
  await loadApp(client, 'workspace', 0.001);
  await loadApp(client, 'music');
});
after(() => server[Symbol.asyncDispose]());

describe('the SDL of an example application', () => {
  it('compiles for the workspace without a warning, and is a subgraph', async () => {
    const { model, warnings, notices, typeDefs } = await compileApp(client, 'workspace');
    assert.deepEqual(warnings.map(formatProblem), []);
    assert.deepEqual(
      notices.map(({ message }) => message),
      [
        'Dashboard.overdueTasks is not cached: its answer may change without a change of its rows: the condition depends on current_date',
      ],
    );
    assert.ok(buildSubgraphSchema([{ typeDefs }]));
    assert.deepEqual(
      [...model.queries.keys()],
      ['organization', 'organizations', 'user', 'userByEmail', 'project', 'task', 'dashboard'],
    );
    assert.deepEqual(
      [...model.mutations.keys()],
      ['updateUser', 'createTask', 'updateTask', 'deleteTask', 'addComment'],
    );
    assert.deepEqual(model.entities.get('User')?.federationKeys, [['id'], ['email']]);
    assert.deepEqual(
      [
        model.entities.get('User')?.version,
        model.entities.get('Task')?.version,
        model.entities.get('Project')?.version,
      ],
      ['version', 'version', null],
    );
    assert.deepEqual(model.mutations.get('createTask')?.values.get('dueDate'), 'due_date');
  });

  it('compiles for the music shop with one warning, about its missing index', async () => {
    const { model, warnings, typeDefs, enums } = await compileApp(client, 'music');
    assert.deepEqual(
      warnings.map(({ message }) => message),
      [
        'Artist.fans reads table sales.customer by favorite, on which it has no index; CREATE INDEX ON sales.customer (favorite)',
      ],
    );
    assert.ok(buildSubgraphSchema([{ typeDefs, resolvers: enums }]));
    assert.deepEqual(model.entities.get('PlaylistEntry')?.federationKeys, [['playlist_id', 'track_id']]);
    assert.deepEqual(model.entities.get('Refund')?.fields.get('line'), {
      kind: 'toOne',
      target: 'InvoiceLine',
      join: { from: ['invoice_id', 'line_no'], to: ['invoice_id', 'line_no'] },
    });
    assert.deepEqual(model.entities.get('InvoiceLine')?.fields.get('refund'), {
      kind: 'toOne',
      target: 'Refund',
      join: { from: ['invoice_id', 'line_no'], to: ['invoice_id', 'line_no'] },
      isBack: true,
    });
    assert.deepEqual(model.entities.get('ArtistRevenue')?.primaryKey, ['artist_id']);
    assert.equal(model.entities.get('Track')?.columns.get('format')?.type.sql, 'public.media_format');
    assert.deepEqual(enums, { MediaFormat: { MP3: 'mp3', FLAC: 'flac', WAV: 'wav', VINYL_RIP: 'vinyl rip' } });
  });

  it('has an index for every page in its default order', async () => {
    const { model } = await compileApp(client, 'workspace');
    const indexes = (await plainQuery(client)(
      "SELECT tablename AS table, indexdef AS def FROM pg_indexes WHERE schemaname = 'public'",
    )) as { table: string; def: string }[];
    for (const entity of model.entities.values()) {
      for (const [name, field] of entity.fields) {
        if (field.kind !== 'connection' && field.kind !== 'list') continue;
        const target = model.entities.get(field.target);
        const columns = [...field.join.to, ...field.orderBy.map(({ column }) => column)].join(', ');
        assert.ok(
          indexes.some(({ table, def }) => table === target?.table.name && def.includes(`(${columns})`)),
          `${entity.name}.${name} pages along (${columns})`,
        );
      }
    }
  });

  it('leads to an error that names the line of a wrong condition', async () => {
    const { compileModel } = await import('../../src/schema-compiler/compile.ts');
    const { explainProblem, readCatalog } = await import('../../src/postgres/types/catalog.ts');
    const query = plainQuery(client);
    const body =
      'type Task @entity {\n  id: ID!\n}\ntype Query {\n  open: Int! @count(of: "Task", where: "status <> \'DON\'")\n}';
    await assert.rejects(
      compileModel({
        files: [{ name: 'own.graphql', body }],
        catalog: await readCatalog(query),
        checkStatement: (sql) => explainProblem(query, sql),
        pageSize: 20,
        maxPageSize: 200,
      }),
      /own\.graphql:5 {2}Query\.open has the condition status <> 'DON', which the database refuses: invalid input value for enum task_status: "DON"/,
    );
  });
});
