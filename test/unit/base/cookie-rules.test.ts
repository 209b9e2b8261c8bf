/** Tests of what browsers demand of a cookie. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cookieProblem, type CookiePlace } from '../../../src/base/cookie-rules.ts';

const good: CookiePlace = { name: 'meridian', path: '/graphql', domain: '', secure: true };
const fieldOf = (change: Partial<CookiePlace>): string | undefined => cookieProblem({ ...good, ...change })?.field;

describe('the place of a cookie', () => {
  it('is accepted as it is by default, on a domain, and on the whole host', () => {
    for (const change of [
      {},
      { domain: 'example.com' },
      { path: '/' },
      { secure: false },
      { name: '__Host-meridian', path: '/' },
      { name: '__Secure-meridian', domain: 'example.com' },
      { name: 'a_b.c-1' },
    ])
      assert.equal(cookieProblem({ ...good, ...change }), null, JSON.stringify(change));
  });

  it('is refused where the name, the path or the domain is not valid', () => {
    for (const name of ['', 'a b', 'a=b', 'a;b', 'ä', 'x'.repeat(65)]) assert.equal(fieldOf({ name }), 'name', name);
    for (const path of ['', 'graphql', '/a;b', '/a b', '/a\nb']) assert.equal(fieldOf({ path }), 'path', path);
    for (const domain of ['localhost', '.example.com', 'example.com.', 'a b.com', 'example.com; Secure', '-a.com'])
      assert.equal(fieldOf({ domain }), 'domain', domain);
  });

  it('must have the attributes that the prefix of its name demands, in upper or lower case', () => {
    for (const name of ['__Secure-x', '__HOST-x', '__Http-x', '__Host-Http-x'])
      assert.equal(fieldOf({ name, path: '/', secure: false }), 'secure', name);
    assert.equal(fieldOf({ name: '__Host-x' }), 'path');
    assert.equal(fieldOf({ name: '__host-x', path: '/', domain: 'example.com' }), 'domain');
    assert.match(
      cookieProblem({ ...good, name: '__Host-x' })?.what ?? '',
      /^must be \/: browsers keep a cookie whose name begins with __Host- only on the whole host$/,
    );
  });
});
