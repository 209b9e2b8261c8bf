/**
 * Owns the tail: holds the slot of the region's own server, delivers its changes in commit order, reconnects, and
 * reports gaps.
 */
import type pg from 'pg';
import { Backoff } from '../../base/backoff.ts';
import { sleep } from '../../base/clock.ts';
import { MeridianError, messageOf } from '../../base/errors.ts';
import { clusterIdOf, type Position } from '../../base/lineage.ts';
import { formatLsn, maxLsn, parseLsn, type Lsn } from '../../base/lsn.ts';
import { type ChangeHandlers, type ChangeSource, type StreamStart } from '../../change/ports.ts';
import { type Options } from '../../config/options.ts';
import { type Log } from '../../telemetry/log.ts';
import { NOT_TEXT } from '../connect/errors.ts';
import { PROVE } from '../read/position.ts';
import { type ServerError } from '../read/error.ts';
import { ReplicaTimeline } from '../read/timeline.ts';
import { createSlot, dropSlot, surveyServer, type ServerSurvey } from './slot.ts';
import { SlotStream, type SystemIdentity } from './slot-stream.ts';
import { closeClient, errorCodeOf, openClient } from '../connect/open.ts';
import { ChangeDecoder } from './decode.ts';
import { lineageGap, restoredGap } from './gap.ts';
import { SHOWN_SQL, VisibilityGate, type ShownRow } from './gate.ts';
import { TailPump } from './pump.ts';

export type TailOptions = Pick<
  Options,
  | 'slotName'
  | 'publication'
  | 'tailRetryMs'
  | 'tailRetryMaxMs'
  | 'maxTransactionChanges'
  | 'maxTransactionBytes'
  | 'tailBufferBytes'
  | 'tailStatusMs'
  | 'tailSilenceMs'
  | 'slotCreateMs'
  | 'slotRetryMs'
  | 'connectMs'
  | 'statementMs'
>;

/**
 * `streaming`: this process holds the slot. `follower`: another process of the region holds it. `unsupported`: this
 * server cannot decode (a replica before PostgreSQL 16). `down`: `problem` says why.
 */
export type TailState =
  | { readonly kind: 'starting' | 'streaming' | 'follower' | 'stopped' }
  | { readonly kind: 'unsupported' | 'down'; readonly problem: string };

export interface TailParts {
  /** DSN of the region's own server: its replica, or the primary in the primary's region. */
  readonly databaseUrl: string;
  /** DSN of the primary as known at present; used only to speed up the creation of a slot on a replica. */
  readonly primaryUrl: () => string | null;
  readonly options: TailOptions;
  readonly log: Log;
  readonly onState?: (state: TailState) => void;
  /**
   * The consumer's position when a stream begins, if the consumer keeps it (a shared cache that outlives the process).
   * Without it, the position that this object has delivered is used.
   */
  readonly appliedPosition?: () => Promise<Position | null> | Position | null;
}

/** Why a session did not stream, if that is an ordinary state and not a failure. */
class NotNow extends Error {
  readonly state: TailState;

  constructor(state: TailState) {
    super(state.kind);
    this.state = state;
  }
}

/** `reconnect` was called; nothing failed. */
class Reconnect extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = 'Reconnect';
  }
}

const HOLDS_SQL = 'SELECT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active_pid = $2) AS holds';
/** Interval between two checks for commits that are not visible yet. */
const SETTLING_MS = 20;
const OBJECT_IN_USE = '55006';
const UNDEFINED_OBJECT = '42704';

/** The connections of one session, its handlers, and the signal that ends it. */
interface Session {
  readonly sql: pg.Client;
  readonly stream: SlotStream;
  readonly handlers: ChangeHandlers;
  readonly end: AbortController;
}

/** The state of the server and of the consumer when a session begins. */
interface Beginning {
  readonly survey: ServerSurvey;
  readonly identity: SystemIdentity;
  readonly stand: Position | null;
}

