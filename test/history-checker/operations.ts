/** Owns the operations of clients: the GraphQL text of each step, and what its answer shows. */
import { type ClientStep, type Dice, type ReadKind, type WriteKind } from './plan.ts';
import { type Sight, type Trace } from './record.ts';
import {
  BOARD,
  BY_ID,
  COMMENT,
  connectionFields,
  connectionSights,
  countSight,
  CREATED,
  isDone,
  isOpen,
  isOverdue,
  listSight,
  NARROWINGS,
  NEWEST,
  ORGANIZATION,
  pageFields,
  PROJECT,
  rowSight,
  rowSightWith,
  TASK,
  USER,
  type Connection,
  type Narrowing,
} from './shapes.ts';
import { BOARDS } from './tables.ts';

type Row = Readonly<Record<string, unknown>>;
/** Of an answer; what is where, the operation knows that asked. */
type Data = Readonly<Record<string, unknown>>;

export interface Operation {
  readonly what: string;
  readonly text: string;
  /** What the answer shows. */
  readonly sights: (data: Data) => readonly Sight[];
  readonly trace?: Trace;
  /** Ids of rows that the answer tells of. */
  readonly created?: (data: Data) => string | null;
}

/** The rows that clients talk about. */
export interface Pool {
  readonly tasks: string[];
  readonly users: readonly string[];
  readonly projects: readonly string[];
  /** Addresses of a user, old ones too. */
  emails(user: string): string[];
  /** A page's end that the client has met in a project without narrowing; null before the first. */
  cursor: { readonly project: string; readonly cursor: string; readonly after: readonly string[] } | null;
  /** Text that nobody has written before. */
  unique(): string;
}

const FEW = 5;
const HOT = 8;

/**
 * Half of the time one of the first few, else one of all: everybody meets at the hot ones, and the others are not
 * forgotten.
 */
function pick<T>(items: readonly T[], roll: number): T {
  const hot = Math.min(HOT, items.length);
  const index = roll % 2 === 0 ? (roll >> 1) % hot : items.length - 1 - ((roll >> 1) % Math.min(items.length, 40));
  return items[index] as T;
}

function found<R extends Row>(data: Data, alias: string): R | null {
  return (data[alias] as R | null | undefined) ?? null;
}

const quoted = (text: string): string => JSON.stringify(text);

function tasks(pool: Pool, dice: Dice): Operation {
  const ids = [...new Set([pick(pool.tasks, dice[0]), pick(pool.tasks, dice[1]), pick(pool.tasks, dice[2])])];
  const deep = dice[3] % 3 === 0;
  return {
    what: `tasks ${ids.join(', ')}`,
    text: ids
      .map(
        (id) =>
          `t${id}: task(id: ${id}) { ${TASK.fields} ${deep ? `project { ${PROJECT.fields} } assignee { ${USER.fields} }` : ''} }`,
      )
      .join(' '),
    sights: (data) =>
      ids.flatMap((id) =>
        deep ? deepTask(id, found<DeepTask>(data, `t${id}`)) : [rowSight(TASK, 'id', id, found(data, `t${id}`))],
      ),
  };
}

type DeepTask = Row & { readonly project: Row; readonly assignee: Row | null };

function deepTask(id: string, task: DeepTask | null): Sight[] {
  if (task === null) return [rowSight(TASK, 'id', id, null)];
  const { project, assignee } = task;
  const sights = [
    rowSightWith(TASK, task, { project_id: project['id'] }),
    rowSight(PROJECT, 'id', String(project['id']), project),
  ];
  return assignee === null ? sights : [...sights, rowSight(USER, 'id', String(assignee['id']), assignee)];
}

