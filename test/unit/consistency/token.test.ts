/** Tests of the token codec: what goes in comes out, and nothing else gets in. */
import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes, randomInt } from 'node:crypto';
import { describe, it } from 'node:test';
import { isMeridianError, type ErrorCode } from '../../../src/base/errors.ts';
import { clusterIdOf, type ClusterId, type Position } from '../../../src/base/lineage.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { mergePositions, withPosition, type Positions } from '../../../src/consistency/positions.ts';
import { TokenCodec } from '../../../src/consistency/token.ts';

const codec = new TokenCodec({ secrets: ['first secret', 'second secret'], maxTokenBytes: 4096 });
const CLUSTERS = ['1', '2', '3', '4', '5'].map(clusterIdOf);

function randomPosition(cluster: ClusterId): Position {
  return {
    cluster,
    timeline: randomInt(1, 4),
    lsn: toLsn(randomBytes(8).readBigUInt64BE() >> BigInt(randomInt(0, 64))),
  };
}

function randomPositions(): Positions {
  return new Map(CLUSTERS.filter(() => Math.random() < 0.5).map((cluster) => [cluster, randomPosition(cluster)]));
}

const sorted = (positions: Positions): Position[] =>
  [...positions.values()].sort((a, b) => (a.cluster < b.cluster ? -1 : 1));
const codeIs = (code: ErrorCode) => (error: unknown) => isMeridianError(error, code);

function tokenOf(positions: Positions, by = codec): string {
  const token = by.encode(positions);
  assert.ok(token);
  return token;
}

