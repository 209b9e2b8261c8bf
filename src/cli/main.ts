#!/usr/bin/env node
/** Owns the command line: its commands, its help, and exit after failures. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { DEBUG_VARIABLE } from '../config/load.ts';
import { registerDev } from './dev/command.ts';
import { registerCheck } from './check.ts';
import { registerOptionsCommand } from './options.ts';
import { failureText, leave } from './output.ts';
import { registerSchema } from './schema.ts';
import { registerPull } from './pull.ts';
import { registerSetup } from './setup.ts';
import { registerStart } from './start.ts';
import { registerToken } from './token.ts';
import { registerWan } from './wan.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

const program = new Command('meridian')
  .description('The multi-region data layer for GraphQL federation on PostgreSQL.')
  .version(version)
  .option('--verbose', 'show the stack of what went wrong')
  .showHelpAfterError('(--help shows what there is)');

registerDev(program);
registerWan(program);
registerStart(program);
registerCheck(program);
registerSchema(program);
registerPull(program);
registerSetup(program);
registerToken(program);
registerOptionsCommand(program);

try {
  await program.parseAsync();
} catch (error) {
  const debug = process.env[DEBUG_VARIABLE] !== undefined || program.opts<{ verbose?: boolean }>().verbose === true;
  console.error(failureText(error, debug));
  await leave(1);
}
