/**
 * Owns what every fan-out promises to its followers: the order of messages, their content, and a report of each loss.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Applied, type FanoutHandlers, type SharedState } from '../../src/cache/ports.ts';
import { customTag } from '../../src/change/tags.ts';
import { type Options } from '../../src/config/options.ts';
import { RedisFanout } from '../../src/redis/fanout.ts';
import { silentTelemetry } from '../../src/telemetry/telemetry.ts';
import { until } from '../support/observe.ts';
import { optionsOf, type Deployment } from '../support/redis-deployments.ts';
import { TABLE, at, batch, lsn, openCache, tag, taken } from '../support/shared-cache.ts';

export type Heard =
  { readonly applied: Applied } | { readonly began: SharedState } | { readonly lost: string } | 'subscribed';

export interface Follower extends AsyncDisposable {
  readonly heard: Heard[];
  /** How many of a kind. */
  count(kind: 'subscribed' | 'applied' | 'began' | 'lost'): number;
}

/** Somebody who follows and writes down what they hear, from when the subscription stands. */
export async function follow(url: string, options: Options): Promise<Follower> {
  const heard: Heard[] = [];
  const handlers: FanoutHandlers = {
    onSubscribed: () => heard.push('subscribed'),
    onApplied: (applied) => heard.push({ applied }),
    onBegan: (began) => heard.push({ began }),
    onLost: (lost) => heard.push({ lost }),
  };
  const stop = new AbortController();
  const done = new RedisFanout({ url, options, log: silentTelemetry().log }).follow(handlers, stop.signal);
  await until('the subscription stands', () => heard[0] === 'subscribed', { withinMs: 30_000 });
  return {
    heard,
    count: (kind) => heard.filter((one) => one === kind || (typeof one === 'object' && kind in one)).length,
    async [Symbol.asyncDispose]() {
      stop.abort();
      await done;
    },
  };
}

export function fanoutContract(deployment: () => Deployment): void {
  it('sends followers each epoch and batch in order and as a whole, and none of other graphs', async () => {
    const options = optionsOf(deployment());
    using cache = await openCache(deployment(), options);
    using other = await openCache(deployment());
    await using one = await follow(deployment().url, options);
    await using two = await follow(deployment().url, options);
    const begun = await cache.begin('me', at(100));
    await other.begin('me', at(1));
    let state = begun;
    const expected: Heard[] = ['subscribed', { began: begun }];
    for (let step = 1; step <= 50; step += 1) {
      const applied = batch(100 + step, [tag(`é ${step}`), customTag('x')], { tables: step % 10 === 0 ? [TABLE] : [] });
      state = taken(await cache.apply('me', state, applied));
      expected.push({
        applied: {
          epoch: begun.epoch,
          sequence: step,
          previous: lsn(99 + step),
          watermark: lsn(100 + step),
          tags: applied.tags,
          tables: applied.tables,
        },
      });
    }
    assert.equal(await cache.apply('me', begun, batch(999)), null, 'what is refused is not told');
    await until('both heard all', () => one.heard.length >= 52 && two.heard.length >= 52, { withinMs: 30_000 });
    assert.deepEqual(one.heard, expected);
    assert.deepEqual(two.heard, expected);
  });

  it('sends a large batch once, and a very large one as the names of its tables', async () => {
    const options = optionsOf(deployment());
    using cache = await openCache(deployment(), options);
    await using follower = await follow(deployment().url, options);
    let state = await cache.begin('me', at(100));
    const many = (count: number) => [...Array.from({ length: count }, (_, id) => tag(id)), customTag('x')];
    state = taken(await cache.apply('me', state, batch(110, many(3_000))));
    state = taken(await cache.apply('me', state, batch(120, many(6_000))));
    await until('both are heard', () => follower.count('applied') === 2, { withinMs: 30_000 });
    const [first, second] = follower.heard.flatMap((one) =>
      typeof one === 'object' && 'applied' in one ? [one.applied] : [],
    );
    assert.deepEqual(first, {
      epoch: state.epoch,
      sequence: 1,
      previous: 100n,
      watermark: 110n,
      tags: many(3_000),
      tables: [],
    });
    assert.deepEqual(second, {
      epoch: state.epoch,
      sequence: 2,
      previous: 110n,
      watermark: 120n,
      tags: [customTag('x')],
      tables: [TABLE],
    });
  });
}
