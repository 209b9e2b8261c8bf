/**
 * Proves for requests that run while the primary moves, forwarded and direct, with a key and without: none takes place
 * twice, and a write and its stored outcome survive or are lost together.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { sleep } from '../../src/base/clock.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { type ResolverContext, type UserResolvers } from '../../src/index.ts';
import { AP, EU, startTestApp, TOKEN_SECRET, US, type Answer, type TestApp } from '../support/app.ts';

const SDL = `
  extend schema @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key"])
  type Query { mark(id: ID!): Mark }
  type Mutation {
    addMark(name: String!): MarkPayload! @insert
    "Two statements, awaited one by one."
    markByHand(name: String!): Boolean
  }
  type Mark @entity @key(fields: "id") { id: ID! name: String! }
  type MarkPayload { mark: Mark token: ConsistencyToken! }`;

const resolvers: UserResolvers = {
  Mutation: {
    markByHand: (_parent: unknown, { name }: { name: string }, ctx: ResolverContext) =>
      ctx.transaction(async (tx) => {
        await tx.query('SELECT pg_sleep(0.01)');
        await tx.query('INSERT INTO marks (name) VALUES ($1)', [name]);
        return true;
      }),
  },
};

const REGIONS = [US, EU, AP];
const FIRED_MS = 5_000;
const PATIENCE_MS = 20_000;
const codec = new TokenCodec({ secrets: [TOKEN_SECRET], maxTokenBytes: 4_096 });

interface Told {
  readonly name: string;
  readonly keyed: boolean;
  readonly answer: Answer<unknown>;
}

let app: TestApp;

/** With a key, again after every failure that may be over; without one never again. */
async function send(region: string, name: string, keyed: boolean): Promise<Told> {
  const field = name.length % 2 === 0 ? `addMark(name: "${name}") { mark { id name } }` : `markByHand(name: "${name}")`;
  for (const untilMs = performance.now() + PATIENCE_MS; ; await sleep(50)) {
    const answer = await app.gql<unknown>(
      region,
      `mutation { ${field} }`,
      keyed ? { headers: { 'idempotency-key': name } } : {},
    );
    const again = keyed && answer.errors.some(({ extensions }) => extensions['retryable'] === true);
    if (!again || performance.now() > untilMs) return { name, keyed, answer };
  }
}

describe('requests that are running while the primary moves', { timeout: 120_000 }, () => {
  before(async () => {
    app = await startTestApp({
      files: [{ name: 'marks.graphql', body: SDL }],
      sql: 'CREATE TABLE marks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL)',
      forwarding: true,
      wan: { 'us-east-1/eu-west-1': 20, 'us-east-1/ap-northeast-1': 30, 'eu-west-1/ap-northeast-1': 40 },
      server: { resolvers },
      settings: { connectMs: 600, forwardConnectMs: 600 },
    });
  });
  after(async () => app?.[Symbol.asyncDispose]());

  it('take place once, or are lost together with their stored outcome', async () => {
    const told: Promise<Told>[] = [];
    let n = 0;
    const began = performance.now();
    const firing = (async () => {
      while (performance.now() - began < FIRED_MS) {
        for (const region of REGIONS) {
          told.push(send(region, `${region.slice(0, 2)} ${'x'.repeat(n % 2)}${n}`, n % 4 < 2));
          n += 1;
        }
        await sleep(25);
      }
    })();
    await sleep(1_500);
    // Two servers are writable until the first is gone: whoever has written to it meanwhile has lost that.
    await app.cluster.promote(EU);
    await sleep(400);
    await app.cluster.killPostgres(US);
    await firing;
    const all = await Promise.all(told);
    const rows = await app.cluster.query<{ name: string; times: number }>(
      EU,
      'SELECT name, count(*)::int AS times FROM marks GROUP BY name',
    );
    const times = new Map(rows.map((row) => [row.name, row.times]));
    assert.deepEqual(
      rows.filter((row) => row.times > 1),
      [],
    );
    const outcomes = new Set(
      (await app.cluster.query<{ key: string }>(EU, `SELECT key FROM meridian.outcomes WHERE steps <> '{}'`)).map(
        ({ key }) => key,
      ),
    );
    const keyed = new Set(all.filter((one) => one.keyed).map(({ name }) => name));
    assert.deepEqual(
      [...outcomes].filter((name) => !times.has(name)),
      [],
      'outcomes without their write',
    );
    assert.deepEqual(
      [...times.keys()].filter((name) => keyed.has(name) && !outcomes.has(name)),
      [],
      'writes without their outcome',
    );
    const done = all.filter(({ answer }) => answer.errors.length === 0);
    const onNew = done.filter(({ answer }) =>
      [...codec.decode(answer.token ?? '').values()].some(({ timeline }) => timeline > 1),
    );
    assert.deepEqual(
      onNew.filter(({ name }) => !times.has(name)).map(({ name }) => name),
      [],
      'acknowledged by the new primary, and not there',
    );
    const refused = all.filter(({ answer }) =>
      answer.errors.some(({ extensions }) => ['PRIMARY_UNAVAILABLE', 'OVERLOADED'].includes(extensions.code)),
    );
    assert.deepEqual(
      refused.filter(({ name }) => times.has(name)).map(({ name, answer }) => [name, answer.errors]),
      [],
      'said not to be written, and there',
    );
    assert.ok(
      onNew.length > 10 && done.length - onNew.length > 5,
      `${done.length - onNew.length} before, ${onNew.length} after`,
    );
  });
});
