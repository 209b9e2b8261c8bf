/** Owns the wiring of live queries: over the process's own cache, which hears of every change. */
import { systemClock } from '../base/clock.ts';
import { type AnswerCollector } from '../graphql/answers/collector.ts';
import { LiveQueries } from '../live/queries.ts';
import { settingsKey } from '../read/loaders/through-cache.ts';
import { type LiveServing } from '../server/live/operations.ts';
import { stacksOf, type DataLayer } from './layer.ts';

export function createLive(layer: DataLayer, collector: AnswerCollector | null): LiveServing {
  const {
    codec,
    change: { caching },
    read,
    config: { options },
    telemetry: { metrics },
  } = stacksOf(layer);
  const queries = new LiveQueries({
    cache: caching.answers?.local ?? null,
    limits: options,
    clock: systemClock,
    observe: {
      executed: () => metrics.liveExecutions.inc(),
      sent: () => metrics.liveMessages.inc(),
      counted: ({ subscribers, queries: different }) => {
        metrics.liveSubscribers.set(subscribers);
        metrics.liveQueries.set(different);
      },
    },
  });
  return {
    queries,
    scopeOf: (viewer, operation) =>
      collector?.isPure(operation)
        ? JSON.stringify([viewer?.tenant ?? null, settingsKey(read.settingsOf(viewer))])
        : null,
    encode: (positions) => (positions.size === 0 ? null : codec.encode(positions)),
  };
}