export class Tail implements ChangeSource {
  readonly #parts: TailParts;
  readonly #backoff: Backoff;
  #state: TailState = { kind: 'starting' };
  #delivered: Position | null = null;
  /** Why the slot must be replaced although the server still offers it. */
  #slotUnusable: string | null = null;
  #ping: (() => void) | null = null;
  #holds: (() => Promise<boolean>) | null = null;
  /** Ends the current session, or the wait for the next one. */
  #leave: ((reason: string) => void) | null = null;

  constructor(parts: TailParts) {
    this.#parts = parts;
    this.#backoff = new Backoff({ firstMs: parts.options.tailRetryMs, maxMs: parts.options.tailRetryMaxMs });
  }

  get state(): TailState {
    return this.#state;
  }

  /** Asks the server how far it has decoded, so that the watermark moves past records without published changes. */
  ping(): void {
    this.#ping?.();
  }

  /**
   * Whether the server reports at present that this object's stream holds the slot. A process that was suspended may
   * still believe so after another one has taken over.
   */
  async holds(): Promise<boolean> {
    try {
      return (await this.#holds?.()) ?? false;
    } catch {
      // The session's connections are broken; it is about to end.
      return false;
    }
  }

  /**
   * Ends the current session and begins another at once: if a timeline newer than the stream's is known, `onStart`
   * reports it. Calls in quick succession are delayed by `tailRetryMs`. Does nothing before `run` and after its end.
   */
  reconnect(reason: string): void {
    this.#leave?.(reason);
  }

  async run(handlers: ChangeHandlers, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const beganMs = performance.now();
      let waitMs: number;
      try {
        await this.#session(handlers, signal);
        // The server ended the stream normally (it shuts down, or was promoted): reconnect, but not at once.
        if (!signal.aborted) this.#enter({ kind: 'starting' });
        waitMs = this.#backoff.nextMs();
      } catch (error) {
        waitMs = error instanceof Reconnect ? this.#afterReconnect(error.message, beganMs) : this.#afterFailure(error);
      }
      await this.#pause(waitMs, signal);
    }
    this.#enter({ kind: 'stopped' });
  }

