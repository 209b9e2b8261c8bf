/**
 * Owns single-flight: which values this process is loading now, so that other requests for the same value wait for the
 * result.
 */
import { type Position } from '../base/lineage.ts';
import { type Body } from './kept.ts';
import { type CacheKey } from './ports.ts';

/** The result of a load. */
export interface LoadedValue {
  readonly kind: 'loaded';
  readonly from: 'shared' | 'load';
  /** The value for the request that began the load, and for no other: loaded values are not frozen. */
  readonly own: unknown;
  /** The value for requests that joined; null if it could not be encoded. */
  readonly body: Body | null;
  readonly seen: Position;
  /** What the value is right as of; null where that is not known. */
  readonly asOf: Position | null;
  /** When the value must be read again, milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** Its time to live is over: it may answer only reads without a floor. */
  readonly stale: boolean;
}

export interface FailedLoad {
  readonly kind: 'failed';
  readonly error: unknown;
}

/** One value that is being read. */
export class InFlightLoad {
  /** What the reader asked for; null without a floor. */
  readonly floor: Position | null;
  /** Never rejects. */
  readonly outcome: Promise<LoadedValue | FailedLoad>;
  readonly #resolve: (outcome: LoadedValue | FailedLoad) => void;
  readonly #onEnd: (load: InFlightLoad) => void;
  #joiners = 0;

  constructor(floor: Position | null, onEnd: (load: InFlightLoad) => void) {
    const { promise, resolve } = Promise.withResolvers<LoadedValue | FailedLoad>();
    this.floor = floor;
    this.outcome = promise;
    this.#resolve = resolve;
    this.#onEnd = onEnd;
  }

  get isJoined(): boolean {
    return this.#joiners > 0;
  }

  join(): void {
    this.#joiners += 1;
  }

  /** Only the first call has an effect. After it no request can join. */
  end(outcome: LoadedValue | FailedLoad): void {
    this.#onEnd(this);
    this.#resolve(outcome);
  }
}

/** At most `limit` loads can be joined at a time; further loads are not shared. */
export class InFlightLoads {
  readonly #limit: number;
  readonly #byId = new Map<string, InFlightLoad>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#byId.size;
  }

  find(key: CacheKey): InFlightLoad | undefined {
    return this.#byId.get(idOf(key));
  }

  /** Begins a load. Others can join it if the limit allows and no other load of the key is in flight. */
  begin(key: CacheKey, floor: Position | null): InFlightLoad {
    return this.beginOnly(key, floor) ?? new InFlightLoad(floor, () => {});
  }

  /** As `begin`; null if others could not join it. */
  beginOnly(key: CacheKey, floor: Position | null): InFlightLoad | null {
    const id = idOf(key);
    if (this.#byId.size >= this.#limit || this.#byId.has(id)) return null;
    const load = new InFlightLoad(floor, (ended) => {
      if (this.#byId.get(id) === ended) this.#byId.delete(id);
    });
    this.#byId.set(id, load);
    return load;
  }
}

function idOf({ tags, variant }: CacheKey): string {
  return [variant, ...tags].join('\n');
}
