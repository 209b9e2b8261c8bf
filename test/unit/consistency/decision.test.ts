/** Tests of the read decision: the next step for each situation, and that steps come to an end in every one. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { clusterIdOf, type Position } from '../../../src/base/lineage.ts';
import { toLsn } from '../../../src/base/lsn.ts';
import { nextStep, type Facts, type Step, type Tried } from '../../../src/consistency/decision.ts';
import { CONSISTENCY_LEVELS } from '../../../src/consistency/requirement.ts';

const floor: Position = { cluster: clusterIdOf('1'), timeline: 1, lsn: toLsn(100n) };
const untouched: Tried = { failed: new Set(), behind: new Set(), waited: false, settling: false, rediscovered: false };

type Overrides = Partial<Omit<Facts, 'tried'>> & { readonly tried?: Partial<Tried> };

/** A healthy EU with a replica of its own, 80 ms from the primary in the US, 220 ms from AP. */
function facts({ tried, ...rest }: Overrides = {}): Facts {
  return {
    level: 'SESSION', floor, standing: 'on-history', wantsIndex: false, indexed: false, maxLagMs: null,
    local: 'eu', order: ['eu', 'us', 'ap'], usable: 3, primary: 'us', rttToPrimaryMs: 80, stalenessMs: 5, catchUpMs: 45, stalled: false,
    leftMs: 2_000, ...rest,
    tried: { ...untouched, ...tried },
  };
}

const set = (...names: string[]): Set<string> => new Set(names);
const ask = (region: string, asPrimary = false): Step => ({ kind: 'ask', region, asPrimary });
const wait = (budgetMs: number, what: 'floor' | 'staleness' = 'floor', last = false): Step => ({ kind: 'wait', for: what, budgetMs, last });
const fail = (code: Extract<Step, { kind: 'fail' }>['code']): Step => ({ kind: 'fail', code });
const rediscover: Step = { kind: 'rediscover' };

