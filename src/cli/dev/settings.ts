/** Owns the settings of a development cluster, and what all its parts share. */
import { getCompileCacheDir } from 'node:module';
import { type WanSettings } from '../../dev/wan/topology.ts';

export interface DevSettings {
  readonly schema: string;
  readonly sql: string;
  readonly resolvers: string | undefined;
  /** Whether every folder under `subgraphs/` is a subgraph behind the gateways. */
  readonly federated: boolean;
  readonly regions: readonly string[];
  readonly scale: number;
  readonly wan: WanSettings | 'off';
  readonly portsFrom: number | undefined;
  readonly redis: 'auto' | 'off';
  readonly database: string;
  readonly reset: boolean;
  readonly stateDir: string;
}

export interface Session {
  readonly settings: DevSettings;
  /** Absolute. */
  readonly stateDir: string;
  readonly stopping: AbortSignal;
  readonly say: (sentence: string) => void;
}

/** The user's environment, and the compile cache that the started processes use. */
export function processEnv(): NodeJS.ProcessEnv {
  return { NODE_COMPILE_CACHE: getCompileCacheDir(), ...process.env };
}
