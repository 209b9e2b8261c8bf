/** Owns a server process's tie to the supervisor: preloaded into it, this ends the process when its input closes. */
import { DRAIN_MS } from './protocol.ts';

process.stdin.on('error', () => undefined).resume();
process.stdin.once('end', () => {
  setTimeout(() => process.exit(1), DRAIN_MS).unref();
  process.kill(process.pid, 'SIGTERM');
});
// The tie alone is no reason to go on living.
(process.stdin as unknown as { unref?: () => void }).unref?.();
