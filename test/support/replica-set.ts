/** Owns a throw-away primary with streaming replicas whose servers, links and replay a test can break one by one. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { appendFileSync, chownSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { sleep } from '../../src/base/clock.ts';
import { parseLsn, type Lsn } from '../../src/base/lsn.ts';
import { binaryFolder, POSTGRES_USER as USER } from './binaries.ts';
import { startLink, type TestLink } from './link.ts';
import { freePort } from './ports.ts';

const READY_MS = 30_000;

/** One server: its address, a ready client, and ways to break it. */
export class TestServer {
  readonly dataDir: string;
  /** May be changed while the server is stopped. */
  port: number;
  /** The way from a replica to its primary. */
  link: TestLink | null = null;
  readonly #binaries: string;
  #process: ChildProcess | null = null;
  #client: pg.Client | null = null;
  #log = '';

  constructor(dataDir: string, port: number, binaries: string) {
    this.dataDir = dataDir;
    this.port = port;
    this.#binaries = binaries;
  }

  /** The end of what the server itself has logged since it was last started. */
  get log(): string {
    return this.#log;
  }

  get url(): string {
    return `postgres://postgres@127.0.0.1:${this.port}/postgres`;
  }

  async start(): Promise<void> {
    const child = spawn(join(this.#binaries, 'postgres'), ['-D', this.dataDir, '-p', String(this.port)], {
      ...USER,
      cwd: this.dataDir,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#log = '';
    child.stderr.on('data', (chunk: Buffer) => (this.#log = (this.#log + chunk.toString()).slice(-20_000)));
    // A test run that is cut short must not leave the server behind.
    const kill = (): void => void child.kill('SIGQUIT');
    process.once('exit', kill);
    child.once('exit', () => process.removeListener('exit', kill));
    this.#process = child;
    for (const deadline = Date.now() + READY_MS; ; await sleep(30)) {
      try {
        await this.query('SELECT 1');
        return;
      } catch (error) {
        if (Date.now() > deadline || child.exitCode !== null)
          throw new Error(`PostgreSQL did not start: ${this.#log}`, { cause: error });
      }
    }
  }

  /** `SIGINT`: fast shutdown; `SIGQUIT`: as good as a crash. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' = 'SIGINT'): Promise<void> {
    const client = this.#client;
    this.#client = null;
    if (client) await client.end().catch(() => undefined);
    const child = this.#process;
    this.#process = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    await exited;
  }

  async query<R extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<R[]> {
    if (this.#client === null) {
      const client = new pg.Client({ connectionString: this.url });
      client.on('error', () => {
        // The server ends under its client when a test breaks it; statements report their own failure.
        if (this.#client === client) this.#client = null;
      });
      await client.connect();
      this.#client = client;
    }
    return (await this.#client.query<R>(text, values)).rows;
  }

  async position(): Promise<Lsn> {
    const [row] = await this.query<{ lsn: string }>(
      'SELECT (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END)::text AS lsn',
    );
    return parseLsn(row?.lsn ?? '');
  }

  async caughtUp(lsn: Lsn): Promise<void> {
    await until(`port ${this.port} replays`, async () => (await this.position()) >= lsn);
  }
}

export interface ReplicaSet extends AsyncDisposable {
  readonly primary: TestServer;
  readonly replicas: readonly TestServer[];
}

/** Polls until `done` holds; fails the test with `what` after `timeoutMs`. */
export async function until(what: string, done: () => Promise<boolean> | boolean, timeoutMs = 15_000): Promise<void> {
  for (const deadline = Date.now() + timeoutMs; !(await done()); await sleep(10)) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
  }
}

/** `binaries`: folder of the PostgreSQL to run, where the test is about a version of its own. */
export async function startReplicaSet(
  replicaCount: number,
  settings: Readonly<Record<string, string>> = {},
  binaries = binaryFolder(),
): Promise<ReplicaSet> {
  const folder = mkdtempSync(join(tmpdir(), 'meridian-replicas-'));
  const own = (path: string): void => {
    if (USER.uid !== undefined) chownSync(path, USER.uid, USER.uid);
  };
  const run = (command: string, args: readonly string[]): void => {
    const done = spawnSync(command, args, { ...USER, cwd: folder, encoding: 'utf8' });
    if (done.status !== 0) throw new Error(`${command} failed: ${done.stderr}`);
  };
  own(folder);
  const servers: TestServer[] = [];
  const dispose = async (): Promise<void> => {
    for (const server of servers.toReversed()) {
      await server.stop('SIGQUIT');
      await server.link?.[Symbol.asyncDispose]();
    }
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    const primary = new TestServer(join(folder, 'p'), await freePort(), binaries);
    servers.push(primary);
    run(join(binaries, 'initdb'), [
      '-D',
      primary.dataDir,
      '-U',
      'postgres',
      '-A',
      'trust',
      '-E',
      'UTF8',
      '--locale=C',
      '--no-sync',
    ]);
    const all = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      wal_level: 'logical',
      hot_standby_feedback: 'on',
      max_wal_senders: '20',
      max_replication_slots: '20',
      track_commit_timestamp: 'on',
      fsync: 'off',
      shared_buffers: '32MB',
      wal_receiver_status_interval: '1s',
      wal_retrieve_retry_interval: '100ms',
      autovacuum: 'off',
      ...settings,
    };
    appendFileSync(
      join(primary.dataDir, 'postgresql.conf'),
      Object.entries(all)
        .map(([key, value]) => `\n${key} = '${value}'`)
        .join(''),
    );
    await primary.start();
    for (let i = 1; i <= replicaCount; i += 1)
      servers.push(
        await makeReplica(primary, new TestServer(join(folder, `r${i}`), await freePort(), binaries), i, own),
      );
    return { primary, replicas: servers.slice(1), [Symbol.asyncDispose]: dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

async function makeReplica(
  primary: TestServer,
  replica: TestServer,
  number: number,
  own: (path: string) => void,
): Promise<TestServer> {
  replica.link = await startLink(primary.port);
  await primary.query('SELECT pg_create_physical_replication_slot($1, true)', [`replica_${number}`]);
  await primary.query(`SELECT pg_backup_start('replica', true)`);
  mkdirSync(replica.dataDir, { mode: 0o700 });
  cpSync(primary.dataDir, replica.dataDir, {
    recursive: true,
    filter: (path) => !path.endsWith('postmaster.pid') && !/pg_replslot\/./.test(path),
  });
  const [stopped] = await primary.query<{ labelfile: string }>('SELECT labelfile FROM pg_backup_stop(false)');
  writeFileSync(join(replica.dataDir, 'backup_label'), stopped?.labelfile ?? '');
  writeFileSync(join(replica.dataDir, 'standby.signal'), '');
  appendFileSync(
    join(replica.dataDir, 'postgresql.conf'),
    `\nprimary_conninfo = 'host=127.0.0.1 port=${replica.link.port} user=postgres application_name=replica_${number}'\nprimary_slot_name = 'replica_${number}'\n`,
  );
  for (const entry of readdirSync(replica.dataDir, { recursive: true, encoding: 'utf8' }))
    own(join(replica.dataDir, entry));
  own(replica.dataDir);
  await replica.start();
  return replica;
}
