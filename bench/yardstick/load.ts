/**
 * Owns sending load, in a process of its own: started by the command, it takes one order after the other. Written here
 * because what there is does not do it: `autocannon` counts whole milliseconds, sends its rate in bursts and cannot
 * carry a token from an answer to the next request; `wrk` does not come from npm.
 */
import { type LoadOrder } from './order.ts';
import { LoadRun } from './load-run.ts';

process.on('message', (order: LoadOrder) => {
  LoadRun.of(order).then(
    (report) => process.send?.({ report }),
    (error: unknown) =>
      process.send?.({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
  );
});
// Whoever gave the orders is gone.
process.on('disconnect', () => process.exit(0));
