/**
 * Owns the programmatic entry: it creates a data layer or a whole server from settings that have the form of the
 * configuration file.
 */
import { readSdlFolder, type SdlFile } from '../schema-compiler/files.ts';
import { type Config, loadConfig } from '../config/load.ts';
import { createTelemetry, type Telemetry } from '../telemetry/telemetry.ts';
import { DataLayer } from './layer.ts';
import { compileSchema } from './schema.ts';
import { startRuntime, type Runtime, type RuntimeRequest } from './start.ts';

/**
 * Options by name (docs/configuration.md), `region`, and `regions` by name: `{ databaseUrl, redisUrl?, serverUrl? }`.
 */
export type Settings = Readonly<Record<string, unknown>>;

export interface DataLayerSettings {
  readonly settings: Settings;
  /** SDL for the entity loaders: a folder, or its files. Without SDL the layer only reads and writes SQL. */
  readonly schema?: string | readonly SdlFile[];
  readonly telemetry?: Telemetry;
}

export interface ServerSettings extends Omit<RuntimeRequest, 'config' | 'telemetry' | 'plans'> {
  readonly settings: Settings;
  readonly telemetry?: Telemetry;
}

/**
 * The data layer of one region without GraphQL, started: `read`, `transaction`, `loaders`, `regionHealth`, `close`.
 * Throws `CONFIG_INVALID` that lists every problem of the settings, and `SCHEMA_INVALID`.
 */
export async function createDataLayer({ settings, schema, telemetry }: DataLayerSettings): Promise<DataLayer> {
  const config = loadConfig({ settings, env: {}, needs: ['regions', 'region'] });
  const used = telemetry ?? ownTelemetry(config);
  const files = typeof schema === 'string' ? readSdlFolder(schema) : schema;
  const compiled = files === undefined ? null : await compileSchema({ config, files, resolvers: {}, log: used.log });
  const layer = new DataLayer(config, used, compiled);
  try {
    await layer.start();
    return layer;
  } catch (error) {
    await layer.close();
    throw error;
  }
}

/** A region's GraphQL server inside your own process, with hooks for who is asking and who may see `regionHealth`. */
export async function createServer({ settings, telemetry, ...rest }: ServerSettings): Promise<Runtime> {
  const needs = rest.viewer ? (['regions', 'region'] as const) : (['regions', 'region', 'secrets'] as const);
  const config = loadConfig({ settings, env: {}, needs });
  return startRuntime({ ...rest, config, telemetry: telemetry ?? ownTelemetry(config) });
}

function ownTelemetry({ options, region }: Config): Telemetry {
  return createTelemetry({ level: options.logLevel, fields: { region }, bufferBytes: options.logBufferBytes });
}
