/**
 * Proves that the reference application as two subgraphs has the same rows, and composes to the same schema, as the
 * single application.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { findBreakingChanges, findDangerousChanges } from 'graphql';
import type pg from 'pg';
import { formatProblem } from '../../src/schema-compiler/problems.ts';
import { readSdlFolder } from '../../src/schema-compiler/files.ts';
import { compileApp, loadApp, type App } from '../support/apps.ts';
import { COMPOSERS, servedSdl } from '../support/compose.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

const APPS = {
  joint: 'workspace',
  accounts: 'workspace/subgraphs/accounts',
  work: 'workspace/subgraphs/work',
} as const satisfies Record<string, App>;
const SCALES = { small: 0.01, larger: 0.06 } as const;

/**
 * Enums of Meridian's own directives, which nothing else uses: Apollo's composer says so, and clients do not see them.
 */
const OF_DIRECTIVES = ['ConflictRule', 'OnDeleteChanged', 'OnUpdateDeleted', 'OnInsertExisting', 'Durability'];
const ownEnums = (hint: string): boolean =>
  OF_DIRECTIVES.some((name) => hint.startsWith(`UNUSED_ENUM_TYPE: Enum type "${name}" `));

let server: ScratchPostgres;
let client: pg.Client;
before(async () => {
  server = await startScratchPostgres();
  client = await server.connect();
  // The databases are schemas of one, so that their rows can be compared.
  for (const [size, scale] of Object.entries(SCALES)) {
    for (const [name, app] of Object.entries(APPS)) {
      const own = await server.connect();
      await own.query(`CREATE SCHEMA ${name}_${size}; SET search_path = ${name}_${size}`);
      await loadApp(own, app, scale);
    }
  }
});
after(() => server[Symbol.asyncDispose]());

/** Compiled against the tables of its own schema. */
async function compiled(name: keyof typeof APPS) {
  const own = await server.connect();
  await own.query(`SET search_path = ${name}_small`);
  return compileApp(own, APPS[name]);
}

describe('the reference application as two subgraphs', () => {
  for (const [size, scale] of Object.entries(SCALES)) {
    it(`has the same rows as the single application, at scale ${scale}`, async () => {
      for (const [part, table] of [
        ['accounts', 'organizations'],
        ['accounts', 'users'],
        ['work', 'projects'],
        ['work', 'tasks'],
        ['work', 'comments'],
      ]) {
        const rows = (schema: string): string => `SELECT t::text FROM ${schema}_${size}.${table} AS t`;
        const count = async (sql: string): Promise<number> =>
          Number((await client.query<{ n: string }>(`SELECT count(*) AS n FROM (${sql}) AS counted`)).rows[0]?.n);
        const joint = await count(rows('joint'));
        assert.ok(joint > 0, table);
        assert.equal(await count(rows(part ?? '')), joint, table);
        assert.equal(await count(`${rows('joint')} EXCEPT ALL ${rows(part ?? '')}`), 0, table);
      }
      const { rows } = await client.query(
        `SELECT id FROM joint_${size}.organizations EXCEPT SELECT organization_id FROM work_${size}.workspaces`,
      );
      assert.deepEqual(rows, []);
    });
  }

  it('has the same next ids as the single application', async () => {
    const next = async (schema: string, table: string): Promise<unknown> =>
      (
        await client.query<{ id: string }>(
          `SELECT nextval(pg_get_serial_sequence('${schema}_small.${table}', 'id')) AS id`,
        )
      ).rows[0]?.id;
    for (const [part, table] of [
      ['accounts', 'users'],
      ['work', 'tasks'],
      ['work', 'comments'],
    ] as const)
      assert.equal(await next(part, table), await next('joint', table), table);
  });

  it('is not part of the folder of the single application', () => {
    const names = (app: App): string[] =>
      readSdlFolder(new URL(`../../schema/${app}/`, import.meta.url).pathname).map(({ name }) => name);
    assert.deepEqual(Object.values(APPS).map(names), [['workspace.graphql'], ['accounts.graphql'], ['work.graphql']]);
  });

  it('compiles without a warning, and each table has indexes for the keys that the other subgraph sends', async () => {
    for (const name of ['accounts', 'work'] as const) {
      const { model, warnings, notices } = await compiled(name);
      assert.deepEqual(warnings.map(formatProblem), [], name);
      assert.deepEqual(
        notices.map(({ message }) => message).filter((message) => !message.includes('current_date')),
        [],
        name,
      );
      for (const { fields } of model.stubs.values()) assert.ok(fields.size > 0);
    }
    const { model } = await compiled('work');
    assert.deepEqual([...model.stubs.keys()], ['Organization', 'User']);
    assert.deepEqual(model.stubs.get('User')?.keys, [['id']]);
    const tasks = model.stubs.get('User')?.fields.get('assignedTasks');
    assert.deepEqual(tasks?.kind === 'connection' && tasks.join, { from: ['id'], to: ['assignee_id'] });
    assert.deepEqual(model.entities.get('Task')?.fields.get('assignee'), {
      kind: 'embedded',
      target: 'User',
      parts: new Map([['id', 'assignee_id']]),
      required: ['assignee_id'],
    });
  });

  for (const [composer, compose] of Object.entries(COMPOSERS)) {
    it(`composes to the schema of the single application with ${composer}`, async () => {
      const [joint, accounts, work] = await Promise.all((['joint', 'accounts', 'work'] as const).map(compiled));
      assert.ok(joint && accounts && work);
      const { api, hints } = compose({
        accounts: await servedSdl(accounts.typeDefs),
        work: await servedSdl(work.typeDefs),
      });
      const alone = compose({ joint: await servedSdl(joint.typeDefs) }).api;
      const differences = [
        [alone, api],
        [api, alone],
      ].map(([from, to]) =>
        from && to
          ? [...findBreakingChanges(from, to), ...findDangerousChanges(from, to)].map(({ description }) => description)
          : [],
      );
      assert.deepEqual(differences, [[], []]);
      assert.deepEqual(
        hints.filter((hint) => !ownEnums(hint)),
        [],
      );
      for (const name of OF_DIRECTIVES) assert.equal(api.getType(name), undefined, name);
    });
  }
});
