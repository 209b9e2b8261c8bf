/** Owns the faults of a history: each breaks something real, and gives how to fix it. */
import { spawnSync } from 'node:child_process';
import { sleep } from '../../src/base/clock.ts';
import { PRIMARY, type HistoryRegion, type Place } from './place.ts';
import { faultPlan, type Dice } from './plan.ts';
import { type Tally } from './tally.ts';

export interface Strike {
  readonly place: Place;
  readonly region: HistoryRegion;
  readonly dice: Dice;
}

/** Breaks something; what it gives fixes it. */
export type Fault = (strike: Strike) => Promise<() => Promise<void>>;

const nothing = async (): Promise<void> => undefined;

/** A replica may have to wait for its primary before it can be read. */
const STARTED_MS = 90_000;

/** A killed server's children may hold its memory for some time longer, and nobody else can start until then. */
export async function started(place: Place, region: string): Promise<void> {
  for (const deadline = performance.now() + STARTED_MS; ; await sleep(100)) {
    try {
      return await place.cluster.startPostgres(region);
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
  }
}

/** Of a server that may not be there: then the fault has nothing to break. */
async function tried(work: Promise<unknown>): Promise<void> {
  await work.catch(() => undefined);
}

const END = (condition: string): string =>
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'meridian%' AND ${condition} AND pid <> pg_backend_pid()`;

async function slotDropped({ place, region }: Strike): Promise<() => Promise<void>> {
  await tried(place.cluster.dropSlot(region.name, 'meridian'));
  return nothing;
}

async function connectionsEnded({ place, region }: Strike): Promise<() => Promise<void>> {
  await tried(place.cluster.query(region.name, END('true')));
  return nothing;
}

async function tailEnded({ place, region }: Strike): Promise<() => Promise<void>> {
  // Both its ends: the walsender, and the connection beside it.
  await tried(place.cluster.query(region.name, END(`application_name = 'meridian tail'`)));
  return nothing;
}

async function answersHeld({ region, dice }: Strike): Promise<() => Promise<void>> {
  const longest = 20 + (dice[0] % 800);
  region.database.hold(() => Math.random() * longest);
  return async () => region.database.release();
}

async function databaseKilled({ place, region, dice }: Strike): Promise<() => Promise<void>> {
  await place.cluster.killPostgres(region.name);
  if (dice[0] % 2 === 1) return () => started(place, region.name);
  await started(place, region.name);
  return nothing;
}

/** The server's processes, its postmaster first. */
function processesOf({ cluster }: Place, region: string): readonly number[] {
  const { pid } = cluster.cluster.region(region).postgres;
  if (pid === undefined) return [];
  const children = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter((line) => line.trim() !== '')
    .map(Number);
  return [pid, ...children];
}

/**
 * Nobody of it lives on to write anything: as where the machine ends, what was not flushed is lost. `before` comes
 * right before the end.
 */
export async function crash(place: Place, region: string, before: () => Promise<void> = nothing): Promise<void> {
  const processes = processesOf(place, region);
  await before();
  for (const pid of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended by itself meanwhile.
    }
  }
  await place.cluster.killPostgres(region);
}

/** Of a region that has a replica, and the way to it. */
export const REPLICA_FAULTS = {
  async 'replay paused'({ place, region }) {
    // Not `pauseReplay`, which waits until the pause has come: a replica without its primary may take long to notice.
    await tried(place.cluster.query(region.name, 'SELECT pg_wal_replay_pause()'));
    return () => tried(place.cluster.resumeReplay(region.name));
  },
  async 'link cut'({ place: { cluster }, region }) {
    await cluster.cut(region.name, PRIMARY);
    return () => cluster.heal(region.name, PRIMARY);
  },
  async 'replication cut'({ place: { cluster }, region }) {
    await cluster.cut(region.name, PRIMARY, 'replication');
    return () => cluster.heal(region.name, PRIMARY, 'replication');
  },
  async 'SQL cut'({ place: { cluster }, region }) {
    await cluster.cut(region.name, PRIMARY, 'postgres');
    return () => cluster.heal(region.name, PRIMARY, 'postgres');
  },
  async 'link slow'({ place: { cluster }, region }) {
    await cluster.setRtt(region.name, PRIMARY, 600, 300);
    return () => cluster.setRtt(region.name, PRIMARY, 100, 0);
  },
  'replica killed': databaseKilled,
  'tail ended': tailEnded,
  'slot dropped': slotDropped,
  'connections ended': connectionsEnded,
  'answers held': answersHeld,
} as const satisfies Record<string, Fault>;

/** Of the region that has the primary. */
export const PRIMARY_FAULTS = {
  'primary killed': databaseKilled,
  async 'primary crashed'({ place, region }) {
    await crash(place, region.name);
    await started(place, region.name);
    return nothing;
  },
  'tail ended': tailEnded,
  'slot dropped': slotDropped,
  'connections ended': connectionsEnded,
  'answers held': answersHeld,
  async 'commits wait for a replica'({ place, region }) {
    // Decoded, and seen elsewhere, long before they are visible here.
    const set = async (value: string): Promise<void> => {
      await place.cluster.query(region.name, `ALTER SYSTEM SET synchronous_standby_names = '${value}'`);
      await place.cluster.query(region.name, 'SELECT pg_reload_conf()');
    };
    await tried(set('*'));
    return () => set('');
  },
} as const satisfies Record<string, Fault>;

/** Of server processes. */
export const SERVER_FAULTS = {
  async 'server killed'({ region, dice }) {
    const server = chosenServer(region, dice);
    await server.kill('SIGKILL');
    return () => server.start();
  },
  async 'server ended'({ region, dice }) {
    const server = chosenServer(region, dice);
    await server.kill('SIGTERM');
    return () => server.start();
  },
  async 'server frozen'({ region, dice }) {
    const server = chosenServer(region, dice);
    server.freeze();
    return async () => server.thaw();
  },
} as const satisfies Record<string, Fault>;

function chosenServer({ servers }: HistoryRegion, dice: Dice): HistoryRegion['servers'][number] {
  return servers[dice[0] % servers.length] as HistoryRegion['servers'][number];
}

/** Of the region's Redis, and the way to it. Without one they break nothing. */
export const REDIS_FAULTS = {
  async 'Redis killed'({ region: { redis } }) {
    await redis?.kill();
    return async () => redis?.restart();
  },
  async 'Redis emptied'({ region: { redis } }) {
    await redis?.command('FLUSHALL');
    return nothing;
  },
  async 'Redis frozen'({ region: { redis } }) {
    redis?.freeze();
    return async () => redis?.thaw();
  },
  async 'Redis back with old data'({ region: { redis }, dice }) {
    if (redis === null) return nothing;
    await redis.save();
    await sleep(300 + (dice[0] % 1_500));
    await redis.kill();
    await sleep(dice[1] % 500);
    await redis.restartWithOld();
    return nothing;
  },
  async 'Redis without memory'({ region: { redis }, dice }) {
    // It takes about a megabyte by itself: everything that does not fit any more goes at once, the state too.
    await redis?.command('CONFIG', 'SET', 'maxmemory-policy', dice[0] % 2 === 0 ? 'allkeys-lru' : 'volatile-ttl');
    await redis?.command('CONFIG', 'SET', 'maxmemory', `${900 + (dice[1] % 900)}kb`);
    return async () => void (await redis?.command('CONFIG', 'SET', 'maxmemory', '0'));
  },
  async 'cache state evicted'({ region: { redis } }) {
    for (const key of (await redis?.stateKeys()) ?? []) await redis?.command('DEL', key);
    return nothing;
  },
  async 'subscribers disconnected'({ region: { redis } }) {
    await redis?.command('CLIENT', 'KILL', 'TYPE', 'pubsub');
    return nothing;
  },
  async 'messages lost'({ region: { redisGates }, dice }) {
    for (const gate of redisGates) gate.loseMessages(1 + (dice[0] % 3));
    return async () => redisGates.forEach((gate) => gate.loseNoMore());
  },
  async 'way to Redis cut'({ region: { redisGates }, dice }) {
    const gate = redisGates[dice[0] % Math.max(1, redisGates.length)];
    gate?.cut();
    return async () => gate?.heal();
  },
} as const satisfies Record<string, Fault>;

export interface PlagueParts {
  readonly place: Place;
  readonly region: string;
  readonly lane: string;
  readonly faults: Readonly<Record<string, Fault>>;
  readonly seed: number;
  /** About how long everything is whole between two faults. */
  readonly restMs: number;
  readonly tally: Tally;
  readonly isOver: () => boolean;
  readonly onStrike: (name: string, fromMs: number, toMs: number) => void;
}

/** Strikes with one fault after another until the time is over; what it broke is whole again when it resolves. */
export async function plague({
  place,
  region: name,
  lane,
  faults,
  seed,
  restMs,
  tally,
  isOver,
  onStrike,
}: PlagueParts): Promise<void> {
  const plan = faultPlan(seed, `${name} ${lane}`, Object.keys(faults), restMs);
  const region = place.region(name);
  while (!isOver()) {
    const step = plan.next().value;
    await sleep(step.restMs);
    if (isOver()) return;
    const fromMs = performance.now();
    const fix = await (faults[step.name] as Fault)({ place, region, dice: step.dice });
    tally.fault(step.name);
    await sleep(step.forMs);
    await fix();
    onStrike(`${step.name} in ${name}`, fromMs, performance.now());
  }
}