function users(pool: Pool, dice: Dice): Operation {
  const ids = [...new Set([pick(pool.users, dice[0]), pick(pool.users, dice[1])])];
  const email = pick(pool.emails(pick(pool.users, dice[2])), dice[3]);
  return {
    what: `users ${ids.join(', ')}, ${email}`,
    text: `${ids.map((id) => `u${id}: user(id: ${id}) { ${USER.fields} }`).join(' ')} byEmail: userByEmail(email: ${quoted(email)}) { ${USER.fields} }`,
    sights: (data) => [
      ...ids.map((id) => rowSight(USER, 'id', id, found(data, `u${id}`))),
      rowSight(USER, 'email', email, found(data, 'byEmail')),
    ],
  };
}

function projectText(id: string, { args }: Narrowing, first: number, counted: boolean): string {
  const narrowed = [`first: ${first}`, args].filter(Boolean).join(', ');
  return `p${id}: project(id: ${id}) { ${PROJECT.fields} tasks(${narrowed}) ${counted ? connectionFields(TASK) : pageFields(TASK)} }`;
}

type PagedProject = Row & { readonly tasks: Connection };

function projectSights(id: string, narrowing: Narrowing, first: number, project: PagedProject | null): Sight[] {
  if (project === null) return [rowSight(PROJECT, 'id', id, null)];
  const selection = {
    order: narrowing.order,
    ...(narrowing.where ? { where: narrowing.where } : {}),
    whereText: narrowing.whereText ?? '',
    column: 'project_id',
    value: id,
    first,
  };
  return [rowSight(PROJECT, 'id', id, project), ...connectionSights(TASK, selection, project.tasks)];
}

function project(pool: Pool, dice: Dice): Operation {
  const ids = [...new Set([pick(pool.projects, dice[0]), pick(pool.projects, dice[1])])];
  const narrowing = pick(NARROWINGS, dice[2] * 2);
  const first = 3 + (dice[3] % 2) * 20;
  return {
    what: `pages of projects ${ids.join(', ')} ${narrowing.args}`,
    text: ids.map((id) => projectText(id, narrowing, first, true)).join(' '),
    sights: (data) => ids.flatMap((id) => projectSights(id, narrowing, first, found(data, `p${id}`))),
  };
}

/** The plainest page there is, so that all regions have it in their caches; remembers where it ends. */
function projectAgain(pool: Pool, dice: Dice): Operation {
  const id = pick(pool.projects, dice[0]);
  const narrowing = NARROWINGS[0] as Narrowing;
  return {
    what: `page of project ${id}`,
    text: projectText(id, narrowing, FEW, true),
    sights: (data) => {
      const page = found<PagedProject>(data, `p${id}`)?.tasks;
      const last = page?.nodes.at(-1) as { createdAt: string; id: string } | undefined;
      // Cursors are of the client's own pages; the order's columns say what lies behind one.
      if (page && last && page.pageInfo.endCursor !== null)
        pool.cursor = {
          project: id,
          cursor: page.pageInfo.endCursor,
          after: [last.createdAt.replace('T', ' ').replace('Z', '+00'), last.id],
        };
      return projectSights(id, narrowing, FEW, found(data, `p${id}`));
    },
  };
}

function nextPage(pool: Pool, dice: Dice): Operation {
  const { cursor } = pool;
  if (cursor === null) return projectAgain(pool, dice);
  const { project: id, after } = cursor;
  return {
    what: `next page of project ${id}`,
    text: `p: project(id: ${id}) { tasks(first: ${FEW}, after: ${quoted(cursor.cursor)}) ${pageFields(TASK)} }`,
    sights: (data) => {
      const page = found<PagedProject>(data, 'p');
      return page === null
        ? []
        : connectionSights(TASK, { column: 'project_id', value: id, order: CREATED, first: FEW, after }, page.tasks);
    },
  };
}

