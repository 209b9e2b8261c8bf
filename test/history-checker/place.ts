/**
 * Owns the place of a history: three regions with real databases, Redis and server processes, and every way to break
 * them.
 */
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withSession } from '../../src/dev/postgres/session.ts';
import { defaultOptions, type Options } from '../../src/config/options.ts';
import { setupDatabase } from '../../src/postgres/setup/setup.ts';
import { freePorts } from '../support/ports.ts';
import { AP, EU, WAN_DELAYS, US } from '../support/app.ts';
import { startTestCluster, type TestCluster } from '../support/cluster.ts';
import { redisProgram } from '../support/redis.ts';
import { Gate, isReadingConnection } from './gate.ts';
import { RegionRedis } from './region-redis.ts';
import { RegionServer, type RegionAddresses } from './region-server.ts';
import { BOARDS_SDL } from './resolvers.ts';
import { historySql } from './tables.ts';

export const REGIONS = [US, EU, AP] as const;
export const PRIMARY = US;

/** Intervals are short, so that a run meets many of them; limits are low, so that it meets those as well. */
const COMMON: Partial<Options> = {
  heartbeatMs: 250,
  slotCreateMs: 4_000,
  slotRetryMs: 300,
  tailRetryMaxMs: 1_000,
  redisRetryMs: 300,
  cacheLagMs: 1_500,
  maxTags: 40,
  tombstones: 400,
  tombstoneMs: 4_000,
  maxWaitMs: 3_000,
  poolWarm: 1,
};

/** Each process has something of its own that the others have not. */
const PROCESSES: readonly { readonly name: string; readonly region: string; readonly options: Partial<Options> }[] = [
  { name: 'us', region: US, options: {} },
  { name: 'eu-1', region: EU, options: { operationCacheFirst: true } },
  { name: 'eu-2', region: EU, options: { cacheEntries: 150, leaseMs: 0, operationCacheBytes: 200_000 } },
  { name: 'ap', region: AP, options: { cacheTtlMs: 4_000, cacheStaleMs: 2_000, cacheVariants: 3 } },
];

export interface HistoryRegion {
  readonly name: string;
  readonly servers: readonly RegionServer[];
  /** Null where this machine has none. */
  readonly redis: RegionRedis | null;
  /** Before this region's own database, for its own servers. */
  readonly database: Gate;
  /** Before this region's Redis, one for each server. */
  readonly redisGates: readonly Gate[];
}

export interface Place extends AsyncDisposable {
  readonly cluster: TestCluster;
  readonly regions: ReadonlyMap<string, HistoryRegion>;
  readonly servers: readonly RegionServer[];
  region(name: string): HistoryRegion;
  /** Of the history's database in the region `to`, as the region `from` reaches it. */
  dsn(from: string, to: string): string;
}

export interface PlaceSettings {
  /** Mechanism that the servers run without; null: they are whole. */
  readonly broken?: string | null;
  /** Further options of every server. */
  readonly options?: Partial<Options>;
  /** Of the database; default UTF8. */
  readonly encoding?: 'UTF8' | 'LATIN1';
}

const DATABASE = 'history';

/**
 * A database of its own beside the cluster's, whose encoding it need not have. What is not flushed by somebody stays
 * unflushed for long.
 */
async function createDatabase(cluster: TestCluster, encoding: string): Promise<void> {
  await cluster.query(
    PRIMARY,
    `CREATE DATABASE ${DATABASE} ENCODING '${encoding}' LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`,
  );
  await cluster.query(PRIMARY, `ALTER SYSTEM SET wal_writer_delay = '10s'`);
  await cluster.query(PRIMARY, 'SELECT pg_reload_conf()');
  await withSession(
    { dsn: ofHistory(cluster.dsnFor(PRIMARY, PRIMARY)), settings: { 'meridian.scale': '1' } },
    async (client) => {
      for (const sql of historySql()) await client.query(sql);
    },
  );
  await cluster.caughtUp();
}

