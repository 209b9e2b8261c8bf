/**
 * Owns probing whether a region's Redis answers and accepts new values, and reading the figures in it: one connection,
 * one request at a time, within a time limit.
 */
import { type Options } from '../config/options.ts';
import { type Log } from '../telemetry/log.ts';
import { answeredWithin, closeRedis, openRedis, whenReady, type RedisConnection } from './connect.ts';
import { RedisFigures } from './figures.ts';

export interface RedisHealthSettings {
  readonly url: string;
  readonly options: Pick<Options, 'redisMode' | 'redisMaster' | 'redisPrefix' | 'redisStatsMs'>;
  /** Time limit of one PING, including connecting, milliseconds. */
  readonly timeoutMs: number;
  readonly log: Log;
}

export class RedisHealth {
  /** The figures that the region's processes have stored there. */
  readonly figures: RedisFigures;
  readonly #redis: RedisConnection;
  readonly #timeoutMs: number;
  readonly #log: Log;
  #asked: Promise<boolean> | null = null;
  #wasFull = false;

  constructor({ url, options, timeoutMs, log }: RedisHealthSettings) {
    this.#timeoutMs = timeoutMs;
    this.#log = log;
    this.#redis = openRedis(
      {
        url,
        options: { redisMode: options.redisMode, redisMaster: options.redisMaster, redisConnectMs: timeoutMs },
        log,
      },
      { lazyConnect: true },
    );
    this.figures = new RedisFigures({ redis: this.#redis, timeoutMs, options });
  }

  /** Whether Redis answers in time and is not full. Never throws; concurrent callers share one request. */
  ping(): Promise<boolean> {
    this.#asked ??= answeredWithin(this.#timeoutMs, this.#ping())
      .catch(() => false)
      .finally(() => {
        this.#asked = null;
      });
    return this.#asked;
  }

  close(): void {
    closeRedis(this.#redis);
  }

  /** The connection's own listener logs the reason. */
  async #ping(): Promise<boolean> {
    return (
      (await whenReady(this.#redis, this.#timeoutMs)) &&
      (await this.#redis.ping()) === 'PONG' &&
      !(await this.#isFull())
    );
  }

  /**
   * Whether Redis has reached maxmemory with the policy noeviction: existing entries stay valid, and no new ones can
   * be stored.
   */
  async #isFull(): Promise<boolean> {
    const full = isFull(await this.#memory());
    if (full && !this.#wasFull)
      this.#log.warn(
        "The region's Redis has reached its maxmemory and evicts nothing (noeviction): no new value is kept there. Raise maxmemory, or set another maxmemory-policy.",
      );
    this.#wasFull = full;
    return full;
  }

  /** The memory section of INFO; null if this user may not run the command. */
  async #memory(): Promise<string | null> {
    try {
      return String(await this.#redis.call('INFO', 'memory'));
    } catch (error) {
      if (error instanceof Error && error.name === 'ReplyError') return null;
      throw error;
    }
  }
}

function isFull(info: string | null): boolean {
  const field = (name: string): string => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info ?? '')?.[1] ?? '';
  const limit = Number(field('maxmemory'));
  return limit > 0 && field('maxmemory_policy') === 'noeviction' && Number(field('used_memory')) >= limit;
}
