/**
 * Owns the decisions that keep caches exact: what may be served, kept, and followed. Pure, and each of them made here
 * and nowhere else in the process.
 */
import { lineageStatusOf, type Position } from '../base/lineage.ts';
import { type Lsn } from '../base/lsn.ts';
import { type StreamStart } from '../change/ports.ts';
import { runOf } from './epoch.ts';
import { type Applied, type Generation, type SharedState } from './ports.ts';
import { type CacheDemand, type Loaded } from './reading.ts';

/** Where one layer of the cache stands at the moment of a decision. */
export interface LayerState {
  readonly generation: Omit<Generation, 'epoch'>;
  /** W: everything up to here is applied to the layer. */
  readonly watermark: Lsn;
}

/**
 * Whether a value that the layer keeps may answer (R5): it is right as of max(`asOf`, W). A floor on an older timeline
 * was proved to lie on the newest history, where positions compare by LSN; of a newer timeline than its own the layer
 * knows nothing.
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
 * Whether the layer's positions mean what those of the demand do (R1). What was kept of another database, or on a
 * branch that a failover cut off below W, says nothing here, however high its W is. A layer on a timeline whose history
 * is not known yet may stand above a switch at which an older floor was lost (R7): servers find that out.
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
 * What a value's time to live says (a backstop, no part of exactness). `stale`: over, but a read without a floor may
 * show it for `staleMs` more while it is read anew.
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
  /** What that request asked for: the value is right as of it, whoever answered. */
  readonly floor: Position | null;
  /** What the value is right as of; null where that is not known. */
  readonly asOf: Position | null;
}

/**
 * Whether a value that another request has just read answers this one as well, although it may have been read before
 * this one began.
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
  /** Above it every tombstone is still there; below it one may have been forgotten. */
  readonly horizon: Lsn;
  /** The highest tombstone of the key's tags and of their tables; null without one. */
  readonly tombstone: Lsn | null;
  /** `asOf` of the value that is kept already; null without one. */
  readonly kept: Lsn | null;
}

/** Whether a value that was read as of `asOf` may be kept (R4). Asked in one step with the write. */
export function mayKeep(asOf: Lsn, { horizon, tombstone, kept }: Known): boolean {
  if (asOf < horizon) return false;
  if (tombstone !== null && isInvalidated(asOf, tombstone)) return false;
  return kept === null || kept <= asOf;
}

/**
 * Whether an invalidation at `at` makes a value wrong that was read as of `asOf`: what is as new as the invalidation
 * has seen the change.
 */
export function isInvalidated(asOf: Lsn, at: Lsn): boolean {
  return asOf < at;
}

/** Whether what was read in the generation `epoch` may still be kept: tombstones of an earlier generation are gone. */
export function isSameGeneration(generation: Pick<Generation, 'epoch'> | null, epoch: string): boolean {
  return generation?.epoch === epoch;
}

/**
 * With which `asOf` a layer may keep what was loaded; null: not at all. `before` is where the layer stood before the
 * load was sent: a later W would be too high. A position speaks for a layer of its own timeline only, since below a
 * switch two timelines may differ.
 */
export function asOfIn(before: LayerState, { asOf, seen }: Pick<Loaded<unknown>, 'asOf' | 'seen'>): Lsn | null {
  if (asOf === null) return null;
  const from = asOf === 'watermark' ? seen : asOf;
  if (from.cluster !== before.generation.cluster || from.timeline !== before.generation.timeline) return null;
  return asOf === 'watermark' ? before.watermark : asOf.lsn;
}

/**
 * Whether a message follows the last one that was applied; any other means that one was missed, or came with other
 * content, or that another generation has begun.
 */
export function isNextInSequence(
  last: Pick<SharedState, 'epoch' | 'sequence' | 'watermark'>,
  next: Pick<Applied, 'epoch' | 'sequence' | 'previous'>,
): boolean {
  return next.epoch === last.epoch && next.sequence === last.sequence + 1 && next.previous === last.watermark;
}

/** Whether a message tells of what was applied before the last one: it says nothing new. */
export function isOldNews(
  last: { readonly epoch: string; readonly sequence: number },
  next: { readonly epoch: string; readonly sequence: number },
): boolean {
  return next.epoch === last.epoch && next.sequence <= last.sequence;
}

/**
 * Whether who followed up to the one has heard of everything up to the other; a number alone may have been given twice.
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
 * Whether who knows everything that changed after `from` on the stream's timeline can go on with a shared cache that
 * stands there.
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
 * Whether the primary has not been started anew since the generation began: a crash takes back what was shown and not
 * flushed, and no timeline tells of it.
 */
export function isSameRun({ epoch }: Pick<SharedState, 'epoch'>, { run = null }: Pick<StreamStart, 'run'>): boolean {
  return runOf(epoch) === run;
}
