/** Owns `meridian dev`: a whole multi-region cluster for the user's schema and SQL, on one machine, until Ctrl-C. */
import { readFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { dirname, resolve } from 'node:path';
import { type Command } from 'commander';
import { MeridianError } from '../../base/errors.ts';
import { DEFAULT_REGIONS } from '../../dev/options.ts';
import { explain } from '../../dev/problems.ts';
import { makeFolders } from '../../dev/postgres/data-dir.ts';
import { requireRegionNames } from '../../dev/region-names.ts';
import { parseWanFile, type WanSettings } from '../../dev/wan/topology.ts';
import { leave } from '../output.ts';

interface Flags {
  readonly schema: string;
  readonly sql: string;
  readonly resolvers?: string;
  readonly federated?: boolean;
  readonly regions: string;
  readonly scale: string;
  readonly wan?: string;
  readonly portsFrom?: string;
  readonly redis: string;
  readonly database: string;
  readonly reset?: boolean;
  readonly data: string;
}

const MAX_SCALE = 1_000;
const MAX_PORT = 65_000;

export function registerDev(program: Command): void {
  program
    .command('dev')
    .description(
      'run your schema and SQL in several regions on this machine: databases, servers and a simulated WAN between them',
    )
    .requiredOption('--schema <folder>', 'folder with the SDL files of the application')
    .requiredOption('--sql <folder>', 'folder with its .sql files: tables and data, loaded in the order of their names')
    .option('--resolvers <file>', 'TypeScript or JavaScript module with custom resolvers')
    .option(
      '--federated',
      'run every folder under <schema>/subgraphs (with its SQL under <sql>/subgraphs) as a subgraph with databases of its own, and a gateway in each region before them',
    )
    .option('--regions <names>', 'regions, separated by commas; the first holds the primary', DEFAULT_REGIONS.join(','))
    .option(
      '--scale <number>',
      "offered to SQL as current_setting('meridian.scale'); the reference application makes that much data",
      '1',
    )
    .option(
      '--wan <file>',
      'round trips between regions: "off" for none, or a JSON file {"us-east-1/eu-west-1": {"rttMs": 80, "jitterMs": 5}, …}; pairs left out keep their default',
    )
    .option(
      '--ports-from <port>',
      'move all ports: GraphQL at port+1, port+2, …, PostgreSQL at port+101, …, Redis at port+201, … (default: GraphQL from 4001, PostgreSQL from 5501, Redis from 6501); with --federated those are the gateways, and each subgraph has its ports ten further up',
    )
    .option(
      '--redis <choice>',
      '"auto" starts a redis-server or valkey-server in each region if this machine has one; "off" does without',
      'auto',
    )
    .option(
      '--database <name>',
      'name of the database, which also keeps the data of several applications apart',
      'workspace',
    )
    .option('--reset', 'throw away the data of an earlier start and load it anew')
    .option('--data <folder>', 'folder for cluster.json, logs and data', '.meridian')
    .action(async (flags: Flags) => {
      const settings = {
        schema: resolve(flags.schema),
        sql: flags.sql,
        federated: flags.federated === true,
        resolvers: flags.resolvers === undefined ? undefined : resolve(flags.resolvers),
        regions: regionsOf(flags.regions),
        scale: numberOf('--scale', flags.scale, { above: 0, max: MAX_SCALE }),
        wan: wanOf(flags.wan),
        portsFrom:
          flags.portsFrom === undefined
            ? undefined
            : numberOf('--ports-from', flags.portsFrom, { above: 1_023, max: MAX_PORT, whole: true }),
        redis: redisOf(flags.redis),
        database: flags.database,
        reset: flags.reset === true,
        stateDir: folderOf(flags.data),
      };
      // Loaded here, so that every other command starts without loading the cluster. What is compiled here is also
      // cached for the servers that are started next.
      enableCompileCache(compiledIn(flags.data));
      const { runDev } = await import('./run.ts');
      await runDev(settings);
      await leave(0);
    });
}

function invalid(message: string): MeridianError {
  return new MeridianError({ code: 'BAD_USER_INPUT', message });
}

/** Created here, because Node retries for ever to create a folder that the system reports as absent (/proc). */
function compiledIn(folder: string): string {
  const compiled = resolve(folder, 'compiled');
  try {
    makeFolders(compiled);
  } catch (error) {
    throw explain(error, `The folder ${resolve(folder)}`);
  }
  return compiled;
}

/** The cluster keeps all its files directly in this folder, so the root of a file system is refused. */
function folderOf(text: string): string {
  const folder = resolve(text);
  if (text.trim() === '' || dirname(folder) === folder)
    throw invalid(`--data ${JSON.stringify(text)} is no folder of its own; name one, as in --data .meridian.`);
  return text;
}

function regionsOf(text: string): string[] {
  const names = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  requireRegionNames(names, '--regions');
  return names;
}

function numberOf(
  flag: string,
  text: string,
  { above, max, whole }: { above: number; max: number; whole?: boolean },
): number {
  const value = Number(text);
  if (text.trim() !== '' && value > above && value <= max && (!whole || Number.isInteger(value))) return value;
  throw invalid(
    `${flag} ${JSON.stringify(text)} is no ${whole ? 'whole ' : ''}number above ${above} and up to ${max}.`,
  );
}

function redisOf(text: string): 'auto' | 'off' {
  if (text === 'auto' || text === 'off') return text;
  throw invalid(`--redis ${JSON.stringify(text)} is neither "auto" nor "off".`);
}

function wanOf(text: string | undefined): WanSettings | 'off' {
  if (text === undefined || text === 'on') return {};
  if (text === 'off') return 'off';
  let content: string;
  try {
    content = readFileSync(text, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw invalid(
        `There is no WAN file ${text}; --wan takes "off" or a JSON file {"us-east-1/eu-west-1": {"rttMs": 80}, …}.`,
      );
    throw explain(error, `The WAN file ${text}`);
  }
  return parseWanFile(content, text);
}
