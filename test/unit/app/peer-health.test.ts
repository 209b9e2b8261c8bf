/** Proves that regions are asked at an interval, each by itself, and answered for at once. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { PeerAnswers } from '../../../src/app/peer-health.ts';
import { until } from '../../support/observe.ts';

it('a region that does not answer delays no other, and is not asked again meanwhile', async () => {
  let asked = 0;
  let fails = false;
  const { promise, resolve } = Promise.withResolvers<number>();
  const answers = new PeerAnswers(
    new Map([
      ['slow', () => ((asked += 1), promise)],
      ['quick', () => (fails ? Promise.reject(new Error('gone')) : Promise.resolve(1))],
    ]),
    5,
  );
  assert.equal(answers.of('quick'), null);
  answers.start();
  await until('the quick one answered', () => answers.of('quick') === 1);
  assert.deepEqual([answers.of('slow'), asked, answers.of('nobody')], [null, 1, null]);
  fails = true;
  await until('what is not known any more is null', () => answers.of('quick') === null);
  resolve(2);
  await until('the slow one answered', () => answers.of('slow') === 2 && asked > 1);
  answers.stop();
});
