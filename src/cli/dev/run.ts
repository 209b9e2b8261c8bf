/**
 * Owns a development cluster's life from its first word to its last: the clock of what it says, its signals, and that
 * nothing outlives it.
 */
import { resolve } from 'node:path';
import { detachFromReader } from '../../telemetry/output.ts';
import { type DevSettings } from './settings.ts';
import { stopOnSignals } from './signals.ts';

/** Runs until a signal; throws when the cluster cannot start or is lost. Nothing is left running either way. */
export async function runDev(settings: DevSettings): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) detachFromReader(stream);
  const began = performance.now();
  const say = (sentence: string): void =>
    console.error(`${((performance.now() - began) / 1_000).toFixed(1).padStart(5)} s  ${sentence}`);
  const stopping = new AbortController();
  const unwatch = stopOnSignals(stopping, say);
  const session = { settings, stateDir: resolve(settings.stateDir), stopping: stopping.signal, say };
  try {
    // Loaded one or the other: an application in one needs nothing of gateways.
    if (settings.federated) await (await import('./federated.ts')).runFederated(session);
    else await (await import('./single.ts')).runSingle(session);
  } catch (error) {
    // What fails because it is being stopped is no failure.
    if (!stopping.signal.aborted) throw error;
  } finally {
    stopping.abort();
    unwatch();
  }
}
