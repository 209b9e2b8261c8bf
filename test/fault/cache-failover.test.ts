/**
 * Proves that no cache honours the token of a write that a failover lost: neither while the stream runs on into the new
 * timeline, nor before its history is known.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { stacksOf } from '../../src/app/layer.ts';
import { type Position } from '../../src/base/lineage.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { AP, EU, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';
import { until } from '../support/observe.ts';

const SECRET = 'the secret of this test';
const RENAME = 'mutation { updateUser(id: 2, input: { name: "lost" }) { token } }';
const NAME = 'query { user(id: 2) { name } }';
const PATIENT = { withinMs: 60_000 };

type Named = { readonly user: { readonly name: string } };

const codec = new TokenCodec({ secrets: [SECRET], maxTokenBytes: 4_096 });
const positionOf = (token: string): Position => [...codec.decode(token).values()][0] as Position;

describe('the caches of a region whose servers learn late of a failover', () => {
  let app: TestApp;
  let lost = '';

  before(async () => {
    // Nobody looks by themselves whose timeline is whose: what a cache knows of it, it has to know from its stream.
    app = await startTestApp({
      scale: 0.1,
      settings: {
        tokenSecret: SECRET,
        heartbeatMs: 200,
        maxWaitMs: 500,
        connectMs: 600,
        probeMs: 30_000,
        cacheLagMs: 600_000,
      },
    });
    for (const region of [EU, AP])
      await until(`${region} caches`, async () => (await read(region)).consistency?.servedBy.cache === 1, PATIENT);
    await app.cluster.cut(US, AP, 'replication');
    await app.cluster.cut(US, EU, 'replication');
    lost = (await app.gql(US, RENAME)).token ?? '';
    await app.cluster.killPostgres(US);
    await app.cluster.promote(EU);
    await followEurope();
    // More WAL than was lost: positions of the new timeline pass that of the token.
    await app.cluster.query(EU, `SELECT pg_logical_emit_message(false, 'test', repeat('x', 100000))`);
    await app.cluster.query(EU, `SELECT pg_logical_emit_message(true, 'test', '')`);
  });
  after(async () => app?.[Symbol.asyncDispose]());

  const read = (region: string, token = ''): Promise<Answer<Named>> => app.gql<Named>(region, NAME, { token });
  const hasPassed = (region: string): boolean =>
    (stacksOf(app.server(region).layer).change.caching.watermark ?? 0n) >= positionOf(lost).lsn;

  async function followEurope(): Promise<void> {
    const [row] = await app.cluster.query<{ conninfo: string }>(
      AP,
      `SELECT current_setting('primary_conninfo') AS conninfo`,
    );
    const conninfo =
      row?.conninfo.replace(/port='?\d+'?/, `port=${app.cluster.cluster.wan.port(AP, EU, 'replication')}`) ?? '';
    await app.cluster.query(AP, `ALTER SYSTEM SET primary_conninfo = '${conninfo.replaceAll("'", "''")}'`);
    await app.cluster.query(AP, `ALTER SYSTEM SET primary_slot_name = ''`);
    await app.cluster.query(AP, 'SELECT pg_reload_conf()');
  }

  for (const region of [EU, AP]) {
    it(`do not honour the token of a lost write in ${region} when the stream passes the token's position on the new timeline`, async () => {
      await until('W passes the lost write', () => hasPassed(region), PATIENT);
      const { feed } = stacksOf(app.server(region).layer).change.caching;
      assert.equal(feed?.timeline, 2, 'a life is of one timeline');
      // What is kept by now is of the new timeline, of whose history this server may not know yet.
      await until(
        'the row is cached again',
        async () => (await read(region)).consistency?.servedBy.cache === 1,
        PATIENT,
      );
      const answer = await read(region, lost);
      assert.equal(answer.data?.user ?? null, null, JSON.stringify(answer.consistency));
      assert.notDeepEqual(answer.errors, []);
    });
  }
});
