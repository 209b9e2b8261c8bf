/** Owns the options of clusters: those that all clusters of a machine share, and those of each one. */
import { type RegionPorts } from './ports.ts';
import { type RedisProgram } from './redis/program.ts';
import { type WanSettings } from './wan/topology.ts';

export const DEFAULT_REGIONS = ['us-east-1', 'eu-west-1', 'ap-northeast-1'] as const;

/** What fills a new database. */
export interface InitialData {
  /** Changes if the data would be different; compared at the next start. */
  readonly fingerprint: string;
  /** Fills the empty database behind `dsn`, as its superuser, before the replicas are made. */
  readonly load: (dsn: string) => Promise<void>;
}

export interface MachineOptions {
  /** The first one is the primary's region of every cluster. */
  readonly regions: readonly string[];
  /** Folder for logs and, if the database's account can access it, data. */
  readonly stateDir: string;
  readonly wan: WanSettings | 'off';
  /** The program of each region's Redis; without it the regions have none. */
  readonly redis?: RedisProgram | null;
  /** Files and folders that are removed when everything has ended, however it ended. */
  readonly discard?: readonly string[];
  /** Whether the data folder is removed, too, wherever it is. */
  readonly discardData?: boolean;
  /** Discard the data of earlier starts. */
  readonly reset?: boolean;
  readonly sharedBuffersMb?: number;
  /** Aborts the start; everything that was started ends. */
  readonly signal?: AbortSignal;
  /** Called with each step of the start. */
  readonly onProgress?: (sentence: string) => void;
  /** Called with what the user should know: data that was created again, or that is older than its sources. */
  readonly onNotice?: (sentence: string) => void;
}

export interface OwnOptions {
  readonly database: string;
  /** The wanted data folder; another one is used if the database's account cannot access it. */
  readonly dataDir: string;
  readonly ports: ReadonlyMap<string, RegionPorts>;
  readonly initial: InitialData;
}

export interface ClusterOptions extends MachineOptions, OwnOptions {}

/** One of several clusters, each for a subgraph. */
export interface NamedOptions extends OwnOptions {
  /** Unique; empty where there is only one. */
  readonly name: string;
}
