/** Owns a server process's tie to the keeper: preloaded into it, this ends the process when its input closes. */

/** Time that a server has to drain once nobody is left to stop it, milliseconds. */
const DRAIN_MS = 5_000;

process.stdin.on('error', () => undefined).resume();
process.stdin.once('end', () => {
  setTimeout(() => process.exit(1), DRAIN_MS).unref();
  process.kill(process.pid, 'SIGTERM');
});
// The tie alone is no reason to go on living.
(process.stdin as unknown as { unref?: () => void }).unref?.();
