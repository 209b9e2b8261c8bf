/**
 * Owns the attempts to cross from one tenant to another on every path, with and without cached values: each answer must
 * be the one for a row that never existed.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { EU, startTestApp, US, type Answer, type TestApp } from './app.ts';
import { findRedis } from '../../src/dev/redis/program.ts';
import { GHOST, tenantFiles, tenantResolvers, tenantSql, type Belongings } from './tenants.ts';

/** A way to something by what names it. */
interface Way {
  readonly name: string;
  readonly query: string;
  readonly variables?: (it: Belongings) => Readonly<Record<string, unknown>>;
}

const representations = (it: Belongings): Readonly<Record<string, unknown>> => ({
  representations: [
    { __typename: 'Organization', id: it.organization },
    { __typename: 'User', id: it.user },
    { __typename: 'User', email: it.email },
    { __typename: 'Project', id: it.project },
    { __typename: 'Task', id: it.task },
    { __typename: 'Comment', id: it.comment },
  ],
});

/** Each finds something of its own for a tenant, and nothing of anybody else's. */
const READS: readonly Way[] = [
  {
    name: 'lookup by id',
    query:
      'query($organization: ID!, $user: ID!, $project: ID!, $task: ID!) { organization(id: $organization) { name slug } user(id: $user) { name email } project(id: $project) { name } task(id: $task) { title version } }',
  },
  { name: 'lookup by e-mail', query: 'query($email: String!) { userByEmail(email: $email) { id name bio } }' },
  {
    name: 'dashboard',
    query:
      'query($organization: ID!) { dashboard(organizationId: $organization) { openTasks doneTasks overdueTasks latestTasks { title } latestProjects { name } organization { name } } }',
  },
  {
    name: 'connections below a lookup',
    query:
      'query($project: ID!, $user: ID!) { project(id: $project) { tasks(first: 3) { totalCount nodes { title } edges { cursor } pageInfo { endCursor hasNextPage } } } user(id: $user) { assignedTasks { totalCount nodes { title } } } }',
  },
  {
    name: 'to-one through a row of nobody',
    query: 'query($bookmark: ID!) { bookmark(id: $bookmark) { task { title project { name owner { email } } } } }',
  },
  {
    name: 'to-one that is never null',
    query: 'query($bookmark: ID!) { bookmark(id: $bookmark) { certainTask { title } } }',
  },
  {
    name: 'list through a row of nobody',
    query: 'query($bookmark: ID!) { bookmark(id: $bookmark) { comments { body author { name } } } }',
  },
  {
    name: 'page through a row of nobody',
    query:
      'query($bookmark: ID!) { bookmark(id: $bookmark) { commentPages(first: 2) { nodes { body } totalCount pageInfo { endCursor hasNextPage hasPreviousPage } } } }',
  },
  {
    name: 'count through a row of nobody',
    query: 'query($bookmark: ID!) { bookmark(id: $bookmark) { commentCount } }',
  },
  { name: 'root list by argument', query: 'query($project: ID!) { taskList(projectId: $project) { id title } }' },
  { name: 'root count by argument', query: 'query($project: ID!) { taskCount(projectId: $project) }' },
  {
    name: 'root page by filter',
    query:
      'query($project: ID!) { tasks(filter: { projectId: { eq: $project } }, first: 2) { nodes { title } totalCount pageInfo { endCursor } } }',
  },
  {
    name: 'root page by a filter that would undo the tenant',
    query:
      'query($project: ID!) { tasks(filter: { or: [{ projectId: { eq: $project } }, { and: [{ not: { projectId: { ne: $project } } }] }] }, first: 2) { nodes { title } totalCount } }',
  },
  {
    name: '_entities',
    query:
      'query($representations: [_Any!]!) { _entities(representations: $representations) { __typename ... on Organization { name } ... on User { email } ... on Project { name } ... on Task { title } ... on Comment { body } } }',
    variables: representations,
  },
  {
    name: 'custom read that names an entity',
    query: 'query($project: ID!) { tasksOf(projectId: $project) { title project { name } } }',
  },
  { name: 'custom resolver over loaders', query: 'query($task: ID!) { titleOf(taskId: $task) }' },
  {
    name: 'STRONG',
    query:
      'query($task: ID!, $email: String!) @consistent(level: STRONG) { task(id: $task) { title } userByEmail(email: $email) { id } }',
  },
  {
    name: 'SNAPSHOT',
    query:
      'query($task: ID!, $bookmark: ID!) @consistent(level: SNAPSHOT) { task(id: $task) { title } bookmark(id: $bookmark) { commentCount task { title } } }',
  },
];

