/** Owns the options of consistency: waits, bounds and tokens. */
import { count, milliseconds, option, text } from '../option.ts';

export const CONSISTENCY_OPTIONS = {
  flushMs: option(milliseconds(10), {
    default: 5_000,
    group: 'consistency',
    help: 'Longest wait until the primary has flushed what a request has seen there; beyond, a read fails with CONSISTENCY_TIMEOUT.',
  }),
  maxWaitMs: option(milliseconds(0), {
    default: 2_000,
    group: 'consistency',
    help: 'Longest time a read may wait for its floor before it fails with CONSISTENCY_TIMEOUT.',
  }),
  maxWaiters: option(count(), {
    default: 10_000,
    group: 'consistency',
    help: 'Reads that may wait for a floor at once.',
  }),
  boundedLagMs: option(milliseconds(), {
    default: 5_000,
    group: 'consistency',
    help: 'Bound of level BOUNDED when the request names none.',
  }),
  maxTokenBytes: option(count(64, 65_536), {
    default: 4_096,
    group: 'consistency',
    help: 'Longest consistency token header.',
  }),
  tokenSecret: option(text(), {
    default: '',
    group: 'consistency',
    secret: true,
    help: 'Secrets that sign consistency tokens, comma-separated: the first signs, all verify. The same in every region.',
  }),
  tokenClusters: option(text(), {
    default: '',
    group: 'consistency',
    help: 'Every database cluster of this graph, comma-separated, as tokens name them; a token that names another one is refused as foreign. Empty: positions of other clusters are passed on.',
  }),
};
