/**
 * Proves reads over HTTP: few statements for any number of parents, every row once, the same rows as plain SQL, and
 * errors for hostile input.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, startTestApp, US, type Answer, type Call, type TestApp } from '../support/app.ts';
import { counting } from '../support/observe.ts';

const DASHBOARD = `query($id: ID!) { dashboard(organizationId: $id) {
  openTasks doneTasks overdueTasks organization { id name }
  latestProjects { id name owner { name } } latestTasks { id title assignee { name } } } }`;

interface Connection<N> {
  readonly nodes: readonly N[];
  readonly edges: readonly { readonly cursor: string; readonly node: N }[];
  readonly pageInfo: {
    readonly hasNextPage: boolean;
    readonly hasPreviousPage: boolean;
    readonly startCursor: string | null;
    readonly endCursor: string | null;
  };
  readonly totalCount: number;
}
interface Id {
  readonly id: string;
}
interface Tasks<N = Id> {
  readonly project: { readonly tasks: Connection<N> };
}

describe('reads over HTTP', () => {
  let app: TestApp;
  before(async () => {
    // What servers are asked is the question here, and caches would answer for them.
    app = await startTestApp({ settings: { cache: false } });
    await app.cluster.caughtUp();
  });
  after(async () => app[Symbol.asyncDispose]());

  const asked = async <D>(query: string, variables: Call['variables'] = {}): Promise<D> => {
    const { data, errors, status } = await app.gql<D>(AP, query, { variables });
    assert.deepEqual([status, errors], [200, []], query);
    return data as D;
  };
  const sql = <R extends Record<string, unknown>>(text: string, params: readonly unknown[] = []): Promise<R[]> =>
    app.cluster.query<R>(US, text, params);
  const statementsOf = async (query: string, variables: Call['variables'] = {}): Promise<number> =>
    (await counting(app, AP, () => asked(query, variables))).statements;

  describe('the dashboard', () => {
    it('shows what plain SQL shows', async () => {
      for (const id of [1, 2, 30]) {
        const { dashboard } = await asked<{ dashboard: unknown }>(DASHBOARD, { id });
        const [counts] = await sql(
          `SELECT count(*) FILTER (WHERE status <> 'DONE')::int AS "openTasks", count(*) FILTER (WHERE status = 'DONE')::int AS "doneTasks",
             count(*) FILTER (WHERE status <> 'DONE' AND due_date < current_date)::int AS "overdueTasks" FROM tasks WHERE organization_id = $1`,
          [id],
        );
        const [organization] = await sql('SELECT id::text, name FROM organizations WHERE id = $1', [id]);
        const latestProjects = await sql(
          `SELECT p.id::text, p.name, json_build_object('name', u.name) AS owner FROM projects p JOIN users u ON u.id = p.owner_id
           WHERE p.organization_id = $1 ORDER BY p.created_at DESC, p.id LIMIT 10`,
          [id],
        );
        const latestTasks = await sql(
          `SELECT t.id::text, t.title, CASE WHEN u.id IS NOT NULL THEN json_build_object('name', u.name) END AS assignee FROM tasks t LEFT JOIN users u ON u.id = t.assignee_id
           WHERE t.organization_id = $1 ORDER BY t.created_at DESC, t.id LIMIT 10`,
          [id],
        );
        assert.deepEqual(dashboard, { ...counts, organization, latestProjects, latestTasks });
      }
      assert.deepEqual(await asked(DASHBOARD, { id: 999_999 }), { dashboard: null });
    });

    it('costs at most one statement per relation and depth', async () => {
      // The dashboard itself; then its counts, organization, projects and tasks; then owners and assignees.
      const statements = await statementsOf(DASHBOARD, { id: 1 });
      assert.ok(statements <= 7, `${statements} statements`);
      assert.equal(await statementsOf('{ dashboard(organizationId: 1) { openTasks doneTasks overdueTasks } }'), 2);
      const both = await statementsOf(
        `query($id: ID!) { ${['a', 'b', 'c']
          .map((alias) =>
            DASHBOARD.slice(DASHBOARD.indexOf('dashboard'), -2)
              .replace('dashboard', `${alias}: dashboard`)
              .replace('$id', alias === 'a' ? '$id' : alias === 'b' ? '2' : '3'),
          )
          .join(' ')} }`,
        { id: 1 },
      );
      assert.ok(both <= statements, `${both} statements for three dashboards, ${statements} for one`);
    });
  });

  it('costs the same for 50 parents as for one', async () => {
    const query = `query($first: Int!) { organizations(first: $first) { nodes { name users(first: 3) { totalCount nodes { name assignedTasks(first: 2, status: DOING) { totalCount nodes { title project { name owner { name } } } } } }
      projects(first: 2) { nodes { status tasks(first: 1) { nodes { id comments(first: 1) { nodes { body author { email } } } } } } } } } }`;
    const one = await statementsOf(query, { first: 1 });
    const fifty = await counting(app, AP, () =>
      asked<{ organizations: { nodes: readonly unknown[] } }>(query, { first: 50 }),
    );
    assert.equal(fifty.value.organizations.nodes.length, 50);
    // organizations; users and their count; tasks and their count; projects of both kinds; owners; tasks; comments;
    // authors.
    assert.ok(one <= 12, `${one} statements`);
    assert.ok(fifty.statements <= 12, `${fifty.statements} statements for 50 organizations, ${one} for one`);
    const { organizations } = await asked<{
      organizations: { nodes: readonly { name: string; users: Connection<{ name: string }> }[] };
    }>('{ organizations(first: 50) { nodes { name users(first: 3) { totalCount nodes { name } } } } }');
    const expected = await sql(
      `SELECT o.name, json_build_object('totalCount', (SELECT count(*) FROM users u WHERE u.organization_id = o.id),
         'nodes', (SELECT json_agg(json_build_object('name', u.name)) FROM (SELECT name FROM users u WHERE u.organization_id = o.id ORDER BY id LIMIT 3) u)) AS users
       FROM organizations o ORDER BY o.id`,
    );
    assert.deepEqual(organizations.nodes, expected);
  });

  it('counts only on request, and reads no page for a count alone', async () => {
    const tasks = (selection: string): string => `{ project(id: 1) { tasks(first: 2) { ${selection} } } }`;
    assert.equal(await statementsOf(tasks('nodes { id }')), 2);
    assert.equal(await statementsOf(tasks('totalCount')), 2);
    assert.equal(await statementsOf(tasks('nodes { id } edges { cursor } pageInfo { hasNextPage } totalCount')), 3);
    assert.equal(await statementsOf('{ project(id: 1) { name } again: project(id: 1) { status } }'), 1);
  });

  describe('pages', () => {
    const PAGE = `query($id: ID!, $order: [TaskOrder!], $first: Int, $after: String, $last: Int, $before: String, $filter: TaskFilter, $status: TaskStatus) {
      project(id: $id) { tasks(orderBy: $order, first: $first, after: $after, last: $last, before: $before, filter: $filter, status: $status) {
        edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }`;
    const walk = async (variables: Record<string, unknown>, size: number, backwards: boolean): Promise<string[]> => {
      const ids: string[] = [];
      let cursor: string | null = null;
      for (let more = true; more;) {
        const page: Connection<Id> = (
          await asked<Tasks>(PAGE, {
            ...variables,
            ...(backwards ? { last: size, before: cursor } : { first: size, after: cursor }),
          })
        ).project.tasks;
        const found = page.edges.map(({ node }) => node.id);
        assert.ok(found.length <= size);
        assert.deepEqual(
          [page.pageInfo.startCursor, page.pageInfo.endCursor],
          [page.edges[0]?.cursor ?? null, page.edges.at(-1)?.cursor ?? null],
        );
        ids.splice(backwards ? 0 : ids.length, 0, ...found);
        more = backwards ? page.pageInfo.hasPreviousPage : page.pageInfo.hasNextPage;
        cursor = backwards ? page.pageInfo.startCursor : page.pageInfo.endCursor;
      }
      return ids;
    };

    for (const [order, spelled] of [
      [null, 'created_at, tasks.id'],
      ['PRIORITY_DESC', 'priority DESC, tasks.id DESC'],
      ['DUE_DATE_ASC', 'due_date, tasks.id'],
      [['DUE_DATE_DESC', 'TITLE_ASC'], 'due_date DESC, title, tasks.id'],
    ] as const) {
      it(`cover every row once, forwards and backwards, ordered by ${spelled}`, async () => {
        const [{ id } = { id: '' }] = await sql<{ id: string }>(
          'SELECT project_id::text AS id FROM tasks GROUP BY 1 HAVING count(*) BETWEEN 50 AND 90 ORDER BY 1 LIMIT 1',
        );
        const expected = (
          await sql<{ id: string }>(`SELECT tasks.id::text FROM tasks WHERE project_id = $1 ORDER BY ${spelled}`, [id])
        ).map((row) => row.id);
        assert.deepEqual(await walk({ id, order }, 7, false), expected);
        assert.deepEqual(await walk({ id, order }, 11, true), expected);
      });
    }

    it('of a filtered list hold the rows that match, and their count is that of these rows', async () => {
      const filter = {
        or: [
          { priority: { gte: 5 }, labels: { hasAny: ['bug', 'docs'] } },
          { not: { dueDate: { isNull: true } }, estimate: { lt: '2.25' } },
        ],
        title: { contains: 'e' },
      };
      const where = `status = 'TODO' AND ((priority >= 5 AND labels && '{bug,docs}') OR (due_date IS NOT NULL AND estimate < 2.25)) AND title LIKE '%e%'`;
      const [{ id } = { id: '' }] = await sql<{ id: string }>(
        `SELECT project_id::text AS id FROM tasks WHERE ${where} GROUP BY 1 ORDER BY count(*) DESC LIMIT 1`,
      );
      const expected = (
        await sql<{ id: string }>(
          `SELECT tasks.id::text FROM tasks WHERE project_id = $1 AND ${where} ORDER BY created_at, tasks.id`,
          [id],
        )
      ).map((row) => row.id);
      assert.ok(expected.length > 3, 'the filter lets too little through to prove anything');
      assert.deepEqual(await walk({ id, filter, status: 'TODO' }, 3, false), expected);
      const { project } = await asked<Tasks>(
        'query($id: ID!, $filter: TaskFilter) { project(id: $id) { tasks(filter: $filter, status: TODO, first: 1) { totalCount } } }',
        { id, filter },
      );
      assert.equal(project.tasks.totalCount, expected.length);
    });

    it('refuse a cursor of another order, an invalid size, and first together with last', async () => {
      const { project } = await asked<Tasks>(PAGE, { id: 1, first: 1 });
      const cursor = project.tasks.pageInfo.endCursor;
      for (const variables of [
        { after: cursor, order: 'PRIORITY_ASC' },
        { after: 'hello' },
        { after: '' },
        { before: `${cursor}x` },
        { after: Buffer.from('[1,"x",{}]').toString('base64url') },
        { first: -1 },
        { first: 201 },
        { last: 201 },
        { first: 1, last: 1 },
        { first: 2 ** 31 - 1 },
      ]) {
        const { value, statements } = await counting(app, AP, () =>
          app.gql(AP, PAGE, { variables: { id: 1, ...variables } }),
        );
        assert.deepEqual(
          [value.status, value.data, value.errors[0]?.extensions.code],
          [200, { project: null }, 'BAD_USER_INPUT'],
          JSON.stringify([variables, value]),
        );
        assert.equal(statements, 1, 'more than the project was read');
      }
      assert.deepEqual((await asked<Tasks>(PAGE, { id: 1, first: 0 })).project.tasks.edges, []);
    });
  });

  describe('lookups', () => {
    it('find rows by every unique key, and return null for a missing row', async () => {
      const [user] = await sql<{ id: string; email: string; name: string }>(
        'SELECT id::text, email, name FROM users WHERE id = 77',
      );
      const found = await asked(
        'query($email: String!) { userByEmail(email: $email) { id email name } user(id: 77) { id email name } }',
        { email: user?.email },
      );
      assert.deepEqual(found, { userByEmail: user, user });
      assert.deepEqual(
        await asked(
          '{ userByEmail(email: "nobody@example.com") { id } user(id: 0) { id } project(id: 99999999) { id } task(id: -5) { id } organization(id: "9223372036854775807") { id } }',
        ),
        { userByEmail: null, user: null, project: null, task: null, organization: null },
      );
    });

    it('refuse values that cannot be an id, without a statement', async () => {
      for (const id of [
        'abc',
        '',
        ' ',
        '1 OR 1=1',
        "1'; DROP TABLE users; --",
        '1e3',
        '0x10',
        '1.0',
        '9223372036854775808',
        '-9223372036854775809',
        '１',
        '1\u0000',
        'null',
        '__proto__',
        '9'.repeat(5_000),
      ]) {
        const {
          value: { data, errors },
          statements,
        } = await counting(app, AP, () =>
          app.gql<{ user: Id | null }>(AP, 'query($id: ID!) { user(id: $id) { id } }', { variables: { id } }),
        );
        assert.deepEqual(
          [data, errors.map(({ extensions }) => extensions.code), statements],
          [{ user: null }, ['BAD_USER_INPUT'], 0],
          JSON.stringify(id).slice(0, 60),
        );
        assert.match(
          errors[0]?.message ?? '',
          /^The key "id" of User cannot be ".{0,140}"; send a whole number from -9223372036854775808 to 9223372036854775807\.$/,
        );
      }
    });

    it('treat hostile text as plain text', async () => {
      for (const text of [
        "'",
        '"',
        '\\',
        '%',
        '_',
        '$1',
        '{}',
        '--',
        '/*',
        '\u0000',
        '\ud800',
        '💥'.repeat(1_000),
        "' OR ''='",
        '\r\n',
      ]) {
        const { status, errors, data } = await app.gql<{ userByEmail: null; organization: { users: Connection<Id> } }>(
          AP,
          'query($text: String!) { userByEmail(email: $text) { id } organization(id: 1) { users(filter: { or: [{ email: { eq: $text } }, { name: { startsWith: $text } }] }) { totalCount } } }',
          { variables: { text } },
        );
        assert.equal(status, 200);
        assert.equal(data?.userByEmail, null);
        if (errors.length > 0)
          assert.deepEqual(
            errors.map(({ extensions }) => extensions.code),
            ['BAD_USER_INPUT', 'BAD_USER_INPUT'],
            JSON.stringify([text, errors]),
          );
        else assert.equal(data?.organization.users.totalCount, 0, JSON.stringify(text));
      }
    });
  });

  describe('entities for a gateway', () => {
    const ENTITIES =
      'query($r: [_Any!]!) { _entities(representations: $r) { __typename ... on User { id email name } ... on Task { id title project { name } } ... on Organization { name } } }';

    it('are found by any of their keys, in the order of their representations', async () => {
      const [user] = await sql<{ id: string; email: string; name: string }>(
        'SELECT id::text, email, name FROM users WHERE id = 5',
      );
      const [task] = await sql(
        "SELECT t.id::text, t.title, json_build_object('name', p.name) AS project FROM tasks t JOIN projects p ON p.id = t.project_id WHERE t.id = 11",
      );
      const { _entities } = await asked<{ _entities: unknown }>(ENTITIES, {
        r: [
          { __typename: 'User', email: user?.email },
          { __typename: 'Task', id: '11' },
          { __typename: 'User', id: 5 },
          { __typename: 'User', id: '123456789' },
          { __typename: 'User', id: null, email: user?.email },
        ],
      });
      const typed = { __typename: 'User', ...user };
      assert.deepEqual(_entities, [typed, { __typename: 'Task', ...task }, typed, null, typed]);
    });

    it('cost one statement for 1,000 representations', async () => {
      const r = Array.from({ length: 1_000 }, (_, i) => ({ __typename: 'Task', id: String(i + 1) }));
      const { value, statements } = await counting(app, AP, () =>
        asked<{ _entities: readonly Id[] }>(
          'query($r: [_Any!]!) { _entities(representations: $r) { ... on Task { id title } } }',
          { r },
        ),
      );
      assert.deepEqual(
        value._entities.map(({ id }) => id),
        r.map(({ id }) => id),
      );
      assert.equal(statements, 1);
    });

    it('are refused where a representation carries no key', async () => {
      for (const representation of [
        { __typename: 'User' },
        { __typename: 'User', name: 'Ann' },
        { __typename: 'Nothing', id: 1 },
        { id: 1 },
      ]) {
        const { status, errors } = await app.gql(AP, ENTITIES, { variables: { r: [representation] } });
        assert.equal(status, 200);
        assert.equal(errors.length, 1, JSON.stringify(representation));
        assert.notEqual(errors[0]?.extensions.code, undefined);
      }
    });

    it('include the SDL of the subgraph', async () => {
      const { _service } = await asked<{ _service: { sdl: string } }>('{ _service { sdl } }');
      for (const part of [
        /type User\b[^{]*@key\(fields: "email"\)/,
        /@link\(url: "https:\/\/specs\.apollo\.dev\/federation\/v2/,
        /scalar ConsistencyToken/,
        /directive @consistent/,
      ])
        assert.match(_service.sdl, part);
    });
  });

  it('refuse what does not fit the schema, with a code and without a statement', async () => {
    for (const [query, variables] of [
      ['{ project(id: 1) { tasks(status: NEVER) { totalCount } } }'],
      ['query($s: TaskStatus) { project(id: 1) { tasks(status: $s) { totalCount } } }', { s: 'NEVER' }],
      ['query($s: TaskStatus) { project(id: 1) { tasks(status: $s) { totalCount } } }', { s: { toString: 'TODO' } }],
      ['query($o: [TaskOrder!]) { project(id: 1) { tasks(orderBy: $o) { totalCount } } }', { o: ['TITLE'] }],
      [
        'query($f: TaskFilter) { project(id: 1) { tasks(filter: $f) { totalCount } } }',
        { f: { title: { like: '%' } } },
      ],
      [
        'query($f: TaskFilter) { project(id: 1) { tasks(filter: $f) { totalCount } } }',
        { f: { dueDate: { lt: 'tomorrow' } } },
      ],
      [
        'query($f: TaskFilter) { project(id: 1) { tasks(filter: $f) { totalCount } } }',
        { f: { estimate: { gt: '1,5' } } },
      ],
      ['{ user { id } }'],
      ['{ nothing }'],
      ['{ user(id: 1) { id }'],
      ['subscription { user }'],
      [''],
    ] as readonly (readonly [string, Call['variables']?])[]) {
      const { value, statements } = await counting(app, AP, () => app.gql(AP, query, { variables: variables ?? {} }));
      assert.ok(
        value.errors.length > 0 &&
          value.errors.every(
            ({ extensions, message }) =>
              typeof extensions.code === 'string' && extensions.code !== 'INTERNAL_SERVER_ERROR' && message.length > 0,
          ),
        JSON.stringify([query, value]),
      );
      assert.equal(statements, 0, query);
    }
  });

  it('refuse operations that are too deep', async () => {
    const nested = (depth: number): string =>
      `{ task(id: 1) { ${'project { tasks(first: 1) { nodes { '.repeat(depth)} id ${'} } } '.repeat(depth)} } }`;
    const { value, statements } = await counting(app, AP, () => app.gql(AP, nested(5)));
    assert.deepEqual([value.status, value.errors[0]?.extensions.code, statements], [200, 'BAD_USER_INPUT', 0]);
    assert.match(value.errors[0]?.message ?? '', /maxQueryDepth/);
    await asked(nested(4));
  });

  it('limit how many different relations one operation reads', async () => {
    const fields = Array.from(
      { length: 520 },
      (_, i) => `t${i}: tasks(filter: { priority: { eq: ${i} } }) { totalCount }`,
    ).join(' ');
    const { value, statements } = await counting(app, AP, () => app.gql(AP, `{ project(id: 1) { ${fields} } }`));
    assert.equal(value.errors[0]?.extensions.code, 'BAD_USER_INPUT');
    assert.match(value.errors[0]?.message ?? '', /more than 500 different relations .* raise maxLoaders/);
    assert.ok(statements <= 501, `${statements} statements`);
  });

  it('answer GET with a preflight header, and neither simple requests nor mutations by GET', async () => {
    const get = async (
      query: string,
      headers: Record<string, string> = {},
    ): Promise<{
      status: number;
      body: Pick<Answer<{ user: { name: string } }>, 'data' | 'errors'>;
      token: string | null;
    }> => {
      const response = await fetch(`${app.server(AP).url}?query=${encodeURIComponent(query)}`, { headers });
      return {
        status: response.status,
        body: (await response.json()) as Pick<Answer<{ user: { name: string } }>, 'data' | 'errors'>,
        token: response.headers.get('consistency-token'),
      };
    };
    const good = await get('{ user(id: 1) { name } }', { 'apollo-require-preflight': 'true' });
    assert.equal(good.status, 200);
    assert.equal(typeof good.body.data?.user.name, 'string');
    assert.match(good.token ?? '', /^m1\./);
    assert.equal((await get('{ user(id: 1) { name } }')).status, 400);
    const mutation = await get('mutation { deleteTask(id: 1) { token } }', { 'apollo-require-preflight': 'true' });
    assert.equal(mutation.status, 405);
    assert.equal((await sql('SELECT 1 FROM tasks WHERE id = 1')).length, 1);
  });
});
