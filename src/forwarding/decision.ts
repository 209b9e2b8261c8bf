/**
 * Owns where a mutation runs (here, whole at the primary region's server, direct at its database, nowhere) and what a
 * failure of forwarding means. Pure.
 */
import { MeridianError } from '../base/errors.ts';
import { type Options } from '../config/options.ts';
import { type ForwardedAnswer, type ForwardedMutation } from './envelope.ts';
import { FLOOR_HEADER, KEY_HEADER, LEVEL_HEADER, TOKEN_HEADER } from '../protocol/headers.ts';

/** The accept header decides the status of an answer with errors. */
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

/** Whether something may have run at the other end, and what may be done about it. */
const FAILURES = {
  /** As many are under way and waiting as may be, here or there. */
  busy: { ran: 'nothing', fix: 'wait' },
  /** No connection, or none that was proven before anything was sent over it. */
  unreachable: { ran: 'nothing', fix: 'another way' },
  /** Refused unread: the signature, the clocks, or a viewer that cannot be written down. */
  refused: { ran: 'nothing', fix: 'another way' },
  /** Larger than the other server, or what stands before it, takes. */
  'too large': { ran: 'nothing', fix: 'another way' },
  /** A server that knows no forwarding answers there. */
  unknown: { ran: 'nothing', fix: 'another way' },
  /** The region is not the primary's as its server sees it. */
  'not primary': { ran: 'nothing', fix: 'look again' },
  /** The connection broke after the first byte may have been sent. */
  broken: { ran: 'perhaps', fix: 'ask again' },
  /** The whole answer was not there in time. */
  late: { ran: 'perhaps', fix: 'ask again' },
  /** What was answered is too large, or no answer of a Meridian server. */
  unreadable: { ran: 'perhaps', fix: 'ask again' },
} as const satisfies Record<string, { readonly ran: 'nothing' | 'perhaps'; readonly fix: string }>;

export type ForwardFailure = keyof typeof FAILURES;
export const FORWARD_FAILURES = Object.keys(FAILURES) as ForwardFailure[];

export type ForwardOutcome =
  | { readonly kind: 'answered'; readonly answer: ForwardedAnswer }
  /** `why`: a part of a sentence, for the client. `detail`: what only the log may tell. */
  | { readonly kind: 'failed'; readonly failure: ForwardFailure; readonly why: string; readonly detail?: string };

export interface ForwardTransport {
  /** Sends a mutation to the region's server, whose address is known. Never throws. */
  send(region: string, mutation: ForwardedMutation): Promise<ForwardOutcome>;
}

/** What is known here of the server of the primary's region: no address, not asked yet, ready, or not. */
export type ServerState = 'none' | 'unknown' | 'ready' | 'down';

export interface Situation {
  readonly mode: Options['writes'];
  readonly local: string;
  readonly primary: string | null;
  readonly server: ServerState;
  /** Whether the primary's database is within reach from here. */
  readonly databaseReachable: boolean;
}

export type Way =
  | { readonly kind: 'local' }
  | { readonly kind: 'direct' }
  | { readonly kind: 'forward'; readonly region: string }
  /** `why`: a part of a sentence. */
  | { readonly kind: 'refuse'; readonly why: string };

/** Where no primary is known, going direct looks for it once more. */
export function wayOf({ mode, local, primary, server, databaseReachable }: Situation): Way {
  if (primary === local) return { kind: 'local' };
  if (mode === 'direct') return { kind: 'direct' };
  const otherwise = (why: string): Way => (mode === 'auto' ? { kind: 'direct' } : { kind: 'refuse', why });
  if (primary === null) return otherwise('no region is known to be writable');
  switch (server) {
    case 'none':
      return otherwise(`no serverUrl is configured for region ${primary}, which has the primary`);
    case 'down':
      // Both ways are known to be closed: nobody need wait for a time limit to find that out.
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
  /** With an idempotency key whatever is sent twice happens once. */
  readonly keyed: boolean;
  readonly triesLeft: number;
  /** Whether an earlier try may have run. */
  readonly uncertain: boolean;
}

/**
 * `busy`, `refuse`: nothing was written, the client is told. `unknown`, `unconfirmed`: it may have been, without and
 * with a key.
 */
export type AfterFailure = 'again' | 'direct' | 'busy' | 'refuse' | 'unknown' | 'unconfirmed';

/** What comes after a failure. Nothing that may have run is ever repeated without a key. */
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

/** Trying again would not help. */
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
