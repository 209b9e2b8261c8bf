/**
 * Owns the rows of custom reads in the cache: the identity of their parameters, and the values that JSON preserves
 * exactly.
 */
import { frozen } from '../../base/frozen.ts';
import { isPlainNumber, JsonNumber, parseJson } from '../../base/json.ts';
import { type Codec } from '../../cache/reading.ts';
import { type Row } from '../../model/model.ts';

/**
 * The identity of a read's parameters as the driver sends them; null where it cannot be determined, as for objects with
 * their own serialization. Numbers and texts with the same spelling differ, although they may be equal for the
 * database.
 */
export function identityOf(values: readonly unknown[]): unknown {
  const identities = values.map(identityOfOne);
  return identities.includes(undefined) ? null : identities;
}

function identityOfOne(value: unknown): unknown {
  switch (typeof value) {
    case 'undefined':
      return null;
    case 'string':
    case 'boolean':
      return value;
    case 'number':
    case 'bigint':
      return { number: String(value) };
    case 'object':
      return value === null ? null : identityOfObject(value);
    default:
      return undefined;
  }
}

function identityOfObject(value: object): unknown {
  if (Array.isArray(value)) {
    const list = identityOf(value);
    return list === null ? undefined : { list };
  }
  if (value instanceof JsonNumber) return { number: value.text };
  if (value instanceof Date) return { time: value.getTime() };
  if (ArrayBuffer.isView(value))
    return { bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = (prototype === Object.prototype || prototype === null) && !('toPostgres' in value);
  return isPlain ? { json: JSON.stringify(value) } : undefined;
}

/**
 * Whether JSON preserves the rows: it cannot represent some numbers, and represents others in a way that reads back as
 * a different value.
 */
export function areExact(rows: readonly Row[]): boolean {
  return rows.every(isExact);
}

function isExact(value: unknown): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return isPlainNumber(value);
    case 'object':
      return value === null || (Array.isArray(value) ? value : Object.values(value)).every(isExact);
    default:
      return false;
  }
}

/** Throws `TypeError` for rows that are not exact. */
export const customRowsCodec: Codec<readonly Row[]> = {
  encode: (rows) => {
    if (!areExact(rows)) throw new TypeError('rows with a number that JSON cannot spell are not kept');
    return JSON.stringify(rows);
  },
  decode: (text) => frozen(parseJson(text) as readonly Row[]),
};
