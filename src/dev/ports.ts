/** Owns the cluster's ports: which server listens where, and whether a port is taken. */
import { createServer, type AddressInfo } from 'node:net';
import { MeridianError } from '../base/errors.ts';
import { explain } from './problems.ts';

export interface RegionPorts {
  readonly http: number;
  readonly postgres: number;
  readonly redis: number;
}

const LOOPBACK = '127.0.0.1';
/** GraphQL from 4001, PostgreSQL from 5501 and Redis from 6501 by default. */
const DEFAULT_HTTP = 4001;
const DEFAULT_POSTGRES = 5501;
const DEFAULT_REDIS = 6501;
/**
 * With `--ports-from N`: GraphQL at N+1, N+2, …, PostgreSQL at N+101, N+102, …, Redis at N+201, N+202, …, in the order
 * of the regions.
 */
const POSTGRES_OFFSET = 100;
const REDIS_OFFSET = 200;
export const MAX_REGIONS = 9;
/** Distance between the ports of two subgraphs: more than the maximum number of regions. */
const SUBGRAPH_STEP = 10;
/** Limits the number of subgraphs so that the port ranges do not overlap, also with `--ports-from`. */
export const MAX_SUBGRAPHS = 9;
const HIGHEST = 65_535;

export function portsOf(regions: readonly string[], portsFrom?: number): Map<string, RegionPorts> {
  const http = portsFrom === undefined ? DEFAULT_HTTP : portsFrom + 1;
  const postgres = portsFrom === undefined ? DEFAULT_POSTGRES : portsFrom + POSTGRES_OFFSET + 1;
  const redis = portsFrom === undefined ? DEFAULT_REDIS : portsFrom + REDIS_OFFSET + 1;
  requireRoom(portsFrom, redis + MAX_REGIONS);
  return new Map(regions.map((region, i) => [region, { http: http + i, postgres: postgres + i, redis: redis + i }]));
}

function requireRoom(portsFrom: number | undefined, highest: number): void {
  if (highest > HIGHEST)
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `--ports-from ${portsFrom} leaves no room: Redis would need port ${highest}.`,
    });
}

export interface FederatedPorts {
  /** By region: the ports that frontends use, where an application without subgraphs has its servers. */
  readonly gateways: ReadonlyMap<string, number>;
  /** By subgraph, then by region. */
  readonly subgraphs: ReadonlyMap<string, ReadonlyMap<string, RegionPorts>>;
}

/**
 * The gateways use the ports of an application's servers. The subgraphs' servers, databases and caches are ten ports
 * further for each subgraph.
 */
export function federatedPorts({
  regions,
  subgraphs,
  portsFrom,
}: {
  readonly regions: readonly string[];
  readonly subgraphs: readonly string[];
  readonly portsFrom?: number | undefined;
}): FederatedPorts {
  const whole = portsOf(regions, portsFrom);
  requireRoom(portsFrom, Math.max(...[...whole.values()].map(({ redis }) => redis)) + SUBGRAPH_STEP * subgraphs.length);
  const of = (i: number): Map<string, RegionPorts> =>
    new Map(
      [...whole].map(([region, { http, postgres, redis }]) => [
        region,
        {
          http: http + SUBGRAPH_STEP * (i + 1),
          postgres: postgres + SUBGRAPH_STEP * i,
          redis: redis + SUBGRAPH_STEP * i,
        },
      ]),
    );
  return {
    gateways: new Map([...whole].map(([region, { http }]) => [region, http])),
    subgraphs: new Map(subgraphs.map((name, i) => [name, of(i)])),
  };
}

async function listenOnce(port: number): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.once('error', reject).listen({ port, host: LOOPBACK, exclusive: true }, () => {
    const found = (server.address() as AddressInfo).port;
    server.close(() => resolve(found));
  });
  return promise;
}

export interface WantedPort {
  readonly port: number;
  /** What will listen there, as a part of a sentence. */
  readonly what: string;
}

/** Every port of a cluster; Redis ports only if there will be a Redis. */
export function wantedBy(
  ports: ReadonlyMap<string, RegionPorts>,
  { withRedis, of = '' }: { readonly withRedis: boolean; readonly of?: string },
): WantedPort[] {
  const whose = of === '' ? '' : ` of ${of}`;
  return [...ports].flatMap(([region, { http, postgres, redis }]) => [
    { port: http, what: `GraphQL${whose} in ${region}` },
    { port: postgres, what: `PostgreSQL${whose} in ${region}` },
    ...(withRedis ? [{ port: redis, what: `Redis${whose} in ${region}` }] : []),
  ]);
}

/** Throws one sentence naming every port that is taken. */
export async function requireFree(wanted: readonly WantedPort[]): Promise<void> {
  const busy: string[] = [];
  for (const { port, what } of wanted) {
    try {
      await listenOnce(port);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE')
        throw explain(error, `Listening on port ${port} (${what})`);
      busy.push(`${port} (${what})`);
    }
  }
  if (busy.length === 0) return;
  throw new MeridianError({
    code: 'CLUSTER_START_FAILED',
    message: `${busy.length === 1 ? 'Port' : 'Ports'} ${busy.join(', ')} ${busy.length === 1 ? 'is' : 'are'} in use by another process; stop it or choose other ports with --ports-from.`,
  });
}
