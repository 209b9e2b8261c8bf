/** Owns how the client's values are refused: one clear sentence that names the argument, as BAD_USER_INPUT. */
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { JsonNumber } from '../base/json.ts';
import { type Entity, type SqlType } from '../model/model.ts';
import { normalizeValue, type SqlParam } from '../model/values.ts';

/** GraphQL arguments as a resolver receives them. */
export type Arguments = Readonly<Record<string, unknown>>;

/** Own properties only: an argument called `__proto__` or `constructor` that was not given must not be found. */
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

/** Longer values are cut off in messages. */
const SHOWN_LENGTH = 60;

/** A value as messages show it: text in quotes and cut off, of lists and objects only what they are. */
function shownValue(value: unknown): string {
  if (value instanceof JsonNumber) return cut(value.text);
  if (typeof value === 'string') return JSON.stringify(cut(value));
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return cut(String(value));
  return Array.isArray(value) ? 'a list' : 'an object';
}

const cut = (text: string): string => (text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text);

export interface BadKey {
  /** The GraphQL type whose key it is, and the field of that key. */
  readonly type: string;
  readonly field: string;
  readonly value: unknown;
  /** What to send instead. */
  readonly wanted: string;
  readonly cause?: unknown;
}

/** A value of a key that is none of its column's type: no row can have it. */
export function badKey({ type, field, value, wanted, cause }: BadKey): MeridianError {
  return badInput(`The key "${field}" of ${type} cannot be ${shownValue(value)}; send ${wanted}.`, cause);
}

/** The field that shows the column, as clients name it: `organization.id` within a key that nests. */
export function keyField(entity: Entity, column: string): string {
  for (const [i, columns] of entity.federationKeys.entries()) {
    const path = entity.keyPaths[i]?.[columns.indexOf(column)];
    if (path !== undefined) return path;
  }
  return [...entity.fields].find(([, field]) => field.kind === 'column' && field.column === column)?.[0] ?? column;
}

/**
 * SQLSTATE class 22: the data was at fault (a text that is no member of an enum, a value out of range); so it is with
 * 42601 of a type that has a syntax of its own. A read breaks no rule of a table: what it is told of by 23514, without
 * a table, is the rule of a domain, which a value of the client's breaks.
 */
export function isDataException(error: unknown): error is MeridianError {
  if (!isMeridianError(error)) return false;
  const { sqlState: state, table, constraint } = error.details;
  if (error.code === 'CONSTRAINT_VIOLATION')
    return state === '23514' && table === null && typeof constraint === 'string';
  return error.code === 'BAD_USER_INPUT' && typeof state === 'string' && (state.startsWith('22') || state === '42601');
}

/**
 * Whether a text was at fault whatever its type, since the database's encoding lacks a character:
 * `untranslatable_character`, `character_not_in_repertoire`.
 */
export function isUntranslatable({ details }: MeridianError): boolean {
  return details['sqlState'] === '22P05' || details['sqlState'] === '22021';
}
