/** Owns what is known of the regions' shared caches: asked at an interval, answered at once. */
import { type RedisHealth } from '../redis/health.ts';

export interface CacheHealthParts {
  readonly caches: ReadonlyMap<string, RedisHealth>;
  readonly everyMs: number;
}

export class CacheHealth {
  readonly #parts: CacheHealthParts;
  readonly #healthy = new Map<string, boolean>();
  #timer: NodeJS.Timeout | null = null;

  constructor(parts: CacheHealthParts) {
    this.#parts = parts;
  }

  start(): void {
    if (this.#parts.caches.size === 0) return;
    this.#ask();
    this.#timer = setInterval(() => this.#ask(), this.#parts.everyMs);
  }

  stop(): void {
    if (this.#timer) clearInterval(this.#timer);
    for (const cache of this.#parts.caches.values()) cache.close();
  }

  /** Null where the region has no shared cache, and until the first answer. */
  of(region: string): boolean | null {
    return this.#healthy.get(region) ?? null;
  }

  /** A ping that is still under way is shared, so that asking never piles up. */
  #ask(): void {
    for (const [region, cache] of this.#parts.caches) void cache.ping().then((healthy) => this.#healthy.set(region, healthy));
  }
}
