/**
 * Owns one server process of a region in a history: the program itself, killed, stopped and started again at the same
 * address.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sleep } from '../../src/base/clock.ts';
import { STOP_SERVER, type Exit } from '../../src/dev/supervisor/protocol.ts';
import { type Supervisor, type SupervisedProcess } from '../../src/dev/supervisor/supervisor.ts';
import { tailOf } from '../../src/dev/problems.ts';
import { envName } from '../../src/config/option.ts';
import { REGIONS_VARIABLE, variableSuffix } from '../../src/config/regions.ts';
import { type Options } from '../../src/config/options.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const BREAK = new URL('../support/break.ts', import.meta.url).href;
const LEASH = new URL('../../src/dev/supervisor/end-with-input.ts', import.meta.url).href;
const RESOLVERS = fileURLToPath(new URL('./resolvers.ts', import.meta.url));
const READY_MS = 180_000;
const CALL_MS = 2_000;

export interface RegionAddresses {
  readonly databaseUrl: string;
  readonly redisUrl: string | null;
}

export interface RegionServerParts {
  readonly region: string;
  /** Tells the region's processes apart. */
  readonly name: string;
  readonly port: number;
  readonly supervisor: Supervisor;
  readonly logDir: string;
  /** Folder of its SDL. */
  readonly schema: string;
  /** Every region as this process reaches it. */
  readonly regions: Readonly<Record<string, RegionAddresses>>;
  readonly options: Partial<Options>;
}

export class RegionServer {
  readonly region: string;
  readonly name: string;
  readonly url: string;
  /** A fault has ended it, or is about to start it: nobody needs to answer there. */
  isDown = true;
  /** Mechanism that the process is started without from now on; null: it is whole. */
  broken: string | null;
  /** One sentence for each time that it ended by itself. */
  readonly deaths: string[] = [];
  readonly #parts: RegionServerParts;
  #reviving: Promise<void> = Promise.resolve();
  /** Counts starts and ends: one that was overtaken goes on no longer. */
  #turn = 0;
  #process: SupervisedProcess | null = null;

  constructor(parts: RegionServerParts, broken: string | null) {
    this.#parts = parts;
    this.broken = broken;
    this.region = parts.region;
    this.name = parts.name;
    this.url = `http://127.0.0.1:${parts.port}/graphql`;
  }

  /**
   * A server whose database is out as well may end before it is ready: whoever looks after it starts it again, as is
   * done here.
   */
  async start(): Promise<void> {
    const turn = (this.#turn += 1);
    for (const deadline = performance.now() + READY_MS; !(await this.#started(turn, deadline)); await sleep(200)) {
      if (turn !== this.#turn) return;
      // One that lacks a mechanism and does not start cannot do without it any more, or not in this way.
      if (this.broken !== null || performance.now() > deadline)
        throw new Error(
          `The server ${this.name} was not ready within ${READY_MS} ms: ${tailOf(this.#logFile, 0).slice(-3_000)}`,
        );
    }
    this.isDown = false;
  }

  /** It ended by itself: somebody starts it again, as in life. */
  #onDeath({ code, signal }: Exit): void {
    this.isDown = true;
    this.deaths.push(
      `The server ${this.name} ended by itself with ${signal ?? code}: ${tailOf(this.#logFile, 0).slice(-3_000)}`,
    );
    this.#reviving = this.start();
    // Whoever needs it hears of it.
    this.#reviving.catch(() => undefined);
  }

  /** The end of what it logged. */
  get lastLines(): string {
    return tailOf(this.#logFile, 0).slice(-6_000);
  }

  get #logFile(): string {
    return join(this.#parts.logDir, `server-${this.name}.log`);
  }

  /** Whether it came to be ready. */
  async #started(turn: number, deadline: number): Promise<boolean> {
    const { supervisor } = this.#parts;
    const preloads = [LEASH, ...(this.broken === null ? [] : [BREAK])];
    const started = await supervisor.spawn({
      command: process.execPath,
      args: [...preloads.flatMap((preload) => ['--import', preload]), MAIN, 'start'],
      env: this.#env(),
      cwd: process.cwd(),
      log: this.#logFile,
      group: true,
      stop: STOP_SERVER,
    });
    if (turn !== this.#turn) {
      started.kill('SIGKILL');
      return false;
    }
    this.#process = started;
    let exited = false;
    void started.exited.then((exit) => {
      exited = true;
      if (!this.isDown && this.#process === started) this.#onDeath(exit);
    });
    while (!(await this.#isReady())) {
      if (exited || performance.now() > deadline) return false;
      await sleep(50);
    }
    return !exited;
  }

  async kill(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    await this.#reviving.catch(() => undefined);
    this.isDown = true;
    this.#turn += 1;
    const running = this.#process;
    this.#process = null;
    running?.kill(signal);
    await running?.exited;
  }

  /** Takes connections and answers nothing. */
  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  #env(): Record<string, string> {
    const { region, regions, port, schema, options } = this.#parts;
    const { broken } = this;
    const settings: Partial<Options> = {
      region,
      port,
      host: '127.0.0.1',
      auth: 'none',
      schema,
      resolvers: RESOLVERS,
      tokenSecret: TOKEN_SECRET,
      logLevel: 'info',
      drainMs: 1_000,
      ...options,
    };
    const addresses = Object.entries(regions).flatMap(([name, { databaseUrl, redisUrl }]) => [
      [`DB_URL_${variableSuffix(name)}`, databaseUrl],
      ...(redisUrl === null ? [] : [[`REDIS_URL_${variableSuffix(name)}`, redisUrl]]),
    ]);
    return {
      ...inherited(),
      ...(Object.fromEntries(addresses) as Record<string, string>),
      ...Object.fromEntries(Object.entries(settings).map(([key, value]) => [envName(key), String(value)])),
      [REGIONS_VARIABLE]: Object.keys(regions).join(','),
      ...(broken === null ? {} : { BREAK: broken }),
    };
  }

  async #isReady(): Promise<boolean> {
    try {
      const response = await fetch(this.url.replace('/graphql', '/health/ready'), {
        signal: AbortSignal.timeout(CALL_MS),
      });
      await response.body?.cancel();
      return response.ok;
    } catch {
      // Not listening yet, which the caller's time limit bounds.
      return false;
    }
  }
}

export const TOKEN_SECRET = 'a secret of histories that is long enough';

function inherited(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && !/^(MERIDIAN_|DB_URL_|REDIS_URL_|SERVER_URL_|NODE_TEST)/.test(entry[0]),
    ),
  );
}
