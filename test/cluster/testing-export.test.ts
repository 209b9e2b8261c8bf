/**
 * Proves `meridian/testing` on an application of its user: what a test may read, break, wait for and reset, and which
 * calls are refused with an error.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, beforeEach, describe, it } from 'node:test';
import { isMeridianError, startTestRegions, type TestRegions } from '../../src/testing/index.ts';
import { until } from '../support/observe.ts';

const US = 'us-east-1';
const EU = 'eu-west-1';
const NOTE = '{ note(id: 1) { text } }';
const CHANGE = 'mutation ($text: String!) { changeNote(id: 1, text: $text) { note { text } token } }';
const ADD = 'mutation ($text: String!) { addNote(text: $text) { note { id text } token } }';

const SDL = `
type Query {
  note(id: ID!): Note
  notes: [Note!]! @list(orderBy: ["id"], limit: 100)
  whoami: String
}
type Mutation {
  addNote(text: String!): NotePayload! @insert
  changeNote(id: ID!, text: String!): NotePayload! @update
}
type Note @entity @key(fields: "id") { id: ID! text: String! }
type NotePayload { note: Note token: ConsistencyToken! }
`;
const SQL = `
CREATE TABLE notes (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL, length integer GENERATED ALWAYS AS (length(text)) STORED);
CREATE TABLE remarks (note integer NOT NULL REFERENCES notes, text text);
CREATE TABLE days (day date NOT NULL, count integer) PARTITION BY RANGE (day);
CREATE TABLE days_2026 PARTITION OF days FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
INSERT INTO notes (text) VALUES ('first'), (E'with a tab\\t, a "quote" and a \\\\backslash');
INSERT INTO remarks VALUES (1, NULL);
INSERT INTO days VALUES ('2026-05-01', 3);
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no remark is ever removed or made'; END $$;
CREATE TRIGGER guard BEFORE INSERT OR DELETE OR TRUNCATE ON remarks EXECUTE FUNCTION refuse();
`;
const RESOLVERS = `export default { Query: { whoami: (_parent, _args, { viewer }) => viewer && [viewer.id, viewer.tenant, ...viewer.roles].join(' ') } };`;

/** Everything that SQL has filled, as text. */
const ROWS = `SELECT (SELECT json_agg(n ORDER BY id) FROM notes n)::text || (SELECT json_agg(r) FROM remarks r)::text || (SELECT json_agg(d) FROM days d)::text AS rows`;

