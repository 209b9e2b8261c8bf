/**
 * Owns the step from a folder of SDL to a compiled model: the live catalog is read and every problem reported at once.
 */
import { resolve } from 'node:path';
import { isMeridianError, MeridianError, messageOf } from '../base/errors.ts';
import { type Config } from '../config/load.ts';
import { parseViewerSettings } from '../config/viewer-settings.ts';
import { compileModel, type CompiledSchema } from '../schema-compiler/compile.ts';
import { readSdlFolder, type SdlFile } from '../schema-compiler/files.ts';
import { type UserResolvers } from '../graphql/resolvers.ts';
import { type Catalog } from '../model/catalog.ts';
import { explainProblem, readCatalog } from '../postgres/types/catalog.ts';
import { demandEncoding, ENCODING } from '../postgres/connect/encoding.ts';
import { closeClient, openClient } from '../postgres/connect/open.ts';
import { type Log } from '../telemetry/log.ts';

export interface SchemaRequest {
  readonly config: Config;
  readonly files: readonly SdlFile[];
  readonly resolvers: UserResolvers;
  /** Names of conflict handlers; left out where nothing is written. */
  readonly handlers?: readonly string[];
  readonly log: Log;
}

/** With the catalog that it was made from. */
export interface LiveSchema extends CompiledSchema {
  readonly catalog: Catalog;
}

/** Reads the SDL folder that the configuration names. */
export function schemaFiles(config: Config): readonly SdlFile[] {
  return readSdlFolder(resolve(config.options.schema));
}

/** Compiles against the first database that answers: the own region's, then the others in their order. */
export async function compileSchema(request: SchemaRequest): Promise<LiveSchema> {
  const { config, log } = request;
  const regions = [...config.regions].sort(
    (a, b) => Number(b.name === config.region) - Number(a.name === config.region),
  );
  const refusals: string[] = [];
  for (const { name, databaseUrl } of regions) {
    let client: Awaited<ReturnType<typeof openClient>>;
    try {
      const { connectMs, statementMs } = config.options;
      client = await openClient({
        databaseUrl,
        applicationName: 'meridian schema',
        connectMs,
        statementMs,
        onBroken: (error) => log.debug({ err: error }, "the schema's connection broke"),
      });
    } catch (error) {
      // The own region's database must be ready for servers; probes report the state of the others.
      if (name === config.region && isMeridianError(error, 'DATABASE_NOT_READY')) throw notReady(name, error);
      refusals.push(`${name}: ${messageOf(error)}`);
      continue;
    }
    try {
      const query = async (text: string, values?: readonly unknown[]): Promise<Record<string, unknown>[]> =>
        (await client.query<Record<string, unknown>>(text, values ? [...values] : undefined)).rows;
      const { pageSize, maxPageSize, publication, regionHealthField, conflictsField } = config.options;
      demandEncoding(String((await query(`SELECT ${ENCODING} AS encoding`))[0]?.['encoding']));
      const catalog = await readCatalog(query, { publication });
      const compiled = await compileModel({
        files: request.files,
        catalog,
        resolvers: request.resolvers,
        adminFields: { regionHealth: regionHealthField, conflicts: conflictsField },
        ...(request.handlers ? { handlers: request.handlers } : {}),
        pageSize,
        maxPageSize,
        viewerSettings: settingNames(config),
        checkStatement: (sql) => explainProblem(query, sql),
      });
      for (const { file, line, message } of compiled.warnings) log.warn({ file, line }, message);
      for (const { file, line, message } of compiled.notices) log.info({ file, line }, message);
      return { ...compiled, catalog };
    } finally {
      await closeClient(client);
    }
  }
  throw new MeridianError({
    code: 'REGION_UNAVAILABLE',
    message: `No database could be reached to check the schema against (${refusals.join('; ')}); start one or correct its URL.`,
  });
}

function notReady(region: string, error: MeridianError): MeridianError {
  const { fix } = error.details;
  const message = `Region ${region}: ${error.message}${typeof fix === 'string' ? ` ${fix}` : ''}`;
  return new MeridianError({ code: 'DATABASE_NOT_READY', message, details: { region }, cause: error });
}

/** The option's errors were reported when the configuration was read. */
export function settingNames({ options }: Config): readonly string[] {
  const parsed = parseViewerSettings(options.viewerSettings);
  return 'problem' in parsed ? [] : parsed.settings.map(({ name }) => name);
}
