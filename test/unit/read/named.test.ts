/** Tests of what an answer's token says of the positions that the request's tokens name, around a failover. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type ClusterId, type Position, type TimelineHistory } from '../../../src/base/lineage.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { mergePositions, type Positions } from '../../../src/consistency/positions.ts';
import { TokenCodec } from '../../../src/consistency/token.ts';
import { tokensAfter } from '../../../src/protocol/token-text.ts';
import { NamedPositions } from '../../../src/read/session/named.ts';

const cluster = 'AAAAAAAA' as ClusterId;
const codec = new TokenCodec({ secrets: ['secret'], maxTokenBytes: 4_096 });
const at = (timeline: number, lsn: number): Position => ({ cluster, timeline, lsn: toLsn(BigInt(lsn)) });
const set = (...positions: Position[]): Positions =>
  mergePositions(...positions.map((position) => new Map([[cluster, position]])));
const BEFORE: TimelineHistory = { timeline: 1, switches: [] };
const AFTER: TimelineHistory = { timeline: 2, switches: [{ timeline: 1, next: 2, switchLsn: toLsn(50n) }] };

function answered({
  named,
  history,
  met,
  written = null,
}: {
  readonly named: readonly Position[];
  readonly history: TimelineHistory | null;
  readonly met: Position;
  readonly written?: Position | null;
}): Position | undefined {
  const view = { cluster, history, refresh: async () => undefined, reachable: () => true };
  return new NamedPositions(view, named, () => []).kept(set(...named, met), written).get(cluster);
}

describe("the answer's token, after a read without a floor has met a younger timeline", () => {
  it('keeps a position that no server has judged, so that the next read with a floor reports whether it is lost', () => {
    for (const history of [null, BEFORE]) {
      assert.deepEqual(answered({ named: [at(1, 100)], history, met: at(2, 60) }), at(1, 100));
      const [older, younger, token] = [
        at(1, 100),
        at(2, 55),
        answered({ named: [at(1, 100), at(2, 55)], history, met: at(2, 60) }),
      ].map((position) => codec.encode(set(position ?? assert.fail())) ?? '') as [string, string, string];
      assert.deepEqual(
        tokensAfter({ held: [older, younger], sent: [older, younger], answered: [token] }),
        [older, younger],
        'a client gives up neither',
      );
    }
  });

  it('names the positions that reads met where that hides no loss, or everything is judged', () => {
    assert.deepEqual(answered({ named: [at(1, 40)], history: AFTER, met: at(2, 60) }), at(2, 60));
    assert.deepEqual(answered({ named: [at(1, 100)], history: AFTER, met: at(2, 60) }), at(1, 100), 'it is lost');
    assert.deepEqual(answered({ named: [at(2, 55)], history: BEFORE, met: at(2, 60) }), at(2, 60));
    assert.deepEqual(answered({ named: [at(1, 40)], history: BEFORE, met: at(1, 60) }), at(1, 60));
    assert.deepEqual(answered({ named: [], history: null, met: at(2, 60) }), at(2, 60));
  });

  it('covers what the operation has written itself', () => {
    assert.deepEqual(
      answered({ named: [at(1, 100)], history: BEFORE, met: at(2, 300), written: at(2, 300) }),
      at(2, 300),
    );
  });
});
