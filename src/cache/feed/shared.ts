/**
 * Owns feeding the region's shared cache while this process holds the slot: in commit order, one step at a time, and
 * without delaying the tail for a cache that does not answer. Changes that the cache misses meanwhile are kept and
 * applied later, if that is possible. The watermark of the shared cache is true whichever process wrote it: each writer
 * knows every change between the position where it took over and the position where it stopped. A writer that was
 * suspended and resumes can therefore cost the cache time, but cannot make a value wrong.
 */
import { randomUUID } from 'node:crypto';
import { messageOf } from '../../base/errors.ts';
import { formatLsn, type Lsn } from '../../base/lsn.ts';
import { type StreamStart } from '../../change/ports.ts';
import { type TableTag } from '../../change/tags.ts';
import { type Options } from '../../config/options.ts';
import { type Log } from '../../telemetry/log.ts';
import { isSameRun, mayGoOn } from '../guard.ts';
import { PendingInvalidations, type Changed } from './pending.ts';
import { type CacheFeedObserver, type GenerationReason } from './observer.ts';
import { type SharedJournal, type SharedState } from '../ports.ts';

export interface SharedFeedParts {
  readonly journal: SharedJournal;
  /** Where the stream of this process began. */
  readonly start: StreamStart;
  /**
   * Why the contents of the shared cache must be discarded, if that is known before the stream begins; null: they need
   * not be.
   */
  readonly anew: GenerationReason | null;
  readonly options: Pick<Options, 'maxTags' | 'redisRetryMs'>;
  readonly horizon: () => Lsn;
  /** Whether this process holds the slot, by the server's present answer. */
  readonly holds: () => Promise<boolean>;
  readonly observe: CacheFeedObserver;
  readonly log: Log;
}

/** How often in a row the state may change unexpectedly before the next attempt is delayed. */
const TRIES = 3;

export class SharedFeed {
  readonly #parts: SharedFeedParts;
  readonly #holder = randomUUID();
  /** As this process left it; null while it must be read. */
  #state: SharedState | null = null;
  #pending: PendingInvalidations;
  #anew: GenerationReason | null;
  /**
   * Whether the server must confirm that this process holds the slot before it writes where another process may have
   * written.
   */
  #mustConfirmSlot = false;
  #settling: Promise<void> | null = null;
  /** Set while the cache is not written to after a failure. */
  #retry: NodeJS.Timeout | null = null;
  #over = false;

  constructor(parts: SharedFeedParts) {
    this.#parts = parts;
    this.#pending = new PendingInvalidations(parts.start.lsn);
    this.#anew = parts.anew;
  }

  /** Null while the shared cache is not fed. */
  get state(): SharedState | null {
    return this.#state;
  }

  /** Why the shared cache must begin a new generation; null: it need not. */
  get anew(): GenerationReason | null {
    return this.#anew;
  }

  /**
   * Continues the generation of the shared cache, or begins one. Never throws; bounded in time by the journal's own
   * limits.
   */
  start(): Promise<void> {
    return this.#settle();
  }

  /** Resolves when the change is applied, or when it must wait for a retry. Never throws. */
  apply(changed: Changed): Promise<void> {
    this.#pending.add(changed);
    // Emptying the cache needs less memory than more pending invalidations.
    if (this.#pending.size > this.#parts.options.maxTags && this.#retry !== null) this.#forget('outdated');
    return this.#settle();
  }

  /**
   * Nothing changed up to `lsn` except, possibly, `tables`. Sent to the cache soon, together with what follows until
   * then.
   */
  progress(lsn: Lsn, tables: readonly TableTag[] = []): void {
    this.#pending.add({ lsn, tags: [], tables });
    void this.#settle();
  }

  /** All values are wrong below `lsn`. As `apply`. */
  beginAnew(lsn: Lsn, reason: GenerationReason): Promise<void> {
    this.#pending.moveTo(lsn);
    this.#forget(reason);
    return this.#settle();
  }

  /** Sends the pending invalidations, if the cache answers, and nothing afterwards. */
  async end(): Promise<void> {
    const last = this.#state === null ? this.#settling : this.#settle();
    this.#over = true;
    await last;
    if (this.#retry !== null) clearTimeout(this.#retry);
  }

  #forget(reason: GenerationReason): void {
    this.#anew ??= reason;
    this.#pending = this.#nothingAfter(this.#pending.to);
  }

  #nothingAfter(lsn: Lsn): PendingInvalidations {
    return new PendingInvalidations(lsn);
  }

