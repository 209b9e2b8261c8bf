/** Owns the options of the gateway plugins, with their defaults and limits. */
import { cookieProblem } from '../base/cookie-rules.ts';
import { MeridianError } from '../base/errors.ts';
import { type TokenCookieSettings } from '../consistency/token-cookies.ts';
import { TokenCodec } from '../consistency/token.ts';

export interface GatewayOptions {
  /**
   * The subgraphs' `tokenSecret`, several joined by commas or as a list during rotation. With it the tokens of several
   * subgraphs are merged into one, signed with the first secret. Without it a client holds a short list of tokens,
   * which guarantees the same.
   */
  readonly tokenSecret?: string | readonly string[] | undefined;
  /**
   * Longest `consistency-token` header of a client that is read, in bytes, and longest token that several are merged
   * into; a longer header is passed on unchanged to the subgraphs, which refuse it. Default 4,096, as theirs.
   */
  readonly maxTokenBytes?: number;
  /** Maximum number of tokens for one operation. A client's header with more is passed on unchanged. Default 32. */
  readonly maxTokens?: number;
  /**
   * Longest idempotency key from which keys of single mutations are derived, in bytes; a longer one is passed on
   * unchanged to the subgraphs, which refuse it. Default 255, as theirs.
   */
  readonly idempotencyKeyBytes?: number;
  /**
   * Further headers of the client that every subgraph gets, besides `authorization`, `traceparent`, `tracestate` and
   * `baggage`.
   */
  readonly forwardHeaders?: readonly string[];
  /**
   * Reads tokens from cookies and sets them as cookies, for clients that cannot hold tokens themselves. Default:
   * cookies are not read.
   */
  readonly cookies?: CookieOptions;
}

/** As the servers' cookie options; the help of `tokenCookieMaxAgeS` also applies to `maxAgeS` here. */
export interface CookieOptions {
  /**
   * Prefix of the cookies' names. `__Host-` at its start prevents other hosts of the domain from setting such cookies.
   * Each graph of a host needs its own name.
   */
  readonly name: string;
  /** Path for which browsers send the cookies: that of GraphQL as browsers see it. Default `/graphql`. */
  readonly path?: string;
  /**
   * Domain whose hosts get the cookies, if each region's gateway has its own host. Default: only the host that
   * answered.
   */
  readonly domain?: string;
  /** Default `strict`; `lax`: also for requests that begin with a link from another site. */
  readonly sameSite?: 'strict' | 'lax';
  /** Over HTTPS only. Default true. */
  readonly secure?: boolean;
  /** How long browsers keep such a cookie, in seconds. Default 86,400. */
  readonly maxAgeS?: number;
  /** Maximum number of token cookies in a request; a request with more is refused, and they are expired. Default 64. */
  readonly count?: number;
  /** Maximum bytes of such cookies in a request, names included; likewise. Default 8,192. */
  readonly bytes?: number;
}

export interface GatewaySettings {
  /** Null: tokens are kept as they came. */
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
  // An empty text is a mistake, such as a variable that is not set; the codec reports it.
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
