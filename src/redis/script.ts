/**
 * Owns how a Lua script of `lua/` is loaded and run in Redis: by its hash, or as text if the server does not know it
 * yet.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { messageOf } from '../base/errors.ts';
import { type RedisConnection } from './connect.ts';

export class Script {
  readonly #lua: string;
  readonly #hash: string;

  /**
   * `files`: the parts of the script, in order. A script in Redis cannot load another one, so files with shared
   * functions come first.
   */
  constructor(...files: readonly string[]) {
    this.#lua = files.map((file) => readFileSync(new URL(`./lua/${file}`, import.meta.url), 'utf8')).join('\n');
    this.#hash = createHash('sha1').update(this.#lua).digest('hex');
  }

  /** `key`: all keys that the script uses have the same hash tag as this one. */
  async run(redis: RedisConnection, key: string, args: readonly string[]): Promise<unknown> {
    try {
      return await redis.evalsha(this.#hash, 1, key, ...args);
    } catch (error) {
      // A server that was restarted, or has become the master, may not have the script in its cache.
      if (!messageOf(error).startsWith('NOSCRIPT')) throw error;
      return await redis.eval(this.#lua, 1, key, ...args);
    }
  }
}
