/**
 * Owns a development cluster for an application of several subgraphs: each has its own databases, servers and caches,
 * and each region has a gateway.
 */
import { relative, resolve } from 'node:path';
import { MeridianError } from '../../base/errors.ts';
import { graphExamples } from '../../dev/federation/examples.ts';
import { requirePackages } from '../../dev/federation/packages.ts';
import {
  prepareSubgraphs,
  supergraphPath,
  writeSupergraphs,
  type PreparedSubgraph,
} from '../../dev/federation/prepare.ts';
import { findSubgraphs } from '../../dev/federation/subgraphs.ts';
import { GatewayProcess } from '../../dev/gateway/process.ts';
import { manifestPath, removeManifest, writeManifest } from '../../dev/manifest.ts';
import { federatedPorts, type FederatedPorts } from '../../dev/ports.ts';
import { findRedis, type RedisProgram } from '../../dev/redis/program.ts';
import { RegionServer } from '../../dev/servers.ts';
import { sqlFolder } from '../../dev/sql/load.ts';
import { startClusters, type Clusters } from '../../dev/start.ts';
import { secretsIn } from '../../dev/state.ts';
import { readSdlFolder } from '../../schema-compiler/files.ts';
import { cachingOf } from './overview.ts';
import { graphOverview } from './overview-federated.ts';
import { manifestRegions, serve, signAdmin, warmUp } from './serve.ts';
import { processEnv, type Session } from './settings.ts';

export async function runFederated(session: Session): Promise<void> {
  const { settings, stateDir, stopping, say } = session;
  if (settings.resolvers !== undefined)
    throw new MeridianError({
      code: 'BAD_USER_INPUT',
      message:
        '--resolvers is for an application in one; with --federated put a resolvers.ts into the folder of the subgraph that needs it.',
    });
  requirePackages();
  const folders = findSubgraphs(settings.schema, settings.sql);
  for (const { schema } of folders) readSdlFolder(schema);
  const ports = federatedPorts({
    regions: settings.regions,
    subgraphs: folders.map(({ name }) => name),
    portsFrom: settings.portsFrom,
  });
  const redis = settings.redis === 'off' ? null : findRedis();
  // Once for all databases: the first one that is loaded begins it.
  let warm: Promise<void> | undefined;
  let subgraphs: readonly PreparedSubgraph[] = [];
  const clusters = await startClusters({
    regions: settings.regions,
    stateDir,
    wan: settings.wan,
    redis,
    clusters: folders.map(({ name, sql }) => {
      const initial = sqlFolder({ folder: sql, scale: settings.scale, onProgress: say, onNotice: say });
      return {
        name,
        database: settings.database,
        dataDir: resolve(stateDir, 'subgraphs', settings.database, name),
        ports: ports.subgraphs.get(name) ?? new Map(),
        initial: {
          ...initial,
          load: async (dsn) => void (await Promise.all([initial.load(dsn), (warm ??= warmUp())])),
        },
      };
    }),
    alsoWanted: [...ports.gateways].map(([region, port]) => ({ port, what: `the gateway of ${region}` })),
    reset: settings.reset,
    discard: [manifestPath(stateDir)],
    signal: stopping,
    onProgress: say,
    onNotice: say,
    prepare: async (all) => {
      say('checking the schemas, setting up the databases and composing the supergraph');
      const secrets = secretsIn(stateDir);
      const options = all.map((cluster, i) => ({
        cluster,
        secrets,
        schema: folders[i]?.schema ?? '',
        resolvers: folders[i]?.resolvers,
        graph: all,
        env: processEnv(),
      }));
      subgraphs = await prepareSubgraphs(options, say);
      writeSupergraphs(stateDir, subgraphs);
    },
  });
  try {
    await serveGraph(session, { clusters, subgraphs, ports, redis });
  } finally {
    removeManifest(stateDir);
    await clusters.stop();
  }
}

interface Graph {
  readonly clusters: Clusters;
  readonly subgraphs: readonly PreparedSubgraph[];
  readonly ports: FederatedPorts;
  readonly redis: RedisProgram | null;
}

async function serveGraph(
  { settings, stateDir, stopping, say }: Session,
  { clusters, subgraphs, ports, redis }: Graph,
): Promise<void> {
  const secrets = secretsIn(stateDir);
  const adminToken = await signAdmin(secrets.jwtSecret);
  const { wan, supervisor } = clusters;
  const gateways = [...ports.gateways].map(
    ([region, port]) =>
      new GatewayProcess({
        region,
        port,
        supergraph: supergraphPath(stateDir, region),
        supervisor,
        secrets,
        logDir: resolve(stateDir, 'logs'),
        env: processEnv(),
      }),
  );
  const served = subgraphs.map(({ cluster, options }) => ({
    cluster,
    servers: cluster.regions.map(({ name }) => new RegionServer(options, name)),
  }));
  say(
    `starting the servers of ${clusters.all.map(({ name }) => name).join(' and ')} and a gateway in ${settings.regions.join(', ')}`,
  );
  await serve({
    stages: [gateways, served.flatMap(({ servers }) => servers)],
    clusters: clusters.all,
    lost: clusters.lost,
    stopping,
    say,
    publish: () =>
      writeManifest(stateDir, {
        regions: [],
        gateways: gateways.map(({ region, url, pid }) => ({ region, graphql: `${url}/graphql`, pid: pid ?? null })),
        subgraphs: served.map(({ cluster, servers }) => ({
          name: cluster.name,
          regions: manifestRegions(cluster, servers),
        })),
        supergraph: supergraphPath(stateDir),
        wan: { control: wan.control },
        adminToken,
      }),
    onReady: async () => {
      const here = (path: string): string => relative(process.cwd(), path);
      const examples = await graphExamples({ gateways, subgraphs, manifest: here(manifestPath(stateDir)) });
      const caching = cachingOf(
        clusters.all.flatMap(({ regions }) => regions),
        settings.redis,
        redis,
      );
      console.log(
        await graphOverview({
          clusters: clusters.all,
          gateways,
          wan,
          caching,
          adminToken,
          examples,
          supergraph: here(supergraphPath(stateDir)),
        }),
      );
    },
  });
}
