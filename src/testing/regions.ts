/** Owns running test regions: asking them, breaking what lies between them, and putting everything back. */
import { MeridianError } from '../base/errors.ts';
import { type SignOptions } from '../dev/bearer.ts';
import { type Cluster } from '../dev/cluster.ts';
import { type InitialRows } from '../dev/initial-rows.ts';
import { markPosition, pauseReplay, resumeReplay, untilReplayed } from '../dev/replay.ts';
import { type RegionServer } from '../dev/servers.ts';
import { pairsOf } from '../dev/wan/topology.ts';
import { untilApplied } from './applied.ts';
import { type TestRegionsOptions } from './options.ts';
import { regionOf, type TestRegion } from './region.ts';

export interface TestRegions extends AsyncDisposable {
  /** In the order in which they were named; the first has the primary. */
  readonly all: readonly TestRegion[];
  /** Throws `BAD_USER_INPUT` when there is none of that name. */
  region(name: string): TestRegion;
  /**
   * Stops a replica's replay (`pg_wal_replay_pause`): it goes on receiving what the primary writes, and shows none of
   * it. Resolves when it stands still. Throws `BAD_USER_INPUT` for the primary's region, `CONSISTENCY_TIMEOUT` after
   * `waitMs`.
   */
  pauseReplay(region: string): Promise<void>;
  /** The replica goes on; it need not be paused. */
  resumeReplay(region: string): Promise<void>;
  /**
   * Nothing passes between two regions, either way, until `healLink`: no replication, SQL or HTTP. Connections stay
   * open and silent, as when a network loses everything.
   */
  cutLink(a: string, b: string): Promise<void>;
  /** What a cut has held up goes on; the link need not be cut. */
  healLink(a: string, b: string): Promise<void>;
  /** Round trip between two regions, milliseconds, and by how much it varies at most, for bytes sent from now on. */
  setDistance(a: string, b: string, distance: { readonly rttMs: number; readonly jitterMs?: number }): Promise<void>;
  /**
   * Resolves when every region shows what the primary has written by now, and its server has applied it to its
   * caches. Throws `CONSISTENCY_TIMEOUT` after `timeoutMs` (default: `waitMs`), naming the region that lags.
   */
  waitUntilCaughtUp(timeoutMs?: number): Promise<void>;
  /**
   * Puts everything back as it was after the start, for `beforeEach`: heals links, restores distances, resumes replay,
   * gives every table the rows and every sequence the value that the SQL files had left, forgets idempotency keys and
   * conflicts, and waits until every region shows it. Rows come back past triggers. It does not undo changes of the
   * tables themselves, nor refresh materialized views. Throws `TRANSACTION_CONFLICT` when a transaction holds a table
   * for longer than `waitMs`.
   */
  reset(): Promise<void>;
  /** Ends every process and removes all data; safe to call twice. `await using` calls it. */
  stop(): Promise<void>;
}

interface Parts {
  readonly cluster: Cluster;
  readonly servers: readonly RegionServer[];
  readonly rows: InitialRows;
  readonly sign: SignOptions;
  readonly waitMs: number;
  readonly wan: NonNullable<TestRegionsOptions['wan']>;
}

export function handleOf(parts: Parts): TestRegions {
  const { cluster, servers, sign, waitMs } = parts;
  const all = servers.map((server) => regionOf({ region: cluster.region(server.region), server, sign, waitMs }));
  const [primary, ...replicas] = all;
  if (!primary) throw new RangeError('there is at least one region');

  const region = (name: string): TestRegion => {
    const found = all.find((one) => one.name === name);
    if (found) return found;
    throw new MeridianError({
      code: 'BAD_USER_INPUT',
      message: `There is no test region "${name}"; there are ${all.map((one) => one.name).join(', ')}.`,
    });
  };
  const replica = (name: string): { readonly region: string; readonly dsn: string } => {
    const { role, databaseUrl: dsn } = region(name);
    if (role === 'replica') return { region: name, dsn };
    throw new MeridianError({
      code: 'BAD_USER_INPUT',
      message: `${name} has the primary, which replays nothing; name a region with a replica${replicas.length > 0 ? `: ${replicas.map((one) => one.name).join(', ')}` : ''}.`,
    });
  };
  const waitUntilCaughtUp = async (timeoutMs = waitMs): Promise<void> => {
    const lsn = await markPosition(primary.databaseUrl);
    const until = performance.now() + timeoutMs;
    const left = (): number => Math.max(0, Math.ceil(until - performance.now()));
    await Promise.all(
      servers.map(async (server) => {
        const { role, databaseUrl } = region(server.region);
        if (role === 'replica') await untilReplayed({ region: server.region, dsn: databaseUrl }, lsn, left());
        await untilApplied(server, lsn, left());
      }),
    );
  };
  const restoreWan = async (): Promise<void> => {
    for (const { between, rttMs, jitterMs } of pairsOf(
      all.map(({ name }) => name),
      parts.wan,
    )) {
      await cluster.wan.heal(...between);
      await cluster.wan.set(...between, { rttMs, jitterMs });
    }
  };
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.stop()));
    await cluster.stop();
  };
  const stopOnce = (): Promise<void> => (stopped ??= stop());

  return {
    all,
    region,
    pauseReplay: async (name) => pauseReplay(replica(name), waitMs),
    resumeReplay: async (name) => resumeReplay(replica(name)),
    cutLink: async (a, b) => void (await cluster.wan.cut(a, b)),
    healLink: async (a, b) => void (await cluster.wan.heal(a, b)),
    setDistance: async (a, b, distance) => void (await cluster.wan.set(a, b, distance)),
    waitUntilCaughtUp,
    reset: async () => {
      await restoreWan();
      await Promise.all(replicas.map(({ name }) => resumeReplay(replica(name))));
      await parts.rows.restore(primary.databaseUrl, waitMs);
      await waitUntilCaughtUp();
    },
    stop: stopOnce,
    [Symbol.asyncDispose]: stopOnce,
  };
}