const WRITES: readonly Way[] = [
  {
    name: 'update',
    query: 'mutation($task: ID!) { updateTask(id: $task, input: { title: "mine now" }) { task { title } } }',
  },
  {
    name: 'update of nothing',
    query: 'mutation($task: ID!) { updateTask(id: $task, input: {}) { task { title description } } }',
  },
  {
    name: 'update by id of a user',
    query: 'mutation($user: ID!) { updateUser(id: $user, input: { bio: "seen" }) { user { bio email } } }',
  },
  { name: 'delete', query: 'mutation($task: ID!) { deleteTask(id: $task) { task { title } } }' },
  {
    name: 'insert below a foreign parent',
    query:
      'mutation($project: ID!) { createTask(input: { projectId: $project, title: "planted" }) { task { id project { name } } } }',
  },
  {
    name: 'insert with a foreign assignee',
    query:
      'mutation($ownProject: ID!, $user: ID!) { createTask(input: { projectId: $ownProject, assigneeId: $user, title: "planted" }) { task { assignee { name } } } }',
  },
  {
    name: 'insert that breaks a rule, too',
    query:
      'mutation($project: ID!) { createTask(input: { projectId: $project, title: "planted", priority: 99 }) { task { id } } }',
  },
  {
    name: 'comment on a foreign task',
    query:
      'mutation($task: ID!, $ownUser: ID!) { addComment(input: { taskId: $task, authorId: $ownUser, body: "planted" }) { comment { id } } }',
  },
  {
    name: 'comment in a foreign name',
    query:
      'mutation($ownTask: ID!, $user: ID!) { addComment(input: { taskId: $ownTask, authorId: $user, body: "planted" }) { comment { author { name } } } }',
  },
  {
    name: 'move by a relation',
    query:
      'mutation($ownTask: ID!, $project: ID!) { updateTask(id: $ownTask, input: { projectId: $project }) { task { project { name } } } }',
  },
  {
    name: 'assign to a foreign user',
    query:
      'mutation($ownTask: ID!, $user: ID!) { updateTask(id: $ownTask, input: { assigneeId: $user }) { task { assignee { email } } } }',
  },
  {
    name: 'foreign row to a foreign parent',
    query:
      'mutation($task: ID!, $project: ID!) { updateTask(id: $task, input: { projectId: $project }) { task { id } } }',
  },
  {
    name: 'move by the tenant itself',
    query:
      'mutation($ownProject: ID!, $organization: ID!) { updateProject(id: $ownProject, input: { organizationId: $organization }) { project { name } } }',
  },
  {
    name: 'insert for another tenant',
    query:
      'mutation($ownUser: ID!, $organization: ID!) { createProject(input: { organizationId: $organization, ownerId: $ownUser, name: "planted" }) { project { id } } }',
  },
  {
    name: 'foreign owner',
    query:
      'mutation($user: ID!) { createProject(input: { ownerId: $user, name: "planted" }) { project { owner { email } } } }',
  },
  {
    name: 'row of nobody that refers to a foreign row',
    query: 'mutation($project: ID!) { addBookmark(name: "planted", projectId: $project) { bookmark { id } } }',
  },
];

const STRANGERS = [
  { name: 'nobody' },
  { name: 'a viewer without a tenant', id: 'x' },
  { name: 'a viewer whose tenant is no number', id: 'x', tenant: '1 OR TRUE' },
] as const;

