/** Owns the errors for a client's values: one sentence that names the argument, with the code BAD_USER_INPUT. */
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { JsonNumber } from '../base/json.ts';
import { type Entity, type SqlType } from '../model/model.ts';
import { normalizeValue, type SqlParam } from '../model/values.ts';

/** GraphQL arguments as a resolver receives them. */
export type Arguments = Readonly<Record<string, unknown>>;

/** Reads own properties only, so that an argument named `__proto__` or `constructor` is not found on the prototype. */
export function argument(args: Arguments, name: string): unknown {
  return Object.hasOwn(args, name) ? args[name] : undefined;
}

export function badInput(message: string, cause?: unknown): MeridianError {
  return new MeridianError({ code: 'BAD_USER_INPUT', message, ...(cause === undefined ? {} : { cause }) });
}

/** The value as a parameter of the type. Throws `BAD_USER_INPUT` that names `path`. */
export function inputParam(type: SqlType, value: unknown, path: string): SqlParam {
  const normalized = normalizeValue(type, value);
  if ('problem' in normalized) throw badInput(`"${path}" must be ${normalized.problem}.`);
  return normalized.value;
}

/** Messages truncate longer values. */
const SHOWN_LENGTH = 60;

/** Formats a value for a message: text is quoted and truncated; a list or an object is only named as such. */
function shownValue(value: unknown): string {
  if (value instanceof JsonNumber) return cut(value.text);
  if (typeof value === 'string') return JSON.stringify(cut(value));
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return cut(String(value));
  return Array.isArray(value) ? 'a list' : 'an object';
}

const cut = (text: string): string => (text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text);

export interface BadKey {
  /** The GraphQL type, and the field of its key. */
  readonly type: string;
  readonly field: string;
  readonly value: unknown;
  /** What to send instead. */
  readonly wanted: string;
  readonly cause?: unknown;
}

/** The error for a value of a key that is not a value of its column's type, so that no row can have it. */
export function badKey({ type, field, value, wanted, cause }: BadKey): MeridianError {
  return badInput(`The key "${field}" of ${type} cannot be ${shownValue(value)}; send ${wanted}.`, cause);
}

/** The path of the field that shows the column, as clients write it: `organization.id` for a nested key. */
export function keyField(entity: Entity, column: string): string {
  for (const [i, columns] of entity.federationKeys.entries()) {
    const path = entity.keyPaths[i]?.[columns.indexOf(column)];
    if (path !== undefined) return path;
  }
  return [...entity.fields].find(([, field]) => field.kind === 'column' && field.column === column)?.[0] ?? column;
}

/**
 * Whether the client's value caused the error. SQLSTATE class 22 (a label that the enum lacks, a value out of range)
 * says so, and so does 42601 for a type whose values have a syntax of their own. A read violates no table constraint,
 * so 23514 without a table is the constraint of a domain, violated by a value of the client.
 */
export function isDataException(error: unknown): error is MeridianError {
  if (!isMeridianError(error)) return false;
  const { sqlState: state, table, constraint } = error.details;
  if (error.code === 'CONSTRAINT_VIOLATION')
    return state === '23514' && table === null && typeof constraint === 'string';
  return error.code === 'BAD_USER_INPUT' && typeof state === 'string' && (state.startsWith('22') || state === '42601');
}

/**
 * Whether the database's encoding lacks a character of the text (`untranslatable_character`,
 * `character_not_in_repertoire`). This can happen with a value of any type.
 */
export function isUntranslatable({ details }: MeridianError): boolean {
  return details['sqlState'] === '22P05' || details['sqlState'] === '22021';
}
