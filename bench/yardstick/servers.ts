/**
 * Owns the measured servers: each a process on a processor of its own, Meridian's as `meridian start` runs it, the
 * others from bench/peers.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Cluster } from '../../src/dev/cluster.ts';
import { serverEnv } from '../../src/dev/servers.ts';
import { freePort } from '../../test/support/ports.ts';
import { APPLICATION, MAIN } from '../support/databases.ts';
import { EU, US } from '../support/regions.ts';
import { pinned } from './cores.ts';

const READY_MS = 60_000;
const POLL_MS = 100;
const STOP_MS = 10_000;
/** Ends a server when the command is gone, however it went. */
const WITH_PARENT = `data:text/javascript,process.on('disconnect', () => process.exit(0))`;
/** 32 bytes and more: what a key of HS256 has to have. */
export const SECRETS = {
  jwtSecret: 'of a bench whose viewers nobody knows',
  tokenSecret: 'of a bench whose tokens nobody else reads',
};

export interface MeridianSpec {
  readonly region: string;
  readonly env: Readonly<Record<string, string>>;
  /** Without: rows are kept in the process alone. */
  readonly withRedis: boolean;
  /** Further regions that it is told of: the region's own database under other names. */
  readonly simulatedRegions: number;
}

export interface PeerSpec {
  /** Of bench/peers, without ending. */
  readonly file: string;
  /** What `PEER_CACHE` says. */
  readonly cache: string;
}

export type ServerSpec = MeridianSpec | PeerSpec;

export interface Server extends AsyncDisposable {
  /** Of GraphQL. */
  readonly url: string;
  readonly pid: number;
}

export interface Place {
  readonly cluster: Cluster;
  /** Processor; null: any. */
  readonly core: string | null;
}

export function isMeridian(spec: ServerSpec): spec is MeridianSpec {
  return 'region' in spec;
}

/** `answersFile`: what a server hands out that has nothing else. */
export function startPeer({ cluster, core }: Place, { file, cache }: PeerSpec, answersFile: string): Promise<Server> {
  return freePort().then((port) => {
    const env = {
      PEER_PORT: String(port),
      PEER_READ_URL: cluster.region(EU).dsn,
      PEER_WRITE_URL: cluster.region(US).dsn,
      PEER_REDIS_URL: cluster.region(EU).redis?.url ?? '',
      PEER_CACHE: cache,
      PEER_ANSWERS: answersFile,
    };
    const child = start(core, [process.execPath, fileURLToPath(new URL(`../peers/${file}.mjs`, import.meta.url))], env);
    const { promise, resolve } = Promise.withResolvers<string>();
    child.once('message', ({ url }: { url: string }) => resolve(url));
    return serverOf(child, file, () => promise);
  });
}

/** `port`: where it listens; any free one unless given. */
export async function startMeridian(
  { cluster, core }: Place,
  { region, env, withRedis, simulatedRegions }: MeridianSpec,
  port?: number,
): Promise<Server> {
  const chosen = port ?? (await freePort());
  const usual = serverEnv({ cluster, secrets: SECRETS, schema: APPLICATION, env: {} }, region);
  const simulated = Array.from({ length: simulatedRegions }, (_, i) => i + 1);
  const all = {
    ...usual,
    MERIDIAN_PORT: String(chosen),
    MERIDIAN_LOG_LEVEL: 'error',
    ...env,
    MERIDIAN_REGIONS: [usual['MERIDIAN_REGIONS'], ...simulated.map((i) => `simulated-${i}`)].join(),
    ...Object.fromEntries(simulated.map((i) => [`DB_URL_SIMULATED_${i}`, cluster.region(region).dsn])),
  };
  const kept = Object.fromEntries(Object.entries(all).filter(([name]) => withRedis || !name.startsWith('REDIS_URL_')));
  const base = `http://127.0.0.1:${chosen}`;
  return serverOf(
    start(core, [process.execPath, '--import', WITH_PARENT, MAIN, 'start'], kept),
    'meridian',
    async () => {
      while (
        !(await fetch(`${base}/health/ready`).then(
          ({ ok }) => ok,
          () => false,
        ))
      )
        await sleep(POLL_MS);
      return `${base}/graphql`;
    },
  );
}

function start(
  core: string | null,
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
): ChildProcess {
  const [program, ...args] = pinned(core, command);
  return spawn(program, args, {
    env: { PATH: process.env['PATH'], NODE_ENV: 'production', GRAPHILE_ENV: 'production', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

async function serverOf(child: ChildProcess, name: string, ready: () => Promise<string>): Promise<Server> {
  const ended = new Promise<never>((_, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) =>
      reject(new Error(`${name} ended with ${signal ?? `status ${code}`} before it served`)),
    );
  });
  const stop = (): Promise<void> => stopped(child);
  const limit = sleep(READY_MS, undefined, { ref: false }).then(() =>
    Promise.reject(new Error(`${name} was not ready within ${READY_MS} ms`)),
  );
  try {
    const url = await Promise.race([ready(), ended, limit]);
    // From here on whoever asks it notices its end.
    ended.catch(() => undefined);
    limit.catch(() => undefined);
    return { url, pid: child.pid ?? 0, [Symbol.asyncDispose]: stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function stopped(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const killing = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  child.kill('SIGTERM');
  await gone;
  clearTimeout(killing);
}
