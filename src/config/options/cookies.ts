/** Owns the options of token cookies. */
import { COOKIE_DOMAIN, COOKIE_NAME, COOKIE_PATH } from '../../base/cookie-rules.ts';
import { choice, count, flag, option, textLike } from '../option.ts';

export const COOKIES_OPTIONS = {
  tokenCookie: option(textLike(COOKIE_NAME), {
    default: '',
    group: 'cookies',
    help: 'What the names of cookies begin with that carry consistency tokens, for clients that can keep none themselves; empty: no cookies. Each graph of a host needs a name of its own. __Host- before it keeps other hosts of the domain from setting such cookies.',
  }),
  tokenCookiePath: option(textLike(COOKIE_PATH), {
    default: '/graphql',
    group: 'cookies',
    help: 'Path that browsers send the cookies to: that of GraphQL as they see it.',
  }),
  tokenCookieDomain: option(textLike(COOKIE_DOMAIN), {
    default: '',
    group: 'cookies',
    help: 'Domain whose hosts the cookies are sent to, where each region has a host of its own; empty: the host that answered, and no other.',
  }),
  tokenCookieSameSite: option(choice(['strict', 'lax']), {
    default: 'strict',
    group: 'cookies',
    help: 'Whether browsers send the cookies only along with requests that pages of the same site make, or (lax) also when a link leads here.',
  }),
  tokenCookieSecure: option(flag(), {
    default: true,
    group: 'cookies',
    help: 'Whether browsers send the cookies over HTTPS only. Most take localhost for secure as well.',
  }),
  tokenCookieMaxAgeS: option(count(1, 34_560_000), {
    default: 86_400,
    group: 'cookies',
    help: 'How long browsers keep such a cookie, in seconds. Secrets that no longer sign must verify for as long.',
  }),
  tokenCookieCount: option(count(1, 1_000), {
    default: 64,
    group: 'cookies',
    help: 'Token cookies that one request may have: as many as answers were under way to one browser at once. With more it is refused, and they are expired.',
  }),
  tokenCookieBytes: option(count(256, 65_536), {
    default: 8_192,
    group: 'cookies',
    help: 'Bytes of such cookies, names included, that one request may have; likewise.',
  }),
};
