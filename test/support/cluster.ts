/** Owns real clusters for tests: a primary and replicas on free ports, in a folder that goes when they do. */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, type QueryResultRow } from 'pg';
import { type Cluster, type ClusterRegion } from '../../src/dev/cluster.ts';
import { startCluster } from '../../src/dev/start.ts';
import { DEFAULT_REGIONS } from '../../src/dev/options.ts';
import { freePorts } from './ports.ts';
import { findRedis } from '../../src/dev/redis/program.ts';
import { withSession } from '../../src/dev/postgres/session.ts';
import { pauseReplay, resumeReplay, untilReplayed, writtenPosition } from '../../src/dev/replay.ts';
import { type LinkKind } from '../../src/dev/wan/topology.ts';

export interface TestClusterOptions {
  /** The first one is the primary; default us-east-1, eu-west-1, ap-northeast-1. */
  readonly regions?: readonly string[];
  /** SQL text, or paths of `.sql` files, loaded in order before the replicas are made. */
  readonly sql?: string | readonly string[];
  /**
   * Round trips, milliseconds: `{ 'us-east-1/eu-west-1': 80 }`; other pairs keep their default. Default: no delay at
   * all.
   */
  readonly wan?: 'off' | Readonly<Record<string, number>>;
  /** Gives each region a Redis of its own, if the machine has one; default none. */
  readonly redis?: boolean;
  /** Name of the database; default `workspace`. */
  readonly name?: string;
}

export interface TestRegion {
  readonly name: string;
  /** Straight to this region's database, past the simulated WAN. */
  readonly dsn: string;
  readonly redisUrl: string | null;
}

export interface TestCluster extends AsyncDisposable {
  readonly regions: readonly TestRegion[];
  /** The region that was started as the primary. */
  readonly primary: TestRegion;
  readonly cluster: Cluster;
  /** As `from`'s servers reach `to`'s database: through the simulated WAN unless they are the same. */
  dsnFor(from: string, to: string): string;
  /** Runs SQL straight at a region's database, with a session of its own. */
  query<R extends QueryResultRow>(region: string, sql: string, params?: readonly unknown[]): Promise<R[]>;
  pauseReplay(region: string): Promise<void>;
  resumeReplay(region: string): Promise<void>;
  /**
   * Resolves when every replica (or `region` alone) has replayed what the primary has written by now; throws after 10
   * s.
   */
  caughtUp(region?: string): Promise<void>;
  /** Cuts every link between two regions, or those of one kind. */
  cut(a: string, b: string, kind?: LinkKind): Promise<void>;
  heal(a: string, b: string, kind?: LinkKind): Promise<void>;
  setRtt(a: string, b: string, rttMs: number, jitterMs?: number): Promise<void>;
  /** Sends `signal` (default SIGKILL) to a region's PostgreSQL and waits for its end. */
  killPostgres(region: string, signal?: NodeJS.Signals): Promise<void>;
  startPostgres(region: string): Promise<void>;
  /** Makes a replica writable; resolves when it is. */
  promote(region: string): Promise<void>;
  /** Drops a replication slot on a region's server, whoever uses it. */
  dropSlot(region: string, slot: string): Promise<void>;
  stop(): Promise<void>;
}

const CAUGHT_UP_MS = 10_000;
const DROP_MS = 30_000;

function sqlOf(sql: TestClusterOptions['sql']): string[] {
  const parts = typeof sql === 'string' ? [sql] : [...(sql ?? [])];
  return parts.map((part) => (part.endsWith('.sql') ? readFileSync(part, 'utf8') : part));
}

export async function startTestCluster(options: TestClusterOptions = {}): Promise<TestCluster> {
  const names = options.regions ?? DEFAULT_REGIONS;
  const stateDir = mkdtempSync(join(tmpdir(), 'meridian-test-'));
  // As root the database runs under another account, which has to pass through.
  chmodSync(stateDir, 0o711);
  const wan = options.wan ?? 'off';
  try {
    const cluster = await startCluster({
      regions: names,
      database: options.name ?? 'workspace',
      stateDir,
      dataDir: join(stateDir, 'data'),
      ports: await freePorts(names),
      // Also when the test's process is killed.
      discard: [stateDir],
      wan: wan === 'off' ? 'off' : Object.fromEntries(Object.entries(wan).map(([pair, rttMs]) => [pair, { rttMs }])),
      redis: options.redis ? findRedis() : null,
      sharedBuffersMb: 32,
      initial: {
        fingerprint: 'test',
        load: (dsn) =>
          withSession({ dsn, settings: { 'meridian.scale': '1' } }, async (client) => {
            for (const text of sqlOf(options.sql)) await client.query(text);
          }),
      },
    });
    return handleOf(cluster);
  } catch (error) {
    rmSync(stateDir, { recursive: true, force: true });
    throw error;
  }
}

function testRegion({ name, dsn, redis }: ClusterRegion): TestRegion {
  return { name, dsn, redisUrl: redis?.url ?? null };
}

function handleOf(cluster: Cluster): TestCluster {
  const primary = cluster.regions[0];
  if (!primary) throw new RangeError('a cluster has at least one region');
  const session = <T>(region: string, work: (client: Client) => Promise<T>): Promise<T> =>
    withSession({ dsn: cluster.region(region).dsn }, work);
  const query = <R extends QueryResultRow>(
    region: string,
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<R[]> => session(region, async (client) => (await client.query<R>(sql, [...params])).rows);

  async function caughtUp(only?: string): Promise<void> {
    const lsn = await writtenPosition(primary?.dsn ?? '');
    for (const { name, dsn } of cluster.regions.slice(1).filter(({ name }) => only === undefined || name === only))
      await untilReplayed({ region: name, dsn }, lsn, CAUGHT_UP_MS);
  }

  const stop = (): Promise<void> => cluster.stop();

  return {
    regions: cluster.regions.map(testRegion),
    primary: testRegion(primary),
    cluster,
    dsnFor: (from, to) => cluster.dsnFor(from, to),
    query,
    pauseReplay: (region) => pauseReplay({ region, dsn: cluster.region(region).dsn }, CAUGHT_UP_MS),
    resumeReplay: (region) => resumeReplay({ region, dsn: cluster.region(region).dsn }),
    caughtUp,
    cut: async (a, b, kind) => void (await cluster.wan.cut(a, b, kind)),
    heal: async (a, b, kind) => void (await cluster.wan.heal(a, b, kind)),
    setRtt: async (a, b, rttMs, jitterMs) =>
      void (await cluster.wan.set(a, b, { rttMs, ...(jitterMs === undefined ? {} : { jitterMs }) })),
    killPostgres: (region, signal = 'SIGKILL') => cluster.region(region).postgres.kill(signal),
    startPostgres: (region) => cluster.startPostgres(region),
    promote: async (region) => void (await query(region, 'SELECT pg_promote(true, 10)')),
    dropSlot: (region, slot) =>
      session(region, async (client) => {
        for (const untilMs = performance.now() + DROP_MS; ;) {
          await client.query(
            'SELECT pg_terminate_backend(active_pid, 2000) FROM pg_replication_slots WHERE slot_name = $1 AND active_pid IS NOT NULL',
            [slot],
          );
          try {
            await client.query(
              'SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1',
              [slot],
            );
            return;
          } catch (error) {
            // Another server of the region may have taken the slot in between.
            if ((error as { code?: string }).code !== '55006' || performance.now() > untilMs) throw error;
          }
        }
      }),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
