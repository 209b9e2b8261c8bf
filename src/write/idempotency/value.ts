/**
 * Owns results of transactions as outcomes of a request: what JSON can hold, and nothing that it would change without a
 * word.
 */
import { asciiJson } from '../../base/ascii-json.ts';
import { MeridianError } from '../../base/errors.ts';
import { parseWritten } from '../../base/json.ts';
import { type StoredOutcome } from './outcomes.ts';

/**
 * As text, since jsonb cannot hold every text that JSON can, and orders keys anew; in ASCII, since the database's
 * encoding may lack some. Null stands for no result at all. Throws `CONFIG_INVALID`.
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
 * JSON has asked `toJSON` before, as dates have it. It drops functions, turns NaN into null and a Map into {}: whoever
 * retries would be given something else than a Map.
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
