/** Owns free ports for tests and benches: single ones as `meridian/testing` chooses them, and blocks for commands. */
import { claimPort, isFree } from '../../src/dev/free-ports.ts';

export { freePort, freePorts } from '../../src/dev/free-ports.ts';

/** Between the bus ports of single ones and the range that systems hand out for outgoing connections. */
const BLOCKS = { from: 30_000, count: 9, step: 300 };

/** `--ports-from` for a command that takes some two hundred ports above it. */
export function freeBlock(): Promise<number> {
  return claimPort(BLOCKS, (port) => isFree(port + 1));
}
