/**
 * Owns a cluster of databases and caches without servers: a bench's own data layer is then the only one in its region,
 * as in life.
 */
import { chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { stacksOf } from '../../src/app/layer.ts';
import { createDataLayer, type DataLayer } from '../../src/index.ts';
import { prepareApplication } from '../../src/dev/application.ts';
import { type Cluster } from '../../src/dev/cluster.ts';
import { startCluster } from '../../src/dev/start.ts';
import { withSession } from '../../src/dev/postgres/session.ts';
import { findRedis } from '../../src/dev/redis/program.ts';
import { sqlFolder } from '../../src/dev/sql/load.ts';
import { secretsIn } from '../../src/dev/state.ts';
import { freePorts } from '../../test/support/ports.ts';

export const APPLICATION = fileURLToPath(new URL('../../schema/workspace', import.meta.url));
export { MAIN } from '../../src/dev/entry.ts';
const FIRST_LIFE_MS = 30_000;
/**
 * A machine that is busy otherwise must not turn the caches off in the middle; and no server writes heartbeats here, of
 * which much would be said.
 */
const UNDISTURBED = { redisMs: 2_000, logLevel: 'error' };

export interface Databases extends AsyncDisposable {
  readonly cluster: Cluster;
}

/**
 * The reference application's databases in these regions, the first one the primary's, each with a Redis where the
 * machine has one. `more`: SQL that follows the application's own, before there are replicas.
 */
export async function startDatabases(regions: readonly string[], wan: 'on' | 'off', more = ''): Promise<Databases> {
  const stateDir = mkdtempSync(join(tmpdir(), 'meridian-bench-'));
  // As root the database runs under another account, which has to pass through.
  chmodSync(stateDir, 0o711);
  const quiet = (): void => undefined;
  const initial = sqlFolder({ folder: APPLICATION, scale: 1, onProgress: quiet, onNotice: quiet });
  const cluster = await startCluster({
    regions,
    database: 'workspace',
    stateDir,
    dataDir: join(stateDir, 'data'),
    ports: await freePorts(regions),
    discard: [stateDir],
    wan: wan === 'off' ? 'off' : {},
    redis: findRedis(),
    initial: {
      fingerprint: `${initial.fingerprint}${more}`,
      load: async (dsn) => {
        await initial.load(dsn);
        if (more !== '') await withSession({ dsn }, async (client) => void (await client.query(more)));
      },
    },
    prepare: async (started) =>
      void (await prepareApplication(
        { cluster: started, secrets: secretsIn(stateDir), schema: APPLICATION, env: {} },
        quiet,
      )),
  });
  return { cluster, [Symbol.asyncDispose]: () => cluster.stop() };
}

export interface BenchLayer extends AsyncDisposable {
  readonly layer: DataLayer;
}

/**
 * The data layer of `region`, with its caches in use unless `cache` is off. `options`: as in the configuration file.
 */
export async function openLayer(
  cluster: Cluster,
  region: string,
  options: Readonly<Record<string, unknown>> = {},
): Promise<BenchLayer> {
  const regions = Object.fromEntries(
    cluster.regions.map(({ name, redis }) => [
      name,
      { databaseUrl: cluster.dsnFor(region, name), ...(redis === null ? {} : { redisUrl: redis.url }) },
    ]),
  );
  const settings = {
    region,
    regions,
    tokenSecret: 'of a bench whose tokens nobody else reads',
    ...UNDISTURBED,
    ...options,
  };
  const layer = await createDataLayer({ settings, schema: APPLICATION });
  const { applied, caching } = stacksOf(layer).change;
  for (
    const until = performance.now() + FIRST_LIFE_MS;
    (options['cache'] === false ? applied.lsn : caching.watermark) === null;
    await new Promise((resolve) => setTimeout(resolve, 20))
  ) {
    if (performance.now() > until) throw new Error(`${region} did not come to life within ${FIRST_LIFE_MS} ms`);
  }
  return { layer, [Symbol.asyncDispose]: () => layer.close() };
}

export interface BenchClient extends AsyncDisposable {
  readonly client: Client;
}

/** A bare connection of the bench's own. */
export async function openClient(url: string): Promise<BenchClient> {
  const client = new Client({ connectionString: url });
  // A server that stops under its clients would else take the process down, and hide what had gone wrong before.
  client.on('error', () => undefined);
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
