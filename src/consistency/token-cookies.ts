/**
 * Owns consistency tokens in cookies: each token is a cookie of its own, so that of answers that cross on their way
 * none undoes what another has brought.
 */
import { parseCookie, stringifySetCookie } from 'cookie';
import { type CookiePlace } from '../base/cookie-rules.ts';
import { leastTokens, TOKEN_VERSION, tokensAfter } from '../protocol/token-text.ts';

export interface TokenCookieSettings extends CookiePlace {
  /** What the cookies' names begin with: a hyphen and the start of the token's signature follow. */
  readonly name: string;
  readonly sameSite: 'strict' | 'lax';
  readonly maxAgeS: number;
  /** Token cookies that one request may have, and bytes of them. */
  readonly maxCookies: number;
  readonly maxBytes: number;
}

export interface TokenCookie {
  readonly name: string;
  readonly token: string;
}

/** What a request's cookies say. */
export interface FoundTokens {
  /** Every cookie that is one of ours by its look. */
  readonly cookies: readonly TokenCookie[];
  /** The tokens of those that count. */
  readonly tokens: readonly string[];
  /**
   * Why none counts, as a part of a sentence: the request must be refused with it, since a floor that is overlooked is
   * a promise broken.
   */
  readonly problem: string | null;
}

export interface CookieAnswer {
  readonly found: FoundTokens;
  /** Tokens that the answer brings. */
  readonly answered: readonly string[];
  /** Of the found tokens those that no server honours any more. */
  readonly rejected?: readonly string[];
}

/** How one request's cookies are read, and what its answer makes of them. */
export interface TokenCookies {
  /** Those that count, joined by commas; undefined for none. */
  readonly tokens: string | undefined;
  readonly problem: string | null;
  /** To be told once of every answer. */
  answered(answer: AnsweredTokens): void;
}

/** What an answer says of a token that cannot be honoured any more, however often it is tried. */
export type RefusedToken = 'CONSISTENCY_LOST' | 'CONSISTENCY_TOKEN_FUTURE';

export interface AnsweredTokens {
  /** The answer's token; without a meaning where one of the request's is refused. */
  readonly token: string | null;
  readonly refused: RefusedToken | null;
  /** Token of what the operation has written itself all the same. */
  readonly written: string | null;
}

/** 60 bits: two tokens that one client holds never share a name by chance, and nobody can make one that does. */
const SIGNATURE_CHARACTERS = 10;
const TOKEN = new RegExp(`^${TOKEN_VERSION}\\.[A-Za-z0-9_-]+\\.([A-Za-z0-9_-]+)$`);

/**
 * The tokens in a Cookie header. A cookie counts if it is named after its token and `verifies`, which a gateway without
 * the secret leaves out. What does not count is expired with the next answer: a client cannot fix a cookie that it
 * cannot see.
 */
export function tokensOfCookies(
  header: string | undefined,
  settings: TokenCookieSettings,
  verifies: (token: string) => boolean = () => true,
): FoundTokens {
  const cookies = Object.entries(header === undefined ? {} : parseCookie(header)).flatMap(([name, token]) =>
    token !== undefined && isOurs(name, token, settings) ? [{ name, token }] : [],
  );
  const problem = excessOf(cookies, settings);
  return {
    cookies,
    tokens:
      problem === null
        ? cookies
            .filter((cookie) => cookie.name === nameOf(cookie.token, settings) && verifies(cookie.token))
            .map(({ token }) => token)
        : [],
    problem,
  };
}

/**
 * The Set-Cookie values of an answer: its token, where that is news, and the end of exactly those cookies of the
 * request that it makes superfluous. Whatever the order in which answers arrive, what one of them has brought goes only
 * together with the coming of a token that covers it.
 */
export function cookiesAfter(
  { found, answered, rejected = [] }: CookieAnswer,
  settings: TokenCookieSettings,
): string[] {
  const held = found.tokens.filter((token) => !rejected.includes(token));
  const kept = tokensAfter({ held, sent: held, answered: answered.filter((token) => TOKEN.test(token)) });
  const isKept = ({ name, token }: TokenCookie): boolean => kept.includes(token) && name === nameOf(token, settings);
  const fresh = kept
    .filter((token) => !held.includes(token))
    .map((token) => ({ name: nameOf(token, settings), value: token, maxAge: settings.maxAgeS }));
  const gone = found.cookies.filter((cookie) => !isKept(cookie)).map(({ name }) => ({ name, value: '', maxAge: 0 }));
  const { path, domain, secure, sameSite } = settings;
  const place = { path, ...(domain === '' ? {} : { domain }), httpOnly: true, secure, sameSite };
  // The new one first: a browser that runs out of patience or of room in between has lost nothing.
  return [...fresh, ...gone.filter(({ name }) => !fresh.some((other) => other.name === name))].map((cookie) =>
    stringifySetCookie({ ...cookie, ...place }),
  );
}

/** As few as say the same, joined by commas as the `consistency-token` header takes them; undefined for none. */
export function joinedTokens(tokens: readonly string[]): string | undefined {
  const least = leastTokens(tokens);
  return least.length === 0 ? undefined : least.join(',');
}

/** A `consistency-token` header with the tokens of cookies behind it; undefined where there is neither. */
export function joinedHeader(header: string | undefined, tokens: string | undefined): string | undefined {
  return header === undefined || header.trim() === ''
    ? (tokens ?? header)
    : [header, ...(tokens === undefined ? [] : [tokens])].join(',');
}

/** By name and by look, so that an application's own cookie that happens to begin alike is left alone. */
function isOurs(name: string, token: string, { name: prefix }: TokenCookieSettings): boolean {
  return (
    name.length === prefix.length + 1 + SIGNATURE_CHARACTERS &&
    name.startsWith(`${prefix}-`) &&
    token.startsWith(`${TOKEN_VERSION}.`)
  );
}

function nameOf(token: string, { name }: TokenCookieSettings): string {
  return `${name}-${(TOKEN.exec(token)?.[1] ?? '').slice(0, SIGNATURE_CHARACTERS)}`;
}

function excessOf(cookies: readonly TokenCookie[], { maxCookies, maxBytes }: TokenCookieSettings): string | null {
  if (cookies.length > maxCookies)
    return `it has ${cookies.length} cookies with tokens, and ${maxCookies} are the limit`;
  const bytes = cookies.reduce((sum, { name, token }) => sum + name.length + token.length, 0);
  return bytes > maxBytes ? `its cookies with tokens have ${bytes} bytes, and ${maxBytes} are the limit` : null;
}
