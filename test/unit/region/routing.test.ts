/** Read order and the choice of the primary. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { electPrimary, type Claim } from '../../../src/region/primary.ts';
import { readOrderOf } from '../../../src/region/routing.ts';

test('reads go to this region first, then to the nearest, to unmeasured ones last, and to none that is out', () => {
  const candidates = [
    { region: 'us', usable: true, rttMs: 80 },
    { region: 'eu', usable: true, rttMs: 200 },
    { region: 'ap', usable: true, rttMs: 150 },
    { region: 'sa', usable: true, rttMs: null },
    { region: 'af', usable: false, rttMs: 1 },
  ];
  assert.deepEqual(readOrderOf('eu', candidates), ['eu', 'us', 'ap', 'sa']);
  assert.deepEqual(readOrderOf('af', candidates), ['us', 'ap', 'eu', 'sa']);
  assert.deepEqual(readOrderOf('eu', []), []);
});

const claim = (region: string, role: Claim['role'], timeline: number | null = 1, answers = true): Claim => ({
  region,
  role,
  timeline,
  answers,
});

test('the region whose server is no replica is the primary', () => {
  assert.deepEqual(electPrimary(null, [claim('us', 'primary'), claim('eu', 'replica')]), { primary: 'us', rivals: [] });
  assert.deepEqual(electPrimary(null, [claim('us', null), claim('eu', 'replica')]), { primary: null, rivals: [] });
});

test('of two primaries the one on the higher timeline counts, and the other is reported', () => {
  assert.deepEqual(electPrimary('us', [claim('us', 'primary', 1), claim('eu', 'primary', 2)]), {
    primary: 'eu',
    rivals: ['us'],
  });
  assert.deepEqual(electPrimary('us', [claim('us', 'primary', 2), claim('eu', 'primary', 2)]), {
    primary: 'us',
    rivals: ['eu'],
  });
});

test('a primary that does not answer stays the primary, and one that became a replica does not', () => {
  assert.equal(electPrimary('us', [claim('us', 'primary', 1, false), claim('eu', 'replica')]).primary, 'us');
  assert.equal(electPrimary('us', [claim('us', 'replica', 1), claim('eu', 'replica')]).primary, null);
});

test('a promoted region replaces a primary that is gone, and stays the primary when the old one returns', () => {
  assert.equal(electPrimary('us', [claim('us', 'primary', 1, false), claim('eu', 'primary', 2)]).primary, 'eu');
  assert.deepEqual(electPrimary('eu', [claim('us', 'primary', 1), claim('eu', 'primary', 2, false)]), {
    primary: 'eu',
    rivals: ['us'],
  });
});

test('a primary on an older timeline than a replica follows does not count, even while its successor cannot be reached', () => {
  assert.deepEqual(
    electPrimary(null, [claim('us', 'primary', 1), claim('eu', null, null, false), claim('ap', 'replica', 2)]),
    { primary: null, rivals: ['us'] },
  );
  assert.deepEqual(electPrimary('us', [claim('us', 'primary', 1), claim('ap', 'replica', 2)]), {
    primary: null,
    rivals: ['us'],
  });
  assert.deepEqual(
    electPrimary('eu', [claim('us', 'primary', 1), claim('eu', 'primary', 2, false), claim('ap', 'replica', 2)]),
    { primary: 'eu', rivals: ['us'] },
  );
  assert.equal(
    electPrimary('us', [claim('us', 'primary', null), claim('ap', 'replica', 2)]).primary,
    'us',
    'a timeline that is not known proves nothing',
  );
});
