/** Owns results of transactions as outcomes of a request. Values that JSON cannot represent unchanged are rejected. */
import { asciiJson } from '../../base/ascii-json.ts';
import { MeridianError } from '../../base/errors.ts';
import { parseWritten } from '../../base/json.ts';
import { type StoredOutcome } from './outcomes.ts';

/**
 * Stored as text, since jsonb cannot hold every text that JSON can and reorders keys; in ASCII, since the database's
 * encoding may lack some characters. Null stands for no result. Throws `CONFIG_INVALID`.
 */
export function encodeValue(value: unknown, step: string): StoredOutcome {
  if (value === undefined) return { kind: 'value', json: null };
  try {
    return { kind: 'value', json: asciiJson(value, plain) };
  } catch (cause) {
    const why = cause instanceof Unfit ? cause.message : 'it contains itself';
    throw new MeridianError({
      code: 'CONFIG_INVALID',
      message: `The result of the transaction ${step} cannot be kept for an idempotency key, since ${why}; nothing was written. Let it return values that JSON can hold, or nothing.`,
      cause,
    });
  }
}

export function decodeValue(outcome: StoredOutcome): unknown {
  const { json } = outcome;
  return typeof json === 'string' ? parseWritten(json) : undefined;
}

class Unfit extends Error {}

/**
 * A replacer that rejects values that JSON would change. JSON.stringify has already called `toJSON`, as for dates. It
 * would drop functions, turn NaN into null and a Map into {}, so that a retry would get a different value.
 */
function plain(this: unknown, name: string, value: unknown): unknown {
  const at = name === '' ? 'it' : JSON.stringify(name);
  if (typeof value === 'bigint') throw new Unfit(`${at} is a bigint`);
  if (typeof value === 'function' || typeof value === 'symbol') throw new Unfit(`${at} is a ${typeof value}`);
  if (typeof value === 'number' && !Number.isFinite(value)) throw new Unfit(`${at} is ${value}`);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null)
    throw new Unfit(`${at} is an object of class ${value.constructor.name}`);
  return value;
}
