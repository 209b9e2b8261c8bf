/** Owns `meridian options`: every option with its type, default and names, as a table, JSON or documentation. */
import { type Command } from 'commander';
import { optionRows, configurationMarkdown } from '../config/document.ts';
import { table } from './output.ts';

export function registerOptionsCommand(program: Command): void {
  program
    .command('options')
    .description('list every option with its type, default, flag and environment variable')
    .option('--markdown', 'print docs/configuration.md')
    .option('--json', 'print JSON')
    .action((given: { markdown?: boolean; json?: boolean }) => {
      const rows = optionRows();
      if (given.markdown) process.stdout.write(configurationMarkdown());
      else if (given.json) console.log(JSON.stringify(rows, null, 2));
      else
        console.log(
          table([
            ['OPTION', 'DEFAULT', 'ENVIRONMENT', 'FLAG', 'TYPE'],
            ...rows.map((row) => [row.key, row.default, row.variable, row.flag ?? '(secret: no flag)', row.type]),
          ]),
        );
    });
}
