/** Owns the order in which a cluster's databases come up: new ones from nothing, earlier ones from what is there. */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../base/clock.ts';
import { MeridianError } from '../base/errors.ts';
import { type Keeper } from './keeper/keeper.ts';
import { type ClusterOptions } from './options.ts';
import { type Account } from './postgres/account.ts';
import { type BinaryHome } from './postgres/binaries.ts';
import { USER, writeConf, writeWhole } from './postgres/conf.ts';
import { makeDataDir } from './postgres/data-dir.ts';
import { initialise } from './postgres/initialise.ts';
import { Instance } from './postgres/instance.ts';
import { endLeftover } from './postgres/leftover.ts';
import { copyReplicas, ensureSlots, slotName } from './postgres/replica.ts';
import { withSession } from './postgres/session.ts';
import { explained, tailOf } from './problems.ts';
import { type Secrets, type State } from './state.ts';
import { type Wan } from './wan/wan.ts';

const STREAMING_MS = 20_000;
/** A replica of an earlier start that has not found its primary by then is copied anew. */
const RESUMED_STREAMING_MS = 6_000;
const POLL_MS = 20;

export interface BootContext {
  readonly options: ClusterOptions;
  readonly keeper: Keeper;
  readonly account: Account | undefined;
  readonly binaries: BinaryHome;
  readonly dataDir: string;
  readonly logDir: string;
  readonly state: State;
  readonly wan: Wan;
  readonly progress: (sentence: string) => void;
}

export interface Databases {
  readonly secrets: Secrets;
  readonly instances: ReadonlyMap<string, Instance>;
}

export function replicaConf(dataDir: string, region: string): string {
  return join(dataDir, `${region}.conf`);
}

const pgdata = (dataDir: string, region: string): string => join(dataDir, region);

