/** Proves that a connection is watched as long as it is there, and no longer. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sleep } from '../../../src/base/clock.ts';
import { MeridianError } from '../../../src/base/errors.ts';
import { type Viewer } from '../../../src/base/viewer.ts';
import { signBearer } from '../../../src/dev/bearer.ts';
import { defaultOptions } from '../../../src/config/options.ts';
import { watchLife, type LifeInput } from '../../../src/server/live/life.ts';

const ANN: Viewer = { id: 'ann', tenant: null, roles: ['editor'] };
const LIMITS = { liveLifeMs: 0, liveCheckMs: 20, clockToleranceMs: 0 };

interface Watched {
  readonly ends: string[];
  readonly looks: () => number;
  readonly stop: () => void;
}

function watch(of: () => Promise<Viewer | null>, input: Partial<LifeInput> = {}): Watched {
  const ends: string[] = [];
  let looks = 0;
  const viewers = {
    of: () => {
      looks += 1;
      return of();
    },
  };
  const stop = watchLife({
    viewers,
    headers: {},
    viewer: ANN,
    limits: LIMITS,
    end: ({ kind }) => ends.push(kind),
    ...input,
  });
  return { ends, looks: () => looks, stop };
}

describe('a connection with subscriptions', () => {
  it('ends once when its credentials name another viewer, or none, and nobody looks again', async () => {
    const others: readonly (() => Promise<Viewer | null>)[] = [
      async () => null,
      async () => ({ ...ANN, tenant: 'b' }),
      async () => ({ ...ANN, roles: [] }),
      async () => Promise.reject(new MeridianError({ code: 'UNAUTHENTICATED', message: 'no' })),
    ];
    for (const other of others) {
      const watched = watch(other);
      await sleep(150);
      assert.deepEqual(watched.ends, ['credentials']);
      assert.equal(watched.looks(), 1);
    }
  });

  it('goes on where a hook adds what is another each time, and where nobody can be asked', async () => {
    let n = 0;
    const watched = watch(async () => ({ ...ANN, askedAt: (n += 1) }));
    const unsure = watch(async () =>
      Promise.reject(new MeridianError({ code: 'AUTHENTICATION_UNAVAILABLE', message: 'no' })),
    );
    await sleep(150);
    for (const { ends, looks, stop } of [watched, unsure]) {
      assert.deepEqual(ends, []);
      assert.ok(looks() > 2);
      stop();
    }
  });

  it('is not looked at again when it has gone during a look', async () => {
    let answer: (viewer: Viewer | null) => void = () => undefined;
    const watched = watch(() => new Promise((resolve) => (answer = resolve)));
    while (watched.looks() === 0) await sleep(5);
    watched.stop();
    answer(null);
    await sleep(100);
    assert.deepEqual(watched.ends, []);
    assert.equal(watched.looks(), 1);
  });

  it('ends when its JWT does, with the clock difference that is forgiven', async () => {
    const token = await signBearer(
      { id: 'ann' },
      { secret: 'a secret for tests that is long enough', expires: '1s', claims: defaultOptions() },
    );
    const began = performance.now();
    let endedMs = 0;
    watch(async () => null, {
      headers: { authorization: `Bearer ${token}` },
      limits: { ...LIMITS, liveCheckMs: 60_000, clockToleranceMs: 500 },
      end: () => (endedMs = performance.now() - began),
    });
    while (endedMs === 0 && performance.now() - began < 10_000) await sleep(20);
    assert.ok(endedMs > 1_400 && endedMs < 4_000, String(endedMs));
  });
});
