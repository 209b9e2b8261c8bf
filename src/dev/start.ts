/** Owns the start of clusters: one, or several on one machine, which start and end together. */
import { join } from 'node:path';
import { type BootContext } from './boot.ts';
import { bootCaches } from './caches.ts';
import { clusterOf, type Cluster } from './cluster.ts';
import { bootDatabases } from './databases.ts';
import { type Supervisor } from './supervisor/supervisor.ts';
import { logDirOf, withMachine, type Machine } from './machine.ts';
import { type ClusterOptions, type MachineOptions, type NamedOptions } from './options.ts';
import { placeData } from './place.ts';
import { requireFree, wantedBy, type WantedPort } from './ports.ts';
import { explained, explainFullDisk } from './problems.ts';
import { State } from './state.ts';
import { type Wan } from './wan/wan.ts';

export interface StartOptions extends ClusterOptions {
  /** Runs at every start, before the simulated WAN has delays; must be repeatable. */
  readonly prepare?: (cluster: Cluster) => Promise<void>;
}

export interface ManyOptions extends MachineOptions {
  readonly clusters: readonly NamedOptions[];
  /** Other ports that will be used besides the clusters' own. */
  readonly alsoWanted?: readonly WantedPort[];
  /** As for one cluster, with all clusters in their order. */
  readonly prepare?: (clusters: readonly Cluster[]) => Promise<void>;
}

export interface Clusters {
  /** In the order in which they were named. */
  readonly all: readonly Cluster[];
  readonly supervisor: Supervisor;
  readonly wan: Wan;
  readonly lost: Promise<string>;
  stop(): Promise<void>;
}

/** Starts a cluster; if it fails, nothing is left running. */
export async function startCluster({ prepare, ...options }: StartOptions): Promise<Cluster> {
  const { all } = await startClusters({
    ...options,
    clusters: [{ ...options, name: '' }],
    ...(prepare && { prepare: async ([only]) => only && prepare(only) }),
  });
  const [only] = all;
  if (!only) throw new RangeError('the cluster was not started');
  return only;
}

/** Starts several clusters; if one fails, none is left running. */
export async function startClusters({
  clusters,
  alsoWanted = [],
  prepare,
  ...options
}: ManyOptions): Promise<Clusters> {
  const withRedis = Boolean(options.redis);
  await requireFree([
    ...alsoWanted,
    ...clusters.flatMap(({ name, ports }) => wantedBy(ports, { withRedis, of: name })),
  ]);
  try {
    return await withMachine(options, clusters, async (machine) => {
      const places = await Promise.all(clusters.map((own) => place(machine, own)));
      const all = await Promise.all(places.map((placed) => boot(machine, placed)));
      await prepare?.(all);
      await machine.delay();
      return { all, supervisor: machine.supervisor, wan: machine.wan, lost: machine.lost, stop: () => machine.stop() };
    });
  } catch (error) {
    throw clusters.reduce(
      (told, { name, dataDir }) =>
        explainFullDisk(
          told,
          `The data folder ${dataDir}`,
          options.regions.map((region) => join(logDirOf(options, name), `postgres-${region}.log`)),
        ),
      error,
    );
  }
}

interface Placed {
  readonly own: NamedOptions;
  readonly dataDir: string;
  readonly state: State;
}

/** The cluster's data folder, locked for this process. */
async function place(machine: Machine, own: NamedOptions): Promise<Placed> {
  const dataDir = await placeData(machine.supervisor, machine.account, own.dataDir);
  if (machine.options.discardData) machine.supervisor.discard(dataDir);
  const state = new State(dataDir);
  await explained(`The data folder ${dataDir}`, () => state.lock());
  machine.atEnd(() => state.unlock());
  return { own, dataDir, state };
}

async function boot(machine: Machine, { own, dataDir, state }: Placed): Promise<Cluster> {
  const { supervisor, account, binaries } = machine;
  const said = own.name === '' ? '' : `${own.name}: `;
  const tell =
    (hear: ((sentence: string) => void) | undefined) =>
    (sentence: string): void =>
      hear?.(`${said}${sentence}`);
  const logDir = logDirOf(machine.options, own.name);
  const options = { ...machine.options, ...own, onNotice: tell(machine.options.onNotice) };
  const context: BootContext = {
    options,
    supervisor,
    account,
    binaries,
    dataDir,
    logDir,
    state,
    wan: machine.wan.crossingsOf(own.name),
    progress: tell(machine.options.onProgress),
  };
  const [databases, caches] = await Promise.all([bootDatabases(context), bootCaches(context)]);
  return clusterOf(machine, { own, databases, caches, dataDir, logDir });
}
