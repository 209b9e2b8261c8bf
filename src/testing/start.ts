/**
 * Owns the start of test regions. Their servers are processes of their own, as in production: the test's fake timers,
 * mocked modules and a blocked event loop do not affect them, and a supervisor ends them when the test's process ends.
 */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { MeridianError } from '../base/errors.ts';
import { prepareApplication } from '../dev/application.ts';
import { freePorts } from '../dev/free-ports.ts';
import { InitialRows } from '../dev/initial-rows.ts';
import { explained } from '../dev/problems.ts';
import { findRedis, type RedisProgram } from '../dev/redis/program.ts';
import { RegionServer, type ServersOptions } from '../dev/servers.ts';
import { sqlFolder } from '../dev/sql/load.ts';
import { startCluster } from '../dev/start.ts';
import { secretsIn } from '../dev/state.ts';
import { readSdlFolder } from '../schema-compiler/files.ts';
import { checkedOptions, type CheckedOptions, type TestRegionsOptions } from './options.ts';
import { handleOf, type TestRegions } from './regions.ts';

const DATABASE = 'test';
const SHARED_BUFFERS_MB = 32;
/** A test that stops its regions has its answers. */
const DRAIN_MS = 500;
const BEARER_LASTS = '1h';
/** What a developer's shell says about other servers. */
const OTHERS = /^(MERIDIAN_|DB_URL_|SERVER_URL_|REDIS_URL_)/;

/**
 * Starts a real primary, streaming replicas, a Redis and a Meridian server in each region for the application's schema
 * and SQL. Resolves when every server is ready to answer.
 *
 * Throws `BAD_USER_INPUT` or `CONFIG_INVALID` (what was given), `SCHEMA_INVALID` (every problem of the schema) or
 * `CLUSTER_START_FAILED` (the machine, a file of SQL, a server with the end of its log); nothing is left running then.
 */
export async function startTestRegions(given: TestRegionsOptions): Promise<TestRegions> {
  const checked = checkedOptions(given);
  const log = given.log ?? ((): void => undefined);
  const schema = resolve(given.schema);
  readSdlFolder(schema);
  const initial = sqlFolder({ folder: resolve(given.sql), scale: given.scale ?? 1, onProgress: log, onNotice: log });
  const redis = redisFor(given);
  const stateDir = await explained(`The folder ${tmpdir()}`, () => mkdtempSync(join(tmpdir(), 'meridian-testing-')));
  // As root the database runs under another account, which has to pass through.
  chmodSync(stateDir, 0o711);
  let parts: { readonly options: ServersOptions; readonly rows: InitialRows } | undefined;
  try {
    const cluster = await startCluster({
      regions: checked.regions,
      database: DATABASE,
      stateDir,
      dataDir: join(stateDir, 'data'),
      ports: await freePorts(checked.regions),
      wan: given.wan ?? 'off',
      redis,
      // Also when the test's process is killed.
      discard: [stateDir],
      discardData: true,
      sharedBuffersMb: SHARED_BUFFERS_MB,
      initial,
      onProgress: log,
      onNotice: log,
      prepare: async (started) => {
        log('checking the schema and setting up the databases');
        const options: ServersOptions = {
          cluster: started,
          secrets: secretsOf(checked, stateDir),
          schema,
          resolvers: given.resolvers === undefined ? undefined : resolve(given.resolvers),
          env: environment(given, stateDir),
        };
        await prepareApplication(options, log);
        parts = { options, rows: await InitialRows.keep(started.regions[0]?.dsn ?? '') };
      },
    });
    try {
      if (!parts) throw new RangeError('the application was not prepared');
      const { options, rows } = parts;
      log(`starting the servers of ${checked.regions.join(', ')}`);
      const servers = cluster.regions.map(({ name }) => new RegionServer(options, name));
      await Promise.all(servers.map((server) => server.start()));
      const sign = { secret: options.secrets.jwtSecret, expires: BEARER_LASTS, claims: checked.server };
      return handleOf({ cluster, servers, rows, sign, waitMs: checked.waitMs, wan: given.wan ?? 'off' });
    } catch (error) {
      await cluster.stop();
      throw error;
    }
  } catch (error) {
    rmSync(stateDir, { recursive: true, force: true });
    throw error;
  }
}

function redisFor({ redis = 'auto' }: TestRegionsOptions): RedisProgram | null {
  const found = redis === 'off' ? null : findRedis();
  if (found === null && redis === 'required')
    throw new MeridianError({
      code: 'CLUSTER_START_FAILED',
      message:
        'This machine has no redis-server (6.2 or later) and no valkey-server in PATH; install one, as by "apt-get install redis-server", or leave out redis: \'required\'.',
    });
  return found;
}

function secretsOf(
  { server: { jwtSecret, tokenSecret } }: CheckedOptions,
  stateDir: string,
): ServersOptions['secrets'] {
  const made = secretsIn(stateDir);
  return { jwtSecret: jwtSecret || made.jwtSecret, tokenSecret: tokenSecret || made.tokenSecret };
}

/** Of the servers: the test's own, without what it says of other servers, and with a file of the given options. */
function environment({ options = {} }: TestRegionsOptions, stateDir: string): NodeJS.ProcessEnv {
  const file = join(stateDir, 'meridian.json');
  writeFileSync(file, JSON.stringify(options));
  const { drainMs = DRAIN_MS, drainDelayMs = 0 } = options as { drainMs?: unknown; drainDelayMs?: unknown };
  return {
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => !OTHERS.test(name))),
    // The file of the folder that the test runs in is for other servers, too.
    MERIDIAN_CONFIG: file,
    MERIDIAN_DRAIN_MS: String(drainMs),
    MERIDIAN_DRAIN_DELAY_MS: String(drainDelayMs),
  };
}
