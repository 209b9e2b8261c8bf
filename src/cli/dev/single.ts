/** Owns a development cluster for an application without subgraphs: a database, a server and a cache in each region. */
import { relative, resolve } from 'node:path';
import { prepareApplication } from '../../dev/application.ts';
import { examplesFor } from '../../dev/examples.ts';
import { manifestPath, removeManifest, writeManifest } from '../../dev/manifest.ts';
import { portsOf } from '../../dev/ports.ts';
import { findRedis } from '../../dev/redis/program.ts';
import { RegionServer, type ServersOptions } from '../../dev/servers.ts';
import { sqlFolder } from '../../dev/sql/load.ts';
import { startCluster } from '../../dev/start.ts';
import { secretsIn } from '../../dev/state.ts';
import { type CompiledSchema } from '../../schema-compiler/compile.ts';
import { readSdlFolder } from '../../schema-compiler/files.ts';
import { cachingOf, overview } from './overview.ts';
import { manifestRegions, serve, signAdmin, warmUp } from './serve.ts';
import { processEnv, type Session } from './settings.ts';

interface Application {
  readonly compiled: CompiledSchema;
  readonly options: ServersOptions;
}

export async function runSingle(session: Session): Promise<void> {
  const { settings, stateDir, stopping, say } = session;
  // Read first, so that errors in the files are reported before anything is started.
  readSdlFolder(settings.schema);
  const initial = sqlFolder({ folder: settings.sql, scale: settings.scale, onProgress: say, onNotice: say });
  const redis = settings.redis === 'off' ? null : findRedis();
  let application: Application | undefined;
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
      const options = {
        cluster: started,
        secrets: secretsIn(stateDir),
        schema: settings.schema,
        resolvers: settings.resolvers,
        env: processEnv(),
      };
      application = { options, compiled: await prepareApplication(options, say) };
    },
  });
  try {
    if (application) await serveSingle(session, application, cachingOf(cluster.regions, settings.redis, redis));
  } finally {
    removeManifest(stateDir);
    await cluster.stop();
  }
}

async function serveSingle(
  { stateDir, stopping, say }: Session,
  { options, compiled }: Application,
  caching: string,
): Promise<void> {
  const { cluster, secrets } = options;
  const adminToken = await signAdmin(secrets.jwtSecret);
  const servers = cluster.regions.map(({ name }) => new RegionServer(options, name));
  say(`starting the servers of ${cluster.regions.map(({ name }) => name).join(', ')}`);
  await serve({
    stages: [servers],
    clusters: [cluster],
    lost: cluster.lost,
    stopping,
    say,
    publish: () =>
      writeManifest(stateDir, {
        regions: manifestRegions(cluster, servers),
        wan: { control: cluster.wan.control },
        adminToken,
      }),
    onReady: async () => {
      const examples = await examplesFor({
        cluster,
        compiled,
        manifest: relative(process.cwd(), manifestPath(stateDir)),
      });
      console.log(await overview({ cluster, caching, adminToken, examples }));
    },
  });
}
