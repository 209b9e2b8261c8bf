/**
 * Proves cookie mode at both gateways: clients that keep nothing but their cookies hold what answers told, whatever
 * order those come in, and are told once of what is lost.
 */
import assert from 'node:assert/strict';
import { after, afterEach, before, describe, it } from 'node:test';
import { RemoteGraphQLDataSource } from '@apollo/gateway';
import { ApolloServer, type ApolloServerPlugin } from '@apollo/server';
import { startStandaloneServer } from '@apollo/server/standalone';
import { isMeridianError } from '../../../src/base/errors.ts';
import { type ClusterId, type Position } from '../../../src/base/lineage.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { TokenCodec } from '../../../src/consistency/token.ts';
import { meridianApollo } from '../../../src/gateway/apollo.ts';
import { settingsOf, type CookieOptions } from '../../../src/gateway/options.ts';
import { type Answer } from '../../support/app.ts';
import { CookieJar } from '../../support/cookie-jar.ts';
import { compose } from '../../support/compose.ts';
import { GATEWAY_KINDS, startGateway, type TestGateway } from '../../support/gateways.ts';
import { seeded } from '../../support/random.ts';
import {
  CLUSTERS,
  startStubs,
  STUB_SECRET,
  stubCodec,
  type Came,
  type Disturbed,
  type StubGraph,
} from '../../support/stub-subgraphs.ts';

type Lsns = Partial<Record<keyof typeof CLUSTERS, number>>;

const COOKIES: CookieOptions = { name: 'graph', path: '/', count: 8 };
const READ = '{ user(id: 1) { name } }';
const TASKS = '{ tasks { title } }';
const BOTH = '{ users { name } tasks { title } }';
const RENAME = 'mutation { renameUser(id: 1, name: "x") { name } }';
const CREATE = 'mutation { createTask(title: "y") { title } }';

const tokenOf = (lsns: Lsns, codec = stubCodec): string =>
  codec.encode(
    new Map(
      Object.entries(lsns).map(([name, lsn]): [ClusterId, Position] => {
        const cluster = CLUSTERS[name as keyof typeof CLUSTERS] as ClusterId;
        return [cluster, { cluster, timeline: 1, lsn: toLsn(BigInt(lsn)) }];
      }),
    ),
  ) ?? '';
const FORGED = tokenOf(
  { accounts: 1 },
  new TokenCodec({ secrets: ['the secret of another graph'], maxTokenBytes: 4_096 }),
);
const cookieOf = (token: string): string =>
  `graph-${(token.split('.')[2] ?? '').slice(0, 10)}=${token}; Path=/; Max-Age=600`;

interface Body {
  readonly data?: unknown;
  readonly errors?: Answer['errors'];
  readonly extensions?: object;
}
interface Raw {
  readonly response: Response;
  readonly bodies: readonly Body[];
}

