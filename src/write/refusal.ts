/**
 * Owns how a statement refuses its transaction for reasons of Meridian's own, in the same round trip: by an error that
 * is known again.
 */
import { isMeridianError } from '../base/errors.ts';

/**
 * Under this name the database has no settings, so that asking for one fails and says which: no code need be installed
 * there.
 */
const CLASS = 'meridian_refuses';
/** The name alone: quotes and words around it are in the language of the server's messages. */
const RAISED = new RegExp(`\\b${CLASS}\\.([a-z0-9_]+)`);
const UNDEFINED_OBJECT = '42704';

/**
 * An SQL expression that fails when it is evaluated, and never before: what a setting holds is not known while a
 * statement is planned. `reason`: lower-case letters, digits and `_`.
 */
export function refusalSql(reason: string): string {
  return `pg_catalog.current_setting('${CLASS}.${reason}')`;
}

/** The reason in what the server said; null for errors of its own. */
export function raisedReason(sqlState: string, message: string): string | null {
  return sqlState === UNDEFINED_OBJECT ? (RAISED.exec(message)?.[1] ?? null) : null;
}

/** The reason that a transaction was refused for; null for any other error. */
export function refusalOf(error: unknown): string | null {
  const refused = isMeridianError(error, 'CONSTRAINT_VIOLATION') ? error.details['refused'] : null;
  return typeof refused === 'string' ? refused : null;
}
