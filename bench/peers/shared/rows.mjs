/** Owns the statements by which the peers' loaders read, each for a batch of keys and prepared once per connection. */
import pg from 'pg';
import { POOL_SIZE, readUrl, writeUrl } from './environment.mjs';

/** @param {string} connectionString */
export function openPool(connectionString) {
  const pool = new pg.Pool({ connectionString, max: POOL_SIZE });
  // A connection that breaks while nobody uses it; the next statement opens another one.
  pool.on('error', () => undefined);
  return pool;
}

const reading = openPool(readUrl);

/** @param {string} name @param {string} text @param {unknown[]} values */
const read = async (name, text, values) => (await reading.query({ name, text, values })).rows;

const TASK = 'id, title, status, priority, project_id, assignee_id';

/** Rows by primary key. @param {string} table @param {string} columns */
const byId = (table, columns) => async (/** @type {readonly string[]} */ ids) => {
  const rows = await read(table, `SELECT ${columns} FROM ${table} WHERE id = ANY ($1::bigint[])`, [ids]);
  const found = new Map(rows.map((row) => [row.id, row]));
  return ids.map((id) => found.get(id) ?? null);
};

/** A list per parent. @param {string} name @param {string} list SQL of one parent's list; the parent is `parent.id`. */
const listOf = (name, list) => async (/** @type {readonly string[]} */ ids) => {
  const rows = await read(
    name,
    `SELECT parent.id AS parent, list.* FROM unnest($1::bigint[]) AS parent (id) CROSS JOIN LATERAL (${list}) AS list`,
    [ids],
  );
  const lists = new Map(ids.map((id) => [id, /** @type {object[]} */ ([])]));
  for (const { parent, ...row } of rows) lists.get(parent)?.push(row);
  return ids.map((id) => lists.get(id));
};

/** A count per organization. @param {string} name @param {string} condition */
const tasksWhere = (name, condition) => async (/** @type {readonly string[]} */ ids) => {
  const rows = await read(
    name,
    `SELECT organization_id AS id, count(*)::int AS count FROM tasks WHERE organization_id = ANY ($1::bigint[]) AND ${condition} GROUP BY organization_id`,
    [ids],
  );
  const found = new Map(rows.map(({ id, count }) => [id, count]));
  return ids.map((id) => found.get(id) ?? 0);
};

/** What can be loaded: name → batch function. */
export const batches = {
  users: byId('users', 'id, name, email, organization_id'),
  organizations: byId('organizations', 'id, name'),
  projects: byId('projects', 'id, name, owner_id'),
  tasks: byId('tasks', TASK),
  tenTasksOfUser: listOf(
    'ten_tasks_of_user',
    `SELECT ${TASK} FROM tasks WHERE assignee_id = parent.id ORDER BY created_at, id LIMIT 10`,
  ),
  latestProjects: listOf(
    'latest_projects',
    'SELECT id, name, owner_id FROM projects WHERE organization_id = parent.id ORDER BY created_at DESC, id DESC LIMIT 10',
  ),
  latestTasks: listOf(
    'latest_tasks',
    `SELECT ${TASK} FROM tasks WHERE organization_id = parent.id ORDER BY created_at DESC, id DESC LIMIT 10`,
  ),
  openTasks: tasksWhere('open_tasks', `status <> 'DONE'`),
  doneTasks: tasksWhere('done_tasks', `status = 'DONE'`),
  overdueTasks: tasksWhere('overdue_tasks', `status <> 'DONE' AND due_date < current_date`),
};

/** @type {pg.Pool | undefined} */
let writing;

/** @param {string} id @param {string} title */
export async function retitle(id, title) {
  writing ??= openPool(writeUrl);
  const { rows } = await writing.query({
    name: 'retitle',
    text: `UPDATE tasks SET title = $2, version = version + 1 WHERE id = $1 RETURNING ${TASK}`,
    values: [id, title],
  });
  return rows[0] ?? null;
}
