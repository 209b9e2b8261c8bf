/** Owns what clusters are made from: what those on one machine share, and what each has for itself. */
import { type RegionPorts } from './ports.ts';
import { type RedisProgram } from './redis/program.ts';
import { type WanSettings } from './wan/topology.ts';

export const DEFAULT_REGIONS = ['us-east-1', 'eu-west-1', 'ap-northeast-1'] as const;

/** What fills a new database. */
export interface InitialData {
  /** Changes when the data would come out different; compared at the next start. */
  readonly fingerprint: string;
  /** Fills the empty database behind `dsn`, as its superuser, before the replicas are made. */
  readonly load: (dsn: string) => Promise<void>;
}

export interface MachineOptions {
  /** The first one holds every cluster's primary. */
  readonly regions: readonly string[];
  /** Folder for logs and, where the database's account can reach it, data. */
  readonly stateDir: string;
  readonly wan: WanSettings | 'off';
  /** What each region's Redis is started from; without it the regions have none. */
  readonly redis?: RedisProgram | null;
  /** Files and folders that go when everything has ended, however it ended. */
  readonly discard?: readonly string[];
  /** Throw away what an earlier start has left. */
  readonly reset?: boolean;
  readonly sharedBuffersMb?: number;
  /** Gives up the start; what has been started ends. */
  readonly signal?: AbortSignal;
  /** Told what is being done, while it is done. */
  readonly onProgress?: (sentence: string) => void;
  /** Told what the user should know: data made anew, data older than its sources. */
  readonly onNotice?: (sentence: string) => void;
}

export interface OwnOptions {
  readonly database: string;
  /** Where the data should be; elsewhere if the database's account cannot reach it. */
  readonly dataDir: string;
  readonly ports: ReadonlyMap<string, RegionPorts>;
  readonly initial: InitialData;
}

export interface ClusterOptions extends MachineOptions, OwnOptions {}

/** One of several clusters: that of a subgraph. */
export interface NamedOptions extends OwnOptions {
  /** Unique; empty where there is only one. */
  readonly name: string;
}
