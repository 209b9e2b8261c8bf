/** Tests of what a cached value must satisfy, at every level. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterIdOf, type Position, type TimelineHistory } from '../../../src/base/lineage.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { cacheDemand, type CacheFacts, type CacheNeed } from '../../../src/consistency/cache-demand.ts';
import { CONSISTENCY_LEVELS } from '../../../src/consistency/requirement.ts';

const at = (lsn: number, timeline = 1): Position => ({ cluster: clusterIdOf('1'), timeline, lsn: toLsn(BigInt(lsn)) });
const lsn = (value: number): Position['lsn'] => at(value).lsn;
const FIRST: TimelineHistory = { timeline: 1, switches: [] };
/** Timeline 2 began at 150. */
const SECOND: TimelineHistory = { timeline: 2, switches: [{ timeline: 1, next: 2, switchLsn: lsn(150) }] };

const facts = (overrides: Partial<CacheFacts>): CacheFacts => ({
  level: 'SESSION',
  floor: null,
  named: [],
  history: FIRST,
  index: null,
  nextToPrimary: false,
  shown: lsn(90),
  bound: null,
  ...overrides,
});

const TABLE: readonly (readonly [string, Partial<CacheFacts>, CacheNeed | null])[] = [
  [
    "with EVENTUAL is what the region's server showed a moment ago",
    { level: 'EVENTUAL' },
    { floor: null, notBelow: lsn(90) },
  ],
  [
    'with EVENTUAL is any position where nothing is known of the server',
    { level: 'EVENTUAL', shown: null, history: null },
    { floor: null, notBelow: null },
  ],
  [
    'with EVENTUAL does not depend on tokens',
    { level: 'EVENTUAL', named: [at(200)], history: SECOND },
    { floor: null, notBelow: lsn(90) },
  ],

  ['with SESSION is the floor', { floor: at(100) }, { floor: at(100), notBelow: lsn(90) }],
  [
    'with SESSION is the floor of an older timeline that survived a failover',
    { floor: at(150), history: SECOND },
    { floor: at(150), notBelow: lsn(90) },
  ],
  ['with SESSION excludes the cache for a floor that a failover lost', { floor: at(151), history: SECOND }, null],
  ['with SESSION excludes the cache for a floor of a timeline that is not known', { floor: at(100, 2) }, null],
  ['with SESSION excludes the cache for a floor where no history is known', { floor: at(100), history: null }, null],
  [
    'with SESSION excludes the cache where the token also names a lost position',
    { floor: at(160, 2), named: [at(151), at(160, 2)], history: SECOND },
    null,
  ],
  [
    'with SESSION is the same as with EVENTUAL where there is no floor',
    { history: null },
    { floor: null, notBelow: lsn(90) },
  ],

  [
    'with BOUNDED is a position that is young enough',
    { level: 'BOUNDED', bound: lsn(95) },
    { floor: null, notBelow: lsn(95) },
  ],
  [
    'with BOUNDED is never below what the server showed',
    { level: 'BOUNDED', bound: lsn(20) },
    { floor: null, notBelow: lsn(90) },
  ],
  [
    'with BOUNDED is at least the floor',
    { level: 'BOUNDED', bound: lsn(95), floor: at(100) },
    { floor: at(100), notBelow: lsn(95) },
  ],
  [
    'with BOUNDED excludes the cache where no position is known to be young enough',
    { level: 'BOUNDED', bound: null },
    null,
  ],
  [
    'with BOUNDED excludes the cache for a lost floor',
    { level: 'BOUNDED', bound: lsn(95), floor: at(151), history: SECOND },
    null,
  ],

  ['with STRONG is the read index', { level: 'STRONG', index: at(120) }, { floor: at(120), notBelow: lsn(90) }],
  [
    "with STRONG is the token's position where that is later",
    { level: 'STRONG', index: at(120), floor: at(130) },
    { floor: at(130), notBelow: lsn(90) },
  ],
  ['with STRONG excludes the cache where the read index cannot be fetched', { level: 'STRONG' }, null],
  [
    "with STRONG excludes the cache in the primary's region",
    { level: 'STRONG', index: at(120), nextToPrimary: true },
    null,
  ],
  [
    'with STRONG excludes the cache for a read index of a timeline that is not known yet',
    { level: 'STRONG', index: at(160, 2) },
    null,
  ],
  [
    "with STRONG excludes the cache where the token's position was lost, although the read index is later",
    { level: 'STRONG', index: at(160, 2), floor: at(151), history: SECOND },
    null,
  ],

  ['with SNAPSHOT excludes the cache', { level: 'SNAPSHOT', floor: at(100) }, null],
];

describe('the position that a cached value must have reached', () => {
  for (const [what, given, expected] of TABLE) it(what, () => assert.deepEqual(cacheDemand(facts(given)), expected));

  it('is never below the floor, at any level that keeps one', () => {
    for (const level of CONSISTENCY_LEVELS.filter((name) => name !== 'EVENTUAL')) {
      for (const floor of [at(80), at(100), at(140)]) {
        const need = cacheDemand(facts({ level, floor, index: at(120), bound: lsn(95), named: [floor] }));
        if (need !== null) assert.ok(need.floor !== null && need.floor.lsn >= floor.lsn, level);
      }
    }
  });
});
