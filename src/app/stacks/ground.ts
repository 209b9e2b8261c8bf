/** Owns what every stack of a region uses: configuration, telemetry and the token codec. */
import { type ClusterId } from '../../base/lineage.ts';
import { MeridianError } from '../../base/errors.ts';
import { type Config } from '../../config/load.ts';
import { listed } from '../../config/option.ts';
import { type RegionConfig } from '../../config/regions.ts';
import { TokenCodec } from '../../consistency/token.ts';
import { type Telemetry } from '../../telemetry/telemetry.ts';

/** A part of a region that is started and stopped as one. */
export interface Stack {
  start(): Promise<void>;
  /** Ends connections and loops; never throws. */
  stop(): Promise<void>;
}

export interface Ground {
  readonly config: Config;
  readonly telemetry: Telemetry;
  readonly codec: TokenCodec;
  /** The region that this process serves. */
  readonly own: RegionConfig;
  /** By region name. */
  readonly databaseUrls: ReadonlyMap<string, string>;
}

/** Throws `CONFIG_INVALID` where the region is not configured. */
export function createGround(config: Config, telemetry: Telemetry): Ground {
  const { options, regions } = config;
  const codec = new TokenCodec({
    secrets: listed(options.tokenSecret),
    maxTokenBytes: options.maxTokenBytes,
    clusters: listed(options.tokenClusters) as ClusterId[],
  });
  return {
    config,
    telemetry,
    codec,
    own: ownRegion(config),
    databaseUrls: new Map(regions.map(({ name, databaseUrl }) => [name, databaseUrl])),
  };
}

function ownRegion({ region, regions }: Config): RegionConfig {
  const own = regions.find(({ name }) => name === region);
  if (!own)
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `Region ${JSON.stringify(region)} is not configured; name one of ${regions.map(({ name }) => name).join(', ')}.`,
    });
  return own;
}
