/**
 * Owns what all clusters of a start share: the supervisor of their processes, the simulated WAN, PostgreSQL's programs,
 * and one end for all.
 */
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { Supervisor } from './supervisor/supervisor.ts';
import { type MachineOptions, type NamedOptions } from './options.ts';
import { chooseAccount, type Account } from './postgres/account.ts';
import { usableBinaries, type BinaryHome } from './postgres/binaries.ts';
import { makeFolders } from './postgres/data-dir.ts';
import { explained } from './problems.ts';
import { pairsOf } from './wan/topology.ts';
import { Wan } from './wan/wan.ts';

export interface Machine {
  readonly options: MachineOptions;
  readonly supervisor: Supervisor;
  readonly account: Account | undefined;
  readonly binaries: BinaryHome;
  /** Without delay until `delay` is called: connecting the replicas would otherwise take a second of round trips. */
  readonly wan: Wan;
  /**
   * Resolves with one sentence if everything has ended without `stop`: the supervisor or the simulated WAN has ended.
   */
  readonly lost: Promise<string>;
  /** Applies the requested delays to the simulated WAN. */
  delay(): Promise<void>;
  /** Called once no process is left. */
  atEnd(step: () => void): void;
  /** Ends everything; safe to call twice. */
  stop(): Promise<void>;
}

/** Runs `start` on a machine; if it fails or is aborted by `options.signal`, nothing is left running. */
export async function withMachine<T>(
  options: MachineOptions,
  clusters: readonly NamedOptions[],
  start: (machine: Machine) => Promise<T>,
): Promise<T> {
  for (const name of new Set(['', ...clusters.map((one) => one.name)]))
    await explained(`The folder ${options.stateDir}`, () => prepareLogs(logDirOf(options, name)));
  const supervisor = await explained('Starting the cluster', () => Supervisor.start(options.discard));
  let startingWan: Promise<Wan> | undefined;
  const lost = Promise.withResolvers<string>();
  const steps: (() => void)[] = [];
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      await supervisor.stop();
      // Also stops one that is still starting when another step has failed; its own failure is not reported.
      await startingWan?.then(
        (wan) => wan.stop(),
        () => undefined,
      );
      for (const step of steps) step();
    })();
    return stopped;
  };
  void supervisor.gone.then(() => {
    if (!stopped)
      lost.resolve(
        'The process that looks after the cluster was killed, and the cluster has ended with it; start it again.',
      );
  });
  // Ending the supervisor fails every step in progress.
  const abort = (): void => void stop();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    options.signal?.throwIfAborted();
    const account = chooseAccount();
    const delayed = pairsOf(options.regions, options.wan).filter(({ rttMs, jitterMs }) => rttMs > 0 || jitterMs > 0);
    startingWan = Wan.start({
      pairs: pairsOf(options.regions, 'off'),
      targets: Object.fromEntries(clusters.map(({ name, ports }) => [name, Object.fromEntries(ports)])),
    });
    const [binaries, wan] = await Promise.all([usableBinaries(supervisor, account), startingWan]);
    void wan.failed.then((why) =>
      lost.resolve(`The simulated network between regions has failed (${why}), so the cluster ends; start it again.`),
    );
    return await start({
      options,
      supervisor,
      account,
      binaries,
      wan,
      stop,
      lost: lost.promise,
      delay: async () =>
        void (await Promise.all(
          delayed.map(({ between: [a, b], rttMs, jitterMs }) => wan.set(a, b, { rttMs, jitterMs })),
        )),
      atEnd: (step) => void steps.push(step),
    });
  } catch (error) {
    await stop();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

/** The log folder of a cluster's processes; each of several clusters has its own. */
export function logDirOf({ stateDir }: Pick<MachineOptions, 'stateDir'>, name: string): string {
  return join(stateDir, 'logs', name);
}

/** Each start has its own logs; those of the previous start are kept, older ones are removed. */
function prepareLogs(logDir: string): void {
  makeFolders(logDir);
  for (const name of readdirSync(logDir).filter((file) => file.endsWith('.log')))
    renameSync(join(logDir, name), join(logDir, `${name}.before`));
}
