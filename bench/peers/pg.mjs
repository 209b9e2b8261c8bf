/**
 * Hand-written SQL through `pg` behind `node:http`: one prepared statement per request, whose JSON PostgreSQL
 * assembles.
 */
import { DASHBOARD, DASHBOARD_KEPT, HOME, ONE_TASK, RETITLE } from '../support/queries.ts';
import { cacheKind, readUrl, writeUrl } from './shared/environment.mjs';
import { serve } from './shared/http.mjs';
import { openPool } from './shared/rows.mjs';

const USER = `SELECT json_build_object('user', (
  SELECT json_build_object('id', u.id::text, 'name', u.name, 'email', u.email, 'organization', json_build_object('id', o.id::text, 'name', o.name),
    'assignedTasks', json_build_object('nodes', coalesce((
      SELECT json_agg(json_build_object('id', t.id::text, 'title', t.title, 'status', t.status, 'priority', t.priority) ORDER BY t.created_at, t.id)
      FROM (SELECT * FROM tasks WHERE assignee_id = u.id ORDER BY created_at, id LIMIT 10) AS t), '[]')))
  FROM users AS u JOIN organizations AS o ON o.id = u.organization_id WHERE u.id = $1))::text AS data`;

/** @param {string} counts */
const dashboard = (counts) => `SELECT json_build_object('dashboard', (
  SELECT json_build_object(${counts},
    'latestProjects', coalesce((
      SELECT json_agg(json_build_object('id', p.id::text, 'name', p.name, 'owner', json_build_object('name', w.name)) ORDER BY p.created_at DESC, p.id DESC)
      FROM (SELECT * FROM projects WHERE organization_id = o.id ORDER BY created_at DESC, id DESC LIMIT 10) AS p JOIN users AS w ON w.id = p.owner_id), '[]'),
    'latestTasks', coalesce((
      SELECT json_agg(json_build_object('id', t.id::text, 'title', t.title, 'status', t.status, 'assignee', CASE WHEN a.id IS NOT NULL THEN json_build_object('name', a.name) END) ORDER BY t.created_at DESC, t.id DESC)
      FROM (SELECT * FROM tasks WHERE organization_id = o.id ORDER BY created_at DESC, id DESC LIMIT 10) AS t LEFT JOIN users AS a ON a.id = t.assignee_id), '[]'))
  FROM organizations AS o WHERE o.id = $1))::text AS data`;
/** @param {string} field @param {string} condition */
const count = (field, condition) =>
  `'${field}', (SELECT count(*) FROM tasks WHERE organization_id = o.id AND ${condition})`;
const COUNTS = [count('openTasks', `status <> 'DONE'`), count('doneTasks', `status = 'DONE'`)];

/** @type {ReadonlyMap<string, { name: string, text: string }>} */
const reads = new Map([
  [HOME, { name: 'home', text: USER }],
  [
    DASHBOARD,
    {
      name: 'dashboard',
      text: dashboard([...COUNTS, count('overdueTasks', `status <> 'DONE' AND due_date < current_date`)].join()),
    },
  ],
  [DASHBOARD_KEPT, { name: 'dashboard_kept', text: dashboard(COUNTS.join()) }],
  [
    ONE_TASK,
    {
      name: 'one_task',
      text: `SELECT json_build_object('task', (SELECT json_build_object('id', id::text, 'title', title, 'status', status) FROM tasks WHERE id = $1))::text AS data`,
    },
  ],
]);
const UPDATE = {
  name: 'retitle',
  text: 'UPDATE tasks SET title = $2, version = version + 1 WHERE id = $1 RETURNING id, title',
};

const replica = openPool(readUrl);
const primary = openPool(writeUrl);

/** `transaction`: BEGIN, UPDATE and COMMIT, each awaited, as `pg` documents transactions; else the statement alone. */
const write = cacheKind === 'transaction' ? inTransaction : alone;

/** @param {unknown[]} values */
async function alone(values) {
  const { rows } = await primary.query({ ...UPDATE, values });
  return rows[0];
}

/** @param {unknown[]} values */
async function inTransaction(values) {
  const client = await primary.connect();
  try {
    await client.query('BEGIN');
    const { rows } = await client.query({ ...UPDATE, values });
    await client.query('COMMIT');
    return rows[0];
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

serve(async ({ query, variables }) => {
  if (query === RETITLE)
    return JSON.stringify({ data: { updateTask: { task: await write([variables.id, variables.title]) } } });
  const statement = reads.get(query);
  if (statement === undefined) throw new RangeError('there is no statement for this query');
  const { rows } = await replica.query({ ...statement, values: [variables.id] });
  return `{"data":${rows[0].data}}`;
});
