/**
 * Owns the run of a development cluster from start to end: timing of its messages, signals, and the end of everything
 * that was started.
 */
import { resolve } from 'node:path';
import { detachFromReader } from '../../telemetry/output.ts';
import { type DevSettings } from './settings.ts';
import { stopOnSignals } from './signals.ts';

/** Runs until a signal; throws if the cluster cannot start or is lost. Nothing is left running in either case. */
export async function runDev(settings: DevSettings): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) detachFromReader(stream);
  const began = performance.now();
  const say = (sentence: string): void =>
    console.error(`${((performance.now() - began) / 1_000).toFixed(1).padStart(5)} s  ${sentence}`);
  const stopping = new AbortController();
  const unwatch = stopOnSignals(stopping, say);
  const session = { settings, stateDir: resolve(settings.stateDir), stopping: stopping.signal, say };
  try {
    // Only one of the two is loaded: an application without subgraphs needs no gateways.
    if (settings.federated) await (await import('./federated.ts')).runFederated(session);
    else await (await import('./single.ts')).runSingle(session);
  } catch (error) {
    // A failure that is caused by stopping is not reported.
    if (!stopping.signal.aborted) throw error;
  } finally {
    stopping.abort();
    unwatch();
  }
}
