/**
 * Proves `@consistent` on operations and on fields, level by level, in every region, and that the report of an answer
 * claims no more than the answer keeps.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stacksOf } from '../../src/app/layer.ts';
import { readSdlFolder } from '../../src/schema-compiler/files.ts';
import { AP, startTestApp, US, type Answer, type Call, type TestApp } from '../support/app.ts';
import { counting, until } from '../support/observe.ts';

const SDL = `
  extend type Query { step(project: ID!): Step! }
  "Counts a project's tasks, lets something happen, and goes on."
  type Step { count: Int! then: Query! }
`;

type Named = { readonly name: string };

describe('the consistency level', () => {
  let app: TestApp;
  /** Happens at the primary between the two halves of a `step`. */
  let meanwhile = async (): Promise<void> => undefined;

  before(async () => {
    app = await startTestApp({
      scale: 0.05,
      files: [...readSdlFolder('schema/workspace'), { name: 'step.graphql', body: SDL }],
      // Which server answers is the question here, and caches would answer for them.
      settings: { heartbeatMs: 200, probeMs: 100, cache: false },
      server: {
        resolvers: {
          Query: {
            step: async (
              _parent: unknown,
              { project }: { project: string },
              context: { read(sql: string, values: unknown[]): Promise<{ n: number }[]> },
            ) => {
              const [row] = await context.read('SELECT count(*)::int AS n FROM tasks WHERE project_id = $1', [project]);
              await meanwhile();
              return { count: row?.n };
            },
          },
          Step: { count: ({ count }: { count: number }) => count, then: () => ({}) },
        },
      },
    });
  });
  after(async () => app[Symbol.asyncDispose]());

  /** Asks AP while it stands still, after user 1, organization 1 and task 1 got new names that it does not have. */
  const whilePaused = async <T>(work: (fresh: string) => Promise<T>): Promise<T> => {
    await app.cluster.caughtUp();
    await app.cluster.pauseReplay(AP);
    try {
      const fresh = `fresh ${performance.now()}`;
      await app.cluster.query(
        US,
        'WITH u AS (UPDATE users SET name = $1 WHERE id = 1), o AS (UPDATE organizations SET name = $1 WHERE id = 1) UPDATE tasks SET title = $1 WHERE id = 1',
        [fresh],
      );
      return await work(fresh);
    } finally {
      await app.cluster.resumeReplay(AP);
      await app.cluster.caughtUp(AP);
    }
  };

  const answered = async <D>(query: string, call?: Call): Promise<Answer<D>> => {
    const answer = await app.gql<D>(AP, query, call);
    assert.deepEqual(answer.errors, [], query);
    assert.equal(answer.status, 200);
    return answer;
  };
  /** Which of the names that AP answers with are the fresh one, in the order of the answer's fields. */
  const freshIn = async (fresh: string, query: string, call?: Call): Promise<readonly boolean[]> => {
    const { data } = await answered<unknown>(query, call);
    return [...JSON.stringify(data).matchAll(/"(?:name|title)":"([^"]*)"/g)].map(([, name]) => name === fresh);
  };

  it("is EVENTUAL without a token, which shows the anomaly: a read returns the region's old rows", async () => {
    await whilePaused(async (fresh) => {
      assert.deepEqual(await freshIn(fresh, '{ user(id: 1) { name } }'), [false]);
    });
  });

  it("lets reads without a token use the region's own replica, also under many writes", async () => {
    const { monitor } = stacksOf(app.server(AP).layer).health;
    const stop = new AbortController();
    const probes = new Set<number | null>();
    const writers = [11, 12, 13].map(async (id) => {
      while (!stop.signal.aborted)
        await app
          .server(US)
          .layer.transaction((tx) => tx.query('UPDATE users SET bio = $2 WHERE id = $1', [id, 'busy']));
    });
    const elsewhere: unknown[] = [];
    try {
      // Every probe is a chance to take what was replayed while it was on its way for something that the replica lacks.
      while (probes.size < 25) {
        const { consistency } = await answered('{ user(id: 1) { name } }', { token: '' });
        if (consistency?.servedBy.replica !== 1 || monitor.readOrder()[0] !== AP)
          elsewhere.push([consistency?.servedBy, monitor.readOrder()]);
        probes.add(monitor.reports().find(({ region }) => region === AP)?.probedAtMs ?? null);
      }
    } finally {
      stop.abort();
      await Promise.all(writers);
    }
    assert.deepEqual(elsewhere, []);
  });

  it('follows the directive on an operation, on fields and on the fields below them', async () => {
    await whilePaused(async (fresh) => {
      const cases: readonly (readonly [string, readonly boolean[]])[] = [
        ['query @consistent { user(id: 1) { name } }', [true]],
        [
          'query @consistent(level: STRONG) { user(id: 1) { name organization { name } } task(id: 1) { title } }',
          [true, true, true],
        ],
        ['{ user(id: 1) @consistent { name organization { name } } task(id: 1) { title } }', [true, true, false]],
        ['{ user(id: 1) { name organization @consistent(level: STRONG) { name } } }', [false, true]],
        [
          'query @consistent(level: STRONG) { user(id: 1) @consistent(level: EVENTUAL) { name organization { name } } task(id: 1) { title } }',
          [false, false, true],
        ],
        [
          'query @consistent(level: STRONG) { user(id: 1) @consistent(level: EVENTUAL) { name organization @consistent(level: STRONG) { name } } }',
          [false, true],
        ],
        // Lists, connections and their parts are on the way as well.
        [
          '{ organization(id: 1) { name users(first: 1) @consistent(level: STRONG) { nodes { name } } } }',
          [false, true],
        ],
        [
          '{ organization(id: 1) { users(first: 1) @consistent(level: STRONG) { edges { node { name organization { name } } } } } }',
          [true, true],
        ],
        [
          '{ organization(id: 1) { users(first: 1) { nodes @consistent(level: STRONG) { name organization { name } } } } }',
          [false, true],
        ],
        [
          '{ organization(id: 1) { users(first: 1) { edges @consistent(level: STRONG) { node { name organization { name } } } } } }',
          [false, true],
        ],
        [
          '{ organization(id: 1) { users(first: 1) { edges { node @consistent(level: STRONG) { name organization { name } } } } } }',
          [false, true],
        ],
        ['{ dashboard(organizationId: 1) { organization @consistent(level: STRONG) { name } } }', [true]],
      ];
      for (const [query, expected] of cases) assert.deepEqual(await freshIn(fresh, query), expected, query);
    });
  });

  it('is separate for each alias of a field, and the strongest one if a field is selected twice', async () => {
    await whilePaused(async (fresh) => {
      assert.deepEqual(
        await freshIn(fresh, '{ old: user(id: 1) { name } new: user(id: 1) @consistent(level: STRONG) { name } }'),
        [false, true],
      );
      assert.deepEqual(
        await freshIn(fresh, '{ new: user(id: 1) @consistent(level: STRONG) { name } old: user(id: 1) { name } }'),
        [true, false],
      );
      for (const [first, second] of [
        ['EVENTUAL', 'STRONG'],
        ['STRONG', 'EVENTUAL'],
      ]) {
        assert.deepEqual(
          await freshIn(
            fresh,
            `{ user(id: 1) @consistent(level: ${first}) { id } user(id: 1) @consistent(level: ${second}) { name } }`,
          ),
          [true],
          `${first} and ${second}`,
        );
      }
    });
  });

  it('applies within fragments of the operation that runs, and of no other', async () => {
    await whilePaused(async (fresh) => {
      const cases: readonly (readonly [string, readonly boolean[]])[] = [
        [
          '{ user(id: 1) { ...Home } } fragment Home on User { name organization @consistent(level: STRONG) { name } }',
          [false, true],
        ],
        ['{ user(id: 1) { ... on User { name ... { organization @consistent { name } } } } }', [false, true]],
        [
          '{ ...Both } fragment Both on Query { user(id: 1) @consistent(level: STRONG) { ...Home } task(id: 1) { title } } fragment Home on User { name organization { name } }',
          [true, true, false],
        ],
      ];
      for (const [query, expected] of cases) assert.deepEqual(await freshIn(fresh, query), expected, query);
      const two =
        'query Old { user(id: 1) { name } } query New($maxLagMs: Int!) { user(id: 1) @consistent(level: STRONG) { ...Home } } fragment Home on User { organization @consistent(level: BOUNDED, maxLagMs: $maxLagMs) { name } }';
      const response = await fetch(app.server(AP).url, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: two, operationName: 'Old' }),
      });
      const body = (await response.json()) as { data: { user: Named }; extensions?: unknown };
      assert.notEqual(body.data.user.name, fresh);
      assert.equal(body.extensions, undefined, "the other operation's directives were taken for this one's");
    });
  });

  it('can have arguments from variables and from their defaults', async () => {
    await whilePaused(async (fresh) => {
      const query = 'query($level: ConsistencyLevel) { user(id: 1) @consistent(level: $level) { name } }';
      assert.deepEqual(await freshIn(fresh, query, { variables: { level: 'STRONG' } }), [true]);
      assert.deepEqual(await freshIn(fresh, query, { variables: { level: 'EVENTUAL' } }), [false]);
      assert.deepEqual(await freshIn(fresh, query, { variables: {} }), [true]);
      assert.deepEqual(await freshIn(fresh, query, { variables: { level: null } }), [true]);
      const byDefault =
        'query($level: ConsistencyLevel = EVENTUAL) { user(id: 1) @consistent(level: $level) { name } }';
      assert.deepEqual(await freshIn(fresh, byDefault), [false]);
      assert.deepEqual(await freshIn(fresh, byDefault, { variables: { level: 'STRONG' } }), [true]);
    });
  });

  it('ignores fields that @skip and @include exclude', async () => {
    const query =
      'query($no: Boolean!) { user(id: 1) { name } strong: user(id: 1) @consistent(level: STRONG) @include(if: $no) { name } }';
    assert.equal((await answered(query, { variables: { no: false } })).consistency, null);
    assert.equal((await answered(query, { variables: { no: true } })).consistency?.level, 'STRONG');
  });

  it('is STRONG by default without a token and SESSION with one, and EVENTUAL ignores the position of the token', async () => {
    const old = (await answered('{ user(id: 1) { name } }')).token;
    await whilePaused(async (fresh) => {
      const strong = await answered<{ user: Named }>('query @consistent { user(id: 1) { name } }');
      assert.deepEqual([strong.data?.user.name, strong.consistency?.level], [fresh, 'STRONG']);
      // The region has what this token names, so that SESSION is answered here, and as of then.
      const session = await answered<{ user: Named }>('query @consistent { user(id: 1) { name } }', { token: old });
      assert.notEqual(session.data?.user.name, fresh);
      assert.deepEqual(
        [session.consistency?.level, session.consistency?.servedBy],
        ['SESSION', { cache: 0, replica: 1, primary: 0 }],
      );

      const { token } = await app.gql(US, '{ user(id: 1) { name } }');
      const floor = await answered<{ user: Named }>('{ user(id: 1) { name } }', { token });
      assert.deepEqual([floor.data?.user.name, floor.consistency?.level], [fresh, 'SESSION']);
      const dropped = await answered<{ user: Named }>('query @consistent(level: EVENTUAL) { user(id: 1) { name } }', {
        token,
      });
      assert.notEqual(dropped.data?.user.name, fresh);
      assert.deepEqual(
        [dropped.consistency?.level, dropped.consistency?.servedBy],
        ['EVENTUAL', { cache: 0, replica: 1, primary: 0 }],
      );
      // What the client has once seen stays in its token although this answer was older.
      assert.deepEqual(await freshIn(fresh, '{ user(id: 1) { name } }', { token: dropped.token }), [true]);
    });
  });

  it('BOUNDED reads in the region while its staleness is within the bound, and at the primary beyond it', async () => {
    const bounded = 'query($maxLagMs: Int) { user(id: 1) @consistent(level: BOUNDED, maxLagMs: $maxLagMs) { name } }';
    const near = await answered(bounded, { variables: { maxLagMs: 2_000 } });
    assert.deepEqual(near.consistency?.servedBy, { cache: 0, replica: 1, primary: 0 });
    assert.ok(near.consistency?.staleness !== null && (near.consistency?.staleness ?? 0) <= 2_000);
    await whilePaused(async (fresh) => {
      const { monitor } = stacksOf(app.server(AP).layer).health;
      await until('AP is more than a second behind', () => (monitor.stalenessMs() ?? 0) > 1_000);
      const beyond = await answered<{ user: Named }>(bounded, { variables: { maxLagMs: 1_000 } });
      assert.deepEqual(
        [beyond.data?.user.name, beyond.consistency?.servedBy, beyond.consistency?.staleness],
        [fresh, { cache: 0, replica: 0, primary: 1 }, 0],
      );
      const within = await answered<{ user: Named }>(bounded, { variables: { maxLagMs: 600_000 } });
      assert.notEqual(within.data?.user.name, fresh);
      assert.deepEqual(within.consistency?.servedBy, { cache: 0, replica: 1, primary: 0 });
      assert.ok((within.consistency?.staleness ?? 0) > 1_000);
      // The bound does not undo the token.
      const { token } = await app.gql(US, '{ user(id: 1) { name } }');
      assert.deepEqual(await freshIn(fresh, bounded, { variables: { maxLagMs: 600_000 }, token }), [true]);
    });
  });

  it('SNAPSHOT shows every field as of one moment under concurrent writes, and a mixture is seen without it', async () => {
    const [{ total } = { total: 0 }] = await app.cluster.query<{ total: number }>(
      US,
      'SELECT count(*)::int AS total FROM tasks WHERE project_id IN (1, 2)',
    );
    meanwhile = async () => {
      await app.cluster.query(
        US,
        'UPDATE tasks SET project_id = 1 WHERE id = (SELECT min(id) FROM tasks WHERE project_id = 2)',
      );
      await app.cluster.caughtUp(AP);
    };
    try {
      const sum = async (level: string): Promise<number> => {
        const { data, consistency } = await answered<{
          step: { count: number; then: { project: { tasks: { totalCount: number } } } };
        }>(
          `query @consistent(level: ${level}) { step(project: 1) { count then { project(id: 2) { tasks { totalCount } } } } }`,
        );
        assert.equal(consistency?.level, level);
        return (data?.step.count ?? 0) + (data?.step.then.project.tasks.totalCount ?? 0);
      };
      assert.equal(
        await sum('EVENTUAL'),
        total - 1,
        'nothing moved while the operation ran, so that the test proves nothing',
      );
      assert.equal(await sum('STRONG'), total - 1);
      assert.equal(await sum('SNAPSHOT'), total);
    } finally {
      meanwhile = async () => undefined;
    }
  });

  it('SNAPSHOT keeps totals right while tasks move between projects all the time', async () => {
    const stop = new AbortController();
    const projects = [1, 2, 3];
    let moved = 0;
    const mover = (async () => {
      for (; !stop.signal.aborted; moved += 1) {
        const [from, to] = [projects[moved % 3], projects[(moved + 1) % 3]];
        await app
          .server(US)
          .layer.transaction((tx) =>
            tx.query('UPDATE tasks SET project_id = $2 WHERE id = (SELECT min(id) FROM tasks WHERE project_id = $1)', [
              from,
              to,
            ]),
          );
      }
    })();
    try {
      const [{ total } = { total: 0 }] = await app.cluster.query<{ total: number }>(
        US,
        'SELECT count(*)::int AS total FROM tasks WHERE project_id = ANY ($1)',
        [projects],
      );
      type Steps = {
        step: {
          count: number;
          then: { step: { count: number; then: { project: { tasks: { totalCount: number } } } } };
        };
      };
      const sum = async (level: string): Promise<number> => {
        const { data, consistency } = await answered<Steps>(
          `query @consistent(level: ${level}) { step(project: 1) { count then { step(project: 2) { count then { project(id: 3) { tasks { totalCount } } } } } } }`,
        );
        // A snapshot counts as one read, on whichever server had its floor.
        if (level === 'SNAPSHOT')
          assert.equal((consistency?.servedBy.primary ?? 0) + (consistency?.servedBy.replica ?? 0), 1);
        const step = data?.step;
        return (step?.count ?? 0) + (step?.then.step.count ?? 0) + (step?.then.step.then.project.tasks.totalCount ?? 0);
      };
      await until('a mix of moments without SNAPSHOT', async () => (await sum('STRONG')) !== total, {
        withinMs: 10_000,
        everyMs: 0,
      });
      const before = moved;
      for (let i = 0; i < 40; i += 1)
        assert.deepEqual(await Promise.all([sum('SNAPSHOT'), sum('SNAPSHOT')]), [total, total]);
      assert.ok(moved - before >= 20, `only ${moved - before} tasks moved meanwhile`);
    } finally {
      stop.abort();
      await mover;
    }
  });

  it('is reported in extensions.consistency only on request', async () => {
    const query = '{ user(id: 1) { name } }';
    assert.equal((await answered(query)).consistency, null);
    const { consistency, token } = await answered(query, { token: '' });
    assert.deepEqual(consistency, {
      token,
      level: 'EVENTUAL',
      region: AP,
      servedBy: { cache: 0, replica: 1, primary: 0 },
      waitedMs: 0,
      staleness: consistency?.staleness,
    });
    assert.ok(consistency?.staleness !== null && (consistency?.staleness ?? -1) >= 0);
    assert.equal((await answered(query, { token })).consistency?.level, 'SESSION');
    assert.equal(
      (await answered('{ user(id: 1) @consistent(level: EVENTUAL) { name } }')).consistency?.level,
      'EVENTUAL',
    );
    const mutation = await answered<{ updateUser: { token: string } }>(
      'mutation { updateUser(id: 9, input: { bio: "new" }) { token } }',
    );
    assert.deepEqual(
      [mutation.consistency?.level, mutation.consistency?.token, mutation.data?.updateUser.token],
      ['SESSION', mutation.token, mutation.token],
    );
    const strongest = await answered(
      'query @consistent(level: EVENTUAL) { a: user(id: 1) @consistent(level: STRONG) { name } b: user(id: 1) @consistent(level: BOUNDED) { name } }',
    );
    assert.equal(strongest.consistency?.level, 'STRONG');
    const bounded = await answered('{ a: user(id: 1) { name } b: user(id: 1) @consistent(level: BOUNDED) { name } }', {
      token,
    });
    assert.equal(
      bounded.consistency?.level,
      'BOUNDED',
      'BOUNDED keeps the floor of SESSION, which the other field asks for',
    );
    const written = await answered(
      'mutation @consistent(level: BOUNDED) { updateUser(id: 9, input: { bio: "newer" }) { token } }',
    );
    assert.equal(written.consistency?.level, 'SESSION', 'what lies below a write sees that write, and promises no age');
  });

  it('leads to a token on every answer that has read something, with errors or without, and on no other', async () => {
    for (const query of [
      '{ user(id: 1) { name } }',
      '{ user(id: 999999) { name } }',
      '{ organizations { totalCount } }',
      'query @consistent(level: SNAPSHOT) { user(id: 1) { name } }',
    ]) {
      assert.match((await answered(query)).token ?? 'none', /^m1\.[\w-]+\.[\w-]+$/, query);
    }
    const partly = await app.gql(AP, '{ user(id: 1) { name } project(id: 1) { tasks(first: -1) { totalCount } } }');
    assert.deepEqual([partly.errors.length, partly.data], [1, { user: partly.data?.['user'], project: null }]);
    assert.match(partly.token ?? 'none', /^m1\./);
    assert.equal((await answered('{ __typename }')).token, null);
    const { token } = await answered('{ user(id: 1) { name } }');
    assert.equal((await answered('{ __typename }', { token })).token, token, "a client's position got lost on the way");
  });

  it('is refused with contradicting arguments, without a statement', async () => {
    for (const [directive, message] of [
      ['@consistent(level: STRONG, maxLagMs: 5)', /takes no maxLagMs/],
      ['@consistent(maxLagMs: 5)', /takes no maxLagMs/],
      ['@consistent(level: BOUNDED, maxLagMs: -1)', /negative/],
      ['@consistent(level: CERTAIN)', /CERTAIN/],
      ['@consistent(level: "STRONG")', /STRONG/],
      ['@consistent(lag: 5)', /lag/],
    ] as const) {
      const { value, statements } = await counting(app, AP, () => app.gql(AP, `{ user(id: 1) ${directive} { name } }`));
      assert.equal(value.status, 200, directive);
      assert.ok(
        ['BAD_USER_INPUT', 'GRAPHQL_VALIDATION_FAILED'].includes(value.errors[0]?.extensions.code ?? ''),
        `${directive}: ${JSON.stringify(value.errors)}`,
      );
      assert.match(value.errors[0]?.message ?? '', message);
      assert.deepEqual([value.data, statements], [null, 0]);
    }
    for (const variables of [{ level: 'CERTAIN' }, { level: 3 }, { maxLagMs: 'soon' }, { maxLagMs: 1.5 }]) {
      const { value, statements } = await counting(app, AP, () =>
        app.gql(
          AP,
          'query($level: ConsistencyLevel = BOUNDED, $maxLagMs: Int) { user(id: 1) @consistent(level: $level, maxLagMs: $maxLagMs) { name } }',
          { variables },
        ),
      );
      assert.equal(value.errors[0]?.extensions.code, 'BAD_USER_INPUT', JSON.stringify([variables, value]));
      assert.deepEqual([value.data, statements], [null, 0]);
    }
  });

  it('is refused on a column, which is read with its row, and accepted on a field with reads of its own', async () => {
    const queries = [
      '{ user(id: 1) { name @consistent(level: STRONG) } }',
      '{ user(id: 1) { ...F } } fragment F on User { organization { name @consistent(level: STRONG) } }',
    ];
    for (const query of queries) {
      const answer = await app.gql(AP, query);
      assert.deepEqual(
        [answer.status, answer.data, answer.errors.map(({ extensions }) => extensions.code)],
        [200, null, ['BAD_USER_INPUT']],
        query,
      );
      assert.match(
        answer.errors[0]?.message ?? '',
        /@consistent on (User|Organization)\.name .* Put the directive on the field that reads the row/,
      );
    }
    for (const query of [
      '{ dashboard(organizationId: 1) { openTasks @consistent(level: STRONG) } }',
      '{ task(id: 1) { comments { totalCount @consistent(level: STRONG) } } }',
    ]) {
      assert.deepEqual((await app.gql(AP, query)).errors, [], query);
    }
  });

  it('leads to a token that covers the existence of a row which a refused write has revealed', async () => {
    await app.cluster.caughtUp();
    await app.cluster.pauseReplay(AP);
    try {
      await app.cluster.query(US, `UPDATE users SET email = 'taken@example.org' WHERE id = 1`);
      const refused = await app.gql(
        AP,
        'mutation { updateUser(id: 2, input: { email: "taken@example.org" }) { token } }',
      );
      assert.deepEqual(
        refused.errors.map(({ extensions }) => extensions.code),
        ['CONSTRAINT_VIOLATION'],
      );
      const look = await app.gql<{ userByEmail: Named | null }>(
        AP,
        '{ userByEmail(email: "taken@example.org") { name } }',
        { token: refused.token ?? '' },
      );
      assert.deepEqual(look.errors, []);
      assert.notEqual(look.data?.userByEmail, null, 'the email is taken, and nobody has it');
    } finally {
      await app.cluster.resumeReplay(AP);
    }
  });
});
