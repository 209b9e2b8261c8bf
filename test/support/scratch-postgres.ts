/** Owns a throw-away PostgreSQL server for tests that need one database and no replicas. */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { sleep } from '../../src/base/clock.ts';
import { binaryFolder, POSTGRES_USER } from './binaries.ts';
import { freePort } from './ports.ts';

export interface ScratchPostgres extends AsyncDisposable {
  /** A connected client; it is ended with the server. */
  connect(): Promise<pg.Client>;
}

const READY_MS = 20_000;

/** Starts a fresh server on a free port; disposing of it removes every trace. */
export async function startScratchPostgres(): Promise<ScratchPostgres> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-scratch-'));
  if (POSTGRES_USER.uid !== undefined) chownSync(folder, POSTGRES_USER.uid, POSTGRES_USER.uid);
  const data = join(folder, 'data');
  const binaries = binaryFolder();
  const init = spawnSync(
    join(binaries, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C.UTF-8', '--no-sync'],
    { ...POSTGRES_USER, cwd: folder, encoding: 'utf8' },
  );
  if (init.status !== 0) throw new Error(`initdb failed: ${init.stderr}`);
  const port = await freePort();
  const settings = [
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'fsync=off',
    'shared_buffers=32MB',
    'autovacuum=off',
    'timezone=Asia/Kolkata',
    'wal_level=logical',
  ];
  const server = spawn(
    join(binaries, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    { ...POSTGRES_USER, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let log = '';
  server.stderr.on('data', (chunk: Buffer) => (log = (log + chunk.toString()).slice(-4_000)));
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  // A test run that is cut short must not leave the server behind.
  const kill = (): void => void server.kill('SIGQUIT');
  process.once('exit', kill);

  const clients: pg.Client[] = [];
  const connect = async (): Promise<pg.Client> => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
    client.on('error', () => {
      // The server ends under its clients when the test is over; statements report their own failure.
    });
    await client.connect();
    clients.push(client);
    return client;
  };
  const deadline = Date.now() + READY_MS;
  for (;;) {
    try {
      await connect();
      break;
    } catch (error) {
      if (Date.now() > deadline || server.exitCode !== null)
        throw new Error(`PostgreSQL did not start: ${log}`, { cause: error });
      await sleep(50);
    }
  }
  return {
    connect,
    async [Symbol.asyncDispose]() {
      await Promise.allSettled(clients.map((client) => client.end()));
      kill();
      await exited;
      process.removeListener('exit', kill);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