const TABLE: readonly (readonly [string, Overrides, Step])[] = [
  ['EVENTUAL: the nearest', { level: 'EVENTUAL', floor: null }, ask('eu')],
  ['EVENTUAL: the next one when it is out', { level: 'EVENTUAL', floor: null, tried: { failed: set('eu') } }, ask('us')],
  ['EVENTUAL: another when the nearest has restarted and shows less', { level: 'EVENTUAL', floor: null, tried: { behind: set('eu') } }, ask('us')],
  ['EVENTUAL: even one that counts as unusable', { level: 'EVENTUAL', floor: null, usable: 1, tried: { failed: set('eu', 'us') } }, ask('ap')],
  ['EVENTUAL: a new look when all are out', { level: 'EVENTUAL', floor: null, tried: { failed: set('eu', 'us', 'ap') } }, rediscover],
  ['EVENTUAL: failure when all are out after it', { level: 'EVENTUAL', floor: null, tried: { failed: set('eu', 'us', 'ap'), rediscovered: true } }, fail('REGION_UNAVAILABLE')],
  ['EVENTUAL: patience with the one that is catching up', { level: 'EVENTUAL', floor: null, tried: { failed: set('us', 'ap'), behind: set('eu'), rediscovered: true } }, wait(2_000, 'floor', true)],

  ['SESSION: the region\'s own replica first', {}, ask('eu')],
  ['SESSION: a wait, at most one round trip, when catching up is expected to be quicker', { tried: { behind: set('eu') } }, wait(80)],
  ['SESSION: the primary when catching up is expected to take longer', { catchUpMs: 200, tried: { behind: set('eu') } }, ask('us', true)],
  ['SESSION: the primary when the region stands still', { stalled: true, tried: { behind: set('eu') } }, ask('us', true)],
  ['SESSION: the primary after the wait', { tried: { behind: set('eu'), waited: true } }, ask('us', true)],
  ['SESSION: a wait where nothing is known of the expected time', { catchUpMs: null, tried: { behind: set('eu') } }, wait(80)],
  ['SESSION: a wait no longer than what is left', { leftMs: 30, tried: { behind: set('eu') } }, wait(30)],
  ['SESSION: no wait when nothing is left', { leftMs: 0, tried: { behind: set('eu') } }, ask('us', true)],
  ['SESSION: the next region when the own replica is out', { order: ['ap', 'us', 'eu'], usable: 2 }, ask('ap')],
  ['SESSION: no wait for another region\'s replica', { order: ['ap', 'us', 'eu'], usable: 2, tried: { behind: set('ap') } }, ask('us', true)],
  ['SESSION: the primary itself where it is nearest', { local: 'us', order: ['us', 'eu', 'ap'], rttToPrimaryMs: 1 }, ask('us', true)],
  ['SESSION: a pause while the primary settles', { tried: { behind: set('eu'), waited: true, settling: true } }, { kind: 'settle' }],
  ['SESSION: a timeout when it settles for too long', { leftMs: 0, tried: { behind: set('eu'), waited: true, settling: true } }, fail('CONSISTENCY_TIMEOUT')],
  ['SESSION: another replica when the primary is out', { primary: null, tried: { behind: set('eu'), waited: true } }, ask('us')],
  ['SESSION: a new look when nobody has it', { primary: null, tried: { behind: set('eu', 'ap', 'us'), waited: true } }, rediscover],
  ['SESSION: the rest of the time after it', { primary: null, leftMs: 700, tried: { behind: set('eu', 'ap', 'us'), waited: true, rediscovered: true } }, wait(700, 'floor', true)],
  ['SESSION: a timeout at its end', { primary: null, leftMs: 0, tried: { behind: set('eu', 'ap', 'us'), waited: true, rediscovered: true } }, fail('CONSISTENCY_TIMEOUT')],
  ['SESSION: unavailable where nobody can be reached', { primary: null, tried: { failed: set('eu', 'ap', 'us'), waited: true, rediscovered: true } }, fail('REGION_UNAVAILABLE')],
  ['SESSION: a lost write is told before anything else', { standing: 'lost' }, fail('CONSISTENCY_LOST')],
  ['SESSION: a timeline that is not known yet is asked for', { standing: 'unknown' }, ask('eu')],

  ['STRONG: the read index first', { level: 'STRONG', floor: null, standing: null }, { kind: 'index' }],
  ['STRONG: then the own replica', { level: 'STRONG', indexed: true }, ask('eu')],
  ['STRONG: then a wait', { level: 'STRONG', indexed: true, tried: { behind: set('eu') } }, wait(80)],
  ['STRONG: then the primary', { level: 'STRONG', indexed: true, tried: { behind: set('eu'), waited: true } }, ask('us', true)],
  ['STRONG: the primary itself where it is nearest, without an index', { level: 'STRONG', floor: null, standing: null, local: 'us', order: ['us', 'eu'], usable: 2 }, ask('us', true)],
  ['STRONG: a new look where no primary is known', { level: 'STRONG', floor: null, standing: null, primary: null }, rediscover],
  ['STRONG: a quick failure after it', { level: 'STRONG', floor: null, standing: null, primary: null, tried: { rediscovered: true } }, fail('PRIMARY_UNAVAILABLE')],
  ['STRONG: no answer from a primary that is behind its own token', { level: 'STRONG', local: 'us', order: ['us', 'eu'], usable: 2, tried: { behind: set('us'), rediscovered: true } }, fail('CONSISTENCY_TIMEOUT')],
  ['STRONG: a quick failure when the index could not be fetched', { level: 'STRONG', floor: null, standing: null, tried: { failed: set('us'), rediscovered: true } }, fail('PRIMARY_UNAVAILABLE')],

  ['SNAPSHOT: as SESSION with a floor', { level: 'SNAPSHOT' }, ask('eu')],
  ['SNAPSHOT: as STRONG with a floor that is not the client\'s own', { level: 'SNAPSHOT', wantsIndex: true }, { kind: 'index' }],
  ['SNAPSHOT: as SESSION once that floor is raised', { level: 'SNAPSHOT', wantsIndex: true, indexed: true }, ask('eu')],
  ['SNAPSHOT: as STRONG without one', { level: 'SNAPSHOT', floor: null, standing: null }, { kind: 'index' }],

  ['BOUNDED: the own replica within its bound', { level: 'BOUNDED', floor: null, maxLagMs: 100 }, ask('eu')],
  ['BOUNDED: exactly at the bound', { level: 'BOUNDED', floor: null, maxLagMs: 5 }, ask('eu')],
  ['BOUNDED: a wait beyond it', { level: 'BOUNDED', floor: null, maxLagMs: 100, stalenessMs: 300 }, wait(80, 'staleness')],
  ['BOUNDED: the primary after the wait', { level: 'BOUNDED', floor: null, maxLagMs: 100, stalenessMs: 300, tried: { waited: true } }, ask('us', true)],
  ['BOUNDED: unknown staleness is not within any bound', { level: 'BOUNDED', floor: null, maxLagMs: 100, stalenessMs: null, stalled: true }, ask('us', true)],
  ['BOUNDED: the primary when the own replica is out, since staleness is known of it only', { level: 'BOUNDED', floor: null, maxLagMs: 100, order: ['ap', 'us', 'eu'], usable: 2 }, ask('us', true)],
  ['BOUNDED: the primary in its own region', { level: 'BOUNDED', floor: null, maxLagMs: 100, local: 'us', order: ['us', 'eu'], usable: 2, stalenessMs: 0 }, ask('us', true)],
  ['BOUNDED: a floor beside the bound', { level: 'BOUNDED', maxLagMs: 100, tried: { behind: set('eu') } }, wait(80)],
  ['BOUNDED: the rest of the time when the primary is out', { level: 'BOUNDED', floor: null, maxLagMs: 100, stalenessMs: 300, primary: null, leftMs: 900, tried: { waited: true, rediscovered: true } }, wait(900, 'staleness', true)],
  ['BOUNDED: a timeout at its end', { level: 'BOUNDED', floor: null, maxLagMs: 100, stalenessMs: 300, primary: null, leftMs: 0, tried: { waited: true, rediscovered: true } }, fail('CONSISTENCY_TIMEOUT')],
];

