/**
 * Owns one Redis server of the cluster: starts it, detects when it answers, stops it. Its contents are a cache and are
 * not kept.
 */
import { statSync } from 'node:fs';
import { createConnection } from 'node:net';
import { sleep } from '../../base/clock.ts';
import { MeridianError, messageOf } from '../../base/errors.ts';
import { type Supervisor, type SupervisedProcess } from '../supervisor/supervisor.ts';
import { STOP_COMMAND } from '../supervisor/protocol.ts';
import { PLAIN_ENV, type Account } from '../postgres/account.ts';
import { explainOutput, tailOf } from '../problems.ts';
import { pidFile } from './folder.ts';
import { type RedisProgram } from './program.ts';

const READY_MS = 20_000;
const PING_MS = 1_000;
const POLL_MS = 20;
const MAX_MEMORY = '128mb';

export interface RedisOptions {
  readonly region: string;
  readonly port: number;
  readonly program: RedisProgram;
  readonly supervisor: Supervisor;
  readonly account: Account | undefined;
  /** Exists and belongs to the account. */
  readonly dataDir: string;
  readonly logFile: string;
}

export class RedisInstance {
  readonly #options: RedisOptions;
  #process: SupervisedProcess | undefined;

  constructor(options: RedisOptions) {
    this.#options = options;
  }

  get region(): string {
    return this.#options.region;
  }

  get port(): number {
    return this.#options.port;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get logFile(): string {
    return this.#options.logFile;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts it, empty, and waits until it answers PING. */
  async start(): Promise<void> {
    if (this.#process)
      throw new MeridianError({ code: 'CLUSTER_START_FAILED', message: `Redis of ${this.region} runs already.` });
    const { supervisor, account, program, dataDir, logFile, port } = this.#options;
    const logFrom = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
    const where = `Starting ${program.path} for ${this.region} (log: ${logFile}; --redis off does without)`;
    const failed = (why: string): MeridianError =>
      new MeridianError({ code: 'CLUSTER_START_FAILED', message: `${where} failed: ${why}.` });
    const spawned = supervisor.spawn({
      command: program.path,
      args: [
        '--port',
        String(port),
        '--bind',
        '127.0.0.1',
        '--daemonize',
        'no',
        '--dir',
        dataDir,
        '--pidfile',
        pidFile(dataDir, port),
        '--save',
        '',
        '--appendonly',
        'no',
        '--maxmemory',
        MAX_MEMORY,
        '--maxmemory-policy',
        'allkeys-lru',
      ],
      env: PLAIN_ENV,
      cwd: dataDir,
      account,
      log: logFile,
      group: true,
      stop: STOP_COMMAND,
    });
    const started = await spawned.catch((error: unknown) => Promise.reject(failed(messageOf(error))));
    this.#process = started;
    void started.exited.then(() => {
      if (this.#process === started) this.#process = undefined;
    });
    for (const until = performance.now() + READY_MS; !(await answersPing(port)); await sleep(POLL_MS)) {
      if (this.#process !== started) throw explainOutput(tailOf(logFile, logFrom), where);
      if (performance.now() > until) throw failed(`it did not answer within ${READY_MS / 1_000} s`);
    }
  }

  /** Resolves once it no longer runs, however it ended. */
  async ended(): Promise<void> {
    await this.#process?.exited;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    const running = this.#process;
    running?.kill(signal);
    await running?.exited;
  }
}

/** Whether the server that listens there answers as Redis does, within `PING_MS`. */
async function answersPing(port: number): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = createConnection({ host: '127.0.0.1', port });
  let answer = '';
  socket.setTimeout(PING_MS, () => resolve(false));
  socket.once('connect', () => socket.write('PING\r\n'));
  socket.setEncoding('utf8').on('data', (text: string) => {
    answer += text;
    if (answer.includes('\n')) resolve(answer.startsWith('+PONG'));
  });
  socket.once('error', () => resolve(false)).once('close', () => resolve(false));
  const answered = await promise;
  socket.destroy();
  return answered;
}
