/**
 * Proves databases that are not UTF-8: names, values, tags and outcomes with letters beyond ASCII stay the same in
 * every place, or are refused with an error.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { isMeridianError } from '../../src/base/errors.ts';
import {
  createServer,
  createTelemetry,
  type ReadOptions,
  type ReadResult,
  type ResolverContext,
  type Runtime,
} from '../../src/index.ts';
import { checkDatabase } from '../../src/postgres/check/check.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { ask, TOKEN_SECRET } from '../support/app.ts';
import { until } from '../support/observe.ts';
import { startReplicaSet, type ReplicaSet, type TestServer } from '../support/replica-set.ts';
import { follow, TEST_OPTIONS } from '../support/tail.ts';

const PATIENCE = { withinMs: 20_000 };
const PUBLICATION = 'données';

const SQL = `
CREATE TYPE "état" AS ENUM ('créé', 'fermé');
CREATE TABLE counters (owner text PRIMARY KEY, n integer NOT NULL);
INSERT INTO counters VALUES ('plain', 7), ('café', 7);
CREATE TABLE "Bücher" ("clé" text PRIMARY KEY, "Größe" integer NOT NULL, "état" "état" NOT NULL DEFAULT 'créé');
INSERT INTO "Bücher" VALUES ('naïve', 1), ('façade', 2), ('facade', 3);
`;

const SDL = `
type Query { owned(owner: String!): Int!  book(title: ID! @column(name: "clé")): Book  books: [Book!]! }
type Mutation { bump(owner: String!): Int!  resize(title: ID! @column(name: "clé"), input: Resize!): Resized! @update }
input Resize { size: Int! @column(name: "Größe") }
type Resized { book: Book }
type Book @entity(table: "Bücher") @key(fields: "title") { title: ID! @column(name: "clé")  size: Int! @column(name: "Größe")  state: String! @column(name: "état") }
`;

const OWNED = 'SELECT n FROM counters WHERE owner = $1';

const resolvers = {
  Query: {
    owned: async (_: unknown, { owner }: { owner: string }, ctx: ResolverContext) =>
      (await ctx.read(OWNED, [owner], { dependsOn: [`board:${owner}`] }))[0]?.['n'],
  },
  Mutation: {
    bump: (_: unknown, { owner }: { owner: string }, ctx: ResolverContext) =>
      ctx.transaction(
        async (tx) =>
          (await tx.query('UPDATE counters SET n = n + 1 WHERE owner = $1 RETURNING n', [owner])).rows[0]?.['n'],
        { tags: [`board:${owner}`] },
      ),
  },
};

const named = (server: TestServer, database: string): string => {
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  return url.href;
};

async function create(set: ReplicaSet, database: string, encoding: string): Promise<void> {
  await set.primary.query(
    `CREATE DATABASE ${database} ENCODING '${encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
  );
  for (const replica of set.replicas) await replica.caughtUp(await set.primary.position());
}

describe('databases with other encodings than UTF-8', () => {
  let set: ReplicaSet;
  before(async () => {
    set = await startReplicaSet(1);
    for (const encoding of ['LATIN1', 'SQL_ASCII', 'WIN1252']) await create(set, encoding.toLowerCase(), encoding);
  });
  after(async () => set?.[Symbol.asyncDispose]());

  const target = (database: string) => ({
    regions: [set.primary, ...set.replicas].map((server, i) => ({
      name: ['us', 'eu'][i] ?? '',
      databaseUrl: named(server, database),
      redisUrl: null,
      serverUrl: null,
    })),
    tables: [],
    schemas: ['public'],
    options: { ...TEST_OPTIONS, slotName: database, publication: PUBLICATION },
  });

  const serve = (region: string, database: string, files = [{ name: 'books.graphql', body: SDL }]): Promise<Runtime> =>
    createServer({
      files,
      resolvers: files.length === 0 || files[0]?.body !== SDL ? {} : resolvers,
      telemetry: createTelemetry({ level: process.env['MERIDIAN_TEST_LOG'] ?? 'silent', fields: { region } }),
      settings: {
        region,
        port: 0,
        tokenSecret: TOKEN_SECRET,
        auth: 'none',
        heartbeatMs: 200,
        slotName: database,
        publication: PUBLICATION,
        drainMs: 500,
        regions: Object.fromEntries(target(database).regions.map(({ name, databaseUrl }) => [name, { databaseUrl }])),
      },
    });

  describe('of LATIN1', () => {
    let [us, eu]: Runtime[] = [];
    const psql = async (sql: string): Promise<unknown> => {
      const pg = await import('pg');
      const client = new pg.default.Client({ connectionString: named(set.primary, 'latin1') });
      await client.connect();
      try {
        return await client.query(sql);
      } finally {
        await client.end();
      }
    };

    before(async () => {
      await psql(SQL);
      await setupDatabase(target('latin1'));
      await set.replicas[0]?.caughtUp(await set.primary.position());
      [us, eu] = [await serve('us', 'latin1'), await serve('eu', 'latin1')];
    });
    after(async () => {
      await Promise.all([us?.close(), eu?.close()]);
    });

    const read = (owner: string, options: ReadOptions = {}, tag = owner): Promise<ReadResult> =>
      (eu as Runtime).layer.read(OWNED, [owner], { dependsOn: [`board:${tag}`], ...options });
    const byCache = ({ servedBy }: ReadResult): boolean =>
      servedBy.length > 0 && servedBy.every(({ by }) => by === 'cache');
    const warm = (owner: string, tag = owner): Promise<ReadResult> =>
      until(
        'the cache answers',
        async () => {
          const result = await read(owner, {}, tag);
          return byCache(result) ? result : null;
        },
        PATIENCE,
      );
    const n = ({ rows }: ReadResult): unknown => rows[0]?.['n'];

    for (const owner of ['plain', 'café']) {
      it(`keep the promise for the tag board:${owner}`, async () => {
        const before = Number(n(await warm(owner)));
        const { data, token } = await ask<{ bump: number }>(
          (us as Runtime).url,
          `mutation { bump(owner: "${owner}") }`,
        );
        assert.equal(data?.bump, before + 1);
        assert.equal(n(await read(owner, { token })), before + 1);
        await until('it is so without a token', async () => n(await read(owner)) === before + 1, PATIENCE);
      });
    }

    it('accept tags with letters that their encoding does not have', async () => {
      for (const tag of ['€uro', '日本', '𝄞']) {
        const before = Number(n(await warm('plain', tag)));
        const { token } = await (us as Runtime).layer.transaction(
          (tx) => tx.query(`UPDATE counters SET n = n + 1 WHERE owner = 'plain'`),
          { tags: [`board:${tag}`] },
        );
        assert.equal(n(await read('plain', { token }, tag)), before + 1);
      }
    });

    it('start the tail again after a message that was written by hand in their own encoding', async () => {
      const before = Number(n(await warm('café')));
      await psql(
        `BEGIN; UPDATE counters SET n = n + 1 WHERE owner = 'café'; SELECT pg_logical_emit_message(true, 'meridian', '{"tags":["board:café"]}'::text); COMMIT`,
      );
      const { token } = await (us as Runtime).layer.read('SELECT 1', [], { level: 'STRONG' });
      assert.equal(n(await read('café', { token })), before + 1);
    });

    it('invalidate rows of tables, columns and values with accents, whichever program writes', async () => {
      const query = '{ book(title: "façade") { size state } books { title size } }';
      type Books = { book: { size: number; state: string }; books: { title: string; size: number }[] };
      const look = (token?: string | null) => ask<Books>((eu as Runtime).url, query, { token: token ?? '' });
      const cached = (): Promise<unknown> =>
        until(
          'the cache answers',
          async () => (((await look()).consistency?.servedBy.cache ?? 0) > 1 ? true : null),
          PATIENCE,
        );
      await cached();
      const { token, errors } = await ask(
        (us as Runtime).url,
        'mutation { resize(title: "façade", input: { size: 20 }) { book { size } } }',
      );
      assert.deepEqual(errors, []);
      assert.equal((await look(token)).data?.book.size, 20);
      for (const [sql, size, state] of [
        [`UPDATE "Bücher" SET "Größe" = 21, "état" = 'fermé' WHERE "clé" = 'façade'`, 21, 'fermé'],
        [`ALTER TABLE "Bücher" ALTER COLUMN "Größe" TYPE integer USING "Größe" + 1`, 22, 'fermé'],
      ] as const) {
        await cached();
        await psql(sql);
        const { token: now } = await (us as Runtime).layer.read('SELECT 1', [], { level: 'STRONG' });
        assert.deepEqual((await look(now)).data?.book, { size, state }, sql);
      }
      await cached();
      await psql('TRUNCATE "Bücher"');
      const { token: now } = await (us as Runtime).layer.read('SELECT 1', [], { level: 'STRONG' });
      assert.deepEqual((await look(now)).data, { book: null, books: [] });
    });

    it('replay outcomes with letters that their encoding does not have', async () => {
      const layer = (us as Runtime).layer;
      const idempotency = { key: 'outcome-with-letters' };
      const work = async () => ({ text: '€ 日本 é \u0000', é: 1 });
      const first = await layer.transaction(work, { idempotency });
      const second = await layer.transaction(async () => assert.fail('it ran again'), { idempotency });
      assert.deepEqual([first.replayed, second.replayed], [false, true]);
      assert.deepEqual(second.result, first.result);
    });

    it('refuse a value that they cannot store, and name it', async () => {
      const { errors } = await ask((us as Runtime).url, 'mutation { bump(owner: "日本") }');
      assert.equal(errors[0]?.extensions.code, 'BAD_USER_INPUT');
      assert.match(errors[0]?.message ?? '', /^"owner" holds a character that the database's encoding does not have/);
    });
  });

  it('are refused by check, setup and start if they are of SQL_ASCII, with what to do', async () => {
    const refusal = /encoding SQL_ASCII/;
    const findings = await checkDatabase(target('sql_ascii'));
    for (const region of ['us', 'eu'])
      assert.ok(
        findings.some(
          (f) => f.region === region && f.severity === 'error' && refusal.test(f.what) && /pg_dump/.test(f.fix ?? ''),
        ),
        JSON.stringify(findings),
      );
    for (const work of [
      () => setupDatabase(target('sql_ascii')),
      () => serve('us', 'sql_ascii', [{ name: 'none.graphql', body: 'type Query { one: Int }' }]),
    ]) {
      await assert.rejects(
        work,
        (error: unknown) => isMeridianError(error, 'DATABASE_NOT_READY') && refusal.test(error.message),
      );
    }
  });

  it('stop the tail once, as a gap, for a stored byte that UTF-8 has no equivalent for', async () => {
    const url = named(set.primary, 'win1252');
    const pg = await import('pg');
    const client = new pg.default.Client({ connectionString: url });
    await client.connect();
    await client.query('CREATE TABLE t (id int PRIMARY KEY, v text); CREATE PUBLICATION meridian FOR TABLE t');
    await using tail = follow({
      server: { url } as TestServer,
      primary: { url } as TestServer,
      options: { slotName: 'win' },
    });
    await until('the tail streams', () => tail.tail.state.kind === 'streaming' || null, PATIENCE);
    await client.query(`SET client_encoding = 'WIN1252'; INSERT INTO t VALUES (1, E'\\x81')`);
    await until(
      'the tail tells of a gap',
      () => tail.gaps.some((reason) => /no equivalent in UTF-8/.test(reason)) || null,
      PATIENCE,
    );
    await client.query(`INSERT INTO t VALUES (2, 'plain')`);
    await until(
      'it goes on',
      () =>
        tail.transactions.some(({ changes }) => changes[0]?.kind === 'insert' && changes[0].after?.['v'] === 'plain') ||
        null,
      PATIENCE,
    );
    await client.end();
  });
});
