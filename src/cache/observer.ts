/** Owns what the cache tells of itself while it works, for metrics and the log. */
import { type FillVerdict } from './ports.ts';

/** `local`: in the process. `shared`: the region's. */
export type CacheLayer = 'local' | 'shared';

/** `dropped`: not even tried, since too much was waiting to be kept. `failed`: the shared cache did not answer. */
export type FillOutcome = FillVerdict | 'dropped' | 'failed';

/** Called as things happen, with how many values it concerns; must neither throw nor take long. */
export interface CacheObserver {
  hit(layer: CacheLayer, values: number): void;
  /** Another request of this process was reading them just then. */
  joined(values: number): void;
  /** No layer could answer: they are loaded. */
  miss(values: number): void;
  /** Hits that were shown although their time to live was over; they are being read anew. */
  stale(values: number): void;
  fill(layer: CacheLayer, outcome: FillOutcome, values: number): void;
  /**
   * Something that no request fails by: the shared cache did not answer, or a value could not be decoded or renewed.
   */
  failed(error: unknown): void;
}

export const SILENT: CacheObserver = {
  hit: () => {},
  joined: () => {},
  miss: () => {},
  stale: () => {},
  fill: () => {},
  failed: () => {},
};

export function tellFills(observe: CacheObserver, layer: CacheLayer, verdicts: readonly FillVerdict[]): void {
  const counts = new Map<FillVerdict, number>();
  for (const verdict of verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
  for (const [verdict, values] of counts) observe.fill(layer, verdict, values);
}
