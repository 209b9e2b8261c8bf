/** Owns one PostgreSQL server: starts it, detects when it is ready, stops it. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { sleep } from '../../base/clock.ts';
import { MeridianError } from '../../base/errors.ts';
import { type Supervisor, type SupervisedProcess } from '../supervisor/supervisor.ts';
import { STOP_POSTGRES } from '../supervisor/protocol.ts';
import { explainOutput, tailOf } from '../problems.ts';
import { PLAIN_ENV, type Account } from './account.ts';
import { type BinaryHome } from './binaries.ts';

/** Crash recovery after kill -9 of a busy server takes a while. */
const READY_MS = 60_000;
const POLL_MS = 10;

export interface InstanceOptions {
  readonly region: string;
  readonly supervisor: Supervisor;
  readonly account: Account | undefined;
  readonly binaries: BinaryHome;
  readonly dataDir: string;
  readonly logFile: string;
}

export class Instance {
  readonly #options: InstanceOptions;
  #process: SupervisedProcess | undefined;

  constructor(options: InstanceOptions) {
    this.#options = options;
  }

  get region(): string {
    return this.#options.region;
  }

  get dataDir(): string {
    return this.#options.dataDir;
  }

  get logFile(): string {
    return this.#options.logFile;
  }

  /** The postmaster's process id; undefined while it does not run. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts with this configuration and waits until it takes connections. */
  async start(confFile: string): Promise<void> {
    if (this.#process)
      throw new MeridianError({ code: 'CLUSTER_START_FAILED', message: `PostgreSQL of ${this.region} runs already.` });
    const { supervisor, account, binaries, dataDir, logFile } = this.#options;
    const logFrom = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
    const started = await supervisor.spawn({
      command: join(binaries, 'bin', 'postgres'),
      args: ['-D', dataDir, '-c', `config_file=${confFile}`],
      env: PLAIN_ENV,
      cwd: '/',
      account,
      log: logFile,
      group: false,
      stop: STOP_POSTGRES,
    });
    this.#process = started;
    void started.exited.then(() => {
      if (this.#process === started) this.#process = undefined;
    });
    const until = performance.now() + READY_MS;
    while (!this.#isReady(started.pid)) {
      if (this.#process !== started)
        throw explainOutput(tailOf(logFile, logFrom), `Starting PostgreSQL of ${this.region} (log: ${logFile})`);
      if (performance.now() > until) {
        // A new attempt must find no server that already runs.
        await this.stop();
        throw new MeridianError({
          code: 'CLUSTER_START_FAILED',
          message: `PostgreSQL of ${this.region} was not ready within ${READY_MS / 1_000} s; see ${logFile}.`,
        });
      }
      await sleep(POLL_MS);
    }
  }

  /** The server writes its state into the last line of its pid file, which can be read without a connection. */
  #isReady(pid: number): boolean {
    const lines = textOf(join(this.dataDir, 'postmaster.pid')).split('\n');
    return lines[0] === String(pid) && lines[7]?.trim() === 'ready';
  }

  /** Resolves once it no longer runs, however it ended. */
  async ended(): Promise<void> {
    await this.#process?.exited;
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    running?.kill(signal);
    await running?.exited;
  }
}

/** '' if there is no such file: a server removes the file of one that was killed before it writes its own. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    // Not `instanceof`: where Jest runs, errors of Node are of another realm.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}
