/** Owns errors as outcomes of a request: which errors are stored, their format, and their restoration. */
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
 * Codes that are a final answer to the request. All others describe servers, limits and races, and may not occur again.
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
 * SQLSTATE of a missing privilege. It is not stored, so that a retry succeeds once the privilege has been granted. Row
 * security policies that reject a row are evaluated again as well.
 */
const NO_RIGHT = '42501';

interface KeptError {
  readonly code: string;
  readonly message: string;
  /** Set for an application's error. */
  readonly extensions?: Readonly<Record<string, unknown>>;
  /** Set for an error of Meridian. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/**
 * Encodes an error as an outcome. Null for an error that is not a final answer or that exceeds the size limit: then
 * nothing is stored, and a retry runs again.
 */
export function encodeError(error: unknown, maxBytes: number): StoredOutcome | null {
  const cause = meridianCause(error);
  const kept = cause === null ? keptApplication(error) : keptMeridian(cause);
  if (kept === null) return null;
  try {
    // Stored as text, since jsonb cannot hold every text that JSON can; in ASCII, since the database's encoding may
    // lack some characters.
    const json = asciiJson(kept);
    return Buffer.byteLength(json) > maxBytes ? null : { kind: 'error', json };
  } catch {
    // It contains values that JSON cannot represent, so it could not be restored unchanged.
    return null;
  }
}

export function decodeError(outcome: StoredOutcome): Error {
  const { code, message, extensions, details } = parseJson(String(outcome['json'])) as KeptError;
  if (extensions) return new GraphQLError(message, { extensions: { ...extensions, code } });
  return new MeridianError({ code: code as ErrorCode, message, ...(details ? { details } : {}) });
}

/** GraphQL may wrap an error several times. */
function meridianCause(error: unknown): MeridianError | null {
  let current = error;
  while (current instanceof GraphQLError && current.originalError) current = current.originalError;
  return isMeridianError(current) ? current : null;
}

function keptMeridian(error: MeridianError): KeptError | null {
  // An internal refusal that was not translated is not an answer for the client.
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
 * Stores an error as the step's outcome, in a separate transaction because the step's is rolled back, and returns the
 * outcome that counts: a concurrent try of the request may have stored one first. Null where the outcome no longer
 * exists. Throws `IDEMPOTENCY_KEY_REUSED`.
 */
export async function settleError({
  server,
  idempotency,
  outcome,
  options: { signal, durability = null } = {},
}: SettleErrorInput): Promise<{ readonly outcome: StoredOutcome | null; readonly position: Position }> {
  const { onVerdict, ...silent } = idempotency;
  // Without the viewer's settings and tags, which belong to the transaction that was rolled back.
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