for (const kind of GATEWAY_KINDS) {
  describe(`cookies at ${kind}`, () => {
    let graph: StubGraph;
    let signing: TestGateway;
    let holding: TestGateway;
    let without: TestGateway;

    before(async () => {
      graph = await startStubs();
      const supergraph = compose(graph.subgraphs);
      signing = await startGateway({
        kind,
        supergraph,
        batching: true,
        options: { tokenSecret: STUB_SECRET, cookies: COOKIES },
      });
      holding = await startGateway({ kind, supergraph, batching: true, options: { cookies: COOKIES } });
      without = await startGateway({ kind, supergraph, options: { tokenSecret: STUB_SECRET } });
    });
    afterEach(() => {
      graph.disturb = null;
      graph.take();
    });
    after(async () => {
      for (const one of [signing, holding, without, graph]) await one[Symbol.asyncDispose]();
    });

    /**
     * Sends one operation, or a list of them, with the cookies as they are now; what the answer sets is for the caller
     * to take.
     */
    async function send(
      jar: CookieJar,
      query: string | readonly string[],
      gateway = signing,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<Raw> {
      const cookie = jar.header(gateway.url);
      const operations = typeof query === 'string' ? { query } : query.map((one) => ({ query: one }));
      const response = await fetch(gateway.url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...(cookie === undefined ? {} : { cookie }), ...headers },
        body: JSON.stringify(operations),
      });
      const body = (await response.json()) as Body | readonly Body[];
      return { response, bodies: [body].flat() };
    }
    const take = (jar: CookieJar, { response }: Raw): void => jar.take(signing.url, response.headers.getSetCookie());
    async function ask(
      jar: CookieJar,
      query: string | readonly string[],
      gateway = signing,
      headers: Readonly<Record<string, string>> = {},
    ): Promise<Raw> {
      const answer = await send(jar, query, gateway, headers);
      take(jar, answer);
      return answer;
    }
    const codesOf = ({ bodies }: Raw): string[] =>
      bodies.flatMap(({ errors = [] }) => errors.map(({ extensions }) => extensions.code));
    const held = (jar: CookieJar): string[] => jar.cookies.map(({ value }) => value).toSorted();
    function jarOf(...tokens: readonly string[]): CookieJar {
      const jar = new CookieJar();
      jar.take(signing.url, tokens.map(cookieOf));
      return jar;
    }
    /** What the client's next request tells subgraphs, by cluster. */
    async function known(jar: CookieJar, gateway = signing): Promise<Readonly<Record<string, number>>> {
      graph.take();
      assert.deepEqual(codesOf(await send(jar, READ, gateway)), []);
      return graph.lsns(graph.take()[0]?.headers['consistency-token'] ?? '');
    }
    const refusal = (code: string, details?: object): Disturbed => ({
      status: 200,
      body: {
        data: null,
        errors: [{ message: 'Drop it.', extensions: { code, retryable: false, ...(details ? { details } : {}) } }],
      },
    });
    /** As a server of that cluster does after a failover that ended below `lsn`. */
    const losing =
      (cluster: keyof typeof CLUSTERS, lsn: number, code = 'CONSISTENCY_LOST') =>
      ({ subgraph, headers }: Came): Disturbed | undefined =>
        subgraph === cluster && (graph.lsns(headers['consistency-token'] ?? '')[cluster] ?? 0) >= lsn
          ? refusal(code)
          : undefined;

    it('carry what was written to every fetch of the next operations, in one cookie, and ask for no extensions', async () => {
      for (const gateway of [signing, holding]) {
        const jar = new CookieJar();
        const wrote = await ask(jar, RENAME, gateway);
        assert.equal(wrote.response.headers.get('cache-control'), 'private, no-store');
        assert.deepEqual(
          jar.cookies.map(({ name, path, secure, httpOnly, sameSite }) => ({
            name: name.replace(/-[\w-]{10}$/, ''),
            path,
            secure,
            httpOnly,
            sameSite,
          })),
          [{ name: 'graph', path: '/', secure: true, httpOnly: true, sameSite: 'strict' }],
        );
        graph.take();
        const { bodies } = await ask(jar, '{ user(id: 1) { name tasks { title owner { name } } } }', gateway);
        const came = graph.take();
        assert.deepEqual(
          [came.length, came.map(({ headers }) => graph.lsns(headers['consistency-token'] ?? '')['accounts'])],
          [3, [graph.at.accounts, graph.at.accounts, graph.at.accounts]],
        );
        assert.deepEqual([bodies[0]?.errors, bodies[0]?.extensions, held(jar).length], [undefined, undefined, 1]);
        assert.deepEqual(await known(jar, gateway), { accounts: graph.at.accounts, work: graph.at.work });
        assert.ok(
          (await send(jar, READ, gateway, { 'consistency-token': '' })).bodies[0]?.extensions,
          'the header asks',
        );
      }
    });

    it('are not set where nothing is new, and neither they nor cookies of subgraphs are passed on', async () => {
      const jar = new CookieJar();
      await ask(jar, BOTH);
      jar.take(signing.url, ['theme=dark; Path=/']);
      graph.take();
      for (const query of [BOTH, READ, '{ __typename }', '{ nothing }', '{ user(']) {
        const { response } = await send(jar, query);
        assert.deepEqual(
          [response.headers.getSetCookie(), response.headers.get('cache-control') === 'private, no-store'],
          [[], false],
          query,
        );
      }
      assert.deepEqual([...new Set(graph.take().map(({ headers }) => headers['cookie']))], [undefined]);
      const known = { 'consistency-token': tokenOf({ accounts: 1 }) };
      assert.deepEqual(
        (await send(new CookieJar(), '{ __typename }', signing, known)).response.headers.getSetCookie(),
        [],
        'what the client says of itself is no news',
      );
      assert.equal(
        (await send(new CookieJar(), READ, signing, known)).response.headers.getSetCookie().length,
        1,
        'what a subgraph has answered for is',
      );
    });

    it('lose nothing in any order in which three requests leave and are answered', async () => {
      for (const gateway of [signing, holding]) {
        const jar = new CookieJar();
        for (const order of seeded(7)
          .shuffled([...interleavings([0, 0, 1, 1, 2, 2])])
          .slice(0, 12)) {
          const sent = [RENAME, TASKS, CREATE];
          const answers = new Map<number, Raw>();
          for (const i of order) {
            const answer = answers.get(i);
            if (answer === undefined) answers.set(i, await send(jar, sent[i] ?? '', gateway));
            else take(jar, answer);
          }
          assert.deepEqual(
            await known(jar, gateway),
            { accounts: graph.at.accounts, work: graph.at.work },
            order.join(' '),
          );
          assert.ok(jar.cookies.length <= 3, `${jar.cookies.length} cookies`);
        }
      }
    });

    it('count together with the header, and both are in the answer', async () => {
      const jar = jarOf(tokenOf({ work: 3 }));
      const answer = await ask(jar, 'query @consistent { user(id: 1) { name } }', signing, {
        'consistency-token': tokenOf({ accounts: 900 }),
      });
      const [{ headers } = assert.fail()] = graph.take();
      assert.deepEqual(
        [graph.lsns(headers['consistency-token'] ?? ''), headers['consistency-level']],
        [{ accounts: 900, work: 3 }, 'DEFAULT'],
      );
      assert.deepEqual(
        [held(jar), answer.response.headers.get('consistency-token')],
        [[tokenOf({ accounts: 900, work: 3 })], tokenOf({ accounts: 900, work: 3 })],
      );
    });

    it('are expired where the secret shows that they are forged, whatever becomes of the request', async () => {
      for (const query of [READ, '{ nothing }', '{ user(']) {
        const jar = jarOf(FORGED, tokenOf({ work: 1 }));
        jar.take(signing.url, ['theme=dark; Path=/']);
        assert.deepEqual(
          codesOf(await ask(jar, query)).filter((code) => code.startsWith('CONSISTENCY')),
          [],
        );
        assert.deepEqual([held(jar).includes(FORGED), jar.cookies.length], [false, 2], query);
      }
      assert.deepEqual(
        graph.take().map(({ headers }) => graph.lsns(headers['consistency-token'] ?? '')),
        [{ work: 1 }],
      );
    });

    it('are kept where the header is refused, and expired where they are', async () => {
      graph.disturb = ({ headers }) =>
        headers['consistency-token'] === undefined ? undefined : refusal('CONSISTENCY_TOKEN_FORGED');
      const jar = jarOf(tokenOf({ work: 1 }));
      assert.deepEqual(codesOf(await ask(jar, READ, signing, { 'consistency-token': FORGED })), [
        'CONSISTENCY_TOKEN_FORGED',
      ]);
      assert.deepEqual(held(jar), [tokenOf({ work: 1 })]);
      assert.deepEqual(
        [codesOf(await ask(jar, READ)), held(jar)],
        [['CONSISTENCY_TOKEN_FORGED'], []],
        'subgraphs with another secret',
      );
      const unread = jarOf(FORGED, tokenOf({ work: 1 }));
      assert.deepEqual(
        [codesOf(await ask(unread, READ, holding)), held(unread)],
        [['CONSISTENCY_TOKEN_FORGED'], []],
        'without the secret nobody knows which',
      );
      assert.deepEqual([codesOf(await ask(unread, READ, holding)), held(unread).length], [[], 1]);
    });

    it('are expired after one refusal of a lost position or of one that never was; with the secret, positions of other subgraphs are kept', async () => {
      for (const code of ['CONSISTENCY_LOST', 'CONSISTENCY_TOKEN_FUTURE', 'CONSISTENCY_TOKEN_FOREIGN']) {
        for (const gateway of [signing, holding]) {
          graph.disturb = losing('accounts', 900_000, code);
          const jar = jarOf(tokenOf({ accounts: 900_000, work: 1 }));
          assert.deepEqual(codesOf(await ask(jar, '{ user(id: 1) { name } tasks { title } }', gateway)), [code]);
          assert.deepEqual(held(jar), gateway === signing ? [tokenOf({ work: graph.at.work })] : []);
          assert.deepEqual(
            [codesOf(await ask(jar, BOTH, gateway)), await known(jar, gateway)],
            [[], { accounts: graph.at.accounts, work: graph.at.work }],
          );
        }
      }
    });

    it('are expired also where the refusal has another status, and not where a write was lost after it was committed', async () => {
      graph.disturb = () => ({ ...refusal('CONSISTENCY_LOST'), status: 400 });
      const jar = jarOf(tokenOf({ accounts: 900_000 }));
      assert.deepEqual([codesOf(await ask(jar, READ)), held(jar)], [['CONSISTENCY_LOST'], []]);
      graph.disturb = () => refusal('CONSISTENCY_LOST', { committed: true });
      const own = jarOf(tokenOf({ accounts: 1 }));
      assert.deepEqual(
        [codesOf(await ask(own, RENAME)), held(own)],
        [['CONSISTENCY_LOST'], [tokenOf({ accounts: 1 })]],
      );
    });

    it('are refused when there are too many, and gone with the answer that says so', async () => {
      const jar = jarOf(...Array.from({ length: 9 }, (_, i) => tokenOf({ accounts: 1 + i })));
      await ask(jar, '{ __typename }');
      assert.equal(jar.cookies.length, 9, 'nobody was told');
      const {
        bodies: [body],
        response,
      } = await ask(jar, RENAME);
      assert.deepEqual(
        [
          body?.errors?.map(({ message, extensions: { code, retryable } }) => [message, code, retryable]),
          response.status,
          graph.take(),
          jar.cookies.length,
        ],
        [
          [
            [
              "The request's cookies cannot be honoured: it has 9 cookies with tokens, and 8 are the limit. They are expired with this answer: check what you see, and go on without them.",
              'CONSISTENCY_TOKEN_MALFORMED',
              false,
            ],
          ],
          200,
          [],
          0,
        ],
      );
      assert.deepEqual(codesOf(await ask(jar, RENAME)), []);
    });

    it('are those of all operations where a request has several, and expired for any that tells of a loss', async () => {
      for (const gateway of [signing, holding]) {
        graph.disturb = null;
        const jar = jarOf(tokenOf({ accounts: 1 }));
        const answer = await ask(jar, [RENAME, CREATE, READ], gateway);
        assert.deepEqual([answer.bodies.length, codesOf(answer)], [3, []]);
        assert.deepEqual(graph.lsns(answer.response.headers.get('consistency-token')), {
          accounts: graph.at.accounts,
          work: graph.at.work,
        });
        assert.ok(held(jar).length <= (gateway === signing ? 1 : 3) && !held(jar).includes(tokenOf({ accounts: 1 })));
        assert.deepEqual(await known(jar, gateway), { accounts: graph.at.accounts, work: graph.at.work });
        graph.disturb = losing('accounts', 900_000);
        const lost = jarOf(tokenOf({ accounts: 900_000 }));
        assert.deepEqual(codesOf(await ask(lost, [CREATE, READ], gateway)), ['CONSISTENCY_LOST']);
        assert.deepEqual(held(lost), gateway === signing ? [tokenOf({ work: graph.at.work })] : []);
      }
    });

    it('are ignored by a gateway without the option', async () => {
      const jar = jarOf(tokenOf({ accounts: 900 }));
      const { response } = await send(jar, BOTH, without);
      assert.deepEqual(
        [
          response.headers.getSetCookie(),
          graph.take().map(({ headers }) => [headers['consistency-token'], headers['cookie']]),
        ],
        [
          [],
          [
            [undefined, undefined],
            [undefined, undefined],
          ],
        ],
      );
    });
  });
}