  /** A pause that `reconnect` can end. */
  async #pause(waitMs: number, outer: AbortSignal): Promise<void> {
    const end = new AbortController();
    this.#leave = () => end.abort();
    await sleep(waitMs, AbortSignal.any([outer, end.signal]));
    this.#leave = null;
  }

  #afterReconnect(reason: string, beganMs: number): number {
    this.#parts.log.info({ reason }, 'The tail begins a new session.');
    this.#enter({ kind: 'starting' });
    return Math.max(0, this.#parts.options.tailRetryMs - (performance.now() - beganMs));
  }

  #afterFailure(error: unknown): number {
    const { options, log } = this.#parts;
    if (error instanceof NotNow || errorCodeOf(error) === OBJECT_IN_USE) {
      const state: TailState = error instanceof NotNow ? error.state : { kind: 'follower' };
      if (state.kind !== this.#state.kind) {
        if (state.kind === 'follower')
          log.info(
            { slot: options.slotName },
            `Another process of this region holds the slot ${options.slotName}; this one watches the replay position instead and takes over when it is free.`,
          );
        else if (state.kind === 'unsupported') log.warn({}, state.problem);
      }
      this.#enter(state);
      this.#backoff.reset();
      // Only a promotion makes such a server able to decode; a slot may become free at any time.
      return state.kind === 'unsupported' ? options.tailRetryMaxMs : options.slotRetryMs;
    }
    const problem = messageOf(error);
    // Decoding looks up the publication as of the change: before 18, a slot older than its publication always fails
    // with this error.
    if (errorCodeOf(error) === UNDEFINED_OBJECT && (error as ServerError).routine === 'get_publication_oid')
      this.#slotUnusable = 'the slot is older than its publication';
    // The stream would fail at the same change again and again.
    if (NOT_TEXT.has(errorCodeOf(error))) this.#slotUnusable = 'a change holds a text that has no equivalent in UTF-8';
    if (this.#state.kind !== 'down' || this.#state.problem !== problem)
      log.warn({ err: error, tries: this.#backoff.tries + 1 }, 'The tail is down; it reconnects by itself.');
    this.#enter({ kind: 'down', problem });
    return this.#backoff.nextMs();
  }

  #enter(state: TailState): void {
    this.#state = state;
    this.#parts.onState?.(state);
  }

  /** Runs one session, from connecting to the end of its stream. */
  async #session(handlers: ChangeHandlers, outer: AbortSignal): Promise<void> {
    const { databaseUrl, options } = this.#parts;
    // One signal ends all parts of this session, whichever fails first, and carries the cause.
    const end = new AbortController();
    const abort = (): void => end.abort();
    outer.addEventListener('abort', abort, { once: true });
    this.#leave = (reason) => end.abort(new Reconnect(reason));
    let sql: pg.Client | null = null;
    let stream: SlotStream | null = null;
    try {
      const { connectMs, statementMs } = options;
      const onBroken = (error: Error): void => end.abort(error);
      sql = await openClient({ databaseUrl, applicationName: 'meridian tail', connectMs, statementMs, onBroken });
      stream = await SlotStream.open({ databaseUrl, applicationName: 'meridian tail', connectMs, onBroken });
      if (outer.aborted) return;
      const session = { sql, stream, handlers, end };
      await this.#stream(session, await this.#prepare(session));
    } catch (error) {
      // Whatever the abort interrupted, such as the creation of a slot, fails with an error of its own.
      throw end.signal.reason instanceof Reconnect ? end.signal.reason : error;
    } finally {
      outer.removeEventListener('abort', abort);
      this.#leave = null;
      end.abort();
      await Promise.all([stream?.close(), sql === null ? null : closeClient(sql)]);
    }
  }

  /**
   * Ensures that there is a slot to stream from, and reports a gap if changes were missed; returns where the stream
   * begins.
   */
  async #prepare({ sql, stream, handlers, end }: Session): Promise<StreamStart> {
    const { options, log } = this.#parts;
    const survey = await surveyServer(sql, options.slotName, options.publication);
    if (survey.version < 160_000 && survey.inRecovery) {
      throw new NotNow({
        kind: 'unsupported',
        problem:
          'This replica runs PostgreSQL 15 or older, which cannot decode changes: reads go by its replay position, and nothing is cached. Upgrade it to 16 or later for a cache.',
      });
    }
    if (survey.slot.kind === 'taken') throw new NotNow({ kind: 'follower' });
    const stand = (await this.#parts.appliedPosition?.()) ?? this.#delivered;
    await this.#demandPublication(sql, survey, stand);
    const identity = await stream.identify();
    const { confirmedLsn, gap } = await this.#secureSlot({ sql, stream, end }, { survey, identity, stand });
    if (gap !== null && stand !== null) {
      log.warn(
        { reason: gap, watermark: formatLsn(stand.lsn) },
        'Changes may have been missed; the region empties its caches and begins again.',
      );
      // `#delivered` is cleared only after the handler: if the handler fails, the next session must detect the gap
      // again.
      await handlers.onGap(gap);
      this.#delivered = null;
    }
    // What this consumer has applied is not needed again, even if the slot has not confirmed all of it.
    const lsn = gap === null && stand !== null ? maxLsn(stand.lsn, confirmedLsn) : confirmedLsn;
    return { cluster: clusterIdOf(identity.systemIdentifier), timeline: identity.timeline, lsn, run: survey.run };
  }

  /**
   * Without its publication a server either refuses to decode or silently leaves changes out (18 and later), so a slot
   * that existed during such a time is unusable.
   */
  async #demandPublication(sql: pg.Client, survey: ServerSurvey, stand: Position | null): Promise<void> {
    const { options } = this.#parts;
    if (survey.hasPublication) return;
    const { replayLsn, slot } = survey;
    const behind = (lsn: Lsn | undefined): boolean => lsn !== undefined && replayLsn !== null && replayLsn < lsn;
    if (behind(stand?.lsn) || (slot.kind === 'free' && behind(slot.confirmedLsn))) {
      throw new MeridianError({
        code: 'DATABASE_NOT_READY',
        message: 'The replica was restarted and does not show yet what it had shown; the tail waits for it.',
      });
    }
    if (survey.slot.kind !== 'missing') await dropSlot(sql, options.slotName);
    throw new MeridianError({
      code: 'DATABASE_NOT_READY',
      message: `The publication ${options.publication} does not exist on this region's server: run meridian setup (or wait until the replica has replayed it).`,
    });
  }

  async #secureSlot(
    { sql, stream, end: { signal } }: Omit<Session, 'handlers'>,
    { survey, identity, stand }: Beginning,
  ): Promise<{ confirmedLsn: Lsn; gap: string | null }> {
    const { slotName } = this.#parts.options;
    const { slot } = survey;
    const lost = stand === null ? null : ((await lineageGap(stream, identity, stand)) ?? restoredGap(survey, stand));
    if (slot.kind === 'free' && lost === null && this.#slotUnusable === null) {
      const skipped = stand !== null && slot.confirmedLsn > stand.lsn;
      return {
        confirmedLsn: slot.confirmedLsn,
        gap: skipped
          ? `the slot ${slotName} was read by another process up to ${formatLsn(slot.confirmedLsn)} meanwhile`
          : null,
      };
    }
    const gap = lost ?? this.#slotUnusable ?? (slot.kind === 'broken' ? slot.reason : `the slot ${slotName} was gone`);
    if (slot.kind !== 'missing') await dropSlot(sql, slotName);
    this.#slotUnusable = null;
    const { databaseUrl, primaryUrl, options, log } = this.#parts;
    const confirmedLsn = await createSlot({
      ...options,
      databaseUrl,
      primaryUrl: survey.inRecovery ? primaryUrl() : null,
      signal,
      onWaiting: (problem) => this.#waits(problem),
    });
    if (!survey.inRecovery) await settled(sql, signal);
    log.info({ slot: slotName, lsn: formatLsn(confirmedLsn) }, `Created the slot ${slotName}.`);
    return { confirmedLsn, gap };
  }

  #waits(problem: string): void {
    if (this.#state.kind !== 'down' || this.#state.problem !== problem) this.#parts.log.warn(problem);
    this.#enter({ kind: 'down', problem });
  }

  async #stream({ sql, stream, handlers, end }: Session, start: StreamStart): Promise<void> {
    const { options, log } = this.#parts;
    const decoder = new ChangeDecoder(options.publication, options);
    const timelines = new ReplicaTimeline({
      region: 'this one',
      databaseUrl: this.#parts.databaseUrl,
      connectMs: options.connectMs,
      log,
    });
    const gate = new VisibilityGate(async () => {
      const row = firstRow(await sql.query<ShownRow & TimelineRow>({ name: 'meridian_shown', text: SHOWN_SQL }));
      const timeline = await youngerTimeline(row, start.timeline, timelines);
      if (timeline !== null)
        throw new Reconnect(`this region's server is on timeline ${timeline}, the stream began on ${start.timeline}`);
      return row;
    });
    let heardAtMs = performance.now();
    const pump = new TailPump({
      handlers,
      gate,
      startLsn: start.lsn,
      maxBytes: options.tailBufferBytes,
      signal: end.signal,
      onPressure: (high) => (high ? stream.pause() : stream.resume()),
      onDrained: (lsn) => {
        this.#delivered = { ...start, lsn };
      },
      onError: (error) => end.abort(error),
    });
    const acknowledge = (ping: boolean): void => {
      this.#delivered = { ...start, lsn: pump.applied };
      stream.acknowledge(pump.applied, ping);
    };
    const begin = async (): Promise<void> => handlers.onStart?.(start);
    const timer = setInterval(() => {
      if (!pump.pressure && performance.now() - heardAtMs > options.tailSilenceMs)
        end.abort(new Error(`the server was silent for ${options.tailSilenceMs} ms`));
      else acknowledge(true);
    }, options.tailStatusMs);
    try {
      const streaming = stream.stream({
        slot: options.slotName,
        publication: options.publication,
        from: start.lsn,
        onStart: () => {
          this.#ping = () => acknowledge(true);
          this.#holds = async () =>
            firstRow(
              await sql.query<{ holds: boolean }>({
                name: 'meridian_holds',
                text: HOLDS_SQL,
                values: [options.slotName, stream.pid],
              }),
            ).holds;
          pump.open(begin());
          this.#backoff.reset();
          this.#enter({ kind: 'streaming' });
          log.info(
            { slot: options.slotName, lsn: formatLsn(start.lsn), timeline: start.timeline },
            `The tail follows the slot ${options.slotName}.`,
          );
          acknowledge(true);
        },
        onData: (payload) => {
          heardAtMs = performance.now();
          try {
            const decoded = decoder.push(payload);
            if (decoded !== null) pump.push(decoded);
          } catch (error) {
            // An exception in the socket's listener would end the process.
            end.abort(error);
          }
        },
        onKeepalive: (decodedLsn, replyRequested) => {
          heardAtMs = performance.now();
          if (replyRequested) acknowledge(false);
          pump.progress(decodedLsn);
        },
      });
      await Promise.race([streaming, aborted(end.signal)]);
    } finally {
      clearInterval(timer);
      this.#ping = null;
      this.#holds = null;
      acknowledge(false);
    }
  }
}

