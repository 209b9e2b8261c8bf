/** Owns what feeding the caches tells of itself, for metrics. */
import { type CacheLayer } from '../observer.ts';

/**
 * Why a generation began. `stream`: a stream of changes began. `gap`: changes may have been missed. `schema`: DDL that could
 * concern any value. `missing`: the shared cache had no generation. `outdated`: it lacked more than can be made good.
 * `restart`: the primary was started anew since. `follow`: this process began to follow the one that holds the tail.
 */
export type GenerationReason = 'stream' | 'gap' | 'schema' | 'missing' | 'outdated' | 'restart' | 'follow';

/** Called as things happen; must neither throw nor take long. */
export interface CacheFeedObserver {
  began(layer: CacheLayer, reason: GenerationReason): void;
  /** One step: with how many tags and tables, none where W alone moved. */
  applied(layer: CacheLayer, tags: number, tables: number): void;
  /** The shared cache was not in the state in which this process had left it. */
  refused(): void;
  /** A message of the one who holds the tail was missed, or the subscription was lost. */
  missed(): void;
}

export const QUIET: CacheFeedObserver = { began: () => {}, applied: () => {}, refused: () => {}, missed: () => {} };
