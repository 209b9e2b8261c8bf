/** Owns the proof of a limit to what is waited for. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sleep, within } from '../../../src/base/clock.ts';

describe('a limit to what is waited for', () => {
  it('gives what the task gives, or throws what it throws, when the task ends in time', async () => {
    assert.equal(await within(Promise.resolve('done'), 10_000, () => 'late'), 'done');
    await assert.rejects(
      within(Promise.reject(new Error('broken')), 10_000, () => 'late'),
      /broken/,
    );
  });

  it('gives what is chosen for a late task, or throws it, and does not ask after a task that ended in time', async () => {
    const never = new Promise<string>(() => undefined);
    assert.equal(await within(never, 1, () => 'late'), 'late');
    await assert.rejects(
      within(never, 1, () => {
        throw new RangeError('too late');
      }),
      RangeError,
    );
    let asked = 0;
    await within(Promise.resolve(), 5, () => void (asked += 1));
    await sleep(20);
    assert.equal(asked, 0);
  });

  it('leaves no rejection unhandled when a task fails after its limit', async () => {
    const failing = sleep(10).then(() => {
      throw new Error('nobody waits');
    });
    assert.equal(await within(failing, 1, () => 'late'), 'late');
    await sleep(30);
  });
});