describe('the option of cookies', () => {
  it('has the same defaults as the servers', () => {
    assert.deepEqual(settingsOf({ cookies: { name: 'a' } }).cookies, {
      name: 'a',
      path: '/graphql',
      domain: '',
      sameSite: 'strict',
      secure: true,
      maxAgeS: 86_400,
      maxCookies: 64,
      maxBytes: 8_192,
    });
    assert.equal(settingsOf({}).cookies, null);
  });

  it('is refused where browsers would not keep such a cookie, or a limit is none', () => {
    const wrong: readonly (readonly [keyof CookieOptions, Partial<Record<keyof CookieOptions, unknown>>])[] = [
      ['name', { name: '' }],
      ['name', { name: 'a b' }],
      ['path', { path: 'graphql' }],
      ['domain', { domain: 'example' }],
      ['secure', { name: '__Secure-a', secure: false }],
      ['path', { name: '__Host-a' }],
      ['sameSite', { sameSite: 'none' }],
      ['maxAgeS', { maxAgeS: 0 }],
      ['count', { count: 1.5 }],
      ['bytes', { bytes: 1 }],
    ];
    for (const [field, cookies] of wrong) {
      assert.throws(
        () => settingsOf({ cookies: { name: 'a', ...cookies } as CookieOptions }),
        (error) =>
          isMeridianError(error, 'CONFIG_INVALID') && error.message.startsWith(`The gateway's cookies.${field} `),
        JSON.stringify(cookies),
      );
    }
  });
});

