/**
 * Owns a database URL while it is in use: what it comes to now, and which of its hosts was the right one last. It never
 * shows the URL.
 */
import { LRUCache } from 'lru-cache';
import { readTarget, type Target } from './target.ts';

/**
 * By URL: the host that was what its URL wants is asked first, so that one that does not answer holds up no further
 * connection.
 */
const lastUsed = new LRUCache<string, number>({ max: 1_000 });

export class DatabaseAddress {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /** Read for each connection anew: files of passwords and certificates may have changed. Throws `CONFIG_INVALID`. */
  read(): Target {
    return readTarget(this.#url);
  }

  get first(): number {
    return lastUsed.get(this.#url) ?? 0;
  }

  set first(index: number) {
    lastUsed.set(this.#url, index);
  }
}
