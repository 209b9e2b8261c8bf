/** Owns one region's probe loop: bounded probes at an interval, the resulting health, and the last answer. */
import { within, type Clock } from '../base/clock.ts';
import { messageOf } from '../base/errors.ts';
import { type Lsn } from '../base/lsn.ts';
import { nextHealth, UNPROVEN, type HealthEvent, type HealthLimits, type HealthState } from './health.ts';
import { ClockMap, MovingAverage } from './lag.ts';
import { type Probe, type Prober } from './prober.ts';

export interface WatchedOptions extends HealthLimits {
  readonly probeMs: number;
  /** Time limit of a probe over an open connection. */
  readonly probeTimeoutMs: number;
  /** Additional time for a probe that must open its connection first. */
  readonly connectMs: number;
}

export interface WatchedParts {
  readonly region: string;
  readonly prober: Prober;
  readonly clock: Clock;
  readonly options: WatchedOptions;
  /** What the region is known to show by other means than its probes; null if unknown. */
  readonly shown?: (() => Lsn | null) | undefined;
  /** Rejects a probe's answer by throwing (a foreign cluster, for example). */
  readonly accept: (probe: Probe) => void;
  /** Called after each probe and each failed statement. */
  readonly onChange: (watched: WatchedRegion) => void;
}

/** Loops are independent: a region that hangs until its time limit does not delay the others. */
export class WatchedRegion {
  readonly region: string;
  readonly clockMap = new ClockMap();
  readonly #parts: WatchedParts;
  readonly #rtt = new MovingAverage();
  #health: HealthState = UNPROVEN;
  #last: Probe | null = null;
  #lastAtMs: number | null = null;
  #lastWallMs: number | null = null;
  #error: string | null = null;
  #shown: Lsn | null = null;
  /** The known position when the last good probe was sent: it may advance while a probe is in flight. */
  #required: Lsn | null = null;
  #inFlight: Promise<void> | null = null;
  #queued: Promise<void> | null = null;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(parts: WatchedParts) {
    this.region = parts.region;
    this.#parts = parts;
  }

  get health(): HealthState {
    return this.#health;
  }

  /** The last good probe, however long ago. */
  get last(): Probe | null {
    return this.#last;
  }

  /** Monotonic milliseconds at which `last` was answered. */
  get lastAtMs(): number | null {
    return this.#lastAtMs;
  }

  /** Milliseconds since 1970 of the last probe, good or not. */
  get probedAtMs(): number | null {
    return this.#lastWallMs;
  }

  get error(): string | null {
    return this.#error;
  }

  get rttMs(): number | null {
    return this.#rtt.value;
  }

  /** The last probe's result, if the region answers: an unreachable region has no known position. */
  get current(): Probe | null {
    return this.#health.status === 'unreachable' || this.#error !== null ? null : this.#last;
  }

  /**
   * A restarted replica opens at its restart point, below what it had shown: it must reach that position again first
   * (R4).
   */
  get caughtUp(): boolean {
    return (
      this.#last !== null &&
      (this.#required === null || this.#last.role === 'primary' || this.#last.lsn >= this.#required)
    );
  }

  /** A failover undid what lies above `lsn`: no server will show it again. */
  cutShown(lsn: Lsn): void {
    if (this.#shown !== null && this.#shown > lsn) this.#shown = lsn;
    if (this.#required !== null && this.#required > lsn) this.#required = lsn;
  }

  start(): void {
    void this.probeNow();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer) clearTimeout(this.#timer);
    await this.#inFlight;
  }

  /** A probe that begins after this call; concurrent calls share one. Never rejects; bounded by two time limits. */
  probeNow(): Promise<void> {
    if (this.#inFlight === null) return this.#begin();
    this.#queued ??= this.#inFlight.then(() => {
      this.#queued = null;
      return this.#inFlight ?? this.#begin();
    });
    return this.#queued;
  }

  broken(error: unknown): void {
    this.#error = messageOf(error);
    this.#step('broken');
    // Only probes detect recovery, so the next one is sent without waiting for the interval.
    if (this.#inFlight === null && !this.#stopped) this.#schedule(Math.min(50, this.#parts.options.probeMs));
  }

  #begin(): Promise<void> {
    if (this.#stopped) return Promise.resolve();
    if (this.#timer) clearTimeout(this.#timer);
    const began = this.#parts.clock.monotonicMs();
    this.#inFlight = this.#probe().finally(() => {
      this.#inFlight = null;
      const spent = this.#parts.clock.monotonicMs() - began;
      if (!this.#stopped && this.#queued === null) this.#schedule(Math.max(0, this.#parts.options.probeMs - spent));
    });
    return this.#inFlight;
  }

  #schedule(delayMs: number): void {
    if (this.#timer) clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.probeNow(), delayMs);
    this.#timer.unref();
  }

  async #probe(): Promise<void> {
    const { prober, region, clock, options, accept } = this.#parts;
    const limit = new AbortController();
    const limitMs = prober.connected(region) ? options.probeTimeoutMs : options.connectMs + options.probeTimeoutMs;
    try {
      this.#noteShown(this.#parts.shown?.() ?? null);
      const required = this.#shown;
      const probe = await within(prober.probe(region, limit.signal), limitMs, () => {
        throw new Error(`no answer within ${limitMs} ms`);
      });
      if (this.#stopped) return;
      accept(probe);
      // A failover in the meantime may have undone some of it.
      this.#required = required !== null && this.#shown !== null && this.#shown < required ? this.#shown : required;
      this.#seen(probe, clock.monotonicMs());
    } catch (error) {
      limit.abort();
      if (this.#stopped) return;
      this.#lastWallMs = clock.nowMs();
      this.#error = messageOf(error);
      this.#step('failed');
    }
  }

  #seen(probe: Probe, nowMs: number): void {
    this.#last = probe;
    this.#lastAtMs = nowMs;
    this.#lastWallMs = this.#parts.clock.nowMs();
    this.#error = null;
    this.#rtt.add(probe.rttMs);
    this.clockMap.add({ localMs: nowMs - probe.rttMs / 2, remoteMs: probe.serverTimeMs, rttMs: probe.rttMs });
    this.#step('ok');
    this.#noteShown(probe.lsn);
  }

  #noteShown(lsn: Lsn | null): void {
    if (lsn !== null && (this.#shown === null || lsn > this.#shown)) this.#shown = lsn;
  }

  #step(event: HealthEvent): void {
    this.#health = nextHealth(this.#health, event, this.#parts.options);
    this.#parts.onChange(this);
  }
}
