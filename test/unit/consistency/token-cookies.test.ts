/**
 * Tests of tokens in cookies: what is read, set and expired, and that no order of parallel answers loses a position.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseSetCookie } from 'cookie';
import { clusterIdOf, type ClusterId, type Position } from '../../../src/base/lineage.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { mergePositions, type Positions } from '../../../src/consistency/positions.ts';
import {
  cookiesAfter,
  joinedHeader,
  joinedTokens,
  tokensOfCookies,
  type TokenCookieSettings,
} from '../../../src/consistency/token-cookies.ts';
import { TokenCodec } from '../../../src/consistency/token.ts';
import { CookieJar } from '../../support/cookie-jar.ts';

const codec = new TokenCodec({ secrets: ['a secret'], maxTokenBytes: 4_096 });
const settings: TokenCookieSettings = {
  name: 'meridian',
  path: '/graphql',
  domain: '',
  sameSite: 'strict',
  secure: true,
  maxAgeS: 600,
  maxCookies: 64,
  maxBytes: 8_192,
};
const [A, B] = ['1', '2'].map(clusterIdOf) as [ClusterId, ClusterId];
const URL_HERE = 'http://127.0.0.1:4000/graphql';

/** `at({ a: 5 }, …)`: position 5 of cluster A, on timeline 1 unless given. */
function positionsAt(at: { readonly a?: number; readonly b?: number; readonly timeline?: number }): Positions {
  const position = (cluster: ClusterId, lsn: number | undefined): [ClusterId, Position][] =>
    lsn === undefined ? [] : [[cluster, { cluster, timeline: at.timeline ?? 1, lsn: toLsn(BigInt(lsn)) }]];
  return new Map([...position(A, at.a), ...position(B, at.b)]);
}

const token = (at: Parameters<typeof positionsAt>[0], by = codec): string => by.encode(positionsAt(at)) ?? '';
const nameFor = (text: string): string => `meridian-${text.split('.')[2]?.slice(0, 10)}`;
const headerOf = (...tokens: readonly string[]): string => tokens.map((one) => `${nameFor(one)}=${one}`).join('; ');
/** Remembered: the orders below are many, and their tokens few. */
const known = new Map<string, Positions | null>();
const read = (text: string): Positions | null => {
  if (!known.has(text)) known.set(text, readAnew(text));
  return known.get(text) ?? null;
};
const readAnew = (text: string): Positions | null => {
  try {
    return codec.decode(text);
  } catch {
    return null;
  }
};
const verifies = (text: string): boolean => read(text) !== null;
/** Names that an answer expires, and tokens that it sets. */
function changesOf(values: readonly string[]): { set: string[]; gone: string[] } {
  const parsed = values.map((value) => parseSetCookie(value));
  return {
    set: parsed.filter(({ maxAge }) => maxAge !== 0).map(({ value }) => value ?? ''),
    gone: parsed.filter(({ maxAge }) => maxAge === 0).map(({ name }) => name),
  };
}
const after = (
  header: string | undefined,
  answered: readonly string[],
  rejected: readonly string[] = [],
): ReturnType<typeof changesOf> =>
  changesOf(cookiesAfter({ found: tokensOfCookies(header, settings, verifies), answered, rejected }, settings));