/** Declares the tests, for servers with or without Redis. */
export function keepsTenantsApart({ redis }: { readonly redis: boolean }): void {
  const skip = redis && findRedis() === null && 'neither redis-server nor valkey-server is here';
  describe(`an attempt to cross tenants, ${redis ? 'with' : 'without'} Redis,`, { skip }, () => {
    let app: TestApp;
    let a: Belongings;
    let b: Belongings;
    let ghost: Belongings;
    const bearers = new Map<string, string>();

    before(async () => {
      app = await startTestApp({
        scale: 0.05,
        files: tenantFiles(),
        sql: tenantSql(),
        redis,
        server: { resolvers: tenantResolvers },
      });
      [a, b] = [await belongingsOf('1'), await belongingsOf('2')];
      ghost = { ...GHOST, bookmark: await bookmarkOf(GHOST.task) };
      for (const [name, of] of [
        ['a', a],
        ['b', b],
      ] as const)
        bearers.set(name, await app.bearer({ id: `user-${name}`, tenant: of.organization, roles: ['admin'] }));
      for (const { name, ...viewer } of STRANGERS) if ('id' in viewer) bearers.set(name, await app.bearer(viewer));
      await app.cluster.caughtUp();
    });
    after(async () => app?.[Symbol.asyncDispose]());

    const bookmarkOf = async (task: string): Promise<string> =>
      (
        await app.cluster.query<{ id: string }>(US, 'INSERT INTO bookmarks (task_id) VALUES ($1) RETURNING id::text', [
          task,
        ])
      )[0]?.id ?? '';

    async function belongingsOf(organization: string): Promise<Belongings> {
      const [row] = await app.cluster.query<Omit<Belongings, 'bookmark'>>(
        US,
        `
        SELECT t.organization_id::text AS organization, u.id::text AS user, u.email, t.project_id::text AS project, t.id::text AS task, c.id::text AS comment
          FROM tasks t JOIN comments c ON c.task_id = t.id JOIN users u ON u.id = t.assignee_id WHERE t.organization_id = $1 ORDER BY t.id LIMIT 1`,
        [organization],
      );
      assert.ok(row);
      return { ...row, bookmark: await bookmarkOf(row.task) };
    }

    const ask = async (who: string, region: string, way: Way, target: Belongings): Promise<Answer> => {
      const authorization = bearers.get(who);
      const own = { ownProject: a.project, ownTask: a.task, ownUser: a.user };
      const all = way.variables?.(target) ?? { ...target, ...own };
      const variables = Object.fromEntries(
        Object.entries(all).filter(([name]) => new RegExp(`\\$${name}\\b`).test(way.query)),
      );
      return app.gql(region, way.query, {
        variables,
        token: '',
        headers: authorization === undefined ? {} : { authorization: `Bearer ${authorization}` },
      });
    };
    /** What the client gets to see, with what it asked for itself put out of the way. */
    const shown = ({ data, errors, status }: Answer, target: Belongings): string =>
      Object.entries(target).reduce(
        (text, [name, value]) =>
          text.replaceAll(`"${value}"`, `"<${name}>"`).replaceAll(`\\"${value}\\"`, `"<${name}>"`),
        JSON.stringify({ status, data, errors }, null, 1),
      );
    const asked = async (who: string, region: string, way: Way, target: Belongings): Promise<string> =>
      shown(await ask(who, region, way, target), target);

    for (const way of READS) {
      it(`reads nothing of another tenant: ${way.name}`, async () => {
        for (const region of [EU, US]) {
          const nothing = await asked('a', region, way, ghost);
          const same = async (when: string): Promise<void> =>
            assert.equal(await asked('a', region, way, b), nothing, `${region}, ${when}`);
          await same('cold');
          // Twice, so that whatever is kept is kept.
          for (let i = 0; i < 2; i += 1)
            assert.notEqual(await asked('b', region, way, b), nothing, `${region}: its own tenant finds something`);
          await same('after its own tenant has warmed the cache');
          for (let i = 0; i < 2; i += 1) assert.notEqual(await asked('a', region, way, a), nothing, region);
          await same('after this tenant has warmed the cache with its own');
          for (const { name } of STRANGERS)
            assert.equal(
              await asked(name, region, way, b),
              await asked(name, region, way, ghost),
              `${region}, ${name}`,
            );
          assert.notEqual(await asked('b', region, way, b), nothing, `${region}: its own tenant still does`);
        }
      });
    }

    it('was made on warm caches', async () => {
      const way = READS[0] as Way;
      const answer = await ask('b', EU, way, b);
      assert.ok((answer.consistency?.servedBy.cache ?? 0) > 0, JSON.stringify(answer.consistency));
    });

    it('reads no row of another tenant at the root, with any filter, page and cursor', async () => {
      const [own] = await app.cluster.query<{ tasks: number; projects: string[] }>(
        US,
        'SELECT count(*)::int AS tasks, (SELECT array_agg(id::text ORDER BY id) FROM projects WHERE organization_id = $1) AS projects FROM tasks WHERE organization_id = $1',
        [a.organization],
      );
      const bearer = { authorization: `Bearer ${bearers.get('a')}` };
      type Root = {
        projects: { id: string }[];
        taskCount: number;
        tasks: {
          totalCount: number;
          nodes: { id: string; organization: { id: string } }[];
          pageInfo: { endCursor: string; hasNextPage: boolean };
        };
      };
      const page = async (args: string): Promise<Root> => {
        const { data, errors } = await app.gql<Root>(
          EU,
          `{ projects { id } taskCount tasks(first: 200${args}) { totalCount nodes { id organization { id } } pageInfo { endCursor hasNextPage } } }`,
          { headers: bearer },
        );
        assert.deepEqual(errors, []);
        return data as Root;
      };
      const everything = 'filter: { or: [{ title: { isNull: false } }, { title: { isNull: true } }] }';
      for (let i = 0; i < 2; i += 1) {
        const seen: string[] = [];
        for (let after = ''; ;) {
          const { projects, taskCount, tasks } = await page(`${after} ${everything}`);
          assert.deepEqual(
            projects.map(({ id }) => id).sort((x, y) => Number(x) - Number(y)),
            own?.projects,
          );
          assert.deepEqual([taskCount, tasks.totalCount], [own?.tasks, own?.tasks]);
          assert.ok(tasks.nodes.every(({ organization }) => organization.id === a.organization));
          seen.push(...tasks.nodes.map(({ id }) => id));
          if (!tasks.pageInfo.hasNextPage) break;
          after = ` after: "${tasks.pageInfo.endCursor}"`;
        }
        assert.equal(new Set(seen).size, own?.tasks);
      }
      // A cursor is a place in an order, and no more: what lies behind it is one's own.
      const { data } = await app.gql<{ tasks: { pageInfo: { startCursor: string; endCursor: string } } }>(
        EU,
        '{ tasks(first: 5) { pageInfo { startCursor endCursor } } }',
        { headers: { authorization: `Bearer ${bearers.get('b')}` } },
      );
      for (const cursor of [data?.tasks.pageInfo.startCursor, data?.tasks.pageInfo.endCursor]) {
        for (const args of [` after: "${cursor}"`, ` before: "${cursor}"`])
          assert.ok((await page(args)).tasks.nodes.every(({ organization }) => organization.id === a.organization));
      }
    });

    it('counts rows of its own tenant only, and shares cached rows by key', async () => {
      const count = async (who: string): Promise<unknown> =>
        (await app.gql(EU, '{ taskCount }', { headers: { authorization: `Bearer ${bearers.get(who)}` } })).data;
      for (let i = 0; i < 3; i += 1) assert.notDeepEqual(await count('a'), await count('b'));
      // A row that another tenant has asked for in vain is there for its own: from the same place.
      const [fresh] = await app.cluster.query<{ id: string }>(
        US,
        'SELECT id::text FROM tasks WHERE organization_id = $1 ORDER BY id DESC LIMIT 1',
        [b.organization],
      );
      const way = { name: 'task', query: 'query($task: ID!) { task(id: $task) { title } }' };
      const target = { ...b, task: fresh?.id ?? '' };
      assert.equal((await ask('a', EU, way, target)).data?.['task' as never], null);
      const { data, consistency } = await ask('b', EU, way, target);
      assert.notEqual(data?.['task' as never], null);
      assert.deepEqual(consistency?.servedBy, { cache: 1, replica: 0, primary: 0 });
    });

    for (const way of WRITES) {
      it(`writes nothing of another tenant: ${way.name}`, async () => {
        const state = async (): Promise<unknown> =>
          app.cluster.query(
            US,
            `SELECT (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM organizations t), (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM users t), (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM projects t),
            (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM tasks t), (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM comments t), (SELECT md5(string_agg(t::text, '' ORDER BY id)) FROM bookmarks t)`,
          );
        const earlier = await state();
        for (const region of [EU, US]) {
          for (const who of ['a', ...STRANGERS.map(({ name }) => name)]) {
            const [refused, missing] = [await ask(who, region, way, b), await ask(who, region, way, ghost)];
            assert.equal(refused.errors.length, 1, `${who}: ${JSON.stringify(refused)}`);
            assert.equal(shown(refused, b), shown(missing, ghost), `${region}, ${who}`);
            assert.match(
              refused.errors[0]?.extensions.code ?? '',
              who === 'a'
                ? /^(NOT_FOUND|CONSTRAINT_VIOLATION|FORBIDDEN)$/
                : /^(NOT_FOUND|FORBIDDEN|CONSTRAINT_VIOLATION)$/,
            );
          }
        }
        assert.deepEqual(await state(), earlier);
      });
    }
  });
}
