/** Owns a reader for the tests of the region's cache: it loads what the test says, when the test says, and counts. */
import { type Position } from '../../../src/base/lineage.ts';
import { type LocalCache } from '../../../src/cache/local.ts';
import { type CacheKey, type SharedCache } from '../../../src/cache/ports.ts';
import { type CacheDemand, type Codec, type Fetched, type Keeping, type Loaded } from '../../../src/cache/reading.ts';
import { RegionCache, type RegionCacheLimits } from '../../../src/cache/region-cache.ts';
import { type CacheObserver } from '../../../src/cache/observer.ts';
import { at, FLOORLESS, limits, living, plain, StandingClock } from './fixtures.ts';

export interface Fetching {
  readonly demand?: CacheDemand;
  readonly keeping?: Partial<Keeping>;
  readonly codec?: Codec<string>;
  readonly seen?: Position;
  readonly asOf?: Loaded<string>['asOf'];
  /** Awaited by the load before it answers. */
  readonly until?: Promise<unknown>;
  /** What the load does instead. */
  readonly load?: (places: readonly number[]) => Promise<Loaded<string>>;
}

export class Reader {
  readonly clock = new StandingClock();
  readonly local: LocalCache;
  readonly cache: RegionCache;
  readonly told: string[] = [];
  /** The keys' variants, load by load. */
  readonly loads: string[][] = [];

  constructor(
    options: {
      readonly shared?: SharedCache | null;
      readonly local?: LocalCache;
      readonly limits?: Partial<RegionCacheLimits>;
    } = {},
  ) {
    this.local = options.local ?? living({}, this.clock);
    const tell =
      (what: string): ((...rest: readonly unknown[]) => void) =>
      (...rest) =>
        void this.told.push([what, ...rest.map((it) => (it instanceof Error ? it.message : String(it)))].join(' '));
    const observe: CacheObserver = {
      hit: tell('hit'),
      joined: tell('joined'),
      miss: tell('miss'),
      stale: tell('stale'),
      fill: tell('fill'),
      failed: tell('failed'),
    };
    this.cache = new RegionCache({
      local: this.local,
      shared: options.shared ?? null,
      limits: limits(options.limits),
      clock: this.clock,
      observe,
    });
  }

  /** Loads `<variant> <number of the load>`, proved at 100 and seen at 105, unless told otherwise. */
  fetch(
    keys: readonly CacheKey[],
    { demand = FLOORLESS, keeping = {}, codec = plain, seen = at(105), asOf = at(100), until, load }: Fetching = {},
  ): Promise<Fetched<string>> {
    return this.cache.fetch({
      keys,
      demand,
      keeping: { ttlMs: null, maxVariants: null, ...keeping },
      codec,
      load: async (places) => {
        const variants = places.map((place) => (keys[place] as CacheKey).variant);
        this.loads.push(variants);
        const n = this.loads.length;
        if (load !== undefined) return load(places);
        await until;
        return { values: variants.map((variant) => `${variant} ${n}`), seen, asOf };
      },
    });
  }
}

export const fromFloor = (floor: Position): CacheDemand => ({ floor, notBelow: null });
