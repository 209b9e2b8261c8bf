import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pairsOf, parseWanFile } from '../../../src/dev/wan/topology.ts';

const REGIONS = ['us-east-1', 'eu-west-1', 'ap-northeast-1'];
const rtts = (pairs: ReturnType<typeof pairsOf>): string[] =>
  pairs.map(({ between, rttMs, jitterMs }) => `${between.join('/')} ${rttMs}±${jitterMs}`);

describe('the round trips between regions', () => {
  it("are known by default, also for regions with names of one's own", () => {
    assert.deepEqual(rtts(pairsOf(REGIONS, {})), [
      'us-east-1/eu-west-1 80±0',
      'us-east-1/ap-northeast-1 150±0',
      'eu-west-1/ap-northeast-1 220±0',
    ]);
    assert.deepEqual(rtts(pairsOf(['mars', 'venus'], {})), ['mars/venus 100±0']);
  });

  it('have no delay when it is off', () => {
    assert.ok(pairsOf(REGIONS, 'off').every(({ rttMs }) => rttMs === 0));
  });

  it('can be set for a pair in either order, which leaves the others as they are', () => {
    const pairs = pairsOf(REGIONS, parseWanFile('{"eu-west-1/us-east-1": {"rttMs": 12.5, "jitterMs": 3}}', 'wan.json'));
    assert.deepEqual(rtts(pairs), [
      'us-east-1/eu-west-1 12.5±3',
      'us-east-1/ap-northeast-1 150±0',
      'eu-west-1/ap-northeast-1 220±0',
    ]);
  });

  it('says what is wrong with a file', () => {
    assert.throws(() => parseWanFile('{', 'wan.json'), /WAN file wan\.json is no JSON/);
    assert.throws(() => parseWanFile('{"a/b": {"rttMs": "80"}}', 'wan.json'), /wrong at "a\/b\.rttMs"/);
    assert.throws(() => parseWanFile('{"a/b": {"rtt": 80, "rttMs": 1}}', 'wan.json'), /Unrecognized key/);
    assert.throws(() => pairsOf(REGIONS, { 'us-east-1/moon': { rttMs: 1 } }), /name the pair "us-east-1\/moon"/);
  });
});
