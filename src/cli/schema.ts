/** Owns `meridian schema`: the whole graph as text, and what a change of it means to clients. */
import { resolve } from 'node:path';
import { Option as Flag, type Command } from 'commander';
import { loadConfig } from '../config/load.ts';
import { givenFlags, registerOptions } from './flags.ts';

interface Given {
  readonly print?: boolean;
  readonly diff?: string;
  readonly federated?: boolean;
  readonly made?: boolean;
  readonly json?: boolean;
}

export function registerSchema(program: Command): void {
  const command = program
    .command('schema')
    .description('print the whole graph, or tell what has changed for clients since it was printed')
    .option('--print', 'print the graph as clients see it, sorted, with the types that are made')
    .addOption(new Flag('--federated', 'with --print: as composers see it, as _service does').implies({ print: true }))
    .addOption(
      new Flag('--made', 'with --print: only the types that are made, for editors and generators of code')
        .implies({ print: true })
        .conflicts('federated'),
    )
    .addOption(
      new Flag(
        '--diff <file>',
        'compare with a file that --print has written; ends with status 1 if clients break',
      ).conflicts(['federated', 'made']),
    )
    .option('--json', 'with --diff: print the changes as JSON')
    .addHelpText('after', '\nReads the SDL alone, and needs no database.');
  registerOptions(command, ['config', 'schema', 'regionHealthField', 'conflictsField']).action(async (given: Given) => {
    if (given.diff === undefined && !given.print) command.error('error: name what to do: --print or --diff <file>');
    if (given.diff !== undefined && given.print) command.error('error: --print and --diff are two things; name one');
    const { options, warnings } = loadConfig({ flags: givenFlags(command) });
    for (const warning of warnings) console.error(warning);
    const { readGraph, clientText, federatedText, madeText } = await import('./schema-text.ts');
    const graph = readGraph(resolve(options.schema), {
      regionHealth: options.regionHealthField,
      conflicts: options.conflictsField,
    });
    if (given.diff === undefined) {
      const text = given.federated ? federatedText(graph) : given.made ? madeText(graph) : clientText(graph);
      process.stdout.write(`${text}\n`);
      return;
    }
    const { changesSince, changesReport } = await import('./schema-diff.ts');
    const changes = await changesSince(resolve(given.diff), graph.typeDefs);
    console.log(given.json ? JSON.stringify(changes, null, 2) : changesReport(changes));
    if (changes.some(({ level }) => level === 'breaking')) process.exitCode = 1;
  });
}
