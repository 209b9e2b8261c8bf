/**
 * Proves that the data of the reference application is the same everywhere, has the documented size, and is consistent.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type pg from 'pg';
import { loadApp, plainQuery } from '../support/apps.ts';
import { startScratchPostgres, type ScratchPostgres } from '../support/scratch-postgres.ts';

const TABLES = ['organizations', 'users', 'projects', 'tasks', 'comments'] as const;

let server: ScratchPostgres;
let client: pg.Client;
before(async () => {
  server = await startScratchPostgres();
  client = await server.connect();
  await loadApp(client, 'workspace');
});
after(() => server[Symbol.asyncDispose]());

const one = async (sql: string): Promise<unknown> => Object.values((await plainQuery(client)(sql))[0] ?? {})[0];
const counts = (schema: string): Promise<number[]> =>
  Promise.all(TABLES.map(async (table) => Number(await one(`SELECT count(*) FROM ${schema}.${table}`))));

describe('the data of the workspace application', () => {
  it('has the documented size, with ids from 1 on', async () => {
    assert.deepEqual(await counts('public'), [50, 2_000, 500, 20_000, 40_000]);
    for (const table of TABLES)
      assert.equal(await one(`SELECT min(id) = 1 AND max(id) = count(*) FROM ${table}`), true, table);
  });

  it('is the same in another session with another time zone, date style and number format', async () => {
    const other = await server.connect();
    await other.query(
      "CREATE SCHEMA again; SET search_path = again; SET timezone = 'America/Los_Angeles'; SET datestyle = 'German'; SET extra_float_digits = 0",
    );
    await loadApp(other, 'workspace');
    for (const table of TABLES) {
      assert.equal(
        await one(
          `SELECT count(*) FROM (SELECT to_jsonb(t) FROM public.${table} t EXCEPT SELECT to_jsonb(t) FROM again.${table} t) AS different`,
        ),
        '0',
        table,
      );
    }
    await other.query('DROP SCHEMA again CASCADE');
  });

  it('is smaller and larger with the scale', async () => {
    const other = await server.connect();
    for (const [scale, expected] of [
      [0.1, [5, 200, 50, 2_000, 4_000]],
      [0.001, [1, 2, 1, 20, 40]],
      [1.5, [75, 3_000, 750, 30_000, 60_000]],
    ] as const) {
      await other.query('CREATE SCHEMA scaled; SET search_path = scaled');
      await loadApp(other, 'workspace', scale);
      assert.deepEqual(await counts('scaled'), expected);
      await other.query('DROP SCHEMA scaled CASCADE');
    }
  });

  it('keeps users and their work within one organization', async () => {
    assert.equal(
      await one(
        'SELECT count(*) FROM projects p JOIN users u ON u.id = p.owner_id WHERE u.organization_id <> p.organization_id',
      ),
      '0',
    );
    assert.equal(
      await one(
        'SELECT count(*) FROM tasks t JOIN projects p ON p.id = t.project_id WHERE t.organization_id <> p.organization_id',
      ),
      '0',
    );
    assert.equal(
      await one(
        'SELECT count(*) FROM tasks t JOIN users u ON u.id = t.assignee_id WHERE u.organization_id <> t.organization_id',
      ),
      '0',
    );
    assert.equal(
      await one(
        'SELECT count(*) FROM comments c JOIN users u ON u.id = c.author_id JOIN tasks t ON t.id = c.task_id WHERE u.organization_id <> c.organization_id OR t.organization_id <> c.organization_id',
      ),
      '0',
    );
  });

  it('is skewed, and every organization has a user and a task', async () => {
    assert.equal(
      await one(
        'SELECT count(*) FROM organizations o WHERE NOT EXISTS (SELECT FROM users WHERE organization_id = o.id) OR NOT EXISTS (SELECT FROM tasks WHERE organization_id = o.id)',
      ),
      '0',
    );
    assert.ok(
      Number(await one('SELECT count(*) FROM tasks WHERE organization_id = 1')) >
        10 * Number(await one('SELECT count(*) FROM tasks WHERE organization_id = 50')),
    );
    for (const status of ['TODO', 'DOING', 'DONE'])
      assert.ok(Number(await one(`SELECT count(*) FROM tasks WHERE status = '${status}'`)) > 2_000, status);
    assert.ok(
      Number(await one("SELECT count(*) FROM tasks WHERE status <> 'DONE' AND due_date < current_date")) > 1_000,
    );
    assert.ok(Number(await one('SELECT count(*) FROM tasks WHERE assignee_id IS NULL')) > 1_000);
    assert.equal(
      await one(
        'SELECT count(*) FROM tasks t JOIN projects p ON p.id = t.project_id WHERE t.created_at < p.created_at',
      ),
      '0',
    );
    assert.equal(
      await one("SELECT count(*) FROM users WHERE email !~ '^[a-z]+[.][a-z]+[.][0-9]+@[a-z0-9-]+[.]example$'"),
      '0',
    );
  });

  it('continues with the next id, and gives a new row the organization of its parent', async () => {
    await client.query('BEGIN');
    const task = (
      await client.query<{ id: string; organization_id: string }>(
        "INSERT INTO tasks (project_id, title, organization_id) VALUES (2, 'New', 99) RETURNING id, organization_id",
      )
    ).rows[0];
    assert.deepEqual(task, {
      id: '20001',
      organization_id: await one('SELECT organization_id FROM projects WHERE id = 2'),
    });
    const moved = (
      await client.query<{ organization_id: string; touched: boolean }>(
        'UPDATE tasks SET project_id = 1 WHERE id = 20001 RETURNING organization_id, updated_at = now() AS touched',
      )
    ).rows[0];
    assert.deepEqual(moved, {
      organization_id: await one('SELECT organization_id FROM projects WHERE id = 1'),
      touched: true,
    });
    const comment = (
      await client.query<{ organization_id: string }>(
        "INSERT INTO comments (task_id, author_id, body) VALUES (20001, 1, 'Hi') RETURNING organization_id",
      )
    ).rows[0];
    assert.equal(comment?.organization_id, moved?.organization_id);
    await client.query('SAVEPOINT here');
    await assert.rejects(client.query("INSERT INTO tasks (project_id, title) VALUES (987654, 'Lost')"), {
      code: '23503',
      constraint: 'tasks_project_id_fkey',
      message: 'project 987654 does not exist',
    });
    await client.query('ROLLBACK TO here');
    await assert.rejects(client.query("INSERT INTO comments (task_id, author_id, body) VALUES (987654, 1, 'Lost')"), {
      code: '23503',
      constraint: 'comments_task_id_fkey',
    });
    await client.query('ROLLBACK');
  });
});
