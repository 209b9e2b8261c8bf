/**
 * Owns what feeds the caches of a process: the tail if this process holds the slot, otherwise the messages of the
 * process that holds it. Without either, nothing is kept.
 */
import { randomUUID } from 'node:crypto';
import { systemClock, type Clock } from '../../base/clock.ts';
import { type Position } from '../../base/lineage.ts';
import { type Lsn } from '../../base/lsn.ts';
import { type Invalidation } from '../../change/invalidation.ts';
import {
  type ChangeHandlers,
  type CommittedTransaction,
  type Heartbeat,
  type StreamStart,
} from '../../change/ports.ts';
import { type TableTag } from '../../change/tags.ts';
import { type Options } from '../../config/options.ts';
import { type Log } from '../../telemetry/log.ts';
import { runOf } from '../epoch.ts';
import { isSameState } from '../guard.ts';
import { type Coverage } from './coverage.ts';
import { CacheFollower } from './follower.ts';
import { Horizon } from './horizon.ts';
import { QUIET, type CacheFeedObserver, type GenerationReason } from './observer.ts';
import { SharedFeed } from './shared.ts';
import { type LocalCache } from '../local.ts';
import { type Fanout, type SharedJournal } from '../ports.ts';

export type CacheFeedOptions = Pick<Options, 'tombstoneMs' | 'maxTags' | 'redisRetryMs'>;

export interface CacheFeedParts {
  readonly local: LocalCache;
  /** Null: the region has no shared cache. Then only the slot holder can keep values. */
  readonly shared: { readonly journal: SharedJournal; readonly fanout: Fanout } | null;
  readonly invalidationOf: (transaction: CommittedTransaction) => Invalidation;
  /** Null, or left out: the schema allows nothing to be cached. */
  readonly coverage?: Coverage | null;
  /** Whether this process holds the slot, by the server's present answer. */
  readonly holds: () => Promise<boolean>;
  readonly options: CacheFeedOptions;
  readonly log: Log;
  readonly clock?: Clock | undefined;
  readonly observe?: CacheFeedObserver | undefined;
}

/** The role of this process: it streams; another process of the region holds the slot; or neither. */
export type TailRole = 'holder' | 'follower' | 'none';

/** One stream of changes, from its start to its end. */
interface Stream {
  readonly start: StreamStart;
  readonly feed: SharedFeed | null;
  horizon: Horizon;
}

export class CacheFeed implements ChangeHandlers {
  readonly #parts: CacheFeedParts;
  readonly #clock: Clock;
  readonly #observe: CacheFeedObserver;
  #stream: Stream | null = null;
  #follower: CacheFollower | null = null;
  /** What earlier streams are still sending to the shared cache. */
  #ending: Promise<void> = Promise.resolve();
  /**
   * Why the present generation of the shared cache must be replaced, if it could not be emptied when this became known.
   */
  #anew: GenerationReason | null = null;
  #saidNoShared = false;

  constructor(parts: CacheFeedParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#observe = parts.observe ?? QUIET;
  }

  /** The timeline of the stream that feeds the caches; null while this process holds no tail. */
  get timeline(): number | null {
    return this.#stream?.start.timeline ?? null;
  }