function assigned(pool: Pool, dice: Dice): Operation {
  const id = pick(pool.users, dice[0]);
  const open = dice[1] % 2 === 0;
  const narrowing = open ? { where: isOpen, whereText: 'open' } : {};
  return {
    what: `tasks of user ${id}`,
    text: `u: user(id: ${id}) { ${USER.fields} assignedTasks(first: ${FEW}${open ? ', filter: { status: [TODO, DOING] }' : ''}) ${connectionFields(TASK)} }`,
    sights: (data) => {
      const user = found<Row & { assignedTasks: Connection }>(data, 'u');
      if (user === null) return [rowSight(USER, 'id', id, null)];
      return [
        rowSight(USER, 'id', id, user),
        ...connectionSights(
          TASK,
          { column: 'assignee_id', value: id, order: CREATED, first: FEW, ...narrowing },
          user.assignedTasks,
        ),
      ];
    },
  };
}

function comments(pool: Pool, dice: Dice): Operation {
  const ids = [...new Set([pick(pool.tasks, dice[0]), pick(pool.tasks, dice[1])])];
  return {
    what: `comments of tasks ${ids.join(', ')}`,
    text: ids
      .map((id) => `t${id}: task(id: ${id}) { ${TASK.fields} comments(first: 4) ${connectionFields(COMMENT)} }`)
      .join(' '),
    sights: (data) =>
      ids.flatMap((id) => {
        const task = found<Row & { comments: Connection }>(data, `t${id}`);
        if (task === null) return [rowSight(TASK, 'id', id, null)];
        return [
          rowSight(TASK, 'id', id, task),
          ...connectionSights(COMMENT, { column: 'task_id', value: id, order: CREATED, first: 4 }, task.comments),
        ];
      }),
  };
}

function organization(_: Pool, dice: Dice): Operation {
  const id = String(1 + (dice[0] % 2));
  return {
    what: `organization ${id}`,
    text: `o: organization(id: ${id}) { ${ORGANIZATION.fields} users(first: 4) ${connectionFields(USER)} projects(first: 2) ${connectionFields(PROJECT)} } organizations ${connectionFields(ORGANIZATION)}`,
    sights: (data) => {
      const shown = data['o'] as Row & { users: Connection; projects: Connection };
      return [
        rowSight(ORGANIZATION, 'id', id, shown),
        ...connectionSights(USER, { column: 'organization_id', value: id, order: BY_ID, first: 4 }, shown.users),
        ...connectionSights(
          PROJECT,
          { column: 'organization_id', value: id, order: CREATED, first: 2 },
          shown.projects,
        ),
        ...connectionSights(ORGANIZATION, { column: '', value: '', order: BY_ID }, data['organizations'] as Connection),
      ];
    },
  };
}

function dashboard(_: Pool, dice: Dice): Operation {
  const id = String(1 + (dice[0] % 2));
  const of = { column: 'organization_id', value: id };
  return {
    what: `dashboard ${id}`,
    text: `d: dashboard(organizationId: ${id}) { organization { ${ORGANIZATION.fields} } openTasks doneTasks overdueTasks latestProjects { ${PROJECT.fields} } latestTasks { ${TASK.fields} } }`,
    sights: (data) => {
      const {
        organization: shown,
        openTasks,
        doneTasks,
        overdueTasks,
        latestProjects,
        latestTasks,
      } = data['d'] as {
        organization: Row;
        openTasks: number;
        doneTasks: number;
        overdueTasks: number;
        latestProjects: Row[];
        latestTasks: Row[];
      };
      const tasksOf = { ...of, table: 'tasks', order: [] } as const;
      return [
        rowSight(ORGANIZATION, 'id', id, shown),
        countSight({ ...tasksOf, where: isOpen, whereText: 'open' }, openTasks),
        countSight({ ...tasksOf, where: isDone, whereText: 'done' }, doneTasks),
        countSight({ ...tasksOf, where: isOverdue, whereText: 'overdue' }, overdueTasks),
        listSight(PROJECT, { ...of, order: NEWEST, first: 10 }, latestProjects),
        listSight(TASK, { ...of, order: NEWEST, first: 10 }, latestTasks),
      ];
    },
  };
}

