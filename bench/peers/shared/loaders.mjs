/** Owns the loaders of one request: batched by DataLoader, from the cache where there is one. */
import DataLoader from 'dataloader';
import { batches } from './rows.mjs';

/** @typedef {keyof typeof batches} Name */

/**
 * What a cache lacks is read in one statement, and kept.
 * @param {import('./caches.mjs').Cache} cache @param {Name} name
 */
const throughCache = (cache, name) => async (/** @type {readonly string[]} */ keys) => {
  const named = keys.map((key) => `${name}:${key}`);
  const values = [...(await cache.getMany(named))];
  const missing = keys.flatMap((_, place) => (values[place] === undefined ? [place] : []));
  if (missing.length === 0) return values;
  const rows = await batches[name](missing.map((place) => keys[place]));
  await cache.setMany(missing.map((place, i) => [named[place], rows[i]]));
  for (const [i, place] of missing.entries()) values[place] = rows[i];
  return values;
};

/** Each loader is made when a request first asks for it. */
export class Loaders {
  #cache;
  /** @type {Map<Name, DataLoader<string, any>>} */
  #made = new Map();

  /** @param {import('./caches.mjs').Cache | null} cache */
  constructor(cache) {
    this.#cache = cache;
  }

  /** @param {Name} name @param {string} key */
  load(name, key) {
    let loader = this.#made.get(name);
    if (loader === undefined) {
      loader = new DataLoader(this.#cache === null ? batches[name] : throughCache(this.#cache, name));
      this.#made.set(name, loader);
    }
    return loader.load(key);
  }
}
