/**
 * Owns loading: flags override the environment, which overrides the file, which overrides the defaults; all errors are
 * reported at once.
 */
import { resolve } from 'node:path';
import { envName, flagName, type Option } from './option.ts';
import { OPTIONS, type Options } from './options.ts';
import { readSettings, type Settings } from './file.ts';
import { configError, nearestName, type Problem } from './problems.ts';
import { parseRegions, REGIONS_VARIABLE, type RegionConfig } from './regions.ts';
import { combinationProblems } from './combinations.ts';
import { needProblems, type Need } from './needs.ts';

export interface Config {
  readonly options: Options;
  /** The region that this server runs in; empty if none was needed or named. */
  readonly region: string;
  readonly regions: readonly RegionConfig[];
  /** One sentence for each unknown name in the environment. */
  readonly warnings: readonly string[];
}

export interface ConfigInput {
  /** Values by option key, as the command line gave them. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Settings given in code, in the form of the file: no file is read in this case. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The folder of `meridian.json` and of relative paths. */
  readonly folder?: string;
  /** What the command requires. */
  readonly needs?: readonly Need[];
}

type OptionKey = keyof typeof OPTIONS;
const KEYS = Object.keys(OPTIONS) as OptionKey[];
/** Paths, which are relative to the file's own folder if they are in a file. */
const PATHS: ReadonlySet<OptionKey> = new Set(['schema', 'resolvers']);
/** If it is set to anything, commands show the stack of a failure. */
export const DEBUG_VARIABLE = 'MERIDIAN_DEBUG';
/** Names in the environment that are not options. */
const OTHER_VARIABLES = [REGIONS_VARIABLE, DEBUG_VARIABLE];

interface Given {
  readonly value: unknown;
  readonly where: string;
  readonly fromFile: boolean;
}

/** Loads and validates the configuration. Throws one `CONFIG_INVALID` that lists every problem. */
export function loadConfig(input: ConfigInput = {}): Config {
  const env = input.env ?? process.env;
  const folder = input.folder ?? process.cwd();
  const problems: Problem[] = [];
  const warnings: string[] = [];
  const asked = givenBefore('config', input.flags ?? {}, env);
  const settings = input.settings
    ? { values: input.settings, where: 'settings', folder }
    : readSettings({ asked: asked && { path: String(asked.value), where: asked.where }, folder });

  if (settings) problems.push(...unknownKeys(settings));
  warnings.push(...unknownVariables(env));
  const options = Object.fromEntries(
    KEYS.map((key) => {
      const given = givenBefore(key, input.flags ?? {}, env) ?? givenInFile(key, settings);
      const value = given ? validated(key, given, problems) : OPTIONS[key].default;
      return [
        key,
        given?.fromFile && PATHS.has(key) && value !== '' ? resolve(settings?.folder ?? folder, String(value)) : value,
      ];
    }),
  ) as unknown as Options;
  const regions = parseRegions({ settings, env, problems, warnings });
  const region = options.region || (regions.length === 1 ? (regions[0]?.name ?? '') : '');
  const complained = new Set(problems.map(({ option }) => option));
  problems.push(
    ...[...combinationProblems(options), ...needProblems(input.needs ?? [], { options, region, regions })].filter(
      ({ option }) => !complained.has(option),
    ),
  );
  if (problems.length > 0) throw configError(problems, warnings);
  return { options, region, regions, warnings };
}

/**
 * The value of a flag or a variable. An empty variable counts as not set: compose files pass on variables that have no
 * value.
 */
function givenBefore(
  key: OptionKey,
  flags: Readonly<Record<string, string | undefined>>,
  env: Readonly<Record<string, string | undefined>>,
): Given | null {
  const flagged = flags[key];
  if (flagged !== undefined) return { value: flagged, where: `flag ${flagName(key)}`, fromFile: false };
  const variable = env[envName(key)];
  return variable ? { value: variable, where: `environment ${envName(key)}`, fromFile: false } : null;
}

function givenInFile(key: OptionKey, settings: Settings | null): Given | null {
  const value = settings && key !== 'config' && Object.hasOwn(settings.values, key) ? settings.values[key] : undefined;
  return settings && value !== undefined ? { value, where: settings.where, fromFile: true } : null;
}

function validated(key: OptionKey, given: Given, problems: Problem[]): unknown {
  const declared: Option<unknown> = OPTIONS[key];
  const parsed = declared.schema.safeParse(given.value);
  if (parsed.success) return parsed.data;
  const message = parsed.error.issues[0]?.message ?? 'is not valid';
  const shown = declared.secret ? '' : `, not ${JSON.stringify(given.value)}`;
  const fallback = declared.default === '' ? 'leave it out' : `leave it out for ${JSON.stringify(declared.default)}`;
  problems.push({ option: key, where: given.where, what: `${message}${shown}`, fix: `correct it, or ${fallback}` });
  return declared.default;
}

function unknownKeys(settings: Settings): Problem[] {
  const known = [...KEYS.filter((key) => key !== 'config'), 'regions'];
  return Object.keys(settings.values)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const meant = nearestName(key, known);
      return {
        option: key,
        where: settings.where,
        what: 'is no option',
        fix: meant ? `did you mean ${meant}` : '`meridian options` lists them all',
      };
    });
}

function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...KEYS.map(envName), ...OTHER_VARIABLES];
  return Object.keys(env)
    .filter((name) => name.startsWith('MERIDIAN_') && !known.includes(name))
    .map((name) => {
      const meant = nearestName(name, known);
      return `${name} (environment) is no option${meant ? `; did you mean ${meant}?` : '; `meridian options` lists them all.'}`;
    });
}
