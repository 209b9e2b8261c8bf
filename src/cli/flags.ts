/** Owns how options become flags of a command, and a command's flags a configuration. */
import { Option as Flag, type Command } from 'commander';
import { flagName, type Option } from '../config/option.ts';
import { OPTIONS } from '../config/options.ts';

/** Groups of options in the order in which help and documentation show them. */
export type OptionGroup = (typeof OPTIONS)[keyof typeof OPTIONS]['group'];

export interface FlagSettings {
  /** Only options of these groups; all without it. */
  readonly groups?: readonly OptionGroup[];
  /** Options that the command has flags of its own for. */
  readonly except?: readonly (keyof typeof OPTIONS)[];
}

/** Adds a flag for every option, with help and default. Secrets have none: other users can read a command line. */
export function registerOptions(command: Command, settings: FlagSettings = {}): Command {
  for (const [key, declared] of Object.entries(OPTIONS) as [keyof typeof OPTIONS, Option<unknown>][]) {
    if (declared.secret || settings.except?.includes(key)) continue;
    if (settings.groups && !settings.groups.includes(declared.group)) continue;
    // The default is shown only: were it set, it would win over the environment and the file.
    const shown = declared.default === '' ? '' : ` (default: ${String(declared.default)})`;
    command.addOption(new Flag(`${flagName(key)} <value>`, declared.help + shown).helpGroup(`Options for ${declared.group}:`));
  }
  return command;
}

/** The flags that were given, by option key, for `loadConfig`. */
export function givenFlags(command: Command): Record<string, string | undefined> {
  const flags = command.opts<Record<string, unknown>>();
  return Object.fromEntries(Object.keys(OPTIONS).map((key) => [key, typeof flags[key] === 'string' ? flags[key] : undefined]));
}
