/** Owns how a Lua script is run in Redis: by its hash, and whole where the server does not know it yet. */
import { createHash } from 'node:crypto';
import { messageOf } from '../base/errors.ts';
import { type RedisConnection } from './connect.ts';

export class Script {
  readonly #lua: string;
  readonly #hash: string;

  constructor(lua: string) {
    this.#lua = lua;
    this.#hash = createHash('sha1').update(lua).digest('hex');
  }

  /** `key`: its hash tag is that of every key that the script touches. */
  async run(redis: RedisConnection, key: string, args: readonly string[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.#hash, 1, key, ...args);
    } catch (error) {
      // A server that was restarted, or became the master, has never heard of it.
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      return await redis.eval(this.#lua, 1, key, ...args);
    }
  }
}
