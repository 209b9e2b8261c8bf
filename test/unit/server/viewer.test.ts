/** Owns the proof that only tokens that hold give a viewer, and that no credentials give none. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWTPayload } from 'jose';
import { type Viewer } from '../../../src/base/viewer.ts';
import { defaultOptions, type Options } from '../../../src/config/options.ts';
import { createViewers } from '../../../src/server/viewer.ts';
import { startReceiver } from '../../support/http.ts';
import { startTestServer } from '../../support/server.ts';

// Long enough for every HS algorithm, so that only the algorithm can be what refuses one.
const SECRET = 'a secret of more than sixty-four bytes, as the longest of the HS algorithms wants it';
const key = (secret: string): Uint8Array => new TextEncoder().encode(secret);
const sign = (claims: JWTPayload, { secret = SECRET, expires = '1h', alg = 'HS256' } = {}): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg }).setExpirationTime(expires).sign(key(secret));
const options = (overrides: Partial<Options> = {}): Options => defaultOptions({ jwtSecret: SECRET, ...overrides });
const bearer = (token: string): { headers: Record<string, string> } => ({
  headers: { authorization: `Bearer ${token}` },
});
const UNAUTHENTICATED = { code: 'UNAUTHENTICATED' };

describe('the viewer of a token with a shared secret', () => {
  it('has id, tenant and roles', async () => {
    const viewers = createViewers(options());
    assert.deepEqual(await viewers.of(bearer(await sign({ sub: '7', tenant: 3, roles: ['admin', 'staff'] }))), {
      id: '7',
      tenant: '3',
      roles: ['admin', 'staff'],
    });
    assert.deepEqual(await viewers.of(bearer(await sign({ sub: '7' }))), { id: '7', tenant: null, roles: [] });
  });

  it('may have them in other claims, as words or inside an object', async () => {
    const viewers = createViewers(
      options({ tenantClaim: 'https://example.com/org', rolesClaim: 'realm_access.roles' }),
    );
    assert.deepEqual(
      await viewers.of(
        bearer(await sign({ sub: '7', 'https://example.com/org': 'acme', realm_access: { roles: 'admin staff' } })),
      ),
      { id: '7', tenant: 'acme', roles: ['admin', 'staff'] },
    );
  });

  it('is null without an Authorization header', async () => {
    assert.equal(await createViewers(options()).of({ headers: {} }), null);
  });

  it('is refused when the token has expired, is forged, has no subject, or is none', async () => {
    const viewers = createViewers(options());
    await assert.rejects(viewers.of(bearer(await sign({ sub: '7' }, { expires: '-1h' }))), {
      ...UNAUTHENTICATED,
      message: 'The Authorization header was not accepted: the token has expired.',
    });
    await assert.rejects(viewers.of(bearer(await sign({ sub: '7' }, { secret: `${SECRET}!` }))), {
      ...UNAUTHENTICATED,
      message: /the signature does not verify/,
    });
    await assert.rejects(viewers.of(bearer(await sign({ roles: ['admin'] }))), {
      ...UNAUTHENTICATED,
      message: /has no "sub"/,
    });
    await assert.rejects(viewers.of(bearer('a.b.c')), UNAUTHENTICATED);
    await assert.rejects(viewers.of({ headers: { authorization: 'Basic dTpw' } }), UNAUTHENTICATED);
    await assert.rejects(viewers.of({ headers: { authorization: '' } }), UNAUTHENTICATED);
  });

  it('is accepted with a small difference of clocks only', async () => {
    const viewers = createViewers(options({ clockToleranceMs: 30_000 }));
    assert.equal((await viewers.of(bearer(await sign({ sub: '7' }, { expires: '-10s' }))))?.id, '7');
    await assert.rejects(viewers.of(bearer(await sign({ sub: '7' }, { expires: '-40s' }))), UNAUTHENTICATED);
  });

  it('is refused for another algorithm, above all for none', async () => {
    const viewers = createViewers(options());
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"7"}').toString('base64url')}.`;
    await assert.rejects(viewers.of(bearer(none)), UNAUTHENTICATED);
    await assert.rejects(viewers.of(bearer(await sign({ sub: '7' }, { alg: 'HS512' }))), UNAUTHENTICATED);
  });

  it('is refused for another issuer or audience', async () => {
    const viewers = createViewers(options({ jwtIssuer: 'us', jwtAudience: 'api' }));
    assert.equal((await viewers.of(bearer(await sign({ sub: '7', iss: 'us', aud: 'api' }))))?.id, '7');
    await assert.rejects(viewers.of(bearer(await sign({ sub: '7', iss: 'them', aud: 'api' }))), {
      ...UNAUTHENTICATED,
      message: /"iss" is not right/,
    });
    await assert.rejects(viewers.of(bearer(await sign({ sub: '7', iss: 'us', aud: 'web' }))), UNAUTHENTICATED);
    await assert.rejects(viewers.of(bearer(await sign({ sub: '7' }))), UNAUTHENTICATED);
  });
});

describe('the viewer of a token with a key set', () => {
  const signWith = (privateKey: CryptoKey, kid: string): Promise<string> =>
    new SignJWT({ sub: '7' }).setProtectedHeader({ alg: 'RS256', kid }).setExpirationTime('1h').sign(privateKey);

  it('is verified with the published keys, which are fetched once', async () => {
    const pair = await generateKeyPair('RS256');
    const published = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'RS256' }] });
    await using keySet = await startReceiver(() => ({ body: published }));
    const viewers = createViewers(defaultOptions({ jwksUrl: keySet.url }));
    for (let i = 0; i < 3; i += 1)
      assert.equal((await viewers.of(bearer(await signWith(pair.privateKey, 'one'))))?.id, '7');
    assert.equal(keySet.received.length, 1);
    const stranger = await generateKeyPair('RS256');
    await assert.rejects(viewers.of(bearer(await signWith(stranger.privateKey, 'one'))), UNAUTHENTICATED);
    await assert.rejects(viewers.of(bearer(await signWith(pair.privateKey, 'two'))), UNAUTHENTICATED);
    // The public key as a shared secret: the classic confusion of algorithms.
    await assert.rejects(viewers.of(bearer(await sign({ sub: '7' }, { secret: published }))), UNAUTHENTICATED);
  });

  it('is refused with AUTHENTICATION_UNAVAILABLE when the key set cannot be fetched', async () => {
    const pair = await generateKeyPair('RS256');
    await using keySet = await startReceiver(() => ({ status: 500 }));
    await assert.rejects(
      createViewers(defaultOptions({ jwksUrl: keySet.url })).of(bearer(await signWith(pair.privateKey, 'one'))),
      { code: 'AUTHENTICATION_UNAVAILABLE', retryable: true },
    );
    await using silent = await startReceiver(() => ({ afterMs: 20_000 }));
    const startedMs = performance.now();
    await assert.rejects(
      createViewers(defaultOptions({ jwksUrl: silent.url, jwksTimeoutMs: 100 })).of(
        bearer(await signWith(pair.privateKey, 'one')),
      ),
      { code: 'AUTHENTICATION_UNAVAILABLE' },
    );
    assert.ok(performance.now() - startedMs < 10_000);
    const closed = 'http://127.0.0.1:1/keys';
    await assert.rejects(
      createViewers(defaultOptions({ jwksUrl: closed })).of(bearer(await signWith(pair.privateKey, 'one'))),
      { code: 'AUTHENTICATION_UNAVAILABLE' },
    );
  });

  it('is refused at once for a while after a failed fetch, and then found', async () => {
    const pair = await generateKeyPair('RS256');
    const published = JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'RS256' }] });
    let broken = true;
    await using keySet = await startReceiver(() => ({ body: broken ? '<html>' : published }));
    const viewers = createViewers(defaultOptions({ jwksUrl: keySet.url, jwksRetryMs: 1_000 }));
    const ask = async (): Promise<unknown> => viewers.of(bearer(await signWith(pair.privateKey, 'one')));
    const began = performance.now();
    for (let i = 0; i < 20; i += 1) await assert.rejects(ask(), { code: 'AUTHENTICATION_UNAVAILABLE' });
    const seconds = Math.floor((performance.now() - began) / 1_000);
    assert.ok(keySet.received.length <= 1 + seconds, `${keySet.received.length} fetches in ${seconds} s`);
    broken = false;
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    assert.notEqual(await ask(), null);
  });

  it('is refused with UNAUTHENTICATED where the token is damaged, whatever its key', async () => {
    await using keySet = await startReceiver(() => ({ body: '{"keys":[]}' }));
    const viewers = createViewers(defaultOptions({ jwksUrl: keySet.url }));
    const part = (text: string): string => Buffer.from(text).toString('base64url');
    for (const header of ['x', '[]', 'null', '{"alg":5}', '{"alg":"none"}', '{"alg":"RS256","crit":["x"],"x":1}'])
      await assert.rejects(viewers.of(bearer(`${part(header)}.${part('{"sub":"7"}')}.AAAA`)), UNAUTHENTICATED, header);
  });
});

describe('the viewer in a request', () => {
  it('reaches resolvers, and an expired token answers 200 with its code', async () => {
    await using server = await startTestServer({ options: { auth: 'jwt', jwtSecret: SECRET } });
    const good = await server.ask('{ me }', {
      authorization: `Bearer ${await sign({ sub: '7', tenant: 'acme', roles: ['admin'] })}`,
    });
    assert.deepEqual(good.body, { data: { me: '7/acme/admin' } });
    assert.deepEqual((await server.ask('{ me }')).body, { data: { me: null } });
    const expired = await server.ask('{ me }', {
      authorization: `Bearer ${await sign({ sub: '7' }, { expires: '-1h' })}`,
    });
    assert.equal(expired.status, 200);
    assert.deepEqual(expired.body, {
      errors: [
        {
          message: 'The Authorization header was not accepted: the token has expired.',
          extensions: { code: 'UNAUTHENTICATED', retryable: false },
        },
      ],
    });
  });

  it('comes from a hook where there is one, and is nobody with auth none', async () => {
    await using hooked = await startTestServer({
      hook: ({ headers }) => ({ id: headers['x-user'] ?? '?', tenant: null, roles: [] }),
    });
    assert.deepEqual((await hooked.ask('{ me }', { 'x-user': 'ann' })).body, { data: { me: 'ann/null/' } });
    const loose = { id: 7, tenant: 1, roles: 'a b' } as unknown as Viewer;
    await using plain = await startTestServer({ hook: () => loose });
    assert.deepEqual((await plain.ask('{ me }')).body, { data: { me: '7/1/a+b' } }, 'plain JavaScript gives numbers');
    await using bare = await startTestServer({ hook: () => ({ id: 'ann' }) as unknown as Viewer });
    assert.deepEqual((await bare.ask('{ me }')).body, { data: { me: 'ann/null/' } });
    await using open = await startTestServer();
    assert.deepEqual((await open.ask('{ me }', { authorization: 'Bearer whatever' })).body, { data: { me: null } });
  });
});
