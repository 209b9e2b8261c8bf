/** Owns the cluster's GraphQL servers: one process per region, with its settings of regions, databases and secrets. */
import { join } from 'node:path';
import { type Cluster } from './cluster.ts';
import { MAIN } from './entry.ts';
import { type Secrets } from './state.ts';
import { ServedProcess } from './served.ts';

export interface ServersOptions {
  readonly cluster: Cluster;
  readonly secrets: Secrets;
  readonly schema: string;
  readonly resolvers?: string | undefined;
  /** The clusters of all subgraphs of the graph, including its own; left out for a single application. */
  readonly graph?: readonly Cluster[];
  /** The user's environment; the cluster's own settings take precedence. */
  readonly env: NodeJS.ProcessEnv;
}

/** The user's settings that would contradict the cluster. */
const OWN = /^(MERIDIAN_POSTGRES_|DB_URL_|SERVER_URL_)/;
const OWN_WITH_REDIS = /^(MERIDIAN_POSTGRES_|DB_URL_|SERVER_URL_|REDIS_URL_)/;

/** `eu-west-1` → `EU_WEST_1`, as in `DB_URL_EU_WEST_1`. */
function suffix(region: string): string {
  return region.replaceAll('-', '_').toUpperCase();
}

/** The user's environment for a process, without the variables that `own` matches. */
export function inherited(env: NodeJS.ProcessEnv, own: RegExp): Record<string, string> {
  const kept = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !own.test(entry[0]),
  );
  // After Ctrl-C requests in flight get a moment to finish, not the ten seconds of production.
  return { MERIDIAN_DRAIN_MS: '3000', MERIDIAN_DRAIN_DELAY_MS: '0', ...Object.fromEntries(kept) };
}

/** The environment of a region's server: its own region's addresses directly, the others over the simulated WAN. */
export function serverEnv(options: ServersOptions, region: string): Record<string, string> {
  const { cluster, secrets, schema, resolvers, graph, env } = options;
  const names = cluster.regions.map(({ name }) => name);
  const caches = cluster.regions.flatMap(({ name, redis }) =>
    redis === null ? [] : [[`REDIS_URL_${suffix(name)}`, redis.url] as const],
  );
  return {
    ...inherited(env, caches.length > 0 ? OWN_WITH_REDIS : OWN),
    MERIDIAN_REGION: region,
    MERIDIAN_REGIONS: names.join(','),
    ...Object.fromEntries(names.map((name) => [`DB_URL_${suffix(name)}`, cluster.dsnFor(region, name)])),
    ...Object.fromEntries(names.map((name) => [`SERVER_URL_${suffix(name)}`, cluster.urlFor(region, name)])),
    ...Object.fromEntries(caches),
    MERIDIAN_HOST: '127.0.0.1',
    MERIDIAN_PORT: String(cluster.region(region).ports.http),
    MERIDIAN_SCHEMA: schema,
    // Each server is one process of the supervisor.
    MERIDIAN_WORKERS: '1',
    ...(graph === undefined
      ? {}
      : {
          MERIDIAN_SUBGRAPH: cluster.name,
          MERIDIAN_SIBLINGS: JSON.stringify(
            Object.fromEntries(graph.map((one) => [one.name, `${one.urlFor(region, region)}/graphql`])),
          ),
        }),
    ...(resolvers === undefined ? {} : { MERIDIAN_RESOLVERS: resolvers }),
    MERIDIAN_JWT_SECRET: secrets.jwtSecret,
    MERIDIAN_TOKEN_SECRET: secrets.tokenSecret,
  };
}

/** ` of accounts` if the cluster is one of several, for use in sentences. */
export function whose({ name }: Pick<Cluster, 'name'>): string {
  return name === '' ? '' : ` of ${name}`;
}

export class RegionServer extends ServedProcess {
  readonly region: string;

  constructor(options: ServersOptions, region: string) {
    const { cluster } = options;
    super({
      what: cluster.name === '' ? `The server of ${region}` : `The server of ${cluster.name} in ${region}`,
      supervisor: cluster.supervisor,
      args: [MAIN, 'start'],
      env: serverEnv(options, region),
      logFile: join(cluster.logDir, `${region}.log`),
      url: cluster.urlFor(region, region),
    });
    this.region = region;
  }
}
