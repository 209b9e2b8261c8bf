/** Preloaded into a server process: ends it when its input closes, which happens when the supervisor ends. */
import { DRAIN_MS } from './protocol.ts';

process.stdin.on('error', () => undefined).resume();
process.stdin.once('end', () => {
  setTimeout(() => process.exit(1), DRAIN_MS).unref();
  process.kill(process.pid, 'SIGTERM');
});
// Waiting for the input must not keep the process running.
(process.stdin as unknown as { unref?: () => void }).unref?.();