describe('the read decision', () => {
  for (const [name, overrides, expected] of TABLE) it(name, () => assert.deepEqual(nextStep(facts(overrides)), expected));

  it('comes to an end in every situation, whatever the world answers', () => {
    const regions = ['eu', 'us', 'ap'];
    for (let i = 0; i < 20_000; i += 1) {
      const random = <T>(...values: readonly T[]): T => values[Math.floor(Math.random() * values.length)] as T;
      const level = random(...CONSISTENCY_LEVELS);
      const order = [...regions].sort(() => Math.random() - 0.5);
      let now = facts({
        level, order, usable: random(0, 1, 2, 3), local: random(...regions), primary: random<string | null>(...regions, null),
        floor: level === 'EVENTUAL' ? null : random(floor, null), standing: random('on-history', 'unknown', null), maxLagMs: level === 'BOUNDED' ? 100 : null,
        stalenessMs: random(null, 0, 50, 5_000), catchUpMs: random(null, 1, 500), rttToPrimaryMs: random(null, 1, 80), stalled: random(true, false),
      });
      const habit = random('rows', 'behind', 'failed', 'settling', null, null);
      let steps = 0;
      for (; steps < 200; steps += 1) {
        const step = nextStep(now);
        const { tried } = now;
        const tell = (change: Partial<Tried>): void => void (now = { ...now, tried: { ...tried, ...change } });
        if (step.kind === 'fail') break;
        if (step.kind === 'ask') {
          assert.ok(!tried.failed.has(step.region) && (step.asPrimary || !tried.behind.has(step.region)), 'nobody is asked twice for nothing');
          if (now.floor === null && level !== 'EVENTUAL' && level !== 'BOUNDED' && !now.indexed) assert.ok(step.asPrimary || level === 'SESSION', 'a strong read is not answered by a replica without an index');
          const answer = habit ?? random('rows', 'behind', 'failed', 'settling');
          if (answer === 'rows') break;
          if (answer === 'settling' && step.asPrimary) tell({ settling: true });
          else if (answer === 'failed') tell({ failed: new Set([...tried.failed, step.region]) });
          else tell({ behind: new Set([...tried.behind, step.region]) });
        } else if (step.kind === 'index') {
          if (random(true, false)) now = { ...now, indexed: true, floor };
          else tell({ failed: new Set([...tried.failed, now.primary ?? '']) });
        } else if (step.kind === 'rediscover') tell({ rediscovered: true, failed: random(new Set<string>(), tried.failed) });
        else {
          assert.ok(step.kind === 'settle' || step.budgetMs <= now.leftMs);
          const reached = random(true, false);
          now = { ...now, leftMs: Math.max(0, now.leftMs - 100) };
          if (step.kind === 'settle') tell({ settling: false });
          else tell({ waited: tried.waited || !step.last, ...(reached || step.last ? { behind: new Set(), failed: random(new Set<string>(), tried.failed) } : {}) });
        }
      }
      assert.ok(steps < 200, `no end: ${JSON.stringify({ ...now, floor: now.floor !== null })}`);
    }
  });
});
