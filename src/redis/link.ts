/** Owns how commands are sent to Redis: scripts by their hash, each within its time limit, none while Redis is known not to answer. */
import { Breaker } from '../base/breaker.ts';
import { messageOf } from '../base/errors.ts';
import { SharedCacheDown } from '../cache/ports.ts';
import { type Options } from '../config/options.ts';
import { answeredWithin, openRedis, whenReady, type RedisAddress, type RedisConnection } from './connect.ts';
import { type Script } from './script.ts';

export interface RedisSettings extends RedisAddress {
  readonly options: Pick<Options, 'redisMode' | 'redisMaster' | 'redisConnectMs' | 'redisMs' | 'redisFailures' | 'redisRetryMs'>;
}

export class RedisLink {
  readonly #redis: RedisConnection;
  readonly #settings: RedisSettings;
  readonly #breaker: Breaker;

  constructor(settings: RedisSettings) {
    const { redisFailures: failures, redisRetryMs: retryMs } = settings.options;
    this.#settings = settings;
    this.#redis = openRedis(settings);
    this.#breaker = new Breaker({ failures, retryMs, probe: () => answeredWithin(settings.options.redisMs, this.#redis.ping()), onChange: (open, cause) => this.#onChange(open, cause) });
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
        return await script.run(this.#redis, key, args);
      } catch (error) {
        if (messageOf(error).includes('WRONGTYPE')) return null;
        throw error;
      }
    });
  }

  close(): void {
    this.#redis.disconnect();
  }

  async #send<T>(task: () => Promise<T>): Promise<T> {
    try {
      return await this.#breaker.run(() => answeredWithin(this.#settings.options.redisMs, task()));
    } catch (error) {
      throw new SharedCacheDown(`The region's Redis does not answer (${messageOf(error)}).`, { cause: error });
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
