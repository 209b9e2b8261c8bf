/**
 * Owns what browsers require of a cookie: which names, paths and domains they accept, and what a name's prefix
 * requires.
 */

export interface CookiePlace {
  readonly name: string;
  readonly path: string;
  /** Empty: only the host that sets the cookie. */
  readonly domain: string;
  readonly secure: boolean;
}

export interface CookieProblem {
  readonly field: keyof CookiePlace;
  /** A phrase that follows the field's name. */
  readonly what: string;
  readonly fix: string;
}

export const COOKIE_NAME = {
  pattern: /^[A-Za-z0-9_.-]{1,64}$/,
  words: '1 to 64 letters, digits, hyphens, dots and underscores',
};
export const COOKIE_PATH = {
  pattern: /^\/[\x21-\x3a\x3c-\x7e]*$/,
  words: 'a path that begins with / and has neither blanks nor semicolons',
};
export const COOKIE_DOMAIN = {
  pattern: /^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+$/,
  words: 'a domain name, as in example.com',
};

/**
 * Browsers compare prefixes case-insensitively. What follows the first prefix (`__Host-Http-`) requires `HttpOnly`,
 * which these cookies have.
 */
const HOST_PREFIX = /^__host-/i;
const SECURE_PREFIX = /^__(host|secure|http)-/i;

/**
 * The first reason why browsers would reject the cookie or store it for another place than intended; null if there is
 * none.
 */
export function cookieProblem({ name, path, domain, secure }: CookiePlace): CookieProblem | null {
  if (!COOKIE_NAME.pattern.test(name))
    return { field: 'name', what: `must be ${COOKIE_NAME.words}`, fix: 'choose another' };
  if (!COOKIE_PATH.pattern.test(path))
    return { field: 'path', what: `must be ${COOKIE_PATH.words}`, fix: 'say / for the whole host' };
  if (domain !== '' && !COOKIE_DOMAIN.pattern.test(domain))
    return { field: 'domain', what: `must be ${COOKIE_DOMAIN.words}`, fix: 'leave it out for the host alone' };
  return prefixProblem({ name, path, domain, secure });
}

/** Browsers reject a cookie whose name prefix requires attributes that it does not have. */
export function prefixProblem({ name, path, domain, secure }: CookiePlace): CookieProblem | null {
  const [prefix] = SECURE_PREFIX.exec(name) ?? [];
  if (prefix === undefined) return null;
  const because = `browsers keep a cookie whose name begins with ${prefix} only`;
  if (!secure)
    return {
      field: 'secure',
      what: `must be true: ${because} if it is secure`,
      fix: 'make it so, or choose a name without the prefix',
    };
  if (!HOST_PREFIX.test(name)) return null;
  if (path !== '/')
    return {
      field: 'path',
      what: `must be /: ${because} on the whole host`,
      fix: 'say /, or choose a name without the prefix',
    };
  if (domain !== '')
    return {
      field: 'domain',
      what: `must be left out: ${because} on one host`,
      fix: 'leave it out, or choose a name without the prefix',
    };
  return null;
}
