/** Owns the embedded cluster: a primary, its replicas and the ocean between them, started together and ended together. */
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { confFile } from './boot.ts';
import { bootCaches } from './caches.ts';
import { bootDatabases, type Databases } from './databases.ts';
import { Keeper } from './keeper/keeper.ts';
import { type ClusterOptions } from './options.ts';
import { placeData } from './place.ts';
import { requireFree, type RegionPorts } from './ports.ts';
import { chooseAccount } from './postgres/account.ts';
import { usableBinaries } from './postgres/binaries.ts';
import { USER } from './postgres/conf.ts';
import { type Instance } from './postgres/instance.ts';
import { makeFolders } from './postgres/data-dir.ts';
import { explained, explainFullDisk } from './problems.ts';
import { type RedisInstance } from './redis/instance.ts';
import { State } from './state.ts';
import { pairsOf } from './wan/topology.ts';
import { Wan } from './wan/wan.ts';

export interface ClusterRegion {
  readonly name: string;
  /** As started; a promotion changes the truth, not this. */
  readonly role: 'primary' | 'replica';
  readonly ports: RegionPorts;
  /** Straight to this region's database, past the ocean. */
  readonly dsn: string;
  readonly postgres: Instance;
  /** The region's cache, reached without the ocean; null where the cluster was started without. */
  readonly redis: RedisInstance | null;
}

export interface Cluster {
  readonly regions: readonly ClusterRegion[];
  readonly keeper: Keeper;
  readonly wan: Wan;
  readonly dataDir: string;
  readonly logDir: string;
  region(name: string): ClusterRegion;
  /** How `from`'s servers reach `to`'s database: direct at home, else through the ocean. */
  dsnFor(from: string, to: string): string;
  /** How `from`'s servers reach `to`'s GraphQL server. */
  urlFor(from: string, to: string): string;
  /** Starts a region's database again after it was stopped or killed. */
  startPostgres(region: string): Promise<void>;
  /** Resolves with one sentence when the cluster has ended without `stop`: its keeper or its ocean is gone. */
  readonly lost: Promise<string>;
  /** Ends everything; safe to call twice. */
  stop(): Promise<void>;
}

export interface StartOptions extends ClusterOptions {
  /** Runs at every start, while the ocean is still without delay: must be repeatable. */
  readonly prepare?: (cluster: Cluster) => Promise<void>;
}

/** Starts a cluster; when it fails nothing is left running. */
export async function startCluster(options: StartOptions): Promise<Cluster> {
  const progress = options.onProgress ?? (() => undefined);
  const logDir = join(options.stateDir, 'logs');
  await requireFree(options.ports, { withRedis: Boolean(options.redis) });
  await explained(`The folder ${options.stateDir}`, () => prepareLogs(logDir));
  const keeper = await explained('Starting the cluster', () => Keeper.start(options.discard));
  let state: State | undefined;
  let sailing: Promise<Wan> | undefined;
  const lost = Promise.withResolvers<string>();
  let stopped: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopped ??= (async () => {
      await keeper.stop();
      // Also one whose start was overtaken by another step's failure; its own failure has been told by then.
      await sailing?.then((wan) => wan.stop(), () => undefined);
      state?.unlock();
    })();
    return stopped;
  };
  void keeper.gone.then(() => {
    if (!stopped) lost.resolve('The process that looks after the cluster was killed, and the cluster has ended with it; start it again.');
  });
  // Ending the keeper fails every step that is under way.
  const abort = (): void => void stop();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    options.signal?.throwIfAborted();
    const account = chooseAccount();
    const regions = options.regions;
    const targets = Object.fromEntries([...options.ports].map(([name, ports]) => [name, ports]));
    // Without delay while the replicas find their primary, which would take a second of round trips; wrong settings are told now.
    pairsOf(regions, options.wan);
    sailing = Wan.start({ pairs: pairsOf(regions, 'off'), targets });
    const [binaries, dataDir, wan] = await Promise.all([usableBinaries(keeper, account), placeData(keeper, account, options.dataDir), sailing]);
    void wan.failed.then((why) => lost.resolve(`The simulated ocean has failed (${why}), and the cluster ends with it; start it again.`));
    const data = new State(dataDir);
    await explained(`The data folder ${dataDir}`, () => data.lock());
    state = data;
    const context = { options, keeper, account, binaries, dataDir, logDir, state, wan, progress };
    const [databases, caches] = await Promise.all([bootDatabases(context), bootCaches(context)]);
    const cluster = clusterOf({ options, databases, caches, keeper, wan, dataDir, logDir, lost: lost.promise, stop });
    await options.prepare?.(cluster);
    const delayed = pairsOf(regions, options.wan).filter(({ rttMs, jitterMs }) => rttMs > 0 || jitterMs > 0);
    await Promise.all(delayed.map(({ between: [a, b], rttMs, jitterMs }) => wan.set(a, b, { rttMs, jitterMs })));
    return cluster;
  } catch (error) {
    await stop();
    throw explainFullDisk(error, `The data folder ${options.dataDir}`, options.regions.map((region) => join(logDir, `postgres-${region}.log`)));
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

/** Each start has logs of its own; those of the one before are kept, older ones are not. */
function prepareLogs(logDir: string): void {
  makeFolders(logDir);
  for (const name of readdirSync(logDir).filter((file) => file.endsWith('.log'))) renameSync(join(logDir, name), join(logDir, `${name}.before`));
}

interface Parts extends Pick<Cluster, 'keeper' | 'wan' | 'dataDir' | 'logDir' | 'lost' | 'stop'> {
  readonly options: ClusterOptions;
  readonly databases: Databases;
  readonly caches: ReadonlyMap<string, RedisInstance>;
}

function clusterOf({ options, databases, caches, ...parts }: Parts): Cluster {
  const { password, instances } = databases;
  const dsn = (port: number): string => `postgres://${USER}:${password}@127.0.0.1:${port}/${encodeURIComponent(options.database)}`;
  const regions = options.regions.map((name, i): ClusterRegion => {
    const ports = options.ports.get(name);
    const postgres = instances.get(name);
    if (!ports || !postgres) throw new RangeError(`region ${name} was not started`);
    return { name, role: i === 0 ? 'primary' : 'replica', ports, dsn: dsn(ports.postgres), postgres, redis: caches.get(name) ?? null };
  });
  const region = (name: string): ClusterRegion => {
    const found = regions.find((candidate) => candidate.name === name);
    if (!found) throw new RangeError(`the cluster has no region ${name}, only ${options.regions.join(', ')}`);
    return found;
  };
  return {
    ...parts,
    regions,
    region,
    dsnFor: (from, to) => (from === to ? region(to).dsn : dsn(parts.wan.port(from, to, 'postgres'))),
    urlFor: (from, to) => `http://127.0.0.1:${from === to ? region(to).ports.http : parts.wan.port(from, to, 'http')}`,
    startPostgres: (name) => region(name).postgres.start(confFile(parts.dataDir, name)),
  };
}