function ofHistory(dsn: string): string {
  const url = new URL(dsn);
  url.pathname = `/${DATABASE}`;
  return url.href;
}

/** The application's SDL, and what histories add to it. */
function schemaFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-history-'));
  copyFileSync(
    fileURLToPath(new URL('../../schema/workspace/workspace.graphql', import.meta.url)),
    join(folder, 'workspace.graphql'),
  );
  writeFileSync(join(folder, 'boards.graphql'), BOARDS_SDL);
  return folder;
}

export async function startPlace({
  broken = null,
  options = {},
  encoding = 'UTF8',
}: PlaceSettings = {}): Promise<Place> {
  const cluster = await startTestCluster({ wan: WAN_DELAYS });
  const schema = schemaFolder();
  const dsn = (from: string, to: string): string => ofHistory(cluster.dsnFor(from, to));
  const undo: (() => Promise<void>)[] = [
    () => cluster.stop(),
    async () => rmSync(schema, { recursive: true, force: true }),
  ];
  const dispose = async (): Promise<void> => {
    for (const step of undo.reverse()) await step().catch(() => undefined);
  };
  try {
    await createDatabase(cluster, encoding);
    await setupDatabase({
      regions: REGIONS.map((name) => ({ name, databaseUrl: dsn(name, name), redisUrl: null, serverUrl: null })),
      tables: [],
      schemas: ['public'],
      options: defaultOptions(),
    });
    // One table whose changes do not carry the whole old row: all that is cached of it goes with each.
    await withSession({ dsn: dsn(PRIMARY, PRIMARY) }, (client) =>
      client.query('ALTER TABLE comments REPLICA IDENTITY DEFAULT'),
    );
    await cluster.caughtUp();
    const program = redisProgram();
    const ports = await freePorts(PROCESSES.map(({ name }) => name));
    const regions = new Map<string, HistoryRegion>();
    for (const name of REGIONS) {
      const redis = program === null ? null : await RegionRedis.start(program);
      if (redis !== null) undo.push(() => redis[Symbol.asyncDispose]());
      const database = await Gate.start({ targetPort: portOf(cluster.dsnFor(name, name)), holds: isReadingConnection });
      undo.push(() => database[Symbol.asyncDispose]());
      const redisGates: Gate[] = [];
      const servers: RegionServer[] = [];
      for (const one of PROCESSES.filter(({ region }) => region === name)) {
        const gate = redis && (await Gate.start({ targetPort: redis.port, holds: () => true }));
        if (gate) {
          redisGates.push(gate);
          undo.push(() => gate[Symbol.asyncDispose]());
        }
        const addresses = REGIONS.map((other): [string, RegionAddresses] => {
          const own = other === name;
          return [
            other,
            {
              databaseUrl: own ? withPort(dsn(name, name), database.port) : dsn(name, other),
              redisUrl: own && gate ? `redis://127.0.0.1:${gate.port}` : null,
            },
          ];
        });
        servers.push(
          new RegionServer(
            {
              ...one,
              port: ports.get(one.name)?.http ?? 0,
              schema,
              supervisor: cluster.cluster.supervisor,
              logDir: cluster.cluster.logDir,
              regions: Object.fromEntries(addresses),
              options: { ...COMMON, ...one.options, ...options },
            },
            broken,
          ),
        );
      }
      regions.set(name, { name, servers, redis, database, redisGates });
    }
    const servers = [...regions.values()].flatMap((region) => region.servers);
    undo.push(async () => void (await Promise.allSettled(servers.map((server) => server.kill('SIGKILL')))));
    await Promise.all(servers.map((server) => server.start()));
    const region = (name: string): HistoryRegion => {
      const found = regions.get(name);
      if (!found) throw new RangeError(`no region ${name}`);
      return found;
    };
    return { cluster, regions, servers, region, dsn, [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function portOf(dsn: string): number {
  return Number(new URL(dsn).port);
}

function withPort(dsn: string, port: number): string {
  const url = new URL(dsn);
  url.port = String(port);
  return url.href;
}