/** Rejects with the signal's reason; resolves if it has none, which is an ordinary stop. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (): void => {
      const reason: unknown = signal.reason;
      if (reason instanceof DOMException && reason.name === 'AbortError') resolve();
      else reject(reason instanceof Error ? reason : new Error(messageOf(reason)));
    };
    if (signal.aborted) settle();
    else signal.addEventListener('abort', settle, { once: true });
  });
}

/** Null if the role may not see it, or if there is no receiver, as for `TIMELINE`. */
interface TimelineRow {
  readonly timeline: number | null;
}

/**
 * The timeline that the server has switched to since the stream began; null if it has not, as far as is known. The
 * stream continues across a promotion without notice, and its positions then pass those of writes that the failover
 * lost.
 */
async function youngerTimeline(
  { replay_lsn: replayed, timeline }: ShownRow & TimelineRow,
  began: number,
  timelines: ReplicaTimeline,
): Promise<number | null> {
  if (timeline !== null && timeline <= began) return null;
  // A receiver is ahead of replay; without a receiver, WAL is replayed from an archive and may be of any timeline.
  const exact = replayed === null ? timeline : ((await timelines.at(parseLsn(replayed))) ?? timeline);
  return exact !== null && exact > began ? exact : null;
}

/**
 * A primary decodes a commit before it shows it. Commits from before the slot's start are never delivered, so nothing
 * may count as delivered while one of them is not visible yet, for example while it waits for a synchronous replica.
 */
async function settled(sql: pg.Client, signal: AbortSignal): Promise<void> {
  const look = async (of: readonly string[] | null): Promise<readonly string[]> =>
    firstRow(await sql.query<{ unsettled: string[] }>({ ...PROVE, values: [of] })).unsettled;
  for (let left = await look(null); left.length > 0 && (await sleep(SETTLING_MS, signal));) left = await look(left);
}

function firstRow<R>(result: { rows: R[] }): R {
  const row = result.rows[0];
  if (row === undefined)
    throw new MeridianError({
      code: 'DATABASE_ERROR',
      message: 'The server answered nothing about what it shows or who reads it.',
    });
  return row;
}
