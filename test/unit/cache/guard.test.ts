/** The guard's decisions, at and around their borders. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  asOfIn,
  freshnessOf,
  isInvalidated,
  isNextInSequence,
  isSameGeneration,
  mayKeep,
  mayServe,
  mayShare,
  type LayerState,
} from '../../../src/cache/guard.ts';
import { type KnownLineage } from '../../../src/cache/reading.ts';
import { at, CLUSTER, FLOORLESS, generation, lsn, OTHER_CLUSTER } from './fixtures.ts';

const standing = (watermark: number, timeline = 1) => ({
  generation: generation('one', timeline),
  watermark: lsn(watermark),
});
const from = (floor: ReturnType<typeof at>) => ({ floor, notBelow: null });

test('a floor is met by the watermark or by asOf, and by nothing below it', () => {
  assert.equal(mayServe(from(at(100)), standing(100), lsn(1)), true);
  assert.equal(mayServe(from(at(101)), standing(100), lsn(1)), false);
  assert.equal(mayServe(from(at(101)), standing(100), lsn(101)), true);
  assert.equal(mayServe(from(at(102)), standing(100), lsn(101)), false);
});

test('a floor of an older timeline compares by LSN, one of a newer timeline or of another cluster never hits', () => {
  assert.equal(mayServe(from(at(100, 1)), standing(100, 2), lsn(1)), true);
  assert.equal(mayServe(from(at(101, 1)), standing(100, 2), lsn(1)), false);
  assert.equal(mayServe(from(at(1, 3)), standing(100, 2), lsn(100)), false);
  assert.equal(mayServe(from(at(1, 1, OTHER_CLUSTER)), standing(100), lsn(100)), false);
});

test('a layer of another database, beside the newest history, or on a timeline that only it knows of is not compared with', () => {
  const first = { cluster: CLUSTER, history: { timeline: 1, switches: [] } };
  const second = {
    cluster: CLUSTER,
    history: { timeline: 2, switches: [{ timeline: 1, next: 2, switchLsn: lsn(100) }] },
  };
  const served = (lineage: KnownLineage, floor: ReturnType<typeof at> | null, kept: LayerState): boolean =>
    mayServe({ floor, notBelow: lsn(50), lineage }, kept, lsn(60));
  assert.equal(served(first, null, standing(100)), true);
  assert.equal(
    served(first, null, { generation: generation('one', 1, OTHER_CLUSTER), watermark: lsn(100) }),
    false,
    'rows of another database',
  );
  // The region had replayed up to 500 what a failover undid above 100: its W is no measure of what the primary
  // committed since.
  assert.equal(served(second, null, standing(500)), false, 'a branch that was cut off');
  assert.equal(served(second, at(90), standing(100)), true);
  assert.equal(served(second, at(90), standing(500, 2)), true);
  // The region's server follows a new primary that this process has not met: whether 90 was lost is not known.
  assert.equal(served(first, at(90), standing(500, 2)), false, 'a token that may be lost');
  assert.equal(served(first, null, standing(500, 2)), true);
  assert.equal(served({ cluster: CLUSTER, history: null }, null, standing(100)), true);
});

test('a layer that is behind what the server showed is not asked', () => {
  assert.equal(mayServe(FLOORLESS, standing(1), lsn(1)), true);
  assert.equal(mayServe({ floor: null, notBelow: lsn(100) }, standing(100), lsn(1)), true);
  assert.equal(mayServe({ floor: null, notBelow: lsn(101) }, standing(100), lsn(200)), false);
  assert.equal(mayServe({ floor: at(50), notBelow: lsn(101) }, standing(100), lsn(200)), false);
});

test('a fill is refused below the horizon, below a tombstone, and below what is kept', () => {
  const known = { horizon: lsn(10), tombstone: null, kept: null };
  assert.equal(mayKeep(lsn(10), known), true);
  assert.equal(mayKeep(lsn(9), known), false);
  assert.equal(mayKeep(lsn(19), { ...known, tombstone: lsn(20) }), false);
  assert.equal(mayKeep(lsn(20), { ...known, tombstone: lsn(20) }), true);
  assert.equal(mayKeep(lsn(19), { ...known, kept: lsn(20) }), false);
  assert.equal(mayKeep(lsn(20), { ...known, kept: lsn(20) }), true);
});

test('an invalidation concerns what is older than itself', () => {
  assert.equal(isInvalidated(lsn(9), lsn(10)), true);
  assert.equal(isInvalidated(lsn(10), lsn(10)), false);
});

test('a row that another request reads answers a floor that its position, or its own floor, has reached on the same timeline', () => {
  const read = (floor: ReturnType<typeof at> | null, asOf: ReturnType<typeof at> | null) => ({ floor, asOf });
  assert.equal(mayShare(FLOORLESS, read(null, null)), true);
  assert.equal(mayShare(from(at(100)), read(null, null)), false);
  assert.equal(mayShare(from(at(100)), read(null, at(100))), true);
  assert.equal(mayShare(from(at(100)), read(null, at(99))), false);
  assert.equal(mayShare(from(at(100)), read(at(100), null)), true);
  assert.equal(mayShare(from(at(100)), read(at(99), null)), false);
  assert.equal(mayShare(from(at(100, 1)), read(null, at(200, 2))), false);
  assert.equal(mayShare(from(at(100)), read(null, at(200, 1, OTHER_CLUSTER))), false);
  assert.equal(mayShare({ floor: null, notBelow: lsn(100) }, read(null, null)), false);
  assert.equal(mayShare({ floor: null, notBelow: lsn(100) }, read(null, at(100))), true);
  assert.equal(mayShare({ floor: at(90), notBelow: lsn(100) }, read(at(95), null)), false);
});

test("asOf is the proved position, or the watermark before the load, and only on the cache's own cluster and timeline", () => {
  assert.equal(asOfIn(standing(100), { asOf: at(120), seen: at(130) }), lsn(120));
  assert.equal(asOfIn(standing(100), { asOf: 'watermark', seen: at(130) }), lsn(100));
  assert.equal(asOfIn(standing(100), { asOf: null, seen: at(130) }), null);
  assert.equal(asOfIn(standing(100), { asOf: at(120, 2), seen: at(130, 2) }), null);
  assert.equal(asOfIn(standing(100), { asOf: at(120, 1, OTHER_CLUSTER), seen: at(130, 1, OTHER_CLUSTER) }), null);
  // A promoted primary may have lost what lies below W on the life's timeline.
  assert.equal(asOfIn(standing(100), { asOf: 'watermark', seen: at(130, 2) }), null);
});

test('a message of the feed is applied only if it has the next sequence, follows the last watermark, and belongs to the same epoch', () => {
  const last = { epoch: 'a', sequence: 7, watermark: lsn(100) };
  const next = { epoch: 'a', sequence: 8, previous: lsn(100) };
  assert.equal(isNextInSequence(last, next), true);
  for (const sequence of [6, 7, 9]) assert.equal(isNextInSequence(last, { ...next, sequence }), false);
  for (const previous of [99, 101]) assert.equal(isNextInSequence(last, { ...next, previous: lsn(previous) }), false);
  assert.equal(isNextInSequence(last, { ...next, epoch: 'b' }), false);
  assert.equal(isSameGeneration({ epoch: 'a' }, 'a'), true);
  assert.equal(isSameGeneration({ epoch: 'a' }, 'b'), false);
  assert.equal(isSameGeneration(null, 'a'), false);
});

test('after its time to live a value is shown a while longer, but only to reads without a floor', () => {
  const when = (nowMs: number) => ({ nowMs, staleMs: 10 });
  assert.equal(freshnessOf(FLOORLESS, 100, when(99)), 'fresh');
  assert.equal(freshnessOf(FLOORLESS, 100, when(100)), 'stale');
  assert.equal(freshnessOf(FLOORLESS, 100, when(109)), 'stale');
  assert.equal(freshnessOf(FLOORLESS, 100, when(110)), 'over');
  assert.equal(freshnessOf(from(at(1)), 100, when(99)), 'fresh');
  assert.equal(freshnessOf(from(at(1)), 100, when(100)), 'over');
});
