/**
 * Proves types of other subgraphs over HTTP: keys without a statement, relations that start from them, and
 * representations that a gateway may send.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { AP, startTestApp, US, type Answer, type Call, type TestApp } from '../support/app.ts';
import { counting, until } from '../support/observe.ts';

const TASKS = `query($r: [_Any!]!, $first: Int, $filter: TaskFilter) { _entities(representations: $r) { __typename
  ... on User { id assignedTasks(first: $first, filter: $filter) { totalCount nodes { id title } pageInfo { hasNextPage endCursor } } }
  ... on Organization { id projects(first: 2) { nodes { id } } } } }`;

interface Owned {
  readonly __typename: string;
  readonly id: string;
  readonly assignedTasks: { readonly totalCount: number; readonly nodes: readonly { readonly id: string }[] };
}
interface Entities {
  readonly _entities: readonly (Owned | null)[];
}

const user = (id: unknown): unknown => ({ __typename: 'User', id });

describe('the work subgraph of the reference application', () => {
  let app: TestApp;
  before(async () => {
    // What servers are asked is the question here, and caches would answer for them.
    app = await startTestApp({ application: 'workspace/subgraphs/work', scale: 0.05, settings: { cache: false } });
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

  it('shows the keys of users and organizations from its own rows, and null where a column is null', async () => {
    const rows = await sql<{ id: string }>(
      `(SELECT id::text, json_build_object('id', organization_id::text) AS organization, CASE WHEN assignee_id IS NOT NULL THEN json_build_object('id', assignee_id::text) END AS assignee FROM tasks WHERE assignee_id IS NULL ORDER BY id LIMIT 2)
       UNION ALL (SELECT id::text, json_build_object('id', organization_id::text), json_build_object('id', assignee_id::text) FROM tasks WHERE assignee_id IS NOT NULL ORDER BY id LIMIT 3)`,
    );
    const { value, statements } = await counting(app, AP, () =>
      asked<{ _entities: unknown }>(
        'query($r: [_Any!]!) { _entities(representations: $r) { ... on Task { id organization { id } assignee { id } } } }',
        { r: rows.map(({ id }) => ({ __typename: 'Task', id })) },
      ),
    );
    assert.deepEqual(value._entities, rows);
    assert.equal(rows.length, 5);
    assert.equal(statements, 1);
  });

  it('answers a representation from its key alone, without a statement', async () => {
    const { value, statements } = await counting(app, AP, () =>
      asked<Entities>('query($r: [_Any!]!) { _entities(representations: $r) { __typename ... on User { id } } }', {
        r: [user('7'), user(8), { ...(user('9') as object), name: 'Ann' }],
      }),
    );
    assert.deepEqual(
      [value._entities, statements],
      [
        [
          { __typename: 'User', id: '7' },
          { __typename: 'User', id: '8' },
          { __typename: 'User', id: '9' },
        ],
        0,
      ],
    );
  });

  it('answers for 1,000 representations with one statement per relation', async () => {
    const r = Array.from({ length: 1_000 }, (_, i) => user(String(i % 110)));
    const { value, statements } = await counting(app, AP, () => asked<Entities>(TASKS, { r, first: 2 }));
    assert.equal(statements, 2);
    const expected = await sql<{ id: string; n: string }>(
      'SELECT assignee_id::text AS id, count(*) AS n FROM tasks GROUP BY 1',
    );
    const counts = new Map(expected.map(({ id, n }) => [id, Number(n)]));
    assert.deepEqual(
      value._entities.map((it) => [it?.id, it?.assignedTasks.totalCount]),
      r.map((_, i) => [String(i % 110), counts.get(String(i % 110)) ?? 0]),
    );
  });

  it('pages and filters relations of an entity fetch and of a task alike', async () => {
    const [busy] = await sql<{ id: string; task: string; urgent: string; first: string[] }>(
      `SELECT assignee_id::text AS id, min(id)::text AS task, (count(*) FILTER (WHERE priority >= 3))::text AS urgent, (array_agg(id::text ORDER BY created_at, id) FILTER (WHERE priority >= 3))[1:2] AS first
       FROM tasks WHERE assignee_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC LIMIT 1`,
    );
    assert.ok(busy && Number(busy.urgent) > 2);
    const filter = { priority: { gte: 3 } };
    const {
      _entities: [fetched],
    } = await asked<Entities>(TASKS, { r: [user(busy.id)], first: 2, filter });
    const ids = fetched?.assignedTasks.nodes.map(({ id }) => id);
    assert.deepEqual([fetched?.assignedTasks.totalCount, ids], [Number(busy.urgent), busy.first]);
    const { task } = await asked<{ task: { assignee: Owned } }>(
      'query($id: ID!, $filter: TaskFilter) { task(id: $id) { assignee { id assignedTasks(first: 2, filter: $filter) { totalCount nodes { id } } } } }',
      { id: busy.task, filter },
    );
    assert.deepEqual(
      task.assignee.assignedTasks.nodes.map(({ id }) => id),
      ids,
    );
  });

  it('returns an error for a representation or a field with an invalid key, and answers the others', async () => {
    const good = user('1');
    const { data, errors } = await app.gql<Entities>(AP, TASKS, {
      variables: {
        r: [
          good,
          user('abc'),
          user('9223372036854775808'),
          user({ a: 1 }),
          { __typename: 'User' },
          user(null),
          user(['1']),
          good,
        ],
      },
    });
    assert.deepEqual(
      data?._entities.map((it) => it?.id ?? null),
      ['1', null, null, null, null, null, null, '1'],
    );
    assert.deepEqual(new Set(errors.map(({ path }) => path?.[1])), new Set([1, 2, 3, 4, 5, 6]));
    for (const { extensions, message } of errors) {
      assert.notEqual(extensions.code, 'INTERNAL_SERVER_ERROR', message);
      assert.ok(message.length > 0);
    }
    assert.ok(
      errors.some(
        ({ message }) =>
          message ===
          'The key "id" of User cannot be "abc"; send a whole number from -9223372036854775808 to 9223372036854775807.',
      ),
      JSON.stringify(errors.map(({ message }) => message)),
    );
  });

  it('counts the rows that its lists may return against the limit', async () => {
    const r = Array.from({ length: 1_000 }, (_, i) => user(String(i)));
    const { errors } = await app.gql(AP, TASKS, { variables: { r, first: 200 } });
    assert.deepEqual(
      errors.map(({ extensions }) => extensions.code),
      ['BAD_USER_INPUT'],
    );
    assert.match(errors[0]?.message ?? '', /maxAnswerValues/);
  });

  it('shows a dashboard for each organization that has work here, and for no other', async () => {
    const { dashboard } = await asked<{ dashboard: unknown }>(
      '{ dashboard(organizationId: 2) { openTasks doneTasks organization { id projects { totalCount } } latestProjects { id } } }',
    );
    const [expected] = await sql(
      `SELECT count(*) FILTER (WHERE status <> 'DONE')::int AS "openTasks", count(*) FILTER (WHERE status = 'DONE')::int AS "doneTasks",
         json_build_object('id', '2', 'projects', json_build_object('totalCount', (SELECT count(*) FROM projects WHERE organization_id = 2))) AS organization,
         (SELECT json_agg(json_build_object('id', id::text)) FROM (SELECT id FROM projects WHERE organization_id = 2 ORDER BY created_at DESC, id DESC LIMIT 10) p) AS "latestProjects"
       FROM tasks WHERE organization_id = 2`,
    );
    assert.deepEqual(dashboard, expected);
    assert.deepEqual(await asked('{ dashboard(organizationId: 999999) { openTasks } }'), { dashboard: null });
  });

  it('writes tasks whose assignee is a user of the other subgraph', async () => {
    const { createTask } = await asked<{ createTask: { task: unknown } }>(
      'mutation { createTask(input: { projectId: 1, title: "new", assigneeId: 3 }) { task { title assignee { id } organization { id } } token } }',
    );
    const [project] = await sql<{ id: string }>('SELECT organization_id::text AS id FROM projects WHERE id = 1');
    assert.deepEqual(createTask.task, { title: 'new', assignee: { id: '3' }, organization: { id: project?.id } });
  });
});

describe('relations from the keys of other subgraphs, with tenants and caches,', () => {
  const SQL = `
    CREATE TABLE orders (id bigint PRIMARY KEY, tenant text NOT NULL, customer_id uuid, shop text, total numeric NOT NULL, host inet);
    CREATE TABLE profiles (customer uuid PRIMARY KEY, nickname text NOT NULL);
    CREATE INDEX ON orders (customer_id, id); CREATE INDEX ON orders (shop, customer_id, id); CREATE INDEX ON orders (host, id);
    INSERT INTO orders SELECT i, CASE WHEN i % 2 = 0 THEN 'a' ELSE 'b' END, ('00000000-0000-0000-0000-00000000000' || (i % 3))::uuid, 's' || i % 2, i, ('10.0.0.' || i % 4)::inet FROM generate_series(1, 12) AS i;
    INSERT INTO profiles VALUES ('00000000-0000-0000-0000-000000000001', 'one');`;
  const SDL = `
    extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable", "@external", "@requires"])
    type Query { order(id: ID!): Order }
    type Mutation { addOrder(id: ID!, tenant: String!, customer: ID!, shop: String, total: Decimal!): OrderPayload! @insert }
    type OrderPayload { order: Order token: ConsistencyToken! }
    type Order @entity @tenant(column: "tenant") @key(fields: "id") { id: ID! tenant: String! total: Decimal! customer: Customer }
    extend type Customer @key(fields: "id") {
      id: ID! @external
      shop: String @external
      orders(total: Decimal): [Order!]! @relation(orderBy: ["id"])
      orderCount: Int! @count(of: "Order")
      ordersHere: [Order!]! @requires(fields: "shop") @relation(from: ["id", "shop"], to: ["customer_id", "shop"])
      profile: Profile @relation(from: ["id"])
    }
    type Host @key(fields: "host") { host: String! orders: [Order!]! @relation(to: ["host"]) orderCount: Int! @count(of: "Order", to: ["host"]) }
    type Profile @entity { customer: ID! nickname: String! }
    interface Numbered { id: ID! }
    type Receipt implements Numbered @entity(table: "orders") @tenant(column: "tenant") @key(fields: "id", resolvable: false) { id: ID! total: Decimal! profile: Profile @relation(from: ["customer_id"], to: ["customer"]) }
    type Courier @key(fields: "id", resolvable: false) { id: ID! name: String }`;
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ sql: SQL, files: [{ name: 'orders.graphql', body: SDL }] });
    await app.cluster.caughtUp();
  });
  after(async () => app[Symbol.asyncDispose]());

  const CUSTOMER =
    'query($r: [_Any!]!) { _entities(representations: $r) { ... on Customer { id orders { id tenant } orderCount profile { nickname } } } }';
  const id = (n: number): string => `00000000-0000-0000-0000-00000000000${n}`;
  const ask = async (
    tenant: string,
    query: string,
    r: readonly object[],
    token: string | null = null,
  ): Promise<Answer<{ _entities: readonly Record<string, unknown>[] }>> => {
    const answer = await app.gql<{ _entities: readonly Record<string, unknown>[] }>(AP, query, {
      token: token ?? '',
      variables: { r: r.map((it) => ({ __typename: 'Customer', ...it })) },
      headers: { authorization: `Bearer ${await app.bearer({ id: 'v', tenant })}` },
    });
    assert.deepEqual(answer.errors, []);
    return answer;
  };

  it('keep tenants apart, and accept a uuid in every spelling', async () => {
    const representations = [{ id: id(1) }, { id: id(1).replaceAll('-', '').toUpperCase() }];
    for (const tenant of ['a', 'b']) {
      const { data } = await ask(tenant, CUSTOMER, representations);
      const orders = [1, 4, 7, 10]
        .filter((n) => (n % 2 === 0) === (tenant === 'a'))
        .map((n) => ({ id: String(n), tenant }));
      assert.deepEqual(
        data?._entities,
        representations.map((it) => ({ ...it, orders, orderCount: 2, profile: { nickname: 'one' } })),
      );
    }
  });

  it('refuse a representation of a type that this subgraph does not look up', async () => {
    const forged = { id: '1', tenant: 'a', total: '0', customer_id: id(1), name: 'Mallory' };
    const representations = ['Receipt', 'Courier', 'Numbered', 'Profile'].map((__typename) => ({
      __typename,
      ...forged,
    }));
    const query =
      'query($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Receipt { id total profile { nickname } } ... on Courier { id name } } }';
    const { data, errors } = await app.gql<{ _entities: unknown }>(AP, query, {
      variables: { r: representations },
      headers: { authorization: `Bearer ${await app.bearer({ id: 'v', tenant: 'a' })}` },
    });
    assert.deepEqual(
      data?._entities,
      representations.map(() => null),
    );
    assert.deepEqual(
      errors.map(({ extensions }) => extensions.code),
      representations.map(() => 'BAD_USER_INPUT'),
    );
  });

  it('take the fields that @requires names from the representation, and report a missing one', async () => {
    const query = 'query($r: [_Any!]!) { _entities(representations: $r) { ... on Customer { ordersHere { id } } } }';
    const { data } = await ask('a', query, [
      { id: id(1), shop: 's0' },
      { id: id(1), shop: 's1' },
      { id: id(1), shop: null },
    ]);
    assert.deepEqual(data?._entities, [
      { ordersHere: [{ id: '4' }, { id: '10' }] },
      { ordersHere: [] },
      { ordersHere: [] },
    ]);
    const { errors } = await app.gql(AP, query, { variables: { r: [{ __typename: 'Customer', id: id(1) }] } });
    assert.deepEqual(
      errors.map(({ message }) => message),
      ['A representation of Customer does not carry shop, which is asked for; send it.'],
    );
  });

  it('are answered for the other representations when the database refuses one', async () => {
    const hosts = ['10.0.0.1', 'nowhere', '10.0.0.2/32', '10.0.0', '10.0.0.3'].map((host) => ({
      __typename: 'Host',
      host,
    }));
    const { data, errors } = await app.gql<{ _entities: unknown }>(
      AP,
      'query($r: [_Any!]!) { _entities(representations: $r) { ... on Host { orders { id } orderCount } } }',
      { variables: { r: hosts }, headers: { authorization: `Bearer ${await app.bearer({ id: 'v', tenant: 'b' })}` } },
    );
    const of = (...ids: number[]) => ({ orders: ids.map((n) => ({ id: String(n) })), orderCount: ids.length });
    assert.deepEqual(data?._entities, [of(1, 5, 9), null, of(), null, of(3, 7, 11)]);
    assert.deepEqual(
      new Set(errors.map(({ path, extensions }) => `${path?.[1]} ${extensions.code}`)),
      new Set(['1 BAD_USER_INPUT', '3 BAD_USER_INPUT']),
    );
  });

  it('are cached, and a write invalidates what it has changed', async () => {
    const mine =
      'query($r: [_Any!]!) { _entities(representations: $r) { ... on Customer { orders { id } orderCount } } }';
    await until('the cache answers', async () => {
      const { consistency } = await ask('a', mine, [{ id: id(2) }]);
      return consistency?.servedBy.cache !== 0 && consistency?.servedBy.replica === 0;
    });
    const headers = { authorization: `Bearer ${await app.bearer({ id: 'v', tenant: 'a' })}` };
    const { token, errors } = await app.gql(
      AP,
      `mutation { addOrder(id: 50, tenant: "a", customer: "${id(2)}", total: "1") { token order { customer { id orderCount } } } }`,
      { headers },
    );
    assert.deepEqual(errors, []);
    const { data } = await ask('a', mine, [{ id: id(2) }], token);
    assert.deepEqual(data?._entities, [{ orders: [{ id: '2' }, { id: '8' }, { id: '50' }], orderCount: 3 }]);
  });
});