  /** The position of the region when this process begins to stream: that of its shared cache; null if it is unknown. */
  async appliedPosition(): Promise<Position | null> {
    if (this.#parts.shared === null) return null;
    await this.#ending;
    try {
      const state = await this.#parts.shared.journal.state();
      return state === null ? null : { cluster: state.cluster, timeline: state.timeline, lsn: state.watermark };
    } catch {
      // The stream begins at the slot's position; whether the shared cache lacks changes before it is found out
      // afterwards.
      return null;
    }
  }

  async onStart(start: StreamStart): Promise<void> {
    this.#endStream();
    const followed = this.#follower?.stop() ?? null;
    this.#follower = null;
    const horizon = new Horizon(start.lsn, this.#parts.options.tombstoneMs, this.#clock);
    const stream: Stream = { start, horizon, feed: this.#feedOf(start, () => stream.horizon.lsn) };
    this.#stream = stream;
    await this.#parts.coverage?.begin(start.lsn);
    if (stream.feed !== null) {
      this.#anew = null;
      await this.#ending;
      await stream.feed.start();
    }
    this.#demandCurrent(stream);
    const state = stream.feed?.state ?? null;
    // A process that has followed up to exactly the state that the stream continues from has missed nothing.
    if (followed !== null && state !== null && isSameState(followed, state)) stream.horizon = followed.horizon;
    else this.#beginLocal(stream, start.lsn, 'stream');
  }

  /** The shared cache first, then this process: a client that receives a position may be answered by either. */
  async onTransaction(transaction: CommittedTransaction): Promise<void> {
    const stream = this.#stream;
    if (stream === null) throw new Error('a transaction came without a stream');
    const { coverage, invalidationOf } = this.#parts;
    await coverage?.before(transaction);
    const { lsn, tags, tables: changed, everything } = invalidationOf(transaction);
    const horizon = stream.horizon.reached(lsn);
    if (everything) {
      await stream.feed?.beginAnew(lsn, 'schema');
      this.#demandCurrent(stream);
      this.#beginLocal(stream, lsn, 'schema');
      return;
    }
    const tables = withAlways(changed, coverage?.step(lsn));
    await stream.feed?.apply({ lsn, tags, tables });
    this.#demandCurrent(stream);
    this.#parts.local.apply({ watermark: lsn, tags, tables, horizon });
    this.#observe.applied('local', tags.length, tables.length);
  }

  onHeartbeat({ lsn }: Heartbeat): void {
    this.onProgress(lsn);
  }

  onProgress(lsn: Lsn): void {
    const stream = this.#stream;
    if (stream === null) return;
    const tables = this.#parts.coverage?.step(lsn) ?? [];
    this.#parts.local.apply({ watermark: lsn, tags: [], tables, horizon: stream.horizon.reached(lsn) });
    this.#observe.applied('local', 0, tables.length);
    stream.feed?.progress(lsn, tables);
  }

  /**
   * Both caches are emptied before the stream begins. A shared cache that cannot be reached keeps its watermark, and is
   * emptied before this process writes to it.
   */
  async onGap(reason: string): Promise<void> {
    this.#endStream();
    this.#stopFollowing(`changes may have been missed: ${reason}`);
    this.#parts.local.lose(`changes may have been missed: ${reason}`);
    const { shared } = this.#parts;
    if (shared === null) return;
    this.#anew = 'gap';
    await this.#ending;
    try {
      const state = await shared.journal.state();
      if (state === null) return;
      await shared.journal.begin(randomUUID(), {
        cluster: state.cluster,
        timeline: state.timeline,
        lsn: state.watermark,
        run: runOf(state.epoch),
      });
      this.#anew = null;
      this.#observe.began('shared', 'gap');
    } catch (error) {
      this.#parts.log.warn(
        { err: error },
        "The region's shared cache could not be emptied after a gap; its watermark stands still until it is.",
      );
    }
  }

  /** The tail reports the role that this process has from now on. */
  become(role: TailRole): void {
    if (role === 'holder') return;
    if (this.#endStream()) this.#parts.local.lose('the stream of changes ended');
    if (role === 'none') this.#stopFollowing('nobody holds the slot whom this process could follow');
    else this.#follow();
  }

  /** Ends the feed; sends the pending invalidations to the shared cache, if it answers. */
  async close(): Promise<void> {
    this.#endStream();
    this.#stopFollowing('the server stops');
    this.#parts.local.lose('the server stops');
    await this.#ending;
  }

  #feedOf(start: StreamStart, horizon: () => Lsn): SharedFeed | null {
    const { shared, options, holds, log } = this.#parts;
    return shared === null
      ? null
      : new SharedFeed({
          journal: shared.journal,
          start,
          anew: this.#anew,
          options,
          horizon,
          holds,
          observe: this.#observe,
          log,
        });
  }

  #follow(): void {
    if (this.#follower !== null) return;
    const { shared, local, options, log } = this.#parts;
    if (shared === null) {
      if (!this.#saidNoShared)
        log.info(
          "This server does not hold the region's slot, and the region has no Redis through which it could hear of changes: it caches nothing.",
        );
      this.#saidNoShared = true;
      return;
    }
    this.#follower = new CacheFollower({ local, ...shared, options, clock: this.#clock, observe: this.#observe, log });
    this.#follower.start();
  }

  #stopFollowing(reason: string): void {
    if (this.#follower === null) return;
    this.#follower.stop();
    this.#follower = null;
    this.#parts.local.lose(reason);
  }

  /** Whether there was a stream. */
  #endStream(): boolean {
    const stream = this.#stream;
    this.#stream = null;
    if (stream?.feed) {
      this.#anew ??= stream.feed.anew;
      const earlier = this.#ending;
      this.#ending = stream.feed.end().then(() => earlier);
    }
    return stream !== null;
  }

  #beginLocal(stream: Stream, lsn: Lsn, reason: GenerationReason): void {
    const { cluster, timeline } = stream.start;
    stream.horizon = new Horizon(lsn, this.#parts.options.tombstoneMs, this.#clock);
    this.#parts.local.begin({ epoch: randomUUID(), cluster, timeline }, lsn);
    this.#observe.began('local', reason);
  }

  /**
   * Work that was started for a stream which has ended must not reach the process's cache: another stream may feed it
   * by now.
   */
  #demandCurrent(stream: Stream): void {
    if (this.#stream !== stream) throw new Error('the stream ended before its change was applied');
  }
}

function withAlways(tables: readonly TableTag[], always: readonly TableTag[] = []): readonly TableTag[] {
  return always.length === 0 ? tables : [...new Set([...tables, ...always])];
}
