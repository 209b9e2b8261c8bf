/**
 * Proves that the stored answers of whole queries, which are served without execution, equal what execution would
 * answer: they have the same bytes, are never older than a token asks for, never belong to another viewer, and are
 * invalidated by every change of what they show.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { after, afterEach, before, describe, it } from 'node:test';
import { stacksOf } from '../../src/app/layer.ts';
import { AP, EU, startTestApp, US, type TestApp } from '../support/app.ts';
import { postOf, readAnswer, sendPieces, type RawAnswer } from '../support/raw-http.ts';

const RENAME = 'mutation ($id: ID!, $name: String!) { updateUser(id: $id, input: { name: $name }) { user { name } } }';
const USER =
  'query ($id: ID!) { user(id: $id) { name organization { name } assignedTasks(first: 3) { nodes { id title } totalCount } } }';
const READY_MS = 30_000;

interface Counts {
  readonly hits: number;
  readonly misses: number;
  readonly stored: number;
}

async function countsOf(app: TestApp, region: string): Promise<Counts> {
  const { operationCacheLookups, operationCacheFills } = stacksOf(app.server(region).layer).telemetry.metrics;
  const [lookups, fills] = [(await operationCacheLookups.get()).values, (await operationCacheFills.get()).values];
  const of = (outcome: string): number => lookups.find(({ labels }) => labels.outcome === outcome)?.value ?? 0;
  return {
    hits: of('hit'),
    misses: of('miss'),
    stored: fills.find(({ labels }) => labels.verdict === 'stored')?.value ?? 0,
  };
}

/** What the requests of `work` added to the counts. */
async function counted(app: TestApp, region: string, work: () => Promise<unknown>): Promise<Counts> {
  const earlier = await countsOf(app, region);
  await work();
  const now = await countsOf(app, region);
  return { hits: now.hits - earlier.hits, misses: now.misses - earlier.misses, stored: now.stored - earlier.stored };
}

async function cachesLive(app: TestApp): Promise<void> {
  const deadline = performance.now() + READY_MS;
  for (const { name } of app.cluster.regions) {
    while (stacksOf(app.server(name).layer).change.caching.watermark === null) {
      assert.ok(performance.now() < deadline, `the cache of ${name} did not begin to live`);
      await new Promise((next) => setTimeout(next, 50));
    }
  }
}

/** The same request, executed: a header that asks for a level takes the usual way. */
const EXECUTED = { 'consistency-level': 'SESSION' };
/** What differs between two answers to one request: the moment. */
const withoutMoment = ({ headers, body, status }: RawAnswer): unknown => {
  const { 'content-length': length, 'consistency-token': token, ...rest } = headers;
  return {
    status,
    rest,
    hasToken: token !== undefined,
    hasLength: length !== undefined,
    body: body
      .replace(/"token":"[^"]*"/, '')
      .replace(/"servedBy":\{[^}]*\}/, '')
      .replace(/"staleness":\d+/, '')
      .replace(/"waitedMs":\d+/, ''),
  };
};

