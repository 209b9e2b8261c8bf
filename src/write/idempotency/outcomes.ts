/**
 * Owns exactly-once execution by an idempotency key, as statements. A transaction claims its step of the request and
 * stores the outcome together with its writes; a later try finds the outcome instead. One row represents one request,
 * and concurrent retries wait for its lock.
 */
import { isMeridianError, MeridianError } from '../../base/errors.ts';
import { parseJson } from '../../base/json.ts';
import { type Row } from '../../model/model.ts';
import { type Statement } from '../../read/ports.ts';
import { Params, statement } from '../../read/sql/statement.ts';
import { refusalOf, refusalSql } from '../refusal.ts';

/**
 * The result of a step: executed now, answered from a stored outcome, or rejected because the key was used for another
 * request.
 */
export type IdempotencyVerdict = 'first' | 'replayed' | 'reused';

/** One transaction of a request with an idempotency key. */
export interface IdempotentStep {
  /** The owner of the key: keys of different viewers or tenants are independent. */
  readonly scope: string;
  readonly key: string;
  /** Hash of the whole request; the key cannot be used for another one. */
  readonly fingerprint: string;
  /** Identifies the transaction within the request: `updateTask#0`. */
  readonly step: string;
  readonly keptMs: number;
  readonly maxBytes: number;
  /** Called when the step has an answer. */
  readonly onVerdict?: (verdict: IdempotencyVerdict) => void;
}

/** The outcome of a step: in the database an object with a `kind`. The code that stores it defines the kinds. */
export interface StoredOutcome extends Readonly<Record<string, unknown>> {
  readonly kind: string;
}

const KNOWN = 'known';
const TOO_LARGE = 'outcome_too_large';

/** The INSERT of a request's row with its scope, key, fingerprint, initial `steps` and expiry. */
function insertSql(idempotency: IdempotentStep, params: Params, steps: string): string {
  const [scope, key, fingerprint] = [idempotency.scope, idempotency.key, idempotency.fingerprint].map((value) =>
    params.raw('text', value),
  );
  const end = `pg_catalog.now() + ${params.raw('bigint', String(idempotency.keptMs))} * interval '1 millisecond'`;
  return `INSERT INTO meridian.outcomes AS "$o" (scope, key, fingerprint, steps, expires_at) VALUES (${scope}, ${key}, ${fingerprint}, ${steps}, ${end}) ON CONFLICT (scope, key) DO UPDATE`;
}

const EXPIRED = '"$o".expires_at <= pg_catalog.now()';

/**
 * Whether the existing row leaves the step free: it has expired, or belongs to this request and does not contain the
 * step yet.
 */
function freeSql(idempotency: IdempotentStep, params: Params): string {
  return `WHERE ${EXPIRED} OR ("$o".fingerprint = excluded.fingerprint AND NOT "$o".steps ? ${params.raw('text', idempotency.step)})`;
}

/**
 * The first statement of the transaction. It claims the step or fails the transaction (`isKnown`); then
 * `recallStatement` reads the stored outcome. Waits while another transaction of the same request runs, which may be
 * rolled back and leave the step free.
 */
export function claimStatement(idempotency: IdempotentStep): Statement {
  const params = new Params();
  const insert = insertSql(idempotency, params, `'{}'::jsonb`);
  const set = `SET fingerprint = excluded.fingerprint, steps = CASE WHEN ${EXPIRED} THEN excluded.steps ELSE "$o".steps END, expires_at = excluded.expires_at`;
  return statement(
    `WITH claimed AS (${insert} ${set} ${freeSql(idempotency, params)} RETURNING 1) SELECT CASE WHEN EXISTS (SELECT FROM claimed) THEN NULL ELSE ${refusalSql(KNOWN)} END`,
    params,
  );
}

/**
 * SQL of an UPDATE that stores the outcome of a step that this transaction has claimed, as a statement or as a
 * data-modifying CTE. `outcomeSql` is a jsonb expression, an object with a `kind`; nothing is stored where it is null.
 * Fails the transaction where the outcome is too large (`idempotencyRefusal`). Updates one row or none.
 */
export function settleSql(idempotency: IdempotentStep, params: Params, outcomeSql: string): string {
  const [scope, key, step] = [idempotency.scope, idempotency.key, idempotency.step].map((value) =>
    params.raw('text', value),
  );
  const fits = `pg_catalog.octet_length("$x".outcome::text) <= ${params.raw('bigint', String(idempotency.maxBytes))}`;
  // OFFSET 0 prevents that the outcome, which may be expensive, is computed more than once.
  return `UPDATE meridian.outcomes AS "$o" SET steps = "$o".steps || pg_catalog.jsonb_build_object(${step}, CASE WHEN ${fits} THEN "$x".outcome ELSE ${refusalSql(TOO_LARGE)}::jsonb END) FROM (SELECT ${outcomeSql} AS outcome OFFSET 0) AS "$x" WHERE "$x".outcome IS NOT NULL AND "$o".scope = ${scope} AND "$o".key = ${key}`;
}

