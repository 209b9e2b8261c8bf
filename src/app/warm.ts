/** Owns readiness ahead of need: connections to other regions are opened before a request has to wait for them. */
import { sleep } from '../base/clock.ts';

/** Often enough that a new primary, or a server that came back, is met before the next request as a rule. */
const EVERY_MS = 2_000;

/** Calls `warm`, which never throws, again and again. Resolves when `signal` aborts. */
export async function keepWarm(warm: () => Promise<void>, signal: AbortSignal): Promise<void> {
  while (await sleep(EVERY_MS, signal)) await warm();
}
