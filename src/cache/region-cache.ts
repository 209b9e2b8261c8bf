/**
 * Owns reading through the region's cache: first the process's own cache, then loads that are in flight, then the
 * shared cache, then the load.
 */
import { systemClock, type Clock } from '../base/clock.ts';
import { type Position } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type Options } from '../config/options.ts';
import { InFlightLoads, type FailedLoad, type InFlightLoad, type LoadedValue } from './in-flight.ts';
import { Gathering } from './gathering.ts';
import { freshnessOf, mayServe, mayShare } from './guard.ts';
import { type LocalCache } from './local.ts';
import { LocalLook } from './look.ts';
import { SILENT, type CacheObserver } from './observer.ts';
import { type CacheKey, type SharedCache } from './ports.ts';
import { type ReadCache } from './read-cache.ts';
import { ReadThrough, type PendingValue, type ReadThroughLimits, type CacheFetch } from './read-through.ts';
import { type CacheDemand, type Fetched, type FetchRequest } from './reading.ts';

export type RegionCacheLimits = ReadThroughLimits & Pick<Options, 'cacheInFlight'>;

export interface RegionCacheOptions {
  readonly local: LocalCache;
  /** Null: the region has no shared cache. */
  readonly shared: SharedCache | null;
  readonly limits: RegionCacheLimits;
  readonly clock?: Clock | undefined;
  readonly observe?: CacheObserver | undefined;
}

export class RegionCache implements ReadCache {
  readonly #local: LocalCache;
  readonly #beyond: ReadThrough;
  readonly #inFlight: InFlightLoads;
  readonly #staleMs: number;
  readonly #clock: Clock;
  readonly #observe: CacheObserver;

  constructor({ local, shared, limits, clock = systemClock, observe = SILENT }: RegionCacheOptions) {
    this.#local = local;
    this.#beyond = new ReadThrough({ local, shared, limits, clock, observe });
    this.#inFlight = new InFlightLoads(limits.cacheInFlight);
    this.#staleMs = limits.cacheStaleMs;
    this.#clock = clock;
    this.#observe = observe;
  }

  look(demand: CacheDemand): LocalLook | null {
    const { generation, watermark } = this.#local;
    if (generation === null || watermark === null) return null;
    return new LocalLook({
      local: this.#local,
      demand,
      state: { generation, watermark },
      nowMs: this.#clock.nowMs(),
      observe: this.#observe,
    });
  }

  async fetch<V>(request: FetchRequest<V>): Promise<Fetched<V>> {
    const gathered = new Gathering<V>(request.keys.length);
    const missing = this.#fromLocal(request, gathered);
    if (missing.length > 0) await this.#fromBeyond(request, missing, gathered);
    return gathered.isMixed ? this.#loadAll(request) : gathered.fetched();
  }

  /** Puts the values that the process has into the result; returns the places of the others. */
  #fromLocal<V>(request: FetchRequest<V>, gathered: Gathering<V>): number[] {
    const { generation, watermark } = this.#local;
    if (generation === null || watermark === null) return [...request.keys.keys()];
    const { demand, codec } = request;
    const state = { generation, watermark };
    const at = { nowMs: this.#clock.nowMs(), staleMs: this.#staleMs };
    const missing: number[] = [];
    const stale: number[] = [];
    const found = this.#local.lookup(request.keys);
    // One object for all values that are older than W: they are right as of W.
    const atWatermark: Position = { cluster: generation.cluster, timeline: generation.timeline, lsn: watermark };
    for (const [place, kept] of found.entries()) {
      const freshness = kept === undefined ? 'over' : freshnessOf(demand, kept.expiresAtMs, at);
      if (kept === undefined || freshness === 'over' || !mayServe(demand, state, kept.asOf)) {
        missing.push(place);
        continue;
      }
      try {
        gathered.put(place, kept.body.by(codec), 'local', {
          seen: kept.seen,
          asOf: kept.asOf <= watermark ? atWatermark : { ...atWatermark, lsn: kept.asOf },
          expiresAtMs: kept.expiresAtMs,
        });
        if (freshness === 'stale') stale.push(place);
      } catch (error) {
        this.#observe.failed(error);
        missing.push(place);
      }
    }
    if (missing.length < found.length) this.#observe.hit('local', found.length - missing.length);
    if (stale.length > 0) {
      this.#observe.stale(stale.length);
      this.#renew(request, stale);
    }
    return missing;
  }

