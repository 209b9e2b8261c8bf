/**
 * Owns the cookies of one request on the server's side: which of their tokens hold, and what the answer sets and
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
  /** Which of the tokens an answer with that error means. */
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
      // The client is told, which it must be once; but it cannot drop a cookie itself. What the cookie says of other
      // clusters still holds.
      const rejected = meant(refused, found.tokens);
      apply([...rejected.map(withoutOwn), written], rejected);
    },
  };
}

/** What sets a cookie is for one client: nothing on the way may keep it for another. */
export function keepToOneClient(app: FastifyInstance): void {
  app.addHook('onSend', async (_request, reply) => {
    if (reply.hasHeader('set-cookie')) void reply.header('cache-control', 'private, no-store');
  });
}
