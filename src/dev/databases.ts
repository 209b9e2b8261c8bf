/** Owns the order in which a cluster's databases start: new ones are created, existing ones continue. */
import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { MeridianError } from '../base/errors.ts';
import { confFile, type BootContext } from './boot.ts';
import { DATA_MARKER } from './place.ts';
import { USER, writeConf, writeWhole } from './postgres/conf.ts';
import { makeDataDir } from './postgres/data-dir.ts';
import { initialise } from './postgres/initialise.ts';
import { Instance } from './postgres/instance.ts';
import { endLeftover } from './postgres/leftover.ts';
import { slotName } from './postgres/replica.ts';
import { withSession } from './postgres/session.ts';
import { explained } from './problems.ts';
import { REDIS_FOLDER } from './redis/folder.ts';
import { bringUpReplicas } from './replicas.ts';
import { OWNER_FILE } from './state.ts';

const SHARED_BUFFERS_MB = 64;

export interface Databases {
  readonly password: string;
  readonly instances: ReadonlyMap<string, Instance>;
}

export async function bootDatabases(context: BootContext): Promise<Databases> {
  const { options, dataDir, logDir, state, progress } = context;
  const [primary = '', ...replicas] = options.regions;
  const instances = new Map(
    options.regions.map((region) => [
      region,
      new Instance({
        ...context,
        region,
        dataDir: join(dataDir, region),
        logFile: join(logDir, `postgres-${region}.log`),
      }),
    ]),
  );
  for (const instance of instances.values()) await endLeftover(instance.dataDir);
  const where = `The data folder ${dataDir}`;
  const fresh = await explained(where, () => emptyUnlessWhole(context, primary));
  const password = await explained(where, () => writeFiles(context, primary));
  const dsn = (database: string): string =>
    `postgres://${USER}:${password}@127.0.0.1:${options.ports.get(primary)?.postgres}/${encodeURIComponent(database)}`;
  if (fresh) await create(context, primary, password);
  progress(`starting the primary in ${primary}`);
  await instances.get(primary)?.start(confFile(dataDir, primary));
  if (fresh) {
    await withSession({ dsn: dsn('postgres') }, async (client) => {
      await client.query(`CREATE DATABASE ${client.escapeIdentifier(options.database)}`);
      // Dumps of other databases name this role as their owner.
      await client.query('CREATE ROLE postgres SUPERUSER NOLOGIN');
    });
    await options.initial.load(dsn(options.database));
  }
  await withSession({ dsn: dsn('postgres') }, (client) =>
    bringUpReplicas({ context, client, primary, replicas, instances }),
  );
  if (fresh)
    await explained(
      where,
      () =>
        (state.origin = { format: 1, primary, database: options.database, fingerprint: options.initial.fingerprint }),
    );
  return { password, instances };
}

/** Whether to begin with empty data; in this case the existing data is removed. */
function emptyUnlessWhole({ options, dataDir, state }: BootContext, primary: string): boolean {
  const { origin } = state;
  if (origin && !options.reset) {
    if (origin.primary !== primary || origin.database !== options.database) {
      throw new MeridianError({
        code: 'CLUSTER_START_FAILED',
        message: `The data in ${dataDir} was made for database "${origin.database}" with its primary in ${origin.primary}, not "${options.database}" in ${primary}; start again with --reset or choose another place with --data.`,
      });
    }
    if (origin.fingerprint !== options.initial.fingerprint)
      options.onNotice?.(
        `The SQL files or the scale have changed since the data in ${dataDir} was loaded; --reset loads them anew.`,
      );
    return false;
  }
  const leftovers = readdirSync(dataDir).filter((name) => ![OWNER_FILE, DATA_MARKER, REDIS_FOLDER].includes(name));
  if (leftovers.length > 0 && !options.reset)
    options.onNotice?.(`An earlier start in ${dataDir} was not finished, so it is started from the beginning.`);
  for (const name of leftovers) rmSync(join(dataDir, name), { recursive: true, force: true });
  return true;
}

/**
 * Every file besides the data that the servers read, written again at every start; returns the superuser's password.
 */
function writeFiles({ options, account, dataDir, state, wan }: BootContext, primary: string): string {
  const password = state.password();
  const passFile = join(dataDir, 'pgpass');
  writeWhole(passFile, `*:*:*:${USER}:${password}\n`, { account });
  for (const [region, ports] of options.ports) {
    const upstream =
      region === primary
        ? null
        : { port: wan.port(region, primary, 'replication'), slot: slotName(region), passFile, region };
    writeConf(confFile(dataDir, region), {
      port: ports.postgres,
      sharedBuffersMb: options.sharedBuffersMb ?? SHARED_BUFFERS_MB,
      upstream,
    });
  }
  return password;
}

async function create(context: BootContext, primary: string, password: string): Promise<void> {
  const { dataDir, account, progress } = context;
  progress('initialising PostgreSQL');
  const passwordFile = join(dataDir, 'password');
  await explained(`The data folder ${dataDir}`, () => {
    makeDataDir(join(dataDir, primary), account);
    writeWhole(passwordFile, password, { account });
  });
  await initialise({ ...context, dataDir: join(dataDir, primary), passwordFile });
  rmSync(passwordFile);
}
