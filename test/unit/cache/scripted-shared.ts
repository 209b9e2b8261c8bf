/**
 * Owns a stand-in for the region's shared cache whose every answer the test decides, for what depends on when an answer
 * comes.
 */
import {
  type CacheKey,
  type FillItem,
  type FillVerdict,
  type LookupOptions,
  type SharedCache,
  type SharedItem,
  type SharedLookup,
} from '../../../src/cache/ports.ts';

export interface Looked {
  readonly keys: readonly CacheKey[];
  readonly options: LookupOptions;
}

export interface Filled {
  readonly epoch: string;
  readonly items: readonly FillItem[];
}

export class ScriptedShared implements SharedCache {
  readonly lookups: Looked[] = [];
  readonly fills: Filled[] = [];
  /** How a look is answered, and how a fill; both may be changed at any time. */
  onLookup: (looked: Looked, n: number) => Promise<SharedLookup | null> | SharedLookup | null;
  onFill: (filled: Filled) => Promise<readonly FillVerdict[]> | readonly FillVerdict[] = ({ items }) =>
    items.map(() => 'stored');

  constructor(onLookup: ScriptedShared['onLookup']) {
    this.onLookup = onLookup;
  }

  async lookup(keys: readonly CacheKey[], options: LookupOptions): Promise<SharedLookup | null> {
    const looked = { keys, options };
    this.lookups.push(looked);
    return this.onLookup(looked, this.lookups.length);
  }

  async fill(epoch: string, items: readonly FillItem[]): Promise<readonly FillVerdict[]> {
    const filled = { epoch, items };
    this.fills.push(filled);
    return this.onFill(filled);
  }
}

export const MISS: SharedItem = { kind: 'miss', leased: false };
export const LEASED: SharedItem = { kind: 'miss', leased: true };
