/** Owns whether a region's Redis answers: one connection, one PING at a time, never longer than its limit. */
import { Redis } from 'ioredis';
import { messageOf } from '../base/errors.ts';
import { type Log } from '../telemetry/log.ts';

export interface RedisHealthSettings {
  readonly url: string;
  /** Time limit of one PING, with the connection that it may need, milliseconds. */
  readonly timeoutMs: number;
  readonly log: Log;
}

const MAX_RECONNECT_MS = 1_000;

export class RedisHealth {
  readonly #redis: Redis;
  readonly #settings: RedisHealthSettings;
  #asked: Promise<boolean> | null = null;

  constructor(settings: RedisHealthSettings) {
    this.#settings = settings;
    this.#redis = new Redis(settings.url, {
      lazyConnect: true,
      connectTimeout: settings.timeoutMs,
      maxRetriesPerRequest: 0,
      retryStrategy: (tries) => Math.min(tries * 100, MAX_RECONNECT_MS),
    });
    // Without a listener a broken connection would take the process down.
    this.#redis.on('error', (error) => settings.log.debug({ err: error }, `Redis: ${messageOf(error)}`));
  }

  /** Whether Redis answers PING in time. Never throws; callers at one moment share one PING. */
  ping(): Promise<boolean> {
    this.#asked ??= this.#ping().finally(() => {
      this.#asked = null;
    });
    return this.#asked;
  }

  close(): void {
    this.#redis.disconnect();
  }

  async #ping(): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), this.#settings.timeoutMs);
    const answered = this.#redis.ping().then(
      (answer) => answer === 'PONG',
      // The reason is logged by the connection's own listener.
      () => false,
    );
    try {
      return await Promise.race([answered, late]);
    } finally {
      clearTimeout(timer);
    }
  }
}
