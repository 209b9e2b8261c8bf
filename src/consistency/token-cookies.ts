/**
 * Owns consistency tokens in cookies: each token has its own cookie, so that answers which arrive out of order do not
 * undo each other.
 */
import { parseCookie, stringifySetCookie } from 'cookie';
import { type CookiePlace } from '../base/cookie-rules.ts';
import { leastTokens, TOKEN_VERSION, tokensAfter } from '../protocol/token-text.ts';

export interface TokenCookieSettings extends CookiePlace {
  /** Prefix of the cookies' names: a hyphen and the start of the token's signature follow. */
  readonly name: string;
  readonly sameSite: 'strict' | 'lax';
  readonly maxAgeS: number;
  /** Maximum number of token cookies in a request, and their bytes. */
  readonly maxCookies: number;
  readonly maxBytes: number;
}

export interface TokenCookie {
  readonly name: string;
  readonly token: string;
}

/** The token cookies of a request. */
export interface FoundTokens {
  /** Every cookie that looks like a token cookie. */
  readonly cookies: readonly TokenCookie[];
  /** The tokens of the valid ones. */
  readonly tokens: readonly string[];
  /**
   * Why none of them counts, as a part of a sentence. The request must be refused with it, since ignoring a floor would
   * break the guarantee.
   */
  readonly problem: string | null;
}

export interface CookieAnswer {
  readonly found: FoundTokens;
  /** Tokens that the answer carries. */
  readonly answered: readonly string[];
  /** Tokens of the request that no server accepts any more. */
  readonly rejected?: readonly string[];
}

/** How the cookies of one request are read, and which cookies its answer sets. */
export interface TokenCookies {
  /** The valid tokens, joined by commas; undefined if there are none. */
  readonly tokens: string | undefined;
  readonly problem: string | null;
  /** Call it once for every answer. */
  answered(answer: AnsweredTokens): void;
}

/** An answer's statement that a token can no longer be honoured, however often it is sent. */
export type RefusedToken = 'CONSISTENCY_LOST' | 'CONSISTENCY_TOKEN_FUTURE';

export interface AnsweredTokens {
  /** The answer's token; ignored if a token of the request is refused. */
  readonly token: string | null;
  readonly refused: RefusedToken | null;
  /** The token of what the operation itself has written, which is valid in any case. */
  readonly written: string | null;
}

/** 60 bits: two tokens of one client never share a name by chance, and nobody can construct one that does. */
const SIGNATURE_CHARACTERS = 10;
const TOKEN = new RegExp(`^${TOKEN_VERSION}\\.[A-Za-z0-9_-]+\\.([A-Za-z0-9_-]+)$`);

/**
 * The tokens in a Cookie header. A cookie is valid if its name matches its token and `verifies` accepts it; a gateway
 * without the secret omits that check. Invalid cookies are expired by the next answer, because a client cannot correct
 * a cookie that it cannot see.
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
 * The Set-Cookie values of an answer: its token, if that is new, and the removal of exactly those cookies of the
 * request that it makes superfluous. Whatever the order in which answers arrive, a token is removed only together with
 * the arrival of one that covers it.
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
  // The new cookie first: a browser that stops in between has lost nothing.
  return [...fresh, ...gone.filter(({ name }) => !fresh.some((other) => other.name === name))].map((cookie) =>
    stringifySetCookie({ ...cookie, ...place }),
  );
}

/**
 * The fewest tokens that say the same, joined by commas as in the `consistency-token` header; undefined if there are
 * none.
 */
export function joinedTokens(tokens: readonly string[]): string | undefined {
  const least = leastTokens(tokens);
  return least.length === 0 ? undefined : least.join(',');
}

/** A `consistency-token` header followed by the tokens of cookies; undefined if there is neither. */
export function joinedHeader(header: string | undefined, tokens: string | undefined): string | undefined {
  return header === undefined || header.trim() === ''
    ? (tokens ?? header)
    : [header, ...(tokens === undefined ? [] : [tokens])].join(',');
}

/** Checks name and format, so that an application's own cookie with the same prefix is left alone. */
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
