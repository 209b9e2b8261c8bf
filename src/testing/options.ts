/** Owns what test regions are made from, and which of it is refused before anything starts. */
import { MeridianError } from '../base/errors.ts';
import { loadConfig } from '../config/load.ts';
import { type Options } from '../config/options.ts';
import { requireRegionNames } from '../dev/region-names.ts';

export interface TestRegionsOptions {
  /** Folder with the SDL files of the application. */
  readonly schema: string;
  /** Folder with its `.sql` files, tables and rows, which are loaded in the order of their names. */
  readonly sql: string;
  /** The first one holds the primary, every other one a streaming replica; default us-east-1 and eu-west-1. */
  readonly regions?: readonly string[];
  /** Module with custom resolvers and hooks. The servers load it, and once the process of the test does. */
  readonly resolvers?: string;
  /**
   * Options of every server by the names of the configuration file, as `{ pageSize: 5 }`. Those that say where a server
   * is and what it serves are set here and refused.
   */
  readonly options?: Readonly<Record<string, unknown>>;
  /**
   * Round trips between regions, milliseconds: `{ 'us-east-1/eu-west-1': { rttMs: 80, jitterMs: 5 } }`. Pairs that are
   * left out have those of the development cluster, `{}` gives them to all. Default `'off'`: no distance, the fastest.
   */
  readonly wan?: 'off' | Readonly<Record<string, { readonly rttMs: number; readonly jitterMs?: number | undefined }>>;
  /**
   * `'auto'`, the default, starts a Redis or Valkey in each region if the machine has one; where it has none, and with
   * `'off'`, there is no shared cache and each server caches in its own process alone. `'required'` fails where there
   * is none.
   */
  readonly redis?: 'auto' | 'off' | 'required';
  /** What SQL finds as `current_setting('meridian.scale')`; default 1. */
  readonly scale?: number;
  /** Longest wait of each method, milliseconds: for an answer, a replica, a lock; default 30,000. */
  readonly waitMs?: number;
  /** Told one sentence for each step of the start, and what the schema's compiler and the setup remark. Default: nobody. */
  readonly log?: (sentence: string) => void;
}

export interface CheckedOptions {
  readonly regions: readonly string[];
  readonly waitMs: number;
  /** As the servers will have them, for what is signed here. */
  readonly server: Options;
}

const REGIONS = ['us-east-1', 'eu-west-1'] as const;
const WAIT_MS = 30_000;
/** What the test regions themselves tell their servers. */
const OWN = ['config', 'region', 'regions', 'host', 'port', 'workers', 'schema', 'resolvers', 'subgraph', 'siblings'];

/** Throws `BAD_USER_INPUT`, or `CONFIG_INVALID` with every problem of `options`. */
export function checkedOptions(given: TestRegionsOptions): CheckedOptions {
  const { regions = REGIONS, waitMs = WAIT_MS, options = {} } = given;
  requireRegionNames(regions, 'startTestRegions: "regions"');
  if (!(waitMs > 0))
    throw new MeridianError({
      code: 'BAD_USER_INPUT',
      message: `startTestRegions: "waitMs" is ${waitMs}, which is no number of milliseconds above 0.`,
    });
  const own = Object.keys(options).filter((name) => OWN.includes(name));
  if (own.length > 0)
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `startTestRegions sets ${own.join(', ')} itself; leave ${own.length === 1 ? 'it' : 'them'} out of "options".`,
    });
  return { regions, waitMs, server: loadConfig({ settings: options, env: {} }).options };
}
