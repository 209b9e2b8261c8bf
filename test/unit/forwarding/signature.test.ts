/**
 * Proves that the gate lets in what a server of this graph has signed for this region, just now, once, and nothing
 * else.
 */
import assert from 'node:assert/strict';
import { createHmac, createSecretKey } from 'node:crypto';
import { describe, it } from 'node:test';
import { ForwardGate, forwardKeys, sign } from '../../../src/forwarding/signature.ts';

const WINDOW_MS = 10_000;
const BODY = '{"viewer":{"id":"7"}}';
const [OLD, NEW] = ['the old secret', 'the new secret'];

function setting({
  secrets = [NEW],
  maxNonces = 100,
}: { readonly secrets?: readonly string[]; readonly maxNonces?: number } = {}) {
  const state = { nowMs: 1_700_000_000_000 };
  const clock = { nowMs: () => state.nowMs, monotonicMs: () => state.nowMs };
  const gate = new ForwardGate({
    keys: forwardKeys(secrets),
    region: 'us-east-1',
    windowMs: WINDOW_MS,
    maxNonces,
    clock,
  });
  const signed = (secret: string, to = 'us-east-1', body = BODY): string => {
    const [key] = forwardKeys([secret]);
    assert.ok(key);
    return sign({ key, body, from: 'eu-west-1', to, clock });
  };
  const why = (header: unknown, body = BODY): string => {
    const admission = gate.admit(header, body);
    return admission.ok ? 'admitted' : `${admission.kind}: ${admission.why}`;
  };
  return { state, gate, signed, why };
}

describe('the gate of forwarded mutations', () => {
  it('accepts what any of its secrets has signed, so that secrets can be rotated', () => {
    const { gate, signed } = setting({ secrets: [NEW, OLD] });
    for (const secret of [NEW, OLD])
      assert.deepEqual(gate.admit(signed(secret), BODY), { ok: true, from: 'eu-west-1' });
  });

  it('refuses another secret, another body, another region, another sender, another time', () => {
    const { signed, why } = setting();
    assert.match(why(signed(OLD)), /^forged: its signature does not verify/);
    const header = signed(NEW);
    assert.match(why(header, BODY.replace('7', '8')), /does not verify/);
    assert.match(why(signed(NEW, 'ap-northeast-1')), /signed for region ap-northeast-1/);
    for (const [part, other] of [
      ['eu-west-1', 'ap-northeast-1'],
      ['1700000000000', '1700000000001'],
    ] as const)
      assert.match(why(header.replace(part, other)), /does not verify/);
    const [version, time, nonce = '', ...rest] = header.split(' ');
    assert.match(
      why([version, time, `${nonce.startsWith('A') ? 'B' : 'A'}${nonce.slice(1)}`, ...rest].join(' ')),
      /does not verify/,
    );
    assert.equal(why(header), 'admitted');
  });

  it('refuses what is no signature, before a body is read', () => {
    const { gate, signed } = setting();
    for (const header of [
      undefined,
      '',
      'v1',
      'Bearer x',
      [signed(NEW)],
      `${signed(NEW)} `,
      signed(NEW).replace('v1', 'v2'),
    ])
      assert.equal(gate.refusal(header), 'it is not signed');
    assert.equal(gate.refusal(signed(NEW)), null);
  });

  it('refuses a request whose time is further from its clock than the window, in the past or in the future', () => {
    const { state, signed, why } = setting();
    const header = signed(NEW);
    for (const byMs of [WINDOW_MS + 1, -WINDOW_MS - 1]) {
      state.nowMs += byMs;
      assert.match(why(header), /compare the servers' clocks/);
      state.nowMs -= byMs;
    }
    state.nowMs += WINDOW_MS;
    assert.equal(why(header), 'admitted');
  });

  it('accepts no request twice while its time is valid', () => {
    const { state, signed, why } = setting();
    state.nowMs += WINDOW_MS;
    const ahead = signed(NEW);
    state.nowMs -= WINDOW_MS;
    assert.equal(why(ahead), 'admitted');
    state.nowMs += 2 * WINDOW_MS - 1;
    assert.equal(why(ahead), 'forged: it was taken before');
    state.nowMs += 2;
    assert.match(why(ahead), /ago or ahead/);
  });

  it('remembers a bounded number of requests, and accepts no more than that', () => {
    const { state, signed, why } = setting({ maxNonces: 2 });
    assert.deepEqual([why(signed(NEW)), why(signed(NEW))], ['admitted', 'admitted']);
    assert.match(why(signed(NEW)), /^full: 2 were taken/);
    state.nowMs += 2 * WINDOW_MS + 1;
    assert.equal(why(signed(NEW)), 'admitted');
  });

  it('signs with keys of its own, so that a signature with the secret itself is refused', () => {
    const { signed, why } = setting();
    const [head] = signed(NEW).split(/ [\w-]{43}$/);
    const bare = createHmac('sha256', createSecretKey(NEW, 'utf8'))
      .update(`${head}\n`)
      .update(BODY)
      .digest('base64url');
    assert.match(why(`${head} ${bare}`), /does not verify/);
  });
});