describe('the stored answers of whole queries', { timeout: 300_000 }, () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({ scale: 0.05, settings: { operationCacheFirst: true } });
    await cachesLive(app);
  });
  afterEach(async () => app.cluster.resumeReplay(EU));
  after(async () => app[Symbol.asyncDispose]());

  const send = async (region: string, ...pieces: readonly (string | Buffer)[]): Promise<RawAnswer> =>
    readAnswer(await sendPieces(app.server(region).port, pieces));
  const user = (id: number): string => JSON.stringify({ query: USER, variables: { id: String(id) } });

  it('equal the bytes that execution answers, with the same headers', async () => {
    const body = user(1);
    const executed = await send(EU, postOf(body));
    const { hits } = await counted(app, EU, async () => {
      for (const headers of [{}, { accept: '*/*' }, { 'content-type': 'application/json; charset=utf-8' }])
        assert.deepEqual(withoutMoment(await send(EU, postOf(body, headers))), withoutMoment(executed));
    });
    assert.equal(hits, 3);
    const strict = { accept: 'application/graphql-response+json, application/json;q=0.9' };
    assert.deepEqual(
      withoutMoment(await send(EU, postOf(body, strict))),
      withoutMoment(await send(EU, postOf(`${body} `, strict))),
    );
  });

  it('report in their extensions how they were read, as execution does', async () => {
    const { token } = await app.gql(EU, '{ user(id: 9) { name } }');
    const { hits } = await counted(app, EU, async () => {
      const first = await send(EU, postOf(user(2), { 'consistency-token': token ?? '' }));
      const again = await send(EU, postOf(user(2), { 'consistency-token': token ?? '' }));
      assert.deepEqual(withoutMoment(again), withoutMoment(first));
      const { extensions } = JSON.parse(again.body) as {
        extensions: { consistency: { level: string; servedBy: { cache: number } } };
      };
      assert.equal(extensions.consistency.level, 'SESSION');
      assert.ok(extensions.consistency.servedBy.cache > 0);
    });
    assert.equal(hits, 1);
  });

  it('are found however the request is divided into packets', async () => {
    const whole = postOf(user(3));
    const expected = withoutMoment(await send(EU, whole));
    const { hits, misses } = await counted(app, EU, async () => {
      for (const at of [1, 20, whole.length - 40, whole.length - 1])
        assert.deepEqual(withoutMoment(await send(EU, whole.subarray(0, at), whole.subarray(at))), expected);
      assert.deepEqual(
        withoutMoment(
          await send(
            EU,
            ...Array.from({ length: 12 }, (_, i) => whole.subarray(i * 40, i === 11 ? undefined : (i + 1) * 40)),
          ),
        ),
        expected,
      );
    });
    assert.deepEqual({ hits, misses }, { hits: 5, misses: 0 });
  });

  it('are served in order to pipelined requests of one connection', async () => {
    const [one, two] = [user(4), user(5)];
    await send(EU, postOf(one));
    const text = await sendPieces(app.server(EU).port, [
      Buffer.concat([
        postOf(one, { connection: 'keep-alive' }),
        postOf(two, { connection: 'keep-alive' }),
        postOf(one),
      ]),
    ]);
    const names = [...text.matchAll(/"user":\{"name":"([^"]+)"/g)].map(([, name]) => name);
    const direct = await app.cluster.query(US, 'SELECT name FROM users WHERE id IN (4, 5) ORDER BY id');
    assert.deepEqual(names, [direct[0]?.['name'], direct[1]?.['name'], direct[0]?.['name']]);
  });

  it('are invalidated when anything that they show has changed, whichever program changed it', async () => {
    await send(EU, postOf(user(6)));
    const renamed = await app.gql(US, RENAME, { variables: { id: '6', name: 'renamed by a mutation' } });
    const seen = await send(EU, postOf(user(6), { 'consistency-token': renamed.token ?? '' }));
    assert.match(seen.body, /renamed by a mutation/);
    for (const [sql, pattern] of [
      ["UPDATE users SET name = 'renamed beside Meridian' WHERE id = 6", /renamed beside Meridian/],
      [
        "UPDATE organizations SET name = 'another organization' WHERE id = (SELECT organization_id FROM users WHERE id = 6)",
        /another organization/,
      ],
      ['DELETE FROM tasks WHERE assignee_id = 6', /"nodes":\[\],"totalCount":0/],
    ] as const) {
      await send(EU, postOf(user(6)));
      await app.cluster.query(US, sql);
      await app.cluster.caughtUp(EU);
      const deadline = performance.now() + 5_000;
      for (let body = ''; !pattern.test(body); { body } = await send(EU, postOf(user(6))))
        assert.ok(performance.now() < deadline, `${sql} is not seen: ${body}`);
    }
  });

  it('are not served below the position that a token names, while the replica stands still', async () => {
    const asked = user(7);
    await send(EU, postOf(asked));
    await app.cluster.pauseReplay(EU);
    const { token } = await app.gql(US, RENAME, { variables: { id: '7', name: 'written while the replica stood' } });
    // Without a token the old answer may still be shown, and is.
    assert.doesNotMatch((await send(EU, postOf(asked))).body, /written while/);
    const seen = await send(EU, postOf(asked, { 'consistency-token': token ?? '' }));
    assert.match(seen.body, /written while the replica stood/);
    // Nor below what a gateway has seen.
    assert.match(
      (await send(EU, postOf(asked, { 'consistency-floor': token ?? '' }))).body,
      /written while the replica stood/,
    );
  });

  it('are not stored for queries that no cache stores, nor for requests that ask for more than the data', async () => {
    const admin = { authorization: `Bearer ${app.adminToken}` };
    for (const [query, headers] of [
      ['query @consistent(level: EVENTUAL) { user(id: 8) { name } }', {}],
      ['query { user(id: 8) @consistent { name } }', {}],
      ['{ regionHealth { region } }', admin],
      ['{ user(id: 8) { name }', {}],
      ['{ user(id: "none") { name } }', {}],
      ['mutation { updateUser(id: 8, input: { name: "twice" }) { user { name } } }', {}],
    ] as const) {
      const body = JSON.stringify({ query });
      const { hits, stored } = await counted(app, EU, async () => {
        for (let i = 0; i < 3; i += 1) await send(EU, postOf(body, headers));
      });
      assert.deepEqual({ hits, stored }, { hits: 0, stored: 0 }, query);
    }
    for (const headers of [
      { 'consistency-level': 'STRONG' },
      { 'idempotency-key': 'key-1' },
      { 'apollo-federation-include-trace': 'ftv1' },
    ]) {
      const { hits, misses } = await counted(app, EU, async () => send(EU, postOf(user(1), headers)));
      assert.deepEqual({ hits, misses }, { hits: 0, misses: 0 }, JSON.stringify(headers));
    }
  });

  it('do not change the error of an invalid request', async () => {
    await send(EU, postOf(user(1)));
    for (const headers of [
      { 'consistency-token': 'm1.nonsense' },
      { 'consistency-token': `m1.${'A'.repeat(24)}.${'B'.repeat(22)}` },
      { authorization: 'Bearer nonsense' },
      { authorization: 'Bearer a.b.c' },
    ]) {
      const early = await send(EU, postOf(user(1), headers));
      const executed = await send(EU, postOf(user(1), { ...headers, ...EXECUTED }));
      assert.equal(early.body, executed.body);
      assert.equal(early.status, executed.status);
    }
  });

  it('do not change how a malformed request is read', async () => {
    const body = user(1);
    for (const bytes of [
      postOf(body.slice(0, -1)),
      postOf(''),
      postOf('null'),
      postOf('[]'),
      postOf(`[${body}]`),
      postOf(Buffer.concat([Buffer.from(body), Buffer.from([0xff, 0xfe])])),
      postOf(`\uFEFF${body}`),
      postOf(body, { 'content-type': 'text/plain' }),
      postOf(body, { 'content-type': 'application/json; charset=latin1' }),
      postOf(body, { 'content-encoding': 'gzip' }),
      postOf(body, { accept: 'text/html' }),
      postOf(body, { 'content-length': '5' }),
      postOf(JSON.stringify({ query: USER, variables: { id: '1' }, padding: 'x'.repeat(40_000) })),
    ]) {
      const [first, again] = [await send(EU, bytes), await send(EU, bytes)];
      assert.deepEqual(withoutMoment(again), withoutMoment(first));
      assert.match(first.status, /^HTTP\/1\.1 \d{3} /);
    }
  });

  it("are those of the region that is asked, and each region's own tail invalidates them", async () => {
    for (const region of [US, EU, AP]) {
      await send(region, postOf(user(10)));
      const { hits } = await counted(app, region, async () => send(region, postOf(user(10))));
      assert.equal(hits, 1, region);
    }
  });
});

