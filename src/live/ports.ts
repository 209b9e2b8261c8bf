/** Owns what live queries need of others: somebody who answers them, and the cache that hears of changes. */
import { type Position } from '../base/lineage.ts';
import { type LocalCache } from '../cache/local.ts';
import { type Tag } from '../change/tags.ts';
import { type Positions } from '../consistency/positions.ts';

/** What a query was made of, in one generation of the process's cache. */
export interface LiveBasis {
  readonly epoch: string;
  readonly asOf: Position;
  readonly tags: readonly Tag[];
  /** Milliseconds since 1970: from then on the answer may be another one without a change. */
  readonly expiresAtMs: number;
}

/** A result of GraphQL. */
export interface LiveResult {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions?: Readonly<Record<string, unknown>> }[];
  readonly extensions?: Readonly<Record<string, unknown>>;
}

export interface LiveAnswer {
  readonly result: LiveResult;
  /** Every position that the answer shows. */
  readonly positions: Positions;
  /** Null where it is not known what would change the answer. */
  readonly basis: LiveBasis | null;
}

/** Executes the operation now. Nothing older than `floor` may be in the answer. Must not throw. */
export type LiveExecution = (floor: Positions) => Promise<LiveAnswer>;

/** The process's own cache, as far as live queries need it. */
export type LiveCache = Pick<LocalCache, 'generation' | 'watermark' | 'isCurrent' | 'listen'>;
