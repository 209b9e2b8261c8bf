/** Owns whether a region's Redis answers, and the figures that lie in it: one connection, one PING at a time, never longer than its limit. */
import { type Options } from '../config/options.ts';
import { type Log } from '../telemetry/log.ts';
import { answeredWithin, closeRedis, openRedis, whenReady, type RedisConnection } from './connect.ts';
import { RedisFigures } from './figures.ts';

export interface RedisHealthSettings {
  readonly url: string;
  readonly options: Pick<Options, 'redisMode' | 'redisMaster' | 'redisPrefix' | 'redisStatsMs'>;
  /** Time limit of one PING, with the connection that it may need, milliseconds. */
  readonly timeoutMs: number;
  readonly log: Log;
}

export class RedisHealth {
  /** What the region's processes left there. */
  readonly figures: RedisFigures;
  readonly #redis: RedisConnection;
  readonly #timeoutMs: number;
  #asked: Promise<boolean> | null = null;

  constructor({ url, options, timeoutMs, log }: RedisHealthSettings) {
    this.#timeoutMs = timeoutMs;
    this.#redis = openRedis({ url, options: { redisMode: options.redisMode, redisMaster: options.redisMaster, redisConnectMs: timeoutMs }, log }, { lazyConnect: true });
    this.figures = new RedisFigures({ redis: this.#redis, timeoutMs, options });
  }

  /** Whether Redis answers PING in time. Never throws; callers at one moment share one PING. */
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

  /** Why not is logged by the connection's own listener. */
  async #ping(): Promise<boolean> {
    return (await whenReady(this.#redis, this.#timeoutMs)) && (await this.#redis.ping()) === 'PONG';
  }
}
