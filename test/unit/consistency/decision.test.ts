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
    level: 'SESSION',
    floor,
    lineageStatus: 'on-history',
    wantsIndex: false,
    indexed: false,
    maxLagMs: null,
    local: 'eu',
    order: ['eu', 'us', 'ap'],
    usable: 3,
    primary: 'us',
    rttToPrimaryMs: 80,
    stalenessMs: 5,
    catchUpMs: 45,
    stalled: false,
    leftMs: 2_000,
    ...rest,
    tried: { ...untouched, ...tried },
  };
}

const set = (...names: string[]): Set<string> => new Set(names);
const ask = (region: string, asPrimary = false): Step => ({ kind: 'ask', region, asPrimary });
const wait = (budgetMs: number, what: 'floor' | 'staleness' = 'floor', last = false): Step => ({
  kind: 'wait',
  for: what,
  budgetMs,
  last,
});
const fail = (code: Extract<Step, { kind: 'fail' }>['code']): Step => ({ kind: 'fail', code });
const rediscover: Step = { kind: 'rediscover' };

const TABLE: readonly (readonly [string, Overrides, Step])[] = [
  ['with EVENTUAL asks the nearest server', { level: 'EVENTUAL', floor: null }, ask('eu')],
  [
    'with EVENTUAL asks the next server when the nearest is out',
    { level: 'EVENTUAL', floor: null, tried: { failed: set('eu') } },
    ask('us'),
  ],
  [
    'with EVENTUAL asks another server when the nearest has restarted and shows less than before',
    { level: 'EVENTUAL', floor: null, tried: { behind: set('eu') } },
    ask('us'),
  ],
  [
    'with EVENTUAL asks even a server that counts as unusable when the others are out',
    { level: 'EVENTUAL', floor: null, usable: 1, tried: { failed: set('eu', 'us') } },
    ask('ap'),
  ],
  [
    'with EVENTUAL looks at all servers again when all are out',
    { level: 'EVENTUAL', floor: null, tried: { failed: set('eu', 'us', 'ap') } },
    rediscover,
  ],
  [
    'with EVENTUAL fails when all are out after the new look',
    { level: 'EVENTUAL', floor: null, tried: { failed: set('eu', 'us', 'ap'), rediscovered: true } },
    fail('REGION_UNAVAILABLE'),
  ],
  [
    'with EVENTUAL waits for a server that is catching up when all others are out',
    { level: 'EVENTUAL', floor: null, tried: { failed: set('us', 'ap'), behind: set('eu'), rediscovered: true } },
    wait(2_000, 'floor', true),
  ],

  ["with SESSION asks the region's own replica first", {}, ask('eu')],
  [
    'with SESSION waits at most one round trip when the replica is expected to catch up sooner',
    { tried: { behind: set('eu') } },
    wait(80),
  ],
  [
    'with SESSION asks the primary when the replica is expected to catch up later than that',
    { catchUpMs: 200, tried: { behind: set('eu') } },
    ask('us', true),
  ],
  [
    'with SESSION asks the primary when the replica makes no progress',
    { stalled: true, tried: { behind: set('eu') } },
    ask('us', true),
  ],
  ['with SESSION asks the primary after the wait', { tried: { behind: set('eu'), waited: true } }, ask('us', true)],
  [
    'with SESSION waits where the expected time is not known',
    { catchUpMs: null, tried: { behind: set('eu') } },
    wait(80),
  ],
  ['with SESSION waits no longer than the time that is left', { leftMs: 30, tried: { behind: set('eu') } }, wait(30)],
  ['with SESSION does not wait when no time is left', { leftMs: 0, tried: { behind: set('eu') } }, ask('us', true)],
  [
    'with SESSION asks the next region when the own replica is out',
    { order: ['ap', 'us', 'eu'], usable: 2 },
    ask('ap'),
  ],
  [
    "with SESSION does not wait for another region's replica",
    { order: ['ap', 'us', 'eu'], usable: 2, tried: { behind: set('ap') } },
    ask('us', true),
  ],
  [
    'with SESSION asks the primary itself where it is nearest',
    { local: 'us', order: ['us', 'eu', 'ap'], rttToPrimaryMs: 1 },
    ask('us', true),
  ],
  [
    'with SESSION pauses while the primary does not yet show what a replica shows',
    { tried: { behind: set('eu'), waited: true, settling: true } },
    { kind: 'settle' },
  ],
  [
    'with SESSION fails by timeout when the primary does not show it for too long',
    { leftMs: 0, tried: { behind: set('eu'), waited: true, settling: true } },
    fail('CONSISTENCY_TIMEOUT'),
  ],
  [
    'with SESSION asks another replica when the primary is out',
    { primary: null, tried: { behind: set('eu'), waited: true } },
    ask('us'),
  ],
  [
    'with SESSION looks at all servers again when none has reached the floor',
    { primary: null, tried: { behind: set('eu', 'ap', 'us'), waited: true } },
    rediscover,
  ],
  [
    'with SESSION waits for the rest of the time after the new look',
    { primary: null, leftMs: 700, tried: { behind: set('eu', 'ap', 'us'), waited: true, rediscovered: true } },
    wait(700, 'floor', true),
  ],
  [
    'with SESSION fails by timeout when the time has passed',
    { primary: null, leftMs: 0, tried: { behind: set('eu', 'ap', 'us'), waited: true, rediscovered: true } },
    fail('CONSISTENCY_TIMEOUT'),
  ],
  [
    'with SESSION fails as unavailable where no server can be reached',
    { primary: null, tried: { failed: set('eu', 'ap', 'us'), waited: true, rediscovered: true } },
    fail('REGION_UNAVAILABLE'),
  ],
  ['with SESSION reports a lost write before it asks any server', { lineageStatus: 'lost' }, fail('CONSISTENCY_LOST')],
  [
    'with SESSION looks at all servers again for a timeline that is not known yet',
    { lineageStatus: 'unknown' },
    ask('eu'),
  ],

  [
    'with STRONG fetches the read index first',
    { level: 'STRONG', floor: null, lineageStatus: null },
    { kind: 'index' },
  ],
  ['with STRONG asks the own replica once the read index is known', { level: 'STRONG', indexed: true }, ask('eu')],
  [
    'with STRONG waits for the own replica to reach the read index',
    { level: 'STRONG', indexed: true, tried: { behind: set('eu') } },
    wait(80),
  ],
  [
    'with STRONG asks the primary after the wait',
    { level: 'STRONG', indexed: true, tried: { behind: set('eu'), waited: true } },
    ask('us', true),
  ],
  [
    'with STRONG asks the primary itself, without a read index, where it is nearest',
    { level: 'STRONG', floor: null, lineageStatus: null, local: 'us', order: ['us', 'eu'], usable: 2 },
    ask('us', true),
  ],
  [
    'with STRONG looks at all servers again where no primary is known',
    { level: 'STRONG', floor: null, lineageStatus: null, primary: null },
    rediscover,
  ],
  [
    'with STRONG fails at once where no primary is known after the new look',
    { level: 'STRONG', floor: null, lineageStatus: null, primary: null, tried: { rediscovered: true } },
    fail('PRIMARY_UNAVAILABLE'),
  ],
  [
    'with STRONG takes no answer from a primary that is behind the token',
    { level: 'STRONG', local: 'us', order: ['us', 'eu'], usable: 2, tried: { behind: set('us'), rediscovered: true } },
    fail('CONSISTENCY_TIMEOUT'),
  ],
  [
    'with STRONG fails at once when the read index could not be fetched',
    { level: 'STRONG', floor: null, lineageStatus: null, tried: { failed: set('us'), rediscovered: true } },
    fail('PRIMARY_UNAVAILABLE'),
  ],

  ['with SNAPSHOT and a floor does as SESSION does', { level: 'SNAPSHOT' }, ask('eu')],
  [
    "with SNAPSHOT and a floor that is not the client's own does as STRONG does",
    { level: 'SNAPSHOT', wantsIndex: true },
    { kind: 'index' },
  ],
  [
    'with SNAPSHOT does as SESSION does once that floor is raised to the read index',
    { level: 'SNAPSHOT', wantsIndex: true, indexed: true },
    ask('eu'),
  ],
  [
    'with SNAPSHOT and no floor does as STRONG does',
    { level: 'SNAPSHOT', floor: null, lineageStatus: null },
    { kind: 'index' },
  ],

  ['with BOUNDED asks the own replica within the bound', { level: 'BOUNDED', floor: null, maxLagMs: 100 }, ask('eu')],
  ['with BOUNDED asks the own replica exactly at the bound', { level: 'BOUNDED', floor: null, maxLagMs: 5 }, ask('eu')],
  [
    'with BOUNDED waits when the own replica is beyond the bound',
    { level: 'BOUNDED', floor: null, maxLagMs: 100, stalenessMs: 300 },
    wait(80, 'staleness'),
  ],
  [
    'with BOUNDED asks the primary after the wait',
    { level: 'BOUNDED', floor: null, maxLagMs: 100, stalenessMs: 300, tried: { waited: true } },
    ask('us', true),
  ],
  [
    'with BOUNDED takes unknown staleness to be beyond every bound',
    { level: 'BOUNDED', floor: null, maxLagMs: 100, stalenessMs: null, stalled: true },
    ask('us', true),
  ],
  [
    'with BOUNDED asks the primary when the own replica is out, since staleness is known of that replica only',
    { level: 'BOUNDED', floor: null, maxLagMs: 100, order: ['ap', 'us', 'eu'], usable: 2 },
    ask('us', true),
  ],
  [
    "with BOUNDED asks the primary in the primary's region",
    { level: 'BOUNDED', floor: null, maxLagMs: 100, local: 'us', order: ['us', 'eu'], usable: 2, stalenessMs: 0 },
    ask('us', true),
  ],
  [
    'with BOUNDED and a floor waits for the floor too',
    { level: 'BOUNDED', maxLagMs: 100, tried: { behind: set('eu') } },
    wait(80),
  ],
  [
    'with BOUNDED waits for the rest of the time when the primary is out',
    {
      level: 'BOUNDED',
      floor: null,
      maxLagMs: 100,
      stalenessMs: 300,
      primary: null,
      leftMs: 900,
      tried: { waited: true, rediscovered: true },
    },
    wait(900, 'staleness', true),
  ],
  [
    'with BOUNDED fails by timeout when the time has passed',
    {
      level: 'BOUNDED',
      floor: null,
      maxLagMs: 100,
      stalenessMs: 300,
      primary: null,
      leftMs: 0,
      tried: { waited: true, rediscovered: true },
    },
    fail('CONSISTENCY_TIMEOUT'),
  ],
];

