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

const facts = (overrides: Partial<CacheFacts>): CacheFacts => ({ level: 'SESSION', floor: null, named: [], history: FIRST, index: null, nextToPrimary: false, shown: lsn(90), bound: null, ...overrides });

const TABLE: readonly (readonly [string, Partial<CacheFacts>, CacheNeed | null])[] = [
  ['EVENTUAL: what the region\'s server showed a moment ago', { level: 'EVENTUAL' }, { floor: null, notBelow: lsn(90) }],
  ['EVENTUAL: anything where nothing is known of the server', { level: 'EVENTUAL', shown: null, history: null }, { floor: null, notBelow: null }],
  ['EVENTUAL: whatever the tokens name', { level: 'EVENTUAL', named: [at(200)], history: SECOND }, { floor: null, notBelow: lsn(90) }],

  ['SESSION: the floor', { floor: at(100) }, { floor: at(100), notBelow: lsn(90) }],
  ['SESSION: the floor of an older timeline that survived', { floor: at(150), history: SECOND }, { floor: at(150), notBelow: lsn(90) }],
  ['SESSION: no cache for a floor that a failover lost', { floor: at(151), history: SECOND }, null],
  ['SESSION: no cache for a floor of a timeline that is not known', { floor: at(100, 2) }, null],
  ['SESSION: no cache for a floor where no history is known', { floor: at(100), history: null }, null],
  ['SESSION: no cache where a lost position hides behind a younger one', { floor: at(160, 2), named: [at(151), at(160, 2)], history: SECOND }, null],
  ['SESSION: as EVENTUAL where there is nothing to vouch for', { history: null }, { floor: null, notBelow: lsn(90) }],

  ['BOUNDED: a position that is young enough', { level: 'BOUNDED', bound: lsn(95) }, { floor: null, notBelow: lsn(95) }],
  ['BOUNDED: never below what the server showed', { level: 'BOUNDED', bound: lsn(20) }, { floor: null, notBelow: lsn(90) }],
  ['BOUNDED: the floor as well', { level: 'BOUNDED', bound: lsn(95), floor: at(100) }, { floor: at(100), notBelow: lsn(95) }],
  ['BOUNDED: no cache where no position is known to be young enough', { level: 'BOUNDED', bound: null }, null],
  ['BOUNDED: no cache for a lost floor', { level: 'BOUNDED', bound: lsn(95), floor: at(151), history: SECOND }, null],

  ['STRONG: the read index', { level: 'STRONG', index: at(120) }, { floor: at(120), notBelow: lsn(90) }],
  ['STRONG: the token where it is later', { level: 'STRONG', index: at(120), floor: at(130) }, { floor: at(130), notBelow: lsn(90) }],
  ['STRONG: no cache where the index is not to be had', { level: 'STRONG' }, null],
  ['STRONG: no cache next to the primary', { level: 'STRONG', index: at(120), nextToPrimary: true }, null],
  ['STRONG: no cache for an index of a timeline that is not known yet', { level: 'STRONG', index: at(160, 2) }, null],
  ['STRONG: no cache where the token was lost, although the index is younger', { level: 'STRONG', index: at(160, 2), floor: at(151), history: SECOND }, null],

  ['SNAPSHOT: no cache', { level: 'SNAPSHOT', floor: at(100) }, null],
];

describe('what a cached value must satisfy', () => {
  for (const [what, given, expected] of TABLE) it(what, () => assert.deepEqual(cacheDemand(facts(given)), expected));

  it('is never less than the floor, at any level that keeps one', () => {
    for (const level of CONSISTENCY_LEVELS.filter((name) => name !== 'EVENTUAL')) {
      for (const floor of [at(80), at(100), at(140)]) {
        const need = cacheDemand(facts({ level, floor, index: at(120), bound: lsn(95), named: [floor] }));
        if (need !== null) assert.ok(need.floor !== null && need.floor.lsn >= floor.lsn, level);
      }
    }
  });
});
