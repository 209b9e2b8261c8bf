/**
 * Owns what is remembered of tokens that have been verified: whose they are, for as long as verifying them again would
 * have the same outcome.
 */
import { LRUCache } from 'lru-cache';
import { type Viewer } from '../base/viewer.ts';
import { type Options } from '../config/options.ts';

/**
 * Characters of a header that is remembered: a longer one is verified each time, so that few clients cannot fill the
 * memory.
 */
const LONGEST_HEADER = 4_096;

export interface Proof {
  readonly viewer: Viewer;
  /** Seconds since 1970, as the token's claims have them; undefined where it has none. */
  readonly exp: number | undefined;
  readonly nbf: number | undefined;
  /** Whether what it was verified with still counts. Left out: it counts as long as the process runs. */
  readonly stillCounts?: () => boolean;
}

export class RememberedViewers {
  readonly #proofs: LRUCache<string, Proof> | null;
  readonly #toleranceMs: number;

  constructor({ rememberedTokens, clockToleranceMs }: Pick<Options, 'rememberedTokens' | 'clockToleranceMs'>) {
    this.#proofs = rememberedTokens === 0 ? null : new LRUCache({ max: rememberedTokens });
    this.#toleranceMs = clockToleranceMs;
  }

  /** By the whole header, to the letter: two headers that differ are two tokens. */
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

  /** As verification judges both claims, by whole seconds: the clock may also have been set back since. */
  #holds({ exp, nbf, stillCounts }: Proof): boolean {
    const nowS = Math.floor(Date.now() / 1_000);
    const toleranceS = this.#toleranceMs / 1_000;
    if (exp !== undefined && exp <= nowS - toleranceS) return false;
    if (nbf !== undefined && nbf > nowS + toleranceS) return false;
    return stillCounts?.() ?? true;
  }
}
