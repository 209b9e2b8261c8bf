/**
 * Proves that a transaction of a request with an idempotency key takes place once, in whatever region, however often
 * and however many times at once the request is sent.
 */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, describe, it } from 'node:test';
import { GraphQLError } from 'graphql';
import { stacksOf } from '../../src/app/layer.ts';
import { type ResolverContext, type UserResolvers } from '../../src/index.ts';
import { type IsolationLevel } from '../../src/write/ports.ts';
import { AP, EU, startTestApp, US, type Answer, type Call, type TestApp } from '../support/app.ts';
import { until } from '../support/observe.ts';

const SQL = `
  CREATE TABLE notes (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text NOT NULL CHECK (body <> 'forbidden'));`;

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { notes: [Note!]! @list }
  type Note @entity @key(fields: "id") { id: ID! body: String! }
  type NotePayload { note: Note token: ConsistencyToken! }
  type Mutation {
    write(body: String!, isolation: String): Written!
    writeTwo(first: String!, second: String!): [ID!]!
    writeBoth(first: String!, second: String!): [ID!]!
    writeNested(body: String!): ID
    slow(body: String!, ms: Int!): ID!
    echo(what: String!): JSON
    plain(body: String!): ID!
    pay(body: String!): ID! @idempotent
  }
  "Its second field writes on its own."
  type Written { id: ID! again(body: String!): ID! }`;

/** Whatever the client may have been told, JSON cannot hold it. */
const RESULTS: Readonly<Record<string, unknown>> = {
  nothing: undefined,
  null: null,
  date: new Date(0),
  nested: { b: [1.5, { z: 'ä\u0000\ud800' }], a: null, 10: 'ten' },
  bigint: { n: 1n },
  map: { m: new Map([[1, 2]]) },
  nan: [Number.NaN],
  large: 'x'.repeat(5_000),
};

/** How often each body's work has begun: what happens beside the database would have happened as often. */
const begun = new Map<string, number>();
const insert = async (ctx: ResolverContext, body: string, isolation?: IsolationLevel, ms = 0): Promise<string> =>
  ctx.transaction(
    async (tx) => {
      begun.set(body, (begun.get(body) ?? 0) + 1);
      const { rows } = await tx.query('INSERT INTO notes (body) VALUES ($1) RETURNING id::text', [body]);
      for (let waitedMs = 0; waitedMs < ms; waitedMs += 500) {
        await new Promise((resolve) => setTimeout(resolve, 500));
        // A connection that says nothing for long is ended.
        await tx.query('SELECT 1');
      }
      if (body.startsWith('no '))
        throw new GraphQLError('Not that.', { extensions: { code: 'NO_SUCH_BODY', hint: { of: body } } });
      if (body === 'crash') throw new TypeError('a bug');
      return String(rows[0]?.['id']);
    },
    isolation ? { isolation } : {},
  );

type Args = Readonly<Record<'body' | 'first' | 'second' | 'what', string>> & {
  readonly isolation?: IsolationLevel;
  readonly ms: number;
};
const resolvers: UserResolvers = {
  Written: { again: (_: unknown, { body }: Args, ctx: ResolverContext) => insert(ctx, body) },
  Mutation: {
    write: async (_: unknown, { body, isolation }: Args, ctx: ResolverContext) => ({
      id: await insert(ctx, body, isolation),
    }),
    writeTwo: async (_: unknown, { first, second }: Args, ctx: ResolverContext) => [
      await insert(ctx, first),
      await insert(ctx, second),
    ],
    writeBoth: (_: unknown, { first, second }: Args, ctx: ResolverContext) =>
      Promise.all([insert(ctx, first), insert(ctx, second)]),
    writeNested: (_: unknown, { body }: Args, ctx: ResolverContext) => ctx.transaction(async () => insert(ctx, body)),
    slow: (_: unknown, { body, ms }: Args, ctx: ResolverContext) => insert(ctx, body, undefined, ms),
    echo: (_: unknown, { what }: Args, ctx: ResolverContext) =>
      ctx.transaction(async (tx) => {
        await tx.query('INSERT INTO notes (body) VALUES ($1)', [`echo ${what}`]);
        return RESULTS[what];
      }),
    plain: (_: unknown, { body }: Args, ctx: ResolverContext) => insert(ctx, body),
    pay: (_: unknown, { body }: Args, ctx: ResolverContext) => insert(ctx, body),
  },
};

const WRITE = 'mutation Write($body: String!, $isolation: String) { write(body: $body, isolation: $isolation) { id } }';
type Written = { readonly write: { readonly id: string } };

describe('an idempotency key', () => {
  let app: TestApp;
  let key = '';
  before(async () => {
    app = await startTestApp({
      files: [{ name: 'notes.graphql', body: SDL }],
      sql: SQL,
      server: { resolvers },
      settings: {
        statementMs: 3_000,
        outcomeBytes: 4_096,
        idempotencyMs: 600_000,
        pruneMs: 200,
        pruneRows: 5,
        historyMs: 60_000,
        conflictsMs: 60_000,
        poolSize: 12,
      },
    });
  });
  after(async () => app[Symbol.asyncDispose]());
  beforeEach(() => {
    key = randomUUID();
  });

  const send = <D = Record<string, never>>(
    region: string,
    query: string,
    variables: Call['variables'] = {},
    headers: Record<string, string> = {},
  ): Promise<Answer<D>> => app.gql<D>(region, query, { variables, headers: { 'idempotency-key': key, ...headers } });
  const sent = async <D>(...call: Parameters<typeof send>): Promise<Answer<D> & { data: D }> => {
    const answer = await send<D>(...call);
    assert.deepEqual([answer.status, answer.errors], [200, []]);
    return answer as Answer<D> & { data: D };
  };
  const written = async (body: string): Promise<readonly string[]> =>
    (await app.cluster.query<{ id: string }>(US, 'SELECT id::text FROM notes WHERE body = $1 ORDER BY id', [body])).map(
      ({ id }) => id,
    );
  const steps = async (): Promise<readonly string[]> =>
    (
      await app.cluster.query<{ step: string }>(
        US,
        'SELECT jsonb_object_keys(steps) AS step FROM meridian.outcomes WHERE key = $1 ORDER BY 1',
        [key],
      )
    ).map(({ step }) => step);
  const replayed = ({ consistency }: Answer<unknown>): unknown =>
    (consistency as { replayed?: unknown } | null)?.replayed;
  const verdicts = async (region: string): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await stacksOf(app.server(region).layer).telemetry.metrics.idempotent.get()).values.map(({ labels, value }) => [
        String(labels.outcome),
        value,
      ]),
    );

  it("gives a retry the first answer, from any region, and the retry's token covers the write", async () => {
    const body = 'retried';
    const first = await sent<Written>(EU, WRITE, { body });
    assert.equal(replayed(first), undefined);
    await app.cluster.caughtUp();
    await app.cluster.pauseReplay(AP);
    try {
      const again = await sent<Written>(AP, WRITE, { body });
      assert.deepEqual([again.data, replayed(again)], [first.data, true]);
      // Its token is not below the write that it tells of, though this region has not come to it.
      const ids = (
        await app.gql<{ notes: readonly { id: string }[] }>(AP, '{ notes { id } }', { token: again.token })
      ).data?.notes.map(({ id }) => id);
      assert.ok(ids?.includes(first.data.write.id));
    } finally {
      await app.cluster.resumeReplay(AP);
    }
    assert.deepEqual([await written(body), begun.get(body)], [[first.data.write.id], 1]);
    const without = await app.gql<Written>(EU, WRITE, { variables: { body } });
    assert.equal(replayed(without), undefined);
    assert.equal((await written(body)).length, 2, 'without a key every request writes');
  });

  it('runs twenty simultaneous retries from two regions once', async () => {
    for (const isolation of ['READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE']) {
      key = randomUUID();
      const body = `at once, ${isolation}`;
      const before = await Promise.all([verdicts(US), verdicts(EU)]);
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => sent<Written>(i % 2 === 0 ? US : EU, WRITE, { body, isolation })),
      );
      const ids = await written(body);
      assert.deepEqual([ids.length, begun.get(body)], [1, 1], isolation);
      assert.deepEqual([...new Set(answers.map(({ data }) => data.write.id))], ids);
      assert.equal(
        answers.filter((answer) => replayed(answer) !== true).length,
        1,
        'all but one are told that it was done before',
      );
      const after = await Promise.all([verdicts(US), verdicts(EU)]);
      const counted = (name: string): number =>
        [0, 1].reduce((sum, i) => sum + (after[i]?.[name] ?? 0) - (before[i]?.[name] ?? 0), 0);
      assert.deepEqual([counted('first'), counted('replayed')], [1, 19]);
    }
  });

  it('stores errors that answer the request, and no errors of servers or bugs', async () => {
    const cases = [
      ['no thanks', 'NO_SUCH_BODY'],
      ['forbidden', 'CONSTRAINT_VIOLATION'],
    ] as const;
    for (const [body, code] of cases) {
      key = randomUUID();
      const first = await send(US, WRITE, { body });
      const again = await send(EU, WRITE, { body });
      assert.deepEqual([first.errors[0]?.extensions.code, first.data], [code, null]);
      assert.deepEqual(again.errors, first.errors);
      assert.deepEqual([replayed(first), replayed(again)], [undefined, true]);
      assert.deepEqual([await written(body), begun.get(body), await steps()], [[], 1, ['write#0']]);
    }
    key = randomUUID();
    for (const times of [1, 2]) {
      const { errors } = await send(US, WRITE, { body: 'crash' });
      assert.deepEqual(
        [errors[0]?.extensions.code, begun.get('crash'), await steps()],
        ['INTERNAL_SERVER_ERROR', times, []],
        'rolled back with its claim',
      );
    }
  });

  it('gives all simultaneous retries the same error', async () => {
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) => send(i % 2 === 0 ? US : EU, WRITE, { body: 'no to all' })),
    );
    for (const { errors } of answers) assert.deepEqual(errors, answers[0]?.errors);
    assert.deepEqual(
      [answers[0]?.errors[0]?.extensions.code, await written('no to all'), await steps()],
      ['NO_SUCH_BODY', [], ['write#0']],
    );
  });

  it('is valid for one request only, and its variables may come in any order', async () => {
    const body = 'original';
    await sent(US, WRITE, { body, isolation: 'SERIALIZABLE' });
    assert.equal(replayed(await sent(EU, WRITE, { isolation: 'SERIALIZABLE', body })), true);
    const before = await verdicts(EU);
    for (const [query, variables] of [
      [WRITE, { body: 'other' }],
      [`${WRITE} `, { body, isolation: 'SERIALIZABLE' }],
      [WRITE, { body }],
    ] as const) {
      const { errors, consistency } = await send(EU, query, variables);
      assert.deepEqual(
        [
          errors[0]?.extensions.code,
          errors[0]?.extensions['retryable'],
          (consistency as { replayed?: boolean } | null)?.replayed,
        ],
        ['IDEMPOTENCY_KEY_REUSED', false, undefined],
      );
    }
    assert.equal((await verdicts(EU))['reused'], (before['reused'] ?? 0) + 3);
    assert.deepEqual([(await written(body)).length, await written('other')], [1, []]);
  });

  it('belongs to its viewer and tenant, and no other viewer meets its outcome', async () => {
    const ids = new Set<string>();
    const headers = async (id: string, tenant?: string): Promise<Record<string, string>> => ({
      authorization: `Bearer ${await app.bearer({ id, ...(tenant === undefined ? {} : { tenant }) })}`,
    });
    const viewers = [
      {},
      await headers('ann'),
      await headers('ann', 'acme'),
      await headers('ann', 'globex'),
      await headers('bob', 'acme'),
    ];
    for (const viewer of viewers) ids.add((await sent<Written>(US, WRITE, { body: 'mine' }, viewer)).data.write.id);
    assert.equal(ids.size, viewers.length);
    for (const viewer of viewers) assert.equal(replayed(await sent(EU, WRITE, { body: 'mine' }, viewer)), true);
    assert.equal((await written('mine')).length, viewers.length);
    // Another request under the same key is no matter of theirs either.
    assert.equal((await send(US, WRITE, { body: 'hers' }, await headers('eve'))).errors.length, 0);
  });

  describe('covers every transaction of its request', () => {
    const TWO = 'mutation($first: String!, $second: String!) { writeTwo(first: $first, second: $second) }';

    it('with two in one resolver, of which the second failed at first', async () => {
      const first = await send(US, TWO, { first: 'one of two', second: 'crash' });
      assert.equal(first.errors.length, 1);
      const [id] = await written('one of two');
      const before = begun.get('crash') ?? 0;
      const again = await send(EU, TWO, { first: 'one of two', second: 'crash' });
      assert.deepEqual([again.errors[0]?.extensions.code, replayed(again)], ['INTERNAL_SERVER_ERROR', true]);
      assert.deepEqual(
        [await written('one of two'), begun.get('one of two'), begun.get('crash')],
        [[id], 1, before + 1],
      );
      assert.deepEqual(await steps(), ['writeTwo#0']);
    });

    it('with two at the same time', async () => {
      const BOTH = 'mutation { writeBoth(first: "left", second: "right") }';
      const [first, again] = [
        await sent<{ writeBoth: string[] }>(US, BOTH),
        await sent<{ writeBoth: string[] }>(US, BOTH),
      ];
      assert.deepEqual(
        [first.data.writeBoth, again.data.writeBoth],
        [[...(await written('left')), ...(await written('right'))], first.data.writeBoth],
      );
    });

    it('with several fields, under their aliases, and fields below them', async () => {
      const query =
        'mutation { a: write(body: "alias a") { id one: again(body: "below a") two: again(body: "below a") } b: write(body: "alias b") { id } write(body: "alias b") { id } }';
      const [first, again] = [await sent<Record<string, { id: string }>>(EU, query), await sent(US, query)];
      assert.deepEqual([again.data, replayed(again)], [first.data, true]);
      assert.deepEqual(await steps(), ['a#0', 'a.one#0', 'a.two#0', 'b#0', 'write#0']);
      assert.deepEqual(
        [(await written('alias a')).length, (await written('below a')).length, (await written('alias b')).length],
        [1, 2, 2],
      );
    });

    it('but with none inside another, which would wait for itself', async () => {
      const began = performance.now();
      const { errors } = await send(US, 'mutation { writeNested(body: "nested") }');
      assert.deepEqual(
        [errors[0]?.extensions.code, await written('nested'), await steps()],
        ['INTERNAL_SERVER_ERROR', [], []],
      );
      assert.ok(performance.now() - began < 2_000, 'it did not wait');
    });
  });

  it('stores results as JSON represents them, so that the first answer equals all others', async () => {
    const ECHO = 'mutation($what: String!) { echo(what: $what) }';
    for (const [what, shown] of [
      ['nothing', null],
      ['null', null],
      ['date', '1970-01-01T00:00:00.000Z'],
      ['nested', RESULTS['nested']],
    ] as const) {
      key = randomUUID();
      const [first, again] = [
        await sent<{ echo: unknown }>(US, ECHO, { what }),
        await sent<{ echo: unknown }>(EU, ECHO, { what }),
      ];
      assert.deepEqual([first.data.echo, replayed(again)], [shown, true], what);
      assert.equal(JSON.stringify(again.data), JSON.stringify(first.data), 'keys in the same order');
    }
    for (const [what, code, message] of [
      ['bigint', 'CONFIG_INVALID', /echo#0.*"n" is a bigint/],
      ['map', 'CONFIG_INVALID', /"m" is an object of class Map/],
      ['nan', 'CONFIG_INVALID', /"0" is NaN/],
      ['large', 'IDEMPOTENCY_OUTCOME_TOO_LARGE', /larger than the 4096 bytes/],
    ] as const) {
      key = randomUUID();
      const { errors } = await send(US, ECHO, { what });
      assert.equal(errors[0]?.extensions.code, code);
      assert.match(errors[0]?.message ?? '', message);
      assert.deepEqual([await written(`echo ${what}`), await steps()], [[], []], 'refused before COMMIT');
    }
  });

  it('makes a retry come again later while the first request runs longer than the statement limit', async () => {
    const SLOW = 'mutation { slow(body: "slow", ms: 4000) }';
    const first = sent<{ slow: string }>(US, SLOW);
    await until('the first try holds the row', () => begun.has('slow'));
    const early = await send(EU, SLOW);
    assert.deepEqual(
      await written('slow'),
      [],
      'the first try ended before the retry, so that the test proves nothing',
    );
    assert.deepEqual(
      [early.errors[0]?.extensions.code, early.errors[0]?.extensions['retryable']],
      ['WRITE_UNCONFIRMED', true],
    );
    const { slow } = (await first).data;
    assert.deepEqual([(await sent<{ slow: string }>(EU, SLOW)).data.slow, await written('slow')], [slow, [slow]]);
  });

  it('takes effect once although a connection is killed during the request', async () => {
    const SLOW = 'mutation { slow(body: "killed", ms: 1000) }';
    const [first, retry] = [
      send<{ slow: string }>(US, SLOW),
      until('the first try holds the row', () => begun.has('killed')).then(() => send<{ slow: string }>(EU, SLOW)),
    ];
    await until(
      'the retry waits for it',
      async () =>
        (
          await app.cluster.query(
            US,
            `SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE '%meridian.outcomes%'`,
          )
        ).length === 1,
    );
    await app.cluster.query(
      US,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'meridian write' AND state = 'idle in transaction'`,
    );
    const [killed, waited] = await Promise.all([first, retry]);
    // Whoever lost its connection before COMMIT may say so.
    for (const { extensions } of killed.errors) assert.equal(extensions['retryable'], true);
    assert.deepEqual(
      [waited.errors, waited.data, await written('killed'), begun.get('killed')],
      [[], { slow: (await written('killed'))[0] }, [waited.data?.slow], 2],
    );
    assert.deepEqual((await sent<{ slow: string }>(US, SLOW)).data, waited.data);
  });

  it('reveals the outcome of a write whose connection broke at COMMIT', async () => {
    const body = 'broken at commit';
    // The trigger ends the connection while it commits: the first time the write is lost, and nobody can tell from
    // outside. Deferred triggers run before COMMIT; what one of them defers anew runs within it.
    await app.cluster.query(
      US,
      `CREATE SEQUENCE commits; CREATE TABLE at_commit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY);
      CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF nextval('commits') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); PERFORM pg_sleep(1); END IF; RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON at_commit DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION cut();
      CREATE FUNCTION put_off() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.body = 'broken at commit' THEN SET CONSTRAINTS ALL DEFERRED; INSERT INTO at_commit DEFAULT VALUES; END IF; RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER put_off AFTER INSERT ON notes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION put_off()`,
    );
    const without = await app.gql(EU, WRITE, { variables: { body } });
    assert.equal(
      without.errors[0]?.extensions.code,
      'WRITE_OUTCOME_UNKNOWN',
      'the trigger does not break the connection at COMMIT, so that the test proves nothing',
    );
    await app.cluster.query(US, `ALTER SEQUENCE commits RESTART`);
    const { data } = await sent<Written>(EU, WRITE, { body });
    assert.deepEqual([[data.write.id], (await sent<Written>(US, WRITE, { body })).data], [await written(body), data]);
  });

  it('reveals the outcome of a write whose connection broke while COMMIT waited for a replica that never answers', async () => {
    const body = 'committed and lost';
    const standby = async (name: string): Promise<void> => {
      await app.cluster.query(US, `ALTER SYSTEM SET synchronous_standby_names = '${name}'`);
      await app.cluster.query(US, 'SELECT pg_reload_conf()');
    };
    await standby('nobody');
    try {
      const answer = send(EU, WRITE, { body });
      await until(
        'COMMIT waits',
        async () =>
          (
            await app.cluster.query(
              US,
              `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND application_name = 'meridian write'`,
            )
          ).length > 0,
      );
      assert.equal((await answer).errors[0]?.extensions.code, 'DURABILITY_UNCONFIRMED');
    } finally {
      await standby('');
    }
    const { data } = await sent<Written>(AP, WRITE, { body });
    assert.deepEqual([await written(body), begun.get(body)], [[data.write.id], 1]);
  });

  it('may be quoted, is refused when it is malformed, and is ignored by queries', async () => {
    await sent(US, WRITE, { body: 'quoted' }, { 'idempotency-key': `"${key}"` });
    assert.equal(replayed(await sent(US, WRITE, { body: 'quoted' }, { 'idempotency-key': `${key}, ${key}` })), true);
    for (const bad of ['', '"', `${key}, other`, 'x'.repeat(300)]) {
      const { status, errors } = await send(US, WRITE, { body: 'bad key' }, { 'idempotency-key': bad });
      assert.deepEqual([status, errors[0]?.extensions.code], [200, 'IDEMPOTENCY_KEY_INVALID'], JSON.stringify(bad));
    }
    assert.equal((await send(US, '{ notes { id } }', {}, { 'idempotency-key': '' })).errors.length, 0);
    assert.deepEqual(await written('bad key'), []);
  });

  it('is required by @idempotent mutations before any part of the operation runs', async () => {
    const query =
      'mutation($pay: Boolean = true) { plain(body: "beside") ...more } fragment more on Mutation { p: pay(body: "paid") @include(if: $pay) }';
    const refused = await app.gql(US, query);
    assert.deepEqual(
      [refused.status, refused.errors[0]?.extensions.code, await written('beside'), await written('paid')],
      [200, 'IDEMPOTENCY_KEY_REQUIRED', [], []],
    );
    assert.match(refused.errors[0]?.message ?? '', /mutation pay /);
    assert.equal((await app.gql(US, query, { variables: { pay: false } })).errors.length, 0);
    await sent(US, query);
    assert.deepEqual([(await written('beside')).length, (await written('paid')).length], [2, 1]);
  });

  it("can be used again when its outcome has expired, which is then removed in batches in the primary's region", async () => {
    const body = 'expiring';
    await sent(US, WRITE, { body });
    await app.cluster.query(US, `UPDATE meridian.outcomes SET expires_at = now() + interval '50 ms' WHERE key = $1`, [
      key,
    ]);
    await until(
      'it has expired',
      async () =>
        (await app.cluster.query(US, 'SELECT FROM meridian.outcomes WHERE key = $1 AND expires_at > now()', [key]))
          .length === 0,
    );
    assert.equal(replayed(await sent(EU, `${WRITE} `, { body })), undefined, 'also for another request');
    assert.deepEqual([(await written(body)).length, replayed(await sent(EU, `${WRITE} `, { body }))], [2, true]);
    const kept = await app.cluster.query(US, 'SELECT FROM meridian.outcomes WHERE key = $1', [key]);
    await app.cluster.query(
      US,
      `
      INSERT INTO meridian.outcomes SELECT 's', 'old ' || i, 'f', '{}', now() - interval '1 s' FROM generate_series(1, 12) i;
      INSERT INTO meridian.history SELECT 'public.notes', to_jsonb(i), 1, '{}', false, now() - i * interval '15 s' FROM generate_series(1, 12) i;
      INSERT INTO meridian.conflicts (at, entity, row_id, mutation, policy, outcome, winner, region, fields) SELECT now() - i * interval '15 s', 'Note', i::text, 'm', 'p', 'o', 'w', 'r', '{}' FROM generate_series(1, 12) i`,
    );
    const left = async (): Promise<string> =>
      Object.values(
        (
          await app.cluster.query(
            US,
            `SELECT (SELECT count(*) FROM meridian.outcomes WHERE key LIKE 'old %') || ' ' || (SELECT count(*) FROM meridian.history) || ' ' || (SELECT count(*) FROM meridian.conflicts)`,
          )
        )[0] ?? {},
      ).join();
    await until('what is old is gone', async () => (await left()) === '0 3 3');
    assert.deepEqual(
      await app.cluster.query(US, 'SELECT FROM meridian.outcomes WHERE key = $1', [key]),
      kept,
      'what has not expired stays',
    );
  });

  it('needs the tables of meridian setup, and names them when they are missing', async () => {
    await app.cluster.query(US, 'ALTER TABLE meridian.outcomes RENAME TO gone');
    try {
      const { errors } = await send(EU, WRITE, { body: 'tableless' });
      assert.equal(errors[0]?.extensions.code, 'DATABASE_NOT_READY');
      assert.match(errors[0]?.message ?? '', /meridian\.outcomes.*`meridian setup`/);
      assert.deepEqual(await written('tableless'), []);
      assert.equal(
        (await app.gql(EU, WRITE, { variables: { body: 'tableless' } })).errors.length,
        0,
        'without a key none is needed',
      );
    } finally {
      await app.cluster.query(US, 'ALTER TABLE meridian.gone RENAME TO outcomes');
    }
    await sent(EU, WRITE, { body: 'table' });
  });
});
