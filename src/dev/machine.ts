/**
 * Owns what all clusters of a start share: the supervisor of their processes, the simulated WAN between their regions, PostgreSQL's
 * programs, and one end for all.
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
  /** Without delay until `delay`: replicas that find their primary would take a second of round trips. */
  readonly wan: Wan;
  /** Resolves with one sentence when everything has ended without `stop`: the supervisor or the simulated WAN is gone. */
  readonly lost: Promise<string>;
  /** Gives the simulated WAN the delays that were asked for. */
  delay(): Promise<void>;
  /** To be done once no process is left. */
  atEnd(step: () => void): void;
  /** Ends everything; safe to call twice. */
  stop(): Promise<void>;
}

/** Runs `start` on a machine; when it fails, or is given up by `options.signal`, nothing is left running. */
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
      // Also one whose start was overtaken by another step's failure; its own failure has been told by then.
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
  // Ending the supervisor fails every step that is under way.
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

/** Where the logs of a cluster's processes are: each of several has a folder of its own. */
export function logDirOf({ stateDir }: Pick<MachineOptions, 'stateDir'>, name: string): string {
  return join(stateDir, 'logs', name);
}

/** Each start has logs of its own; those of the one before are kept, older ones are not. */
function prepareLogs(logDir: string): void {
  makeFolders(logDir);
  for (const name of readdirSync(logDir).filter((file) => file.endsWith('.log')))
    renameSync(join(logDir, name), join(logDir, `${name}.before`));
}
