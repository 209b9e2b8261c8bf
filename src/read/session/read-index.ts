/** Owns the read index: the primary's current position, fetched once for many operations. */
import { MeridianError } from '../../base/errors.ts';
import { type Position } from '../../base/lineage.ts';
import { type PrimaryServer } from '../ports.ts';

/**
 * Maximum number of concurrent fetches; further requests share the next one. It allows one every few milliseconds
 * across a WAN.
 */
const AT_ONCE = 4;

/**
 * A fetched position is valid for requests made before the fetch started, but not for later ones. Requests therefore
 * join a fetch that has not started yet, and many concurrent requests cost the primary only a few small statements per
 * round trip.
 */
export class ReadIndex {
  readonly #primary: () => PrimaryServer | null;
  #underWay = 0;
  #next: Promise<Position> | null = null;
  #startNext: (() => void) | null = null;

  constructor(primary: () => PrimaryServer | null) {
    this.#primary = primary;
  }

  /** Not below any commit that was acknowledged before the call. Throws `PRIMARY_UNAVAILABLE`. */
  current(): Promise<Position> {
    if (this.#underWay < AT_ONCE) return this.#fetch();
    this.#next ??= new Promise((resolve, reject) => {
      this.#startNext = () => {
        this.#fetch().then(resolve, reject);
      };
    });
    return this.#next;
  }

  async #fetch(): Promise<Position> {
    this.#underWay += 1;
    try {
      const primary = this.#primary();
      if (primary === null)
        throw new MeridianError({
          code: 'PRIMARY_UNAVAILABLE',
          message:
            'No region is known to be writable, so that the newest state cannot be proved; try again when the failover has finished.',
        });
      return await primary.position();
    } finally {
      this.#underWay -= 1;
      const start = this.#startNext;
      this.#next = this.#startNext = null;
      start?.();
    }
  }
}
