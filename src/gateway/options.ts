/** Owns what a gateway's plugin can be told, with its defaults and limits. */
import { cookieProblem } from '../base/cookie-rules.ts';
import { MeridianError } from '../base/errors.ts';
import { type TokenCookieSettings } from '../consistency/token-cookies.ts';
import { TokenCodec } from '../consistency/token.ts';

export interface GatewayOptions {
  /**
   * The subgraphs' `tokenSecret`, several joined by commas or as a list while one is replaced: tokens of several
   * subgraphs are then folded into one, signed with the first. Without it a client holds a short list of tokens, which
   * is as good.
   */
  readonly tokenSecret?: string | readonly string[] | undefined;
  /**
   * Longest `consistency-token` header of a client's that is looked into, in bytes, and longest token that several are
   * folded into; a longer header goes to the subgraphs as it is, which refuse it. Default 4,096, as theirs.
   */
  readonly maxTokenBytes?: number;
  /**
   * Tokens that are held for one operation at most. A client's header with more goes to the subgraphs as it is. Default
   * 32.
   */
  readonly maxTokens?: number;
  /**
   * Longest idempotency key that keys of single mutations are derived from, in bytes; a longer one goes to the
   * subgraphs as it is, which refuse it. Default 255, as theirs.
   */
  readonly idempotencyKeyBytes?: number;
  /**
   * Further headers of the client's that every subgraph gets, besides `authorization`, `traceparent`, `tracestate` and
   * `baggage`.
   */
  readonly forwardHeaders?: readonly string[];
  /**
   * Takes tokens from cookies and gives them back in such, for clients that can keep none themselves. Default: cookies
   * are not looked at.
   */
  readonly cookies?: CookieOptions;
}

/** As the servers' options of cookies: what is said of `tokenCookieMaxAgeS` there holds for `maxAgeS` here. */
export interface CookieOptions {
  /**
   * What the cookies' names begin with. `__Host-` before it keeps other hosts of the domain from setting such cookies.
   * Each graph of a host needs a name of its own.
   */
  readonly name: string;
  /** Path that browsers send the cookies to: that of GraphQL as they see it. Default `/graphql`. */
  readonly path?: string;
  /**
   * Domain whose hosts the cookies are sent to, where each region's gateway has a host of its own. Default: the host
   * that answered, and no other.
   */
  readonly domain?: string;
  /** Default `strict`; `lax`: also when a link leads here. */
  readonly sameSite?: 'strict' | 'lax';
  /** Over HTTPS only. Default true. */
  readonly secure?: boolean;
  /** How long browsers keep such a cookie, in seconds. Default 86,400. */
  readonly maxAgeS?: number;
  /** Token cookies that one request may have; with more it is refused, and they are expired. Default 64. */
  readonly count?: number;
  /** Bytes of such cookies, names included, that one request may have; likewise. Default 8,192. */
  readonly bytes?: number;
}

export interface GatewaySettings {
  /** Null: tokens are held as they came. */
  readonly codec: TokenCodec | null;
  readonly maxTokenBytes: number;
  readonly maxTokens: number;
  readonly idempotencyKeyBytes: number;
  /** In lower case. */
  readonly passed: readonly string[];
  readonly cookies: TokenCookieSettings | null;
}

const PASSED = ['authorization', 'traceparent', 'tracestate', 'baggage'];
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** Throws `CONFIG_INVALID`. */
export function settingsOf(options: GatewayOptions): GatewaySettings {
  const {
    maxTokenBytes = 4_096,
    maxTokens = 32,
    idempotencyKeyBytes = 255,
    forwardHeaders = [],
    tokenSecret,
    cookies,
  } = options;
  for (const [name, value, least] of [
    ['maxTokenBytes', maxTokenBytes, 64],
    ['maxTokens', maxTokens, 1],
    ['idempotencyKeyBytes', idempotencyKeyBytes, 1],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least)
      throw new MeridianError({
        code: 'CONFIG_INVALID',
        message: `The gateway's ${name} is ${String(value)}; give a whole number from ${least} up.`,
      });
  }
  const passed = [...new Set([...PASSED, ...forwardHeaders.map((name) => name.toLowerCase())])];
  const wrong = passed.find((name) => !HEADER_NAME.test(name));
  if (wrong !== undefined)
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `The gateway's forwardHeaders name ${JSON.stringify(wrong)}, which cannot be the name of a header; leave it out.`,
    });
  const secrets = (typeof tokenSecret === 'string' ? tokenSecret.split(',') : [...(tokenSecret ?? [])])
    .map((secret) => secret.trim())
    .filter((secret) => secret !== '');
  // Given and empty is a mistake, such as a variable that is not set, and the codec says so.
  const codec = tokenSecret === undefined ? null : new TokenCodec({ secrets, maxTokenBytes });
  return {
    codec,
    maxTokenBytes,
    maxTokens,
    idempotencyKeyBytes,
    passed,
    cookies: cookies === undefined ? null : cookieSettings(cookies),
  };
}

/** The same limits as the servers' options have. */
function cookieSettings({
  name,
  path = '/graphql',
  domain = '',
  sameSite = 'strict',
  secure = true,
  maxAgeS = 86_400,
  count = 64,
  bytes = 8_192,
}: CookieOptions): TokenCookieSettings {
  const complain = (field: string, what: string): MeridianError =>
    new MeridianError({ code: 'CONFIG_INVALID', message: `The gateway's cookies.${field} ${what}.` });
  const problem = cookieProblem({ name, path, domain, secure });
  if (problem !== null) throw complain(problem.field, `${problem.what}; ${problem.fix}`);
  if (!['strict', 'lax'].includes(sameSite))
    throw complain('sameSite', `is ${JSON.stringify(sameSite)}; say strict or lax`);
  for (const [field, value, least, most] of [
    ['maxAgeS', maxAgeS, 1, 34_560_000],
    ['count', count, 1, 1_000],
    ['bytes', bytes, 256, 65_536],
  ] as const) {
    if (!Number.isSafeInteger(value) || value < least || value > most)
      throw complain(field, `is ${String(value)}; give a whole number from ${least} to ${most}`);
  }
  return { name, path, domain, sameSite, secure, maxAgeS, maxCookies: count, maxBytes: bytes };
}
