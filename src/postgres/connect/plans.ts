/**
 * Owns the generation of prepared statements that a pool uses. A plan that was prepared before a table changed may
 * fail for as long as its connection lives (a column's type, the columns of `*`), and the pool's other connections
 * have the same plan. Therefore all of them are replaced, and statements get a new name and a different text, by which
 * a pooler distinguishes them as well.
 */
import { isStalePlan } from '../read/error.ts';

/** Maximum number of statements remembered as failing in every session; when it is reached, all are forgotten. */
const MAX_FAILING = 1_000;

export class Plans {
  #generation = 0;
  /** Statements whose functions fail in new sessions too, so that a new generation does not help them. */
  readonly #failing = new Set<string>();

  get generation(): number {
    return this.#generation;
  }

  /** Called when a plan of that generation has turned out to be stale. */
  renew(generation: number): void {
    if (generation === this.#generation) this.#generation += 1;
  }

  /**
   * A function that the statement calls received a value of another type than it was prepared for. `isNew`: the
   * session had prepared nothing before, so that the function itself is wrong and new sessions do not help.
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

/** The statement as it is prepared in that generation. */
export function ofGeneration({ name, text }: Named, generation: number): Named {
  return generation === 0 ? { name, text } : { name: `${name}_${generation}`, text: `/* ${generation} */ ${text}` };
}

/**
 * Maximum number of retries. All plans are new on the first one; the second covers a table that changes again
 * meanwhile.
 */
const TRIES = 2;

/**
 * Runs the work again at once if a stale plan failed it. Only for reads, and for work that was rolled back completely.
 */
export async function pastStalePlans<T>(run: (tries: number) => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await run(tries);
    } catch (error) {
      if (tries === TRIES || !(error instanceof Error) || !isStalePlan(error.cause)) throw error;
    }
  }
}