/** Ids that are not there yet: sooner or later they are. */
function nothingThere(pool: Pool, dice: Dice): Operation {
  const id = String(Math.max(...pool.tasks.map(Number)) + 1 + (dice[0] % 4));
  return {
    what: `task ${id}, which may not be there yet`,
    text: `t: task(id: ${id}) { ${TASK.fields} }`,
    sights: (data) => [rowSight(TASK, 'id', id, found(data, 't'))],
  };
}

function board(_: Pool, dice: Dice): Operation {
  const ids = [...new Set([pick(BOARDS, dice[0]), pick(BOARDS, dice[1])])];
  return {
    what: `boards ${ids.join(', ')}`,
    text: ids.map((id, i) => `b${i}: board(id: ${quoted(id)}) { ${BOARD.fields} }`).join(' '),
    sights: (data) => ids.map((id, i) => rowSight(BOARD, 'id', id, found(data, `b${i}`))),
  };
}

const READS: Readonly<Record<ReadKind, (pool: Pool, dice: Dice) => Operation>> = {
  tasks,
  users,
  project,
  'project again': projectAgain,
  assigned,
  comments,
  'next page': nextPage,
  organization,
  dashboard,
  'nothing there': nothingThere,
  board,
};

function updateUser(pool: Pool, dice: Dice, column: 'name' | 'email'): Operation {
  const id = pick(pool.users, dice[0]);
  const value = pool.unique();
  if (column === 'email') pool.emails(id).push(value);
  return {
    what: `${column} of user ${id} becomes ${value}`,
    text: `w: updateUser(id: ${id}, input: { ${column}: ${quoted(value)} }) { user { ${USER.fields} } }`,
    sights: (data) => [rowSight(USER, 'id', id, (data['w'] as { user: Row }).user)],
    trace: { kind: 'value', value },
  };
}

function updateTask(pool: Pool, dice: Dice, input: string): Operation {
  const id = pick(pool.tasks, dice[0]);
  const title = pool.unique();
  return {
    what: `task ${id} becomes ${title} ${input}`,
    text: `w: updateTask(id: ${id}, input: { title: ${quoted(title)} ${input} }) { task { ${TASK.fields} project { ${projectFields()} } } }`,
    sights: (data) => {
      const { task } = data['w'] as { task: (Row & { project: Row & { id: string; tasks: Connection } }) | null };
      if (task === null) return [];
      return [
        rowSightWith(TASK, task, { project_id: task.project.id }),
        ...projectSights(task.project.id, NARROWINGS[0] as Narrowing, FEW, task.project),
      ];
    },
    trace: { kind: 'value', value: title },
  };
}

const projectFields = (): string => `${PROJECT.fields} tasks(first: ${FEW}) ${connectionFields(TASK)}`;

