/**
 * Owns the signature of requests between servers of one graph: it covers body, time and regions, and is accepted once.
 */
import { createHmac, createSecretKey, randomBytes, timingSafeEqual, type KeyObject } from 'node:crypto';
import { systemClock, type Clock } from '../base/clock.ts';

const VERSION = 'v1';
/** Keys are derived from secrets that also sign other things; the label keeps the two kinds of signatures apart. */
const LABEL = 'meridian forwarded mutation v1';
const NONCE_BYTES = 16;
const FIELD = /^v1 (\d{1,15}) ([\w-]{22}) ([A-Za-z0-9-]{1,63}) ([A-Za-z0-9-]{1,63}) ([\w-]{43})$/;

/** Keys from secrets; the first signs, all verify. */
export function forwardKeys(secrets: readonly string[]): readonly KeyObject[] {
  return secrets.map((secret) => createSecretKey(createHmac('sha256', secret).update(LABEL).digest()));
}

export interface Route {
  /** Region of the server that sends. */
  readonly from: string;
  /** Region that the request is meant for. */
  readonly to: string;
}

export interface SignInput extends Route {
  readonly key: KeyObject;
  readonly body: string;
  readonly clock?: Clock;
}

/** The value of the signature header: version, time, nonce, from, to, signature. */
export function sign({ key, body, from, to, clock = systemClock }: SignInput): string {
  const head = `${VERSION} ${clock.nowMs()} ${randomBytes(NONCE_BYTES).toString('base64url')} ${from} ${to}`;
  return `${head} ${mac(key, head, body).toString('base64url')}`;
}

function mac(key: KeyObject, head: string, body: string): Buffer {
  return createHmac('sha256', key).update(`${head}\n`).update(body).digest();
}

export interface GateOptions {
  readonly keys: readonly KeyObject[];
  readonly region: string;
  /** Maximum difference between a request's time and this server's clock, milliseconds. */
  readonly windowMs: number;
  /** Number of requests that are remembered, so that none is accepted twice. */
  readonly maxNonces: number;
  readonly clock?: Clock;
}

export type Admission =
  | { readonly ok: true; readonly from: string }
  /** `full`: the request is valid, but could not be remembered. */
  | { readonly ok: false; readonly kind: 'forged' | 'full'; readonly why: string };

/** Accepts a request that a server of this graph signed for this region recently, and only once. */
export class ForwardGate {
  readonly #options: GateOptions;
  readonly #clock: Clock;
  /** The expiry of each nonce, in the order of arrival. */
  readonly #seen = new Map<string, number>();

  constructor(options: GateOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** The reason for a rejection before the body is read; null if there is none yet. */
  refusal(header: unknown): string | null {
    const parsed = this.#parse(header);
    return typeof parsed === 'string' ? parsed : null;
  }

  admit(header: unknown, body: string): Admission {
    const parsed = this.#parse(header);
    if (typeof parsed === 'string') return { ok: false, kind: 'forged', why: parsed };
    const { head, nonce, from, signature } = parsed;
    // Every key is tried, whatever the outcome, so that the time does not reveal which one matched.
    let verified = false;
    for (const key of this.#options.keys) verified = timingSafeEqual(mac(key, head, body), signature) || verified;
    if (!verified)
      return {
        ok: false,
        kind: 'forged',
        why: 'its signature does not verify: give every region the same forwardSecret, or tokenSecret where there is none',
      };
    return this.#remember(nonce, from);
  }

  #parse(
    header: unknown,
  ): string | { readonly head: string; readonly nonce: string; readonly from: string; readonly signature: Buffer } {
    const match = typeof header === 'string' ? FIELD.exec(header) : null;
    const [, timestamp = '', nonce = '', from = '', to = '', signature = ''] = match ?? [];
    if (match === null) return 'it is not signed';
    if (to !== this.#options.region) return `it was signed for region ${to}`;
    if (Math.abs(this.#clock.nowMs() - Number(timestamp)) > this.#options.windowMs)
      return `it was signed more than ${this.#options.windowMs} ms ago or ahead: compare the servers' clocks`;
    return {
      head: `${VERSION} ${timestamp} ${nonce} ${from} ${to}`,
      nonce,
      from,
      signature: Buffer.from(signature, 'base64url'),
    };
  }

  #remember(nonce: string, from: string): Admission {
    const nowMs = this.#clock.monotonicMs();
    for (const [oldest, untilMs] of this.#seen) {
      if (untilMs > nowMs) break;
      this.#seen.delete(oldest);
    }
    if (this.#seen.has(nonce)) return { ok: false, kind: 'forged', why: 'it was taken before' };
    if (this.#seen.size >= this.#options.maxNonces)
      return {
        ok: false,
        kind: 'full',
        why: `${this.#seen.size} were taken within the time that each must be remembered; raise forwardNonces`,
      };
    // If the sender's clock is ahead by the whole window, the request stays valid for twice the window.
    this.#seen.set(nonce, nowMs + 2 * this.#options.windowMs);
    return { ok: true, from };
  }
}
