/** Owns the cluster's GraphQL servers: one process per region, started together, waited for, started again when they die. */
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Backoff } from '../base/backoff.ts';
import { sleep } from '../base/clock.ts';
import { MeridianError } from '../base/errors.ts';
import { type Cluster } from './cluster.ts';
import { entryPath } from './entry.ts';
import { type KeptProcess } from './keeper/keeper.ts';
import { STOP_SERVER } from './keeper/protocol.ts';
import { tailOf } from './problems.ts';
import { type Secrets } from './state.ts';

const READY_MS = 30_000;
const READY_CALL_MS = 2_000;
const POLL_MS = 50;
const SHOWN_LINES = 15;

export interface ServersOptions {
  readonly cluster: Cluster;
  readonly secrets: Secrets;
  /** The command line's program, which knows `start`. */
  readonly main: string;
  readonly schema: string;
  readonly resolvers?: string | undefined;
  /** What the user has set; the cluster's own settings win. */
  readonly env: NodeJS.ProcessEnv;
}

/** `eu-west-1` → `EU_WEST_1`, as in `DB_URL_EU_WEST_1`. */
function suffix(region: string): string {
  return region.replaceAll('-', '_').toUpperCase();
}

/** The environment of a region's server: regions as seen from there, at home direct, the others over the ocean. */
export function serverEnv(options: ServersOptions, region: string): Record<string, string> {
  const { cluster, secrets, schema, resolvers, env } = options;
  const names = cluster.regions.map(({ name }) => name);
  const caches = cluster.regions.flatMap(({ name, redis }) => (redis === null ? [] : [[`REDIS_URL_${suffix(name)}`, redis.url] as const]));
  const own = caches.length > 0 ? /^(MERIDIAN_POSTGRES_|DB_URL_|SERVER_URL_|REDIS_URL_)/ : /^(MERIDIAN_POSTGRES_|DB_URL_|SERVER_URL_)/;
  const inherited = Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined && !own.test(entry[0]));
  return {
    // A request in flight has a moment, not the ten seconds of production, to finish after Ctrl-C.
    MERIDIAN_DRAIN_MS: '3000',
    MERIDIAN_DRAIN_DELAY_MS: '0',
    ...Object.fromEntries(inherited),
    MERIDIAN_REGION: region,
    MERIDIAN_REGIONS: names.join(','),
    ...Object.fromEntries(names.map((name) => [`DB_URL_${suffix(name)}`, cluster.dsnFor(region, name)])),
    ...Object.fromEntries(names.map((name) => [`SERVER_URL_${suffix(name)}`, cluster.urlFor(region, name)])),
    ...Object.fromEntries(caches),
    MERIDIAN_HOST: '127.0.0.1',
    MERIDIAN_PORT: String(cluster.region(region).ports.http),
    MERIDIAN_SCHEMA: schema,
    ...(resolvers === undefined ? {} : { MERIDIAN_RESOLVERS: resolvers }),
    MERIDIAN_JWT_SECRET: secrets.jwtSecret,
    MERIDIAN_TOKEN_SECRET: secrets.tokenSecret,
  };
}

export class RegionServer {
  readonly region: string;
  readonly logFile: string;
  readonly #options: ServersOptions;
  #process: KeptProcess | undefined;

  constructor(options: ServersOptions, region: string) {
    this.region = region;
    this.#options = options;
    this.logFile = join(options.cluster.logDir, `${region}.log`);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get url(): string {
    return this.#options.cluster.urlFor(this.region, this.region);
  }

  /** Starts the process and waits until it is ready to answer; throws with the end of its log when it does not come to that. */
  async start(): Promise<void> {
    const { cluster, main } = this.#options;
    const logFrom = statSync(this.logFile, { throwIfNoEntry: false })?.size ?? 0;
    const started = await cluster.keeper.spawn({
      command: process.execPath,
      args: ['--import', pathToFileURL(entryPath('./keeper/leash.ts')).href, main, 'start'],
      env: serverEnv(this.#options, this.region),
      cwd: process.cwd(), log: this.logFile, group: true, stop: STOP_SERVER,
    });
    this.#process = started;
    let exited = false;
    void started.exited.then(() => {
      exited = true;
      if (this.#process === started) this.#process = undefined;
    });
    for (const until = performance.now() + READY_MS; !(await isReady(this.url)); await sleep(POLL_MS)) {
      if (exited) throw this.#failure('ended before it was ready', logFrom);
      if (performance.now() > until) throw this.#failure(`was not ready within ${READY_MS / 1_000} s`, logFrom);
    }
  }

  /** Resolves when the process is gone; at once while none runs. */
  async ended(): Promise<void> {
    await this.#process?.exited;
  }

  async stop(): Promise<void> {
    await this.#process?.stop();
  }

  #failure(what: string, logFrom: number): MeridianError {
    const lines = tailOf(this.logFile, logFrom).trimEnd().split('\n').slice(-SHOWN_LINES);
    return new MeridianError({ code: 'CLUSTER_START_FAILED', message: `The server of ${this.region} ${what}; its log ${this.logFile} ends with:\n${lines.map(readable).join('\n')}` });
  }
}

/** A structured log line as its message alone; anything else as it is. */
function readable(line: string): string {
  try {
    const { msg, level, err } = JSON.parse(line) as { msg?: string; level?: string; err?: { message?: string } };
    return msg === undefined ? `  ${line}` : `  ${level ?? 'info'}: ${msg}${err?.message !== undefined && !msg.includes(err.message) ? ` (${err.message})` : ''}`;
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
    // Not listening yet, which the caller's time limit bounds.
    return false;
  }
}

export interface Supervised {
  /** As it may begin a sentence. */
  readonly what: string;
  ended(): Promise<void>;
  start(): Promise<void>;
}

export interface SupervisionOptions {
  readonly onNotice: (sentence: string) => void;
  /** After every change of a process id. */
  readonly onChange: () => void;
  readonly stopping: AbortSignal;
}

const RESTART_FIRST_MS = 1_000;
const RESTART_MAX_MS = 15_000;
/** Deaths in a row; one that has lived this long counts anew. */
const RESTARTS = 10;
const STEADY_MS = 60_000;

/** Starts something again whenever it has ended, until `stopping`, with growing waits and not for ever. */
export async function supervise(subject: Supervised, { onNotice, onChange, stopping }: SupervisionOptions): Promise<void> {
  const backoff = new Backoff({ firstMs: RESTART_FIRST_MS, maxMs: RESTART_MAX_MS });
  while (!stopping.aborted) {
    const since = performance.now();
    await subject.ended();
    if (stopping.aborted) return;
    onChange();
    if (performance.now() - since > STEADY_MS) backoff.reset();
    if (backoff.tries >= RESTARTS) return onNotice(`${subject.what} has ended ${RESTARTS} times in a row and is not started again.`);
    const waitMs = backoff.nextMs();
    onNotice(`${subject.what} has ended; it is started again in ${(waitMs / 1_000).toFixed(1)} s.`);
    if (!(await sleep(waitMs, stopping))) return;
    try {
      await subject.start();
      onNotice(`${subject.what} is back.`);
    } catch (error) {
      if (!stopping.aborted) onNotice((error as Error).message);
    }
    onChange();
  }
}
