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
export const TASKS = 20_000;

/** A user with organization and ten tasks: what most pages of an application begin with. */
export const HOME =
  'query Home($id: ID!) { user(id: $id) { id name email organization { id name } assignedTasks(first: 10) { nodes { id title status priority } } } }';

/** The same and a task: so many pairs of variables that hardly a whole request comes twice. */
export const PAIR =
  'query Pair($user: ID!, $task: ID!) { user(id: $user) { id name email organization { id name } assignedTasks(first: 10) { nodes { id title status priority } } } task(id: $task) { id title status } }';

/** A dashboard without the count that depends on the current date: every part of it may be kept. */
export const DASHBOARD_KEPT = DASHBOARD.replace(' overdueTasks', '');

/** What a gateway sends. */
export const ENTITIES =
  'query Entities($representations: [_Any!]!) { _entities(representations: $representations) { ... on Task { id title status project { name } assignee { name } } } }';

export const ONE_TASK = 'query OneTask($id: ID!) { task(id: $id) { id title status } }';

export const RETITLE =
  'mutation Retitle($id: ID!, $title: String!) { updateTask(id: $id, input: { title: $title }) { task { id title } } }';
