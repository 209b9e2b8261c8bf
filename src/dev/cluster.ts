/** Owns an embedded cluster as its users see it: a primary, its replicas and caches, and the links between them. */
import { confFile } from './boot.ts';
import { type Databases } from './databases.ts';
import { type Supervisor } from './supervisor/supervisor.ts';
import { type Machine } from './machine.ts';
import { type NamedOptions } from './options.ts';
import { type RegionPorts } from './ports.ts';
import { USER } from './postgres/conf.ts';
import { type Instance } from './postgres/instance.ts';
import { type RedisInstance } from './redis/instance.ts';
import { type Wan } from './wan/wan.ts';

export interface ClusterRegion {
  readonly name: string;
  /** As started; a promotion does not change it. */
  readonly role: 'primary' | 'replica';
  readonly ports: RegionPorts;
  /** The address of this region's database without the simulated WAN. */
  readonly dsn: string;
  readonly postgres: Instance;
  /** The region's cache, reached without the simulated WAN; null where the cluster was started without. */
  readonly redis: RedisInstance | null;
}

export interface Cluster {
  /** The cluster's subgraph; empty if it is the only one. */
  readonly name: string;
  readonly regions: readonly ClusterRegion[];
  readonly supervisor: Supervisor;
  /** Controls the simulated WAN of every cluster on this machine; `port` belongs to the only one. */
  readonly wan: Wan;
  readonly dataDir: string;
  readonly logDir: string;
  region(name: string): ClusterRegion;
  /** How `from`'s servers reach `to`'s database: directly in the same region, otherwise through the simulated WAN. */
  dsnFor(from: string, to: string): string;
  /** How `from`'s servers reach `to`'s GraphQL server. */
  urlFor(from: string, to: string): string;
  /** Starts a region's database again after it was stopped or killed. */
  startPostgres(region: string): Promise<void>;
  /**
   * Resolves with one sentence if the cluster has ended without `stop`: its supervisor or its simulated WAN has ended.
   */
  readonly lost: Promise<string>;
  /** Ends everything, including the clusters of the same start; safe to call twice. */
  stop(): Promise<void>;
}

interface Parts extends Pick<Cluster, 'dataDir' | 'logDir'> {
  readonly own: NamedOptions;
  readonly databases: Databases;
  readonly caches: ReadonlyMap<string, RedisInstance>;
}

export function clusterOf(machine: Machine, { own, databases, caches, dataDir, logDir }: Parts): Cluster {
  const { options, supervisor, wan, lost } = machine;
  const { password, instances } = databases;
  const crossings = wan.crossingsOf(own.name);
  const dsn = (port: number): string =>
    `postgres://${USER}:${password}@127.0.0.1:${port}/${encodeURIComponent(own.database)}`;
  const regions = options.regions.map((name, i): ClusterRegion => {
    const ports = own.ports.get(name);
    const postgres = instances.get(name);
    if (!ports || !postgres) throw new RangeError(`region ${name} was not started`);
    return {
      name,
      role: i === 0 ? 'primary' : 'replica',
      ports,
      dsn: dsn(ports.postgres),
      postgres,
      redis: caches.get(name) ?? null,
    };
  });
  const region = (name: string): ClusterRegion => {
    const found = regions.find((candidate) => candidate.name === name);
    if (!found) throw new RangeError(`the cluster has no region ${name}, only ${options.regions.join(', ')}`);
    return found;
  };
  return {
    name: own.name,
    regions,
    supervisor,
    wan,
    dataDir,
    logDir,
    lost,
    region,
    stop: () => machine.stop(),
    dsnFor: (from, to) => (from === to ? region(to).dsn : dsn(crossings.port(from, to, 'postgres'))),
    urlFor: (from, to) => `http://127.0.0.1:${from === to ? region(to).ports.http : crossings.port(from, to, 'http')}`,
    startPostgres: (name) => region(name).postgres.start(confFile(dataDir, name)),
  };
}
