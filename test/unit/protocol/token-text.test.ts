import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ClusterId, type Position } from '../../../src/base/lineage.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { TokenCodec } from '../../../src/consistency/token.ts';
import { leastTokens, splitTokens, tokensAfter } from '../../../src/protocol/token-text.ts';

const codec = new TokenCodec({ secrets: ['secret'], maxTokenBytes: 4_096 });

/** A token of `cluster: [timeline, lsn]`. */
function token(positions: Readonly<Record<string, readonly [number, number]>>): string {
  const all = Object.entries(positions).map(([name, [timeline, lsn]]): [ClusterId, Position] => {
    const cluster = name.padEnd(8, '_') as ClusterId;
    return [cluster, { cluster, timeline, lsn: toLsn(BigInt(lsn)) }];
  });
  return codec.encode(new Map(all)) ?? '';
}

describe('tokens without their secret', () => {
  it('are split at commas, as gateways join them', () => {
    assert.deepEqual(splitTokens(' a,b ,, c'), ['a', 'b', 'c']);
    assert.deepEqual(splitTokens(null), []);
  });

  it('lose those that another one covers', () => {
    const [low, high] = [token({ A: [1, 100] }), token({ A: [1, 900] })];
    assert.deepEqual(leastTokens([high, low, high]), [high]);
  });

  it('lose one that several others cover together', () => {
    const [a, b, both] = [token({ A: [1, 5] }), token({ B: [1, 5] }), token({ A: [1, 4], B: [1, 4] })];
    assert.deepEqual(leastTokens([both, a, b]), [a, b]);
    assert.deepEqual(leastTokens([a, both]), [a, both], 'B is named by no other');
  });

  it('keep what is higher in one cluster and lower in another', () => {
    const [one, other] = [token({ A: [1, 9], B: [1, 1] }), token({ A: [1, 1], B: [1, 9] })];
    assert.deepEqual(leastTokens([one, other]), [one, other]);
  });

  it('keep both timelines: only a server knows whether the older write outlived the failover', () => {
    const [before, after] = [token({ A: [1, 900] }), token({ A: [2, 850] })];
    assert.deepEqual(leastTokens([before, after]), [before, after]);
  });

  it('compare positions as unsigned numbers of 64 bits', () => {
    const cluster = 'AAAAAAAA' as ClusterId;
    const at = (lsn: bigint): string =>
      codec.encode(new Map([[cluster, { cluster, timeline: 1, lsn: toLsn(lsn) }]])) ?? '';
    assert.deepEqual(leastTokens([at(0x7fff_ffff_ffff_ffffn), at(0xffff_ffff_0000_0000n)]), [
      at(0xffff_ffff_0000_0000n),
    ]);
  });

  it('keep what cannot be read, so that a server can refuse it', () => {
    assert.deepEqual(leastTokens(['nonsense', 'm1.A.B', token({ A: [1, 1] })]).length, 3);
  });
});

describe('tokens after an answer', () => {
  it("are replaced by the answer's where they were sent", () => {
    const [before, after] = [token({ A: [1, 900], B: [1, 3] }), token({ A: [2, 850], B: [1, 3] })];
    assert.deepEqual(
      tokensAfter({ held: [before], sent: [before], answered: [after] }),
      [after],
      'the server has judged the older timeline',
    );
  });

  it('of an older timeline are kept where another token that was sent explains the answer, since perhaps no server has judged them', () => {
    const [before, after] = [token({ A: [1, 900] }), token({ A: [2, 850] })];
    const carried = token({ A: [2, 850], B: [1, 7] });
    assert.deepEqual(
      tokensAfter({ held: [before, after], sent: [before, after], answered: [carried] }),
      [before, carried],
      'a server of B knows nothing of A',
    );
    assert.deepEqual(
      tokensAfter({ held: [before, after], sent: [before, after], answered: [token({ A: [2, 851] })] }),
      [token({ A: [2, 851] })],
      'a server of A does',
    );
  });

  it('are kept where they came while the request was under way', () => {
    const [before, meanwhile, after] = [token({ A: [1, 1] }), token({ A: [1, 9] }), token({ A: [1, 5] })];
    assert.deepEqual(tokensAfter({ held: [before, meanwhile], sent: [before], answered: [after] }), [meanwhile]);
  });

  it('are kept where the answer names no position of their cluster, since a gateway may not have passed them on', () => {
    const [before, after] = [token({ A: [1, 1] }), token({ B: [1, 1] })];
    assert.deepEqual(tokensAfter({ held: [before], sent: [before], answered: [after] }), [before, after]);
  });

  it('are kept where the answer has none', () => {
    assert.deepEqual(tokensAfter({ held: ['x'], sent: ['x'], answered: [] }), ['x']);
  });
});
