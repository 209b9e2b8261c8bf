/**
 * Owns the decision where a mutation runs (here, at the server of the primary's region, directly at the primary's
 * database, or nowhere) and what a failed forwarding means. Pure functions.
 */
import { MeridianError } from '../base/errors.ts';
import { type Options } from '../config/options.ts';
import { type ForwardedAnswer, type ForwardedMutation } from './envelope.ts';
import { FLOOR_HEADER, KEY_HEADER, LEVEL_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';

/**
 * Headers that are forwarded. The accept header is included because it decides the HTTP status of an answer with
 * errors.
 */
export const CARRIED_HEADERS = [
  TOKEN_HEADER,
  FLOOR_HEADER,
  LEVEL_HEADER,
  KEY_HEADER,
  'traceparent',
  'tracestate',
  'baggage',
  'accept',
] as const;

export function carriedHeaders(
  headers: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    CARRIED_HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  );
}

/** For each failure: whether the mutation may have run at the other end, and what may be tried next. */
const FAILURES = {
  /** The limit of concurrent and queued mutations is reached, here or there. */
  busy: { ran: 'nothing', fix: 'wait' },
  /** There is no connection, or none could be proven before anything was sent over it. */
  unreachable: { ran: 'nothing', fix: 'another way' },
  /** Rejected before it was read: the signature is invalid, the clocks differ, or the viewer cannot be serialized. */
  refused: { ran: 'nothing', fix: 'another way' },
  /** Larger than the other server, or a proxy before it, accepts. */
  'too large': { ran: 'nothing', fix: 'another way' },
  /** The server there does not accept forwarded mutations. */
  unknown: { ran: 'nothing', fix: 'another way' },
  /** The server there does not consider its region the primary's. */
  'not primary': { ran: 'nothing', fix: 'look again' },
  /** The connection broke after the first byte may have been sent. */
  broken: { ran: 'perhaps', fix: 'ask again' },
  /** The complete answer did not arrive in time. */
  late: { ran: 'perhaps', fix: 'ask again' },
  /** The answer is too large, or is not the answer of a Meridian server. */
  unreadable: { ran: 'perhaps', fix: 'ask again' },
} as const satisfies Record<string, { readonly ran: 'nothing' | 'perhaps'; readonly fix: string }>;

export type ForwardFailure = keyof typeof FAILURES;
export const FORWARD_FAILURES = Object.keys(FAILURES) as ForwardFailure[];

export type ForwardOutcome =
  | { readonly kind: 'answered'; readonly answer: ForwardedAnswer }
  /** `why`: a part of a sentence, for the client. `detail`: only for the log. */
  | { readonly kind: 'failed'; readonly failure: ForwardFailure; readonly why: string; readonly detail?: string };

export interface ForwardTransport {
  /** Sends a mutation to the region's server, whose address must be known. Never throws. */
  send(region: string, mutation: ForwardedMutation): Promise<ForwardOutcome>;
}

/** The state of the server of the primary's region: without an address, not probed yet, ready, or down. */
export type ServerState = 'none' | 'unknown' | 'ready' | 'down';

export interface Situation {
  readonly mode: Options['writes'];
  readonly local: string;
  readonly primary: string | null;
  readonly server: ServerState;
  /** Whether the primary's database can be reached from here. */
  readonly databaseReachable: boolean;
}

export type Way =
  | { readonly kind: 'local' }
  | { readonly kind: 'direct' }
  | { readonly kind: 'forward'; readonly region: string }
  /** `why`: a part of a sentence. */
  | { readonly kind: 'refuse'; readonly why: string };

/** Decides where the mutation runs. `direct` searches for the primary once more if none is known. */
export function wayOf({ mode, local, primary, server, databaseReachable }: Situation): Way {
  if (primary === local) return { kind: 'local' };
  if (mode === 'direct') return { kind: 'direct' };
  const otherwise = (why: string): Way => (mode === 'auto' ? { kind: 'direct' } : { kind: 'refuse', why });
  if (primary === null) return otherwise('no region is known to be writable');
  switch (server) {
    case 'none':
      return otherwise(`no serverUrl is configured for region ${primary}, which has the primary`);
    case 'down':
      // Neither the server nor the database can be reached, so the mutation fails without waiting for a timeout.
      return databaseReachable
        ? otherwise(`the server of region ${primary}, which has the primary, is not ready`)
        : {
            kind: 'refuse',
            why: `neither server nor database of region ${primary}, which has the primary, can be reached`,
          };
    case 'unknown':
    case 'ready':
      return { kind: 'forward', region: primary };
  }
}

export interface FailedSituation {
  readonly mode: Options['writes'];
  /** With an idempotency key a mutation that is sent twice runs once. */
  readonly keyed: boolean;
  readonly triesLeft: number;
  /** Whether an earlier attempt may have run. */
  readonly uncertain: boolean;
}

/**
 * `busy`, `refuse`: nothing was written, and the client gets an error. `unknown`, `unconfirmed`: the mutation may have
 * run, without and with a key.
 */
export type AfterFailure = 'again' | 'direct' | 'busy' | 'refuse' | 'unknown' | 'unconfirmed';

/** The next step after a failure. A mutation that may have run is never repeated without a key. */
export function afterFailure(
  failure: ForwardFailure,
  { mode, keyed, triesLeft, uncertain }: FailedSituation,
): AfterFailure {
  const { ran, fix } = FAILURES[failure];
  if (ran === 'perhaps' && !keyed) return 'unknown';
  if ((fix === 'look again' || fix === 'ask again') && triesLeft > 0) return 'again';
  if (fix === 'wait') return uncertain ? 'unconfirmed' : 'busy';
  if (mode === 'auto') return 'direct';
  return uncertain || ran === 'perhaps' ? 'unconfirmed' : 'refuse';
}

export function mayHaveRun(failure: ForwardFailure): boolean {
  return FAILURES[failure].ran === 'perhaps';
}

export function notForwarded(why: string, details: Readonly<Record<string, unknown>> = {}): MeridianError {
  return new MeridianError({
    code: 'PRIMARY_UNAVAILABLE',
    message: `The mutation could not be sent to the primary's region: ${why}; nothing was written. Try again shortly.`,
    details,
  });
}

/** A permanent error: a retry would fail as well. */
export function tooLarge(region: string): MeridianError {
  return new MeridianError({
    code: 'BAD_USER_INPUT',
    message: `The mutation is larger than what the server of region ${region} takes; nothing was written. Send less at once, or raise maxRequestBytes there.`,
    details: { region },
  });
}

export function tooMany(region: string, why: string): MeridianError {
  return new MeridianError({
    code: 'OVERLOADED',
    message: `Too many mutations are on their way to region ${region}: ${why}; nothing was written. Try again shortly.`,
    details: { what: 'forwarded mutations', region },
  });
}

export function forwardOutcomeUnknown(region: string, why: string): MeridianError {
  const message = `The mutation was sent to region ${region}, but ${why}, so that it may or may not have happened; look before you repeat it, or send an ${KEY_HEADER} header next time, with which repeating is safe.`;
  return new MeridianError({ code: 'WRITE_OUTCOME_UNKNOWN', message, details: { region, committed: null } });
}

export function forwardUnconfirmed(region: string, why: string): MeridianError {
  return new MeridianError({
    code: 'WRITE_UNCONFIRMED',
    message: `The mutation was sent to region ${region}, but ${why}; send it again with the same ${KEY_HEADER}, so that it happens once.`,
    details: { region },
  });
}