describe('consistency token', () => {
  it('gives back the random positions that it was made of', () => {
    for (let i = 0; i < 2_000; i += 1) {
      const positions = withPosition(randomPositions(), randomPosition(CLUSTERS[0] as ClusterId));
      assert.deepEqual(sorted(codec.decode(tokenOf(positions))), sorted(positions));
    }
  });

  it('holds 18 bytes for each cluster and nothing else: a hash of its name, timeline and position', () => {
    const systemIdentifier = '7412345678901234567';
    const [one, two] = [systemIdentifier, '2'].map(clusterIdOf) as [ClusterId, ClusterId];
    const positions = new Map<ClusterId, Position>([
      [one, { cluster: one, timeline: 3, lsn: toLsn(0x16b374d848n) }],
      [two, { cluster: two, timeline: 1, lsn: toLsn(5n) }],
    ]);
    const [version, payload = '', signature = ''] = tokenOf(positions).split('.');
    const record = (name: string, timeline: string, lsn: string): string =>
      createHash('sha256').update(`meridian-cluster:${name}`).digest('hex').slice(0, 12) + timeline + lsn;
    const records = [
      record(systemIdentifier, '00000003', '00000016b374d848'),
      record('2', '00000001', '0000000000000005'),
    ].toSorted();
    assert.equal(version, 'm1');
    assert.equal(Buffer.from(payload, 'base64url').toString('hex'), records.join(''));
    assert.equal(
      Buffer.from(signature, 'base64url').toString('hex'),
      createHmac('sha256', 'first secret').update(`m1.${payload}`).digest('hex').slice(0, 32),
      'half of a HMAC over exactly that',
    );
  });

  it('is one text for one set of positions, whatever their order', () => {
    const positions = new Map(CLUSTERS.map((cluster) => [cluster, randomPosition(cluster)]));
    assert.equal(codec.encode(new Map([...positions].reverse())), codec.encode(positions));
  });

  it('grows by 18 bytes for each cluster', () => {
    assert.equal(
      tokenOf(new Map([[CLUSTERS[0] as ClusterId, randomPosition(CLUSTERS[0] as ClusterId)]])).length,
      2 + 1 + 24 + 1 + 22,
    );
  });

  it('holds the largest timeline and position', () => {
    const cluster = clusterIdOf('x');
    const position = { cluster, timeline: 0xffffffff, lsn: toLsn((1n << 64n) - 1n) };
    assert.deepEqual(codec.decode(tokenOf(new Map([[cluster, position]]))).get(cluster), position);
  });

  it('has no token for no positions, and reads an empty header as none', () => {
    assert.equal(codec.encode(new Map()), null);
    for (const header of ['', ' ', ',', ' , ,']) assert.equal(codec.decode(header).size, 0);
  });

  it('refuses every change of one character', () => {
    const token = tokenOf(new Map(CLUSTERS.slice(0, 2).map((cluster) => [cluster, randomPosition(cluster)])));
    for (let i = 0; i < token.length; i += 1) {
      for (let code = 1; code < 256; code += 1) {
        const character = String.fromCharCode(code);
        if (character === token[i]) continue;
        const changed = token.slice(0, i) + character + token.slice(i + 1);
        assert.throws(
          () => codec.decode(changed),
          (error) =>
            isMeridianError(error, 'CONSISTENCY_TOKEN_MALFORMED') || isMeridianError(error, 'CONSISTENCY_TOKEN_FORGED'),
          `character ${i} as ${code}`,
        );
      }
    }
  });

  it('refuses every shorter and every longer text', () => {
    const token = tokenOf(withPosition(new Map(), randomPosition(CLUSTERS[0] as ClusterId)));
    for (let length = 1; length < token.length; length += 1)
      assert.throws(() => codec.decode(token.slice(0, length)), codeIs('CONSISTENCY_TOKEN_MALFORMED'));
    for (const tail of ['A', '.', '=', '\n', '.A'])
      assert.throws(() => codec.decode(token + tail), codeIs('CONSISTENCY_TOKEN_MALFORMED'));
  });

  it('tells the signature of another secret from damage', () => {
    const other = new TokenCodec({ secrets: ['another secret'], maxTokenBytes: 4096 });
    const token = tokenOf(withPosition(new Map(), randomPosition(CLUSTERS[0] as ClusterId)), other);
    assert.throws(() => codec.decode(token), codeIs('CONSISTENCY_TOKEN_FORGED'));
    assert.throws(() => codec.decode('nonsense'), codeIs('CONSISTENCY_TOKEN_MALFORMED'));
    assert.throws(() => codec.decode(token.replace('m1', 'm2')), codeIs('CONSISTENCY_TOKEN_MALFORMED'));
  });

  it('verifies with every secret and signs with the first', () => {
    const positions = withPosition(new Map(), randomPosition(CLUSTERS[0] as ClusterId));
    const second = new TokenCodec({ secrets: ['second secret'], maxTokenBytes: 4096 });
    const first = new TokenCodec({ secrets: ['first secret'], maxTokenBytes: 4096 });
    assert.deepEqual(codec.decode(tokenOf(positions, second)), positions);
    assert.deepEqual(first.decode(tokenOf(positions)), positions);
    assert.throws(() => second.decode(tokenOf(positions)), codeIs('CONSISTENCY_TOKEN_FORGED'));
  });

  it('merges a header of several tokens to the later position of each cluster', () => {
    for (let i = 0; i < 500; i += 1) {
      const sets = [randomPositions(), randomPositions(), randomPositions()].filter((set) => set.size > 0);
      if (sets.length === 0) continue;
      const header = sets.map((set) => tokenOf(set)).join(i % 2 === 0 ? ',' : ' ,\t');
      assert.deepEqual(sorted(codec.decode(header)), sorted(mergePositions(...sets)));
    }
  });

  it('refuses the whole header when one of its tokens is bad', () => {
    const token = tokenOf(withPosition(new Map(), randomPosition(CLUSTERS[0] as ClusterId)));
    assert.throws(() => codec.decode(`${token},x`), codeIs('CONSISTENCY_TOKEN_MALFORMED'));
  });

  it('refuses a header that is too long, and makes no token that would be too long', () => {
    const small = new TokenCodec({ secrets: ['first secret'], maxTokenBytes: 100 });
    assert.throws(() => small.decode('m1.'.padEnd(101, 'A')), codeIs('CONSISTENCY_TOKEN_MALFORMED'));
    const three = new Map(CLUSTERS.slice(0, 3).map((cluster) => [cluster, randomPosition(cluster)]));
    const full = tokenOf(three, small);
    assert.equal(full.length, 98);
    assert.throws(() => small.decode(full), codeIs('CONSISTENCY_TOKEN_MALFORMED'));
    assert.equal(small.decode(tokenOf(new Map([...three].slice(0, 2)), small)).size, 2);
  });

  it('carries positions of unknown clusters, and refuses them where the graph lists its own', () => {
    const [own, strange] = CLUSTERS as [ClusterId, ClusterId];
    const listed = new TokenCodec({ secrets: ['first secret'], maxTokenBytes: 4096, clusters: [own] });
    const both = mergePositions(new Map([[own, randomPosition(own)]]), new Map([[strange, randomPosition(strange)]]));
    assert.equal(codec.decode(tokenOf(both)).size, 2);
    assert.equal(listed.decode(tokenOf(new Map([[own, randomPosition(own)]]))).size, 1);
    assert.throws(() => listed.decode(tokenOf(both)), codeIs('CONSISTENCY_TOKEN_FOREIGN'));
  });

  it('is read and made the second time as it was the first time', () => {
    for (let i = 0; i < 200; i += 1) {
      const sets = [randomPositions(), randomPositions()].filter((set) => set.size > 0);
      const header = sets.map((set) => tokenOf(set)).join(', ');
      const [first, second] = [[], []] as Position[][];
      const decoded = codec.decode(header, (position) => first?.push(position));
      assert.deepEqual(sorted(codec.decode(header, (position) => second?.push(position))), sorted(decoded));
      assert.deepEqual(second, first);
      assert.equal(
        second?.length,
        sets.reduce((sum, { size }) => sum + size, 0),
        'every position of each member is told, also one that is merged away',
      );
      for (const set of sets) assert.equal(codec.encode(new Map(set)), codec.encode(set));
    }
  });

  it('is remembered only by its exact text, and only by the codec that has verified it', () => {
    const token = tokenOf(withPosition(new Map(), randomPosition(CLUSTERS[0] as ClusterId)));
    codec.decode(token);
    for (const other of [`${token}A`, token.slice(0, -1), token.toLowerCase(), `${token}.`, `"${token}"`])
      assert.throws(() => codec.decode(other), `${other}`);
    const rotated = new TokenCodec({ secrets: ['third secret'], maxTokenBytes: 4096 });
    for (let i = 0; i < 2; i += 1) assert.throws(() => rotated.decode(token), codeIs('CONSISTENCY_TOKEN_FORGED'));
    const listed = new TokenCodec({
      secrets: ['first secret'],
      maxTokenBytes: 4096,
      clusters: [CLUSTERS[1] as ClusterId],
    });
    for (let i = 0; i < 2; i += 1) assert.throws(() => listed.decode(token), codeIs('CONSISTENCY_TOKEN_FOREIGN'));
    for (let i = 0; i < 2; i += 1)
      assert.throws(() => codec.decode(`${token},x`), codeIs('CONSISTENCY_TOKEN_MALFORMED'));
  });

  it('differs for positions that differ in one bit, however many were signed before', () => {
    const cluster = CLUSTERS[0] as ClusterId;
    const tokens = new Set<string>();
    for (let lsn = 0n; lsn < 5_000n; lsn += 1n)
      tokens.add(tokenOf(new Map([[cluster, { cluster, timeline: 1, lsn: toLsn(lsn) }]])));
    for (const timeline of [2, 11, 12])
      for (const lsn of [1n, 11n, 111n])
        tokens.add(tokenOf(new Map([[cluster, { cluster, timeline, lsn: toLsn(lsn) }]])));
    assert.equal(tokens.size, 5_009);
    for (const token of tokens) assert.equal(codec.encode(codec.decode(token)), token);
  });

  it('needs a secret', () => {
    assert.throws(() => new TokenCodec({ secrets: [''], maxTokenBytes: 4096 }), codeIs('CONFIG_INVALID'));
  });
});

describe('positions', () => {
  it('merge to the same in any order and however often', () => {
    for (let i = 0; i < 1_000; i += 1) {
      const [a, b, c] = [randomPositions(), randomPositions(), randomPositions()];
      assert.deepEqual(sorted(mergePositions(a, b)), sorted(mergePositions(b, a)));
      assert.deepEqual(
        sorted(mergePositions(mergePositions(a, b), c)),
        sorted(mergePositions(a, mergePositions(b, c))),
      );
      assert.deepEqual(sorted(mergePositions(a, a)), sorted(a));
    }
  });

  it('are never below any that were merged', () => {
    const cluster = CLUSTERS[0] as ClusterId;
    for (let i = 0; i < 1_000; i += 1) {
      const [a, b] = [randomPosition(cluster), randomPosition(cluster)];
      const merged = mergePositions(new Map([[cluster, a]]), new Map([[cluster, b]])).get(cluster);
      assert.ok(merged);
      for (const one of [a, b])
        assert.ok(merged.timeline > one.timeline || (merged.timeline === one.timeline && merged.lsn >= one.lsn));
    }
  });
});
