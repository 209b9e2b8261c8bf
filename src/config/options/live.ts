/** Owns the options of live queries: subscriptions and their limits. */
import { count, milliseconds, option } from '../option.ts';

export const LIVE_OPTIONS = {
  liveQueries: option(count(), {
    default: 10_000,
    group: 'live queries',
    help: 'Different live queries that one process serves at once; equal ones of several subscribers are one.',
  }),
  liveSubscribers: option(count(), {
    default: 20_000,
    group: 'live queries',
    help: 'Subscriptions that one process serves at once.',
  }),
  liveSubscribersPerViewer: option(count(1), {
    default: 200,
    group: 'live queries',
    help: 'Subscriptions of one viewer that one process serves at once; requests without a viewer are not counted.',
  }),
  liveSubscribersPerConnection: option(count(1), {
    default: 100,
    group: 'live queries',
    help: 'Subscriptions on one WebSocket.',
  }),
  liveConcurrency: option(count(1), {
    default: 32,
    group: 'live queries',
    help: 'Live queries that are answered at once; the others wait in a line.',
  }),
  liveIntervalMs: option(milliseconds(), {
    default: 20,
    group: 'live queries',
    help: 'Shortest time between two answers of one live query: changes that come together are answered together.',
  }),
  livePollMs: option(milliseconds(50), {
    default: 1_000,
    group: 'live queries',
    help: "After how long a live query is answered again where nobody tells of changes: the region's tail is lost, the answer is made of what no cache keeps, or a read has failed.",
  }),
  liveLifeMs: option(milliseconds(), {
    default: 3_600_000,
    group: 'live queries',
    help: 'After how long a connection with subscriptions ends, give or take a tenth, so that clients spread over servers again; 0: never.',
  }),
  livePingMs: option(milliseconds(1_000), {
    default: 12_000,
    group: 'live queries',
    help: 'Between two signs of life on a connection without messages; a WebSocket that does not answer one is closed.',
  }),
  liveCheckMs: option(milliseconds(1_000), {
    default: 30_000,
    group: 'live queries',
    help: 'Between two looks whether the credentials of a connection with subscriptions still hold.',
  }),
};
