/** Tests of what options demand of each other. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadConfig } from '../../../src/config/load.ts';

const load = (settings: Record<string, unknown>): unknown => loadConfig({ settings, env: {} });
const refused = (settings: Record<string, unknown>, message: RegExp): void =>
  assert.throws(() => load(settings), { code: 'CONFIG_INVALID', message });

describe('options together', () => {
  it('let cookies come from named origins, and from no others', () => {
    load({ corsCredentials: true, corsOrigins: 'https://app.example.com' });
    refused(
      { corsCredentials: true, corsOrigins: '*' },
      /corsCredentials \(as given\) is true, but corsOrigins is \*, and browsers send no cookies where every origin may call; list the origins that may\.$/,
    );
    refused({ corsCredentials: true }, /corsCredentials \(as given\) is true, but corsOrigins names no origin/);
  });

  it("keep what the prefix of a cookie's name promises", () => {
    load({ tokenCookie: '__Host-meridian', tokenCookiePath: '/' });
    load({ tokenCookie: '__Secure-meridian', tokenCookieDomain: 'example.com' });
    refused(
      { tokenCookie: '__Host-meridian' },
      /tokenCookiePath \(as given\) must be \/: browsers keep a cookie whose name begins with __Host- only on the whole host/,
    );
    refused(
      { tokenCookie: '__Host-meridian', tokenCookiePath: '/', tokenCookieDomain: 'example.com' },
      /tokenCookieDomain \(as given\) must be left out/,
    );
    refused(
      { tokenCookie: '__Secure-meridian', tokenCookieSecure: false },
      /tokenCookieSecure \(as given\) must be true/,
    );
  });

  it('are checked together only once each is valid by itself', () => {
    refused(
      { tokenCookie: 'a b' },
      /tokenCookie \(settings\) must be 1 to 64 letters, digits, hyphens, dots and underscores, not "a b"; correct it, or leave it out\.$/,
    );
    refused(
      { tokenCookiePath: 'graphql' },
      /tokenCookiePath \(settings\) must be a path that begins with \/ .*leave it out for "\/graphql"/,
    );
    refused({ tokenCookieDomain: 'localhost' }, /tokenCookieDomain \(settings\) must be a domain name/);
    refused({ tokenCookieSameSite: 'none' }, /tokenCookieSameSite \(settings\) must be one of strict, lax, not "none"/);
    refused({ tokenCookieMaxAgeS: 0 }, /tokenCookieMaxAgeS \(settings\) must be a whole number from 1 to 34560000/);
  });
});