const WRITES: Readonly<Record<WriteKind, (pool: Pool, dice: Dice) => Operation>> = {
  rename: (pool, dice) => updateUser(pool, dice, 'name'),
  readdress: (pool, dice) => updateUser(pool, dice, 'email'),
  retitle: (pool, dice) => updateTask(pool, dice, ''),
  'set status': (pool, dice) =>
    updateTask(pool, dice, `status: ${['TODO', 'DOING', 'DONE'][dice[1] % 3]}, priority: ${dice[2] % 10}`),
  move: (pool, dice) => updateTask(pool, dice, `projectId: ${pick(pool.projects, dice[1])}`),
  assign: (pool, dice) =>
    updateTask(pool, dice, `assigneeId: ${dice[2] % 4 === 0 ? 'null' : pick(pool.users, dice[1])}`),
  create(pool, dice) {
    const [title, into] = [pool.unique(), pick(pool.projects, dice[0])];
    return {
      what: `a task ${title} in project ${into}`,
      text: `w: createTask(input: { projectId: ${into}, title: ${quoted(title)}, priority: ${dice[1] % 10} }) { task { ${TASK.fields} project { ${projectFields()} } } }`,
      sights: (data) => {
        const { task } = data['w'] as { task: Row & { project: Row & { id: string; tasks: Connection } } };
        return [
          rowSightWith(TASK, task, { project_id: task.project.id }),
          ...projectSights(task.project.id, NARROWINGS[0] as Narrowing, FEW, task.project),
        ];
      },
      trace: { kind: 'value', value: title },
      created: (data) => (data['w'] as { task: { id: string } }).task.id,
    };
  },
  bump(pool, dice) {
    const [id, by] = [pick(BOARDS, dice[0]), pool.unique()];
    return {
      what: `board ${id} is bumped by ${by}`,
      text: `w: bump(id: ${quoted(id)}, by: ${quoted(by)}) { ${BOARD.fields} }`,
      sights: (data) => [rowSight(BOARD, 'id', id, found(data, 'w'))],
      trace: { kind: 'value', value: by },
    };
  },
  delete(pool, dice) {
    const id = pick(pool.tasks, dice[0]);
    return {
      what: `task ${id} is deleted`,
      text: `w: deleteTask(id: ${id}) { task { id } }`,
      sights: () => [],
      trace: { kind: 'deleted', table: 'tasks', id },
    };
  },
  comment(pool, dice) {
    const [task, body] = [pick(pool.tasks, dice[0]), pool.unique()];
    return {
      what: `a comment ${body} on task ${task}`,
      text: `w: addComment(input: { taskId: ${task}, authorId: ${1 + (dice[1] % 6)}, body: ${quoted(body)} }) { comment { ${COMMENT.fields} task { ${TASK.fields} comments(first: 4) ${connectionFields(COMMENT)} } } }`,
      sights: (data) => {
        const { comment } = data['w'] as { comment: Row & { task: Row & { comments: Connection } } };
        return [
          rowSight(COMMENT, 'id', String(comment['id']), comment),
          rowSight(TASK, 'id', task, comment.task),
          ...connectionSights(
            COMMENT,
            { column: 'task_id', value: task, order: CREATED, first: 4 },
            comment.task.comments,
          ),
        ];
      },
      trace: { kind: 'value', value: body },
    };
  },
};

export function isWrite(kind: ClientStep['kind']): kind is WriteKind {
  return kind in WRITES;
}

export function operationOf({ kind, dice }: Pick<ClientStep, 'kind' | 'dice'>, pool: Pool): Operation {
  return isWrite(kind) ? WRITES[kind](pool, dice) : READS[kind](pool, dice);
}

/** Everything that there is to see, as one would look through it when nothing changes any more. */
export function everything(pool: Pick<Pool, 'users' | 'projects' | 'emails'>, taskIds: readonly string[]): Operation[] {
  const zero: Dice = [0, 0, 0, 0];
  const just = (kind: ReadKind, one: Partial<Pool>): Operation =>
    READS[kind](
      { tasks: ['0'], users: ['0'], projects: ['0'], cursor: null, unique: () => '', emails: () => [''], ...one },
      zero,
    );
  return [
    ...taskIds.map((id, i) => just(i % 3 === 0 ? 'tasks' : 'comments', { tasks: [id] })),
    ...pool.users.flatMap((id) => [
      ...pool
        .emails(id)
        .slice(-3)
        .map((email) => just('users', { users: [id], emails: () => [email] })),
      just('assigned', { users: [id] }),
    ]),
    ...pool.projects.flatMap((id) => NARROWINGS.map((narrowing) => narrowedPage(id, narrowing))),
    ...pool.projects.map((id) => just('project again', { projects: [id] })),
    ...BOARDS.map((_, i) => board(pool as Pool, [2 * i, 2 * i, 0, 0])),
    ...[0, 1].flatMap((n) => [organization(pool as Pool, [n, 0, 0, 0]), dashboard(pool as Pool, [n, 0, 0, 0])]),
  ];
}

function narrowedPage(id: string, narrowing: Narrowing): Operation {
  return {
    what: `page of project ${id} ${narrowing.args}`,
    text: projectText(id, narrowing, 23, true),
    sights: (data) => projectSights(id, narrowing, 23, found(data, `p${id}`)),
  };
}
