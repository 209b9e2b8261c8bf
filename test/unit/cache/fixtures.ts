/** Owns what the tests of caching name often: positions, tags, limits, and a clock that stands until it is set. */
import { type Clock } from '../../../src/base/clock.ts';
import { type ClusterId, type Position } from '../../../src/base/lineage.ts';
import { toLsn, type Lsn } from '../../../src/base/lsn.ts';
import { tableTag, tagOf, type Tag } from '../../../src/change/tags.ts';
import { LocalCache } from '../../../src/cache/local.ts';
import { type Batch, type CacheKey, type FillItem, type Generation } from '../../../src/cache/ports.ts';
import { type Codec } from '../../../src/cache/reading.ts';
import { type RegionCacheLimits } from '../../../src/cache/region-cache.ts';
import { type LocalLimits } from '../../../src/cache/local.ts';
import { defaultOptions } from '../../../src/config/options.ts';

export const CLUSTER = 'cluster1' as ClusterId;
export const OTHER_CLUSTER = 'cluster2' as ClusterId;
export const TASKS = tableTag({ schema: 'public', name: 'tasks' });
export const PROJECTS = tableTag({ schema: 'public', name: 'projects' });

export const lsn = (n: number): Lsn => toLsn(BigInt(n));
export const at = (n: number, timeline = 1, cluster = CLUSTER): Position => ({ cluster, timeline, lsn: lsn(n) });
export const generation = (epoch: string, timeline = 1, cluster = CLUSTER): Generation => ({
  epoch,
  cluster,
  timeline,
});
export const task = (id: number): Tag => tagOf(TASKS, ['id'], [String(id)]);
export const ofProject = (id: number): Tag => tagOf(TASKS, ['project_id'], [String(id)]);
export const key = (tags: Tag | readonly Tag[], variant = 'v'): CacheKey => ({
  tags: typeof tags === 'string' ? [tags] : tags,
  variant,
});

export const FLOORLESS = { floor: null, notBelow: null } as const;

export const limits = (overrides: Partial<LocalLimits & RegionCacheLimits> = {}): LocalLimits & RegionCacheLimits => ({
  ...defaultOptions(),
  ...overrides,
});

/** A cache that lives, at W = 100. */
export function living(overrides: Partial<LocalLimits> = {}, clock?: Clock): LocalCache {
  const local = new LocalCache(limits(overrides), clock);
  local.begin(generation('one'), lsn(100));
  return local;
}

export const item = (
  of: CacheKey,
  asOf: number,
  body = 'body',
  rest: { readonly maxVariants?: number; readonly expiresAtMs?: number } = {},
): FillItem => ({
  key: of,
  entry: { asOf: lsn(asOf), seen: at(asOf), expiresAtMs: rest.expiresAtMs ?? Number.MAX_SAFE_INTEGER, body },
  maxVariants: rest.maxVariants ?? 64,
});

export const batch = (watermark: number, tags: readonly Tag[] = [], rest: Partial<Batch> = {}): Batch => ({
  watermark: lsn(watermark),
  tags,
  tables: [],
  horizon: lsn(0),
  ...rest,
});

export const plain: Codec<string> = { encode: (value) => value, decode: (text) => text };

export class StandingClock implements Clock {
  #nowMs = 1_700_000_000_000;

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  pass(ms: number): void {
    this.#nowMs += ms;
  }
}

/** Lets everything go on that need not wait for a timer. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 3; i += 1) await new Promise((resolve) => setImmediate(resolve));
}
