/** Owns the decision whether to try a synchronous run from the process's cache. A failed try reads twice. */

/** After this many consecutive failed tries, only some requests try. */
const IN_VAIN = 4;
/** One in this many requests then tries. */
const ONE_OF = 32;

export class Presence {
  #inVain = 0;
  #passedBy = 0;

  isLikely(): boolean {
    if (this.#inVain < IN_VAIN) return true;
    this.#passedBy = (this.#passedBy + 1) % ONE_OF;
    return this.#passedBy === 0;
  }

  found(): void {
    this.#inVain = 0;
  }

  missed(): void {
    this.#inVain += 1;
  }
}
