/** Owns a real, throw-away Redis for tests: the machine's own server, installed first where that is possible. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { Redis } from 'ioredis';

const SERVERS = ['redis-server', 'valkey-server'];
const INSTALL_MS = 120_000;
const READY_MS = 10_000;

const found = (): string | undefined => SERVERS.find((name) => spawnSync(name, ['--version']).status === 0);

/** The server's program; null where there is none and this user may not install one. */
export function redisProgram(): string | null {
  const present = found();
  if (present !== undefined) return present;
  if (process.getuid?.() !== 0) return null;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = (): boolean =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { env, timeout: INSTALL_MS })
      .status === 0;
  if (!install() && spawnSync('apt-get', ['update'], { env, timeout: INSTALL_MS }).status === 0) install();
  return found() ?? null;
}

/** The server's program, and why a suite without it is skipped. */
export function redisOrSkip(): { readonly program: string; readonly skip: string | false } {
  const program = redisProgram();
  return {
    program: program ?? '',
    skip: program === null && 'neither redis-server nor valkey-server is here, and this user cannot install one',
  };
}

export interface ScratchRedis extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

export interface ScratchOptions {
  /** Further settings, as the program takes them on its command line. */
  readonly args?: readonly string[];
  /** Where it keeps its files; given, they outlive it. Default: a folder of its own. */
  readonly folder?: string;
}

/** Starts it on a port of its own, without persistence; disposing of it removes every trace. */
export async function startScratchRedis(
  program: string,
  port: number,
  { args = [], folder }: ScratchOptions = {},
): Promise<ScratchRedis> {
  const home = folder ?? mkdtempSync(join(tmpdir(), 'meridian-redis-'));
  const own = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', home];
  return startServer({
    program,
    args: [...own, ...args],
    port,
    ready: 'eady to accept connections',
    scratch: folder === undefined ? home : null,
  });
}

/** A Sentinel with these lines of configuration. */
export async function startScratchSentinel(
  program: string,
  port: number,
  lines: readonly string[],
): Promise<ScratchRedis> {
  const home = mkdtempSync(join(tmpdir(), 'meridian-sentinel-'));
  const file = join(home, 'sentinel.conf');
  writeFileSync(file, [`port ${port}`, 'bind 127.0.0.1', `dir ${home}`, ...lines, ''].join('\n'));
  return startServer({ program, args: [file, '--sentinel'], port, ready: '+monitor', scratch: home });
}

interface Start {
  readonly program: string;
  readonly args: readonly string[];
  readonly port: number;
  /** What it prints once it can be used. */
  readonly ready: string;
  /** Folder that goes with it. */
  readonly scratch: string | null;
}

async function startServer({ program, args, port, ready, scratch }: Start): Promise<ScratchRedis> {
  const server = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(server, 'exit');
  const kill = (): void => void server.kill('SIGKILL');
  process.once('exit', kill);
  let printed = '';
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Error(`${program} was not ready within ${READY_MS} ms: ${printed}`)),
      READY_MS,
    );
    server.once('close', (code) => reject(new Error(`${program} ended with ${code}: ${printed}`)));
    const read = (chunk: Buffer): void => {
      printed = (printed + String(chunk)).slice(-2_000);
      if (!printed.includes(ready)) return;
      clearTimeout(timer);
      resolve();
    };
    server.stdout.on('data', read);
    server.stderr.on('data', read);
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: server.pid ?? 0,
    async [Symbol.asyncDispose]() {
      kill();
      await exited;
      process.off('exit', kill);
      if (scratch !== null) rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** Works over a connection of its own, which tells of trouble at once. */
export async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
