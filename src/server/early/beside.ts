/**
 * Owns the additional headers for browsers (CORS and cookies). For requests without cookies and origin they are the
 * same except for the token.
 */
import { listed } from '../../config/option.ts';
import { type Options } from '../../config/options.ts';
import { cookiesAfter } from '../../consistency/token-cookies.ts';
import { TOKEN_HEADER } from '../../protocol/headers.ts';
import { type TokenCookieRules } from '../token-cookies.ts';

export type HeadersBeside = Readonly<Record<string, string | string[]>>;

/** `cookies` is null where cookies carry no tokens. */
export function headersBeside(
  options: Pick<Options, 'corsOrigins' | 'corsCredentials'>,
  cookies: Pick<TokenCookieRules, 'settings'> | null,
): (token: string | null) => HeadersBeside {
  const ofOrigins = originHeaders(options);
  return (token) =>
    cookies === null || token === null ? ofOrigins : { ...ofOrigins, ...cookieHeaders(token, cookies) };
}

/** The headers that @fastify/cors sets for a request without an origin. */
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

/** A client without a cookie gets one, since its next request may go to another region (R6). */
function cookieHeaders(token: string, { settings }: Pick<TokenCookieRules, 'settings'>): HeadersBeside {
  return {
    'set-cookie': cookiesAfter({ found: { cookies: [], tokens: [], problem: null }, answered: [token] }, settings),
    'cache-control': 'private, no-store',
  };
}
