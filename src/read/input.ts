/** Owns how the client's values are refused: one clear sentence that names the argument, as BAD_USER_INPUT. */
import { isMeridianError, MeridianError } from '../base/errors.ts';
import { type SqlType } from '../model/model.ts';
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

/**
 * SQLSTATE class 22: the data was at fault (a text that is no member of an enum, a value out of range); so it is with 42601 of a type that has a
 * syntax of its own. A read breaks no rule of a table: what it is
 * told of by 23514, without a table, is the rule of a domain, which a value of the client's breaks.
 */
export function isDataException(error: unknown): boolean {
  if (!isMeridianError(error)) return false;
  const { sqlState: state, table, constraint } = error.details;
  if (error.code === 'CONSTRAINT_VIOLATION') return state === '23514' && table === null && typeof constraint === 'string';
  return error.code === 'BAD_USER_INPUT' && typeof state === 'string' && (state.startsWith('22') || state === '42601');
}
