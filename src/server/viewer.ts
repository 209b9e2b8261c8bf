/**
 * Owns the identification of the viewer by a bearer JWT, verified with the shared secret or the key set, or by a hook.
 */
import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  errors,
  jwtVerify,
  type JWTPayload,
  type JWTVerifyGetKey,
  type JWTVerifyOptions,
} from 'jose';
import { MeridianError } from '../base/errors.ts';
import { type Viewer } from '../base/viewer.ts';
import { type Options } from '../config/options.ts';
import { RememberedViewers } from './remembered-viewers.ts';

/** Header names in lower case; repeated headers joined by commas. */
export type Headers = Readonly<Record<string, string | undefined>>;

/** Headers as Node provides them: repeated headers that Node does not join are lists. */
export type RawHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export function joinedHeaders(headers: RawHeaders): Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'object' ? value.join(', ') : value]),
  );
}

/**
 * Determines the viewer in the application's own way. An error thrown here reaches the client as an error of the whole
 * request.
 */
export type ViewerHook = (request: { readonly headers: Headers }) => Viewer | null | Promise<Viewer | null>;

export interface Viewers {
  /** The viewer, or null for a request without credentials. Throws `UNAUTHENTICATED` for invalid credentials. */
  of(request: { readonly headers: Headers }): Promise<Viewer | null>;
  /**
   * The same where it is known without waiting. Undefined where only `of` can determine it: with a hook, and for
   * credentials that are invalid or not in the cache.
   */
  now(request: { readonly headers: Headers }): Viewer | null | undefined;
}

export type ViewerOptions = Pick<
  Options,
  | 'auth'
  | 'jwtSecret'
  | 'jwksUrl'
  | 'jwksTimeoutMs'
  | 'jwksMaxAgeMs'
  | 'jwksRetryMs'
  | 'jwtIssuer'
  | 'jwtAudience'
  | 'clockToleranceMs'
  | 'rememberedTokens'
  | 'tenantClaim'
  | 'rolesClaim'
>;

const SECRET_ALGORITHM = 'HS256';
/** Asymmetric algorithms only, so that a public key is never used as a shared secret. */
const KEY_SET_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
];

/** With a hook, only the hook decides. With `auth: none` and no hook everyone is anonymous, so nobody is an admin. */
export function createViewers(options: ViewerOptions, hook?: ViewerHook): Viewers {
  if (hook) return { of: async (request) => viewerOfHook(await hook(request)), now: () => undefined };
  if (options.auth === 'none') return { of: async () => null, now: () => null };
  const verify = createVerifier(options);
  const remembered = new RememberedViewers(options);
  const now: Viewers['now'] = ({ headers: { authorization } }) =>
    authorization === undefined ? null : remembered.get(authorization);
  return {
    now,
    of: async (request) => {
      const { authorization } = request.headers;
      const known = now(request);
      if (known !== undefined || authorization === undefined) return known ?? null;
      const { payload, stillCounts } = await verify(bearerToken(authorization));
      const viewer = viewerOf(payload, options);
      remembered.keep(authorization, { viewer, exp: payload.exp, nbf: payload.nbf, stillCounts });
      return viewer;
    },
  };
}

/**
 * Hooks are often plain JavaScript, where ids are numbers and missing values undefined. A viewer of the right type is
 * returned as the same object.
 */
function viewerOfHook(viewer: Viewer | null | undefined): Viewer | null {
  if (viewer === null || viewer === undefined) return null;
  const { id, tenant, roles } = viewer as { readonly [K in keyof Viewer]: unknown };
  if (typeof id === 'string' && (tenant === null || typeof tenant === 'string') && Array.isArray(roles)) return viewer;
  return { ...viewer, id: String(id), tenant: named(tenant), roles: words(roles) };
}

function unauthenticated(why: string): MeridianError {
  return new MeridianError({ code: 'UNAUTHENTICATED', message: `The Authorization header was not accepted: ${why}.` });
}

function bearerToken(header: string): string {
  const match = /^Bearer +([\w-]+\.[\w-]+\.[\w-]*)$/i.exec(header.trim());
  if (!match?.[1]) throw unauthenticated('it must be "Bearer" and a signed JSON Web Token');
  return match[1];
}

interface Verified {
  readonly payload: JWTPayload;
  /** Whether the key that verified it is still valid. A shared secret is valid as long as the process runs. */
  readonly stillCounts: () => boolean;
}

