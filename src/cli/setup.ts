/** Owns `meridian setup`: prepares databases; it can be run repeatedly. */
import { type Command } from 'commander';
import { MeridianError } from '../base/errors.ts';
import { loadConfig } from '../config/load.ts';
import { givenFlags, READINESS_OPTIONS, registerOptions, repeated } from './flags.ts';
import { table } from './output.ts';

interface SetupFlags {
  readonly json?: boolean;
  readonly alterSystem?: boolean;
  readonly role?: string;
  readonly tablesOf?: readonly string[];
}

export function registerSetup(program: Command): void {
  const command = program
    .command('setup')
    .description(
      'make the databases ready: event triggers, what writing keeps, publication, replica identity, slots, and rights and settings if asked',
    )
    .option('--role <role>', 'give this role what servers need; use it when you set up as another one')
    .option('--alter-system', 'also write settings with ALTER SYSTEM; some count after a restart only')
    .option(
      '--tables-of <schema>',
      'database schema whose tables are all published where the SDL maps none; may be repeated (default: public)',
      repeated,
    )
    .option('--json', 'print what was done and the findings as JSON')
    .addHelpText('after', '\nDoing it again changes nothing more. Ends with status 1 when something is left to fix.');
  registerOptions(command, READINESS_OPTIONS).action(async (given: SetupFlags) => {
    const config = loadConfig({ flags: givenFlags(command), needs: ['regions'] });
    const [{ setupDatabase }, { findingsReport, hasErrors, mappedTables }] = await Promise.all([
      import('../postgres/setup/setup.ts'),
      import('./readiness.ts'),
    ]);
    for (const warning of config.warnings) console.error(warning);
    const mapped = await mappedTables(config);
    if (hasErrors(mapped.findings)) {
      // The mapped tables are not known in this case, and setting up other tables would be hard to undo.
      throw new MeridianError({
        code: 'SCHEMA_INVALID',
        message: `Nothing was changed, since the schema does not fit the database:\n${findingsReport(mapped.findings)}`,
      });
    }
    const result = await setupDatabase({
      regions: config.regions,
      tables: mapped.tables,
      kept: mapped.kept,
      durabilities: mapped.durabilities,
      options: config.options,
      ...(given.tablesOf ? { schemas: given.tablesOf } : {}),
      ...(given.role === undefined ? {} : { role: given.role }),
      ...(given.alterSystem ? { alterSystem: true } : {}),
    });
    // The schema's warnings about caching depend on what was set up just now.
    const schema = result.steps.some(({ changed }) => changed) ? await mappedTables(config) : mapped;
    const findings = [...result.findings, ...schema.findings];
    if (given.json) console.log(JSON.stringify({ ...result, findings }, null, 2));
    else {
      console.log(
        table([
          ['REGION', 'STEP', 'WHAT'],
          ...result.steps.map(({ region, changed, what }) => [region, changed ? 'done' : 'as it was', what]),
        ]),
      );
      if (result.restart.length > 0)
        console.log(
          `\nRestart the databases of ${result.restart.join(', ')}, then run this again: settings were changed that count after a restart only.`,
        );
      console.log(`\n${findingsReport(findings)}`);
    }
    if (hasErrors(findings)) process.exitCode = 1;
  });
}
