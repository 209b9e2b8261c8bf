/** Owns where the peers keep rows: nowhere, in the process, or in Redis, a batch at a time or key by key. */
import { Redis } from 'ioredis';
import { LRUCache } from 'lru-cache';
import { CACHE_ENTRIES, redisUrl, TTL_S } from './environment.mjs';

/**
 * @typedef {object} Cache
 * @property {(keys: readonly string[]) => Promise<readonly unknown[]> | readonly unknown[]} getMany Undefined where
 * there is nothing.
 * @property {(entries: readonly (readonly [string, unknown])[]) => Promise<unknown> | void} setMany
 */

/** @returns {Cache} */
function inMemory() {
  const kept = new LRUCache({ max: CACHE_ENTRIES });
  return {
    getMany: (keys) => keys.map((key) => kept.get(key)),
    setMany: (entries) => {
      for (const [key, value] of entries) kept.set(key, value);
    },
  };
}

/** @param {string | null} text */
const parsed = (text) => (text === null ? undefined : JSON.parse(text));

/** @returns {Cache} */
function byMget() {
  const redis = new Redis(redisUrl, { keyPrefix: 'peer-mget:' });
  return {
    getMany: async (keys) => (await redis.mget([...keys])).map(parsed),
    setMany: (entries) => {
      const pipeline = redis.pipeline();
      for (const [key, value] of entries) pipeline.setex(key, TTL_S, JSON.stringify(value));
      return pipeline.exec();
    },
  };
}

/** What one turn of the event loop asks for goes to Redis together. @returns {Cache} */
function byGet() {
  const redis = new Redis(redisUrl, { keyPrefix: 'peer-get:', enableAutoPipelining: true });
  return {
    getMany: (keys) => Promise.all(keys.map(async (key) => parsed(await redis.get(key)))),
    setMany: (entries) => Promise.all(entries.map(([key, value]) => redis.setex(key, TTL_S, JSON.stringify(value)))),
  };
}

/** @type {Readonly<Record<string, () => Cache | null>>} */
const KINDS = { none: () => null, memory: inMemory, mget: byMget, get: byGet };

/** @param {string} kind @returns {Cache | null} Null where nothing is kept. */
export function openCache(kind) {
  const open = KINDS[kind];
  if (open === undefined) throw new RangeError(`there is no cache ${kind}, only ${Object.keys(KINDS).join(', ')}`);
  return open();
}
