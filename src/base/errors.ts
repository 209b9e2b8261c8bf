/** Owns the error catalogue: every code that Meridian returns, and the one error class that carries it. */

/** Code → whether repeating the same request later may succeed. */
const CATALOGUE = {
  /** The header is no Meridian token, or damaged. */
  CONSISTENCY_TOKEN_MALFORMED: { retryable: false },
  /** The signature does not match any configured secret. */
  CONSISTENCY_TOKEN_FORGED: { retryable: false },
  /** No position in the token belongs to this graph's clusters, although the request requires one. */
  CONSISTENCY_TOKEN_FOREIGN: { retryable: false },
  /** The token names a position or timeline that the primary has not reached. */
  CONSISTENCY_TOKEN_FUTURE: { retryable: false },
  /** The token names a write that a failover lost (R7). */
  CONSISTENCY_LOST: { retryable: false },
  /** The floor was not reached within the time limit and no primary could answer. */
  CONSISTENCY_TIMEOUT: { retryable: true },
  /** No server that may answer is reachable. */
  REGION_UNAVAILABLE: { retryable: true },
  /** The primary is not reachable; nothing was written. */
  PRIMARY_UNAVAILABLE: { retryable: true },
  /** The connection broke after COMMIT was sent: the write may or may not have happened. */
  WRITE_OUTCOME_UNKNOWN: { retryable: false },
  /** As above, but the request carries an idempotency key, so that repeating it is safe. */
  WRITE_UNCONFIRMED: { retryable: true },
  /** The row is not as the client last saw it, and the declared policy rejects the write; nothing was changed. */
  CONFLICT: { retryable: false },
  /** The mutation requires an idempotency key. */
  IDEMPOTENCY_KEY_REQUIRED: { retryable: false },
  /** The idempotency-key header is empty, too long, or contains characters that are not allowed. */
  IDEMPOTENCY_KEY_INVALID: { retryable: false },
  /** The idempotency key was used for another request before. */
  IDEMPOTENCY_KEY_REUSED: { retryable: false },
  /** The outcome is too large to be kept for the idempotency key; nothing was written. */
  IDEMPOTENCY_OUTCOME_TOO_LARGE: { retryable: false },
  /** The cluster cannot provide the requested durability; nothing was written. */
  DURABILITY_UNAVAILABLE: { retryable: true },
  /** Committed at the primary, but the required replicas did not confirm in time. */
  DURABILITY_UNCONFIRMED: { retryable: false },
  /** A bounded queue is full. */
  OVERLOADED: { retryable: true },
  /** A constraint of the database rejected the write. */
  CONSTRAINT_VIOLATION: { retryable: false },
  /** A function or trigger of the application in its database rejected the request; the message is the database's. */
  RAISED_BY_DATABASE: { retryable: false },
  /** Serialization failure or deadlock, after all retries. */
  TRANSACTION_CONFLICT: { retryable: true },
  BAD_USER_INPUT: { retryable: false },
  /** A list has more rows than it may show, and neither the client nor the schema limits it. */
  LIST_TOO_LONG: { retryable: false },
  /** A field that the schema declares non-null has no value. */
  NULL_VALUE: { retryable: false },
  /** A column contains a value that the field's type cannot show, such as NaN. */
  VALUE_NOT_SHOWN: { retryable: false },
  NOT_FOUND: { retryable: false },
  UNAUTHENTICATED: { retryable: false },
  FORBIDDEN: { retryable: false },
  /** The viewer cannot be verified now: the key set is not reachable. */
  AUTHENTICATION_UNAVAILABLE: { retryable: true },
  CONFIG_INVALID: { retryable: false },
  SCHEMA_INVALID: { retryable: false },
  DATABASE_NOT_READY: { retryable: false },
  CLUSTER_START_FAILED: { retryable: false },
  DATABASE_ERROR: { retryable: false },
} as const;

export type ErrorCode = keyof typeof CATALOGUE;

export interface MeridianErrorOptions {
  readonly code: ErrorCode;
  /** One clear sentence: what is wrong, where, and the fix. */
  readonly message: string;
  /** Machine-readable facts for `extensions`; never secrets, never SQL parameters. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

export class MeridianError extends Error {
  readonly code: ErrorCode;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(options: MeridianErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MeridianError';
    this.code = options.code;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return CATALOGUE[this.code].retryable;
  }
}

/** Whether an error that was answered with this code may not come again later. */
export function isRetryableCode(code: unknown): boolean {
  return typeof code === 'string' && Object.hasOwn(CATALOGUE, code) && CATALOGUE[code as ErrorCode].retryable;
}

export function isMeridianError(error: unknown, code?: ErrorCode): error is MeridianError {
  return error instanceof MeridianError && (code === undefined || error.code === code);
}

/** The message of anything that was thrown. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.map(messageOf).join('; ');
  return error instanceof Error ? error.message : String(error);
}
