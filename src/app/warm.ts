/** Opens connections to other regions before a request needs them. */
import { sleep } from '../base/clock.ts';

/** Often enough that a new primary, or a server that has come back, is normally connected before the next request. */
const EVERY_MS = 2_000;

/** Calls `warm`, which never throws, again and again. Resolves when `signal` aborts. */
export async function keepWarm(warm: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (await sleep(EVERY_MS, signal)) await warm();
}
