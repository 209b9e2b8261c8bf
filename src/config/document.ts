/** Owns the description of the configuration, generated from the declarations: rows for programs, a page for people. */
import { envName, flagName, type Option } from './option.ts';
import { OPTIONS } from './options.ts';
import { REGION_SETTINGS, REGIONS_VARIABLE, variableSuffix } from './regions.ts';
import { DEFAULT_FILE } from './file.ts';

export interface OptionRow {
  readonly key: string;
  readonly group: string;
  readonly type: string;
  /** As text; empty where there is none. */
  readonly default: string;
  readonly help: string;
  readonly variable: string;
  /** Null for secrets. */
  readonly flag: string | null;
}

/** Every option, group by group. */
export function optionRows(): OptionRow[] {
  const rows = (Object.entries(OPTIONS) as [string, Option<unknown>][]).map(([key, declared]) => ({
    key,
    group: declared.group,
    type: declared.schema.description ?? 'text',
    default: String(declared.default),
    help: declared.help,
    variable: envName(key),
    flag: declared.secret ? null : flagName(key),
  }));
  const groups = [...new Set(rows.map(({ group }) => group))];
  return groups.flatMap((group) => rows.filter((row) => row.group === group));
}

const EXAMPLE_REGIONS = ['us-east-1', 'eu-west-1'];

/** The page `docs/configuration.md`. */
export function configurationMarkdown(): string {
  const rows = optionRows();
  const groups = [...new Set(rows.map(({ group }) => group))];
  return [
    '# Configuration',
    '',
    'This page is made from the declarations in `src/config` by `npm run docs`; change it there.',
    '',
    `An option is given as a flag, in the environment, or in a JSON file (\`--config FILE\`, or \`${DEFAULT_FILE}\` in the current folder). A flag wins over the environment, the environment over the file, the file over the default. Everything that is wrong with a configuration is reported at once. Options marked *secret* have no flag, since every user of a machine can read its command lines; their values are never printed.`,
    '',
    ...regionsSection(),
    ...productionSection(),
    ...groups.flatMap((group) => [
      `## Options for ${group}`,
      '',
      '| option | type | default | environment | what it is |',
      '|---|---|---|---|---|',
      ...rows.filter((row) => row.group === group).map(rowLine),
      '',
    ]),
  ].join('\n');
}

function rowLine(row: OptionRow): string {
  const cell = (text: string): string => text.replaceAll('|', '\\|');
  const name = row.flag === null ? `\`${row.key}\` (*secret*)` : `\`${row.key}\`<br>\`${row.flag}\``;
  return `| ${name} | ${cell(row.type)} | ${row.default === '' ? '–' : `\`${row.default}\``} | \`${row.variable}\` | ${cell(row.help)} |`;
}

function regionsSection(): string[] {
  const [first, second] = EXAMPLE_REGIONS as [string, string];
  const example = {
    region: second,
    regions: Object.fromEntries(
      EXAMPLE_REGIONS.map((name) => [name, { databaseUrl: `postgres://meridian@db.${name}.example.com:5432/app` }]),
    ),
    maxWaitMs: 1_000,
  };
  return [
    '## Regions',
    '',
    'Which server is the primary is discovered, never configured. In the environment:',
    '',
    '```sh',
    `${REGIONS_VARIABLE}=${EXAMPLE_REGIONS.join(',')}`,
    `${envName('region')}=${second}`,
    ...EXAMPLE_REGIONS.map(
      (name) => `DB_URL_${variableSuffix(name)}=postgres://meridian:…@db.${name}.example.com:5432/app`,
    ),
    '```',
    '',
    'or in the file, where the environment may add what is secret:',
    '',
    '```json',
    JSON.stringify(example, null, 2),
    '```',
    '',
    '| in the file | in the environment | what it is |',
    '|---|---|---|',
    ...REGION_SETTINGS.map(
      ({ key, prefix, help }) =>
        `| \`regions.<name>.${key}\` | \`${prefix}<NAME>\`, as in \`${prefix}${variableSuffix(first)}\` | ${help} |`,
    ),
    '',
  ];
}

function productionSection(): string[] {
  return [
    '## Who is asking',
    '',
    'With `auth: jwt` the viewer comes from the bearer token: its `sub` is the id, `tenantClaim` and `rolesClaim` hold the rest. HS256 tokens are verified with `jwtSecret`, tokens of asymmetric algorithms with the keys at `jwksUrl`. A request without an Authorization header is anonymous; one whose token does not hold is refused with `UNAUTHENTICATED`. With `auth: hook` the function `viewer({ headers })` that the resolvers module exports answers `{ id, tenant, roles }` or null instead; in a process of your own, the `viewer` hook of `createServer` does. A function `isAdmin(viewer)` beside it decides who may see `regionHealth`. With `auth: none` and no hook everyone is anonymous and nobody has `adminRole`, so that `regionHealth` is closed.',
    '',
    '`meridian start` refuses to start without a way to know the viewer (unless told `auth: none`) and without `tokenSecret`.',
    '',
    '## Endpoints',
    '',
    'GraphQL is at `/graphql`. `/health/live`, `/health/ready`, `/metrics` and `/forward`, where the servers of other regions send mutations, are on the same port: keep them from the public at the load balancer.',
    '',
  ];
}
