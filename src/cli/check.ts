/** Owns `meridian check`: whether databases and schema are ready, and what to do where they are not. */
import { type Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { givenFlags, READINESS_OPTIONS, registerOptions } from './flags.ts';

export function registerCheck(program: Command): void {
  const command = program
    .command('check')
    .description("tell whether each region's database is ready, and what to do where it is not")
    .option('--json', 'print the findings as JSON')
    .addHelpText('after', '\nChanges nothing. Ends with status 1 when something must be fixed.');
  registerOptions(command, READINESS_OPTIONS).action(async (given: { json?: boolean }) => {
    const config = loadConfig({ flags: givenFlags(command), needs: ['regions'] });
    const [{ checkDatabase }, { findingsReport, hasErrors, mappedTables }] = await Promise.all([
      import('../postgres/check/check.ts'),
      import('./readiness.ts'),
    ]);
    for (const warning of config.warnings) console.error(warning);
    const mapped = await mappedTables(config);
    const findings = [
      ...(await checkDatabase({
        regions: config.regions,
        tables: mapped.tables,
        kept: mapped.kept,
        durabilities: mapped.durabilities,
        options: config.options,
      })),
      ...mapped.findings,
    ];
    console.log(given.json ? JSON.stringify(findings, null, 2) : findingsReport(findings));
    if (hasErrors(findings)) process.exitCode = 1;
  });
}
