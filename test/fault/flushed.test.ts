/**
 * Proves that a value that the primary shows before its WAL is flushed is not returned, cached or covered by a token
 * until it is flushed, since a crash would undo it and no new timeline would reveal that. Here only synchronous commits
 * flush the WAL for a long time: the WAL writer sleeps, and there is no heartbeat.
 */
import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, it } from 'node:test';
import pg from 'pg';
import { sleep } from '../../src/base/clock.ts';
import { isMeridianError } from '../../src/base/errors.ts';
import { parseLsn, type Lsn } from '../../src/base/lsn.ts';
import { createServer, createTelemetry, type Runtime } from '../../src/index.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { PostgresProber } from '../../src/postgres/read/probe.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { type Probe } from '../../src/region/prober.ts';
import { ask, TOKEN_SECRET, type Answer } from '../support/app.ts';
import { until } from '../support/observe.ts';
import { freePort } from '../support/ports.ts';
import { sql, startReader, tokenOf, type Reader } from '../support/readers.ts';
import { redisOrSkip, startScratchRedis, type ScratchRedis } from '../support/redis.ts';
import { startReplicaSet, type ReplicaSet } from '../support/replica-set.ts';
import { TEST_OPTIONS } from '../support/tail.ts';

const PATIENCE = { withinMs: 20_000 };
const HOUR_MS = 3_600_000;
const SDL = `
type Query { note(id: ID!): Note  notes: [Note!]! }
type Note @entity @key(fields: "id") { id: ID! text: String! }`;

let set: ReplicaSet;
let serial = 0;
const fresh = (): string => `text ${(serial += 1)}`;

/** Commits without a flush, by a session of its own; gives the position of the commit's end. */
async function unflushed(statement: string, values: unknown[] = []): Promise<Lsn> {
  const client = new pg.Client({ connectionString: set.primary.url });
  await client.connect();
  try {
    await client.query('SET synchronous_commit = off');
    await client.query(statement, values);
    const { rows } = await client.query<{ inserted: string; flushed: string }>(
      'SELECT pg_current_wal_insert_lsn()::text AS inserted, pg_current_wal_flush_lsn()::text AS flushed',
    );
    const [inserted, flushed] = [rows[0]?.inserted, rows[0]?.flushed].map((text) => parseLsn(text ?? ''));
    assert.ok(
      inserted !== undefined && flushed !== undefined && flushed < inserted,
      'it was flushed at once, so that nothing can be shown here',
    );
    return inserted;
  } finally {
    await client.end();
  }
}

const flushedLsn = (): Promise<Lsn> => set.primary.position();
const textNow = async (id: number): Promise<string | undefined> =>
  (await set.primary.query<{ text: string }>('SELECT text FROM note WHERE id = $1', [id]))[0]?.text;
const retitled = (id: number, text: string): Promise<Lsn> =>
  unflushed('UPDATE note SET text = $1 WHERE id = $2', [text, id]);

async function crash(): Promise<void> {
  await set.primary.stop('SIGQUIT');
  await set.primary.start();
}

before(async () => {
  set = await startReplicaSet(1, { wal_writer_delay: '10s', checkpoint_timeout: '1h', bgwriter_delay: '10s' });
  await set.primary.query(
    `CREATE TABLE note (id bigint PRIMARY KEY, text text NOT NULL); INSERT INTO note SELECT i, 'before' FROM generate_series(1, 50) AS i`,
  );
  // No flush but those that are asked for.
  await set.primary.query(
    `CREATE ROLE app LOGIN REPLICATION; GRANT pg_monitor TO app; GRANT ALL ON note TO app; REVOKE EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text, boolean) FROM PUBLIC`,
  );
});
after(async () => set?.[Symbol.asyncDispose]());

