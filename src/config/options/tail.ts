/** Owns the options of the tail of changes. */
import { count, milliseconds, option, text } from '../option.ts';

export const TAIL_OPTIONS = {
  heartbeatMs: option(milliseconds(50), {
    default: 1_000,
    group: 'tail',
    help: 'Interval of the heartbeat that is written at the primary.',
  }),
  slotName: option(text(), {
    default: 'meridian',
    group: 'tail',
    help: "Name of the logical slot on the region's replica.",
  }),
  publication: option(text(), {
    default: 'meridian',
    group: 'tail',
    help: 'Name of the publication that the tail reads.',
  }),
  tailRetryMs: option(milliseconds(), {
    default: 200,
    group: 'tail',
    help: 'First wait before the tail reconnects; doubles up to tailRetryMaxMs.',
  }),
  tailRetryMaxMs: option(milliseconds(), {
    default: 5_000,
    group: 'tail',
    help: 'Longest wait before the tail reconnects.',
  }),
  maxTransactionChanges: option(count(), {
    default: 100_000,
    group: 'tail',
    help: 'Row changes of one transaction kept as rows; a larger one is treated as changes to whole tables.',
  }),
  maxTransactionBytes: option(count(1_024, 1 << 30), {
    default: 64 << 20,
    group: 'tail',
    help: "Bytes of one transaction's row changes kept as rows; a larger one is treated as changes to whole tables.",
  }),
  tailBufferBytes: option(count(65_536, 1 << 30), {
    default: 16 << 20,
    group: 'tail',
    help: 'Bytes of changes that may wait to be applied before the tail stops reading more.',
  }),
  tailStatusMs: option(milliseconds(10), {
    default: 250,
    group: 'tail',
    help: 'Interval at which the tail acknowledges what is applied and asks how far the replica is.',
  }),
  tailSilenceMs: option(milliseconds(100), {
    default: 60_000,
    group: 'tail',
    help: 'Silence of the replica after which the tail reconnects.',
  }),
  slotCreateMs: option(milliseconds(100), {
    default: 60_000,
    group: 'tail',
    help: 'Longest time for creating the logical slot.',
  }),
  slotRetryMs: option(milliseconds(10), {
    default: 1_000,
    group: 'tail',
    help: "How often a server that does not hold the region's slot tries to take it over.",
  }),
  replayPollMs: option(milliseconds(), {
    default: 3,
    group: 'tail',
    help: 'Interval at which the replica is asked for its replay position while reads wait for one: one question for all of them.',
  }),
  replayIdleMs: option(milliseconds(), { default: 500, group: 'tail', help: 'The same while no read waits.' }),
};
