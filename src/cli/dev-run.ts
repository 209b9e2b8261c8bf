/** Owns a development cluster's life: start, what is printed when it is ready, restarts, and its end. */
import { flushCompileCache, getCompileCacheDir } from 'node:module';
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SignJWT } from 'jose';
import { MeridianError } from '../base/errors.ts';
import { prepareApplication } from '../cluster/application.ts';
import { startCluster, type Cluster } from '../cluster/cluster.ts';
import { examplesFor } from '../cluster/examples.ts';
import { manifestPath, removeManifest, writeManifest, type Manifest } from '../cluster/manifest.ts';
import { portsOf } from '../cluster/ports.ts';
import { findRedis } from '../cluster/redis/program.ts';
import { RegionServer, supervise, type ServersOptions } from '../cluster/servers.ts';
import { sqlFolder } from '../cluster/sql/load.ts';
import { secretsIn } from '../cluster/state.ts';
import { type WanSettings } from '../cluster/wan/topology.ts';
import { type CompiledSchema } from '../graphql/sdl/compile.ts';
import { readSdlFolder } from '../graphql/sdl/files.ts';
import { cachingOf, overview } from './dev-overview.ts';
import { watchLauncher } from './launcher.ts';

export interface DevSettings {
  readonly schema: string;
  readonly sql: string;
  readonly resolvers: string | undefined;
  readonly regions: readonly string[];
  readonly scale: number;
  readonly wan: WanSettings | 'off';
  readonly portsFrom: number | undefined;
  readonly redis: 'auto' | 'off';
  readonly database: string;
  readonly reset: boolean;
  readonly stateDir: string;
}

const ADMIN_TOKEN_LASTS = '10y';
const MAIN = fileURLToPath(new URL(import.meta.url.endsWith('.ts') ? './main.ts' : './main.js', import.meta.url));

/** Runs until a signal; throws when the cluster cannot start or is lost. Nothing is left running either way. */
export async function runDev(settings: DevSettings): Promise<void> {
  const began = performance.now();
  const say = (sentence: string): void => console.error(`${((performance.now() - began) / 1_000).toFixed(1).padStart(5)} s  ${sentence}`);
  const stopping = new AbortController();
  const unwatch = stopOnSignals(stopping, say);
  try {
    await run(settings, stopping.signal, say);
  } catch (error) {
    // What fails because it is being stopped is no failure.
    if (!stopping.signal.aborted) throw error;
  } finally {
    stopping.abort();
    unwatch();
  }
}

async function run(settings: DevSettings, stopping: AbortSignal, say: (sentence: string) => void): Promise<void> {
  const stateDir = resolve(settings.stateDir);
  // Read first: what is wrong with the files is told before anything is started.
  readSdlFolder(settings.schema);
  const initial = sqlFolder({ folder: settings.sql, scale: settings.scale, onProgress: say, onNotice: say });
  const redis = settings.redis === 'off' ? null : findRedis();
  let application: { readonly compiled: CompiledSchema; readonly options: ServersOptions } | undefined;
  const cluster = await startCluster({
    regions: settings.regions,
    database: settings.database,
    stateDir,
    dataDir: resolve(stateDir, 'data', settings.database),
    ports: portsOf(settings.regions, settings.portsFrom),
    wan: settings.wan,
    redis,
    initial: { ...initial, load: async (dsn) => void (await Promise.all([initial.load(dsn), warmUp()])) },
    reset: settings.reset,
    discard: [manifestPath(stateDir)],
    signal: stopping,
    onProgress: say,
    onNotice: say,
    prepare: async (started) => {
      say('checking the schema and setting up the databases');
      const env = { NODE_COMPILE_CACHE: getCompileCacheDir(), ...process.env };
      const options = { cluster: started, secrets: secretsIn(stateDir), main: MAIN, schema: settings.schema, resolvers: settings.resolvers, env };
      application = { options, compiled: await prepareApplication(options, say) };
    },
  });
  try {
    if (application) await serve({ cluster, caching: cachingOf(cluster.regions, settings.redis, redis), stateDir, stopping, say, ...application });
  } finally {
    removeManifest(stateDir);
    await cluster.stop();
  }
}

