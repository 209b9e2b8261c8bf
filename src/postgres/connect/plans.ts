/**
 * Owns which generation of prepared statements a pool uses. A plan that was prepared before a table changed may be
 * refused for as long as its connection lives (a column's type, the columns of `*`), and the pool's other connections
 * have the same one: so all of them begin anew, under new names and with another text, by which a pooler in between
 * knows them apart as well.
 */
import { isStalePlan } from '../read/error.ts';

/** Statements that are remembered for failing in every session, at most; beyond them all are forgotten. */
const MAX_FAILING = 1_000;

export class Plans {
  #generation = 0;
  /** Statements whose functions fail in new sessions too: no generation helps them. */
  readonly #failing = new Set<string>();

  get generation(): number {
    return this.#generation;
  }

  /** A plan of that generation has turned out to be stale. */
  renew(generation: number): void {
    if (generation === this.#generation) this.#generation += 1;
  }

  /**
   * A function that the statement calls has met a value of another type than it was prepared for. `isNew`: in a session
   * that had prepared nothing before, so that the function itself is wrong, and new sessions would not help.
   */
  functionFailed(text: string, { generation, isNew }: { readonly generation: number; readonly isNew: boolean }): void {
    if (this.#failing.has(text)) return;
    if (!isNew) return this.renew(generation);
    if (this.#failing.size >= MAX_FAILING) this.#failing.clear();
    this.#failing.add(text);
  }

  succeeded(text: string): void {
    if (this.#failing.size > 0) this.#failing.delete(text);
  }
}

export interface Named {
  readonly name: string;
  readonly text: string;
}

/** A statement as it is prepared in that generation. */
export function ofGeneration({ name, text }: Named, generation: number): Named {
  return generation === 0 ? { name, text } : { name: `${name}_${generation}`, text: `/* ${generation} */ ${text}` };
}

/** The first time again all plans are new, unless the tables change once more meanwhile. */
const TRIES = 2;

/** Reads, or what has been rolled back to where it began: runs again at once where a stale plan has failed it. */
export async function pastStalePlans<T>(run: (tries: number) => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await run(tries);
    } catch (error) {
      if (tries === TRIES || !(error instanceof Error) || !isStalePlan(error.cause)) throw error;
    }
  }
}
