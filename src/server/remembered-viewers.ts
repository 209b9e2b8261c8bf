/**
 * Owns the cache of verified tokens: their viewers are kept as long as another verification would have the same result.
 */
import { LRUCache } from 'lru-cache';
import { type Viewer } from '../base/viewer.ts';
import { type Options } from '../config/options.ts';

/** Longer headers (in characters) are verified each time, so that few clients cannot fill the memory. */
const LONGEST_HEADER = 4_096;

export interface Proof {
  readonly viewer: Viewer;
  /** Seconds since 1970, from the token's claims; undefined where it has none. */
  readonly exp: number | undefined;
  readonly nbf: number | undefined;
  /** Whether the key that verified it is still valid. If omitted, it is valid as long as the process runs. */
  readonly stillCounts?: () => boolean;
}

export class RememberedViewers {
  readonly #proofs: LRUCache<string, Proof> | null;
  readonly #toleranceMs: number;

  constructor({ rememberedTokens, clockToleranceMs }: Pick<Options, 'rememberedTokens' | 'clockToleranceMs'>) {
    this.#proofs = rememberedTokens === 0 ? null : new LRUCache({ max: rememberedTokens });
    this.#toleranceMs = clockToleranceMs;
  }

  /** The key is the whole header, compared exactly. */
  get(header: string): Viewer | undefined {
    const proof = this.#proofs?.get(header);
    if (proof === undefined) return undefined;
    if (this.#holds(proof)) return proof.viewer;
    this.#proofs?.delete(header);
    return undefined;
  }

  keep(header: string, proof: Proof): void {
    if (header.length <= LONGEST_HEADER) this.#proofs?.set(header, proof);
  }

  /**
   * Checks both claims in whole seconds, as verification does. `nbf` is checked too, since the clock may have been set
   * back.
   */
  #holds({ exp, nbf, stillCounts }: Proof): boolean {
    const nowS = Math.floor(Date.now() / 1_000);
    const toleranceS = this.#toleranceMs / 1_000;
    if (exp !== undefined && exp <= nowS - toleranceS) return false;
    if (nbf !== undefined && nbf > nowS + toleranceS) return false;
    return stillCounts?.() ?? true;
  }
}