describe('the read decision', () => {
  for (const [name, overrides, expected] of TABLE)
    it(name, () => assert.deepEqual(nextStep(facts(overrides)), expected));

  it('comes to an end in every situation, whatever the servers answer', () => {
    const regions = ['eu', 'us', 'ap'];
    for (let i = 0; i < 20_000; i += 1) {
      const random = <T>(...values: readonly T[]): T => values[Math.floor(Math.random() * values.length)] as T;
      const level = random(...CONSISTENCY_LEVELS);
      const order = [...regions].sort(() => Math.random() - 0.5);
      let now = facts({
        level,
        order,
        usable: random(0, 1, 2, 3),
        local: random(...regions),
        primary: random<string | null>(...regions, null),
        floor: level === 'EVENTUAL' ? null : random(floor, null),
        lineageStatus: random('on-history', 'unknown', null),
        maxLagMs: level === 'BOUNDED' ? 100 : null,
        stalenessMs: random(null, 0, 50, 5_000),
        catchUpMs: random(null, 1, 500),
        rttToPrimaryMs: random(null, 1, 80),
        stalled: random(true, false),
      });
      const habit = random('rows', 'behind', 'failed', 'settling', null, null);
      let steps = 0;
      for (; steps < 200; steps += 1) {
        const step = nextStep(now);
        const { tried } = now;
        const tell = (change: Partial<Tried>): void => void (now = { ...now, tried: { ...tried, ...change } });
        if (step.kind === 'fail') break;
        if (step.kind === 'ask') {
          assert.ok(
            !tried.failed.has(step.region) && (step.asPrimary || !tried.behind.has(step.region)),
            'nobody is asked twice for nothing',
          );
          if (now.floor === null && level !== 'EVENTUAL' && level !== 'BOUNDED' && !now.indexed)
            assert.ok(
              step.asPrimary || level === 'SESSION',
              'a strong read is not answered by a replica without an index',
            );
          const answer = habit ?? random('rows', 'behind', 'failed', 'settling');
          if (answer === 'rows') break;
          if (answer === 'settling' && step.asPrimary) tell({ settling: true });
          else if (answer === 'failed') tell({ failed: new Set([...tried.failed, step.region]) });
          else tell({ behind: new Set([...tried.behind, step.region]) });
        } else if (step.kind === 'index') {
          if (random(true, false)) now = { ...now, indexed: true, floor };
          else tell({ failed: new Set([...tried.failed, now.primary ?? '']) });
        } else if (step.kind === 'rediscover')
          tell({ rediscovered: true, failed: random(new Set<string>(), tried.failed) });
        else {
          assert.ok(step.kind === 'settle' || step.budgetMs <= now.leftMs);
          const reached = random(true, false);
          now = { ...now, leftMs: Math.max(0, now.leftMs - 100) };
          if (step.kind === 'settle') tell({ settling: false });
          else
            tell({
              waited: tried.waited || !step.last,
              ...(reached || step.last ? { behind: new Set(), failed: random(new Set<string>(), tried.failed) } : {}),
            });
        }
      }
      assert.ok(steps < 200, `no end: ${JSON.stringify({ ...now, floor: now.floor !== null })}`);
    }
  });
});
