/** Owns what the cache feed reports for metrics. */
import { type CacheLayer } from '../observer.ts';

/**
 * Why a generation began. `stream`: a stream of changes began. `gap`: changes may have been missed. `schema`: DDL that
 * could concern any value. `missing`: the shared cache had no generation. `outdated`: it lacked more changes than could
 * be applied later. `restart`: the primary has been restarted. `follow`: this process began to follow the slot holder.
 */
export type GenerationReason = 'stream' | 'gap' | 'schema' | 'missing' | 'outdated' | 'restart' | 'follow';

/** Called when the events happen; must not throw and must be fast. */
export interface CacheFeedObserver {
  began(layer: CacheLayer, reason: GenerationReason): void;
  /** One step with its number of tags and tables; zero if only W moved. */
  applied(layer: CacheLayer, tags: number, tables: number): void;
  /** The shared cache was not in the state that this process had left. */
  refused(): void;
  /** A message of the slot holder was missed, or the subscription was lost. */
  missed(): void;
}

export const QUIET: CacheFeedObserver = { began: () => {}, applied: () => {}, refused: () => {}, missed: () => {} };
