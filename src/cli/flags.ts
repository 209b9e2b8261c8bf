/** Owns how options become flags of a command, and a command's flags a configuration. */
import { Option as Flag, type Command } from 'commander';
import { flagName, type Option } from '../config/option.ts';
import { OPTIONS } from '../config/options.ts';

type OptionKey = keyof typeof OPTIONS;

/** Options that matter to looking at a database and its schema. */
export const READINESS_OPTIONS = [
  'config',
  'schema',
  'resolvers',
  'slotName',
  'publication',
  'slotCreateMs',
  'connectMs',
  'statementMs',
] as const satisfies readonly OptionKey[];

/**
 * Adds a flag for every option, or only for those in `only`, with help and default. Secrets have no flag: other users
 * of the machine can read command lines.
 */
export function registerOptions(command: Command, only?: readonly OptionKey[]): Command {
  for (const [key, declared] of Object.entries(OPTIONS) as [OptionKey, Option<unknown>][]) {
    if (declared.secret || (only && !only.includes(key))) continue;
    // The default is only displayed: if it were set, it would override the environment and the file.
    const shown = declared.default === '' ? '' : ` (default: ${String(declared.default)})`;
    command.addOption(
      new Flag(`${flagName(key)} <value>`, declared.help + shown).helpGroup(`Options for ${declared.group}:`),
    );
  }
  return command;
}

/** A flag that may be repeated, for commander's `option`. */
export function repeated(value: string, values: readonly string[] = []): readonly string[] {
  return [...values, value];
}

/** The flags that were given, by option key, for `loadConfig`. */
export function givenFlags(command: Command): Record<string, string | undefined> {
  const flags = command.opts<Record<string, unknown>>();
  return Object.fromEntries(
    Object.keys(OPTIONS).map((key) => [key, typeof flags[key] === 'string' ? flags[key] : undefined]),
  );
}
