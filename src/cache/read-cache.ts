/** Owns the region's cache as loaders see it. */
import { type LocalLook } from './look.ts';
import { type CacheDemand, type Fetched, type FetchRequest } from './reading.ts';

/**
 * Without a working cache everything is loaded; it never fails on its own
 * account.
 */
export interface ReadCache {
  fetch<V>(request: FetchRequest<V>): Promise<Fetched<V>>;
  /** What the process keeps, for reads that wait for nothing; null where it has no generation, and keeps nothing. */
  look(demand: CacheDemand): LocalLook | null;
}
