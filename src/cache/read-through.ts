/**
 * Owns reading values that the process does not have: they are looked up in the region's shared cache, awaited or
 * loaded, and then kept.
 */
import { type Clock, sleep } from '../base/clock.ts';
import { type Position } from '../base/lineage.ts';
import { maxLsn, ZERO_LSN, type Lsn } from '../base/lsn.ts';
import { type Options } from '../config/options.ts';
import { type InFlightLoad, type LoadedValue } from './in-flight.ts';
import { asOfIn, freshnessOf, mayServe, type LayerState } from './guard.ts';
import { Body } from './kept.ts';
import { type LocalCache, type LocalItem } from './local.ts';
import { tellFills, type CacheObserver } from './observer.ts';
import { unpacked } from './packing.ts';
import {
  type CacheKey,
  type Entry,
  type FillItem,
  type Generation,
  type SharedCache,
  type SharedItem,
  type SharedLookup,
  type SharedState,
} from './ports.ts';
import { type FetchRequest, type Loaded } from './reading.ts';
import { SharedFills, type FillLimits } from './shared-fills.ts';

export type ReadThroughLimits = FillLimits &
  Pick<Options, 'cacheTtlMs' | 'cacheJitterPercent' | 'cacheStaleMs' | 'cacheVariants' | 'leaseMs'>;

export interface ReadThroughOptions {
  readonly local: LocalCache;
  readonly shared: SharedCache | null;
  readonly limits: ReadThroughLimits;
  readonly clock: Clock;
  readonly observe: CacheObserver;
}

/** One value that is being read: its place among the request's keys, and the load that ends with it. */
export interface PendingValue {
  readonly place: number;
  readonly load: InFlightLoad;
}

/** A layer's state before a read; values are kept there with this state (R4). */
interface Ticket extends LayerState {
  readonly generation: Generation;
}

/** One fetch beyond the process's own cache. */
export interface CacheFetch<V> {
  readonly request: FetchRequest<V>;
  /**
   * Called with the places whose values are shown although their time to live is over; null: such a value counts as a
   * miss, because this fetch renews it.
   */
  readonly renew: ((places: readonly number[]) => void) | null;
  /** Until when leases of other servers are awaited, monotonic milliseconds. */
  readonly untilMs: number;
  /** How often the shared cache had failed when the fetch began. */
  readonly failuresBefore: number;
}

interface Tickets {
  readonly local: Ticket | null;
  readonly shared: Ticket | null;
}

/** What one lookup in the shared cache did not answer. */
interface Open {
  readonly ticket: Ticket | null;
  /** To be loaded. */
  readonly missing: readonly PendingValue[];
  /** Another server of the region is loading them. */
  readonly leased: readonly PendingValue[];
}

/** A value in the shared cache that answers the request. */
interface Found {
  readonly text: string;
  readonly body: Body;
  readonly loadedValue: LoadedValue;
}

/** First pause between two lookups of a value that another server is loading; the pause doubles each time. */
const FIRST_PAUSE_MS = 2;

export class ReadThrough {
  readonly #options: ReadThroughOptions;
  readonly #fills: SharedFills | null;
  /** The last known state of the shared cache. */
  #lastShared: SharedState | null = null;
  #failures = 0;

  constructor(options: ReadThroughOptions) {
    const { shared, limits, observe } = options;
    this.#options = options;
    this.#fills = shared && new SharedFills({ shared, limits, observe });
  }

  begin<V>(request: FetchRequest<V>, renew: CacheFetch<V>['renew']): CacheFetch<V> {
    return {
      request,
      renew,
      untilMs: this.#options.clock.monotonicMs() + this.#options.limits.leaseMs,
      failuresBefore: this.#failures,
    };
  }

  /** Ends the load of every pending value; never throws. */
  async run<V>(fetch: CacheFetch<V>, pending: readonly PendingValue[]): Promise<void> {
    try {
      await this.#seek(fetch, pending, FIRST_PAUSE_MS);
    } catch (error) {
      // Loads that ended before are not affected.
      for (const { load } of pending) load.end({ kind: 'failed', error });
    }
  }

