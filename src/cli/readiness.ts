/** Owns what `check` and `setup` share: the tables that the schema maps, and how findings are printed. */
import { existsSync } from 'node:fs';
import { isMeridianError } from '../base/errors.ts';
import { type Config } from '../config/load.ts';
import { type Problem } from '../schema-compiler/problems.ts';
import { tableKey } from '../model/catalog.ts';
import { type Durability, type Table } from '../model/model.ts';
import { keptTables, type KeptTable } from '../postgres/setup/metadata.ts';
import { type Finding } from '../postgres/check/finding.ts';
import { applicationOf, loadModule } from '../app/module.ts';
import { compileSchema, schemaFiles } from '../app/schema.ts';
import { silentTelemetry } from '../telemetry/telemetry.ts';
import { table } from './output.ts';

export interface MappedTables {
  readonly tables: readonly Table[];
  /** Those of them whose older versions are kept. */
  readonly kept: readonly KeptTable[];
  /** The durability levels that mutations ask for. */
  readonly durabilities: ReadonlySet<Durability>;
  /** Findings about the schema itself. */
  readonly findings: readonly Finding[];
}

/** The place of a finding that concerns the schema and not a region's server. */
const SCHEMA = 'schema';

/** Checks the schema against the live catalog. Problems become findings, and nothing is thrown. */
export async function mappedTables(config: Config): Promise<MappedTables> {
  const folder = config.options.schema;
  if (!existsSync(folder)) {
    return {
      tables: [],
      kept: [],
      durabilities: new Set(),
      findings: [
        finding(
          'warn',
          `There is no folder ${folder}, so no table is known to be mapped.`,
          'Name the folder of the SDL with --schema.',
        ),
      ],
    };
  }
  try {
    const compiled = await compileSchema({
      config,
      files: schemaFiles(config),
      ...applicationOf(await loadModule(config)),
      log: silentTelemetry().log,
    });
    const tables = new Map(
      [...compiled.model.entities.values()].map((entity) => [tableKey(entity.table), entity.table]),
    );
    const warnings = compiled.warnings.map((problem) => spoken('warn', problem));
    return {
      tables: [...tables.values()],
      kept: keptTables(compiled.model.entities.values()),
      durabilities: compiled.durabilities,
      findings:
        warnings.length > 0
          ? warnings
          : [finding('ok', `The schema fits the database: ${compiled.model.entities.size} entities.`)],
    };
  } catch (error) {
    // No region answers; each region's own finding reports this.
    if (isMeridianError(error, 'REGION_UNAVAILABLE'))
      return { tables: [], kept: [], durabilities: new Set(), findings: [] };
    if (!isMeridianError(error, 'SCHEMA_INVALID')) throw error;
    const { problems } = error.details as { problems?: readonly Problem[] };
    return {
      tables: [],
      kept: [],
      durabilities: new Set(),
      findings: problems?.map((problem) => spoken('error', problem)) ?? [finding('error', error.message)],
    };
  }
}

function finding(severity: Finding['severity'], what: string, fix: string | null = null): Finding {
  return { region: SCHEMA, severity, what, fix };
}

function spoken(severity: Finding['severity'], { file, line, message }: Problem): Finding {
  return finding(severity, `${file}:${line} ${message}`);
}

/** A table with each finding's fix below it, and a summary. */
export function findingsReport(findings: readonly Finding[]): string {
  const rows = findings.flatMap(({ region, severity, what, fix }) => [
    [region, severity, what],
    ...(fix === null ? [] : [['', '', `→ ${fix}`]]),
  ]);
  const count = (severity: Finding['severity'], noun: string): string => {
    const found = findings.filter((one) => one.severity === severity).length;
    return `${found} ${noun}${found === 1 ? '' : 's'}`;
  };
  const verdict = hasErrors(findings) ? 'Not ready' : 'Ready';
  return `${table([['REGION', 'STATUS', 'WHAT'], ...rows])}\n\n${verdict}: ${count('error', 'error')}, ${count('warn', 'warning')}.`;
}

export function hasErrors(findings: readonly Finding[]): boolean {
  return findings.some(({ severity }) => severity === 'error');
}