describe("cookies beside an application's own, at apollo", () => {
  it('are all in the answer', async () => {
    const { plugin } = meridianApollo({ RemoteGraphQLDataSource, tokenSecret: STUB_SECRET, cookies: COOKIES });
    const own: ApolloServerPlugin = {
      requestDidStart: async () => ({
        didResolveOperation: async ({ response }) => void response.http.headers.set('set-cookie', 'theme=dark'),
      }),
    };
    const server = new ApolloServer({ typeDefs: 'type Query { hello: String }', plugins: [own, plugin] });
    const { url } = await startStandaloneServer(server, { listen: { port: 0, host: '127.0.0.1' } });
    try {
      const response = await fetch(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', cookie: cookieOf(FORGED).split(';', 1)[0] ?? '' },
        body: '{"query":"{ hello }"}',
      });
      assert.deepEqual(
        response.headers.getSetCookie().map((value) => value.replace(/-[\w-]{10}=/, '=')),
        ['theme=dark', 'graph=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Strict'],
      );
    } finally {
      await server.stop();
    }
  });
});

/** Every order of the given items, each once. */
function* interleavings(items: readonly number[]): Generator<readonly number[]> {
  if (items.length === 0) yield [];
  for (const item of new Set(items))
    for (const rest of interleavings(items.toSpliced(items.indexOf(item), 1))) yield [item, ...rest];
}
