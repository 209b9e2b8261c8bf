/**
 * Owns how commands are sent to Redis: scripts by their hash, each with a time limit, and none while Redis is known
 * not to answer.
 */
import { Breaker } from '../base/breaker.ts';
import { messageOf } from '../base/errors.ts';
import { SharedCacheDown } from '../cache/ports.ts';
import { type Options } from '../config/options.ts';
import {
  NoAnswer,
  answeredWithin,
  closeRedis,
  openRedis,
  whenReady,
  type RedisAddress,
  type RedisConnection,
} from './connect.ts';
import { type Script } from './script.ts';

export interface RedisSettings extends RedisAddress {
  readonly options: Pick<
    Options,
    'redisMode' | 'redisMaster' | 'redisConnectMs' | 'redisMs' | 'redisFailures' | 'redisRetryMs'
  >;
}

export class RedisLink {
  readonly #redis: RedisConnection;
  readonly #settings: RedisSettings;
  readonly #key: string;
  readonly #breaker: Breaker;

  /** `key`: the key that all scripts are run on. */
  constructor(settings: RedisSettings, key: string) {
    const { redisFailures: failures, redisRetryMs: retryMs } = settings.options;
    this.#settings = settings;
    this.#key = key;
    this.#redis = openRedis(settings);
    this.#breaker = new Breaker({
      failures,
      retryMs,
      probe: () => this.#ask(() => this.#redis.exists(key)),
      onChange: (open, cause) => this.#onChange(open, cause),
    });
    this.#redis.on('ready', () => this.#breaker.close());
  }

  /** Whether commands are being sent: there is a connection, and the circuit breaker is closed. */
  get available(): boolean {
    return !this.#breaker.open && this.#redis.status === 'ready';
  }

  /**
   * Waits for the first connection, at most `redisConnectMs`. Resolves to false if there is none yet, in which case it
   * keeps trying. Never throws.
   */
  opened(): Promise<boolean> {
    return whenReady(this.#redis, this.#settings.options.redisConnectMs);
  }

  /**
   * Runs a script. Returns null if the key holds a value of another type, which Meridian did not write. Throws
   * `SharedCacheDown` if Redis does not answer in time, is not connected, or returns an error, or if the circuit
   * breaker is open.
   */
  async run(script: Script, args: readonly string[]): Promise<unknown> {
    try {
      return await this.#breaker.run(() => this.#ask(() => this.#evaluate(script, args)));
    } catch (error) {
      throw new SharedCacheDown(`The region's Redis does not answer (${messageOf(error)}).`, { cause: error });
    }
  }

  close(): void {
    closeRedis(this.#redis);
  }

  async #evaluate(script: Script, args: readonly string[]): Promise<unknown> {
    try {
      return await script.run(this.#redis, this.#key, args);
    } catch (error) {
      if (messageOf(error).includes('WRONGTYPE')) return null;
      throw error;
    }
  }

  /** A Cluster would queue commands before it is connected, so nothing is sent until then. */
  async #ask<T>(task: () => Promise<T>): Promise<T> {
    if (this.#redis.status !== 'ready') throw new Error('there is no connection');
    return answeredWithin(this.#settings.options.redisMs, task());
  }

  #onChange(open: boolean, cause: unknown): void {
    const { log } = this.#settings;
    if (!open) return log.info("The region's Redis answers again.");
    log.warn(
      { err: cause },
      `The region's Redis is not asked for a while (redisRetryMs): ${messageOf(cause)}. Reads go on without it.`,
    );
    // A connection whose other end has vanished would otherwise stay open for many minutes.
    if (cause instanceof NoAnswer && this.#redis.status === 'ready') this.#redis.disconnect(true);
  }
}