  /**
   * Missing values are loaded at once, while others' leases are awaited: otherwise two servers could wait for each
   * other's leases.
   */
  async #seek<V>(fetch: CacheFetch<V>, pending: readonly PendingValue[], pauseMs: number): Promise<void> {
    const local = this.#localTicket();
    const { ticket: shared, missing, leased } = await this.#look(fetch, pending, local);
    const leftMs = fetch.untilMs - this.#options.clock.monotonicMs();
    const isWaiting = leased.length > 0 && leftMs > 0;
    const now = isWaiting ? missing : [...missing, ...leased];
    await Promise.all([
      now.length > 0 && this.#load(fetch.request, now, { local, shared }),
      isWaiting && sleep(Math.min(pauseMs, leftMs)).then(() => this.#seek(fetch, leased, pauseMs * 2)),
    ]);
  }

  #localTicket(): Ticket | null {
    const { generation, watermark } = this.#options.local;
    return generation === null || watermark === null ? null : { generation, watermark };
  }

  async #look<V>(fetch: CacheFetch<V>, pending: readonly PendingValue[], local: Ticket | null): Promise<Open> {
    const found = await this.#lookup(fetch, pending);
    if (found === null) return { ticket: null, missing: pending, leased: [] };
    const { request, renew } = fetch;
    const { clock, limits, observe } = this.#options;
    const ticket: Ticket = { generation: found.state, watermark: found.state.watermark };
    const at = { nowMs: clock.nowMs(), staleMs: renew === null ? 0 : limits.cacheStaleMs };
    const [missing, leased, stale, keep]: [PendingValue[], PendingValue[], number[], LocalItem[]] = [[], [], [], []];
    pending.forEach((value, i) => {
      const item = found.items[i] as SharedItem;
      if (item.kind === 'miss')
        return void (item.leased && mayServe(request.demand, ticket, ZERO_LSN) ? leased : missing).push(value);
      const { entry } = item;
      const freshness = freshnessOf(request.demand, entry.expiresAtMs, at);
      const hit =
        freshness !== 'over' && mayServe(request.demand, ticket, entry.asOf)
          ? this.#landedFrom(request, entry, ticket, freshness === 'stale')
          : null;
      if (hit === null) return void missing.push(value);
      if (freshness === 'stale') stale.push(value.place);
      const asOf = local && asOfIn(local, hit.loadedValue);
      if (asOf !== null)
        keep.push({ ...this.#itemOf(request, value.place, { ...entry, asOf, body: hit.text }), body: hit.body });
      value.load.end(hit.loadedValue);
    });
    this.#keepLocally(local, keep);
    const hits = pending.length - missing.length - leased.length;
    if (hits > 0) observe.hit('shared', hits);
    if (stale.length > 0) {
      observe.stale(stale.length);
      renew?.(stale);
    }
    return { ticket, missing, leased };
  }

  /**
   * Null: there is no shared cache, or it has no generation, or it failed since the fetch began in this or another
   * request: a request waits for a failing cache only once.
   */
  async #lookup<V>(fetch: CacheFetch<V>, pending: readonly PendingValue[]): Promise<SharedLookup | null> {
    const { shared, observe } = this.#options;
    if (shared === null || this.#failures > fetch.failuresBefore) return null;
    try {
      const found = await shared.lookup(
        pending.map(({ place }) => fetch.request.keys[place] as CacheKey),
        { leaseMs: this.#leaseMs(fetch) },
      );
      this.#lastShared = found?.state ?? null;
      return found;
    } catch (error) {
      this.#failures += 1;
      observe.failed(error);
      return null;
    }
  }

  /** A lease helps only if a value that another server fills in could answer; this is estimated before the lookup. */
  #leaseMs<V>({ request: { demand } }: CacheFetch<V>): number {
    const { limits } = this.#options;
    const last = this.#lastShared;
    if (last === null) return demand.floor === null ? limits.leaseMs : 0;
    return mayServe(demand, { generation: last, watermark: last.watermark }, ZERO_LSN) ? limits.leaseMs : 0;
  }

  /** Null: the value cannot be decoded; this fails no request. */
  #landedFrom<V>(
    request: FetchRequest<V>,
    entry: Entry,
    { generation, watermark }: Ticket,
    stale: boolean,
  ): Found | null {
    try {
      const text = unpacked(entry.body, this.#options.limits.cacheValueBytes);
      const body = new Body(text);
      const asOf = { cluster: generation.cluster, timeline: generation.timeline, lsn: maxLsn(entry.asOf, watermark) };
      return {
        text,
        body,
        loadedValue: {
          kind: 'loaded',
          from: 'shared',
          own: body.by(request.codec),
          body,
          seen: entry.seen,
          asOf,
          expiresAtMs: entry.expiresAtMs,
          stale,
        },
      };
    } catch (error) {
      this.#options.observe.failed(error);
      return null;
    }
  }

  async #load<V>(request: FetchRequest<V>, pending: readonly PendingValue[], tickets: Tickets): Promise<void> {
    this.#options.observe.miss(pending.length);
    const loaded = await request.load(pending.map(({ place }) => place));
    const localAsOf = tickets.local && asOfIn(tickets.local, loaded);
    const sharedAsOf = tickets.shared && asOfIn(tickets.shared, loaded);
    const asOf = positionOf(loaded, [localAsOf, sharedAsOf]);
    const keep: LocalItem[] = [];
    pending.forEach((value, i) => {
      const own = loaded.values[i] as V;
      const expiresAtMs = this.#expiryOf(request);
      const text = localAsOf !== null || sharedAsOf !== null || value.load.isJoined ? this.#encode(request, own) : null;
      const body = text === null ? null : new Body(text);
      if (text !== null && body !== null) {
        const itemAt = (at: Lsn): FillItem =>
          this.#itemOf(request, value.place, { asOf: at, seen: loaded.seen, expiresAtMs, body: text });
        if (localAsOf !== null) keep.push({ ...itemAt(localAsOf), body });
        if (sharedAsOf !== null && tickets.shared !== null)
          this.#fills?.add(tickets.shared.generation.epoch, itemAt(sharedAsOf));
      }
      value.load.end({ kind: 'loaded', from: 'load', own, body, seen: loaded.seen, asOf, expiresAtMs, stale: false });
    });
    this.#keepLocally(tickets.local, keep);
  }

  #encode<V>({ codec }: FetchRequest<V>, value: V): string | null {
    try {
      return codec.encode(value);
    } catch (error) {
      this.#options.observe.failed(error);
      return null;
    }
  }

  #itemOf<V>({ keys, keeping }: FetchRequest<V>, place: number, entry: Entry): FillItem {
    return {
      key: keys[place] as CacheKey,
      entry,
      maxVariants: keeping.maxVariants ?? this.#options.limits.cacheVariants,
    };
  }

  #keepLocally(ticket: Ticket | null, items: readonly LocalItem[]): void {
    if (ticket !== null && items.length > 0)
      tellFills(this.#options.observe, 'local', this.#options.local.fill(ticket.generation.epoch, items));
  }

  /** A separate jitter for each value, so that values which were loaded together do not expire together. */
  #expiryOf<V>({ keeping }: FetchRequest<V>): number {
    const { limits, clock } = this.#options;
    const ttlMs = keeping.ttlMs ?? limits.cacheTtlMs;
    return clock.nowMs() + Math.ceil(ttlMs * (1 - (Math.random() * limits.cacheJitterPercent) / 100));
  }
}

/** What loaded values are right as of: the proved position, or the highest W before the load. */
function positionOf({ asOf, seen }: Loaded<unknown>, known: readonly (Lsn | null)[]): Position | null {
  if (asOf !== 'watermark') return asOf;
  const lsns = known.filter((lsn) => lsn !== null);
  return lsns.length === 0 ? null : { ...seen, lsn: lsns.reduce(maxLsn) };
}
