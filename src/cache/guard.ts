/**
 * Owns the decisions that keep caches correct: what may be served, kept and followed. Pure functions; no other module
 * of the process makes these decisions.
 */
import { lineageStatusOf, type Position } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type StreamStart } from '../change/ports.ts';
import { runOf } from './epoch.ts';
import { type Applied, type Generation, type SharedState } from './ports.ts';
import { type CacheDemand, type Loaded } from './reading.ts';

/** The state of one cache layer at the moment of a decision. */
export interface LayerState {
  readonly generation: Omit<Generation, 'epoch'>;
  /** W: everything up to here is applied to the layer. */
  readonly watermark: Lsn;
}

/**
 * Whether a value in the layer may answer the read (R5): it is right as of max(`asOf`, W). A floor on an older timeline
 * was proved to lie on the newest history, where positions compare by LSN; the layer knows nothing about timelines that
 * are newer than its own.
 */
export function mayServe(demand: CacheDemand, state: LayerState, asOf: Lsn): boolean {
  const { floor, notBelow } = demand;
  const { generation, watermark } = state;
  if (!isComparable(demand, state) || (notBelow !== null && watermark < notBelow)) return false;
  if (floor === null) return true;
  if (floor.cluster !== generation.cluster || floor.timeline > generation.timeline) return false;
  return watermark >= floor.lsn || asOf >= floor.lsn;
}

/**
 * Whether the layer's positions can be compared with those of the demand (R1). Values of another database, or of a
 * branch that a failover cut off below W, say nothing here, however high W is. A layer on a timeline whose history is
 * not known yet may stand above a switch point at which an older floor was lost (R7); servers detect that.
 */
function isComparable({ floor, lineage }: CacheDemand, { generation, watermark }: LayerState): boolean {
  if (lineage == null) return true;
  if (generation.cluster !== lineage.cluster) return false;
  const stands =
    lineage.history === null
      ? 'unknown'
      : lineageStatusOf({ timeline: generation.timeline, lsn: watermark }, lineage.history);
  return stands === 'on-history' || (stands === 'unknown' && floor === null);
}

/**
 * The state of a value's time to live (an additional limit; correctness does not depend on it). `stale`: it is over,
 * but a read without a floor may show the value for `staleMs` more while it is being read again.
 */
export function freshnessOf(
  { floor }: CacheDemand,
  expiresAtMs: number,
  { nowMs, staleMs }: { readonly nowMs: number; readonly staleMs: number },
): 'fresh' | 'stale' | 'over' {
  if (nowMs < expiresAtMs) return 'fresh';
  return floor === null && nowMs < expiresAtMs + staleMs ? 'stale' : 'over';
}

/** A value that another request has just read. */
export interface ReadByAnother {
  /** The floor of that request: the value is right as of it, whichever server answered. */
  readonly floor: Position | null;
  /** What the value is right as of; null where that is not known. */
  readonly asOf: Position | null;
}

/**
 * Whether a value that another request has just read also answers this request, although it may have been read before
 * this request began.
 */
export function mayShare({ floor, notBelow }: CacheDemand, read: ReadByAnother): boolean {
  const reaches = (lsn: Lsn, on: Position | null): boolean =>
    [read.floor, read.asOf].some(
      (at) =>
        at !== null && at.lsn >= lsn && (on === null || (at.cluster === on.cluster && at.timeline === on.timeline)),
    );
  return (notBelow === null || reaches(notBelow, null)) && (floor === null || reaches(floor.lsn, floor));
}

/** What a layer knows of a key when a value for it arrives. */
export interface Known {
  /** Every tombstone above it still exists; one below it may have been forgotten. */
  readonly horizon: Lsn;
  /** The highest tombstone of the key's tags and of their tables; null without one. */
  readonly tombstone: Lsn | null;
  /** `asOf` of the value that is kept already; null without one. */
  readonly kept: Lsn | null;
}

/** Whether a value that was read as of `asOf` may be kept (R4). Checked in one atomic step with the write. */
export function mayKeep(asOf: Lsn, { horizon, tombstone, kept }: Known): boolean {
  if (asOf < horizon) return false;
  if (tombstone !== null && isInvalidated(asOf, tombstone)) return false;
  return kept === null || kept <= asOf;
}

/**
 * Whether an invalidation at `at` makes a value that was read as of `asOf` wrong: a value at or above the invalidation
 * has seen the change.
 */
export function isInvalidated(asOf: Lsn, at: Lsn): boolean {
  return asOf < at;
}

/**
 * Whether a value that was read in the generation `epoch` may still be kept: the tombstones of earlier generations are
 * gone.
 */
export function isSameGeneration(generation: Pick<Generation, 'epoch'> | null, epoch: string): boolean {
  return generation?.epoch === epoch;
}

/**
 * The `asOf` with which a layer may keep a loaded value; null: not at all. `before` is the layer's state before the
 * load was sent: a later W would be too high. A position is valid only for a layer of its own timeline, since two
 * timelines may differ below a switch point.
 */
export function asOfIn(before: LayerState, { asOf, seen }: Pick<Loaded<unknown>, 'asOf' | 'seen'>): Lsn | null {
  if (asOf === null) return null;
  const from = asOf === 'watermark' ? seen : asOf;
  if (from.cluster !== before.generation.cluster || from.timeline !== before.generation.timeline) return null;
  return asOf === 'watermark' ? before.watermark : asOf.lsn;
}

/**
 * Whether a message directly follows the last one that was applied; otherwise a message was missed, or has other
 * content, or another generation has begun.
 */
export function isNextInSequence(
  last: Pick<SharedState, 'epoch' | 'sequence' | 'watermark'>,
  next: Pick<Applied, 'epoch' | 'sequence' | 'previous'>,
): boolean {
  return next.epoch === last.epoch && next.sequence === last.sequence + 1 && next.previous === last.watermark;
}

/** Whether a message is not newer than the last one that was applied. */
export function isOldNews(
  last: { readonly epoch: string; readonly sequence: number },
  next: { readonly epoch: string; readonly sequence: number },
): boolean {
  return next.epoch === last.epoch && next.sequence <= last.sequence;
}

/**
 * Whether a process that followed up to `followed` has received everything up to `state`. The sequence number alone may
 * have been used twice.
 */
export function isSameState(
  followed: Pick<SharedState, 'epoch' | 'sequence' | 'watermark'>,
  state: Pick<SharedState, 'epoch' | 'sequence' | 'watermark'>,
): boolean {
  return (
    followed.epoch === state.epoch && followed.sequence === state.sequence && followed.watermark === state.watermark
  );
}

/**
 * Whether a process that knows every change after `from` on the stream's timeline can continue a shared cache in this
 * state.
 */
export function mayGoOn(
  state: Pick<SharedState, 'epoch' | 'cluster' | 'timeline' | 'watermark'>,
  stream: Pick<StreamStart, 'cluster' | 'timeline' | 'run'>,
  from: Lsn,
): boolean {
  const { cluster, timeline, watermark } = state;
  return cluster === stream.cluster && timeline === stream.timeline && isSameRun(state, stream) && watermark >= from;
}

/**
 * Whether the primary has not been restarted since the generation began: a crash takes back what was shown and not
 * flushed, without a new timeline.
 */
export function isSameRun({ epoch }: Pick<SharedState, 'epoch'>, { run = null }: Pick<StreamStart, 'run'>): boolean {
  return runOf(epoch) === run;
}
