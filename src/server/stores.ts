/** Owns the caches of operations: parsed documents, and the texts of persisted queries. */
import { type ApolloServerOptions, type BaseContext } from '@apollo/server';
import { LRUCache } from 'lru-cache';
import { type Options } from '../config/options.ts';

export type Stores = Pick<ApolloServerOptions<BaseContext>, 'documentStore' | 'persistedQueries'>;

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

/** Apollo keeps texts under this before their hash. */
const BEFORE_HASH = 'apq:';

/** Looks up the text of an operation that was sent with its hash before. */
export function textOfHash({ persistedQueries }: Stores): (hash: string) => Promise<string | undefined> {
  const cache = persistedQueries === false ? undefined : persistedQueries?.cache;
  return async (hash) => cache?.get(`${BEFORE_HASH}${hash}`);
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
