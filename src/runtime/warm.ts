/** Owns readiness ahead of need: connections over the ocean are opened before a request has to wait for them. */
import { sleep } from '../base/clock.ts';
import { type Parts } from './parts.ts';

/** Often enough that a new primary, or a server that came back, is met before the next request as a rule. */
const EVERY_MS = 2_000;

/** One round over every region that answers. Never throws: a server that cannot be reached is the probes' matter. */
export async function warmConnections({ monitor, servers, writer, ...parts }: Parts): Promise<void> {
  const readers = [...servers].filter(([region]) => monitor.reachable(region)).map(([, server]) => server.warm());
  await Promise.allSettled([...readers, writer.warm(), warmForwarding({ monitor, ...parts })]);
}

/** A server that is not ready is left alone, and nothing is kept of connections to it. */
async function warmForwarding({ monitor: { primary, local }, forwarder, serverStanding, config }: Pick<Parts, 'monitor' | 'forwarder' | 'serverStanding' | 'config'>): Promise<void> {
  if (primary === null || primary === local || config.options.writes === 'direct') return;
  if (serverStanding(primary) === 'down') await forwarder.drop(primary);
  else await forwarder.warm(primary);
}

/** Resolves when `signal` aborts. */
export async function keepWarm(parts: Parts, signal: AbortSignal): Promise<void> {
  while (await sleep(EVERY_MS, signal)) await warmConnections(parts);
}
