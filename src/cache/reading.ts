/**
 * Owns how loaders read through the region's cache: what a cached value must satisfy, and how missing values are
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
   * What the region's server showed `cacheLagMs` ago, or what BOUNDED requires. A cache whose W is below it is not
   * asked, so that a tail that stands still does not show old values for hours while the replica has newer ones. Null:
   * unknown; any W is accepted.
   */
  readonly notBelow: Lsn | null;
  /**
   * The lineage that positions are compared along; a layer of another lineage is not asked. Null, or left out: the
   * database is not known yet.
   */
  readonly lineage?: KnownLineage | null;
}

/** The region's database, as far as this process knows it. */
export interface KnownLineage {
  readonly cluster: ClusterId;
  /** The newest history; null while none is known. */
  readonly history: TimelineHistory | null;
}

/** Values as text and back. `decode(encode(v))` equals `v`; decoded values are shared by requests and frozen. */
export interface Codec<V> {
  encode(value: V): string;
  decode(text: string): V;
}

/** What `load` read. */
export interface Loaded<V> {
  /** In the order of the request. */
  readonly values: readonly V[];
  readonly seen: Position;
  /**
   * The `asOf` that the values may be kept with. A position: the server proved it on the same connection before the
   * statement's snapshot was taken. `watermark`: the region's own server answered and is the primary, so that W as of
   * before the load is valid (R4). Null: not to be kept.
   */
  readonly asOf: Position | 'watermark' | null;
}

/** How long, and how many; declared for the entity or field. */
export interface Keeping {
  /** Additional limit, milliseconds; null: the configured default. */
  readonly ttlMs: number | null;
  /** Values under one tag; null: the configured default. */
  readonly maxVariants: number | null;
}

/** With which position and expiry something that was made of these values may itself be kept. */
export interface KeptWith {
  /** The lowest position that one of the values is right as of. */
  readonly asOf: Position;
  /** The earliest expiry of the values, milliseconds since 1970. */
  readonly expiresAtMs: number;
}

/** Null if one is unknown, or if they are of two timelines and cannot be compared. */
export function lowerPosition(a: Position | null, b: Position | null): Position | null {
  if (a === null || b === null || a.cluster !== b.cluster || a.timeline !== b.timeline) return null;
  return a.lsn <= b.lsn ? a : b;
}

export interface FetchRequest<V> {
  readonly keys: readonly CacheKey[];
  readonly demand: CacheDemand;
  readonly keeping: Keeping;
  readonly codec: Codec<V>;
  /** Reads the values at these places of `keys` under the request's requirement. */
  readonly load: (places: readonly number[]) => Promise<Loaded<V>>;
}

export interface Fetched<V> {
  /** In the order of the keys. */
  readonly values: readonly V[];
  /**
   * The positions of values from a cache or from another request's load; null if all values were loaded for this
   * request.
   */
  readonly seen: Position | null;
  /** What all of these are right as of; null if it is unknown for one of them. */
  readonly asOf: Lsn | null;
  /** With what an answer that shows all of these may be kept; null: not at all, because one of them may not be kept. */
  readonly keptWith: KeptWith | null;
  /** How many values came from each source. */
  readonly local: number;
  readonly shared: number;
  readonly loaded: number;
}
