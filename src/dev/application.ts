/**
 * Owns preparing a cluster for a user's application: the schema is checked and the databases are set up before any
 * server starts.
 */
import { loadConfig } from '../config/load.ts';
import { type Model } from '../model/model.ts';
import { keptTables } from '../postgres/setup/metadata.ts';
import { setupDatabase } from '../postgres/setup/setup.ts';
import { applicationOf, loadModule } from '../app/module.ts';
import { compileSchema, schemaFiles } from '../app/schema.ts';
import { createTelemetry } from '../telemetry/telemetry.ts';
import { type CompiledSchema } from '../schema-compiler/compile.ts';
import { serverEnv, type ServersOptions } from './servers.ts';

/**
 * Compiles the schema against the primary and makes every region's database ready. Throws `SCHEMA_INVALID` with every
 * problem.
 */
export async function prepareApplication(
  options: ServersOptions,
  onNotice: (sentence: string) => void,
): Promise<CompiledSchema> {
  const primary = options.cluster.regions[0]?.name ?? '';
  const config = loadConfig({ env: serverEnv(options, primary), needs: ['regions', 'region'] });
  const { log } = createTelemetry({ level: 'silent', fields: {} });
  const module = await loadModule(config);
  const compile = (): Promise<CompiledSchema> =>
    compileSchema({ config, files: schemaFiles(config), ...applicationOf(module), log });
  const first = await compile();
  const { findings, steps } = await setupDatabase({
    regions: config.regions,
    tables: tablesOf(first.model),
    kept: keptTables(first.model.entities.values()),
    options: config.options,
  });
  // What is cached depends on what was set up just now, so the warnings are compiled again.
  const isTold = first.warnings.length + first.notices.length > 0;
  const compiled = isTold && steps.some(({ changed }) => changed) ? await compile() : first;
  for (const { file, line, message } of [...compiled.warnings, ...compiled.notices])
    onNotice(`${file}:${line}: ${message}`);
  for (const { region, severity, what, fix } of findings)
    if (severity !== 'ok') onNotice(`${region}: ${what}${fix === null ? '' : ` ${fix}`}`);
  return compiled;
}

function tablesOf(model: Model): { schema: string; name: string }[] {
  const tables = [...model.entities.values()].map(({ table }) => table);
  return [...new Map(tables.map((table) => [`${table.schema}\0${table.name}`, table])).values()];
}
