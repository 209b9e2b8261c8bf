/**
 * Owns the proof that a breaker opens after failures in a row, refuses at once then, and closes by one probe at a time.
 */
import assert from 'node:assert/strict';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, it } from 'node:test';
import { Breaker, BreakerOpen } from '../../../src/base/breaker.ts';

const fail = (): Promise<never> => Promise.reject(new Error('no'));
const RETRY_MS = 150;

function makeBreaker(probe: () => Promise<unknown>): { breaker: Breaker; changes: (string | null)[] } {
  const changes: (string | null)[] = [];
  return {
    changes,
    breaker: new Breaker({
      failures: 2,
      retryMs: RETRY_MS,
      probe,
      onChange: (open, cause) => changes.push(open ? (cause as Error).message : null),
    }),
  };
}

describe('a breaker', () => {
  it('opens after failures in a row only, and says so once', async () => {
    const { breaker, changes } = makeBreaker(fail);
    for (let round = 0; round < 3; round += 1) {
      await assert.rejects(breaker.run(fail), /no/);
      assert.equal(await breaker.run(() => Promise.resolve(1)), 1);
    }
    await Promise.allSettled([breaker.run(fail), breaker.run(fail), breaker.run(fail)]);
    assert.ok(breaker.open);
    assert.deepEqual(changes, ['no']);
  });

  it('lets no call through while it is open, and one probe at a time after its wait', async () => {
    const asked: PromiseWithResolvers<void>[] = [];
    const { breaker, changes } = makeBreaker(() => {
      const probe = Promise.withResolvers<void>();
      asked.push(probe);
      return probe.promise;
    });
    breaker.trip(new Error('gone'));
    const refused = async (): Promise<void> =>
      assert.rejects(
        breaker.run(() => assert.fail('it was tried')),
        BreakerOpen,
      );
    await refused();
    assert.equal(asked.length, 0);
    await pause(2 * RETRY_MS);
    await refused();
    await refused();
    assert.equal(asked.length, 1);
    asked[0]?.reject(new Error('still gone'));
    await pause(0);
    await refused();
    assert.equal(asked.length, 1, 'it waits again');
    await pause(2 * RETRY_MS);
    await refused();
    asked[1]?.resolve();
    await pause(0);
    assert.equal(await breaker.run(() => Promise.resolve(2)), 2);
    assert.deepEqual(changes, ['gone', null]);
  });

  it('closes at once when it is told of a success, and counts failures from the beginning', async () => {
    const { breaker, changes } = makeBreaker(fail);
    breaker.close();
    breaker.trip(new Error('gone'));
    breaker.close();
    assert.equal(breaker.open, false);
    await assert.rejects(breaker.run(fail), /no/);
    assert.equal(breaker.open, false, 'it counts from the beginning');
    assert.deepEqual(changes, ['gone', null]);
  });
});
