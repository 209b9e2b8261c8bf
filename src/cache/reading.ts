/**
 * Owns how loaders read through the region's cache: what a cached value must satisfy, and how what is missing is
 * loaded.
 */
import { type ClusterId, type Position, type TimelineHistory } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type CacheKey } from './ports.ts';

/** What a cached value must satisfy (R5). */
export interface CacheDemand {
  /** Position that the value must be right as of, and proved to lie on the newest history; null without a floor. */
  readonly floor: Position | null;
  /**
   * What the region's server showed a moment ago (`cacheLagMs`), or what BOUNDED asks for. A cache whose W is below
   * that is not asked, so that a tail that stands still does not show old values for hours while the replica has new
   * ones. Null: not known; then any W will do.
   */
  readonly notBelow: Lsn | null;
  /**
   * What positions are compared along: a layer that stands elsewhere is not asked. Null, or left out: the database is
   * not known yet.
   */
  readonly lineage?: KnownLineage | null;
}

/** The region's database, as far as this process knows it. */
export interface KnownLineage {
  readonly cluster: ClusterId;
  /** The newest one; null while none is known. */
  readonly history: TimelineHistory | null;
}

/** Values as text and back. `decode(encode(v))` equals `v`; what it gives is shared by requests and frozen. */
export interface Codec<V> {
  encode(value: V): string;
  decode(text: string): V;
}

/** What `load` read. */
export interface Loaded<V> {
  /** In the order in which they were asked for. */
  readonly values: readonly V[];
  readonly seen: Position;
  /**
   * What the values may be kept with. A position: the server had proved it on the same connection before the
   * statement's snapshot was taken. `watermark`: the region's own server answered and is the primary, so that W as read
   * before the load holds (R4). Null: not to be kept.
   */
  readonly asOf: Position | 'watermark' | null;
}

/** How long and how many; of the entity or field. */
export interface Keeping {
  /** Backstop, milliseconds; null: the configured default. */
  readonly ttlMs: number | null;
  /** Values under one tag; null: the configured default. */
  readonly maxVariants: number | null;
}

/** With what something that was made of cached or cacheable values may be kept itself. */
export interface KeptWith {
  /** The lowest position that one of the values is right as of. */
  readonly asOf: Position;
  /** When the first of them is read anew, milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Null: one is not known, or they do not compare, since they are of two timelines. */
export function lowerPosition(a: Position | null, b: Position | null): Position | null {
  if (a === null || b === null || a.cluster !== b.cluster || a.timeline !== b.timeline) return null;
  return a.lsn <= b.lsn ? a : b;
}

export interface FetchRequest<V> {
  readonly keys: readonly CacheKey[];
  readonly demand: CacheDemand;
  readonly keeping: Keeping;
  readonly codec: Codec<V>;
  /** Reads the values of these places in `keys` under the request's own requirement. */
  readonly load: (places: readonly number[]) => Promise<Loaded<V>>;
}

export interface Fetched<V> {
  /** In the order of the keys. */
  readonly values: readonly V[];
  /**
   * What the values that came from a cache had seen, or from a read of another request; null where all were loaded for
   * this one.
   */
  readonly seen: Position | null;
  /** What all of these are right as of; null where that is not known of one of them. */
  readonly asOf: Lsn | null;
  /** With what an answer that shows all of these may be kept; null: not at all, since one of them may not. */
  readonly keptWith: KeptWith | null;
  /** How many values came from where. */
  readonly local: number;
  readonly shared: number;
  readonly loaded: number;
}

/**
 * The region's cache as loaders see it. Without a working cache everything is loaded; it never fails on its own
 * account.
 */
export interface ReadCache {
  fetch<V>(request: FetchRequest<V>): Promise<Fetched<V>>;
}
