/** Owns the caches of operations: parsed documents, and the texts of persisted queries. */
import { type ApolloServerOptions, type BaseContext } from '@apollo/server';
import { LRUCache } from 'lru-cache';
import { type Options } from '../config/options.ts';

type Stores = Pick<ApolloServerOptions<BaseContext>, 'documentStore' | 'persistedQueries'>;

/** Both caches belong to this process and contain only documents that have passed validation. */
export function createStores({
  documentBytes,
  persistedQueryBytes,
}: Pick<Options, 'documentBytes' | 'persistedQueryBytes'>): Stores {
  return {
    documentStore:
      documentBytes === 0
        ? null
        : new Store({ maxBytes: documentBytes, bytesOf: (document) => JSON.stringify(document).length }),
    persistedQueries:
      persistedQueryBytes === 0
        ? false
        : { cache: new Store<string>({ maxBytes: persistedQueryBytes, bytesOf: (text) => Buffer.byteLength(text) }) },
  };
}

interface StoreLimits<V> {
  readonly maxBytes: number;
  readonly bytesOf: (value: V) => number;
}

class Store<V extends object | string> {
  readonly #kept: LRUCache<string, V>;

  constructor({ maxBytes, bytesOf }: StoreLimits<V>) {
    this.#kept = new LRUCache<string, V>({
      maxSize: maxBytes,
      sizeCalculation: (value, key) => bytesOf(value) + key.length,
    });
  }

  async get(key: string): Promise<V | undefined> {
    return this.#kept.get(key);
  }

  async set(key: string, value: V): Promise<void> {
    this.#kept.set(key, value);
  }

  async delete(key: string): Promise<boolean> {
    return this.#kept.delete(key);
  }
}
