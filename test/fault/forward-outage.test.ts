/**
 * Proves what a client is told when forwarding fails in the middle, and when the primary's region is unreachable: the
 * answer comes in time, is true, and no write is half done.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stacksOf } from '../../src/app/layer.ts';
import { createServer, type Runtime } from '../../src/index.ts';
import { silentTelemetry } from '../../src/telemetry/telemetry.ts';
import { AP, ask, EU, WAN_DELAYS, startTestApp, TOKEN_SECRET, US, type Answer, type TestApp } from '../support/app.ts';
import { NOTES_SDL, NOTES_SQL, notesResolvers } from '../support/notes.ts';
import { until } from '../support/observe.ts';

const FORWARD_MS = 2_000;
const DRAIN_MS = 300;
const SLOWLY = 'mutation($text: String!, $ms: Int!) { slowly(text: $text, ms: $ms) }';
const EDIT = 'mutation($n: Int) { editNote(id: 1, n: $n) { note { n } } }';
const FILES = [{ name: 'notes.graphql', body: NOTES_SDL }];
const codes = ({ errors }: Pick<Answer, 'errors'>): string[] => errors.map(({ extensions }) => extensions.code);

describe('a forwarded mutation', () => {
  let app: TestApp;
  /** A second server in APAC, which never goes direct. */
  let strict: Runtime;
  before(async () => {
    app = await startTestApp({
      files: FILES,
      sql: NOTES_SQL,
      wan: WAN_DELAYS,
      forwarding: true,
      settings: { forwardMs: FORWARD_MS, drainMs: DRAIN_MS },
      server: { resolvers: notesResolvers },
    });
    const regions = Object.fromEntries(
      app.cluster.regions.map(({ name }) => [
        name,
        { databaseUrl: app.cluster.dsnFor(AP, name), serverUrl: app.cluster.cluster.urlFor(AP, name) },
      ]),
    );
    strict = await createServer({
      files: FILES,
      resolvers: notesResolvers,
      telemetry: silentTelemetry(),
      settings: {
        region: AP,
        regions,
        port: 0,
        auth: 'none',
        tokenSecret: TOKEN_SECRET,
        writes: 'forward',
        forwardMs: FORWARD_MS,
      },
    });
  });
  after(async () => {
    await strict?.close();
    await app[Symbol.asyncDispose]();
  });

  const forwards = (): Promise<unknown> =>
    until(
      'mutations are forwarded',
      async () => (await app.gql(AP, EDIT, { variables: { n: 1 } })).consistency?.writes === 'forwarded',
      { withinMs: 20_000, everyMs: 200 },
    );
  const begun = (text: string): Promise<unknown> =>
    until(
      `${text} has begun`,
      async () =>
        (
          await app.cluster.query(
            US,
            `SELECT FROM pg_stat_activity WHERE state = 'idle in transaction' AND query LIKE 'INSERT INTO notes%'`,
          )
        ).length > 0,
    );
  const count = async (text: string): Promise<number> =>
    (await app.cluster.query(US, 'SELECT FROM notes WHERE text = $1', [text])).length;
  const settled = (): Promise<unknown> =>
    until(
      'nothing is under way at the primary',
      async () =>
        (await app.cluster.query(US, `SELECT FROM pg_stat_activity WHERE state = 'idle in transaction'`)).length === 0,
      { withinMs: 20_000 },
    );

  it('without a key reports an unknown outcome when the server ends during the answer', async () => {
    await forwards();
    const asked = app.gql(AP, SLOWLY, { variables: { text: 'cut short', ms: 1_500 } });
    await begun('cut short');
    await app.stopServer(US);
    const answer = await asked;
    assert.deepEqual(codes(answer), ['WRITE_OUTCOME_UNKNOWN']);
    assert.match(answer.errors[0]?.message ?? '', /region us-east-1.*look before you repeat it/);
    assert.equal(answer.errors[0]?.extensions['retryable'], false);
    await settled();
    assert.ok((await count('cut short')) <= 1);
    await app.startServer(US);
  });

  it('with a key and without a direct connection is reported as not confirmed, and may be sent again', async () => {
    await until(
      'the strict server forwards',
      async () => (await ask(strict.url, EDIT, { variables: { n: 2 } })).errors.length === 0,
      { withinMs: 20_000, everyMs: 200 },
    );
    const asked = ask(strict.url, SLOWLY, {
      variables: { text: 'with a key', ms: 1_500 },
      headers: { 'idempotency-key': 'the-key-of-this-request' },
    });
    await begun('with a key');
    await app.stopServer(US);
    const answer = await asked;
    assert.deepEqual([codes(answer), answer.errors[0]?.extensions['retryable']], [['WRITE_UNCONFIRMED'], true]);
    const refused = await ask(strict.url, EDIT, { variables: { n: 3 } });
    assert.deepEqual(codes(refused), ['PRIMARY_UNAVAILABLE']);
    assert.match(refused.errors[0]?.message ?? '', /nothing was written/);
    await settled();
    await app.startServer(US);
  });

  it('ends after forwardMs, and reports an unknown outcome', async () => {
    await forwards();
    const answer = await app.gql(AP, SLOWLY, { variables: { text: 'too late', ms: FORWARD_MS + 500 } });
    assert.deepEqual(codes(answer), ['WRITE_OUTCOME_UNKNOWN']);
    assert.ok(answer.ms >= FORWARD_MS && answer.ms < FORWARD_MS + 1_000, `${answer.ms} ms`);
    await settled();
  });

  it('is written over the direct connection where only the link to the server is cut', async () => {
    await forwards();
    await app.cluster.cut(US, AP, 'http');
    await until('it is known', () => stacksOf(app.server(AP).layer).write.serverState(US) === 'down');
    const answer = await app.gql(AP, EDIT, { variables: { n: 4 } });
    assert.deepEqual([codes(answer), answer.consistency?.writes], [[], 'direct']);
    assert.ok(answer.ms < 1_000, `${answer.ms} ms`);
    await app.cluster.heal(US, AP, 'http');
    await forwards();
  });

  it('fails at once while the primary is known to be unreachable; reads go on, and mutations work again afterwards', async () => {
    await forwards();
    await app.cluster.caughtUp();
    await app.cluster.cut(US, AP);
    // Nobody is told of the cut: until it is noticed, time limits end what is sent.
    const first = await app.gql(AP, SLOWLY, { variables: { text: 'into the void', ms: 0 } });
    assert.deepEqual(codes(first), ['WRITE_OUTCOME_UNKNOWN']);
    assert.ok(first.ms < FORWARD_MS + 1_500, `${first.ms} ms`);
    await until(
      'the cut is known',
      () =>
        stacksOf(app.server(AP).layer).write.serverState(US) === 'down' &&
        !stacksOf(app.server(AP).layer).health.monitor.reachable(US),
      { withinMs: 15_000 },
    );
    for (let i = 0; i < 5; i += 1) {
      const answer = await app.gql(AP, EDIT, { variables: { n: 5 } });
      assert.deepEqual([codes(answer), answer.errors[0]?.extensions['retryable']], [['PRIMARY_UNAVAILABLE'], true]);
      assert.ok(answer.ms < 500, `${answer.ms} ms`);
      const read = await app.gql<{ note: { n: number } }>(AP, '{ note(id: 1) { n } }');
      assert.deepEqual([codes(read), typeof read.data?.note.n], [[], 'number']);
      assert.ok(read.ms < 1_000, `${read.ms} ms`);
    }
    // Other regions do not notice.
    assert.deepEqual((await app.gql(EU, EDIT, { variables: { n: 6 } })).errors, []);
    await app.cluster.heal(US, AP);
    await forwards();
    await settled();
    assert.ok((await count('into the void')) <= 1);
    assert.equal(
      (await app.gql<{ sixSteps: { n: number } }>(AP, 'mutation { sixSteps(id: 2) { n } }')).data?.sixSteps.n,
      6,
    );
  });
});
