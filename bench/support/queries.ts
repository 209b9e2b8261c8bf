/** Owns the requests that benches send: what the product exists for. */

/** Three rows by key. */
export const TASK = 'query($id: ID!) { task(id: $id) { title status project { name } assignee { name } } }';

/** Counts, lists and rows. One of the counts depends on the current date, so that it is never cached. */
export const DASHBOARD = `query($id: ID!) { dashboard(organizationId: $id) { openTasks doneTasks overdueTasks
  latestProjects { id name owner { name } } latestTasks { id title status assignee { name } } } }`;

/** What a frontend without a dashboard field sends, one after the other, since each needs the one before. */
export const STEPS = [
  'query($id: ID!) { organization(id: $id) { name projects(first: 10, orderBy: CREATED_AT_DESC) { nodes { id name owner { id } } } } }',
  'query($id: ID!) { organization(id: $id) { users(first: 20) { nodes { id name } } } }',
  'query($id: ID!) { organization(id: $id) { projects(first: 10, orderBy: CREATED_AT_DESC) { nodes { tasks(first: 10, orderBy: CREATED_AT_DESC) { nodes { id title status assignee { name } } } } } } }',
];

/** Of the reference application's data at scale 1. */
export const ORGANIZATIONS = 50;