describe('a commit that is visible and not flushed', () => {
  let us: Reader;
  let eu: Reader;
  before(async () => {
    const urls = { us: set.primary.url, eu: set.replicas[0]?.url ?? '' };
    const options = { heartbeatMs: HOUR_MS };
    [us, eu] = [await startReader({ local: 'us', urls, options }), await startReader({ local: 'eu', urls, options })];
  });
  after(async () => {
    for (const part of [us, eu]) await part?.[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    // Some connections know that their server is a primary, others have to learn it.
    if (serial % 2 === 0) await us.read('SELECT 1');
  });

  /** Sees the row, or something that depends on it; gives the positions that whoever saw it has been told of. */
  const ways: Readonly<
    Record<string, (id: number, text: string) => Promise<{ readonly saw: unknown; readonly positions: readonly Lsn[] }>>
  > = {
    'by a read at the primary': async (id) => readBy(us, id),
    'by a read of a new connection': async (id) => {
      await using other = await startReader({
        local: 'us',
        urls: { us: set.primary.url },
        options: { heartbeatMs: HOUR_MS },
      });
      return readBy(other, id);
    },
    'by STRONG in another region': async (id) => {
      const { rows, token } = await eu.read(`SELECT text FROM note WHERE id = ${id}`, { level: 'STRONG' });
      return { saw: rows[0]?.['text'], positions: [...token.values()].map(({ lsn }) => lsn) };
    },
    'by SNAPSHOT': async (id) => {
      const { rows, token } = await us.read(`SELECT text FROM note WHERE id = ${id}`, { level: 'SNAPSHOT' });
      return { saw: rows[0]?.['text'], positions: [...token.values()].map(({ lsn }) => lsn) };
    },
    'in a transaction that writes nothing': async (id) => {
      const { result, position } = await us.writer.transaction(
        async (tx) => (await tx.query('SELECT text FROM note WHERE id = $1', [id])).rows,
      );
      return { saw: result[0]?.['text'], positions: [position.lsn] };
    },
    'in a pipelined one': async (id) => {
      const { result, position } = await us.writer.pipelined([sql('SELECT text FROM note WHERE id = $1', [id])]);
      return { saw: result[0]?.rows[0]?.['text'], positions: [position.lsn] };
    },
    'by what refuses a write': async (id, text) => {
      const told: Lsn[] = [];
      const work = us.writer.pipelined([sql('INSERT INTO note (id, text) VALUES ($1, $2)', [id, text])], {
        onRefused: ({ lsn }) => void told.push(lsn),
      });
      await assert.rejects(work, (error: unknown) => isMeridianError(error, 'CONSTRAINT_VIOLATION'));
      return { saw: text, positions: told };
    },
    'by work that gives up': async (id) => {
      const told: Lsn[] = [];
      let saw: unknown;
      const work = us.writer.transaction(
        async (tx) => {
          saw = (await tx.query('SELECT text FROM note WHERE id = $1', [id])).rows[0]?.['text'];
          throw new Error('given up');
        },
        { onRefused: ({ lsn }) => void told.push(lsn) },
      );
      await assert.rejects(work, /given up/);
      return { saw, positions: told };
    },
  };

  async function readBy(reader: Reader, id: number): Promise<{ saw: unknown; positions: Lsn[] }> {
    const { rows, token } = await reader.read(`SELECT text FROM note WHERE id = ${id}`);
    return { saw: rows[0]?.['text'], positions: [...token.values()].map(({ lsn }) => lsn) };
  }

  for (const [way, see] of Object.entries(ways)) {
    it(`is flushed before it is shown ${way}, and the position of the read covers it`, async () => {
      const [id, text] = [1000 + serial, fresh()];
      const commit = await unflushed('INSERT INTO note VALUES ($1, $2)', [id, text]);
      const { saw, positions } = await see(id, text);
      const flushed = await flushedLsn();
      assert.equal(saw, text);
      assert.ok(flushed >= commit, 'it was shown, and a crash would take it back');
      assert.ok(positions.length > 0, 'nobody was told of a position');
      for (const lsn of positions)
        assert.ok(
          lsn >= commit && lsn <= flushed,
          `its position ${lsn} does not lie between the commit, ${commit}, and what is flushed, ${flushed}`,
        );
    });
  }

  it("is flushed by Meridian's own writes, whatever their session or transaction asks for", async () => {
    const database = (value: string): Promise<unknown> =>
      set.primary.query(`ALTER DATABASE postgres SET synchronous_commit = ${value}`);
    await database('off');
    try {
      await using other = await startReader({
        local: 'us',
        urls: { us: set.primary.url },
        options: { heartbeatMs: HOUR_MS },
      });
      const { position } = await other.writer.pipelined([sql('UPDATE note SET text = $1 WHERE id = 1', [fresh()])]);
      assert.ok(position.lsn <= (await flushedLsn()));
    } finally {
      await database('on');
    }
    const { position } = await us.writer.transaction(async (tx) => {
      await tx.query('SET LOCAL synchronous_commit = off');
      await tx.query('UPDATE note SET text = $1 WHERE id = 1', [fresh()]);
    });
    assert.ok(position.lsn <= (await flushedLsn()));
  });

  it('by Meridian is not reported as committed when the primary ends before the flush', async () => {
    const url = set.primary.url.replace('postgres@', 'app@');
    // This role may not have it flushed, so that the write waits for the WAL writer.
    await using other = await startReader({
      local: 'us',
      urls: { us: url },
      options: { heartbeatMs: HOUR_MS, flushMs: 8_000 },
    });
    const write = async (): Promise<{ readonly text: string; readonly outcome: string }> => {
      const text = fresh();
      const outcome = other.writer
        .transaction(async (tx) => {
          await tx.query('SET LOCAL synchronous_commit = off');
          await tx.query('UPDATE note SET text = $1 WHERE id = 2', [text]);
        })
        .then(
          () => 'told',
          (error: unknown) => (isMeridianError(error) ? error.code : String(error)),
        );
      await until('it is visible', async () => (await textNow(2)) === text, PATIENCE);
      await sleep(100);
      await crash();
      return { text, outcome: await outcome };
    };
    let written = await write();
    // The WAL writer flushes every 10 s, which cannot be turned off: then the write is committed, and may be reported.
    for (let i = 0; i < 4 && (await textNow(2)) === written.text; i += 1) {
      await other.read('SELECT 1').catch(() => undefined);
      written = await write();
    }
    assert.notEqual(await textNow(2), written.text);
    assert.equal(written.outcome, 'WRITE_OUTCOME_UNKNOWN');
  });

  it('is flushed also when a deferred trigger made it asynchronous while others flush the WAL before it', async () => {
    await set.primary.query(`CREATE TABLE late (id bigint PRIMARY KEY);
      CREATE FUNCTION lazily() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.5), set_config('synchronous_commit', 'off', true); RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER lazily AFTER INSERT ON late DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION lazily()`);
    for (const id of [1, 2]) {
      const insert = sql('INSERT INTO late VALUES ($1)', [id]);
      const work = id === 1 ? us.writer.pipelined([insert]) : us.writer.transaction((tx) => tx.query(insert));
      await until(
        'the trigger runs',
        async () => (await set.primary.query(`SELECT FROM pg_stat_activity WHERE wait_event = 'PgSleep'`)).length > 0,
        PATIENCE,
      );
      await set.primary.query('UPDATE note SET text = text WHERE id = 7');
      await work;
      await crash();
      await until(
        'the primary is found again',
        () =>
          us.read('SELECT 1').then(
            () => true,
            () => false,
          ),
        PATIENCE,
      );
      assert.equal(
        (await set.primary.query('SELECT FROM late WHERE id = $1', [id])).length,
        1,
        'it was told of as committed, and the crash took it back',
      );
    }
  });

  it('is not shown, and leads to a typed error, when it is not flushed in time', async () => {
    const url = set.primary.url.replace('postgres@', 'app@');
    await using other = await startReader({
      local: 'us',
      urls: { us: url },
      options: { heartbeatMs: HOUR_MS, flushMs: 300 },
    });
    // A commit flushes everything before it; the server writes things of its own now and then.
    await until(
      'all is flushed',
      async () => {
        await us.writer.pipelined([sql('UPDATE note SET text = $1 WHERE id = 6', [fresh()])]);
        return other.read('SELECT 1').then(
          () => true,
          () => false,
        );
      },
      PATIENCE,
    );
    await retitled(3, fresh());
    await assert.rejects(
      other.read('SELECT text FROM note WHERE id = 3'),
      (error: unknown) => isMeridianError(error, 'CONSISTENCY_TIMEOUT') && /flushMs/.test(error.message),
    );
  });

  it('gets the time of the probe that first saw it, so that the lag of a stalled replica is known', async () => {
    const prober = new PostgresProber(new Map([['us', set.primary.url]]), defaultOptions());
    const look = (): Promise<Probe> => prober.probe('us', AbortSignal.timeout(2_000));
    try {
      const commit = await retitled(7, fresh());
      const before = await look();
      assert.deepEqual(before.covered, [], 'a position that is not flushed was taken for one that lasts');
      await us.writer.pipelined([sql('UPDATE note SET text = $1 WHERE id = 8', [fresh()])]);
      const after = await look();
      const dated = after.covered.find(({ timeMs }) => timeMs === before.serverTimeMs);
      assert.ok(dated !== undefined, 'the earlier look was forgotten');
      assert.ok(dated.lsn >= commit && dated.lsn < after.lsn);
    } finally {
      await prober.close();
    }
  });

  it('is gone after a crash if no read has shown it, and no token names its position', async () => {
    const { token } = await us.read('SELECT 1');
    // The WAL writer flushes every 10 s, which cannot be turned off: then nothing is lost, and the next row is tried.
    let row = 40;
    do {
      row += 1;
      const commit = await retitled(row, fresh());
      for (const { lsn } of token.values()) assert.ok(lsn < commit);
      await crash();
    } while (row < 45 && (await textNow(row)) !== 'before');
    const lost = `SELECT text FROM note WHERE id = ${row}`;
    await until(
      'the primary is found again',
      () =>
        us.read('SELECT 1').then(
          () => true,
          () => false,
        ),
      PATIENCE,
    );
    assert.equal((await us.read(lost, { token })).rows[0]?.['text'], 'before');
    // Its positions are taken by other records now.
    await us.writer.pipelined([sql('UPDATE note SET text = $1 WHERE id = 5', [fresh()])]);
    for (const reader of [us, eu])
      assert.equal(
        (
          await reader.read(lost, {
            token: tokenOf((await us.writer.pipelined([sql('SELECT 1')])).position),
          })
        ).rows[0]?.['text'],
        'before',
      );
  });
});

describe("the cache of the primary's region", { skip: redisOrSkip().skip }, () => {
  let redis: ScratchRedis;
  let servers: Runtime[] = [];
  type Shown = Answer<{ note: { text: string } | null }>;
  const NOTE = (id: number): string => `{ note(id: ${id}) { text } }`;
  const look = (id: number, token: string | null = '', server = servers[0]): Promise<Shown> =>
    ask((server as Runtime).url, NOTE(id), { token });
  const byCache = ({ consistency }: Shown): boolean => (consistency?.servedBy.cache ?? 0) > 0;
  const text = ({ data }: Shown): string | undefined => data?.note?.text;

  const serve = (): Promise<Runtime> =>
    createServer({
      files: [{ name: 'notes.graphql', body: SDL }],
      telemetry: createTelemetry({ level: process.env['MERIDIAN_TEST_LOG'] ?? 'silent', fields: { region: 'us' } }),
      settings: {
        region: 'us',
        port: 0,
        auth: 'none',
        tokenSecret: TOKEN_SECRET,
        regions: { us: { databaseUrl: set.primary.url, redisUrl: redis.url } },
        heartbeatMs: HOUR_MS,
        cacheLagMs: HOUR_MS,
        tailRetryMs: 50,
        probeMs: 100,
        drainMs: 200,
      },
    });

  /** Asks until a cache answers; every process of the region. */
  async function warm(id: number): Promise<void> {
    for (const server of servers)
      await until('the cache answers', async () => byCache(await look(id, '', server)), PATIENCE);
  }

  const shown = (id: number): Promise<string | undefined> =>
    until(
      'the server answers',
      async () => {
        const answer = await look(id);
        return answer.errors.length === 0 ? (text(answer) ?? 'nothing') : null;
      },
      PATIENCE,
    );

  before(async () => {
    redis = await startScratchRedis(redisOrSkip().program, await freePort());
    await setupDatabase({
      regions: [{ name: 'us', databaseUrl: set.primary.url, redisUrl: null, serverUrl: null }] as never,
      tables: [],
      schemas: ['public'],
      options: TEST_OPTIONS,
    });
    servers = [await serve(), await serve()];
  });
  after(async () => {
    await Promise.all(servers.map((server) => server.close()));
    await redis?.[Symbol.asyncDispose]();
  });

  it('shows after a crash what the database has, at every level and with every token', async () => {
    await warm(10);
    const phantom = fresh();
    await retitled(10, phantom);
    const seen = [await look(10), await look(10, '', servers[1])];
    await crash();
    const now = await textNow(10);
    for (const answer of seen)
      assert.ok(text(answer) !== phantom || now === phantom, 'it was shown, and the crash took it back');
    const { token } = await until(
      'a write succeeds',
      async () => {
        const answer = await (servers[0] as Runtime).layer
          .transaction((tx) => tx.query('UPDATE note SET text = text WHERE id = 49'))
          .catch(() => null);
        return answer;
      },
      PATIENCE,
    );
    for (const server of servers) {
      for (const sent of ['', token, ...seen.map((answer) => answer.token)])
        assert.equal(text(await look(10, sent, server)), now);
    }
  });

  it('begins a new generation when the primary has crashed or restarted, also unobserved, or one of its processes has crashed', async () => {
    const epoch = async (): Promise<string> => {
      const { Redis } = await import('ioredis');
      const client = new Redis(redis.url);
      try {
        for (const key of await client.keys('*'))
          if ((await client.type(key)) === 'zset')
            return ((await client.zrange(key, 0, 0))[0] ?? '').split(' ')[0] ?? '';
        return '';
      } finally {
        client.disconnect();
      }
    };
    const breaks: Readonly<Record<string, () => Promise<void>>> = {
      crash,
      restart: async () => {
        await set.primary.stop('SIGINT');
        await set.primary.start();
      },
      'a backend killed': async () => {
        const [victim] = await set.primary.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
        process.kill(victim?.pid ?? assert.fail('no process'), 'SIGKILL');
        await until(
          'the server is back',
          () =>
            set.primary.query('SELECT 1').then(
              () => true,
              () => false,
            ),
          PATIENCE,
        );
      },
      'crash while nobody watched': async () => {
        await Promise.all(servers.map((server) => server.close()));
        await crash();
        servers = [await serve(), await serve()];
      },
    };
    for (const [what, happens] of Object.entries(breaks)) {
      await warm(11);
      const earlier = await epoch();
      assert.notEqual(earlier, '', what);
      await happens();
      await until(`the cache begins anew after ${what}`, async () => (await epoch()) !== earlier, PATIENCE);
      assert.equal(await shown(11), await textNow(11), what);
    }
    const before = await epoch();
    await warm(11);
    // Its own process ended, and nothing else: what Redis has is gone on with.
    await servers[0]?.close();
    servers[0] = await serve();
    await warm(11);
    assert.equal(await epoch(), before);
  });
});
