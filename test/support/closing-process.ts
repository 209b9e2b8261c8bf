/**
 * Owns a process that serves and closes on signals, for the test that sends them. Its argument is how long closing
 * takes, milliseconds.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { closeOnSignals } from '../../src/server/shutdown.ts';
import { startTestServer } from './server.ts';

const closingMs = Number(process.argv[2] ?? 0);
const server = await startTestServer();
closeOnSignals({
  close: async () => {
    await server.running.close();
    await pause(closingMs);
  },
  limitMs: 3_000,
  flushMs: 500,
  log: server.telemetry.log,
});
process.send?.(server.running.url);
await server.slow.begun;
process.send?.('asked');
// The answer is held until the signal has come.
process.once('message', () => server.slow.release());
