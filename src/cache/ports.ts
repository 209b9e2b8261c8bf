/** Owns the ports of caching: what is kept under which key, and the region's shared cache with its two sides. */
import { type ClusterId, type Position } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type TableTag, type Tag } from '../change/tags.ts';

/** Names one cached value. */
export interface CacheKey {
  /**
   * Everything whose change makes the value wrong, never empty. The value lives under the first; it counts only while
   * the others know of it too.
   */
  readonly tags: readonly Tag[];
  /** Which of the values under these tags: its shape, arguments and scope (R11), short. */
  readonly variant: string;
}

/** A value as it is kept (R3). */
export interface Entry {
  /** Not above the snapshot that the value was read from: it is right as of max(asOf, W) while it is in the cache. */
  readonly asOf: Lsn;
  /** Not below anything that was read (R6): what the token of an answer from the cache covers. */
  readonly seen: Position;
  /** Milliseconds since 1970: read anew from then on, although no change is known. A backstop only. */
  readonly expiresAtMs: number;
  /** The value as text. */
  readonly body: string;
}

/** One unbroken generation of a cache: between two of them it was emptied (R8). Positions compare within it by LSN. */
export interface Generation {
  /** Random, never used twice (`newEpoch`). */
  readonly epoch: string;
  readonly cluster: ClusterId;
  readonly timeline: number;
}

/** Where a shared cache stands. */
export interface SharedState extends Generation {
  /** Counts what was applied since the generation began: who misses one knows it. */
  readonly sequence: number;
  /** W: everything up to here is applied. */
  readonly watermark: Lsn;
}

export type SharedItem =
  | { readonly kind: 'hit'; readonly entry: Entry }
  /** `leased`: somebody else is reading it just now and will fill it in. */
  | { readonly kind: 'miss'; readonly leased: boolean };

/** One look at the shared cache: state and entries of one moment. */
export interface SharedLookup {
  readonly state: SharedState;
  /** In the order of the keys. */
  readonly items: readonly SharedItem[];
}

export interface LookupOptions {
  /** Takes the lease of keys that miss, for this long, where nobody has it; 0: takes none and minds none. */
  readonly leaseMs: number;
}

export interface FillItem {
  readonly key: CacheKey;
  readonly entry: Entry;
  /** Values that may be kept under the first tag; a further one is refused. */
  readonly maxVariants: number;
}

/** `stale`: the guard refused it (R4). `full`: too many variants. `ended`: the generation that it was read in is over. */
export type FillVerdict = 'stored' | 'stale' | 'full' | 'ended';

/**
 * The region's shared cache, as reads use it. Every method is bounded in time and throws `SharedCacheDown` when the
 * cache does not answer; while it is known not to, they throw at once.
 */
export interface SharedCache {
  /** One round trip, whatever the number of keys. Null: there is no generation (nobody began one, or it was lost). */
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
  /** Tombstones at or below may be forgotten: the new horizon, unless it is higher already. */
  readonly horizon: Lsn;
}

/** What followers hear: `Batch` with its place in the sequence. */
export interface Applied extends Omit<Batch, 'horizon'> {
  readonly epoch: string;
  readonly sequence: number;
  /** W before it: where a failover of the shared cache lost the last steps, others may take their numbers. */
  readonly previous: Lsn;
}

/** Where a generation begins. */
export interface Beginning {
  readonly cluster: ClusterId;
  readonly timeline: number;
  readonly lsn: Lsn;
  /** Of the primary that its values are read from; null or left out: a replica. */
  readonly run?: string | null;
}

/** The region's shared cache, as the one who holds the tail writes it. Throws `SharedCacheDown`. */
export interface SharedJournal {
  /** Null: no generation, or one that is damaged. */
  state(): Promise<SharedState | null>;
  /** Makes `holder` the only one whose batches are taken, if the state is still this one. False: it is not. */
  adopt(holder: string, state: SharedState): Promise<boolean>;
  /**
   * Empties the cache: begins a generation at `lsn` with `holder` as its only writer. Whatever was kept or is being read
   * before is not served again.
   */
  begin(holder: string, at: Beginning): Promise<SharedState>;
  /**
   * Tombstones, deletions, W and the message to followers in one step, if `holder` still writes and `after` is still
   * the state; large batches may take several steps, of which only the last moves W. Null: refused, nothing moved;
   * somebody else writes, or the generation was lost.
   */
  apply(holder: string, after: SharedState, batch: Batch): Promise<SharedState | null>;
}

/** What is published to the region's processes: one step that was applied, or that another generation has begun. */
export type FanoutMessage =
  { readonly kind: 'applied'; readonly applied: Applied } | { readonly kind: 'began'; readonly state: SharedState };

export interface FanoutHandlers {
  /** Messages from here on are complete; called when the subscription stands, and again after each loss of it. */
  onSubscribed(): void;
  onApplied(applied: Applied): void;
  /** Another generation has begun. */
  onBegan(state: SharedState): void;
  /** The subscription is gone: messages may be missed from now on. */
  onLost(reason: string): void;
}

/** Tells the region's processes of what was applied, in order, without a promise that nothing is lost. */
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
