/**
 * Owns one process that serves HTTP: it is started under the supervisor and awaited until it is ready; if it does not
 * become ready, the end of its log is reported.
 */
import { statSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { sleep } from '../base/clock.ts';
import { MeridianError } from '../base/errors.ts';
import { entryPath } from './entry.ts';
import { type Supervisor, type SupervisedProcess } from './supervisor/supervisor.ts';
import { STOP_SERVER } from './supervisor/protocol.ts';
import { tailOf } from './problems.ts';

/** For a machine on which everything starts at the same moment. */
const READY_MS = 60_000;
const READY_CALL_MS = 2_000;
/** Interval of readiness checks: nine processes that start together are asked, and need the processor themselves. */
const POLL_MS = 150;
const SHOWN_LINES = 15;

export interface ServedOptions {
  /** As the beginning of a sentence. */
  readonly what: string;
  readonly supervisor: Supervisor;
  /** Node's arguments: a program and its arguments. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly logFile: string;
  /** Where it serves, without a path. */
  readonly url: string;
}

export class ServedProcess {
  readonly #options: ServedOptions;
  #process: SupervisedProcess | undefined;

  constructor(options: ServedOptions) {
    this.#options = options;
  }

  get what(): string {
    return this.#options.what;
  }

  get logFile(): string {
    return this.#options.logFile;
  }

  get url(): string {
    return this.#options.url;
  }

  /** Undefined while it does not run. */
  get pid(): number | undefined {
    return this.#process?.pid;
  }

  /** Starts the process and waits until it is ready; throws with the end of its log if it does not become ready. */
  async start(): Promise<void> {
    const { supervisor, args, env, logFile, url } = this.#options;
    const logFrom = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
    const started = await supervisor.spawn({
      command: process.execPath,
      args: ['--import', pathToFileURL(entryPath('./supervisor/end-with-input.ts')).href, ...args],
      env,
      cwd: process.cwd(),
      log: logFile,
      group: true,
      stop: STOP_SERVER,
    });
    this.#process = started;
    let exited = false;
    void started.exited.then(() => {
      exited = true;
      if (this.#process === started) this.#process = undefined;
    });
    for (const until = performance.now() + READY_MS; !(await isReady(url)); await sleep(POLL_MS)) {
      if (exited) throw this.#failure('ended before it was ready', logFrom);
      if (performance.now() > until) throw this.#failure(`was not ready within ${READY_MS / 1_000} s`, logFrom);
    }
  }

  /** Resolves when the process has ended; at once while none runs. */
  async ended(): Promise<void> {
    await this.#process?.exited;
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  #failure(what: string, logFrom: number): MeridianError {
    const lines = tailOf(this.logFile, logFrom).trimEnd().split('\n').slice(-SHOWN_LINES);
    return new MeridianError({
      code: 'CLUSTER_START_FAILED',
      message: `${this.what} ${what}; its log ${this.logFile} ends with:\n${lines.map(readable).join('\n')}`,
    });
  }
}

/** The message of a structured log line; any other line unchanged. */
function readable(line: string): string {
  try {
    const { msg, level, err } = JSON.parse(line) as { msg?: string; level?: string; err?: { message?: string } };
    return msg === undefined
      ? `  ${line}`
      : `  ${level ?? 'info'}: ${msg}${err?.message !== undefined && !msg.includes(err.message) ? ` (${err.message})` : ''}`;
  } catch (error) {
    if (error instanceof SyntaxError) return `  ${line}`;
    throw error;
  }
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health/ready`, { signal: AbortSignal.timeout(READY_CALL_MS) });
    await response.body?.cancel();
    return response.ok;
  } catch {
    // Not listening yet; the caller's time limit bounds the wait.
    return false;
  }
}
