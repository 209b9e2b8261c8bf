/**
 * Owns refusals: errors by which our own statements fail their transaction in the same round trip, and their
 * recognition.
 */
import { isMeridianError } from '../base/errors.ts';

/**
 * A settings prefix under which no setting exists. Reading such a setting fails with an error that names it, without
 * any code installed in the database.
 */
const CLASS = 'meridian_refuses';
/** Matches the name only: the surrounding words and quotes depend on the server's language. */
const RAISED = new RegExp(`\\b${CLASS}\\.([a-z0-9_]+)`);
const UNDEFINED_OBJECT = '42704';

/**
 * An SQL expression that fails when it is evaluated. It is never evaluated during planning, because current_setting is
 * not immutable. `reason` consists of lower-case letters, digits and `_`.
 */
export function refusalSql(reason: string): string {
  return `pg_catalog.current_setting('${CLASS}.${reason}')`;
}

/** The reason named in a server's message; null for other errors. */
export function raisedReason(sqlState: string, message: string): string | null {
  return sqlState === UNDEFINED_OBJECT ? (RAISED.exec(message)?.[1] ?? null) : null;
}

/** The reason for which a transaction was refused; null for other errors. */
export function refusalOf(error: unknown): string | null {
  const refused = isMeridianError(error, 'CONSTRAINT_VIOLATION') ? error.details['refused'] : null;
  return typeof refused === 'string' ? refused : null;
}
