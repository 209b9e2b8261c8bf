/**
 * Owns the headers that answers have since the server is set up for browsers: to requests with neither cookies nor an
 * origin they are the same, but for the token.
 */
import { listed } from '../../config/option.ts';
import { type Options } from '../../config/options.ts';
import { cookiesAfter } from '../../consistency/token-cookies.ts';
import { TOKEN_HEADER } from '../../protocol/headers.ts';
import { type TokenCookieRules } from '../token-cookies.ts';

export type HeadersBeside = Readonly<Record<string, string | string[]>>;

/** `cookies`: null where they carry no tokens. */
export function headersBeside(
  options: Pick<Options, 'corsOrigins' | 'corsCredentials'>,
  cookies: Pick<TokenCookieRules, 'settings'> | null,
): (token: string | null) => HeadersBeside {
  const ofOrigins = originHeaders(options);
  return (token) =>
    cookies === null || token === null ? ofOrigins : { ...ofOrigins, ...cookieHeaders(token, cookies) };
}

/** As @fastify/cors gives them to a request without an origin. */
function originHeaders({
  corsOrigins,
  corsCredentials,
}: Pick<Options, 'corsOrigins' | 'corsCredentials'>): HeadersBeside {
  const origins = listed(corsOrigins);
  if (origins.length === 0) return {};
  return {
    ...(origins.includes('*') ? { 'access-control-allow-origin': '*' } : { vary: 'Origin' }),
    ...(corsCredentials ? { 'access-control-allow-credentials': 'true' } : {}),
    'access-control-expose-headers': TOKEN_HEADER,
  };
}

/** Who came without a cookie leaves with one: its next request may go to another region (R6). */
function cookieHeaders(token: string, { settings }: Pick<TokenCookieRules, 'settings'>): HeadersBeside {
  return {
    'set-cookie': cookiesAfter({ found: { cookies: [], tokens: [], problem: null }, answered: [token] }, settings),
    'cache-control': 'private, no-store',
  };
}
