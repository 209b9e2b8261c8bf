/** Owns what the cache reports while it works, for metrics and the log. */
import { type FillVerdict } from './ports.ts';

/** `local`: in the process. `shared`: the region's. */
export type CacheLayer = 'local' | 'shared';

/** `dropped`: not attempted, because too many fills were waiting. `failed`: the shared cache did not answer. */
export type FillOutcome = FillVerdict | 'dropped' | 'failed';

/** Called when the events happen, with the number of values; must not throw and must be fast. */
export interface CacheObserver {
  hit(layer: CacheLayer, values: number): void;
  /** Another request of this process was loading them. */
  joined(values: number): void;
  /** No layer could answer: the values are loaded. */
  miss(values: number): void;
  /** Hits that were shown although their time to live was over; they are being read again. */
  stale(values: number): void;
  fill(layer: CacheLayer, outcome: FillOutcome, values: number): void;
  /** A failure that fails no request: the shared cache did not answer, or a value could not be decoded or renewed. */
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