function createVerifier(options: ViewerOptions): (token: string) => Promise<Verified> {
  const secret = options.jwtSecret === '' ? null : new TextEncoder().encode(options.jwtSecret);
  const keySet = options.jwksUrl === '' ? null : fetchedKeySet(options);
  const claims: JWTVerifyOptions = {
    clockTolerance: options.clockToleranceMs / 1_000,
    ...(options.jwtIssuer === '' ? {} : { issuer: options.jwtIssuer }),
    ...(options.jwtAudience === '' ? {} : { audience: options.jwtAudience }),
  };
  return async (token) => {
    try {
      const alg = algorithmOf(token);
      // The algorithm selects the key, and each key accepts only its own algorithms.
      if (alg === SECRET_ALGORITHM && secret)
        return {
          payload: (await jwtVerify(token, secret, { ...claims, algorithms: [SECRET_ALGORITHM] })).payload,
          stillCounts: () => true,
        };
      if (alg !== undefined && KEY_SET_ALGORITHMS.includes(alg) && keySet) {
        let stillCounts = (): boolean => false;
        const keyOf: JWTVerifyGetKey = async (header, jws) => {
          const set = await keySet.fresh();
          ({ stillCounts } = set);
          return set.key(header, jws);
        };
        const { payload } = await jwtVerify(token, keyOf, { ...claims, algorithms: KEY_SET_ALGORITHMS });
        return { payload, stillCounts };
      }
    } catch (error) {
      throw refusal(error, options);
    }
    throw unauthenticated(
      `this server verifies ${[secret ? SECRET_ALGORITHM : '', keySet ? 'key set' : ''].filter((name) => name !== '').join(' and ') || 'no'} tokens only`,
    );
  };
}

function algorithmOf(token: string): string | undefined {
  try {
    return decodeProtectedHeader(token).alg;
  } catch (error) {
    throw new errors.JWTInvalid('the header is no JSON object', { cause: error });
  }
}

interface KeySet {
  readonly key: JWTVerifyGetKey;
  /**
   * Whether tokens verified with these keys are still valid: until the set expires or is fetched again, since a key may
   * have been removed from it.
   */
  readonly stillCounts: () => boolean;
}

/**
 * After a failed fetch, requests fail at once until `jwksRetryMs` is over: otherwise they would pile up behind an
 * endpoint that does not answer.
 */
function fetchedKeySet({ jwksUrl, jwksTimeoutMs, jwksMaxAgeMs, jwksRetryMs }: ViewerOptions): {
  readonly fresh: () => Promise<KeySet>;
} {
  const keySet = createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: jwksTimeoutMs, cacheMaxAge: jwksMaxAgeMs });
  let fetches = 0;
  let failed: { readonly error: unknown; readonly atMs: number } | null = null;
  const refetch = async (): Promise<void> => {
    if (failed !== null && performance.now() - failed.atMs < jwksRetryMs) throw failed.error;
    try {
      await keySet.reload();
      fetches += 1;
      failed = null;
    } catch (error) {
      failed = { error, atMs: performance.now() };
      throw error;
    }
  };
  return {
    fresh: async () => {
      if (!keySet.fresh) await refetch();
      const [takenAtMs, taken] = [performance.now(), fetches];
      // jose also fetches the set for an unknown key without increasing the count, so the age since verification is
      // limited as well.
      return {
        key: keySet,
        stillCounts: () => fetches === taken && keySet.fresh && performance.now() - takenAtMs < jwksMaxAgeMs,
      };
    },
  };
}

/** Whether the endpoint did not answer with a key set; all other errors of jose concern the token. */
function isFetchFailure(error: unknown): boolean {
  return (
    error instanceof errors.JWKSTimeout ||
    error instanceof errors.JWKSInvalid ||
    !(error instanceof errors.JOSEError) ||
    error.constructor === errors.JOSEError
  );
}

/** Translates jose's errors for clients. A key set that cannot be fetched is not the client's fault. */
function refusal(error: unknown, options: ViewerOptions): MeridianError {
  if (error instanceof errors.JWTExpired) return unauthenticated('the token has expired');
  if (error instanceof errors.JWTClaimValidationFailed)
    return unauthenticated(`the token's "${error.claim}" is not right`);
  if (error instanceof errors.JWSSignatureVerificationFailed) return unauthenticated('the signature does not verify');
  if (error instanceof errors.JWKSNoMatchingKey) return unauthenticated('the key set has no key for it');
  if (options.jwksUrl !== '' && isFetchFailure(error)) {
    return new MeridianError({
      code: 'AUTHENTICATION_UNAVAILABLE',
      message: 'The key set that verifies tokens cannot be fetched now; try again shortly.',
      cause: error,
    });
  }
  return unauthenticated('it is no valid JSON Web Token');
}

function viewerOf(payload: JWTPayload, options: ViewerOptions): Viewer {
  if (typeof payload.sub !== 'string' || payload.sub === '')
    throw unauthenticated('the token has no "sub", which names the viewer');
  const tenant = claim(payload, options.tenantClaim);
  // Frozen, because all requests with this token share it.
  return Object.freeze({
    id: payload.sub,
    tenant: named(tenant),
    roles: Object.freeze(words(claim(payload, options.rolesClaim))),
  });
}

/** A tenant's name; numbers are accepted as names. */
function named(tenant: unknown): string | null {
  return typeof tenant === 'string' || typeof tenant === 'number' || typeof tenant === 'bigint' ? String(tenant) : null;
}

/** A claim by its whole name first, since names may be URLs, else by its path, as in `realm_access.roles`. */
function claim(payload: JWTPayload, name: string): unknown {
  if (Object.hasOwn(payload, name)) return payload[name];
  return name
    .split('.')
    .reduce<unknown>(
      (value, part) =>
        typeof value === 'object' && value !== null && Object.hasOwn(value, part)
          ? (value as Record<string, unknown>)[part]
          : undefined,
      payload,
    );
}

function words(value: unknown): string[] {
  if (typeof value === 'string') return value.split(/[\s,]+/).filter((word) => word !== '');
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
