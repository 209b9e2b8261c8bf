/**
 * Owns following the slot holder: its messages update this process's own cache, which is emptied as soon as a message
 * may have been missed.
 */
import { randomUUID } from 'node:crypto';
import { Backoff } from '../../base/backoff.ts';
import { type Clock, sleep } from '../../base/clock.ts';
import { messageOf } from '../../base/errors.ts';
import { type Lsn } from '../../base/lsn.ts';
import { type Options } from '../../config/options.ts';
import { type Log } from '../../telemetry/log.ts';
import { isNextInSequence, isOldNews } from '../guard.ts';
import { Horizon } from './horizon.ts';
import { type CacheFeedObserver } from './observer.ts';
import { type LocalCache } from '../local.ts';
import {
  type Applied,
  type Fanout,
  type FanoutHandlers,
  type FanoutMessage,
  type SharedJournal,
  type SharedState,
} from '../ports.ts';

export interface FollowerParts {
  readonly local: LocalCache;
  readonly journal: Pick<SharedJournal, 'state'>;
  readonly fanout: Fanout;
  readonly options: Pick<Options, 'tombstoneMs' | 'redisRetryMs'>;
  readonly clock: Clock;
  readonly observe: CacheFeedObserver;
  readonly log: Log;
}

/** The last message that was applied, and the horizon of its generation. */
export interface Followed {
  readonly epoch: string;
  readonly sequence: number;
  readonly watermark: Lsn;
  readonly horizon: Horizon;
}

/** Messages that are buffered while the state is being read. */
const MAX_WAITING = 1_000;
const FIRST_RETRY_MS = 10;

export class CacheFollower {
  readonly #parts: FollowerParts;
  readonly #stop = new AbortController();
  readonly #backoff: Backoff;
  /** Null while the follower does not feed the process's cache. */
  #followed: Followed | null = null;
  /** Messages since the subscription began, while the state is being read; null at other times. */
  #waiting: FanoutMessage[] | null = null;
  /** Numbers the reads of the state, so that the result of an outdated read is ignored. */
  #readings = 0;
  #subscribed = false;

  constructor(parts: FollowerParts) {
    this.#parts = parts;
    this.#backoff = new Backoff({ firstMs: FIRST_RETRY_MS, maxMs: parts.options.redisRetryMs });
  }

  /** Follows until `stop`. */
  start(): void {
    const { fanout, log } = this.#parts;
    const handlers: FanoutHandlers = {
      onSubscribed: () => {
        if (this.#isOver) return;
        this.#subscribed = true;
        void this.#read(0);
      },
      onApplied: (applied) => this.#receive({ kind: 'applied', applied }),
      onBegan: (state) => this.#receive({ kind: 'began', state }),
      onLost: (reason) => {
        if (this.#isOver) return;
        this.#subscribed = false;
        this.#lose(`the subscription to what is applied was lost: ${reason}`);
      },
    };
    fanout.follow(handlers, this.#stop.signal).catch((error: unknown) => {
      this.#lose('the subscription ended');
      log.error({ err: error }, "The subscription to the region's Redis ended.");
    });
  }

  /**
   * From now on nothing reaches the process's cache. Returns how far it was fed; null: the follower has not begun a
   * generation.
   */
  stop(): Followed | null {
    const followed = this.#followed;
    this.#followed = null;
    this.#stop.abort();
    return followed;
  }

  get #isOver(): boolean {
    return this.#stop.signal.aborted;
  }

  /** Messages are complete from the start of the subscription; the state shows which of them it already includes. */
  async #read(waitMs: number): Promise<void> {
    const { journal, log } = this.#parts;
    const reading = ++this.#readings;
    const isOvertaken = (): boolean => this.#isOver || !this.#subscribed || reading !== this.#readings;
    this.#waiting = [];
    if (waitMs > 0) await sleep(waitMs, this.#stop.signal);
    if (isOvertaken()) return;
    try {
      const state = await journal.state();
      if (isOvertaken()) return;
      if (state !== null) this.#enter(state);
      this.#catchUp();
    } catch (error) {
      log.debug({ err: error }, `The state of the region's shared cache cannot be read yet: ${messageOf(error)}`);
      if (!isOvertaken()) void this.#read(this.#backoff.nextMs());
    }
  }

  /** If there is no generation yet, the message that one begins is still to come. */
  #catchUp(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const message of waiting) this.#receive(message);
  }

  #enter(state: SharedState): void {
    const { local, options, clock, observe } = this.#parts;
    const { epoch, sequence, cluster, timeline, watermark } = state;
    this.#followed = { epoch, sequence, watermark, horizon: new Horizon(watermark, options.tombstoneMs, clock) };
    // A new name: a generation of this process's cache begins whenever it is emptied.
    local.begin({ epoch: randomUUID(), cluster, timeline }, watermark);
    observe.began('local', 'follow');
  }

  #receive(message: FanoutMessage): void {
    if (this.#isOver || !this.#subscribed) return;
    if (this.#waiting !== null) {
      this.#waiting.push(message);
      if (this.#waiting.length > MAX_WAITING) void this.#read(this.#backoff.nextMs());
      return;
    }
    if (message.kind === 'began') {
      if (this.#followed?.epoch !== message.state.epoch) this.#enter(message.state);
      return;
    }
    const { applied } = message;
    const followed = this.#followed;
    if (followed !== null && isOldNews(followed, applied)) return;
    if (followed === null || !isNextInSequence(followed, applied)) {
      this.#lose('a message of what is applied was missed');
      void this.#read(this.#backoff.nextMs());
      return;
    }
    this.#apply(followed, applied);
  }

  #apply({ horizon }: Followed, { epoch, sequence, watermark, tags, tables }: Applied): void {
    this.#parts.local.apply({ watermark, tags, tables, horizon: horizon.reached(watermark) });
    this.#followed = { epoch, sequence, watermark, horizon };
    this.#parts.observe.applied('local', tags.length, tables.length);
    this.#backoff.reset();
  }

  #lose(reason: string): void {
    if (this.#isOver) return;
    this.#readings += 1;
    this.#waiting = null;
    if (this.#followed === null) return;
    this.#followed = null;
    this.#parts.local.lose(reason);
    this.#parts.observe.missed();
  }
}
