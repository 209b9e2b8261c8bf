/** Owns whole applications for tests: a real cluster and a real server in each region, inside the test's process. */
import { fileURLToPath } from 'node:url';
import { FUNCTIONS_SQL, TRIGGERS_SQL } from '../../src/postgres/setup/announce.ts';
import { compileModel } from '../../src/schema-compiler/compile.ts';
import { METADATA_SQL, keepVersionsSql, keptTables } from '../../src/postgres/setup/metadata.ts';
import { readCatalog } from '../../src/postgres/types/catalog.ts';
import { createServer, type Runtime, type ServerSettings } from '../../src/index.ts';
import { type UserResolvers } from '../../src/graphql/resolvers.ts';
import { readSdlFolder, type SdlFile } from '../../src/schema-compiler/files.ts';
import { createTelemetry } from '../../src/telemetry/telemetry.ts';
import { ask as askServer } from '../../src/testing/ask.ts';
import { defaultOptions } from '../../src/config/options.ts';
import { signBearer } from '../../src/dev/bearer.ts';
import { startTestCluster, type TestCluster, type TestClusterOptions } from './cluster.ts';

export interface TestAppOptions {
  /** Folder under `schema/` that holds the SDL and the SQL; default `workspace`. */
  readonly application?: string;
  /** SDL and SQL of the test's own, instead of a folder's. */
  readonly files?: readonly SdlFile[];
  readonly sql?: TestClusterOptions['sql'];
  /** How much data `workspace` is filled with; default 1, as for everybody. */
  readonly scale?: number;
  /** Default us-east-1, eu-west-1, ap-northeast-1; the first one has the primary. */
  readonly regions?: readonly string[];
  readonly wan?: TestClusterOptions['wan'];
  /** Gives each region a Redis of its own, if the machine has one; default none. */
  readonly redis?: boolean;
  /** Role and password that servers connect as; default the databases' superuser. */
  readonly login?: { readonly user: string; readonly password: string };
  /**
   * Whether servers know each other's address, so that mutations are forwarded over the simulated WAN. They then listen where
   * the simulated WAN's links lead, also when they are started anew.
   */
  readonly forwarding?: boolean;
  /** Further settings of every server. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly server?: Partial<Omit<ServerSettings, 'settings'>>;
}

export interface Answer<D = Record<string, never>> {
  readonly status: number;
  readonly ms: number;
  readonly token: string | null;
  readonly data: D | null;
  readonly errors: readonly {
    readonly message: string;
    readonly path?: readonly (string | number)[];
    readonly extensions: { readonly code: string } & Record<string, unknown>;
  }[];
  readonly consistency: {
    readonly token: string;
    readonly level: string;
    readonly region: string;
    readonly servedBy: Record<'cache' | 'replica' | 'primary', number>;
    readonly waitedMs: number;
    readonly staleness: number | null;
    readonly writes?: 'local' | 'forwarded' | 'direct';
  } | null;
}

export interface Call {
  readonly variables?: Readonly<Record<string, unknown>>;
  /** The token header; '' asks for extensions only. */
  readonly token?: string | null;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface TestApp extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly adminToken: string;
  server(region: string): Runtime;
  /** Ends a region's server; until it is started again nobody answers there. */
  stopServer(region: string): Promise<void>;
  /** Starts a region's server anew, on another port unless they forward: it remembers nothing. */
  startServer(region: string): Promise<void>;
  gql<D = Record<string, never>>(region: string, query: string, call?: Call): Promise<Answer<D>>;
  /** A bearer token for a viewer. */
  bearer(viewer: {
    readonly id: string;
    readonly tenant?: string;
    readonly roles?: readonly string[];
  }): Promise<string>;
}

/** As far from each other as the development cluster's regions are. */
export const WAN_DELAYS = {
  'us-east-1/eu-west-1': 80,
  'us-east-1/ap-northeast-1': 150,
  'eu-west-1/ap-northeast-1': 220,
} as const;
export const US = 'us-east-1';
export const EU = 'eu-west-1';
export const AP = 'ap-northeast-1';

/** What `meridian setup` does to a database, as far as one without replicas can have it. */
const READY_SQL = [
  'CREATE PUBLICATION meridian FOR ALL TABLES WITH (publish_via_partition_root = true, publish_generated_columns = stored)',
  `DO $$ DECLARE t regclass; BEGIN
     FOR t IN SELECT c.oid FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relpersistence = 'p' AND c.relnamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) LOOP
       EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', t);
     END LOOP; END $$`,
  METADATA_SQL,
  FUNCTIONS_SQL,
  TRIGGERS_SQL,
];