/** Compiles what the servers consist of while the databases are made, so that not each of them has to. */
async function warmUp(): Promise<void> {
  await import('../runtime/start.ts');
  flushCompileCache();
}

interface Serving {
  readonly cluster: Cluster;
  readonly caching: string;
  readonly stateDir: string;
  readonly stopping: AbortSignal;
  readonly say: (sentence: string) => void;
  readonly compiled: CompiledSchema;
  readonly options: ServersOptions;
}

/** Until `stopping`: then the servers finish what they are answering, before their databases go. */
async function serve(serving: Serving): Promise<void> {
  const { cluster, stopping, options } = serving;
  const servers = new Map(cluster.regions.map(({ name }) => [name, new RegionServer(options, name)]));
  const stopServers = async (): Promise<void> => void (await Promise.all([...servers.values()].map((server) => server.stop())));
  const stopped = new Promise<null>((done) => stopping.addEventListener('abort', () => done(null), { once: true }));
  stopping.addEventListener('abort', () => void stopServers(), { once: true });
  try {
    if (stopping.aborted) return;
    await open(serving, servers);
    const lost = await Promise.race([cluster.lost, stopped]);
    if (lost !== null) throw new MeridianError({ code: 'CLUSTER_START_FAILED', message: lost });
  } finally {
    await stopServers();
  }
}

async function open({ cluster, caching, stateDir, stopping, say, compiled, options }: Serving, servers: ReadonlyMap<string, RegionServer>): Promise<void> {
  say(`starting the servers of ${cluster.regions.map(({ name }) => name).join(', ')}`);
  await Promise.all([...servers.values()].map((server) => server.start()));
  const adminToken = await signAdmin(options.secrets.jwtSecret);
  const publish = (): void => {
    if (!stopping.aborted) writeManifest(stateDir, manifestOf(cluster, servers, adminToken));
  };
  publish();
  const manifest = relative(process.cwd(), manifestPath(stateDir));
  const examples = await examplesFor({ cluster, compiled, manifest });
  console.log(await overview({ cluster, caching, adminToken, examples }));
  say('ready; Ctrl-C stops everything');
  const supervision = { onNotice: say, onChange: publish, stopping };
  for (const region of cluster.regions) {
    const server = servers.get(region.name);
    if (server) void supervise({ what: `The server of ${region.name}`, ended: () => server.ended(), start: () => server.start() }, supervision);
    void supervise({ what: `PostgreSQL of ${region.name}`, ended: () => region.postgres.ended(), start: () => cluster.startPostgres(region.name) }, supervision);
    const { redis } = region;
    if (redis !== null) void supervise({ what: `Redis of ${region.name}`, ended: () => redis.ended(), start: () => redis.start() }, supervision);
  }
}

function signAdmin(jwtSecret: string): Promise<string> {
  const jwt = new SignJWT({ roles: ['admin'] }).setProtectedHeader({ alg: 'HS256', typ: 'JWT' }).setSubject('admin').setIssuedAt().setExpirationTime(ADMIN_TOKEN_LASTS);
  return jwt.sign(new TextEncoder().encode(jwtSecret));
}

function manifestOf(cluster: Cluster, servers: ReadonlyMap<string, RegionServer>, adminToken: string): Manifest {
  return {
    regions: cluster.regions.map(({ name, role, dsn, postgres, redis }) => ({
      name, role,
      graphql: `${cluster.urlFor(name, name)}/graphql`,
      postgres: dsn,
      redis: redis?.url ?? null,
      pids: { server: servers.get(name)?.pid ?? null, postgres: postgres.pid ?? null, redis: redis?.pid ?? null },
    })),
    wan: { control: cluster.wan.control },
    adminToken,
  };
}

const EXIT_BY_SECOND_SIGNAL = 130;

/** The first signal stops in order; a second one leaves at once, and the keeper ends what is left. */
function stopOnSignals(stopping: AbortController, say: (sentence: string) => void): () => void {
  const onSignal = (): void => {
    if (stopping.signal.aborted) process.exit(EXIT_BY_SECOND_SIGNAL);
    say('stopping');
    stopping.abort();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  const unwatch = watchLauncher(onSignal);
  return () => {
    unwatch();
    for (const signal of signals) process.off(signal, onSignal);
  };
}
