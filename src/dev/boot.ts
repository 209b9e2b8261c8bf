/** Owns what every step of a cluster's start uses. */
import { join } from 'node:path';
import { type Supervisor } from './supervisor/supervisor.ts';
import { type ClusterOptions } from './options.ts';
import { type Account } from './postgres/account.ts';
import { type BinaryHome } from './postgres/binaries.ts';
import { type State } from './state.ts';
import { type Crossings } from './wan/wan.ts';

export interface BootContext {
  readonly options: ClusterOptions;
  readonly supervisor: Supervisor;
  readonly account: Account | undefined;
  readonly binaries: BinaryHome;
  readonly dataDir: string;
  readonly logDir: string;
  readonly state: State;
  readonly wan: Crossings;
  readonly progress: (sentence: string) => void;
}

/** The configuration that a region's server is started with. */
export function confFile(dataDir: string, region: string): string {
  return join(dataDir, `${region}.conf`);
}
