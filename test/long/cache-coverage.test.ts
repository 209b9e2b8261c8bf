/**
 * Proves schema changes under running servers: a value whose changes the stream no longer delivers is not served from
 * caches after the change of schema.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import pg from 'pg';
import { stacksOf } from '../../src/app/layer.ts';
import { createDataLayer, type DataLayer } from '../../src/index.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { until } from '../support/observe.ts';
import { freePort } from '../support/ports.ts';
import { redisOrSkip, startScratchRedis, type ScratchRedis } from '../support/redis.ts';
import { startReplicaSet, type ReplicaSet } from '../support/replica-set.ts';
import { TEST_OPTIONS } from '../support/tail.ts';

const { program, skip } = redisOrSkip();
const PATIENT = { withinMs: 60_000 };

const SQL = `
  CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  CREATE TABLE thing (id int PRIMARY KEY, code text NOT NULL UNIQUE, box_id int NOT NULL, value int NOT NULL, spare int NOT NULL DEFAULT 0, made timestamp NOT NULL DEFAULT '2020-01-01');
  CREATE TABLE other (id int PRIMARY KEY, value int NOT NULL);
  INSERT INTO thing SELECT i, 'code' || i, 1, 0 FROM generate_series(1, 9) AS i;
  INSERT INTO other VALUES (1, 0), (2, 0), (3, 0);
  CREATE ROLE app LOGIN REPLICATION`;
const TABLES = ['thing', 'other'].map((name) => ({ schema: 'public', name }));

const sdl = (more = ''): { readonly name: string; readonly body: string }[] => [
  {
    name: 'things.graphql',
    body: `type Query { thing(id: ID!): Thing old: Int! @count(of: "Thing", where: "made::date < '2021-01-01'") } type Thing @entity @key(fields: "id") @key(fields: "code") { id: ID! code: String! value: Int! ${more} } type Other @entity @key(fields: "id") { id: ID! value: Int! }`,
  },
];

interface Seen {
  readonly value: unknown;
  readonly isCached: boolean;
}

describe('after a schema change under running servers', { skip }, () => {
  let set: ReplicaSet;
  let redis: ScratchRedis;
  let us: DataLayer;
  let holder: DataLayer;
  let follower: DataLayer;
  let value = 0;

  const asApp = (url: string): string => url.replace('postgres@', 'app@');
  const serve = async (region: string, more = ''): Promise<DataLayer> => {
    const [replica] = set.replicas;
    const settings = {
      region,
      regions: {
        us: { databaseUrl: asApp(set.primary.url) },
        eu: { databaseUrl: asApp(replica?.url ?? ''), redisUrl: redis.url },
      },
      tokenSecret: 'a secret of things',
      heartbeatMs: 200,
      tailRetryMs: 50,
      tailRetryMaxMs: 500,
      slotRetryMs: 100,
      replayIdleMs: 100,
    };
    return createDataLayer({
      settings,
      schema: sdl(more),
      telemetry: createTelemetry({ level: process.env['MERIDIAN_TEST_LOG'] ?? 'silent', fields: { region } }),
    });
  };
  const streams = (layer: DataLayer): Promise<unknown> =>
    until(
      'it streams',
      () => stacksOf(layer).change.tail.state.kind === 'streaming' && stacksOf(layer).change.caching.watermark !== null,
      PATIENT,
    );
  const both = (): readonly DataLayer[] => [holder, follower];

  before(async () => {
    set = await startReplicaSet(1);
    await set.primary.query(SQL);
    const [replica] = set.replicas;
    await setupDatabase({
      regions: [
        { name: 'us', databaseUrl: set.primary.url },
        { name: 'eu', databaseUrl: replica?.url ?? '' },
      ],
      tables: TABLES,
      options: TEST_OPTIONS,
      role: 'app',
    });
    await replica?.caughtUp(await set.primary.position());
    redis = await startScratchRedis(program, await freePort());
    us = await serve('us');
    holder = await serve('eu');
    await streams(holder);
    follower = await serve('eu');
    await until('it follows', () => stacksOf(follower).change.caching.watermark !== null, PATIENT);
  });
  after(async () => {
    await Promise.all([us, holder, follower].map((layer) => layer.close()));
    await redis[Symbol.asyncDispose]();
    await set[Symbol.asyncDispose]();
  });

  const read = async (layer: DataLayer, sql: string, dependsOn: string, token: string | null = null): Promise<Seen> => {
    const { rows, servedBy } = await layer.read(sql, [], { dependsOn: [dependsOn], token });
    return { value: rows[0]?.['value'], isCached: servedBy.some(({ by }) => by === 'cache') };
  };
  const thing = (layer: DataLayer, id = 1, token: string | null = null): Promise<Seen> =>
    read(layer, `SELECT value FROM thing WHERE id = ${id}`, `Thing:${id}`, token);
  const byCode = (layer: DataLayer, code: string): Promise<Seen> =>
    read(layer, `SELECT value FROM thing WHERE code = '${code}'`, `Thing.code=${code}`);
  const other = (layer: DataLayer, id = 1): Promise<Seen> =>
    read(layer, `SELECT value FROM other WHERE id = ${id}`, `Other:${id}`);

  /** Both processes have applied all that is committed by now. */
  const applied = async (): Promise<void> => {
    const lsn = await set.primary.position();
    for (const layer of both())
      await until('it is applied', () => (stacksOf(layer).change.caching.watermark ?? 0n) >= lsn, PATIENT);
  };
  /** Whether what was read before a step is served after it. */
  const isKept = async (look: () => Promise<Seen>): Promise<boolean> => {
    await look();
    await set.primary.query('UPDATE other SET value = value WHERE id = 3');
    await applied();
    return (await look()).isCached;
  };
  const cached = async (look: (layer: DataLayer) => Promise<Seen>): Promise<void> => {
    for (const layer of both()) await until('it is served from the cache', () => isKept(() => look(layer)), PATIENT);
  };
  /** Changes a thing several times: no read is older than its token, and none without one older than the step. */
  const staysRight = async (id = 1): Promise<void> => {
    for (let i = 0; i < 4; i += 1) {
      await Promise.all(both().map((layer) => thing(layer, id)));
      value += 1;
      const { token } = await us.transaction((tx) =>
        tx.query('UPDATE thing SET value = $1 WHERE id = $2', [value, id]),
      );
      for (const layer of both()) assert.equal((await thing(layer, id, token)).value, value, 'with its token');
      await Promise.all(both().map((layer) => thing(layer, id)));
      value += 1;
      await set.primary.query('UPDATE thing SET value = $1 WHERE id = $2', [value, id]);
      await applied();
      for (const layer of both()) assert.equal((await thing(layer, id)).value, value, 'without one, after the step');
    }
  };

  it('a table that leaves the publication is read correctly, and from the cache again when it is back', async () => {
    await cached(thing);
    await staysRight();
    await cached(thing);
    await set.primary.query('ALTER PUBLICATION meridian DROP TABLE thing');
    await staysRight();
    await cached(other);
    await staysRight();
    await set.primary.query('ALTER PUBLICATION meridian ADD TABLE thing');
    await staysRight();
    await cached(thing);
  });

  it('a transaction that began before its table came back is read correctly, although only a part of it is delivered', async () => {
    await set.primary.query('ALTER PUBLICATION meridian DROP TABLE thing');
    const client = new pg.Client({ connectionString: set.primary.url });
    await client.connect();
    try {
      await client.query('BEGIN');
      await client.query('UPDATE thing SET value = -7 WHERE id = 2');
      await set.primary.query('ALTER PUBLICATION meridian ADD TABLE thing');
      await applied();
      await applied();
      for (const layer of both()) await thing(layer, 2);
      await client.query('COMMIT');
      await applied();
      for (const layer of both()) assert.equal((await thing(layer, 2)).value, -7);
    } finally {
      await client.end();
    }
    await cached((layer) => thing(layer, 2));
  });

  it('rows are read correctly by a column whose equal values now differ in text', async () => {
    await cached((layer) => byCode(layer, 'code3'));
    await set.primary.query('ALTER TABLE thing ALTER COLUMN code TYPE text COLLATE loose');
    await applied();
    for (let i = 1; i < 5; i += 1) {
      for (const layer of both()) await byCode(layer, 'CODE3');
      await set.primary.query('UPDATE thing SET value = $1 WHERE id = 3', [i]);
      await applied();
      for (const layer of both()) assert.equal((await byCode(layer, 'CODE3')).value, i);
    }
    await set.primary.query('ALTER TABLE thing ALTER COLUMN code TYPE text COLLATE "default"');
    await cached((layer) => byCode(layer, 'code3'));
  });

  it('caching goes on when a column that nothing reads changes its type, and when text becomes varchar', async () => {
    for (const type of ['bigint', 'text', 'int USING spare::int']) {
      await set.primary.query(`ALTER TABLE thing ALTER COLUMN spare TYPE ${type}`);
      await staysRight();
      await cached(thing);
    }
    for (const type of ['varchar(50)', 'text']) {
      await set.primary.query(`ALTER TABLE thing ALTER COLUMN code TYPE ${type}`);
      await staysRight();
      await cached((layer) => byCode(layer, 'code5'));
    }
  });

  it('a table is no longer cached when a column that only a condition names changes its type', async () => {
    await cached((layer) => thing(layer, 6));
    await set.primary.query('ALTER TABLE thing ALTER COLUMN made TYPE text');
    await applied();
    for (const layer of [...both(), ...both()]) assert.equal(await isKept(() => thing(layer, 6)), false);
    await set.primary.query('ALTER TABLE thing ALTER COLUMN made TYPE timestamp USING made::timestamp');
    await cached((layer) => thing(layer, 6));
  });

  it('rows are read correctly under a policy that depends on more than the row', async () => {
    await cached((layer) => thing(layer, 4));
    await set.primary.query(
      'CREATE POLICY while_open ON thing USING (EXISTS (SELECT FROM other WHERE other.id = 2 AND other.value = 0)); ALTER TABLE thing ENABLE ROW LEVEL SECURITY',
    );
    await applied();
    for (const shut of [1, 0, 1, 0]) {
      for (const layer of both()) await thing(layer, 4);
      await set.primary.query('UPDATE other SET value = $1 WHERE id = 2', [shut]);
      await applied();
      for (const layer of both()) assert.equal((await thing(layer, 4)).value, shut === 1 ? undefined : 0);
    }
    await set.primary.query('ALTER TABLE thing DISABLE ROW LEVEL SECURITY');
    await cached((layer) => thing(layer, 4));
  });

  it('a server that takes over the slot knows the earlier changes of coverage', async () => {
    const third = await serve('eu');
    await until('it follows', () => stacksOf(third).change.caching.watermark !== null, PATIENT);
    await cached(thing);
    await set.primary.query('ALTER PUBLICATION meridian DROP TABLE thing');
    await applied();
    await holder.close();
    [holder, follower] = await until(
      'one of them takes over',
      () =>
        [[follower, third] as const, [third, follower] as const].find(
          ([first]) => stacksOf(first).change.tail.state.kind === 'streaming',
        ),
      PATIENT,
    );
    await streams(holder);
    await staysRight();
    await set.primary.query('ALTER PUBLICATION meridian ADD TABLE thing');
    await applied();
    await cached(thing);
  });

  it('a server whose schema has other relations, or that has found other published tables, shares no values with the slot holder', async () => {
    const newer = await serve('eu', 'again: [Thing!]! @relation(to: ["box_id"])');
    try {
      const inBox = (): Promise<Seen> =>
        read(newer, 'SELECT sum(value)::int AS value FROM thing WHERE box_id = 1', 'Thing.box_id=1');
      const seen: boolean[] = [];
      for (let i = 0; i < 4; i += 1) {
        seen.push((await inBox()).isCached, (await thing(newer, 5)).isCached);
        await set.primary.query('UPDATE thing SET value = value + 10 WHERE id = 5');
        await applied();
        await set.replicas[0]?.caughtUp(await set.primary.position());
        const [sum] = await set.primary.query<{ value: number }>(
          'SELECT sum(value)::int AS value FROM thing WHERE box_id = 1',
        );
        assert.equal((await inBox()).value, sum?.value);
      }
      assert.deepEqual(new Set(seen), new Set([false]));
    } finally {
      await newer.close();
    }
  });
});
