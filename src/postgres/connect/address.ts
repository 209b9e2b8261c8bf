/**
 * Owns a database URL while it is in use: its current target, and which of its hosts was accepted last. It never
 * exposes the URL.
 */
import { LRUCache } from 'lru-cache';
import { readTarget, type Target } from './target.ts';

/**
 * By URL: index of the host that was accepted last. It is tried first, so that a host that does not answer does not
 * delay every connection.
 */
const lastUsed = new LRUCache<string, number>({ max: 1_000 });

export class DatabaseAddress {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  /**
   * Parsed for each connection, because password files, service files and certificates may have changed. Throws
   * `CONFIG_INVALID`.
   */
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
