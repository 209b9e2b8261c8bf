/**
 * Owns the server side of a request's cookies: which of their tokens are valid, and which cookies the answer sets and
 * expires.
 */
import { type FastifyInstance, type FastifyReply } from 'fastify';
import {
  cookiesAfter,
  joinedTokens,
  tokensOfCookies,
  type RefusedToken,
  type TokenCookies,
  type TokenCookieSettings,
} from '../consistency/token-cookies.ts';

export interface TokenCookieRules {
  readonly settings: TokenCookieSettings;
  /** Whether this graph has signed the token. */
  readonly verifies: (token: string) => boolean;
  /** The tokens to which an answer with that error refers. */
  readonly meant: (code: RefusedToken, tokens: readonly string[]) => readonly string[];
  /** The token without the positions of this server's own cluster; null where it names no other. */
  readonly withoutOwn: (token: string) => string | null;
}

export function requestCookies(
  { settings, verifies, meant, withoutOwn }: TokenCookieRules,
  header: string | undefined,
  reply: FastifyReply,
): TokenCookies {
  const found = tokensOfCookies(header, settings, verifies);
  const apply = (answered: readonly (string | null)[], rejected: readonly string[] = []): void => {
    const values = cookiesAfter({ found, answered: answered.filter((token) => token !== null), rejected }, settings);
    if (values.length > 0) void reply.header('set-cookie', values);
  };
  return {
    tokens: joinedTokens(found.tokens),
    problem: found.problem,
    answered({ token, refused, written }) {
      if (refused === null) return apply([token]);
      // The error must be reported to the client once, but the client cannot remove a cookie itself. The token's
      // positions of other clusters remain valid.
      const rejected = meant(refused, found.tokens);
      apply([...rejected.map(withoutOwn), written], rejected);
    },
  };
}

/** An answer that sets a cookie is for one client, so no cache may store it for another. */
export function keepToOneClient(app: FastifyInstance): void {
  app.addHook('onSend', async (_request, reply) => {
    if (reply.hasHeader('set-cookie')) void reply.header('cache-control', 'private, no-store');
  });
}
