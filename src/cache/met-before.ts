/** Owns a bounded memory of names that have occurred: an answer that is asked for only once is not worth keeping. */

/** Names in one set. The current and the previous set are remembered. */
const GENERATION = 1 << 16;
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** Two names with the same hash are treated as the same name; one of them is then kept earlier than necessary. */
export class MetBefore {
  #current = new Set<number>();
  #previous = new Set<number>();

  /** Whether the name has occurred before; marks it as occurred. */
  meet(name: string): boolean {
    const hash = hashOf(name);
    if (this.#current.has(hash)) return true;
    const isKnown = this.#previous.has(hash);
    if (this.#current.size >= GENERATION) {
      this.#previous = this.#current;
      this.#current = new Set();
    }
    this.#current.add(hash);
    return isKnown;
  }
}

/** FNV-1a over UTF-16 units, 32 bits (Fowler, Noll, Vo). */
function hashOf(text: string): number {
  let hash = FNV_OFFSET;
  for (let i = 0; i < text.length; i += 1) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash >>> 0;
}
