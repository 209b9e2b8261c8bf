/**
 * Owns the processes that serve in a development cluster: they are started, restarted if they end, and stopped in
 * order.
 */
import { flushCompileCache } from 'node:module';
import { MeridianError } from '../../base/errors.ts';
import { defaultOptions } from '../../config/options.ts';
import { signBearer } from '../../dev/bearer.ts';
import { type Cluster } from '../../dev/cluster.ts';
import { type ManifestRegion } from '../../dev/manifest.ts';
import { type RegionServer, whose } from '../../dev/servers.ts';
import { type ServedProcess } from '../../dev/served.ts';
import { keepRunning } from '../../dev/restart.ts';
import { type Session } from './settings.ts';

export interface Serving extends Pick<Session, 'stopping' | 'say'> {
  /** Started together and stopped one stage after the other: those that send requests before those that answer them. */
  readonly stages: readonly (readonly ServedProcess[])[];
  readonly clusters: readonly Cluster[];
  readonly lost: Promise<string>;
  /** Writes the file that tells tools where everything runs; called again whenever a process has changed. */
  readonly publish: () => void;
  /** Called once everything answers. */
  readonly onReady: () => Promise<void>;
}

/** Runs until `stopping`: then the servers finish their requests before their databases stop. */
export async function serve(serving: Serving): Promise<void> {
  const { stages, stopping, lost } = serving;
  const stopServers = async (): Promise<void> => {
    for (const stage of stages) await Promise.all(stage.map((server) => server.stop()));
  };
  const stopped = new Promise<null>((done) => stopping.addEventListener('abort', () => done(null), { once: true }));
  stopping.addEventListener('abort', () => void stopServers(), { once: true });
  try {
    if (stopping.aborted) return;
    await open(serving);
    const why = await Promise.race([lost, stopped]);
    if (why !== null) throw new MeridianError({ code: 'CLUSTER_START_FAILED', message: why });
  } finally {
    await stopServers();
  }
}

async function open({ stages, clusters, stopping, say, publish, onReady }: Serving): Promise<void> {
  const servers = stages.flat();
  await Promise.all(servers.map((server) => server.start()));
  const publishing = (): void => {
    if (!stopping.aborted) publish();
  };
  publishing();
  await onReady();
  say('ready; Ctrl-C stops everything');
  const supervision = { onNotice: say, onChange: publishing, stopping };
  for (const server of servers) void keepRunning(server, supervision);
  for (const cluster of clusters) {
    for (const { name, postgres, redis } of cluster.regions) {
      const where = cluster.name === '' ? ` of ${name}` : `${whose(cluster)} in ${name}`;
      void keepRunning(
        { what: `PostgreSQL${where}`, ended: () => postgres.ended(), start: () => cluster.startPostgres(name) },
        supervision,
      );
      if (redis !== null)
        void keepRunning(
          { what: `Redis${where}`, ended: () => redis.ended(), start: () => redis.start() },
          supervision,
        );
    }
  }
}

/** Compiles the servers' code while the databases are created, so that each server need not do it. */
export async function warmUp(): Promise<void> {
  await import('../../app/start.ts');
  flushCompileCache();
}

const ADMIN_TOKEN_LASTS = '10y';

export function signAdmin(jwtSecret: string): Promise<string> {
  const options = { secret: jwtSecret, expires: ADMIN_TOKEN_LASTS, claims: defaultOptions() };
  return signBearer({ id: 'admin', roles: ['admin'] }, options);
}

/** A cluster's regions as `cluster.json` describes them. */
export function manifestRegions(cluster: Cluster, servers: readonly RegionServer[]): ManifestRegion[] {
  return cluster.regions.map(({ name, role, dsn, postgres, redis }) => ({
    name,
    role,
    graphql: `${cluster.urlFor(name, name)}/graphql`,
    postgres: dsn,
    redis: redis?.url ?? null,
    pids: {
      server: servers.find(({ region }) => region === name)?.pid ?? null,
      postgres: postgres.pid ?? null,
      redis: redis?.pid ?? null,
    },
  }));
}