describe('test regions', () => {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-testing-app-'));
  let regions: TestRegions;
  let first: unknown;

  before(async () => {
    writeFileSync(join(folder, 'notes.graphql'), SDL);
    writeFileSync(join(folder, '001.sql'), SQL);
    writeFileSync(join(folder, 'resolvers.mjs'), RESOLVERS);
    regions = await startTestRegions({
      schema: folder,
      sql: folder,
      resolvers: join(folder, 'resolvers.mjs'),
      options: { tenantClaim: 'org', forwardMs: 1_500, forwardConnectMs: 500 },
      regions: [US, EU],
      waitMs: 15_000,
    });
    first = await regions.region(US).sql(ROWS);
  });
  beforeEach(() => regions.reset());
  after(async () => {
    await regions?.stop();
    rmSync(folder, { recursive: true });
  });

  const noteIn = async (region: string, token?: string | null): Promise<unknown> => {
    const { data, errors } = await regions.region(region).query(NOTE, {}, { token: token ?? null });
    assert.deepEqual(errors, []);
    return (data as { note: { text: string } }).note.text;
  };

  it('show a stale read without a token and none with it while replay is paused', async () => {
    assert.equal(await noteIn(EU), 'first');
    await regions.pauseReplay(EU);
    const { token, errors } = await regions.region(US).query(CHANGE, { text: 'second' });
    assert.deepEqual(errors, []);
    assert.equal(await noteIn(EU), 'first');
    assert.equal(await noteIn(EU, token), 'second');
    const { extensions } = await regions.region(EU).query(NOTE, {}, { token });
    const { region, servedBy } = extensions['consistency'] as { region: string; servedBy: Record<string, number> };
    assert.deepEqual([region, servedBy['replica']], [EU, 0]);
    await regions.resumeReplay(EU);
    await regions.waitUntilCaughtUp();
    assert.equal(await noteIn(EU), 'second');
  });

  it('name the region that lags, and the reason, when a wait for them takes too long', async () => {
    await regions.pauseReplay(EU);
    await regions.region(US).query(CHANGE, { text: 'not replayed' });
    await assert.rejects(regions.waitUntilCaughtUp(300), (error) => {
      assert.ok(isMeridianError(error, 'CONSISTENCY_TIMEOUT'));
      assert.match(error.message, /The replica in eu-west-1 has not replayed .* its replay is paused, so resume it/);
      return true;
    });
  });

  it('forward mutations over the simulated WAN, whose links can be cut, healed and made longer', async () => {
    const timed = async (text: string): Promise<{ code: unknown; ms: number }> => {
      const began = performance.now();
      const { errors } = await regions.region(EU).query(CHANGE, { text });
      return { code: errors[0]?.extensions?.code, ms: performance.now() - began };
    };
    assert.equal((await timed('near')).code, undefined);
    await regions.setDistance(US, EU, { rttMs: 300 });
    const far = await timed('far');
    assert.equal(far.code, undefined);
    assert.ok(far.ms >= 300, `${far.ms} ms over a distance of 300 ms`);
    await regions.cutLink(EU, US);
    assert.notEqual((await timed('cut')).code, undefined);
    await regions.healLink(EU, US);
    await regions.setDistance(US, EU, { rttMs: 0 });
    // The servers see by their next probe that the primary is there again.
    await until('a mutation passes', async () => (await timed('healed')).code === undefined);
    assert.equal((await regions.region(US).query(NOTE)).data?.['note']?.['text' as never], 'healed');
  });

  it('are in the state of their start after a reset, whatever a test has left', async () => {
    const key = { headers: { 'idempotency-key': '"a key that a test uses"' } };
    for (const round of [1, 2]) {
      // The key is forgotten, and the sequence begins anew.
      const { data, errors } = await regions.region(US).query(ADD, { text: `of round ${round}` }, key);
      assert.deepEqual([errors, data?.['addNote']?.['note' as never]], [[], { id: '3', text: `of round ${round}` }]);
      await regions.region(US).sql("UPDATE notes SET text = 'spoilt' WHERE id = 1");
      await regions.region(US).sql("DELETE FROM days WHERE day = '2026-05-01'");
      await regions.waitUntilCaughtUp();
      assert.equal(await noteIn(EU), 'spoilt');
      await regions.setDistance(US, EU, { rttMs: 5_000 });
      await regions.cutLink(US, EU);
      await regions.pauseReplay(EU);
      const began = performance.now();
      await regions.reset();
      assert.ok(performance.now() - began < 5_000, 'the distance is still there');
      for (const region of [US, EU]) {
        assert.deepEqual(await regions.region(region).sql(ROWS), first, region);
        // Also what was cached is not of before.
        assert.equal(await noteIn(region), 'first', region);
      }
    }
  });

  it('wait in a reset for a transaction that a test has left open', async () => {
    const other = regions.region(US).sql('BEGIN; LOCK TABLE notes; SELECT pg_sleep(1.5); COMMIT');
    await regions.region(US).sql('SELECT pg_sleep(0.3)');
    const began = performance.now();
    await regions.reset();
    assert.ok(performance.now() - began > 1_000);
    await other;
  });

  it('recognize the viewer of a test, by the claims of their options', async () => {
    const whoami = async (viewer?: { id: string; tenant?: string; roles?: string[] }): Promise<unknown> =>
      (await regions.region(EU).query('{ whoami }', {}, viewer ? { viewer } : {})).data?.['whoami'];
    assert.equal(await whoami(), null);
    assert.equal(await whoami({ id: '7' }), '7 ');
    assert.equal(await whoami({ id: '7', tenant: 'a', roles: ['admin', 'editor'] }), '7 a admin editor');
  });

  it('refuse invalid calls with one sentence', async () => {
    assert.throws(() => regions.region('mars'), /There is no test region "mars"; there are us-east-1, eu-west-1\./);
    await assert.rejects(
      regions.pauseReplay(US),
      /us-east-1 has the primary, .* name a region with a replica: eu-west-1/,
    );
    await assert.rejects(regions.cutLink(US, 'mars'), isMeridianError);
  });
});