  get #isSettled(): boolean {
    return this.#state !== null && this.#anew === null && this.#pending.to <= this.#state.watermark;
  }

  #settle(): Promise<void> {
    if (this.#settling !== null) return this.#settling;
    if (this.#over || this.#retry !== null || this.#isSettled) return Promise.resolve();
    this.#settling = this.#step();
    return this.#settling;
  }

  /**
   * Sends one step after another until none is pending. Callers that add invalidations meanwhile wait for the same end.
   */
  async #step(): Promise<void> {
    try {
      for (let tries = 0; !this.#isSettled;) {
        if (this.#state !== null && this.#anew === null) {
          await this.#send(this.#state);
          continue;
        }
        if (this.#over) return;
        tries += 1;
        if (tries > TRIES) throw new Error('its state changes under the hands of this process');
        await this.#enter();
      }
    } catch (error) {
      this.#later(error);
    } finally {
      this.#settling = null;
    }
  }

  async #send(state: SharedState): Promise<void> {
    const { journal, horizon, observe } = this.#parts;
    const pending = this.#take();
    const { tags, tables } = pending;
    this.#state = null;
    try {
      this.#state = await journal.apply(this.#holder, state, {
        watermark: pending.to,
        tags,
        tables,
        horizon: horizon(),
      });
    } finally {
      if (this.#state === null) this.#giveBack(pending);
    }
    if (this.#state !== null) return observe.applied('shared', tags.length, tables.length);
    this.#mustConfirmSlot = true;
    observe.refused();
  }

  /** Takes over the present generation, or begins one. */
  async #enter(): Promise<void> {
    const { journal, start, holds, log } = this.#parts;
    this.#state = null;
    // A process that was suspended and resumes would empty a cache that another process fills by now.
    if (this.#mustConfirmSlot && !(await holds())) throw new Error('another process of this region has the slot');
    if (this.#anew === null) {
      const found = await journal.state();
      if (this.#over) return;
      if (found !== null && mayGoOn(found, start, this.#pending.from)) {
        if (await journal.adopt(this.#holder, found)) this.#state = found;
        this.#mustConfirmSlot = true;
        return;
      }
      if (found !== null && found.cluster !== start.cluster)
        log.warn(
          "The region's Redis holds the cache of another database under the same redisPrefix; give each graph a prefix of its own.",
        );
      this.#anew ??= found === null ? 'missing' : isSameRun(found, start) ? 'outdated' : 'restart';
    }
    if (!this.#over) await this.#begin(this.#anew);
  }

  async #begin(reason: GenerationReason): Promise<void> {
    const { journal, start, observe, log } = this.#parts;
    const pending = this.#take();
    this.#anew = null;
    try {
      this.#state = await journal.begin(this.#holder, {
        cluster: start.cluster,
        timeline: start.timeline,
        lsn: pending.to,
        run: start.run ?? null,
      });
    } finally {
      if (this.#state === null) {
        this.#anew ??= reason;
        this.#giveBack(pending);
      }
    }
    this.#mustConfirmSlot = true;
    observe.began('shared', reason);
    log.info({ reason, watermark: formatLsn(pending.to) }, "The region's shared cache was emptied and begins again.");
  }

  #take(): PendingInvalidations {
    const pending = this.#pending;
    this.#pending = this.#nothingAfter(pending.to);
    return pending;
  }

  #giveBack(pending: PendingInvalidations): void {
    pending.addLater(this.#pending);
    this.#pending = pending;
  }

  /** The tail continues without the shared cache, whose W stands still until the pending invalidations are applied. */
  #later(error: unknown): void {
    const { options, log } = this.#parts;
    this.#mustConfirmSlot = true;
    log.debug({ err: error }, `Changes cannot be applied to the region's shared cache: ${messageOf(error)}`);
    if (this.#over) return;
    this.#retry = setTimeout(() => {
      this.#retry = null;
      void this.#settle();
    }, options.redisRetryMs);
    this.#retry.unref();
  }
}
