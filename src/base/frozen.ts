/** Owns immutable values, which several readers share. */

/** Freezes `value` and everything in it. */
export function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null) return value;
  for (const item of Array.isArray(value) ? (value as unknown[]) : Object.values(value)) frozen(item);
  return Object.freeze(value);
}