describe('the stored answers of different viewers', { timeout: 120_000 }, () => {
  it('are shared within one tenant only, also where a hook names the viewer later, and exclude fields that the application resolves', async () => {
    const sql = [
      `CREATE TABLE notes (id int PRIMARY KEY, tenant text NOT NULL, body text NOT NULL); INSERT INTO notes VALUES (1, 'one', 'of one'), (2, 'two', 'of two')`,
    ];
    const body =
      'extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])\ntype Note @entity @tenant(column: "tenant") @key(fields: "id") { id: ID! tenant: String! body: String! loud: String! }\ntype Query { notes: [Note!]! note(id: ID!): Note moment: String! }';
    const viewer = async ({
      headers,
    }: {
      readonly headers: Readonly<Record<string, string | undefined>>;
    }): Promise<{ id: string; tenant: string; roles: string[] }> => {
      await new Promise((next) => setTimeout(next, 5));
      if (headers['x-tenant'] === 'nobody') throw new Error('who are you');
      return { id: 'somebody', tenant: headers['x-tenant'] ?? '', roles: [] };
    };
    const resolvers = {
      Query: { moment: () => String(Math.random()) },
      Note: { loud: ({ body: text }: { body: string }) => text.toUpperCase() },
    } as never;
    await using app = await startTestApp({
      files: [{ name: 'notes.graphql', body }] as never,
      sql,
      regions: [US],
      settings: { operationCacheFirst: true },
      server: { viewer, resolvers },
    });
    await cachesLive(app);
    const ask = async (tenant: string): Promise<string> =>
      readAnswer(
        await sendPieces(app.server(US).port, [
          postOf('{"query":"{ notes { body } note(id: 1) { body } }"}', { 'x-tenant': tenant }),
        ]),
      ).body;
    const { hits } = await counted(app, US, async () => {
      for (let i = 0; i < 3; i += 1) {
        assert.equal(await ask('one'), '{"data":{"notes":[{"body":"of one"}],"note":{"body":"of one"}}}\n');
        assert.equal(await ask('two'), '{"data":{"notes":[{"body":"of two"}],"note":null}}\n');
      }
    });
    assert.equal(hits, 4);
    assert.match(await ask('nobody'), /"errors"/);
    const own = async (query: string): Promise<string> =>
      readAnswer(await sendPieces(app.server(US).port, [postOf(JSON.stringify({ query }), { 'x-tenant': 'one' })]))
        .body;
    const { stored } = await counted(app, US, async () => {
      assert.notEqual(await own('{ moment notes { body } }'), await own('{ moment notes { body } }'));
      assert.equal(await own('{ notes { loud } }'), await own('{ notes { loud } }'));
    });
    assert.equal(stored, 0);
  });
});