describe('tokens in cookies', () => {
  it('are all read, and no other cookie is', () => {
    const [one, two] = [token({ a: 1 }), token({ b: 2 })];
    const { tokens } = tokensOfCookies(
      `theme=dark; ${headerOf(one)}; meridian-theme=m1.x; meridian=${one}; ${headerOf(two)}; meridian-1234567890=other`,
      settings,
    );
    assert.deepEqual(tokens, [one, two]);
    assert.deepEqual(tokensOfCookies(undefined, settings), { cookies: [], tokens: [], problem: null });
    assert.deepEqual(
      after('theme=dark; meridian-theme=m1.x; meridian-1234567890=other', [token({ a: 1 })]).gone,
      [],
      'cookies of the application are left alone',
    );
  });

  it('are set http-only, for one site and one path, and no longer than they are told to last', () => {
    const [value = ''] = cookiesAfter(
      { found: tokensOfCookies(undefined, settings), answered: [token({ a: 1 })] },
      settings,
    );
    assert.equal(
      value,
      `${nameFor(token({ a: 1 }))}=${token({ a: 1 })}; Max-Age=600; Path=/graphql; HttpOnly; Secure; SameSite=Strict`,
    );
    const [there = ''] = cookiesAfter(
      { found: tokensOfCookies(undefined, settings), answered: [token({ a: 1 })] },
      { ...settings, domain: 'example.com', secure: false, sameSite: 'lax', path: '/' },
    );
    assert.match(there, /; Max-Age=600; Domain=example\.com; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  it('end with the answer whose token covers them, and only those of its own request', () => {
    const [low, other, high] = [token({ a: 1 }), token({ b: 2 }), token({ a: 3, b: 2 })];
    assert.deepEqual(after(headerOf(low, other), [high]), { set: [high], gone: [nameFor(low), nameFor(other)] });
    assert.deepEqual(after(headerOf(low, other), [token({ a: 3 })]), { set: [token({ a: 3 })], gone: [nameFor(low)] });
    assert.deepEqual(
      after(headerOf(low), [token({ a: 1, timeline: 2 })]).gone,
      [nameFor(low)],
      'the server that went on has judged the older timeline',
    );
  });

  it('are not set anew by an answer that tells nothing new, and stay with one that has no token', () => {
    const held = token({ a: 3, b: 2 });
    assert.deepEqual(
      cookiesAfter({ found: tokensOfCookies(headerOf(held), settings), answered: [held] }, settings),
      [],
    );
    assert.deepEqual(cookiesAfter({ found: tokensOfCookies(headerOf(held), settings), answered: [] }, settings), []);
    assert.deepEqual(after(headerOf(held, token({ a: 1 })), [held]), { set: [], gone: [nameFor(token({ a: 1 }))] });
  });

  it('are ignored and expired where they are damaged, forged, or named after another token', () => {
    const forged = token({ a: 9_999 }, new TokenCodec({ secrets: ['another'], maxTokenBytes: 4_096 }));
    const good = token({ a: 1 });
    const damaged = good.replace(/\.\w/, '.A').replace(/\.(\w)([\w-]+)$/, '.B$2');
    const header = `${headerOf(forged, good, damaged)}; meridian-AAAAAAAAAA=${good}; meridian-BBBBBBBBBB=m1.nonsense`;
    assert.deepEqual(tokensOfCookies(header, settings, verifies).tokens, [good]);
    assert.deepEqual(
      after(header, []).gone.toSorted(),
      [nameFor(forged), nameFor(damaged), 'meridian-AAAAAAAAAA', 'meridian-BBBBBBBBBB'].toSorted(),
    );
  });

  it('are expired where no server honours them any more, and what they say of other clusters is kept', () => {
    const lost = token({ a: 5, b: 2 });
    const young = token({ a: 1, timeline: 2 });
    assert.deepEqual(after(headerOf(lost, young), [token({ b: 2 })], [lost]), {
      set: [token({ b: 2 })],
      gone: [nameFor(lost)],
    });
    assert.deepEqual(after(headerOf(lost), [], [lost]), { set: [], gone: [nameFor(lost)] });
  });

  it('are refused above the limit of their number or bytes, and all are expired then', () => {
    const tokens = Array.from({ length: 65 }, (_, i) => token({ a: i + 1 }));
    const found = tokensOfCookies(headerOf(...tokens), settings);
    assert.deepEqual([found.tokens, found.problem], [[], 'it has 65 cookies with tokens, and 64 are the limit']);
    assert.equal(changesOf(cookiesAfter({ found, answered: [] }, settings)).gone.length, 65);
    assert.match(
      tokensOfCookies(headerOf(...tokens.slice(0, 10)), { ...settings, maxBytes: 500 }).problem ?? '',
      /^its cookies with tokens have \d+ bytes, and 500 are the limit$/,
    );
    assert.equal(tokensOfCookies(headerOf(...tokens.slice(0, 64)), settings).problem, null);
  });

  it('are joined with the header, which alone may be empty', () => {
    const [low, high] = [token({ a: 1 }), token({ a: 2 })];
    assert.equal(joinedTokens([low, high]), high);
    assert.equal(joinedTokens([]), undefined);
    assert.equal(joinedHeader('x', high), `x,${high}`);
    assert.deepEqual(
      [
        joinedHeader('', high),
        joinedHeader('', undefined),
        joinedHeader(undefined, high),
        joinedHeader(undefined, undefined),
      ],
      [high, '', high, undefined],
    );
  });
});

/** A request as a browser makes it: it leaves with the cookies of that moment, and its answer's arrive at another. */
interface Request {
  /** Where the server that answers is; its answer's token is never below what the request brought (R6). */
  readonly server: Positions;
}

/** Every order in which `count` requests can leave and their answers arrive: each number twice. */
function* interleavings(count: number, order: readonly number[] = []): Generator<readonly number[]> {
  if (order.length === 2 * count) yield order;
  for (let i = 0; i < count; i += 1)
    if (order.filter((one) => one === i).length < 2) yield* interleavings(count, [...order, i]);
}

const covers = (held: Positions, wanted: Positions): boolean =>
  [...wanted.values()].every((one) => (held.get(one.cluster)?.lsn ?? -1n) >= one.lsn);

/** Plays one order. Answers how often what the browser holds was below an answer that had arrived. */
function losses(
  order: readonly number[],
  requests: readonly Request[],
  answer: (sent: string | undefined, token: string) => readonly string[],
): number {
  const jar = new CookieJar();
  const held = (): Positions => mergePositions(...jar.cookies.map(({ value }) => read(value) ?? new Map()));
  const sent = new Map<number, string | undefined>();
  const tokens = new Map<number, string>();
  let arrived: Positions = new Map();
  let lost = 0;
  for (const i of order) {
    const text = tokens.get(i);
    if (text === undefined) {
      sent.set(i, jar.header(URL_HERE));
      tokens.set(i, codec.encode(mergePositions(held(), (requests[i] as Request).server)) ?? '');
      continue;
    }
    jar.take(URL_HERE, answer(sent.get(i), text));
    arrived = mergePositions(arrived, read(text) ?? new Map());
    if (!covers(held(), arrived)) lost += 1;
  }
  return lost;
}

const SERVERS: readonly (readonly Parameters<typeof positionsAt>[0][])[] = [
  [{ a: 1 }, { a: 2 }, { a: 3 }],
  [{ a: 3 }, { a: 1 }, { a: 3 }],
  [{ a: 2 }, { b: 2 }, { a: 1, b: 3 }],
  [
    { a: 1, b: 3 },
    { a: 3, b: 1 },
    { a: 2, b: 2 },
  ],
  [{ a: 2 }, { b: 2 }, { a: 1, b: 1 }, { a: 3 }],
];
const perToken = (sent: string | undefined, text: string): readonly string[] =>
  cookiesAfter({ found: tokensOfCookies(sent, settings, verifies), answered: [text] }, settings);
/** What does not do: one cookie for all, which the last answer to arrive overwrites. */
const oneForAll = (_sent: string | undefined, text: string): readonly string[] => [`token=${text}; Path=/graphql`];

describe('answers that arrive in another order', () => {
  it('lose positions where one cookie holds the token', () => {
    const lost = [...interleavings(2)].filter(
      (order) => losses(order, [{ server: positionsAt({ a: 2 }) }, { server: positionsAt({ a: 1 }) }], oneForAll) > 0,
    );
    assert.deepEqual(
      lost,
      [
        [1, 0, 0, 1],
        [0, 1, 0, 1],
      ].toSorted(),
      'whenever both are under way and the lower one arrives last',
    );
  });

  it('lose nothing in any order where each token has a cookie of its own', () => {
    let orders = 0;
    for (const servers of SERVERS) {
      const requests = servers.map((at) => ({ server: positionsAt(at) }));
      for (const order of interleavings(requests.length)) {
        assert.equal(losses(order, requests, perToken), 0, `${JSON.stringify(servers)} in order ${order.join(' ')}`);
        orders += 1;
      }
    }
    assert.equal(orders, 4 * 90 + 2_520);
  });

  it('leave one cookie once a request has brought all of them', () => {
    const jar = new CookieJar();
    const alone = jar.header(URL_HERE);
    for (const a of [3, 1, 2]) jar.take(URL_HERE, perToken(alone, token({ a })));
    assert.equal(jar.cookies.length, 3);
    jar.take(URL_HERE, perToken(jar.header(URL_HERE), token({ a: 3 })));
    assert.deepEqual(
      jar.cookies.map(({ value }) => value),
      [token({ a: 3 })],
    );
  });
});
