/** Owns what a cluster is made from. */
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

export interface ClusterOptions {
  /** The first one is the primary. */
  readonly regions: readonly string[];
  readonly database: string;
  /** Folder for logs and, where the database's account can reach it, data. */
  readonly stateDir: string;
  /** Where the data should be; elsewhere if the database's account cannot reach it. */
  readonly dataDir: string;
  readonly ports: ReadonlyMap<string, RegionPorts>;
  readonly wan: WanSettings | 'off';
  /** What each region's Redis is started from; without it the regions have none. */
  readonly redis?: RedisProgram | null;
  readonly initial: InitialData;
  /** Files and folders that go when the cluster has ended, however it ended. */
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
