/** Owns one test region as a test sees it: its addresses, and asking its server and its database. */
import { signBearer, type Bearer, type SignOptions } from '../dev/bearer.ts';
import { type ClusterRegion } from '../dev/cluster.ts';
import { withSession } from '../dev/postgres/session.ts';
import { type RegionServer } from '../dev/servers.ts';
import { ask, type TestAnswer } from './ask.ts';

/** Who is asking: becomes a bearer token that the servers accept, with the claims that their options name. */
export type TestViewer = Bearer;

export interface QueryOptions {
  /** The consistency token of an earlier answer, which this one must not be older than; several joined by commas. */
  readonly token?: string | null;
  /** Who is asking; left out: nobody known. */
  readonly viewer?: TestViewer | null;
  /** Further HTTP headers, such as `idempotency-key`. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestRegion {
  readonly name: string;
  /** As started: the first region has the primary. */
  readonly role: 'primary' | 'replica';
  /** Where the region's server answers GraphQL, `http://127.0.0.1:<port>/graphql`. */
  readonly url: string;
  /** Straight to the region's own PostgreSQL server, as its superuser and without the WAN's distance. */
  readonly databaseUrl: string;
  /** Of the region's Redis or Valkey; null where it has none. */
  readonly redisUrl: string | null;
  /** Log of the region's server, one JSON object a line; removed when the regions stop. */
  readonly logFile: string;
  /**
   * Asks the region's server with `fetch`, and with the header `consistency-token` (empty without a token), so that
   * the answer's `extensions.consistency` says who has answered. Errors of GraphQL are in the answer; throws
   * `REGION_UNAVAILABLE` when no GraphQL answer comes within `waitMs`.
   */
  query<D = Record<string, unknown>>(
    document: string,
    variables?: Readonly<Record<string, unknown>>,
    options?: QueryOptions,
  ): Promise<TestAnswer<D>>;
  /**
   * Runs one SQL statement at the region's own PostgreSQL server, past Meridian, and returns its rows. A replica takes
   * reads only. Throws PostgreSQL's error.
   */
  sql<R extends Record<string, unknown> = Record<string, unknown>>(
    text: string,
    values?: readonly unknown[],
  ): Promise<R[]>;
}

export interface RegionParts {
  readonly region: ClusterRegion;
  readonly server: RegionServer;
  readonly sign: SignOptions;
  readonly waitMs: number;
}

export function regionOf({ region, server, sign, waitMs }: RegionParts): TestRegion {
  const url = `${server.url}/graphql`;
  return {
    name: region.name,
    role: region.role,
    url,
    databaseUrl: region.dsn,
    redisUrl: region.redis?.url ?? null,
    logFile: server.logFile,
    query: async (document, variables = {}, { token, viewer, headers } = {}) =>
      ask({
        url,
        document,
        variables,
        token: token ?? '',
        headers: { ...(viewer ? { authorization: `Bearer ${await signBearer(viewer, sign)}` } : {}), ...headers },
        signal: AbortSignal.timeout(waitMs),
      }),
    sql: <R extends Record<string, unknown>>(text: string, values: readonly unknown[] = []) =>
      withSession({ dsn: region.dsn }, async (client) => (await client.query<R>(text, [...values])).rows),
  };
}
