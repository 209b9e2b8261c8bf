/**
 * Owns one region's Redis in a history, and how it breaks: killed, emptied, stopped, without memory, or back with what
 * it once knew.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { freePort } from '../support/ports.ts';
import { startScratchRedis, type ScratchRedis } from '../support/redis.ts';

export class RegionRedis implements AsyncDisposable {
  readonly port: number;
  readonly #program: string;
  readonly #folder = mkdtempSync(join(tmpdir(), 'meridian-history-redis-'));
  #running: ScratchRedis | null = null;
  #client: Redis | null = null;

  private constructor(program: string, port: number) {
    this.#program = program;
    this.port = port;
  }

  static async start(program: string): Promise<RegionRedis> {
    const redis = new RegionRedis(program, await freePort());
    await redis.#start();
    return redis;
  }

  async #start(): Promise<void> {
    this.#running = await startScratchRedis(this.#program, this.port, { folder: this.#folder });
    this.#client = new Redis({ port: this.port, host: '127.0.0.1', retryStrategy: null, maxRetriesPerRequest: 0 });
    this.#client.on('error', () => undefined);
  }

  /** Throws where it does not run. */
  async command(name: string, ...args: string[]): Promise<unknown> {
    if (this.#client === null) throw new Error('this Redis does not run');
    return this.#client.call(name, ...args);
  }

  /** Keys under which the state of a shared cache lies: one for each set of servers that name the same tags. */
  async stateKeys(): Promise<string[]> {
    return (await this.command('KEYS', '{meridian:*}:state')) as string[];
  }

  async kill(): Promise<void> {
    this.#client?.disconnect();
    this.#client = null;
    const running = this.#running;
    this.#running = null;
    await running?.[Symbol.asyncDispose]();
  }

  /** Back with nothing. */
  async restart(): Promise<void> {
    rmSync(this.#dump, { force: true });
    await this.#start();
  }

  /** Keeps what it knows now, for `restartWithOld`. */
  async save(): Promise<void> {
    await this.command('SAVE');
    copyFileSync(this.#dump, this.#old);
  }

  /** Back with what it knew when it was saved. */
  async restartWithOld(): Promise<void> {
    if (existsSync(this.#old)) copyFileSync(this.#old, this.#dump);
    await this.#start();
  }

  /** Takes connections and answers nothing. */
  freeze(): void {
    if (this.#running) process.kill(this.#running.pid, 'SIGSTOP');
  }

  thaw(): void {
    if (this.#running) process.kill(this.#running.pid, 'SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #dump(): string {
    return join(this.#folder, 'dump.rdb');
  }

  get #old(): string {
    return join(this.#folder, 'old.rdb');
  }
}
