/** Owns a real, throw-away Redis for tests: the machine's own server, installed first where that is possible. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';

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
  const install = (): boolean => spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'redis-server'], { env, timeout: INSTALL_MS }).status === 0;
  if (!install() && spawnSync('apt-get', ['update'], { env, timeout: INSTALL_MS }).status === 0) install();
  return found() ?? null;
}

export interface ScratchRedis extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts it on a port of its own, without persistence; disposing of it removes every trace. */
export async function startScratchRedis(program: string, port: number): Promise<ScratchRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-redis-'));
  const server = spawn(program, ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(server, 'exit');
  const kill = (): void => void server.kill('SIGKILL');
  process.once('exit', kill);
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${program} was not ready within ${READY_MS} ms`)), READY_MS);
    server.once('exit', (code) => reject(new Error(`${program} ended with ${code}`)));
    server.stdout.on('data', (chunk: Buffer) => {
      if (!chunk.includes('eady to accept connections')) return;
      clearTimeout(timer);
      resolve();
    });
  });
  return {
    url: `redis://127.0.0.1:${port}`,
    pid: server.pid ?? 0,
    async [Symbol.asyncDispose]() {
      kill();
      await exited;
      process.off('exit', kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
