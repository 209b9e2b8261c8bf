/**
 * Owns the proof that a verified token is remembered to the letter, within bounds, and never longer than verifying it
 * would take it.
 */
import assert from 'node:assert/strict';
import { describe, it, mock } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { type Viewer } from '../../../src/base/viewer.ts';
import { defaultOptions, type Options } from '../../../src/config/options.ts';
import { RememberedViewers } from '../../../src/server/remembered-viewers.ts';
import { createViewers } from '../../../src/server/viewer.ts';
import { startReceiver } from '../../support/http.ts';

const SECRET = 'a secret of thirty-two bytes or more';
const options = (overrides: Partial<Options> = {}): Options =>
  defaultOptions({ jwtSecret: SECRET, clockToleranceMs: 5_000, ...overrides });
const request = (token: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${token}` },
});
const sign = (claims: JWTPayload, secret = SECRET): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(new TextEncoder().encode(secret));
const nowS = (): number => Math.floor(Date.now() / 1_000);
const UNAUTHENTICATED = { code: 'UNAUTHENTICATED' };
const ANN: Viewer = { id: 'ann', tenant: null, roles: [] };

describe('a token that was verified', () => {
  it('gives its viewer at once from then on, as an object that nobody can change', async () => {
    const viewers = createViewers(options());
    const ann = request(await sign({ sub: 'ann', roles: ['staff'] }));
    assert.equal(viewers.now(ann), undefined);
    const viewer = await viewers.of(ann);
    assert.equal(viewers.now(ann), viewer);
    assert.equal(await viewers.of(ann), viewer);
    assert.throws(() => (viewer?.roles as string[]).push('admin'), TypeError);
    assert.throws(() => ((viewer as { tenant: string }).tenant = 'theirs'), TypeError);
  });

  it('is recognised by the exact text of its header', async () => {
    const viewers = createViewers(options());
    const token = await sign({ sub: 'ann' });
    await viewers.of(request(token));
    const others = [
      `bearer ${token}`,
      `Bearer  ${token}`,
      `Bearer ${token} `,
      `Bearer ${token.slice(0, -1)}`,
      `Bearer ${token}A`,
      token,
    ];
    for (const authorization of others)
      assert.equal(viewers.now({ headers: { authorization } }), undefined, authorization);
    await assert.rejects(viewers.of(request(`${token.slice(0, -4)}AAAA`)), UNAUTHENTICATED);
  });

  it('counts until it expires with the tolerance, and no longer', async (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const viewers = createViewers(options());
    const ann = request(await sign({ sub: 'ann', exp: nowS() + 60 }));
    await viewers.of(ann);
    test.mock.timers.tick(64_000);
    assert.equal(viewers.now(ann)?.id, 'ann', 'the tolerance is 5 s');
    test.mock.timers.tick(1_000);
    assert.equal(viewers.now(ann), undefined);
    await assert.rejects(viewers.of(ann), { ...UNAUTHENTICATED, message: /has expired/ });
  });

  it('does not count before it begins, where the clock is set back', async (test) => {
    test.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const viewers = createViewers(options());
    const ann = request(await sign({ sub: 'ann', nbf: nowS() }));
    await viewers.of(ann);
    test.mock.timers.setTime(Date.now() - 60_000);
    assert.equal(viewers.now(ann), undefined);
    await assert.rejects(viewers.of(ann), { ...UNAUTHENTICATED, message: /"nbf" is not right/ });
  });

  it('without an end counts as long as the process runs, but not in a process with another secret, issuer or audience', async () => {
    const ann = request(await sign({ sub: 'ann', iss: 'us' }));
    const viewers = createViewers(options({ jwtIssuer: 'us' }));
    assert.equal((await viewers.of(ann))?.id, 'ann');
    assert.equal(viewers.now(ann)?.id, 'ann');
    for (const other of [{ jwtSecret: `${SECRET}!` }, { jwtIssuer: 'them' }, { jwtAudience: 'api' }])
      await assert.rejects(createViewers(options(other)).of(ann), UNAUTHENTICATED);
  });
});

describe('a token that was not verified', () => {
  it('is not remembered: what was refused is refused again', async () => {
    const viewers = createViewers(options());
    for (const token of [await sign({ sub: 'ann' }, `${SECRET}!`), await sign({ roles: ['admin'] }), 'a.b.c', 'x']) {
      await assert.rejects(viewers.of(request(token)), UNAUTHENTICATED);
      assert.equal(viewers.now(request(token)), undefined);
      await assert.rejects(viewers.of(request(token)), UNAUTHENTICATED);
    }
  });

  it('is null at once without a header, and with auth none; a hook is always asked', async () => {
    assert.equal(createViewers(options()).now({ headers: {} }), null);
    assert.equal(createViewers(options()).now({ headers: { authorization: '' } }), undefined);
    assert.equal(createViewers(options({ auth: 'none' })).now(request('whatever')), null);
    const hook = mock.fn(() => ANN);
    const hooked = createViewers(options({ auth: 'none' }), hook);
    assert.equal(hooked.now({ headers: {} }), undefined);
    await hooked.of({ headers: {} });
    assert.equal(hooked.now({ headers: {} }), undefined);
    assert.equal(hook.mock.callCount(), 1);
  });
});

describe('what is remembered of tokens', () => {
  it('is bounded in number, the least used go first, and 0 turns it off', async () => {
    const viewers = createViewers(options({ rememberedTokens: 2 }));
    const [a, b, c] = [
      request(await sign({ sub: 'a' })),
      request(await sign({ sub: 'b' })),
      request(await sign({ sub: 'c' })),
    ];
    await viewers.of(a);
    await viewers.of(b);
    viewers.now(a);
    await viewers.of(c);
    assert.deepEqual(
      [a, b, c].map((one) => viewers.now(one)?.id),
      ['a', undefined, 'c'],
    );
    const off = createViewers(options({ rememberedTokens: 0 }));
    assert.equal((await off.of(a))?.id, 'a');
    assert.equal(off.now(a), undefined);
  });

  it('is bounded in the length of a header', () => {
    const remembered = new RememberedViewers({ rememberedTokens: 2, clockToleranceMs: 0 });
    const proof = { viewer: ANN, exp: undefined, nbf: undefined };
    remembered.keep('x'.repeat(4_096), proof);
    remembered.keep('x'.repeat(4_097), proof);
    assert.deepEqual([remembered.get('x'.repeat(4_096)), remembered.get('x'.repeat(4_097))], [ANN, undefined]);
  });
});

describe('a token that was verified with a key set', () => {
  const signWith = (privateKey: CryptoKey, kid: string): Promise<string> =>
    new SignJWT({ sub: 'ann' }).setProtectedHeader({ alg: 'RS256', kid }).setExpirationTime('1h').sign(privateKey);

  it('counts no longer than jwksMaxAgeMs, and not once its key has been taken out of the set', async (test) => {
    const pair = await generateKeyPair('RS256');
    const published = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'RS256' }] });
    let body = published;
    await using keySet = await startReceiver(() => ({ body }));
    const viewers = createViewers(defaultOptions({ jwksUrl: keySet.url, jwksMaxAgeMs: 60_000 }));
    const ann = request(await signWith(pair.privateKey, 'one'));
    test.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    await viewers.of(ann);
    test.mock.timers.tick(59_000);
    assert.equal(viewers.now(ann)?.id, 'ann');
    test.mock.timers.tick(1_000);
    assert.equal(viewers.now(ann), undefined, 'the set is due');
    assert.equal((await viewers.of(ann))?.id, 'ann', 'and still has the key');
    assert.equal(keySet.received.length, 2);
    body = '{"keys":[]}';
    test.mock.timers.tick(60_000);
    await assert.rejects(viewers.of(ann), { ...UNAUTHENTICATED, message: /has no key for it/ });
    assert.equal(viewers.now(ann), undefined);
  });

  it('is verified again when the set was fetched anew meanwhile, for whatever token', async (test) => {
    const pair = await generateKeyPair('RS256');
    let body = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'RS256' }] });
    await using keySet = await startReceiver(() => ({ body }));
    const viewers = createViewers(defaultOptions({ jwksUrl: keySet.url, jwksMaxAgeMs: 60_000 }));
    test.mock.timers.enable({ apis: ['Date'], now: Date.now() });
    const [first, second] = [
      request(await signWith(pair.privateKey, 'one')),
      request(`${await signWith(pair.privateKey, 'two')}`),
    ];
    await viewers.of(first);
    body = '{"keys":[]}';
    test.mock.timers.tick(60_000);
    await assert.rejects(viewers.of(second), UNAUTHENTICATED);
    assert.equal(viewers.now(first), undefined);
    await assert.rejects(viewers.of(first), UNAUTHENTICATED);
  });
});
