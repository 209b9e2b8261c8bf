/** Owns when it is worth looking whether all that a plan reads is in the process's cache: each look in vain reads twice. */

/** Looks in vain, one after the other, from which on only some requests look. */
const IN_VAIN = 4;
/** One request of so many then does. */
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
