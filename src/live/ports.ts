/** Owns the ports of live queries: the execution of operations, and the cache that receives invalidations. */
import { type Position } from '../base/lineage.ts';
import { type LocalCache } from '../cache/local.ts';
import { type Tag } from '../change/tags.ts';
import { type Positions } from '../consistency/positions.ts';

/** The dependencies of an answer, in one generation of the process's cache. */
export interface LiveBasis {
  readonly epoch: string;
  readonly asOf: Position;
  readonly tags: readonly Tag[];
  /** Milliseconds since 1970. From then on the answer may change without an invalidation. */
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
  /** Null where the dependencies of the answer are unknown. */
  readonly basis: LiveBasis | null;
}

/** Executes the operation now. The answer must not contain anything older than `floor`. Must not throw. */
export type LiveExecution = (floor: Positions) => Promise<LiveAnswer>;

/** The part of the process's own cache that live queries use. */
export type LiveCache = Pick<LocalCache, 'generation' | 'watermark' | 'isCurrent' | 'listen'>;