  async #fromBeyond<V>(request: FetchRequest<V>, missing: readonly number[], gathered: Gathering<V>): Promise<void> {
    const fetch = this.#beyond.begin(request, (places) => this.#renew(request, places));
    await this.#part(
      fetch,
      missing.map((place) => ({ place })),
      () => true,
      gathered,
    );
  }

  /** Joins each place to a load that is in flight, if it may join one; otherwise begins a load for it. */
  async #part<V, P extends Pick<PendingValue, 'place'>>(
    fetch: CacheFetch<V>,
    places: readonly P[],
    mayJoin: (place: P) => boolean,
    gathered: Gathering<V>,
  ): Promise<void> {
    const { request } = fetch;
    const own: PendingValue[] = [];
    const joined: PendingValue[] = [];
    for (const it of places) {
      const { place } = it;
      const key = request.keys[place] as CacheKey;
      const load = mayJoin(it) ? this.#inFlight.find(key) : undefined;
      if (load !== undefined && this.#isWorthJoining(load, request)) {
        load.join();
        joined.push({ place, load });
      } else own.push({ place, load: this.#inFlight.begin(key, request.demand.floor) });
    }
    await Promise.all([this.#runOwn(fetch, own, gathered), this.#join(fetch, joined, gathered)]);
  }

  /** A load that must wait for its floor is not joined by requests that need not wait. */
  #isWorthJoining<V>({ floor }: InFlightLoad, { demand }: FetchRequest<V>): boolean {
    if (floor === null) return true;
    const reached = (lsn: Lsn | null | undefined): boolean => lsn !== null && lsn !== undefined && floor.lsn <= lsn;
    return reached(demand.floor?.lsn) || reached(this.#local.watermark);
  }

  async #runOwn<V>(fetch: CacheFetch<V>, pending: readonly PendingValue[], gathered: Gathering<V>): Promise<void> {
    if (pending.length === 0) return;
    void this.#beyond.run(fetch, pending);
    await Promise.all(
      pending.map(async ({ place, load }) => {
        const outcome = await load.outcome;
        if (outcome.kind === 'failed') throw outcome.error;
        gathered.put(place, outcome.own as V, outcome.from === 'load' ? 'loaded' : 'shared', outcome);
      }),
    );
  }

  /** Uses the results of other requests' loads where they also answer this request; reads the rest. */
  async #join<V>(fetch: CacheFetch<V>, pending: readonly PendingValue[], gathered: Gathering<V>): Promise<void> {
    if (pending.length === 0) return;
    const { request } = fetch;
    const outcomes = await Promise.all(pending.map(({ load }) => load.outcome));
    const rest = pending.filter(({ place, load }, i) => {
      const outcome = outcomes[i] as LoadedValue | FailedLoad;
      return outcome.kind === 'failed' || !this.#share(request, load, outcome, place, gathered);
    });
    if (pending.length > rest.length) this.#observe.joined(pending.length - rest.length);
    // Requests that waited for a load which was aborted (its client disconnected, for example) wait for the next load,
    // so that they do not all read at once.
    const left = new Set(pending.filter((_, i) => gaveUp(outcomes[i] as LoadedValue | FailedLoad)));
    // No load begins before this request can run it: requests that join it would otherwise wait for what this request
    // still waits for.
    await this.#part(fetch, rest, (value) => left.has(value), gathered);
  }

  /** A value that another request loaded counts as local: no server was asked for it. */
  #share<V>(
    { demand, codec }: FetchRequest<V>,
    { floor }: InFlightLoad,
    loadedValue: LoadedValue,
    place: number,
    gathered: Gathering<V>,
  ): boolean {
    if (
      loadedValue.body === null ||
      !mayShare(demand, { floor, asOf: loadedValue.asOf }) ||
      (loadedValue.stale && demand.floor !== null)
    )
      return false;
    try {
      gathered.put(place, loadedValue.body.by(codec), loadedValue.from === 'shared' ? 'shared' : 'local', loadedValue);
      return true;
    } catch (error) {
      this.#observe.failed(error);
      return false;
    }
  }

  /** Reads expired values that were shown again, once for all requests. */
  #renew<V>(request: FetchRequest<V>, places: readonly number[]): void {
    const pending: PendingValue[] = [];
    for (const place of places) {
      const load = this.#inFlight.beginOnly(request.keys[place] as CacheKey, request.demand.floor);
      if (load === null) continue;
      pending.push({ place, load });
      void load.outcome.then((outcome) => outcome.kind === 'failed' && this.#observe.failed(outcome.error));
    }
    if (pending.length > 0) void this.#beyond.run(this.#beyond.begin(request, null), pending);
  }

  async #loadAll<V>({ keys, load }: FetchRequest<V>): Promise<Fetched<V>> {
    const { values } = await load([...keys.keys()]);
    return { values, seen: null, asOf: null, keptWith: null, local: 0, shared: 0, loaded: values.length };
  }
}

/** Whether the reader was aborted, which says nothing about the value. */
function gaveUp(outcome: LoadedValue | FailedLoad): boolean {
  return outcome.kind === 'failed' && outcome.error instanceof DOMException && outcome.error.name === 'AbortError';
}