describe('the stored answers, beside the other caches of a query,', { timeout: 120_000 }, () => {
  const sql = [
    `CREATE TABLE notes (id int PRIMARY KEY, body text NOT NULL); INSERT INTO notes VALUES (1, 'one'), (2, 'two')`,
  ];
  const directives =
    'directive @cacheControl(maxAge: Int, scope: CacheControlScope) on FIELD_DEFINITION\nenum CacheControlScope { PUBLIC PRIVATE }';
  const body = `${directives}\ntype Note @entity { id: ID! body: String! }\ntype Query { notes: [Note!]! note(id: ID!): Note @cacheControl(maxAge: 60) }`;
  const startNotes = async (settings: Readonly<Record<string, unknown>> = {}): Promise<TestApp> => {
    const app = await startTestApp({
      files: [{ name: 'notes.graphql', body }] as never,
      sql,
      regions: [US],
      settings: { operationCacheFirst: true, ...settings },
    });
    await cachesLive(app);
    return app;
  };

  it('carry the same cache headers as executed answers', async () => {
    await using app = await startNotes();
    for (const [query, expected] of [
      ['{ note(id: 1) { body } }', 'max-age=60, public'],
      ['{ note(id: 1) { id } notes { id } }', 'no-store'],
    ] as const) {
      const { hits } = await counted(app, US, async () => {
        for (let i = 0; i < 2; i += 1)
          assert.equal(
            readAnswer(await sendPieces(app.server(US).port, [postOf(JSON.stringify({ query }))])).headers[
              'cache-control'
            ],
            expected,
            query,
          );
      });
      assert.equal(hits, 1);
    }
  });

  it('do not prevent a query from being registered by its hash, however often it was removed', async () => {
    await using app = await startNotes({ persistedQueryBytes: 200 });
    let sent = 0;
    // A request by hash alone never comes twice, so that each of them asks for the text.
    const send = async (query: string, isWhole: boolean): Promise<string> => {
      const extensions = {
        persistedQuery: { version: 1, sha256Hash: createHash('sha256').update(query).digest('hex') },
      };
      return readAnswer(
        await sendPieces(app.server(US).port, [
          postOf(
            JSON.stringify(
              isWhole ? { query, extensions } : { extensions, operationName: null, variables: { sent: (sent += 1) } },
            ),
          ),
        ]),
      ).body;
    };
    const [one, other] = ['{ note(id: 1) { body } }', `{ note(id: 2) { body } } # ${'x'.repeat(60)}`];
    for (let i = 0; i < 3; i += 1) {
      for (const query of [one, other]) {
        assert.match(await send(query, false), /PERSISTED_QUERY_NOT_FOUND/);
        assert.match(await send(query, true), /"data"/);
        assert.match(await send(query, false), /"data"/);
      }
    }
  });
});
