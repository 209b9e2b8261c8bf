/**
 * Owns errors as outcomes of a request: which of them are one, how they are kept, and how they come back as they were.
 */
import { GraphQLError } from 'graphql';
import { asciiJson } from '../../base/ascii-json.ts';
import { isMeridianError, MeridianError, type ErrorCode } from '../../base/errors.ts';
import { parseJson } from '../../base/json.ts';
import { type Position } from '../../base/lineage.ts';
import {
  asUnconfirmed,
  depositStatement,
  readRecall,
  recallStatement,
  type IdempotentStep,
  type StoredOutcome,
} from './outcomes.ts';
import { type TransactionOptions, type WriteServer } from '../ports.ts';
import { refusalOf } from '../refusal.ts';

/**
 * The request as such was answered with them. All other codes tell of servers, limits and races, and may be gone the
 * next time.
 */
const BUSINESS: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'CONSTRAINT_VIOLATION',
  'RAISED_BY_DATABASE',
  'NOT_FOUND',
  'CONFLICT',
  'FORBIDDEN',
  'BAD_USER_INPUT',
]);
const UNEXPECTED = 'INTERNAL_SERVER_ERROR';
/**
 * A right that a role lacks, as a rule: whoever grants it need not wait for what was kept. Policies that refuse a row
 * are asked again.
 */
const NO_RIGHT = '42501';

interface KeptError {
  readonly code: string;
  readonly message: string;
  /** Of an application's error. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Of one of Meridian's. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * The outcome that an error is; null for one that is none, or that is larger than may be kept: nothing is stored then,
 * and a retry runs again.
 */
export function encodeError(error: unknown, maxBytes: number): StoredOutcome | null {
  const cause = meridianCause(error);
  const kept = cause === null ? keptApplication(error) : keptMeridian(cause);
  if (kept === null) return null;
  try {
    // As text, since jsonb cannot hold every text that JSON can, nor every database every letter.
    const json = asciiJson(kept);
    return Buffer.byteLength(json) > maxBytes ? null : { kind: 'error', json };
  } catch {
    // It carries what JSON cannot hold, so that it could not come back as it was.
    return null;
  }
}

export function decodeError(outcome: StoredOutcome): Error {
  const { code, message, extensions, details } = parseJson(String(outcome['json'])) as KeptError;
  if (extensions) return new GraphQLError(message, { extensions: { ...extensions, code } });
  return new MeridianError({ code: code as ErrorCode, message, ...(details ? { details } : {}) });
}

/** GraphQL wraps errors, sometimes more than once. */
function meridianCause(error: unknown): MeridianError | null {
  let current = error;
  while (current instanceof GraphQLError && current.originalError) current = current.originalError;
  return isMeridianError(current) ? current : null;
}

function keptMeridian(error: MeridianError): KeptError | null {
  // A refusal that nobody has put into words is none of the client's.
  if (!BUSINESS.has(error.code) || refusalOf(error) !== null || error.details['sqlState'] === NO_RIGHT) return null;
  return { code: error.code, message: error.message, details: error.details };
}

function keptApplication(error: unknown): KeptError | null {
  if (typeof error !== 'object' || error === null) return null;
  const { message, extensions } = error as { message?: unknown; extensions?: Readonly<Record<string, unknown>> | null };
  const code = extensions?.['code'];
  if (typeof code !== 'string' || code === UNEXPECTED || typeof message !== 'string') return null;
  return { code, message, extensions: { ...extensions } };
}

export interface SettleErrorInput {
  readonly server: WriteServer;
  readonly idempotency: IdempotentStep;
  readonly outcome: StoredOutcome;
  readonly options?: TransactionOptions;
}

/**
 * Stores an error as the step's outcome, in a transaction of its own since the step's is rolled back, and gives the
 * outcome that counts: another try of the request may have been faster. Null where none is there any more. Throws
 * `IDEMPOTENCY_KEY_REUSED`.
 */
export async function settleError({
  server,
  idempotency,
  outcome,
  options: { signal, durability = null } = {},
}: SettleErrorInput): Promise<{ readonly outcome: StoredOutcome | null; readonly position: Position }> {
  const { onVerdict, ...silent } = idempotency;
  // Not under the viewer's settings, nor with the tags: what they are for was rolled back.
  const { result, position } = await server
    .pipelined([depositStatement(idempotency, outcome), recallStatement(idempotency)], {
      durability,
      ...(signal ? { signal } : {}),
    })
    .catch((failure: unknown) => {
      throw asUnconfirmed(failure);
    });
  const isOurs = result[0]?.rowCount === 1;
  const stored = readRecall(isOurs ? silent : idempotency, result[1]?.rows[0]);
  if (isOurs) onVerdict?.('first');
  return { outcome: stored, position };
}
