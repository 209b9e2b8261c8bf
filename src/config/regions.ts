/**
 * Owns how regions are configured: by the file's `regions`, or by MERIDIAN_REGIONS and one set of variables per region.
 */
import { DatabaseUrlError, parseDatabaseUrl } from './database-url.ts';
import { type Settings, isRecord } from './file.ts';
import { nearestName, type Problem } from './problems.ts';

export interface RegionConfig {
  readonly name: string;
  /**
   * Connection string of this region's PostgreSQL, as this process reaches it: a URI or `name=value` pairs, by libpq's
   * grammar.
   */
  readonly databaseUrl: string;
  /** Redis of the region; several URLs, separated by commas, name Sentinels or nodes of a Cluster. */
  readonly redisUrl: string | null;
  /** Base URL of this region's Meridian server, as other regions reach it. */
  readonly serverUrl: string | null;
}

interface RegionSetting {
  readonly key: 'databaseUrl' | 'redisUrl' | 'serverUrl';
  readonly prefix: string;
  /** Empty if the value has its own grammar. */
  readonly schemes: readonly string[];
  /** Whether several values may be given, separated by commas. */
  readonly several?: true;
  /** Only scheme, host and port: Meridian adds its own paths. */
  readonly bare?: true;
  readonly example: string;
  readonly help: string;
}

export const REGION_SETTINGS: readonly RegionSetting[] = [
  {
    key: 'databaseUrl',
    prefix: 'DB_URL_',
    schemes: [],
    example: 'postgres://user:password@host:5432/database',
    help: "PostgreSQL server of the region (primary or replica: roles are discovered), as a connection string of libpq's: docs/connections.md.",
  },
  {
    key: 'redisUrl',
    prefix: 'REDIS_URL_',
    schemes: ['redis', 'rediss'],
    several: true,
    example: 'redis://host:6379',
    help: "Redis of the region; may be left out. Several Sentinels, or nodes of a Cluster, are separated by commas (redisMode); user, password and database are those of the first, and Sentinels' own are given as ?sentinelUser= and &sentinelPassword=.",
  },
  {
    key: 'serverUrl',
    prefix: 'SERVER_URL_',
    schemes: ['http', 'https'],
    bare: true,
    example: 'https://eu.example.com',
    help: 'Meridian server of the region, as other regions reach it: mutations are forwarded there. May be left out.',
  },
];

export const REGIONS_VARIABLE = 'MERIDIAN_REGIONS';
const NAME = /^[A-Za-z0-9][A-Za-z0-9-]{0,62}$/;

/** `eu-west-1` → `EU_WEST_1`, as in `DB_URL_EU_WEST_1`. */
export function variableSuffix(region: string): string {
  return region.replaceAll('-', '_').toUpperCase();
}

export interface RegionsInput {
  readonly settings: Settings | null;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly problems: Problem[];
  readonly warnings: string[];
}

/** Regions in the order in which they are named; what is wrong with them is added to `problems`. */
export function parseRegions(input: RegionsInput): RegionConfig[] {
  const listed = regionNames(input);
  const suffixes = new Map<string, string>();
  const regions: RegionConfig[] = [];
  for (const { name, where } of listed) {
    const complain = (what: string, fix: string): unknown =>
      input.problems.push({ option: `region ${JSON.stringify(name)}`, where, what, fix });
    const twin = suffixes.get(variableSuffix(name));
    if (!NAME.test(name)) complain('is no region name', 'use up to 63 letters, digits and hyphens, as in eu-west-1');
    else if (twin !== undefined)
      complain(
        `has the same name as region ${JSON.stringify(twin)}`,
        'name each region once, and tell them apart by more than case',
      );
    else {
      suffixes.set(variableSuffix(name), name);
      regions.push(parseRegion(name, input));
    }
  }
  warnOfStrangers(input, suffixes);
  return regions;
}

function regionNames({ settings, env, problems }: RegionsInput): { name: string; where: string }[] {
  const fromEnv = env[REGIONS_VARIABLE];
  const inFile = settings?.values['regions'];
  if (inFile !== undefined && !isRecord(inFile)) {
    problems.push({
      option: 'regions',
      where: settings?.where ?? '',
      what: 'must be an object from region name to its settings',
      fix: 'write { "regions": { "eu-west-1": { "databaseUrl": "postgres://…" } } }',
    });
  }
  if (fromEnv)
    return fromEnv
      .split(',')
      .map((name) => name.trim())
      .filter((name) => name !== '')
      .map((name) => ({ name, where: `environment ${REGIONS_VARIABLE}` }));
  return isRecord(inFile) ? Object.keys(inFile).map((name) => ({ name, where: settings?.where ?? '' })) : [];
}

