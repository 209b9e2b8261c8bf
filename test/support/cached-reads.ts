/**
 * Owns the proof of reads that caches answer, over HTTP and on real servers: which reads they may answer at each level,
 * and that no answer is older than its token.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stacksOf } from '../../src/app/layer.ts';
import { findRedis } from '../../src/dev/redis/program.ts';
import { AP, EU, startTestApp, US, type Answer, type Call, type TestApp } from './app.ts';
import { counting, until } from './observe.ts';

type Page = { readonly totalCount: number; readonly nodes: readonly { readonly id: string; readonly title: string }[] };
const TASK = 'query($id: ID!) { task(id: $id) { id title status project { id } } }';
const PROJECT = 'query($id: ID!) { project(id: $id) { tasks(first: 200) { totalCount nodes { id title } } } }';
/** What a busy machine may take until a region follows. */
const PATIENCE = { withinMs: 20_000 };

/** Declares the tests, for servers with or without Redis. */
export function provesCachedReads({ redis }: { readonly redis: boolean }): void {
  const skip = redis && findRedis() === null && 'neither redis-server nor valkey-server is here';
  describe(`reads that a cache answers, ${redis ? 'with' : 'without'} Redis`, { skip }, () => {
    let app: TestApp;
    let serial = 0;
    const fresh = (): string => `title ${(serial += 1)}`;

    before(async () => {
      app = await startTestApp({
        scale: 0.05,
        redis,
        settings: { heartbeatMs: 200, probeMs: 100, cacheLagMs: 60_000 },
      });
      await app.cluster.caughtUp();
      for (const region of [US, EU, AP]) await warm(region, TASK, { id: '1' });
    });
    after(async () => app?.[Symbol.asyncDispose]());

    const psql = <R extends Record<string, unknown>>(sql: string, values: readonly unknown[] = []): Promise<R[]> =>
      app.cluster.query<R>(US, sql, values);

    async function asked<D>(region: string, query: string, call: Call = {}): Promise<Answer<D> & { readonly data: D }> {
      const answer = await app.gql<D>(region, query, { token: '', ...call });
      assert.deepEqual([answer.status, answer.errors], [200, []], query);
      return answer as Answer<D> & { readonly data: D };
    }

    /** Asks until nothing but a cache answers. */
    async function warm<D>(
      region: string,
      query: string,
      variables: Call['variables'] = {},
      call: Call = {},
    ): Promise<Answer<D> & { readonly data: D }> {
      return until(
        `${region} answers from its cache`,
        async () => {
          const answer = await asked<D>(region, query, { ...call, variables });
          const { cache, replica, primary } = answer.consistency?.servedBy ?? { cache: 0, replica: 0, primary: 0 };
          return cache > 0 && replica + primary === 0 ? answer : null;
        },
        PATIENCE,
      );
    }

    /** A token of what the primary shows now, as one who looked there has it. */
    async function tokenNow(): Promise<string> {
      const { token } = await asked(US, 'query @consistent(level: STRONG) { organization(id: 1) { id } }');
      assert.ok(token);
      return token;
    }

    async function update(id: string, title: string, region = US): Promise<string> {
      const { token } = await asked(
        region,
        'mutation($id: ID!, $title: String!) { updateTask(id: $id, input: { title: $title }) { task { id } } }',
        { variables: { id, title } },
      );
      assert.ok(token);
      return token;
    }

    const titleOf = async (region: string, id: string, call: Call = {}): Promise<string | undefined> =>
      (await asked<{ task: { title: string } | null }>(region, TASK, { ...call, variables: { id } })).data.task?.title;

    async function whilePaused(region: string, work: () => Promise<void>): Promise<void> {
      await app.cluster.pauseReplay(region);
      try {
        await work();
      } finally {
        await app.cluster.resumeReplay(region);
        await app.cluster.caughtUp(region);
      }
    }

    it('need no statement for rows, missing rows, pages, counts and representations', async () => {
      const queries: readonly (readonly [string, Call['variables']])[] = [
        [TASK, { id: '2' }],
        ['query($id: ID!) { user(id: $id) { name } }', { id: '999999' }],
        [
          'query($e: String!) { userByEmail(email: $e) { id organization { name } } }',
          { e: (await psql<{ email: string }>('SELECT email FROM users WHERE id = 3'))[0]?.email },
        ],
        [PROJECT, { id: '1' }],
        [
          'query($id: ID!) { project(id: $id) { tasks(status: DONE, orderBy: [CREATED_AT_DESC], last: 3) { totalCount edges { cursor node { title assignee { name } } } pageInfo { hasPreviousPage } } } }',
          { id: '2' },
        ],
        ['query { organizations(first: 2) { nodes { slug } pageInfo { endCursor hasNextPage } totalCount } }', {}],
        [
          'query($r: [_Any!]!) { _entities(representations: $r) { __typename ... on Task { title } ... on User { email } } }',
          {
            r: [
              { __typename: 'Task', id: '5' },
              { __typename: 'User', id: '1' },
              { __typename: 'User', id: '888888' },
            ],
          },
        ],
      ];
      for (const [query, variables] of queries) {
        const cold = await asked(EU, query, { variables: variables ?? {} });
        await warm(EU, query, variables);
        const { value, statements } = await counting(app, EU, () => asked(EU, query, { variables: variables ?? {} }));
        assert.deepEqual(value.data, cold.data, query);
        assert.equal(statements, 0, query);
        assert.ok((value.consistency?.staleness ?? Number.NaN) >= 0, 'how old they may be is known');
      }
    });

    it('are never older than their token, since the primary answers while replay is paused', async () => {
      const before = await warm<{ task: { title: string } }>(EU, TASK, { id: '1' });
      await whilePaused(EU, async () => {
        const title = fresh();
        const token = await update('1', title);
        const answer = await asked<{ task: { title: string } }>(EU, TASK, { variables: { id: '1' }, token });
        assert.equal(answer.data.task.title, title);
        assert.equal(answer.consistency?.servedBy.cache, 0, JSON.stringify(answer.consistency));
        // Who has seen nothing may be shown what the region has.
        const old = await asked<{ task: { title: string } }>(EU, TASK, { variables: { id: '1' } });
        assert.equal(old.data.task.title, before.data.task.title);
        // What was read at the primary is not the region's: it must not be kept here.
        const again = await asked<{ task: { title: string } }>(EU, TASK, { variables: { id: '1' }, token });
        assert.deepEqual(again.consistency?.servedBy, answer.consistency?.servedBy);
      });
    });

    it('are never older than their token while all clients write and read', async () => {
      const ids = ['11', '12', '13'];
      await Promise.all(
        ids.map(async (id) => {
          for (let round = 0; round < 15; round += 1) {
            const title = fresh();
            const token = await update(id, title, round % 3 === 0 ? EU : US);
            for (const region of [EU, AP, EU])
              assert.equal(await titleOf(region, id, { token }), title, `${region}, task ${id}, round ${round}`);
          }
        }),
      );
    });

    it('return a token with the position of the cached value, so that no client sees an older state in another region', async () => {
      await whilePaused(AP, async () => {
        const title = fresh();
        await psql('UPDATE tasks SET title = $1 WHERE id = 21', [title]);
        await app.cluster.caughtUp(EU);
        await until('EU shows it', async () => (await titleOf(EU, '21')) === title, PATIENCE);
        const { token } = await warm(EU, TASK, { id: '21' });
        assert.equal(await titleOf(AP, '21', { token }), title);
      });
    });

    it('show a row that was missing before and has been inserted', async () => {
      const email = `new${redis}@example.com`;
      const query = 'query($email: String!) { userByEmail(email: $email) { name } }';
      assert.equal((await warm<{ userByEmail: unknown }>(EU, query, { email })).data.userByEmail, null);
      await psql('INSERT INTO users (organization_id, name, email) VALUES (1, $1, $2)', ['Newcomer', email]);
      const token = await tokenNow();
      assert.deepEqual(
        (await asked<{ userByEmail: unknown }>(EU, query, { variables: { email }, token })).data.userByEmail,
        { name: 'Newcomer' },
      );
      await warm(EU, query, { email });
      await psql('DELETE FROM users WHERE email = $1', [email]);
      assert.equal(
        (await asked<{ userByEmail: unknown }>(EU, query, { variables: { email }, token: await tokenNow() })).data
          .userByEmail,
        null,
        'a row that is gone does not come back',
      );
    });

    it('follow a row that moves, in both pages and both counts, whichever program moved it', async () => {
      const [row] = await psql<{ id: string; project: string; other: string }>(
        'SELECT t.id::text, t.project_id::text AS project, p.id::text AS other FROM tasks t JOIN projects p ON p.organization_id = t.organization_id AND p.id <> t.project_id ORDER BY t.id, p.id LIMIT 1',
      );
      assert.ok(row);
      const page = async (region: string, id: string, call: Call = {}): Promise<Page> =>
        (await asked<{ project: { tasks: Page } }>(region, PROJECT, { ...call, variables: { id } })).data.project.tasks;
      for (let round = 0; round < 4; round += 1) {
        const [from, to]: readonly [string, string] =
          round % 2 === 0 ? [row.project, row.other] : [row.other, row.project];
        for (const region of [EU, AP]) for (const id of [from, to]) await warm(region, PROJECT, { id });
        const [left, joined]: readonly [Page, Page] = [await page(EU, from), await page(EU, to)];
        await psql('UPDATE tasks SET project_id = $2 WHERE id = $1', [row.id, to]);
        const token = await tokenNow();
        for (const region of [EU, AP]) {
          const [after, there] = [await page(region, from, { token }), await page(region, to, { token })];
          assert.deepEqual([after.totalCount, there.totalCount], [left.totalCount - 1, joined.totalCount + 1], region);
          assert.deepEqual(
            [after.nodes.some(({ id }) => id === row.id), there.nodes.some(({ id }) => id === row.id)],
            [false, true],
            region,
          );
        }
      }
    });

    it('are invalidated when their table is truncated', async () => {
      const query = 'query($id: ID!) { task(id: $id) { comments(first: 1) { totalCount nodes { body } } } }';
      const [comment] = await psql<{ task: string }>('SELECT task_id::text AS task FROM comments ORDER BY id LIMIT 1');
      assert.ok(comment);
      await warm(EU, query, { id: comment.task });
      await psql('TRUNCATE comments');
      const { data } = await asked<{ task: { comments: { totalCount: number } } }>(EU, query, {
        variables: { id: comment.task },
        token: await tokenNow(),
      });
      assert.equal(data.task.comments.totalCount, 0);
    });

    it("show with STRONG the latest write of another region, and come from the region's cache if nothing was written", async () => {
      const query = `query($id: ID!) @consistent(level: STRONG) { task(id: $id) { title } }`;
      for (let round = 0; round < 15; round += 1) {
        const title = fresh();
        await psql('UPDATE tasks SET title = $1 WHERE id = 31', [title]);
        assert.equal(
          (await asked<{ task: { title: string } }>(EU, query, { variables: { id: '31' } })).data.task.title,
          title,
        );
      }
      await warm(EU, query, { id: '31' });
      const next = await asked(US, query, { variables: { id: '31' } });
      assert.equal(next.consistency?.servedBy.primary, 1, 'next to the primary no cache is asked');
    });

    it('come from the cache within the bound of BOUNDED, and from the database beyond it', async () => {
      const query = (maxLagMs: number): string =>
        `query($id: ID!) @consistent(level: BOUNDED, maxLagMs: ${maxLagMs}) { task(id: $id) { title } }`;
      await warm(EU, query(60_000), { id: '41' });
      await whilePaused(EU, async () => {
        const title = fresh();
        await psql('UPDATE tasks SET title = $1 WHERE id = 41', [title]);
        await until(
          'EU is half a second behind',
          () => (stacksOf(app.server(EU).layer).health.monitor.stalenessMs() ?? 0) > 500,
          PATIENCE,
        );
        const near = await asked<{ task: { title: string } }>(EU, query(400), { variables: { id: '41' } });
        assert.equal(near.data.task.title, title);
        assert.equal(near.consistency?.servedBy.primary, 1);
      });
    });

    it('do not use a cache with SNAPSHOT', async () => {
      const { consistency } = await asked(
        EU,
        'query($id: ID!) @consistent(level: SNAPSHOT) { task(id: $id) { title project { name } } }',
        { variables: { id: '1' } },
      );
      assert.equal(consistency?.servedBy.cache, 0);
    });

    it("show the operation's own write", async () => {
      await warm(EU, TASK, { id: '51' });
      for (let round = 0; round < 5; round += 1) {
        const title = fresh();
        const { data } = await asked<{ updateTask: { task: { title: string; project: { tasks: Page } } } }>(
          EU,
          'mutation($id: ID!, $title: String!) { updateTask(id: $id, input: { title: $title }) { task { title project { tasks(first: 200) { nodes { id title } } } } } }',
          { variables: { id: '51', title } },
        );
        assert.equal(data.updateTask.task.title, title);
        assert.equal(data.updateTask.task.project.tasks.nodes.find(({ id }) => id === '51')?.title, title);
      }
    });

    it('are correct after the database server of the region was killed and came back', async () => {
      await warm(EU, TASK, { id: '61' });
      await app.cluster.killPostgres(EU);
      const title = fresh();
      const token = await update('61', title);
      assert.equal(await titleOf(EU, '61', { token }), title);
      await app.cluster.startPostgres(EU);
      assert.equal(await titleOf(EU, '61', { token }), title);
      await until('EU shows it to everybody', async () => (await titleOf(EU, '61')) === title, PATIENCE);
      await warm(EU, TASK, { id: '61' }, { token });
      const next = fresh();
      assert.equal(await titleOf(EU, '61', { token: await update('61', next) }), next);
    });
  });
}
