/** Owns the ports of caching: what is kept under which key, and the two sides of the region's shared cache. */
import { type ClusterId, type Position } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type TableTag, type Tag } from '../change/tags.ts';

/** Names one cached value. */
export interface CacheKey {
  /**
   * The tags of everything whose change makes the value wrong; never empty. The value is stored under the first tag,
   * and is valid only while it is also listed under the others.
   */
  readonly tags: readonly Tag[];
  /** Which of the values under these tags: a short name of its shape, arguments and scope (R11). */
  readonly variant: string;
}

/** A value as it is kept (R3). */
export interface Entry {
  /** Not above the snapshot that the value was read from: it is right as of max(asOf, W) while it is in the cache. */
  readonly asOf: Lsn;
  /** Not below anything that was read (R6): what the token of an answer from the cache covers. */
  readonly seen: Position;
  /**
   * Milliseconds since 1970. After this time the value is read again although no change is known; an additional limit
   * only.
   */
  readonly expiresAtMs: number;
  /** The value as text. */
  readonly body: string;
}

/**
 * One uninterrupted generation of a cache, which is emptied between two generations (R8). Positions within one are
 * compared by LSN.
 */
export interface Generation {
  /** Random, never used twice (`newEpoch`). */
  readonly epoch: string;
  readonly cluster: ClusterId;
  readonly timeline: number;
}

/** The state of a shared cache. */
export interface SharedState extends Generation {
  /** Number of steps since the generation began; a gap in it shows that a step was missed. */
  readonly sequence: number;
  /** W: everything up to here is applied. */
  readonly watermark: Lsn;
}

export type SharedItem =
  | { readonly kind: 'hit'; readonly entry: Entry }
  /** `leased`: another server is loading the value and will fill it in. */
  | { readonly kind: 'miss'; readonly leased: boolean };

/** The state of the shared cache and its entries at one moment. */
export interface SharedLookup {
  readonly state: SharedState;
  /** In the order of the keys. */
  readonly items: readonly SharedItem[];
}

export interface LookupOptions {
  /** Takes a lease for this long on each key that misses and has none; 0: takes none and ignores others' leases. */
  readonly leaseMs: number;
}

export interface FillItem {
  readonly key: CacheKey;
  readonly entry: Entry;
  /** How many values may be kept under the first tag; a further one is refused. */
  readonly maxVariants: number;
}

/**
 * `stale`: the guard refused it (R4). `full`: too many variants. `ended`: the generation that it was read in has ended.
 */
export type FillVerdict = 'stored' | 'stale' | 'full' | 'ended';

/**
 * The region's shared cache, as reads use it. Every method is bounded in time and throws `SharedCacheDown` if the cache
 * does not answer; while the cache is known to be down, methods throw at once.
 */
export interface SharedCache {
  /** One round trip, whatever the number of keys. Null: there is no generation (none has begun, or it was lost). */
  lookup(keys: readonly CacheKey[], options: LookupOptions): Promise<SharedLookup | null>;
  /** One round trip. The guard and the write of each item are one step (R4). Frees the leases of its keys. */
  fill(epoch: string, items: readonly FillItem[]): Promise<readonly FillVerdict[]>;
}

/** What one step applies: everything up to `watermark`. */
export interface Batch {
  readonly watermark: Lsn;
  /** Values under these tags are wrong below the watermark. */
  readonly tags: readonly Tag[];
  /** As are all values of these tables. */
  readonly tables: readonly TableTag[];
  /** Tombstones at or below it may be forgotten: the new horizon, unless the present one is higher. */
  readonly horizon: Lsn;
}

/** What followers receive: a `Batch` with its sequence number. */
export interface Applied extends Omit<Batch, 'horizon'> {
  readonly epoch: string;
  readonly sequence: number;
  /**
   * W before the step: after a failover of the shared cache lost the last steps, other steps may have the same numbers.
   */
  readonly previous: Lsn;
}

/** Where a generation begins. */
export interface Beginning {
  readonly cluster: ClusterId;
  readonly timeline: number;
  readonly lsn: Lsn;
  /** The run of the primary that the values are read from; null or left out: a replica. */
  readonly run?: string | null;
}

/** The region's shared cache, as the slot holder writes it. Throws `SharedCacheDown`. */
export interface SharedJournal {
  /** Null: there is no generation, or it is damaged. */
  state(): Promise<SharedState | null>;
  /** Makes `holder` the only one whose batches are accepted, if the state has not changed. False: it has changed. */
  adopt(holder: string, state: SharedState): Promise<boolean>;
  /**
   * Empties the cache: begins a generation at `lsn` with `holder` as its only writer. Values that were kept, or are
   * being read, are never served again.
   */
  begin(holder: string, at: Beginning): Promise<SharedState>;
  /**
   * Writes tombstones, deletions, W and the message to followers in one step, if `holder` is still the writer and
   * `after` is still the state. Large batches may take several steps, of which only the last moves W. Null: refused and
   * W did not move, because another process writes or the generation was lost.
   */
  apply(holder: string, after: SharedState, batch: Batch): Promise<SharedState | null>;
}

/** What is published to the region's processes: one step that was applied, or that another generation has begun. */
export type FanoutMessage =
  { readonly kind: 'applied'; readonly applied: Applied } | { readonly kind: 'began'; readonly state: SharedState };

export interface FanoutHandlers {
  /** The subscription has begun, also after a loss; messages from here on are complete. */
  onSubscribed(): void;
  onApplied(applied: Applied): void;
  /** Another generation has begun. */
  onBegan(state: SharedState): void;
  /** The subscription is lost: messages may be missed from now on. */
  onLost(reason: string): void;
}

/** Publishes applied steps to the region's processes, in order. Messages may be lost. */
export interface Fanout {
  /** Resolves when `signal` aborts; reconnects by itself until then. */
  follow(handlers: FanoutHandlers, signal: AbortSignal): Promise<void>;
}

/** The shared cache does not answer; reads go on without it. */
export class SharedCacheDown extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'SharedCacheDown';
  }
}
