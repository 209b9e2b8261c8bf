/** Owns bearer tokens that say who is asking, signed with a shared secret, for development and tests. */
import { SignJWT } from 'jose';
import { type Options } from '../config/options.ts';

/** Whom a bearer token names. */
export interface Bearer {
  readonly id: string;
  /** Left out: of no tenant. */
  readonly tenant?: string | undefined;
  /** Left out: none. */
  readonly roles?: readonly string[] | undefined;
}

export interface SignOptions {
  readonly secret: string;
  /** As in `15m`, `1h`, `7d`. */
  readonly expires: string;
  /** The claims by which the servers know tenant and roles, and what else they ask of a token. */
  readonly claims: Pick<Options, 'tenantClaim' | 'rolesClaim' | 'jwtIssuer' | 'jwtAudience'>;
}

export async function signBearer(
  { id, tenant, roles }: Bearer,
  { secret, expires, claims }: SignOptions,
): Promise<string> {
  const jwt = new SignJWT({
    ...(tenant === undefined ? {} : { [claims.tenantClaim]: tenant }),
    ...(roles === undefined ? {} : { [claims.rolesClaim]: roles }),
  })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(id)
    .setIssuedAt()
    .setExpirationTime(expires);
  if (claims.jwtIssuer !== '') jwt.setIssuer(claims.jwtIssuer);
  if (claims.jwtAudience !== '') jwt.setAudience(claims.jwtAudience);
  return jwt.sign(new TextEncoder().encode(secret));
}
