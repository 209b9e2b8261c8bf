/** Owns the options of reads: pages, lists and batches. */
import { count, option } from '../option.ts';

export const READS_OPTIONS = {
  pageSize: option(count(), {
    default: 20,
    group: 'reads',
    help: "Rows of a connection's page when the client names no number.",
  }),
  maxPageSize: option(count(), {
    default: 200,
    group: 'reads',
    help: 'Largest page that a client may ask for, and longest list that declares no limit of its own: a longer one is refused with LIST_TOO_LONG.',
  }),
  maxBatch: option(count(), {
    default: 1_000,
    group: 'reads',
    help: 'Keys that one loader statement may carry; more become several statements.',
  }),
  maxLoaders: option(count(), {
    default: 500,
    group: 'reads',
    help: 'Different relations and argument sets that one operation may read; more are refused.',
  }),
  maxFilterDepth: option(count(), {
    default: 5,
    group: 'reads',
    help: 'Levels of and, or and not that a filter may nest.',
  }),
  maxFilterConditions: option(count(), {
    default: 50,
    group: 'reads',
    help: 'Conditions that the filters of one field may hold.',
  }),
  maxFilterValues: option(count(), {
    default: 1_000,
    group: 'reads',
    help: 'Values that one list in a filter may hold.',
  }),
};