export function settleStatement(idempotency: IdempotentStep, outcome: StoredOutcome): Statement {
  const params = new Params();
  const value = params.raw('jsonb', JSON.stringify(outcome));
  return statement(settleSql(idempotency, params, value), params);
}

/**
 * Stores the outcome of a step whose own transaction was rolled back, unless a concurrent try has stored one; a
 * following `recallStatement` returns the outcome that counts. The caller has checked its size.
 */
export function depositStatement(idempotency: IdempotentStep, outcome: StoredOutcome): Statement {
  const params = new Params();
  const steps = `pg_catalog.jsonb_build_object(${params.raw('text', idempotency.step)}, ${params.raw('jsonb', JSON.stringify(outcome))})`;
  const insert = insertSql(idempotency, params, steps);
  const set = `SET fingerprint = excluded.fingerprint, steps = CASE WHEN ${EXPIRED} THEN excluded.steps ELSE "$o".steps || excluded.steps END, expires_at = excluded.expires_at`;
  return statement(`${insert} ${set} ${freeSql(idempotency, params)}`, params);
}

/**
 * Reads the stored outcome of the step, for `readRecall`. FOR UPDATE makes the transaction a write, so that its commit
 * waits for synchronous replicas where durability requires it. Everything committed before is then as durable.
 */
export function recallStatement(idempotency: IdempotentStep): Statement {
  const params = new Params();
  const [step, scope, key] = [idempotency.step, idempotency.scope, idempotency.key].map((value) =>
    params.raw('text', value),
  );
  return statement(
    `SELECT "$o".fingerprint, ("$o".steps -> ${step})::text AS outcome FROM meridian.outcomes AS "$o" WHERE "$o".scope = ${scope} AND "$o".key = ${key} AND "$o".expires_at > pg_catalog.now() FOR UPDATE`,
    params,
  );
}

/**
 * The stored outcome; null where there is none (any more), so that the step can be claimed again. Throws
 * `IDEMPOTENCY_KEY_REUSED`.
 */
export function readRecall(idempotency: IdempotentStep, row: Row | undefined): StoredOutcome | null {
  if (row === undefined) return null;
  if (row['fingerprint'] !== idempotency.fingerprint) {
    idempotency.onVerdict?.('reused');
    throw new MeridianError({
      code: 'IDEMPOTENCY_KEY_REUSED',
      message:
        'This idempotency-key has come with another request before (other text, operation name or variables); give every request a key of its own, and repeat one unchanged.',
    });
  }
  const { outcome } = row;
  if (typeof outcome !== 'string') return null;
  idempotency.onVerdict?.('replayed');
  return parseJson(outcome) as StoredOutcome;
}

/** Whether the claim failed because the key is already in use by this request or another one. */
export function isKnown(error: unknown): boolean {
  return refusalOf(error) === KNOWN;
}

/** Translates the failures of this file's statements; null for any other error. */
export function idempotencyRefusal(error: unknown, idempotency: IdempotentStep): MeridianError | null {
  if (refusalOf(error) === TOO_LARGE) {
    return new MeridianError({
      code: 'IDEMPOTENCY_OUTCOME_TOO_LARGE',
      message: `The outcome of ${idempotency.step} is larger than the ${idempotency.maxBytes} bytes that may be kept for an idempotency key; nothing was written. Raise outcomeBytes, or send it without a key.`,
      details: { maxBytes: idempotency.maxBytes },
      cause: error,
    });
  }
  if (!isHeldUp(error)) return null;
  return new MeridianError({
    code: 'WRITE_UNCONFIRMED',
    message: 'The same request, with this idempotency-key, is still running; send it again to learn how it ended.',
    cause: error,
  });
}

/**
 * Whether a timeout ended the statement while it waited for the request's row. The server's context field names the
 * table in every language.
 */
function isHeldUp(error: unknown): boolean {
  if (!isMeridianError(error) || !(error.cause instanceof Error)) return false;
  const { code, where } = error.cause as Error & { readonly code?: string; readonly where?: string };
  return (code === '57014' || code === '55P03') && where !== undefined && /\boutcomes\b/.test(where);
}

/**
 * With a key, a write with an unknown outcome can be repeated: its outcome is found, or it runs now. Other errors are
 * returned unchanged.
 */
export function asUnconfirmed<E>(error: E): E | MeridianError {
  if (!isMeridianError(error, 'WRITE_OUTCOME_UNKNOWN')) return error;
  return new MeridianError({
    code: 'WRITE_UNCONFIRMED',
    message:
      'The connection to the primary broke before the write was confirmed; send the same request with the same idempotency-key again.',
    details: error.details,
    cause: error,
  });
}
