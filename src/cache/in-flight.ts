/**
 * Owns single-flight: what this process is reading just now, so that others who want the same wait for it instead of
 * reading it again.
 */
import { type Position } from '../base/lineage.ts';
import { type Body } from './kept.ts';
import { type CacheKey } from './ports.ts';

/** What a flight brought. */
export interface LoadedValue {
  readonly kind: 'loaded';
  readonly from: 'shared' | 'load';
  /** The value for who began the flight, and nobody else: loaded values are not frozen. */
  readonly own: unknown;
  /** The value for those who joined; null where it could not be encoded. */
  readonly body: Body | null;
  readonly seen: Position;
  /** What the value is right as of; null where that is not known. */
  readonly asOf: Position | null;
  /** When it is to be read anew, milliseconds since 1970. */
  readonly expiresAtMs: number;
  /** Its time to live is over: good for reads without a floor only. */
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

  /** The first call counts. From then on nobody can join. */
  end(outcome: LoadedValue | FailedLoad): void {
    this.#onEnd(this);
    this.#resolve(outcome);
  }
}

/** At most `limit` flights can be joined at once; further ones fly alone. */
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

  /** Begins a flight, which others can join if there is room and no other one for the key. */
  begin(key: CacheKey, floor: Position | null): InFlightLoad {
    return this.beginOnly(key, floor) ?? new InFlightLoad(floor, () => {});
  }

  /** As `begin`; null where others could not join it. */
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
