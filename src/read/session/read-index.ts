/** Owns the read index: the primary's position now, fetched for many operations at once. */
import { MeridianError } from '../../base/errors.ts';
import { type Position } from '../../base/lineage.ts';
import { type PrimaryServer } from '../ports.ts';

/**
 * Fetches under way at once; who comes later shares the next one. Enough to start one every few milliseconds over an
 * ocean.
 */
const AT_ONCE = 4;

/**
 * A position answers everybody who asked before it was fetched, never somebody who asked later: so requests join a
 * fetch that has not begun yet, and a herd costs the primary no more than a few small statements per round trip.
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