export const JWT_SECRET = 'a secret for tests that is long enough';
/** Also what forwarded mutations are signed with, unless `forwardSecret` is set. */
export const TOKEN_SECRET = 'another secret for tests';

function folder(application: string): string {
  return fileURLToPath(new URL(`../../schema/${application}`, import.meta.url));
}

function loggedIn(dsn: string, login: TestAppOptions['login']): string {
  if (login === undefined) return dsn;
  const url = new URL(dsn);
  [url.username, url.password] = [login.user, login.password];
  return url.href;
}

/** As `meridian setup` does where a policy compares with older versions. */
async function keepVersions(cluster: TestCluster, files: readonly SdlFile[], resolvers: UserResolvers): Promise<void> {
  if (!files.some(({ body }) => body.includes('@conflict'))) return;
  const query = async (sql: string, values: readonly unknown[] = []): Promise<Record<string, unknown>[]> =>
    cluster.query(cluster.primary.name, sql, values);
  const { model } = await compileModel({
    files,
    catalog: await readCatalog(query),
    resolvers,
    pageSize: 20,
    maxPageSize: 200,
  });
  for (const kept of keptTables(model.entities.values())) await query(keepVersionsSql(kept));
}

export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const application = folder(options.application ?? 'workspace');
  const sql = options.sql ?? [`${application}/001_schema.sql`, `${application}/002_data.sql`];
  const files = options.files ?? readSdlFolder(application);
  const cluster = await startTestCluster({
    sql: [`SET meridian.scale = '${options.scale ?? 1}'`, ...(typeof sql === 'string' ? [sql] : sql), ...READY_SQL],
    wan: options.wan ?? 'off',
    redis: options.redis ?? false,
    ...(options.regions ? { regions: options.regions } : {}),
  });
  const servers = new Map<string, Runtime>();
  const stop = async (): Promise<void> => {
    await Promise.allSettled([...servers.values()].map((server) => server.close()));
    await cluster.stop();
  };
  const start = async (region: string): Promise<void> => {
    const regions = Object.fromEntries(
      cluster.regions.map(({ name, redisUrl }) => [
        name,
        {
          databaseUrl: loggedIn(cluster.dsnFor(region, name), options.login),
          ...(options.forwarding ? { serverUrl: cluster.cluster.urlFor(region, name) } : {}),
          ...(redisUrl === null ? {} : { redisUrl }),
        },
      ]),
    );
    const settings = {
      region,
      regions,
      port: options.forwarding ? cluster.cluster.region(region).ports.http : 0,
      tokenSecret: TOKEN_SECRET,
      jwtSecret: JWT_SECRET,
      drainMs: 1_000,
      ...options.settings,
    };
    // What a failing test needs to see is in its own answers; `MERIDIAN_TEST_LOG=info` shows the servers' side too.
    const telemetry = createTelemetry({ level: process.env['MERIDIAN_TEST_LOG'] ?? 'silent', fields: { region } });
    servers.set(region, await createServer({ files, telemetry, ...options.server, settings }));
  };
  const bearer: TestApp['bearer'] = (viewer) =>
    signBearer(viewer, { secret: JWT_SECRET, expires: '1h', claims: defaultOptions() });
  try {
    await keepVersions(cluster, files, options.server?.resolvers ?? {});
    await Promise.all(cluster.regions.map(({ name }) => start(name)));
    const adminToken = await bearer({ id: 'admin', roles: ['admin'] });
    const server = (region: string): Runtime => {
      const found = servers.get(region);
      if (!found) throw new RangeError(`no server runs in ${region}`);
      return found;
    };
    return {
      cluster,
      adminToken,
      server,
      bearer,
      startServer: start,
      stopServer: (region) => server(region).close(),
      gql: (region, query, call) => ask(server(region).url, query, call),
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

export async function ask<D>(url: string, query: string, call: Call = {}): Promise<Answer<D>> {
  const began = performance.now();
  const { status, data, errors, extensions, token } = await askServer<D>({
    url,
    document: query,
    variables: call.variables ?? {},
    headers: call.headers ?? {},
    token: call.token ?? null,
  });
  return {
    status,
    ms: performance.now() - began,
    token,
    data,
    errors: errors as Answer['errors'],
    consistency: (extensions['consistency'] as Answer['consistency'] | undefined) ?? null,
  };
}