function parseRegion(name: string, input: RegionsInput): RegionConfig {
  const inFile = isRecord(input.settings?.values['regions']) ? input.settings.values['regions'][name] : undefined;
  const fileWhere = `${input.settings?.where ?? ''}: regions.${name}`;
  if (inFile !== undefined && !isRecord(inFile))
    input.problems.push({
      option: `regions.${name}`,
      where: fileWhere,
      what: 'must be an object',
      fix: 'write { "databaseUrl": "postgres://…" }',
    });
  const own = isRecord(inFile) ? inFile : {};
  const keys = REGION_SETTINGS.map((setting) => setting.key as string);
  for (const key of Object.keys(own).filter((key) => !keys.includes(key))) {
    const meant = nearestName(key, keys);
    input.problems.push({
      option: `regions.${name}.${key}`,
      where: fileWhere,
      what: 'is no setting of a region',
      fix: meant ? `did you mean ${meant}` : `use ${keys.join(', ')}`,
    });
  }
  const value = (setting: RegionSetting): string | null => {
    const variable = setting.prefix + variableSuffix(name);
    const fromEnv = input.env[variable];
    const given: unknown = fromEnv || own[setting.key];
    const where = fromEnv ? `environment ${variable}` : fileWhere;
    if (given === undefined || given === null || given === '') {
      if (setting.key !== 'databaseUrl') return null;
      input.problems.push({
        option: `${setting.key} of region ${name}`,
        where: `environment ${variable}`,
        what: 'is missing',
        fix: `set ${variable}, or regions.${name}.${setting.key} in the file, as in ${setting.example}`,
      });
      return null;
    }
    // The value may contain a password, so no message quotes it.
    if (setting.key === 'databaseUrl') {
      const wrong = wrongDatabaseUrl(given);
      if (wrong === null) return given as string;
      input.problems.push({ option: `databaseUrl of region ${name}`, where, ...wrong });
      return null;
    }
    if (typeof given === 'string' && isOf(setting, given)) {
      if (setting.bare !== true || isBare(given)) return given;
      input.problems.push({
        option: `${setting.key} of region ${name}`,
        where,
        what: 'has more than scheme, host and port, which nothing would look at',
        fix: `write it as in ${setting.example}, without path, user or question mark`,
      });
      return null;
    }
    input.problems.push({
      option: `${setting.key} of region ${name}`,
      where,
      what: `is no ${setting.schemes[0]} URL`,
      fix: `write it as in ${setting.example}, with special characters of the password percent-encoded`,
    });
    return null;
  };
  const [databaseUrl, redisUrl, serverUrl] = REGION_SETTINGS.map(value);
  return { name, databaseUrl: databaseUrl ?? '', redisUrl: redisUrl ?? null, serverUrl: serverUrl ?? null };
}

function wrongDatabaseUrl(given: unknown): Pick<Problem, 'what' | 'fix'> | null {
  if (typeof given !== 'string')
    return { what: 'must be text', fix: 'write it as in postgres://user:password@host:5432/database' };
  try {
    parseDatabaseUrl(given);
    return null;
  } catch (error) {
    if (error instanceof DatabaseUrlError) return { what: error.what, fix: error.fix };
    throw error;
  }
}

function isOf({ schemes, several }: RegionSetting, given: string): boolean {
  const urls = several ? given.split(',').map((url) => url.trim()) : [given];
  return urls.every((url) => URL.canParse(url) && schemes.includes(new URL(url).protocol.slice(0, -1)));
}

function isBare(given: string): boolean {
  const { origin, href } = new URL(given);
  return href === `${origin}/`;
}

/** A `DB_URL_…` variable of an unknown region usually means that one of the two names is misspelt. */
function warnOfStrangers({ env, warnings }: RegionsInput, suffixes: ReadonlyMap<string, string>): void {
  if (!env[REGIONS_VARIABLE]) return;
  for (const variable of Object.keys(env)) {
    const setting = REGION_SETTINGS.find(({ prefix }) => variable.startsWith(prefix));
    const suffix = setting && variable.slice(setting.prefix.length);
    if (setting === undefined || suffix === undefined || suffixes.has(suffix)) continue;
    const meant = nearestName(suffix, suffixes.keys());
    warnings.push(
      `${variable} (environment) belongs to no region of ${REGIONS_VARIABLE}${meant ? `; did you mean ${setting.prefix}${meant}?` : '.'}`,
    );
  }
}
