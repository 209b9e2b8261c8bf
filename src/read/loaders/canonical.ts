/** Owns the canonical text of arguments and keys: equal content has equal text. */
import { JsonNumber } from '../../base/json.ts';

function stable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(stable);
  // Written as objects without `pairs`, which no other value produces. JSON would write infinity as null.
  if (typeof value === 'bigint') return { bigint: String(value) };
  if (typeof value === 'number' && !Number.isFinite(value)) return { number: String(value) };
  if (value instanceof JsonNumber) return { number: value.text };
  if (value instanceof Date) return value.toISOString();
  if (value === null || typeof value !== 'object') return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  // A list of pairs, since an object literal would lose a key named __proto__.
  return { pairs: entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([key, item]) => [key, stable(item)]) };
}

/** The text of an empty object: many fields have no arguments. */
const NO_PAIRS = JSON.stringify(stable({}));

/** The same text for the same content, independent of the order of an object's keys. */
export function canonicalText(value: unknown): string {
  if (isEmptyObject(value)) return NO_PAIRS;
  return JSON.stringify(stable(value)) ?? '';
}

function isEmptyObject(value: unknown): boolean {
  if (
    typeof value !== 'object' ||
    value === null ||
    Array.isArray(value) ||
    value instanceof JsonNumber ||
    value instanceof Date
  )
    return false;
  return Object.keys(value).length === 0;
}