describe('the start of test regions', () => {
  it('refuses options that it sets itself, and names every unknown one', async () => {
    const start = (more: object): Promise<TestRegions> =>
      startTestRegions({ schema: 'schema/music', sql: 'schema/music', ...more });
    await assert.rejects(start({ options: { port: 4000, region: 'a' } }), /sets port, region itself; leave them out/);
    await assert.rejects(start({ options: { pageSizes: 3 } }), /pageSizes .*did you mean pageSize/);
    await assert.rejects(start({ regions: [] }), /"regions" names 0 regions/);
    await assert.rejects(start({ regions: ['a', 'a'] }), /names "a" twice/);
    await assert.rejects(start({ waitMs: 0 }), /"waitMs" is 0/);
    await assert.rejects(start({ schema: 'nowhere' }), /nowhere/);
    await assert.rejects(start({ sql: 'nowhere' }), /There is no folder .*nowhere/);
  });

  it('leaves nothing behind if the schema does not fit, and names what is wrong with it', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'meridian-testing-app-'));
    writeFileSync(
      join(folder, 'a.graphql'),
      'type Query { note(id: ID!): Note } type Note @entity { id: ID! colour: String }',
    );
    writeFileSync(join(folder, 'a.sql'), 'CREATE TABLE notes (id int PRIMARY KEY)');
    let said = '';
    try {
      await assert.rejects(
        startTestRegions({ schema: folder, sql: folder, redis: 'off', log: (text) => (said += `${text}\n`) }),
        (error) => isMeridianError(error, 'SCHEMA_INVALID') && error.message.includes('colour'),
      );
      assert.match(said, /starting the primary in us-east-1/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('ends with its block after "await using", and removes its data', async () => {
    let file: string;
    {
      const folder = mkdtempSync(join(tmpdir(), 'meridian-testing-app-'));
      writeFileSync(
        join(folder, 'a.graphql'),
        'type Query { a(id: ID!): A } type A @entity @key(fields: "id") { id: ID! }',
      );
      writeFileSync(join(folder, 'a.sql'), 'CREATE TABLE a (id int PRIMARY KEY)');
      await using regions = await startTestRegions({
        schema: folder,
        sql: folder,
        regions: ['alone'],
        redis: 'off',
        waitMs: 3_000,
      });
      rmSync(folder, { recursive: true });
      const { logFile, redisUrl, url, role } = regions.region('alone');
      assert.deepEqual([redisUrl, role, /^http:\/\/127\.0\.0\.1:\d+\/graphql$/.test(url)], [null, 'primary', true]);
      assert.deepEqual((await regions.region('alone').query('{ a(id: 1) { id } }')).data, { a: null });
      // A transaction that lasts for longer than anybody waits.
      const other = regions.region('alone').sql('BEGIN; LOCK TABLE a; SELECT pg_sleep(30)').catch(isMeridianError);
      await regions.region('alone').sql('SELECT pg_sleep(0.3)');
      await assert.rejects(regions.reset(), (error) => isMeridianError(error, 'TRANSACTION_CONFLICT'));
      await regions
        .region('alone')
        .sql(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK%' AND pid <> pg_backend_pid()",
        );
      await other;
      file = logFile;
      assert.ok(existsSync(file));
    }
    assert.equal(existsSync(dirname(dirname(file))), false);
  });
});
