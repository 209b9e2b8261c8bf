/** Owns PgBouncer for tests: found, or installed where that is possible, and run before a server of the tests' own. */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sleep } from '../../src/base/clock.ts';
import { POSTGRES_USER } from './binaries.ts';
import { freePort } from './ports.ts';

const INSTALL_MS = 180_000;
const READY_MS = 10_000;
const PROGRAMS = [
  '/usr/sbin/pgbouncer',
  '/usr/bin/pgbouncer',
  '/usr/local/bin/pgbouncer',
  '/opt/homebrew/bin/pgbouncer',
];

const found = (): string | null => PROGRAMS.find((path) => existsSync(path)) ?? null;

/** The program; null where there is none and this user may not install one. */
export function pgbouncer(): string | null {
  const present = found();
  if (present !== null || process.getuid?.() !== 0) return present;
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = (): boolean =>
    spawnSync('apt-get', ['install', '-y', '--no-install-recommends', 'pgbouncer'], { env, timeout: INSTALL_MS })
      .status === 0;
  if (!install() && spawnSync('apt-get', ['update'], { env, timeout: INSTALL_MS }).status === 0) install();
  return found();
}

export interface Bouncer extends AsyncDisposable {
  readonly port: number;
}

/** Runs it before the server at `port`, with these lines of `[pgbouncer]` besides. Whoever asks is believed. */
export async function startBouncer(
  program: string,
  port: number,
  settings: Readonly<Record<string, string>>,
): Promise<Bouncer> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-bouncer-'));
  const own = await freePort();
  const all = {
    listen_addr: '127.0.0.1',
    listen_port: String(own),
    unix_socket_dir: '',
    auth_type: 'any',
    pidfile: join(folder, 'pid'),
    ...settings,
  };
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(
    file,
    `[databases]\n* = host=127.0.0.1 port=${port} user=app\n[pgbouncer]\n${Object.entries(all)
      .map(([name, value]) => `${name} = ${value}\n`)
      .join('')}`,
  );
  if (POSTGRES_USER.uid !== undefined)
    for (const path of [folder, file]) chownSync(path, POSTGRES_USER.uid, POSTGRES_USER.uid);
  const child = spawn(program, ['-q', file], { ...POSTGRES_USER, cwd: folder, stdio: 'ignore' });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const kill = (): void => void child.kill('SIGKILL');
  process.once('exit', kill);
  for (const until = performance.now() + READY_MS; !(await listens(own)); await sleep(20)) {
    if (performance.now() > until || child.exitCode !== null) throw new Error('PgBouncer did not start');
  }
  return {
    port: own,
    async [Symbol.asyncDispose]() {
      kill();
      await exited;
      process.removeListener('exit', kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const done = (it: boolean): void => {
      socket.destroy();
      resolve(it);
    };
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}
