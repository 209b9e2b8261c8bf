/**
 * Owns what has to be known of the data and the machine before requests can be made, and the data that one workload has
 * more.
 */
import { openClient } from '../support/databases.ts';
import { percentile } from '../support/measure.ts';
import { TASKS } from '../support/queries.ts';
import { HOT_USERS, MILLION, millionthTitle, type Facts } from './requests.ts';

const PAGE = 10;
const ROUND_TRIPS = 30;
/** A title that SQL makes where the id stands. */
const [BEFORE, AFTER] = millionthTitle('\0').split('\0');

/** A million tasks that have titles by their ids, and no assignee: nobody's ten tasks change. */
export const MILLION_TASKS = `
ALTER TABLE tasks DISABLE TRIGGER USER;
INSERT INTO tasks (id, organization_id, project_id, title) OVERRIDING SYSTEM VALUE
SELECT i, 1, 1, '${BEFORE}' || i || '${AFTER}' FROM generate_series(${TASKS + 1}, ${TASKS + MILLION}) AS i;
ALTER TABLE tasks ENABLE TRIGGER USER;
SELECT setval(pg_get_serial_sequence('tasks', 'id'), ${TASKS + MILLION});
ANALYZE tasks;`;

export async function factsOf(databaseUrl: string): Promise<Facts> {
  await using opened = await openClient(databaseUrl);
  const { rows } = await opened.client.query<{ id: string }>(
    'SELECT assignee_id AS id FROM tasks WHERE assignee_id IS NOT NULL GROUP BY assignee_id HAVING count(*) >= $1 ORDER BY assignee_id LIMIT $2',
    [PAGE, HOT_USERS],
  );
  if (rows.length < HOT_USERS) throw new Error(`only ${rows.length} users have ${PAGE} tasks`);
  return { users: rows.map(({ id }) => id) };
}

/** One round trip to this database, the median of several, milliseconds. */
export async function roundTripMs(databaseUrl: string): Promise<number> {
  await using opened = await openClient(databaseUrl);
  const times: number[] = [];
  for (let i = 0; i < ROUND_TRIPS; i += 1) {
    const began = performance.now();
    await opened.client.query('SELECT 1');
    times.push(performance.now() - began);
  }
  return percentile(
    times.sort((a, b) => a - b),
    0.5,
  );
}
