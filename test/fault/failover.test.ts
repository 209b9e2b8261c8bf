/**
 * Proves what happens to tokens in a failover: no server honours the token of a lost write, and every server honours
 * all other tokens, from the moment of the promotion on.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Position } from '../../src/base/lineage.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { AP, EU, startTestApp, US, type Answer, type TestApp } from '../support/app.ts';
import { until } from '../support/observe.ts';

const SECRET = 'the secret of this test';
const RENAME =
  'mutation($id: ID!, $name: String!) { updateUser(id: $id, input: { name: $name }) { user { name organization { id } } token } }';
const NAME = 'query($id: ID!) { user(id: $id) { name } }';
const LEVELS = [
  '',
  '@consistent',
  '@consistent(level: STRONG)',
  '@consistent(level: SNAPSHOT)',
  '@consistent(level: BOUNDED, maxLagMs: 600000)',
];
const REGIONS = [US, EU, AP];

type Named = { readonly user: { readonly name: string } };
type Renamed = { readonly updateUser: { readonly user: { readonly name: string }; readonly token: string } };

const codec = new TokenCodec({ secrets: [SECRET], maxTokenBytes: 4_096 });
const positionOf = (token: string | null): Position => [...codec.decode(token ?? '').values()][0] as Position;
const codesOf = (answer: Answer<unknown>): readonly string[] => answer.errors.map(({ extensions }) => extensions.code);

describe('a failover', () => {
  let app: TestApp;
  /** Names a write that survives, and one that does not. */
  let kept = '';
  let lost = '';

  before(async () => {
    app = await startTestApp({
      scale: 0.1,
      settings: { tokenSecret: SECRET, heartbeatMs: 200, maxWaitMs: 500, connectMs: 600 },
    });
  });
  after(async () => app?.[Symbol.asyncDispose]());

  const rename = (region: string, id: number, name: string, token?: string): Promise<Answer<Renamed>> =>
    app.gql<Renamed>(region, RENAME, { variables: { id, name }, ...(token === undefined ? {} : { token }) });
  const written = async (region: string, id: number, name: string, token?: string): Promise<string> => {
    const answer = await rename(region, id, name, token);
    assert.deepEqual(answer.errors, [], `${region} ${name}`);
    return answer.token ?? '';
  };
  const read = (region: string, id: number, token: string, directive = ''): Promise<Answer<Named>> =>
    app.gql<Named>(region, directive === '' ? NAME : NAME.replace(' {', ` ${directive} {`), {
      variables: { id },
      token,
    });
  /** Points a replica at another region's server, without a restart; or at nobody, which ends its WAL receiver. */
  const follow = async (region: string, upstream: string | null): Promise<void> => {
    const port = upstream === null ? 1 : app.cluster.cluster.wan.port(region, upstream, 'replication');
    const [row] = await app.cluster.query<{ conninfo: string }>(
      region,
      `SELECT current_setting('primary_conninfo') AS conninfo`,
    );
    const conninfo = row?.conninfo.replace(/port='?\d+'?/, `port=${port}`) ?? '';
    await app.cluster.query(region, `ALTER SYSTEM SET primary_conninfo = '${conninfo.replaceAll("'", "''")}'`);
    await app.cluster.query(region, `ALTER SYSTEM SET primary_slot_name = ''`);
    await app.cluster.query(region, 'SELECT pg_reload_conf()');
  };
  const stored = async (region: string, id: number): Promise<string | undefined> =>
    (await app.cluster.query<{ name: string }>(region, 'SELECT name FROM users WHERE id = $1', [id]))[0]?.name;

  it('never leads to an answer that claims a lost write, from the moment of the promotion on', async () => {
    kept = await written(US, 1, 'kept');
    await app.cluster.caughtUp();
    // In this order, so that AP has nothing that EU has not: it could not follow EU otherwise.
    await app.cluster.cut(US, AP, 'replication');
    await app.cluster.cut(US, EU, 'replication');
    await written(US, 2, 'lost');
    const seen = await read(US, 2, '');
    assert.equal(seen.data?.user.name, 'lost');
    lost = seen.token ?? '';
    await app.cluster.killPostgres(US);

    // Asked without a pause while the roles change: from the promotion on every answer is an error, in the end the one
    // that tells the loss.
    let over = false;
    let promoted = false;
    const claims: string[] = [];
    const last = new Map<string, string>();
    const asking = REGIONS.flatMap((region) =>
      LEVELS.map(async (level) => {
        while (!over) {
          const early = !promoted;
          const answer = await read(region, 2, lost, level);
          // Until another server is promoted nothing is lost: the cache of the primary's own region may have had the
          // write applied already.
          const isOwn = early && region === US && answer.consistency?.servedBy.cache === 1;
          if (answer.errors.length === 0 && !isOwn)
            claims.push(`${region} ${level}: ${JSON.stringify(answer.data)} by ${JSON.stringify(answer.consistency)}`);
          last.set(`${region} ${level}`, codesOf(answer).join());
        }
      }),
    );
    await app.cluster.promote(EU);
    promoted = true;
    await follow(AP, EU);
    try {
      await until(
        'every region tells the loss',
        () => last.size === asking.length && [...last.values()].every((code) => code === 'CONSISTENCY_LOST'),
        { withinMs: 15_000 },
      );
    } finally {
      over = true;
      await Promise.all(asking);
      assert.deepEqual([claims.slice(0, 5), claims.length], [[], 0], JSON.stringify([...last]));
    }
  });

  it('leaves tokens of surviving writes valid, and servers follow the new primary', async () => {
    const token = await until('writes go to the new primary', async () => {
      const answer = await rename(US, 3, 'after');
      return answer.errors.length === 0 ? answer.token : null;
    });
    assert.equal(positionOf(token).timeline, 2);
    for (const region of REGIONS) {
      for (const level of LEVELS) {
        const [one, three] = [await read(region, 1, kept, level), await read(region, 3, token, level)];
        assert.deepEqual(
          [one.errors, one.data?.user.name, three.errors, three.data?.user.name],
          [[], 'kept', [], 'after'],
          `${region} ${level}`,
        );
      }
    }
    // AP answers by itself again: its replica, or its cache, which is no older.
    await until(
      'AP is served in its own region',
      async () => (await read(AP, 3, token)).consistency?.servedBy.primary === 0,
      { withinMs: 30_000 },
    );
  });

  it('leaves one region with the role of the primary, and the role of the stopped region is unknown', () => {
    for (const region of REGIONS) {
      const roles = app
        .server(region)
        .layer.regionHealth()
        .map((report) => [report.region, report.role]);
      assert.deepEqual(
        roles,
        [
          [US, null],
          [EU, 'primary'],
          [AP, 'replica'],
        ],
        `as ${region} sees it`,
      );
    }
  });

  it('makes servers refuse a mutation whose token names a lost write, and nothing is written', async () => {
    for (const region of REGIONS) {
      const answer = await rename(region, 4, `by ${region}`, lost);
      assert.deepEqual(codesOf(answer), ['CONSISTENCY_LOST'], JSON.stringify(answer));
      assert.deepEqual(codesOf(await read(region, 2, answer.token ?? lost)), ['CONSISTENCY_LOST']);
    }
    assert.doesNotMatch((await stored(EU, 4)) ?? '', /^by /);
    await assert.rejects(
      app.server(AP).layer.transaction((tx) => tx.query('SELECT 1'), { token: lost }),
      { code: 'CONSISTENCY_LOST' },
    );
  });

  it('does not hide the loss when a token is merged with a later one, or was used for a read that may be stale', async () => {
    const young = await written(EU, 5, 'young');
    for (const region of REGIONS) {
      for (const joined of [`${lost},${young}`, `${young},${lost}`])
        assert.deepEqual(codesOf(await read(region, 2, joined)), ['CONSISTENCY_LOST'], region);
      const eventual = await read(region, 2, lost, '@consistent(level: EVENTUAL)');
      assert.deepEqual(eventual.errors, []);
      assert.deepEqual(codesOf(await read(region, 2, eventual.token ?? '')), ['CONSISTENCY_LOST'], region);
    }
  });

  it('leaves the timeline of a replica known although its primary cannot be reached', async () => {
    const token = await written(EU, 6, 'before the cut');
    assert.equal((await read(AP, 6, token)).data?.user.name, 'before the cut');
    await until('AP has it', async () => (await read(AP, 6, token)).consistency?.servedBy.primary === 0);
    await app.cluster.cut(EU, AP);
    try {
      await follow(AP, null);
      await until(
        'the receiver is gone',
        async () => (await app.cluster.query(AP, 'SELECT FROM pg_stat_wal_receiver')).length === 0,
      );
      // A server that has just started knows no history, and its connections never saw the receiver.
      await app.stopServer(AP);
      await app.startServer(AP);
      const alone = await read(AP, 6, '');
      assert.deepEqual([alone.errors, alone.data?.user.name], [[], 'before the cut']);
      assert.equal(positionOf(alone.token).timeline, 2, 'a read reported the timeline before the failover');
      for (const level of LEVELS) {
        const answer = await read(AP, 2, lost, level);
        assert.notDeepEqual(answer.errors, [], `${level}: ${JSON.stringify(answer.consistency)}`);
      }
    } finally {
      await app.cluster.heal(EU, AP);
      await follow(AP, EU);
    }
    await until('AP tells the loss', async () => codesOf(await read(AP, 2, lost))[0] === 'CONSISTENCY_LOST', {
      withinMs: 10_000,
    });
    await until('AP honours what it told', async () => (await read(AP, 6, token)).data?.user.name === 'before the cut');
  });

  it('does not make servers trust the old primary when it comes back', async () => {
    await app.cluster.startPostgres(US);
    assert.equal(await stored(US, 2), 'lost');
    const token = await written(EU, 7, 'by the new one');
    for (let i = 0; i < 40; i += 1) {
      for (const region of REGIONS) {
        assert.deepEqual(codesOf(await read(region, 2, lost)), ['CONSISTENCY_LOST'], region);
        assert.equal((await read(region, 7, token)).data?.user.name, 'by the new one', region);
      }
    }
    const answer = await rename(US, 8, 'where to');
    assert.equal(positionOf(answer.token).timeline, 2);
  });

  it('makes no server a primary whose timeline is older than that of a replica', async () => {
    await app.cluster.cut(EU, AP);
    try {
      await app.stopServer(AP);
      await app.startServer(AP);
      // AP sees the old primary and its own replica of the new one.
      for (const level of LEVELS) assert.notDeepEqual((await read(AP, 2, lost, level)).errors, [], level);
      const answer = await rename(AP, 8, 'by AP alone');
      assert.deepEqual(codesOf(answer), ['PRIMARY_UNAVAILABLE']);
      assert.notEqual(await stored(US, 8), 'by AP alone');
    } finally {
      await app.cluster.heal(EU, AP);
    }
    await until('AP writes to the new primary', async () => (await rename(AP, 8, 'by AP again')).errors.length === 0, {
      withinMs: 10_000,
    });
    assert.equal(await stored(EU, 8), 'by AP again');
  });

  it('prevents writes at the old primary for a client that has seen the new one', async () => {
    const token = await written(EU, 9, 'young');
    // US sees nobody but the old primary, from its start on.
    await app.cluster.cut(US, EU);
    await app.cluster.cut(US, AP);
    try {
      await app.stopServer(US);
      await app.startServer(US);
      for (const level of LEVELS) assert.notDeepEqual((await read(US, 9, token, level)).errors, [], level);
      const answer = await rename(US, 9, 'on the old branch', token);
      assert.notDeepEqual(answer.errors, [], JSON.stringify(answer));
      assert.notEqual(await stored(US, 9), 'on the old branch');
      assert.deepEqual(
        answer.errors.map(({ extensions }) => extensions['retryable']),
        [true],
        'the token is good: the server has the wrong picture, which may pass',
      );
    } finally {
      await app.cluster.heal(US, EU);
      await app.cluster.heal(US, AP);
    }
  });
});
