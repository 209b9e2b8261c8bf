/** Owns how commands are sent to Redis: scripts by their hash, each within its time limit, none while Redis is known not to answer. */
import { createHash } from 'node:crypto';
import { Breaker } from '../base/breaker.ts';
import { messageOf } from '../base/errors.ts';
import { SharedCacheDown } from '../cache/ports.ts';
import { type Options } from '../config/options.ts';
import { openRedis, whenReady, type RedisAddress, type RedisConnection } from './connect.ts';

export interface RedisSettings extends RedisAddress {
  readonly options: Pick<Options, 'redisMode' | 'redisMaster' | 'redisConnectMs' | 'redisMs' | 'redisFailures' | 'redisRetryMs'>;
}

/** A Lua script; every one names one key, whose hash tag all others share that it touches. */
export class Script {
  readonly lua: string;
  readonly sha: string;

  constructor(lua: string) {
    this.lua = lua;
    this.sha = createHash('sha1').update(lua).digest('hex');
  }
}

export class RedisLink {
  readonly #redis: RedisConnection;
  readonly #settings: RedisSettings;
  readonly #breaker: Breaker;

  constructor(settings: RedisSettings) {
    const { redisFailures: failures, redisRetryMs: retryMs } = settings.options;
    this.#settings = settings;
    this.#redis = openRedis(settings);
    this.#breaker = new Breaker({ failures, retryMs, probe: () => this.#within(this.#redis.ping()), onChange: (open, cause) => this.#onChange(open, cause) });
    this.#redis.on('ready', () => this.#breaker.close());
  }

  /** Whether commands are sent at all just now. */
  get available(): boolean {
    return !this.#breaker.open && this.#redis.status === 'ready';
  }

  /** Waits for the first connection, `redisConnectMs` at most; false: not yet, it goes on trying. Never throws. */
  opened(): Promise<boolean> {
    return whenReady(this.#redis, this.#settings.options.redisConnectMs);
  }

  /**
   * Null where something else lies under the key: nothing of ours stands there.
   * Throws `SharedCacheDown`: no answer in time, no connection, an error for an answer, or Redis was given up for a while.
   */
  run(script: Script, key: string, args: readonly string[]): Promise<unknown> {
    return this.#send(async () => {
      try {
        return await this.#evaluate(script, key, args);
      } catch (error) {
        if (messageOf(error).includes('WRONGTYPE')) return null;
        throw error;
      }
    });
  }

  close(): void {
    this.#redis.disconnect();
  }

  async #evaluate(script: Script, key: string, args: readonly string[]): Promise<unknown> {
    try {
      return await this.#redis.evalsha(script.sha, 1, key, ...args);
    } catch (error) {
      // A server that was restarted, or became the master, has never heard of it.
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      return await this.#redis.eval(script.lua, 1, key, ...args);
    }
  }

  async #send<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await this.#breaker.run(() => this.#within(task()));
    } catch (error) {
      throw new SharedCacheDown(`The region's Redis does not answer (${messageOf(error)}).`, { cause: error });
    }
  }

  async #within<T>(answer: Promise<T>): Promise<T> {
    const { redisMs } = this.#settings.options;
    const { promise: late, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(() => reject(new Error(`no answer within ${redisMs} ms`)), redisMs);
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  #onChange(open: boolean, cause: unknown): void {
    const { log } = this.#settings;
    if (!open) return log.info('The region\'s Redis answers again.');
    log.warn({ err: cause }, `The region's Redis is left alone for a while: ${messageOf(cause)}. Reads go on without it.`);
    // A connection whose other end is gone without a word would stay for many minutes.
    if (this.#redis.status === 'ready') this.#redis.disconnect(true);
  }
}
