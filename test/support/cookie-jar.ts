/** Owns a client's cookies for tests, as browsers keep them (RFC 6265): by name, host and path, whatever the port. */
import { parseSetCookie } from 'cookie';

interface Kept {
  readonly name: string;
  readonly value: string;
  /** Host that set it, or domain that it is for. */
  readonly domain: string;
  readonly hostOnly: boolean;
  readonly path: string;
  readonly secure: boolean;
  readonly httpOnly: boolean;
  readonly sameSite: unknown;
  readonly expiresMs: number;
}

/** Browsers take these for secure without TLS. */
const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

export class CookieJar {
  readonly #kept = new Map<string, Kept>();

  get cookies(): readonly Kept[] {
    return [...this.#kept.values()].filter(({ expiresMs }) => expiresMs > Date.now());
  }

  /** The Cookie header of a request to `url`; undefined for none. */
  header(url: string): string | undefined {
    const { hostname, pathname, protocol } = new URL(url);
    const sent = this.cookies.filter(
      ({ domain, hostOnly, path, secure }) =>
        (hostOnly ? domain === hostname : hostname === domain || hostname.endsWith(`.${domain}`)) &&
        isUnder(pathname, path) &&
        (!secure || protocol === 'https:' || LOOPBACK.has(hostname)),
    );
    return sent.length === 0 ? undefined : sent.map(({ name, value }) => `${name}=${value}`).join('; ');
  }

  /** Takes the Set-Cookie values of an answer from `url`, each in its turn; refuses what browsers refuse. */
  take(url: string, values: readonly string[]): void {
    const { hostname, pathname, protocol } = new URL(url);
    const trusted = protocol === 'https:' || LOOPBACK.has(hostname);
    for (const text of values) {
      const {
        name,
        value = '',
        domain,
        path = pathname.slice(0, pathname.lastIndexOf('/')) || '/',
        maxAge,
        secure = false,
        httpOnly = false,
        sameSite,
      } = parseSetCookie(text);
      if (secure && !trusted) continue;
      if (domain !== undefined && hostname !== domain && !hostname.endsWith(`.${domain}`)) continue;
      if (/^__(host|secure)-/i.test(name) && !secure) continue;
      if (/^__host-/i.test(name) && (domain !== undefined || path !== '/')) continue;
      const kept: Kept = {
        name,
        value,
        domain: domain ?? hostname,
        hostOnly: domain === undefined,
        path,
        secure,
        httpOnly,
        sameSite,
        expiresMs: maxAge === undefined ? Number.POSITIVE_INFINITY : Date.now() + maxAge * 1_000,
      };
      const key = `${kept.name} ${kept.domain} ${kept.path}`;
      if (maxAge !== undefined && maxAge <= 0) this.#kept.delete(key);
      else this.#kept.set(key, kept);
    }
  }
}

function isUnder(pathname: string, path: string): boolean {
  return pathname === path || (pathname.startsWith(path) && (path.endsWith('/') || pathname[path.length] === '/'));
}