export async function bootDatabases(context: BootContext): Promise<Databases> {
  const { options, dataDir, state, progress } = context;
  const [primary = '', ...replicas] = options.regions;
  for (const region of options.regions) await endLeftover(pgdata(dataDir, region));
  const fresh = await explained(`The data folder ${dataDir}`, () => clearUnlessWhole(context, primary));
  const secrets = await explained(`The data folder ${dataDir}`, () => writeFiles(context));
  const port = options.ports.get(primary)?.postgres ?? 0;
  const dsn = (database: string): string => `postgres://${USER}:${secrets.password}@127.0.0.1:${port}/${encodeURIComponent(database)}`;
  const instances = new Map(options.regions.map((region) => [region, instanceOf(context, region)]));
  if (fresh) await create(context, primary);
  progress(`starting the primary in ${primary}`);
  await start(context, instances, primary);
  if (fresh) {
    await withSession({ dsn: dsn('postgres') }, async (client) => {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(options.database)}`);
      // Dumps of other people's databases name this role as their owner.
      await client.query('CREATE ROLE postgres SUPERUSER NOLOGIN');
    });
    await options.initial.load(dsn(options.database));
  }
  await options.prepare?.(dsn(options.database));
  await withSession({ dsn: dsn('postgres') }, async (client) => {
    await ensureSlots(client, replicas);
    const missing = replicas.filter((region) => !existsSync(join(pgdata(dataDir, region), 'standby.signal')));
    for (const region of missing.filter((name) => existsSync(pgdata(dataDir, name)))) options.onNotice?.(`The database of ${region} was promoted in an earlier run, so it is copied anew from ${primary}.`);
    const copy = async (regions: readonly string[]): Promise<void> => {
      for (const region of regions) rmSync(pgdata(dataDir, region), { recursive: true, force: true });
      await copyReplicas({ ...context, primary: client, primaryDataDir: pgdata(dataDir, primary), targets: regions.map((region) => ({ region, dataDir: pgdata(dataDir, region) })) });
    };
    if (missing.length > 0) progress(`copying the primary to ${missing.join(' and ')}`);
    await explained(`The data folder ${dataDir}`, () => copy(missing));
    progress(`starting ${replicas.length === 1 ? 'the replica' : 'the replicas'} in ${replicas.join(' and ')}`);
    // A replica that cannot go on from its old data does not become ready either, so its start is not waited for alone.
    const absent = async (limitMs: number): Promise<string[]> => {
      const streaming = async (): Promise<string[]> => (await client.query<{ region: string }>(`SELECT application_name AS region FROM pg_stat_replication WHERE state = 'streaming'`)).rows.map((row) => row.region);
      let waiting = [...replicas];
      for (const until = performance.now() + limitMs; waiting.length > 0 && performance.now() < until; ) {
        const found = await streaming();
        waiting = replicas.filter((region) => !found.includes(region));
        if (waiting.length > 0) await sleep(POLL_MS);
      }
      return waiting;
    };
    const resumed = replicas.filter((region) => !missing.includes(region));
    const starting = new Map(replicas.map((region) => [region, settled(start(context, instances, region))]));
    let late = await absent(resumed.length > 0 ? RESUMED_STREAMING_MS : STREAMING_MS);
    const stale = late.filter((region) => resumed.includes(region));
    if (stale.length > 0) {
      options.onNotice?.(`The data of ${stale.join(' and ')} does not continue what ${primary} has, so it is copied anew.`);
      await Promise.all(stale.map((region) => instances.get(region)?.kill('SIGQUIT')));
      await copy(stale);
      for (const region of stale) starting.set(region, settled(start(context, instances, region)));
      late = await absent(STREAMING_MS);
    }
    for (const outcome of await Promise.all(starting.values())) if (outcome.error !== undefined) throw outcome.error;
    if (late.length > 0) {
      const [region = ''] = late;
      throw new MeridianError({ code: 'CLUSTER_START_FAILED', message: `The replica in ${region} did not begin to stream from ${primary}: ${tailOf(logFile(context, region)).trim().split('\n').at(-1) ?? ''}` });
    }
  });
  if (fresh) await explained(`The data folder ${dataDir}`, () => (state.origin = { format: 1, primary, database: options.database, fingerprint: options.initial.fingerprint }));
  return { secrets, instances };
}

/** An outcome to look at later, so that a failure is not an unhandled rejection until then. */
async function settled(work: Promise<void>): Promise<{ readonly error?: unknown }> {
  try {
    await work;
    return {};
  } catch (error) {
    return { error };
  }
}

/** Whether to begin from nothing; if so, nothing is what is there. */
function clearUnlessWhole({ options, dataDir, state }: BootContext, primary: string): boolean {
  const { origin } = state;
  if (origin && !options.reset) {
    if (origin.primary !== primary || origin.database !== options.database) {
      throw new MeridianError({ code: 'CLUSTER_START_FAILED', message: `The data in ${dataDir} was made for database "${origin.database}" with its primary in ${origin.primary}, not "${options.database}" in ${primary}; begin anew with --reset or choose another place with --data.` });
    }
    if (origin.fingerprint !== options.initial.fingerprint) options.onNotice?.(`The SQL files or the scale have changed since the data in ${dataDir} was loaded; --reset loads them anew.`);
    return false;
  }
  const leftovers = readdirSync(dataDir).filter((name) => name !== 'owner.json');
  if (leftovers.length > 0 && !options.reset) options.onNotice?.(`An earlier start in ${dataDir} was not finished, so it begins anew.`);
  for (const name of leftovers) rmSync(join(dataDir, name), { recursive: true, force: true });
  return true;
}

function writeFiles({ options, account, dataDir, state, wan }: BootContext): Secrets {
  const secrets = state.secrets();
  const [primary = ''] = options.regions;
  const passFile = join(dataDir, 'pgpass');
  writeWhole(passFile, `*:*:*:${USER}:${secrets.password}\n`, { account });
  for (const region of options.regions) {
    const port = options.ports.get(region)?.postgres ?? 0;
    const upstream = region === primary ? null : { port: wan.port(region, primary, 'replication'), slot: slotName(region), passFile, region };
    writeConf(dataDir, region, { port, sharedBuffersMb: options.sharedBuffersMb ?? 64, upstream });
  }
  return secrets;
}

async function create(context: BootContext, primary: string): Promise<void> {
  const { dataDir, account, state, progress } = context;
  progress('initialising PostgreSQL');
  const passwordFile = join(dataDir, 'password');
  await explained(`The data folder ${dataDir}`, () => {
    makeDataDir(pgdata(dataDir, primary), account);
    writeWhole(passwordFile, state.secrets().password, { account });
  });
  await initialise({ ...context, dataDir: pgdata(dataDir, primary), passwordFile });
  rmSync(passwordFile);
}

const logFile = ({ logDir }: BootContext, region: string): string => join(logDir, `postgres-${region}.log`);

function instanceOf(context: BootContext, region: string): Instance {
  return new Instance({ ...context, region, dataDir: pgdata(context.dataDir, region), logFile: logFile(context, region) });
}

async function start({ dataDir }: BootContext, instances: ReadonlyMap<string, Instance>, region: string): Promise<void> {
  await instances.get(region)?.start(replicaConf(dataDir, region));
}
