/**
 * Proves cookie mode over HTTP: clients that store nothing but their cookies see their own writes, in any region and in
 * whatever order answers arrive.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type ClusterId, type Position } from '../../src/base/lineage.ts';
import { toLsn } from '../../src/base/lsn.ts';
import { TokenCodec } from '../../src/consistency/token.ts';
import { AP, EU, startTestApp, TOKEN_SECRET, US, type Answer, type TestApp } from '../support/app.ts';
import { CookieJar } from '../support/cookie-jar.ts';
import { until } from '../support/observe.ts';
import { seeded } from '../support/random.ts';

const NAME = 'query($id: ID!) { user(id: $id) { name } }';
const RENAME = 'mutation($id: ID!, $name: String!) { updateUser(id: $id, input: { name: $name }) { user { name } } }';
const STRANGER: Position = { cluster: 'AAAAAAAA' as ClusterId, timeline: 3, lsn: toLsn(77n) };
const codec = new TokenCodec({ secrets: [TOKEN_SECRET], maxTokenBytes: 4_096 });
const tokenOf = (...positions: readonly Position[]): string =>
  codec.encode(new Map(positions.map((position) => [position.cluster, position]))) ?? '';
const cookieOf = (token: string): string =>
  `meridian-${(token.split('.')[2] ?? 'no-such').slice(0, 10).padEnd(10, 'x')}=${token}`;

interface Named {
  readonly user: { readonly name: string } | null;
}
interface Sent {
  readonly variables?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}
interface Raw<D> extends Omit<Answer<D>, 'ms'> {
  readonly response: Response;
  readonly url: string;
}

describe('token cookies over HTTP', () => {
  let app: TestApp;
  before(async () => {
    app = await startTestApp({
      scale: 0.05,
      forwarding: true,
      settings: { tokenCookie: 'meridian', corsOrigins: 'https://app.example.com', corsCredentials: true },
    });
  });
  after(async () => app[Symbol.asyncDispose]());

  /** Sends with the cookies as they are now; what the answer sets is for the caller to take. */
  async function send<D = Named>(
    jar: CookieJar | null,
    region: string,
    query: string,
    { variables = {}, headers = {} }: Sent = {},
  ): Promise<Raw<D>> {
    const { url } = app.server(region);
    const cookie = jar?.header(url);
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(cookie === undefined ? {} : { cookie }), ...headers },
      body: JSON.stringify({ query, variables }),
    });
    const body = (await response.json()) as {
      data?: D | null;
      errors?: Answer['errors'];
      extensions?: { consistency?: Answer['consistency'] };
    };
    return {
      response,
      url,
      status: response.status,
      token: response.headers.get('consistency-token'),
      data: body.data ?? null,
      errors: body.errors ?? [],
      consistency: body.extensions?.consistency ?? null,
    };
  }
  const take = (jar: CookieJar, { response, url }: Raw<unknown>): void =>
    jar.take(url, response.headers.getSetCookie());
  async function ask<D = Named>(jar: CookieJar, region: string, query: string, sent?: Sent): Promise<Raw<D>> {
    const answer = await send<D>(jar, region, query, sent);
    take(jar, answer);
    return answer;
  }
  const rename = (jar: CookieJar, region: string, id: number, name: string): Promise<Raw<unknown>> =>
    ask(jar, region, RENAME, { variables: { id, name } });
  const nameIn = async (jar: CookieJar | null, region: string, id: number): Promise<string | undefined> =>
    (await send(jar, region, NAME, { variables: { id } })).data?.user?.name;
  const held = (jar: CookieJar): string[] => jar.cookies.map(({ value }) => value);
  const codesOf = ({ errors }: Raw<unknown>): string[] => errors.map(({ extensions }) => extensions.code);
  async function paused(work: () => Promise<void>): Promise<void> {
    await app.cluster.pauseReplay(AP);
    try {
      await work();
    } finally {
      await app.cluster.resumeReplay(AP);
    }
    await app.cluster.caughtUp(AP);
  }
  /** The position of this cluster that a fresh answer names. */
  async function here(): Promise<Position> {
    const { token } = await send(null, US, NAME, { variables: { id: 1 } });
    const [position] = codec.decode(token ?? '').values();
    assert.ok(position);
    return position;
  }
  /** A jar with these tokens. */
  function jarOf(...tokens: readonly string[]): CookieJar {
    const jar = new CookieJar();
    jar.take(
      app.server(AP).url,
      tokens.map((token) => `${cookieOf(token)}; Path=/graphql; Max-Age=600`),
    );
    return jar;
  }

  it('show a write of one region to a client that reads in another whose replay is paused, and the write is missing without the cookie', async () => {
    await paused(async () => {
      for (let i = 0; i < 10; i += 1) {
        const jar = new CookieJar();
        await rename(jar, i % 2 === 0 ? EU : AP, 1, `written ${i}`);
        assert.equal(await nameIn(jar, AP, 1), `written ${i}`);
        assert.equal(jar.cookies.length, 1);
      }
      assert.doesNotMatch((await nameIn(null, AP, 1)) ?? '', /^written/);
    });
  });

  it('cannot be read by scripts, and are not sent to other sites or other paths', async () => {
    const jar = new CookieJar();
    await rename(jar, US, 2, 'any');
    assert.deepEqual(
      jar.cookies.map(({ name, path, domain, hostOnly, secure, httpOnly, sameSite }) => ({
        name: name.replace(/-[\w-]{10}$/, ''),
        path,
        domain,
        hostOnly,
        secure,
        httpOnly,
        sameSite,
      })),
      [
        {
          name: 'meridian',
          path: '/graphql',
          domain: '127.0.0.1',
          hostOnly: true,
          secure: true,
          httpOnly: true,
          sameSite: 'strict',
        },
      ],
    );
    assert.equal(jar.header(app.server(AP).url.replace('/graphql', '/metrics')), undefined);
  });

  it('lose a write if one cookie holds only the last token, and none if each token has its own cookie', async () => {
    await paused(async () => {
      const jar = new CookieJar();
      const [wrote, looked] = [
        await send(jar, EU, RENAME, { variables: { id: 3, name: 'mine' } }),
        await send(jar, AP, NAME, { variables: { id: 4 } }),
      ];
      // The read was answered by a region that is behind, and its answer comes last.
      const plain = looked.token ?? '';
      assert.notEqual(
        (await send(null, AP, NAME, { variables: { id: 3 }, headers: { 'consistency-token': plain } })).data?.user
          ?.name,
        'mine',
        'the token that overwrote the other does not know of the write',
      );
      take(jar, wrote);
      take(jar, looked);
      assert.equal(await nameIn(jar, AP, 3), 'mine');
    });
  });

  it('lose no token in any order in which three requests are sent and answered', async () => {
    const orders = seeded(7)
      .shuffled([...interleavings([0, 0, 1, 1, 2, 2])])
      .slice(0, 30);
    await paused(async () => {
      const jar = new CookieJar();
      for (const [n, order] of orders.entries()) {
        const sent: readonly (() => Promise<Raw<unknown>>)[] = [
          () => send(jar, EU, RENAME, { variables: { id: 5, name: `five ${n}` } }),
          () => send(jar, AP, NAME, { variables: { id: 7 } }),
          () => send(jar, US, RENAME, { variables: { id: 6, name: `six ${n}` } }),
        ];
        const answers = new Map<number, Raw<unknown>>();
        for (const i of order) {
          const answer = answers.get(i);
          if (answer === undefined) answers.set(i, await (sent[i] as () => Promise<Raw<unknown>>)());
          else take(jar, answer);
        }
        assert.deepEqual(
          [await nameIn(jar, AP, 5), await nameIn(jar, AP, 6)],
          [`five ${n}`, `six ${n}`],
          order.join(' '),
        );
        assert.ok(jar.cookies.length <= 3, `${jar.cookies.length} cookies`);
      }
    });
  });

  it('are used together with a header, and only the header adds extensions to the answer', async () => {
    await paused(async () => {
      const jar = new CookieJar();
      await rename(jar, EU, 8, 'by cookie');
      const other = await send(null, US, RENAME, { variables: { id: 9, name: 'by header' } });
      const alone = await send(jar, AP, NAME, { variables: { id: 8 } });
      assert.equal(alone.consistency, null);
      const both = await send<{ a: Named['user']; b: Named['user'] }>(
        jar,
        AP,
        '{ a: user(id: 8) { name } b: user(id: 9) { name } }',
        { headers: { 'consistency-token': other.token ?? '' } },
      );
      assert.deepEqual(
        [both.data?.a?.name, both.data?.b?.name, both.consistency?.level],
        ['by cookie', 'by header', 'SESSION'],
      );
      const asked = await send(jar, AP, NAME, { variables: { id: 8 }, headers: { 'consistency-token': '' } });
      assert.deepEqual([asked.data?.user?.name, asked.consistency?.level], ['by cookie', 'SESSION']);
      const bare = 'query($id: ID!) @consistent { user(id: $id) { name } }';
      assert.equal((await send(jar, AP, bare, { variables: { id: 8 } })).consistency?.level, 'SESSION');
      assert.equal((await send(null, AP, bare, { variables: { id: 8 } })).consistency?.level, 'STRONG');
    });
  });

  it("are forwarded with a mutation to the primary's region, and come back", async () => {
    const jar = jarOf(tokenOf(STRANGER));
    const answer = await rename(jar, AP, 10, 'forwarded');
    assert.equal(answer.consistency?.writes, 'forwarded');
    const [token = '', ...more] = held(jar);
    assert.deepEqual([codec.decode(token).get(STRANGER.cluster), codec.decode(token).size, more], [STRANGER, 2, []]);
  });

  it('are dropped without an error when they are invalid, whereas an invalid header is reported', async () => {
    const strange = new TokenCodec({ secrets: ['the secret of another graph'], maxTokenBytes: 4_096 });
    const position = await here();
    const bad = [
      strange.encode(new Map([[position.cluster, position]])) ?? '',
      'm1.nonsense',
      'm1.AAAA.BBBBBBBBBBBBBBBBBBBBBB',
    ];
    for (const query of ['{ user(id: 1) { name } }', '{ user(id: 1', '{ nothing }']) {
      const jar = jarOf(...bad, tokenOf(STRANGER));
      jar.take(app.server(AP).url, ['theme=dark; Path=/']);
      const answer = await ask(jar, AP, query);
      assert.deepEqual([answer.status, codesOf(answer).filter((code) => code.startsWith('CONSISTENCY'))], [200, []]);
      assert.equal(jar.cookies.length, 2, `${query}: ${JSON.stringify(jar.cookies)}`);
    }
    const jar = jarOf(tokenOf(position));
    const told = await ask(jar, AP, NAME, { variables: { id: 1 }, headers: { 'consistency-token': bad[0] ?? '' } });
    assert.deepEqual([codesOf(told), held(jar)], [['CONSISTENCY_TOKEN_FORGED'], [tokenOf(position)]]);
  });

  it('report once a position that the primary never reached, and keep the positions of other clusters', async () => {
    const position = await here();
    const jar = jarOf(tokenOf({ ...position, lsn: toLsn(position.lsn + (1n << 40n)) }, STRANGER));
    assert.deepEqual(codesOf(await ask(jar, AP, NAME, { variables: { id: 1 } })), ['CONSISTENCY_TOKEN_FUTURE']);
    assert.deepEqual(held(jar), [tokenOf(STRANGER)]);
    const next = await ask(jar, AP, NAME, { variables: { id: 1 } });
    assert.deepEqual(
      [codesOf(next), held(jar).length, codec.decode(held(jar)[0] ?? '').get(STRANGER.cluster)],
      [[], 1, STRANGER],
    );
  });

  it('are refused when there are too many, and that answer removes them', async () => {
    const position = await here();
    const jar = jarOf(
      ...Array.from({ length: 65 }, (_, i) => tokenOf({ ...position, lsn: toLsn(position.lsn - BigInt(i)) })),
    );
    const answer = await ask(jar, AP, NAME, { variables: { id: 1 } });
    assert.deepEqual([codesOf(answer), jar.cookies.length], [['CONSISTENCY_TOKEN_MALFORMED'], 0]);
    assert.equal(
      answer.errors[0]?.message,
      "The request's cookies cannot be honoured: it has 65 cookies with tokens, and 64 are the limit. They are expired with this answer: check what you see, and go on without them.",
    );
    assert.deepEqual(codesOf(await ask(jar, AP, NAME, { variables: { id: 1 } })), []);
  });

  it('prevent intermediate caches from storing an answer, and work for pages of listed origins', async () => {
    const got = await fetch(`${app.server(AP).url}?query={user(id:1){name}}`, {
      headers: { 'apollo-require-preflight': 'yes', origin: 'https://app.example.com' },
    });
    assert.equal(got.headers.getSetCookie().length, 1);
    assert.deepEqual(
      [got.headers.get('cache-control'), got.headers.get('access-control-allow-credentials')],
      ['private, no-store', 'true'],
    );
  });

  it('report a lost write once, also when a server of another region has reported it, and keep later positions', async () => {
    const before = await here();
    await app.cluster.caughtUp();
    await app.cluster.promote(EU);
    await app.cluster.killPostgres(US);
    const young = await until(
      'EU writes',
      async () => (await send(null, EU, RENAME, { variables: { id: 1, name: 'after' } })).token,
      { withinMs: 20_000 },
    );
    assert.equal(codec.decode(young ?? '').get(before.cluster)?.timeline, 2);
    const lost = tokenOf({ ...before, lsn: toLsn(1n << 60n) }, STRANGER);
    for (const query of [NAME, RENAME]) {
      const jar = jarOf(lost, young ?? '');
      assert.deepEqual(codesOf(await ask(jar, AP, query, { variables: { id: 1, name: 'not written' } })), [
        'CONSISTENCY_LOST',
      ]);
      assert.deepEqual(held(jar).toSorted(), [young, tokenOf(STRANGER)].toSorted());
      const next = await ask(jar, AP, query, { variables: { id: 1, name: 'written' } });
      assert.deepEqual([codesOf(next), held(jar).length], [[], 1], JSON.stringify(next.errors));
    }
  });
});

/** Every order of the given items, each once. */
function* interleavings(items: readonly number[]): Generator<readonly number[]> {
  if (items.length === 0) yield [];
  for (const item of new Set(items))
    for (const rest of interleavings(items.toSpliced(items.indexOf(item), 1))) yield [item, ...rest];
}
